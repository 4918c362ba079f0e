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
from counterfoil.estimators.matching.matches import Positions

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
    order = np.argsort(chance, kind="stable")
    group, held = treated[order], values[order] - values.mean()
    parts = np.zeros(n)
    for side in (True, False):
        members, asked = np.flatnonzero(group != side), np.where(group == side, ratio[order], 0.0)
        if asked.any() and len(members) > 1:
            below = np.cumsum(group != side)
            parts[order[members]] = _shares(asked, below, held[members])
    b = (parts @ score.columns) * (n / own.sum())
    return np.asarray(-score.residual[:, 0] * (score.columns @ (score.bread @ b)))


def _shares(asked: FloatArray, below: Positions, held: FloatArray) -> FloatArray:
    """Return the weights (k,) whose products with any column sum to Σ_i asked_i · cov(column, held among i's nearest).

    Everybody is in order of score; ``below`` (n,) counts the members at or before each person.
    """
    size = min(NEAREST, len(held))
    low = np.clip(below - size // 2, 0, len(held) - size)
    starts = len(held) - size + 1
    weight = np.bincount(low, asked, starts)
    mean = sum(held[shift : shift + starts] for shift in range(size)) / size
    inside, less = np.zeros(len(held)), np.zeros(len(held))
    for shift in range(size):
        inside[shift : shift + starts] += weight
        less[shift : shift + starts] += weight * mean
    return np.asarray((held * inside - less) / (size - 1))
