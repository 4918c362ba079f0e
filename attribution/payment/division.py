"""How the price of a count is divided among parties: equally, in agreed parts, by dose, or by estimated contribution.

Verified counts say that something happened and not who brought it about. The parts are agreed (`equally`, `fractions`),
follow another count by provider (`by_quantity`, such as hours), or are the credits of an effect (`credits_from`): then the
count fixes the pot and a causal model divides it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import PRECISION, Amount, add, largest_remainder
from counterfoil.attribution.money.words import Words
from counterfoil.errors import refusal


class Division(BaseModel):
    """Who receives which part of a clause's amount."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"fractions": {"north": "0.70", "south": "0.30"}, "carve_outs": {"hub": "0.10"}},
                {"by_quantity": "hours"},
                {"equally": ["north", "south"]},
            ]
        },
    )

    equally: tuple[str, ...] = Field((), description="Parties that receive equal parts.")
    fractions: dict[str, Amount] = Field(
        default_factory=dict, description="Party to its agreed fraction; they sum to one."
    )
    by_quantity: str | None = Field(
        None, description="A quantity with a count for each provider, which divides the amount."
    )
    credits_from: str | None = Field(
        None, description="An effect whose credits divide the amount, by its split's rule."
    )
    carve_outs: dict[str, Amount] = Field(
        default_factory=dict, description="Party to the fraction it receives first, such as a backbone."
    )
    minimum: dict[str, Amount] = Field(
        default_factory=dict,
        description="Party to the fraction of what is divided that it receives at least; the others give way in proportion.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Division":
        ways = ("equally", "fractions", "by_quantity", "credits_from")
        if sum(bool(getattr(self, way)) for way in ways) != 1:
            raise ValueError("a division is exactly one of equally, fractions, by_quantity and credits_from")
        if len(set(self.equally)) != len(self.equally):
            raise ValueError("a party is named twice under `equally`")
        if self.fractions and add(self.fractions.values()) != 1:
            raise ValueError(f"the fractions sum to {add(self.fractions.values())} and not to 1")
        given = [*self.fractions.values(), *self.carve_outs.values(), *self.minimum.values()]
        if any(fraction < 0 for fraction in given):
            raise ValueError("a fraction is negative")
        if add(self.carve_outs.values()) > 1:
            raise ValueError("the carve-outs exceed the whole")
        if add(self.minimum.values()) > 1:
            raise ValueError("the minimum fractions exceed the whole")
        return self

    def parties(self) -> tuple[str, ...]:
        """Return the parties that the terms name."""
        return tuple(dict.fromkeys([*self.carve_outs, *self.equally, *self.fractions, *self.minimum]))

    def sentence(self, words: Words) -> str:
        """Say how the amount is divided."""
        first = [f"{words.percent(part)} goes to {words.party(name)}" for name, part in self.carve_outs.items()]
        what = "the rest is" if first else "it is"
        if self.equally:
            how = f"{what} divided equally among {words.listed(map(words.party, self.equally))}"
        elif self.fractions:
            parts = [f"{words.percent(part)} to {words.party(name)}" for name, part in self.fractions.items()]
            how = f"{what} divided {words.listed(parts)}"
        elif self.by_quantity is not None:
            how = f"{what} divided in proportion to each provider's {self.by_quantity}"
        else:
            how = f"{what} divided by the credits of {self.credits_from}"
        least = [f"{words.party(name)} receives at least {words.percent(part)}" for name, part in self.minimum.items()]
        return "; ".join([*first, how, *least])


def parts_by_weight(
    amount: Decimal, terms: Division, weights: Mapping[str, Decimal], unit: Decimal, where: str
) -> dict[str, tuple[Decimal, str]]:
    """Divide an amount: carve-outs first, then weights, lifted to the minimum; the parts sum to it.

    Parameters
    ----------
    amount : Decimal
        A multiple of ``unit``, not negative.
    terms : Division
    weights : mapping of str to Decimal
        Of the parties that share what is left; not negative.
    unit : Decimal
    where : str
        What is divided, for refusals.

    Returns
    -------
    dict
        Party to its amount and the reason for it.

    Raises
    ------
    PaymentError
        PAY-001 when no weight is positive.

    Examples
    --------
    >>> terms = Division(equally=("north", "south"), carve_outs={"hub": Decimal("0.1")})
    >>> found = parts_by_weight(Decimal("10.01"), terms, {"north": Decimal(1), "south": Decimal(1)}, Decimal("0.01"), "")
    >>> {party: str(part) for party, (part, why) in found.items()}
    {'hub': '1.00', 'north': '4.51', 'south': '4.50'}
    """
    words = Words("")
    with localcontext(prec=PRECISION):
        rest = 1 - add(terms.carve_outs.values())
        whole = add(weights.values())
        if whole <= 0:
            raise refusal("PAY-001", "no part of the division is positive, so the amount cannot be divided", where)
        shares = lifted({name: weight / whole for name, weight in weights.items()}, terms.minimum)
    *carved, left = largest_remainder(amount, [*terms.carve_outs.values(), rest], unit)
    found = {
        name: (part, f"agreed carve-out of {words.percent(fraction)} of {amount:,}")
        for (name, fraction), part in zip(terms.carve_outs.items(), carved, strict=True)
    }
    parts: Sequence[Decimal] = largest_remainder(left, list(shares.values()), unit)
    for (name, share), part in zip(shares.items(), parts, strict=True):
        before, why = found.get(name, (Decimal(0), ""))
        raised = " (its agreed minimum)" if name in terms.minimum and share == terms.minimum[name] else ""
        reason = f"{float(share):.2%} of {left:,}{raised}"
        found[name] = (add([before, part]), f"{why}; {reason}" if why else reason)
    return found


def lifted(shares: Mapping[str, Decimal], minimum: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Raise shares to their minimum and lower the others in proportion, until all hold; they sum to one.

    Examples
    --------
    >>> lifted({"a": Decimal("0.9"), "b": Decimal("0.1")}, {"b": Decimal("0.25")})
    {'a': Decimal('0.75'), 'b': Decimal('0.25')}
    """
    fixed: dict[str, Decimal] = {}
    everybody = dict.fromkeys([*shares, *minimum])
    with localcontext(prec=PRECISION):
        while True:
            free = {name: shares.get(name, Decimal(0)) for name in everybody if name not in fixed}
            room, whole = 1 - add(fixed.values()), add(free.values())
            found = {name: share * room / whole if whole else Decimal(0) for name, share in free.items()}
            low = {name: minimum[name] for name, share in found.items() if share < minimum.get(name, Decimal(0))}
            if not low:
                return {name: fixed.get(name, found.get(name, Decimal(0))) for name in everybody}
            fixed |= low
