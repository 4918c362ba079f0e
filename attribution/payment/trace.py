"""What clauses hand to each other: priced effects in, pots on the way, and a step for everything that changed one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from counterfoil.attribution.money.amounts import PRECISION


@dataclass(frozen=True, slots=True)
class Priced:
    """An effect as a payment clause sees it.

    Parameters
    ----------
    quantity : Decimal
        Gain over everybody it counts for, oriented so that higher is better.
    basis : str
        How the quantity came about, in words.
    gate_passes : bool
        True where there is no gate.
    credits : mapping of str to Decimal, or None
        Gain per person that each provider is credited with; None for an effect without a split.
    covariance : sequence of sequences of float, or None
        Of the credits, in their order; needed where they are projected by precision.
    groups : mapping of str to tuple of str
        The providers behind each credit that is several providers' together.
    gain : Decimal or None
        The gain per person, or as published; the quantity where it is not given.
    people : int or None
        How many people it counts for, where that is known.
    period : str
        The settlement period in which it became known.
    """

    quantity: Decimal
    basis: str
    gate_passes: bool
    credits: Mapping[str, Decimal] | None = None
    covariance: Sequence[Sequence[float]] | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    gain: Decimal | None = None
    people: int | None = None
    period: str = ""

    @property
    def level(self) -> Decimal:
        """The gain as tables, curves and conditions see it: per person, or as published."""
        return self.quantity if self.gain is None else self.gain


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a pot: which pot, which clause acted, what it did, what remained, and why."""

    pot: str
    clause: str
    effect: str
    action: str
    amount: Decimal
    reason: str
    period: str = ""


@dataclass(frozen=True, slots=True)
class Pot:
    """What a clause makes due, before it is divided.

    Parameters
    ----------
    clause, effect : str
        Where the clause stands in the contract, and the effect or quantity that it prices.
    quantity, price, amount : Decimal
    to, payer : str or None
        Who receives it where it is not divided, and who pays it.
    steps : tuple of Step
    name : str
        What the contract calls the clause.
    period, group, rung : str
        Where the quantity belongs.
    source : str
        Where the price stands that says how the pot is divided; the pot's own clause where it is empty.
    by_person : mapping of int to Decimal, or None
        The amount for each person, where the contract limits it and the records are there.
    payers : str
        Where the clause stands that said who pays it; empty where none did.
    base : int or None
        Place among the pots of the payment that this one adds to; None where it adds to none.
    """

    clause: str
    effect: str
    quantity: Decimal
    price: Decimal
    amount: Decimal
    to: str | None
    payer: str | None
    steps: tuple[Step, ...]
    name: str = ""
    period: str = ""
    group: str = ""
    rung: str = ""
    source: str = ""
    by_person: Mapping[int, Decimal] | None = field(default=None, compare=False)
    payers: str = ""
    base: int | None = None

    def changed(self, amount: Decimal, clause: str, action: str, reason: str) -> "Pot":
        """Return the pot with another amount and the step that made it so."""
        step = Step(self.clause, clause, self.effect, action, amount, reason, self.period)
        return self._with(amount, self.by_person, (*self.steps, step))

    def part(self, amount: Decimal) -> "Pot":
        """Return the pot with a part of its amount, each person's in the same proportion."""
        people = self.by_person
        if people is not None and self.amount:
            with localcontext(prec=PRECISION):
                factor = amount / self.amount
                people = {who: value * factor for who, value in people.items()}
        return self._with(amount, people, self.steps)

    def _with(self, amount: Decimal, by_person: Mapping[int, Decimal] | None, steps: tuple[Step, ...]) -> "Pot":
        # Written out, because draws settle a contract a thousand times and `replace` would take a third of that.
        return Pot(
            self.clause, self.effect, self.quantity, self.price, amount, self.to, self.payer, steps, self.name,
            self.period, self.group, self.rung, self.source, by_person, self.payers, self.base,
        )  # fmt: skip
