"""Where a price bends or jumps: its steps, pieces, bands, ends and minimum, as values of the gain or quantity that it prices."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Literal

from counterfoil.attribution.money.amounts import PRECISION
from counterfoil.attribution.payment.condition import BOUNDS, Condition, shown
from counterfoil.attribution.payment.curve import Curve
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.payment.sliding_scale import SlidingScale
from counterfoil.attribution.payment.step_table import StepTable
from counterfoil.attribution.payment.unit_price import UnitPrice

Kind = Literal["step", "piece", "scale", "minimum", "band", "condition", "gate"]


@dataclass(frozen=True, slots=True)
class Threshold:
    """A value at which what is due changes its course.

    Parameters
    ----------
    value : Decimal
        In the unit of the gain (per person, or as published) or of the quantity.
    inclusive : bool
        Whether exactly this value has reached it.
    kind : str
        What begins or ends there.
    """

    value: Decimal
    inclusive: bool
    kind: Kind

    def reached(self, value: Decimal) -> bool:
        """Tell whether a value has reached it."""
        return value > self.value or (self.inclusive and value == self.value)


def thresholds(clause: Price, people: int | None = None) -> tuple[Threshold, ...]:
    """Return where a price changes its course, lowest first; none for a price that is the same for every unit.

    Parameters
    ----------
    clause : Price
    people : int, optional
        Over whom a gain per person is paid: the bands of such a price are volumes over all of them.

    Examples
    --------
    >>> table = StepTable(effect="fall", steps=({"from": "8.5", "pays": "4800000"}, {"from": "10", "pays": "9600000"}))
    >>> [str(found.value) for found in thresholds(table)]
    ['8.5', '10']
    """
    match clause:
        case StepTable():
            inclusive = clause.reached == "at_least"
            return tuple(Threshold(step.start, inclusive, "step") for step in clause.steps)
        case Curve():
            return tuple(Threshold(piece.start, True, "piece") for piece in clause.curve)
        case SlidingScale():
            ends = clause.sliding
            return Threshold(ends.lower, False, "scale"), Threshold(ends.upper, True, "scale")
        case UnitPrice():
            return tuple(sorted(_of_units(clause, people), key=lambda found: found.value))
    return ()


def _of_units(clause: UnitPrice, people: int | None) -> Iterator[Threshold]:
    if clause.at_least is not None:
        yield Threshold(clause.at_least, True, "minimum")
    each = people if clause.per == "person" else 1
    if not each:
        return
    # The bands of an effect count what is paid for; those of a quantity count all of it.
    paid_beyond = clause.at_least if clause.effect is not None and clause.pays == "excess" else None
    for band in clause.bands:
        with localcontext(prec=PRECISION):
            yield Threshold(band.beyond / each + (paid_beyond or Decimal(0)), False, "band")


def tier_names(found: tuple[Threshold, ...]) -> tuple[str, ...]:
    """Return how the stretches between thresholds are called, lowest first: one more than there are thresholds.

    Examples
    --------
    >>> tier_names((Threshold(Decimal("8.5"), True, "step"), Threshold(Decimal("10"), True, "step")))
    ('below 8.5', 'from 8.5', 'from 10')
    """
    if not found:
        return ()
    first = found[0]
    lowest = f"{'below' if first.inclusive else 'up to'} {shown(first.value)}"
    return lowest, *(f"{'from' if one.inclusive else 'beyond'} {shown(one.value)}" for one in found)


def tier_of(found: tuple[Threshold, ...], value: Decimal) -> int:
    """Return the place of the stretch that a value is on, 0 below the first threshold."""
    return sum(one.reached(value) for one in found)


def leaves(condition: Condition) -> Iterator[Condition]:
    """Yield the single conditions that a condition is made of, in order; itself where it is a single one."""
    parts = (*condition.any, *condition.all)
    if not parts:
        yield condition
    for part in parts:
        yield from leaves(part)


def bounds_of(leaf: Condition) -> tuple[Threshold, ...]:
    """Return the values at which a single condition comes to hold, or ceases to; none for a gate.

    Examples
    --------
    >>> [str(found.value) for found in bounds_of(Condition(effect="fall", at_least="7.5", below="40"))]
    ['7.5', '40']
    """
    given = [(name, getattr(leaf, name)) for name in BOUNDS]
    return tuple(
        sorted(
            # At `above` and `at_most` the value itself still belongs to what lies below it.
            (
                Threshold(value, name in ("at_least", "below"), "condition")
                for name, value in given
                if value is not None
            ),
            key=lambda found: found.value,
        )
    )
