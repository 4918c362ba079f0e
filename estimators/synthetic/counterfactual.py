"""What one treated series would have been: donors weighted to follow it before treatment.

Every method is a set of weights ω on donors and λ on the periods before treatment. The gap of period t is
Y_t − Σ ω_j Y_jt − Σ_s λ_s (Y_s − Σ ω_j Y_js), where the last sum is a constant difference that the method allows for:

- ``synthetic_control``: ω ≥ 0 with sum 1, λ = 0 (Abadie, Diamond and Hainmueller 2010, JASA 105);
- ``demeaned``: the same on deviations from each place's own mean, λ = 1/T₀ (Ferman and Pinto 2021, Quantitative Economics 12);
- ``augmented``: the first, corrected by a ridge regression on the history (see `augmented`);
- ``synthetic_did``: both weighted (see `synthetic_did`);
- ``difference_in_differences``: ω = 1/J, λ = 1/T₀.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.synthetic.augmented import ridge_correction
from counterfoil.estimators.synthetic.simplex import simplex_weights
from counterfoil.estimators.synthetic.synthetic_did import did_weights, noise_level

Method = Literal["synthetic_control", "demeaned", "augmented", "synthetic_did", "difference_in_differences"]


@dataclass(frozen=True, slots=True, eq=False)
class Counterfactual:
    """What `counterfactual` returns.

    Parameters
    ----------
    donors : ndarray, shape (J,)
        Weights ω, with sum 1.
    periods : ndarray, shape (before,)
        Weights λ: with sum 1, or all zero where no constant difference is allowed for.
    gaps : ndarray, shape (T,)
        Observed less what would have been, in every period.
    unique : bool
        Whether no other donor weights fit equally well.
    """

    donors: FloatArray
    periods: FloatArray
    gaps: FloatArray
    unique: bool


@dataclass(frozen=True, slots=True, eq=False)
class Predictors:
    """What is matched beside outcomes: treated, shape (p,), and donors, shape (J, p)."""

    treated: FloatArray
    donors: FloatArray


def counterfactual(
    method: Method,
    treated: FloatArray,
    donors: FloatArray,
    before: int,
    penalty: float | None = None,
    treated_places: int = 1,
    predictors: Predictors | None = None,
) -> Counterfactual:
    """Weigh the donors.

    Parameters
    ----------
    method : str
    treated : ndarray, shape (T,)
        The treated place, or the mean of several.
    donors : ndarray, shape (J, T)
    before : int
        How many of the T periods are before treatment.
    penalty : float, optional
        Of unequal weights, as `SyntheticControl` says; the method's own choice when omitted.
    treated_places : int
        Over how many places `treated` is a mean.
    predictors : Predictors, optional
        For ``synthetic_control`` and ``demeaned``: matched beside the outcomes; each counts as one period.

    Examples
    --------
    >>> found = counterfactual("synthetic_control", np.array([1.0, 2.0, 9.0]), np.array([[0.0, 1, 2], [2, 3, 4]]), before=2)
    >>> found.donors, found.gaps
    (array([0.5, 0.5]), array([0., 0., 6.]))
    """
    history, own = donors[:, :before], treated[:before]
    count = len(donors)
    level = np.full(before, 1.0 / before)
    if method == "synthetic_did":
        weights, level, unique = did_weights(treated, donors, before, penalty, treated_places)
    elif method == "difference_in_differences":
        weights, unique = np.full(count, 1.0 / count), True
    else:
        centred = method == "demeaned"
        columns = (history - history.mean(axis=1, keepdims=True) if centred else history).T
        target = own - own.mean() if centred else own
        ridge = 0.0
        if penalty and method != "augmented":
            ridge = before * (penalty * noise_level(history)) ** 2
        if predictors is not None:
            columns, target = _with_predictors(columns, target, predictors)
        solved = simplex_weights(columns, target, ridge)
        weights, unique = solved.weights, solved.unique
        if method == "augmented":
            weights = weights + ridge_correction(history, own, weights, penalty)
        if not centred:
            level = np.zeros(before)
    gaps = treated - weights @ donors
    return Counterfactual(weights, level, gaps - level @ gaps[:before], unique)


def _with_predictors(columns: FloatArray, target: FloatArray, predictors: Predictors) -> tuple[FloatArray, FloatArray]:
    """Add a row a predictor, scaled so that donors spread as much in it as in a period's outcome; constants have no row."""
    spread = predictors.donors.std(axis=0)
    kept = spread > 0
    unit = np.sqrt(columns.var(axis=1).mean()) / spread[kept]
    rows = predictors.donors[:, kept].T * unit[:, None]
    return np.vstack([columns, rows]), np.concatenate([target, predictors.treated[kept] * unit])
