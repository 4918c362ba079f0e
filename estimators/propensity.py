"""Who was served by whom: the chance of each pattern of providers given covariates (multinomial logit)."""

import warnings

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal

FloatArray = NDArray[np.float64]


def pattern_frequencies(pattern: NDArray[np.intp], n_patterns: int) -> FloatArray:
    """Return each pattern's frequency for everybody, shape (n_people, n_patterns)."""
    shares = np.bincount(pattern, minlength=n_patterns) / len(pattern)
    return np.broadcast_to(shares, (len(pattern), n_patterns))


def pattern_propensity(pattern: NDArray[np.intp], covariates: FloatArray) -> FloatArray:
    """Return P(pattern | covariates) for each person and pattern, shape (n_people, n_patterns).

    Parameters
    ----------
    pattern : ndarray of int, shape (n_people,)
        Codes 0..n_patterns-1, each held by somebody.
    covariates : ndarray, shape (n_people, n_columns)
        Without an intercept; scaled here, which leaves the fit unchanged.

    Raises
    ------
    EstimationError
        EST-002 when a covariate separates the patterns or the fit does not converge.
    """
    from statsmodels.discrete.discrete_model import MNLogit

    scale = covariates.std(axis=0)
    used = scale > 0
    design = np.column_stack([np.ones(len(pattern)), (covariates - covariates.mean(axis=0))[:, used] / scale[used]])
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            fit = MNLogit(pattern, design).fit(method="newton", maxiter=100, disp=0, warn_convergence=False)
        except np.linalg.LinAlgError:
            raise refusal("EST-002", "the covariates are collinear or separate the patterns") from None
    chances = np.asarray(fit.predict(), dtype=np.float64)
    if not fit.mle_retvals["converged"] or not np.isfinite(chances).all():
        raise refusal("EST-002", f"no convergence in {fit.mle_retvals['iterations']} steps")
    return chances
