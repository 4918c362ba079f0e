"""How strong each observed covariate is, in the terms in which an unmeasured factor is bounded.

A factor that was not measured can then be held against those that were: "as strong as prior earnings".

Source: Cinelli and Hazlett (2020) for bounds by comparison with observed covariates; see ``omitted_variable``.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.omitted_variable import own_weights

FloatArray = NDArray[np.float64]


def covariate_strength(fit: ContributionFit, kernel: Kernel, study: Study | pd.DataFrame) -> pd.DataFrame:
    """Return how strong each covariate is in the sense of the bound: what leaving it out does to both R².

    Parameters
    ----------
    fit : ContributionFit
        With covariates; refitted once without each.
    kernel : Kernel
        An attribution rule.
    study : Study or DataFrame
        What `fit` was fitted on.

    Returns
    -------
    DataFrame
        Columns covariate, term, r2_outcome (part of the residual variance without the covariate that it explains) and
        r2_riesz (part of the weights' mean square that it adds; below 0 where the weights are smaller with it).

    Raises
    ------
    EstimationError
        EST-015 when the fit has no covariates.
    """
    if not fit.spec.covariates:
        raise refusal("EST-015", "the fit has no covariates to compare with", "estimator")
    full_errors, full_weights, terms = _strength(fit, kernel)
    parts = []
    for name in fit.spec.covariates:
        others = tuple(other for other in fit.spec.covariates if other != name)
        short = fit.spec.model_copy(update={"covariates": others}).fit(study)
        errors, squares, _ = _strength(short, kernel)
        gains = {"r2_outcome": 1 - full_errors / errors, "r2_riesz": 1 - squares / full_weights}
        parts.append(pd.DataFrame({"covariate": name, "term": terms, **gains}))
    return pd.concat(parts, ignore_index=True)


def _strength(fit: ContributionFit, kernel: Kernel) -> tuple[float, FloatArray, tuple[str, ...]]:
    """Return E[e²], E[α²] (k,) and the terms."""
    plain = own_weights(fit, kernel)
    weights = fit.surface.weights
    if plain.riesz is None:
        raise ValueError("a contribution fit carries weights")
    squares = (plain.riesz**2 / weights[:, None]).mean(axis=0)
    return float((weights * fit.surface.residuals**2).mean()), np.asarray(squares), plain.terms
