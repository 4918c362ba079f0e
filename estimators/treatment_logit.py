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
    total = float(treated_weights.sum() + comparison_weights.sum())
    beta = np.zeros(treated.shape[1])
    beta[0] = np.log(treated_weights.sum() / comparison_weights.sum())
    if start is not None:
        beta = start
    step, last = np.zeros_like(beta), np.inf
    for _ in range(STEPS):
        with np.errstate(over="ignore"):
            p1 = 1.0 / (1.0 + np.exp(-(treated @ beta)))
            p0 = 1.0 / (1.0 + np.exp(-(comparison @ beta)))
        missed, spread = treated_weights * (1 - p1), comparison_weights * p0
        score = treated.T @ missed - comparison.T @ spread
        information = (treated * (missed * p1)[:, None]).T @ treated
        information += (comparison * (spread * (1 - p0))[:, None]).T @ comparison
        try:
            newton = cho_solve(cho_factor(information), score)
        except LinAlgError:
            return None
        decrement = float(score @ newton) / total
        if not np.isfinite(decrement):
            return None
        if decrement < CLOSE:
            return Logit(beta, p1, p0, information)
        if decrement > 2.0 * last:
            # The last step overshot: go back half of it.
            step = step / 2
            beta = beta - step
            continue
        step, last = newton, decrement
        beta = beta + step
    return None
