"""Critical values of t that hold whatever the strength of the first stage, for one instrument (the tF procedure).

With one instrument the t ratio is worst behaved when the errors of both stages are perfectly correlated. Then, with v
standard normal and f₀ the mean of the first stage's t ratio f = f₀ + v, it is ``v f / f₀``. The critical value c(F), F = f²,
is 1.96 for large F, infinite for F ≤ 3.84, and between them such that a true effect is rejected in exactly 5% of samples for
every f₀. Source: Lee, McCrary, Moreira and Porter (2022), *Valid t-ratio inference for IV*, American Economic Review
112(10), section III and table 3.

In that range rejections are ``f > h`` with ``(h − f₀) h / f₀ = c(h²)`` and ``f < −m`` with ``(m + f₀) m / f₀ = c(m²)``, so that c
follows from Φ(f₀ − h) + Φ(−m − f₀) = .05; it is solved here by repeated substitution.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from scipy.special import ndtr, ndtri

from counterfoil.estimators.covariance import FloatArray

LEVEL: Final = 0.05
TWO_SIDED: Final = float(-ndtri(LEVEL / 2))
ONE_SIDED: Final = float(-ndtri(LEVEL))
LARGE: Final = (ONE_SIDED * TWO_SIDED / (TWO_SIDED - ONE_SIDED)) ** 2
"""First-stage F beyond which 1.96 is enough: 104.67."""


@lru_cache(maxsize=1)
def _curve() -> tuple[FloatArray, FloatArray]:
    """Return first-stage t ratios, rising from 1.96, and the inverse of the critical value at each."""
    mean = np.geomspace(1e-4, np.sqrt(LARGE) - ONE_SIDED, 4_000)
    upper = mean + ONE_SIDED
    inverse = mean / ((upper - mean) * upper)
    for _ in range(200):
        ratio, other = np.append(TWO_SIDED, upper), np.append(0.0, inverse)
        lower = _crossing(mean, ratio, other)
        moved = mean - ndtri(LEVEL - ndtr(-lower - mean))
        inverse = mean / ((moved - mean) * moved)
        if np.abs(moved - upper).max() < 1e-12:
            break
        upper = moved
    return np.append(TWO_SIDED, upper), np.append(0.0, inverse)


def _crossing(mean: FloatArray, ratio: FloatArray, inverse: FloatArray) -> FloatArray:
    """Return m with (m + mean) m / mean = c(m²), by bisection; ``inverse`` is 1 / c at ``ratio``."""
    low, high = np.full_like(mean, TWO_SIDED), np.full_like(mean, ratio[-1])
    for _ in range(60):
        middle = (low + high) / 2
        beyond = (middle + mean) * middle / mean * np.interp(middle, ratio, inverse) > 1.0
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return (low + high) / 2


def tf_critical(first_stage_f: float) -> float:
    """Return the two-sided 5% critical value of t for a first-stage F; infinite for F of 3.84 or less.

    Examples
    --------
    >>> round(tf_critical(10.0), 2), round(tf_critical(104.7), 2), tf_critical(3.0)
    (3.43, 1.96, inf)
    """
    if first_stage_f >= LARGE:
        return TWO_SIDED
    ratio, inverse = _curve()
    found = float(np.interp(np.sqrt(first_stage_f), ratio, inverse))
    return 1.0 / found if found > 0 else np.inf
