"""Who was served by whom: the chance of each pattern of providers given covariates (multinomial logit)."""

import warnings
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal

FloatArray = NDArray[np.float64]

STEEPEST: Final = 12.0
"""Log-odds per standard deviation of a covariate beyond which it separates the patterns, not predicts them."""


def pattern_frequencies(pattern: NDArray[np.intp], n_patterns: int, weights: FloatArray) -> FloatArray:
    """Return each pattern's weighted frequency for everybody, shape (n_people, n_patterns)."""
    shares = np.bincount(pattern, weights=weights, minlength=n_patterns) / weights.sum()
    return np.broadcast_to(shares, (len(pattern), n_patterns))


def pattern_propensity(
    pattern: NDArray[np.intp],
    covariates: FloatArray,
    weights: FloatArray | None = None,
    of: str = "who was served by whom",
) -> FloatArray:
    """Return P(pattern | covariates) for each person and pattern, shape (n_people, n_patterns).

    Parameters
    ----------
    pattern : ndarray of int, shape (n_people,)
        Codes 0..n_patterns-1, each held by somebody.
    covariates : ndarray, shape (n_people, n_columns)
        Without an intercept; scaled here, which leaves the fit unchanged.
    weights : ndarray, shape (n_people,), optional
        Observation weights.
    of : str
        What is fitted, for messages.

    Raises
    ------
    EstimationError
        EST-002 when a covariate separates the patterns or the fit does not converge.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    scale = covariates.std(axis=0)
    used = scale > 0
    design = (covariates - covariates.mean(axis=0))[:, used] / scale[used]
    # C = inf: scikit-learn penalizes by default, and a penalized propensity is no maximum-likelihood one.
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=200)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(design, pattern, sample_weight=weights)
        except (ConvergenceWarning, np.linalg.LinAlgError, ValueError):
            raise refusal("EST-002", f"the fit of {of} did not converge") from None
    chances = np.asarray(model.predict_proba(design), dtype=np.float64)
    slopes = model.coef_ if len(model.coef_) > 1 else np.vstack([np.zeros_like(model.coef_), model.coef_])
    if not np.isfinite(chances).all() or np.ptp(slopes, axis=0).max(initial=0.0) > STEEPEST:
        raise refusal("EST-002", f"a covariate separates {of}")
    return chances
