"""What clauses hand to each other: priced effects in, pots on the way, and a step for everything that changed one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal


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
    """

    quantity: Decimal
    basis: str
    gate_passes: bool
    credits: Mapping[str, Decimal] | None = None
    covariance: Sequence[Sequence[float]] | None = None
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a pot: which pot, which clause acted, what it did, what remained, and why."""

    pot: str
    clause: str
    effect: str
    action: str
    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Pot:
    """What a clause makes due, before it is divided."""

    clause: str
    effect: str
    quantity: Decimal
    price: Decimal
    amount: Decimal
    to: str | None
    payer: str | None
    steps: tuple[Step, ...]
