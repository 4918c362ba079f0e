"""Zeros of a sum of exponentials, all of them: the rates at which discounted flows are even.

With s = log(1 + r), flows a_i after t_i years are worth g(s) = Σ a_i·exp(−t_i·s). Intervals of s are bisected until bounds on g
show that one holds no zero, or bounds on its slope that it holds at most one (interval bisection: R. Moore, R. Kearfott and
M. Cloud, Introduction to Interval Analysis, 2009).
"""

import math
from collections.abc import Sequence
from typing import Final

from scipy.optimize import brentq

from counterfoil.errors import refusal

NARROWEST: Final = 2.0**-40
"""Intervals of log(1 + r) in which zeros cannot be told apart."""


def positive_roots(times: Sequence[float], amounts: Sequence[float], at_zero: bool) -> list[float]:
    """Return the zeros s > 0 of g(s) = Σ a_i·exp(−t_i·s).

    Parameters
    ----------
    times : sequence of float
        In years, rising from zero; at least two.
    amounts : sequence of float
        The flow at each time, none zero.
    at_zero : bool
        Whether s = 0 is a zero itself; it is not returned.

    Raises
    ------
    PaymentError
        PAY-014 when two zeros lie too close to be told apart from one or none.

    Examples
    --------
    >>> [round(math.exp(s) - 1, 9) for s in sorted(positive_roots([0.0, 1.0, 2.0], [-1600.0, 10000.0, -10000.0], False))]
    [0.25, 4.0]
    """
    # Beyond ``far`` the first amount outweighs all others together.
    rest = math.fsum(abs(amount) for amount in amounts[1:])
    far = max(math.log(rest / abs(amounts[0])), 0.0) / times[1] + 1.0
    slopes = [-time * amount for time, amount in zip(times, amounts, strict=True)]
    found: list[float] = []
    waiting = [(0.0, far)]
    while waiting:
        low, high = waiting.pop()
        if not _may_vanish(times, amounts, low, high):
            continue
        if not _may_vanish(times, slopes, low, high):
            ends = _value(times, amounts, low), _value(times, amounts, high)
            if not (at_zero and low == 0.0) and (ends[0] > 0) != (ends[1] > 0):
                found.append(float(brentq(lambda s: _value(times, amounts, s), low, high)))
            continue
        if high - low < NARROWEST:
            raise refusal("PAY-014", "rates that make the discounted flows even lie too close to be told apart")
        middle = (low + high) / 2
        waiting += [(low, middle), (middle, high)]
    return found


def _value(times: Sequence[float], amounts: Sequence[float], s: float) -> float:
    return math.fsum(amount * math.exp(-time * s) for time, amount in zip(times, amounts, strict=True))


def _may_vanish(times: Sequence[float], amounts: Sequence[float], low: float, high: float) -> bool:
    """Tell whether bounds leave room for a zero: each term falls in size from ``low`` to ``high``."""
    pairs = list(zip(times, amounts, strict=True))
    most = math.fsum(amount * math.exp(-time * (low if amount > 0 else high)) for time, amount in pairs)
    least = math.fsum(amount * math.exp(-time * (high if amount > 0 else low)) for time, amount in pairs)
    return least <= 0 <= most
