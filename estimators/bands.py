"""Simultaneous confidence bands: one critical value under which all intervals hold together.

The critical value is the quantile of max_j |T_j| for a multivariate t with the estimates' correlation (sup-t bands;
Montiel Olea and Plagborg-Møller 2019). It is simulated with a fixed stream, so that the same estimate has the same bands.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

FloatArray = NDArray[np.float64]

DRAWS: Final = 50_000
STREAM: Final = 20_190_501
"""Seed of the fixed stream; the Monte Carlo error of the critical value is below one per cent."""


def simultaneous_critical(covariance: FloatArray, df: float, conf_level: float) -> float:
    """Return the critical value of sup-t bands for estimates with a covariance (k, k).

    Terms without any error are left out; with one term this is the ordinary critical value of t.

    Examples
    --------
    >>> bool(simultaneous_critical(np.eye(3), 1e9, 0.95) > 1.96)
    True
    """
    error = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    varying = error > 0
    if varying.sum() <= 1:
        return float(stdtrit(min(df, 1e10), 1.0 - (1.0 - conf_level) / 2))
    correlation = covariance[np.ix_(varying, varying)] / np.outer(error[varying], error[varying])
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    rng = np.random.default_rng(STREAM)
    largest = np.abs(rng.standard_normal((DRAWS, len(values))) @ root.T).max(axis=1)
    if np.isfinite(df) and df < 1e6:
        largest /= np.sqrt(rng.chisquare(df, DRAWS) / df)
    return float(np.quantile(largest, conf_level))
