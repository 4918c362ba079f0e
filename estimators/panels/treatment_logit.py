"""Logit of a cohort against its comparison: Newton's method on two arrays, started where a neighbouring fit ended."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from counterfoil.estimators.covariance import FloatArray

CLOSE: Final = 1e-20
"""Newton decrement, per unit of weight, below which the next step would be rounding."""
STEPS: Final = 40


@dataclass(frozen=True, slots=True, eq=False)
class Logit:
    """Coefficients (p,), fitted chances of both sides, and the information matrix (p, p)."""

    coefficients: FloatArray
    treated: FloatArray
    comparison: FloatArray
    information: FloatArray


def treatment_logit(
    treated: FloatArray,
    comparison: FloatArray,
    treated_weights: FloatArray,
    comparison_weights: FloatArray,
    start: FloatArray | None = None,
) -> Logit | None:
    """Fit P(treated | covariates) by maximum likelihood; None where there is no maximum.

    Parameters
    ----------
    treated, comparison : ndarray, shapes (m1, p), (m0, p)
        With a first column of ones.
    treated_weights, comparison_weights : ndarray, shapes (m1,), (m0,)
    start : ndarray, shape (p,), optional

    Examples
    --------
    >>> found = treatment_logit(np.ones((2, 1)), np.ones((6, 1)), np.ones(2), np.ones(6))
    >>> found.treated.round(12)
    array([0.25, 0.25])
    """
    sums = float(treated_weights.sum()), float(comparison_weights.sum())
    total = sum(sums)
    beta = np.zeros(treated.shape[1])
    beta[0] = np.log(sums[0] / sums[1])
    best = -np.inf
    if start is not None and np.isfinite(start).all():
        beta = start
    step = np.zeros_like(beta)
    for _ in range(STEPS):
        with np.errstate(over="ignore"):
            p1 = 1.0 / (1.0 + np.exp(-(treated @ beta)))
            p0 = 1.0 / (1.0 + np.exp(-(comparison @ beta)))
        with np.errstate(divide="ignore"):
            fit = float(treated_weights @ np.log(p1) + comparison_weights @ np.log1p(-p0)) / total
        if not fit >= best - 1e-12:
            step = step / 2
            beta = beta - step
            continue
        best = fit
        score = treated.T @ (treated_weights * (1 - p1)) - comparison.T @ (comparison_weights * p0)
        information = (treated * (treated_weights * p1 * (1 - p1))[:, None]).T @ treated
        information += (comparison * (comparison_weights * p0 * (1 - p0))[:, None]).T @ comparison
        try:
            step = cho_solve(cho_factor(information), score)
        except LinAlgError:
            return None
        if not np.isfinite(step).all():
            return None
        decrement = float(score @ step) / total
        if decrement < CLOSE:
            return Logit(beta, p1, p0, information)
        beta = beta + step
    return None
