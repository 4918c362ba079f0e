"""Weights of rules in which providers come in an order: earlier stages first, Shapley inside a stage."""

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.shapley import Shapley
from counterfoil.estimators.kernel import FloatArray, members_of, membership


def stage_weights(stage: NDArray[np.intp]) -> FloatArray:
    """Return the weights of a person whose providers came in stages, shape (ℓ, 2^ℓ).

    Parameters
    ----------
    stage : ndarray of int, shape (ℓ,)
        Stage of each member, earlier ones smaller.

    Examples
    --------
    >>> stage_weights(np.array([0, 1]))
    array([[-1.,  1.,  0.,  0.],
           [ 0., -1.,  0.,  1.]])
    """
    ell = len(stage)
    inside = membership(ell)
    table = np.zeros((ell, 1 << ell))
    for level in np.unique(stage):
        own, before = np.flatnonzero(stage == level), stage < level
        shapley = Shapley().weights(tuple(own), None)
        # Coalitions that hold all of the earlier stages, none of the later, and some of this one.
        fits = (inside[:, stage != level] == before[stage != level]).all(axis=1)
        local = inside[:, own] @ (1 << np.arange(len(own)))
        table[np.ix_(own, fits)] = shapley[:, local[fits]]
    return table


def stage_shares(stage: NDArray[np.intp], subsets: NDArray[np.intp]) -> FloatArray:
    """Return the dividend shares of the same person, shape (ℓ, n_subsets): T's last stage divides it equally."""
    inside = members_of(subsets, len(stage))
    last = np.where(inside, stage[:, None], stage.min() - 1).max(axis=0)
    final = inside & (stage[:, None] == last)
    return np.asarray(final / final.sum(axis=0))
