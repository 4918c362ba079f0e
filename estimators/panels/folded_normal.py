"""Quantiles of the folded normal distribution |N(t, 1)|: the critical value of an interval around a biased estimate.

Source: Armstrong and Kolesár (2018), "Optimal inference in a class of regression models", Econometrica 86(2), equation 3.
"""

from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from counterfoil.estimators.covariance import FloatArray

ONE_TAIL: Final = 8.0
"""From this bias on, in standard errors, only one tail matters to sixteen digits."""
STEPS: Final = 60


def folded_normal_quantile(bias: ArrayLike, conf_level: float = 0.95) -> FloatArray:
    """Return c with P(|N(t, 1)| ≤ c) = ``conf_level`` for each bias t ≥ 0, by bisection.

    Examples
    --------
    >>> folded_normal_quantile([0.0, 1.0, 50.0]).round(4)
    array([ 1.96  ,  2.6461, 51.6449])
    """
    size = np.abs(np.asarray(bias, dtype=np.float64))
    one_tail = float(ndtri(conf_level))
    low, high = size + one_tail, size + float(ndtri((1.0 + conf_level) / 2.0))
    near = np.where(size < ONE_TAIL, size, 0.0)
    for _ in range(STEPS):
        middle = (low + high) / 2
        short = ndtr(middle - near) - ndtr(-middle - near) < conf_level
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.where(size < ONE_TAIL, (low + high) / 2, size + one_tail)
