"""What a cliff costs: a price that jumps at a threshold, held against the line between the same points.

Under a table of steps a hair's breadth of the estimate decides over millions. The graduated table pays the same amounts at the
same thresholds and rises evenly between them, from nothing where it begins. Both are piecewise linear, so that with an
estimate that is normal around the true gain their means and spreads have a closed form: the moments of a truncated normal
distribution, piece by piece. Limits, gates, escalators and rounding are left aside: it is the two tables that are compared.

The Peterborough bond paid nothing below a reduction of 10% in a cohort, which measured 8.4%; a line from nothing at 0 to the
same amount at 10% would have paid 84% of it. A graduated table has a price of its own: it pays for lucky draws of a programme
without any effect, because the unlucky ones are not collected, and the nearer to zero it begins the more.

Sources: Johnson, Kotz and Balakrishnan (1994), *Continuous univariate distributions* 1, section 13.10.1, for the moments;
Jolliffe and Hedderman (2014), *Peterborough Social Impact Bond: final report on cohort 1 analysis*, for the 8.4%.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise

import pandas as pd
from scipy.special import ndtr

from counterfoil.attribution.money.amounts import PRECISION, add, multiply
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.payment.curve import Curve
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.payment.step_table import StepTable
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.errors import refusal


@dataclass(frozen=True, slots=True)
class Knot:
    """Where a piece of a price begins: what is due there, and what each unit beyond adds."""

    value: Decimal
    amount: Decimal
    per_unit: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Cliff:
    """A price with jumps and its graduated counterpart, at one true gain.

    Parameters
    ----------
    true_gain, std_error : float
        Of the gain, oriented so that higher is better, in the unit of the thresholds.
    expected, graduated : float
        Mean payment under the contract's table, and under the graduated one.
    std_dev, graduated_std_dev : float
        Their standard deviations from draw to draw of the estimate.
    near : float
        Chance that the estimate lies within the stated distance of a threshold at which the amount jumps.
    within : float
        That distance.
    """

    true_gain: float
    std_error: float
    expected: float
    graduated: float
    std_dev: float
    graduated_std_dev: float
    near: float
    within: float

    @property
    def cost(self) -> float:
        """What the cliff takes off the mean payment; negative where it adds to it."""
        return self.graduated - self.expected

    @property
    def added_spread(self) -> float:
        """What the cliff adds to the standard deviation of the payment."""
        return self.std_dev - self.graduated_std_dev


def knots_of(clause: Price, people: int | None = None) -> tuple[Knot, ...]:
    """Return a price of one value as pieces of a line, with its jumps, less its discount.

    Parameters
    ----------
    clause : Price
        A table of steps, a curve, a unit price from a minimum on, or an amount once a value is reached.
    people : int, optional
        Over whom a gain per person is paid.

    Raises
    ------
    PaymentError
        PAY-018 for a price that has no thresholds.

    Examples
    --------
    >>> bonus = Bonus(bonus="5000000.00", only_if={"effect": "fall", "at_least": "10"})
    >>> [(str(knot.value), str(knot.amount)) for knot in knots_of(bonus)]
    [('10', '5000000.00')]
    """
    kept = add([Decimal(1), -clause.discount])
    return tuple(
        Knot(knot.value, multiply(knot.amount, kept), multiply(knot.per_unit, kept)) for knot in _gross(clause, people)
    )


def _gross(clause: Price, people: int | None) -> tuple[Knot, ...]:
    match clause:
        case StepTable():
            return tuple(
                Knot(s.start, s.pays if s.pays is not None else multiply(s.rate or Decimal(0), clause.of or Decimal(0)))
                for s in clause.steps
            )
        case Curve():
            return tuple(Knot(piece.start, piece.amount, piece.per_unit) for piece in clause.curve)
        case Bonus() if clause.quantity is None:
            condition = clause.only_if
            minimum = condition.at_least if condition.at_least is not None else condition.above
            if minimum is not None and condition.at_most is None and condition.below is None:
                return (Knot(minimum, clause.bonus),)
        case UnitPrice(at_least=Decimal() as start, price=Decimal() as price) if not clause.bands:
            each = multiply(price, people or 0) if clause.per == "person" else price
            return (Knot(start, Decimal(0) if clause.pays == "excess" else multiply(each, start), each),)
    raise refusal("PAY-018", "the price has no steps, pieces or minimum of one value", clause.name or clause.priced())


def graduate(knots: Sequence[Knot], begins: Decimal = Decimal(0)) -> tuple[Knot, ...]:
    """Return the line that pays the same amounts at the same points, rises evenly between them, and has no jumps.

    Parameters
    ----------
    knots : sequence of Knot
        Lowest first.
    begins : Decimal
        Where the line leaves zero; below it nothing is due.

    Raises
    ------
    PaymentError
        PAY-018 when it begins at or above the first point, where there is a jump.

    Examples
    --------
    >>> line = graduate([Knot(Decimal(10), Decimal(5_000_000))])
    >>> str(paid_at(line, Decimal("8.4")))
    '4200000.0'
    """
    first = knots[0]
    points = list(knots)
    if first.amount:
        if begins >= first.value:
            what = f"graduated payment would begin at {begins}, and the first threshold is {first.value}"
            raise refusal("PAY-018", what)
        points = [Knot(begins, Decimal(0)), *points]
    with localcontext(prec=PRECISION):
        rising = [
            Knot(here.value, here.amount, (after.amount - here.amount) / (after.value - here.value))
            for here, after in pairwise(points)
        ]
    return (*rising, points[-1])


def paid_at(knots: Sequence[Knot], value: Decimal) -> Decimal:
    """Return what a line pays at a value: nothing below its first point."""
    under = [knot for knot in knots if value >= knot.value]
    if not under:
        return Decimal(0)
    return add([under[-1].amount, multiply(under[-1].per_unit, add([value, -under[-1].value]))])


def jumps(knots: Sequence[Knot]) -> tuple[Decimal, ...]:
    """Return the values at which a line jumps."""
    found = []
    for number, knot in enumerate(knots):
        before = knots[number - 1] if number else Knot(knot.value, Decimal(0))
        reached = add([before.amount, multiply(before.per_unit, add([knot.value, -before.value]))])
        if reached != knot.amount:
            found.append(knot.value)
    return tuple(found)


def moments_of(knots: Sequence[Knot], true_gain: float, std_error: float) -> tuple[float, float]:
    """Return mean and standard deviation of what a line pays for an estimate that is normal around the true gain.

    Examples
    --------
    >>> mean, spread = moments_of([Knot(Decimal(10), Decimal(1000))], 10.0, 2.0)
    >>> round(mean, 6), round(spread, 6)
    (500.0, 500.0)
    """
    mean = square = 0.0
    ends = [float(knot.value) for knot in knots[1:]] + [math.inf]
    for knot, end in zip(knots, ends, strict=True):
        low, high = (float(knot.value) - true_gain) / std_error, (end - true_gain) / std_error
        chance = float(ndtr(high) - ndtr(low)) if low < 0 else float(ndtr(-low) - ndtr(-high))
        at_low, at_high = _density(low), _density(high)
        first = at_low - at_high
        second = chance + low * at_low - (high * at_high if math.isfinite(high) else 0.0)
        # On this piece the payment is centre + slope · z, with z the standardized estimate.
        slope = float(knot.per_unit) * std_error
        centre = float(knot.amount) + float(knot.per_unit) * (true_gain - float(knot.value))
        mean += centre * chance + slope * first
        square += centre**2 * chance + 2 * centre * slope * first + slope**2 * second
    return mean, math.sqrt(max(square - mean**2, 0.0))


def _density(value: float) -> float:
    return math.exp(-0.5 * value * value) / math.sqrt(2 * math.pi)


def cliff_cost(
    clause: Price | Sequence[Knot],
    true_gain: float,
    std_error: float,
    *,
    within: float | None = None,
    begins: Decimal = Decimal(0),
    people: int | None = None,
) -> Cliff:
    """Hold a price with jumps against the graduated table of the same points, at a stated true gain.

    Parameters
    ----------
    clause : Price or sequence of Knot
    true_gain, std_error : float
        In the unit of the thresholds, oriented so that higher is better.
    within : float, optional
        Distance from a threshold that counts as near it; one standard error when omitted.
    begins : Decimal
        Where the graduated table leaves zero.
    people : int, optional
        Over whom a gain per person is paid.

    Raises
    ------
    PaymentError
        PAY-016 without a positive standard error, PAY-018 for a price without thresholds, or one that begins above them.

    Examples
    --------
    >>> bonus = Bonus(bonus="5000000.00", only_if={"effect": "fall", "at_least": "10"})
    >>> found = cliff_cost(bonus, 8.4, 3.0, within=1.0)
    >>> round(found.expected), round(found.graduated), round(found.near, 2)
    (1484507, 3919582, 0.23)
    """
    if not (std_error > 0 and math.isfinite(std_error)):
        raise refusal("PAY-016", "the standard error is not a positive number, so there is nothing to draw")
    knots = knots_of(clause, people) if isinstance(clause, Price) else tuple(clause)
    line = graduate(knots, begins)
    near = std_error if within is None else within
    expected, spread = moments_of(knots, true_gain, std_error)
    smooth, smooth_spread = moments_of(line, true_gain, std_error)
    chance = _near(jumps(knots), near, true_gain, std_error)
    return Cliff(true_gain + 0.0, std_error, expected, smooth, spread, smooth_spread, chance, near)


def _near(points: Sequence[Decimal], within: float, true_gain: float, std_error: float) -> float:
    """Return the chance of an estimate within a distance of any of some points, each stretch counted once."""
    chance, covered = 0.0, -math.inf
    for point in points:
        low, high = max(float(point) - within, covered), float(point) + within
        chance += float(ndtr((high - true_gain) / std_error) - ndtr((low - true_gain) / std_error))
        covered = high
    return chance


def tidy_cliffs(found: Sequence[Cliff]) -> pd.DataFrame:
    """Return cliffs as a table, one row a true gain; money in major units."""
    names = ["true_gain", "std_error", "expected", "graduated", "cost"]
    names += ["std_dev", "graduated_std_dev", "added_spread", "near", "within"]
    return pd.DataFrame([[getattr(one, name) for name in names] for one in found], columns=names)
