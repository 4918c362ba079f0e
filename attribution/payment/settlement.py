"""From priced effects to a ledger: one line per party and clause, which sum to what is due, to the cent.

Order of application: price and gate, rounding of each pot, caps in the order written, carve-outs, projection of credits,
providers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from counterfoil.attribution.payment.cap import Cap, apply_cap
from counterfoil.attribution.payment.currency import smallest_unit
from counterfoil.attribution.payment.money import Rounding, add, round_money
from counterfoil.attribution.payment.split import Divided, Split, divide
from counterfoil.attribution.payment.trace import Pot, Priced, Step
from counterfoil.attribution.payment.unit_price import UnitPrice, price_effect
from counterfoil.attribution.rules import is_efficient
from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal

Clause = UnitPrice | Cap


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the ledger: who pays whom how much, under which clause, and why."""

    clause: str
    effect: str
    payer: str
    provider: str
    quantity: Decimal
    price: Decimal
    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is due.

    Parameters
    ----------
    currency : str
        ISO 4217 code.
    lines : tuple of Line
        One per party and clause; they sum to the total.
    steps : tuple of Step
        How each pot came about: price, gate, rounding, caps, and what was done to the credits that divide it.
    """

    currency: str
    lines: tuple[Line, ...]
    steps: tuple[Step, ...]

    @property
    def total(self) -> Decimal:
        """Everything that is due."""
        return add([Decimal(0) * smallest_unit(self.currency), *(line.amount for line in self.lines)])

    def by_party(self) -> dict[str, Decimal]:
        """Return what each party receives, in the order of the ledger."""
        received: dict[str, Decimal] = {}
        for line in self.lines:
            received[line.provider] = add([received.get(line.provider, Decimal(0)), line.amount])
        return received

    def tidy(self) -> pd.DataFrame:
        """Return the ledger, one row a line.

        Returns
        -------
        DataFrame
            Columns provider, outcome (the effect), term (the clause), quantity, price, payment, currency;
            quantities and money are Decimal.
        """
        return pd.DataFrame(
            {
                "provider": [line.provider for line in self.lines],
                "outcome": [line.effect for line in self.lines],
                "term": [line.clause for line in self.lines],
                "quantity": [line.quantity for line in self.lines],
                "price": [line.price for line in self.lines],
                "payment": [line.amount for line in self.lines],
                "currency": self.currency,
            }
        )

    def __repr__(self) -> str:
        table = self.tidy()[["provider", "outcome", "term", "payment"]].astype(str)
        return f"{table.to_string(index=False)}\ntotal {self.total:,} {self.currency}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy().astype(str), f"Ledger: {self.total:,} {self.currency}")


def settle(
    clauses: Sequence[Clause],
    effects: Mapping[str, Priced],
    splits: Mapping[str, Split],
    *,
    currency: str,
    payer: str,
    rounding: Rounding = "half_up",
) -> Settlement:
    """Apply payment clauses to priced effects.

    Parameters
    ----------
    clauses : sequence
        In contract order.
    effects : mapping
        Effect to its exact quantity of gain, gate and credits.
    splits : mapping
        Effect to its split; an effect without one is paid to the clause's ``to``.
    currency : str
        ISO 4217 code.
    payer : str
        Who pays, where a clause does not say.
    rounding : str
        Of each pot to the smallest unit.

    Raises
    ------
    PaymentError
        PAY-001 or PAY-004 when a pot that is due cannot be divided, PAY-002 when a split names a rule whose credits do
        not sum to the gain, PAY-006 when credits without a covariance should be projected by precision.

    Examples
    --------
    >>> half = {"north": Decimal("0.03"), "south": Decimal("0.03")}
    >>> due = settle(
    ...     [UnitPrice(effect="jobs", per="person", price=Decimal("1.01"))],
    ...     {"jobs": Priced(Decimal("3.00"), "0.06 x 50 people", True, half)},
    ...     {"jobs": Split(rule="shapley")}, currency="USD", payer="county",
    ... )
    >>> {party: str(amount) for party, amount in due.by_party().items()}
    {'north': '1.52', 'south': '1.51'}
    """
    for name, split in splits.items():
        if not is_efficient(split.rule):
            raise refusal("PAY-002", f"the credits of rule '{split.rule}' do not sum to the gain", name)
    unit = smallest_unit(currency)
    pots: tuple[Pot, ...] = ()
    for number, clause in enumerate(clauses):
        if isinstance(clause, UnitPrice):
            pot = price_effect(clause, f"payments[{number}]", effects[clause.effect])
            pots = (*pots, _rounded(pot, unit, rounding))
    for number, clause in enumerate(clauses):
        if isinstance(clause, Cap):
            pots = apply_cap(clause, f"payments[{number}]", pots, unit)
    lines: list[Line] = []
    steps: list[Step] = []
    for pot in pots:
        divided = _divide(pot, effects[pot.effect], splits.get(pot.effect), unit)
        lines += [
            Line(pot.clause, pot.effect, pot.payer or payer, party, pot.quantity, pot.price, amount, reason)
            for party, (amount, reason) in divided.parts.items()
        ]
        steps += [*pot.steps, *divided.steps]
    return Settlement(currency, tuple(lines), tuple(steps))


def _rounded(pot: Pot, unit: Decimal, rounding: Rounding) -> Pot:
    amount = round_money(pot.amount, unit, rounding)
    step = Step(pot.clause, pot.clause, pot.effect, "round", amount, f"rounded {rounding} to {unit}")
    return Pot(pot.clause, pot.effect, pot.quantity, pot.price, amount, pot.to, pot.payer, (*pot.steps, step))


def _divide(pot: Pot, effect: Priced, split: Split | None, unit: Decimal) -> Divided:
    if split is None:
        if pot.to is None:
            raise refusal("CONTRACT-015", "the clause names nobody who receives it", pot.clause)
        return Divided({pot.to: (pot.amount, "the whole pot")})
    if pot.amount == 0:
        credited = [party for credit in effect.credits or {} for party in effect.groups.get(credit, (credit,))]
        parties = [*split.carve_outs, *credited]
        return Divided(dict.fromkeys(parties, (pot.amount, "nothing is due")))
    return divide(pot, split, effect, unit)
