"""Critical values for intervals that cover on average over many units, whatever distribution their biases have.

An estimate with standard error 1 and bias b is missed by ± cv with chance r(b²) = Φ(−cv − b) + Φ(−cv + b). Over units
whose squared biases average x the chance is at most

    ρ(x, cv) = max_{y ≥ x} {(1 − x/y) r(0) + (x/y) r(y)},

and cv(x) makes that the error level. As a function of b², r is first convex and then concave, so the maximum is at the
point where a ray from (0, r(0)) touches it, or at y = x when x lies beyond that point.

Source: Armstrong, Kolesár and Plagborg-Møller (2022), Robust empirical Bayes confidence intervals, Econometrica 90(6),
with a bound on the second moment of the bias and none on its kurtosis.
"""

import math
from functools import lru_cache
from typing import Final

from scipy.optimize import brentq
from scipy.special import ndtri

# Up to cv² = 3 the chance of a miss is concave in b² from the start; a little beyond, too nearly so to tell.
CONCAVE: Final = 3.001


@lru_cache(maxsize=4096)
def average_coverage_critical(x: float, conf_level: float = 0.95) -> float:
    """Return cv(x), the half width in standard errors that covers on average when squared biases average ``x``.

    Parameters
    ----------
    x : float
        Mean of the squared bias, in squared standard errors; 0 gives the ordinary normal value.
    conf_level : float

    References
    ----------
    Armstrong, Kolesár and Plagborg-Møller (2022), Econometrica 90(6).

    Examples
    --------
    >>> [round(average_coverage_critical(x), 3) for x in (0.0, 0.5, 1.0, 4.0)]
    [1.96, 2.523, 3.259, 7.216]
    """
    if not (0.0 <= x < math.inf and 0.0 < conf_level < 1.0):
        raise ValueError("x is finite and not negative, and conf_level lies between 0 and 1")
    level = 1.0 - conf_level
    low = float(ndtri(1.0 - level / 2))
    if x == 0:
        return low
    high = low + math.sqrt(x)
    while worst_noncoverage(x, high) >= level:
        low, high = high, 2.0 * high
    return float(brentq(lambda cv: worst_noncoverage(x, cv) - level, low, high, xtol=1e-12, rtol=1e-14))


def worst_noncoverage(x: float, cv: float) -> float:
    """Return ρ(x, cv): how often ± ``cv`` misses at most, on average over units whose squared biases average ``x``.

    Examples
    --------
    >>> round(worst_noncoverage(0.0, 1.959964), 6)
    0.05
    """
    touch = _touching(cv)
    if x >= touch:
        return _miss(x, cv)
    return _miss(0.0, cv) + x * (_miss(touch, cv) - _miss(0.0, cv)) / touch


def _normal(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def _density(z: float) -> float:
    return math.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)


def _miss(square: float, cv: float) -> float:
    bias = math.sqrt(square)
    return _normal(-cv - bias) + _normal(-cv + bias)


def _touching(cv: float) -> float:
    """Return the squared bias at which a ray from (0, r(0)) touches r; 0 where r is concave throughout."""
    if cv * cv <= CONCAVE:
        return 0.0

    def excess(square: float) -> float:
        bias = math.sqrt(square)
        slope = (_density(bias - cv) - _density(bias + cv)) / (2.0 * bias)
        return _miss(square, cv) - _miss(0.0, cv) - square * slope

    # r bends at a point between cv² − 3 and cv², and it touches beyond that.
    low, high = cv * cv - 3.0, 2.0 * cv * cv
    while excess(high) < 0:
        low, high = high, 2.0 * high
    return float(brentq(excess, low, high, xtol=1e-12, rtol=1e-13)) if excess(low) < 0 else low
