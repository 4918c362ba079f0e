"""Internal rate of return, and the largest payment that a limit on it allows.

The net present value of dated flows a_i at a yearly rate r is Σ a_i·(1 + r)^(−d_i/365), with d_i days after the first flow
(actual/365, compound). The internal rate of return makes it zero. It need not exist, and flows that change sign more than
once can have several (J. Lorie and L. Savage, Three Problems in Rationing Capital, Journal of Business 28, 1955); either
way there is no rate to state. The zeros are counted, not guessed (see ``roots``). Decimals carry 60 digits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal, localcontext
from typing import Final

from counterfoil.attribution.capital.roots import positive_roots
from counterfoil.attribution.money.amounts import PRECISION
from counterfoil.errors import refusal

YEAR: Final = 365
DIGITS: Final = 20
"""Significant digits of a rate of return."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Money on a date: negative when it is put up, positive when it comes back."""

    date: date
    amount: Decimal


def growth(rate: Decimal, days: int) -> Decimal:
    """Return what one unit of money grows to: (1 + rate)^(days/365), to 60 digits.

    Examples
    --------
    >>> growth(Decimal("0.05"), 730)
    Decimal('1.1025')
    """
    with localcontext(prec=PRECISION):
        years = Decimal(days) / YEAR
        return (1 + rate) ** (int(years) if years == int(years) else years)


def npv(flows: Sequence[Flow], rate: Decimal) -> Decimal:
    """Return the net present value of flows, on the day of the first, in the currency's major unit.

    Parameters
    ----------
    flows : sequence of Flow
        In any order.
    rate : Decimal
        Yearly rate, above -1.

    Raises
    ------
    PaymentError
        PAY-014 for a rate of -1 or less.

    Examples
    --------
    >>> invested = [Flow(date(2013, 1, 1), Decimal(-100)), Flow(date(2014, 1, 1), Decimal(110))]
    >>> npv(invested, Decimal("0.10"))
    Decimal('0')
    """
    if rate <= -1:
        raise refusal("PAY-014", "a yearly rate of -100% or less discounts nothing")
    first = min((flow.date for flow in flows), default=None)
    with localcontext(prec=PRECISION) as context:
        values = [flow.amount / growth(rate, (flow.date - first).days) for flow in flows if first is not None]
        # The last digits of a sum of rounded quotients are noise: zero should come out as zero.
        largest = max((abs(value) for value in values), default=Decimal(0))
        total = sum(values, Decimal(0))
        return Decimal(0) if abs(total) <= largest.scaleb(5 - context.prec) else total


def irr(flows: Sequence[Flow]) -> Decimal:
    """Return the yearly rate at which the net present value of flows is zero, to 20 significant digits.

    Parameters
    ----------
    flows : sequence of Flow
        In any order; those of one day are added up.

    Raises
    ------
    PaymentError
        PAY-014 when no rate or more than one does so, as when nothing comes back.

    Examples
    --------
    >>> irr([Flow(date(2013, 1, 1), Decimal(-100)), Flow(date(2014, 1, 1), Decimal(110))])
    Decimal('0.1')
    """
    days, amounts = _by_day(flows)
    if not (any(amount > 0 for amount in amounts) and any(amount < 0 for amount in amounts)):
        raise refusal("PAY-014", "money flows one way only, so no rate makes it even")
    times = [day / YEAR for day in days]
    floats = [float(amount) for amount in amounts]
    total = sum(amounts, Decimal(0))
    above = positive_roots(times, floats, total == 0)
    below = positive_roots([times[-1] - time for time in reversed(times)], floats[::-1], total == 0)
    found = len(above) + len(below) + (total == 0)
    if found != 1:
        what = (
            "no rate makes the discounted flows even" if not found else f"{found} rates make the discounted flows even"
        )
        raise refusal("PAY-014", what)
    if total == 0:
        return Decimal(0)
    start = above[0] if above else -below[0]
    return _polish(days, amounts, start)


def largest_payment_within_irr(flows_so_far: Sequence[Flow], on: date, limit: Decimal, unit: Decimal) -> Decimal:
    """Return the largest payment on a date with which the rate of return does not exceed a limit, rounded down.

    It is what the money put up has grown to at the limit, less what payments so far have grown to: with it the net present
    value at the limit is not above zero. Zero where earlier payments have reached the limit already.

    Parameters
    ----------
    flows_so_far : sequence of Flow
        Up to and including the date.
    on : date
        When the payment is made.
    limit : Decimal
        Yearly rate, above -1, such as ``Decimal("0.15")``.
    unit : Decimal
        The currency's smallest unit.

    Raises
    ------
    PaymentError
        PAY-015 when a flow lies after the date.

    Examples
    --------
    >>> lent = [Flow(date(2015, 1, 1), Decimal("277000.00"))]
    >>> largest_payment_within_irr([Flow(lent[0].date, -lent[0].amount)], date(2016, 1, 1), Decimal("0.15"), Decimal("0.01"))
    Decimal('318550.00')
    """
    if any(flow.date > on for flow in flows_so_far):
        raise refusal("PAY-015", "a flow lies after the date of the payment")
    with localcontext(prec=PRECISION):
        grown = [flow.amount * growth(limit, (on - flow.date).days) for flow in flows_so_far]
        room = -sum(grown, Decimal(0))
        return max(room, Decimal(0)).quantize(unit, rounding=ROUND_FLOOR)


def _by_day(flows: Sequence[Flow]) -> tuple[list[int], list[Decimal]]:
    """Return days since the first flow and the amounts of each day, without days on which flows cancel."""
    sums: dict[date, Decimal] = {}
    with localcontext(prec=PRECISION):
        for flow in flows:
            sums[flow.date] = sums.get(flow.date, Decimal(0)) + flow.amount
    kept = sorted(day for day, amount in sums.items() if amount)
    return [(day - kept[0]).days for day in kept], [sums[day] for day in kept]


def _polish(days: Sequence[int], amounts: Sequence[Decimal], start: float) -> Decimal:
    """Refine a simple root in s = log(1 + r) by Newton's steps, and return r."""
    with localcontext(prec=PRECISION):
        s = Decimal(start)
        for _ in range(6):  # each step doubles the digits, from the 12 of the start
            terms = [
                (Decimal(day) / YEAR, amount * (-s * day / YEAR).exp())
                for day, amount in zip(days, amounts, strict=True)
            ]
            s += sum((term for _, term in terms), Decimal(0)) / sum((time * term for time, term in terms), Decimal(0))
        rate = s.exp() - 1
    with localcontext(prec=DIGITS):
        return (+rate).normalize()
