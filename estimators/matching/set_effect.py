"""The effect from matched sets, with errors by set: a regression on the matched people, weighted as matching weighs them.

Without adjustment it is the difference of weighted means; with covariates each group has a line of its own, and the two are compared where
the focal people are (the regression of outcomes on treatment, covariates and their products, centred there). Matching without
replacement makes the people of a set alike and their outcomes move together, so that influence is summed by set.

Sources: Abadie and Spiess (2022), *Robust post-matching inference*, JASA 117(538); Ho, Imai, King and Stuart (2007), *Matching as
nonparametric preprocessing*, Political Analysis 15(3).
"""

import numpy as np

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.matches import Matches, Positions, Strata
from counterfoil.estimators.matching.stratum_effect import StratumEffect, stratum_effect


def set_effect(
    outcome: FloatArray,
    matches: Matches,
    group: Positions,
    weights: FloatArray,
    covariates: FloatArray | None = None,
) -> StratumEffect:
    """Return the effect with everybody's influence, which counts by set: ``matches.sets``.

    Parameters
    ----------
    outcome : ndarray, shape (n,)
    matches : Matches
    group : ndarray of int, shape (n,)
        0 for the untreated, 1 for the treated.
    weights : ndarray, shape (n,)
        Observation weights.
    covariates : ndarray, shape (n, p), optional
        To adjust for.

    Examples
    --------
    >>> from counterfoil.estimators.matching.matches import Pairs
    >>> pairs = Pairs(4, np.array([0, 1]), np.array([2, 3]), np.ones(2), sets=np.array([0, 1, 0, 1]))
    >>> set_effect(np.array([3.0, 4.0, 1.0, 3.0]), pairs, np.array([1, 1, 0, 0]), np.ones(4)).value
    1.5
    """
    focal = matches.matched
    target = np.where(focal, weights, 0.0)
    carried = target + matches.carried(target)
    whole = Strata(np.where(carried > 0, 0, -1), group, focal, carried)
    return stratum_effect(outcome, whole, np.zeros((len(outcome), 1)), covariates, target)
