"""The chance of each pattern of providers as a chain of yes-or-no models, for rosters of many patterns.

P(A = a | X) = Π_j P(j ∈ A or not | earlier providers, X) in the order of the roster, normalised over the patterns that
somebody had. It has a model a provider where a multinomial model has one a pattern, and gives a chance to patterns that
were rare where it was fitted.

Source: Read, Pfahringer, Holmes and Frank (2011) for classifier chains; the product rule is exact for the true chances.
"""

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.learner import PropensityLearner
from counterfoil.estimators.learning import learn_classes

FloatArray = NDArray[np.float64]


def chain_propensity(
    exposure: NDArray[np.bool_],
    patterns: NDArray[np.bool_],
    covariates: FloatArray,
    weights: FloatArray,
    *,
    new: FloatArray | None = None,
    learner: PropensityLearner | None = None,
    seed: int = 0,
) -> FloatArray:
    """Return P(pattern | covariates), shape (m, P); rows sum to one.

    Parameters
    ----------
    exposure : ndarray of bool, shape (n, K)
        Whom the people fitted were served by; providers in the order of the chain.
    patterns : ndarray of bool, shape (P, K)
        Over which chances are normalised.
    covariates : ndarray, shape (n, p)
        Without an intercept.
    weights : ndarray, shape (n,)
        Positive observation weights.
    new : ndarray, shape (m, p), optional
        Covariates of the people to predict for; those fitted when omitted.
    learner : PropensityLearner, optional
        Of each link; a logit with main effects when omitted.
    seed : int
        Of a learner's own randomness.

    Raises
    ------
    EstimationError
        EST-002 when a logit has no solution; EST-013 when a learner fails, or somebody has no chance of any pattern.

    Examples
    --------
    >>> exposure = np.array([[0, 0], [0, 0], [0, 1], [1, 1], [1, 0], [1, 1]], dtype=bool)
    >>> patterns = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=bool)
    >>> chain_propensity(exposure, patterns, np.empty((6, 0)), np.ones(6))[0].round(3)
    array([0.333, 0.167, 0.167, 0.333])
    """
    learner = PropensityLearner(name="logit") if learner is None else learner
    asked = covariates if new is None else new
    served, rows = exposure.astype(np.float64), patterns.astype(np.float64)
    chances = np.ones((len(asked), len(patterns)))
    for j in range(exposure.shape[1]):
        columns = np.hstack([covariates, served[:, :j]])
        link = learn_classes(learner, columns, exposure[:, j].astype(np.intp), 2, weights, seed + j)
        prefixes, which = np.unique(patterns[:, :j], axis=0, return_inverse=True)
        which = which.reshape(-1)
        for number, prefix in enumerate(prefixes):
            yes = link(np.hstack([asked, np.tile(prefix.astype(np.float64), (len(asked), 1))]))[:, 1]
            of = np.flatnonzero(which == number)
            chances[:, of] *= np.where(rows[of, j] > 0, yes[:, None], 1 - yes[:, None])
    total = chances.sum(axis=1, keepdims=True)
    if not (total > 0).all():
        raise refusal("EST-013", "the chain of providers leaves somebody without a chance of any pattern")
    return np.asarray(chances / total)
