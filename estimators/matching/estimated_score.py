"""What it adds to a matched estimate that the score it matches on was estimated.

Let v be the outcome of a partner, F the score, f its derivative by the linear index X′β, and I the information of β̂. Then the
estimate's influence is ψ_i − b′I⁻¹s_i, with s_i the person's score equation and

    b = mean over focal people of  f / {F(1 − F)} · cov(X, v | F, the other group).

With logit b is the mean covariance itself. This is Abadie and Imbens (2016), *Matching on the estimated propensity score*,
Econometrica 84(2), theorems 1 and 2 in one form: for everybody's effect the variance falls by b′I⁻¹b; for the treated it becomes
σ² − c′I⁻¹c + d′I⁻¹d with their c = b + d, which is larger or smaller. Covariances are taken among the four nearest by score.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray

NEAREST: Final = 4


def through_score(score: Score, treated: NDArray[np.bool_], own: FloatArray, values: FloatArray) -> FloatArray:
    """Return what the estimation of the score adds to everybody's influence, shape (n,); zeros for a learner's score.

    Parameters
    ----------
    score : Score
        Of two groups.
    treated : ndarray of bool, shape (n,)
    own : ndarray, shape (n,)
        What each matched focal person counts.
    values : ndarray, shape (n,)
        Outcomes, less what a bias adjustment takes out.
    """
    n = len(own)
    if score.columns is None or score.slope is None or score.residual is None or score.bread is None:
        return np.zeros(n)
    chance = score.treated
    ratio = own * score.slope / np.maximum(chance * score.chance[:, 0], 1e-300)
    b = np.zeros(score.columns.shape[1])
    for side in (True, False):
        focal = (treated == side) & (own > 0)
        if focal.any():
            members = np.flatnonzero(treated != side)
            b += ratio[focal] @ _covariances(chance[focal], chance[members], score.columns[members], values[members])
    b *= n / own.sum()
    return np.asarray(-score.residual[:, 0] * (score.columns @ (score.bread @ b)))


def _covariances(at: FloatArray, chance: FloatArray, columns: FloatArray, values: FloatArray) -> FloatArray:
    """Return the covariances (m, q) of columns (k, q) and values (k,) among the nearest by score of each of m people."""
    size = min(NEAREST, len(chance))
    if size < 2:
        return np.zeros((len(at), columns.shape[1]))
    order = np.argsort(chance, kind="stable")
    low = np.clip(np.searchsorted(chance[order], at) - size // 2, 0, len(chance) - size)
    held = values[order] - values.mean()
    centred = columns[order] - columns.mean(axis=0)
    # Few neighbours and many columns: sums over a sliding window, one shift at a time.
    last = len(chance) - size + 1
    sums = [np.zeros(last), np.zeros((last, columns.shape[1])), np.zeros((last, columns.shape[1]))]
    for shift in range(size):
        part = slice(shift, shift + last)
        sums[0] += held[part]
        sums[1] += centred[part]
        sums[2] += held[part, None] * centred[part]
    return np.asarray(((sums[2] - sums[1] * sums[0][:, None] / size) / (size - 1))[low])
