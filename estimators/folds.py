"""Who is predicted from whom: random folds that keep clusters whole and spread the patterns of providers evenly.

A cluster split between folds would let its shared fortunes leak into the predictions of its own people.

Source: Chernozhukov and others (2018), definition 3.1, for random folds; Chiang, Kato, Ma and Sasaki (2022) for folds of
whole clusters.
"""

import warnings

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import refusal

IntArray = NDArray[np.intp]


def folds(strata: IntArray, clusters: IntArray | None, n_folds: int, seed: int) -> IntArray:
    """Return the fold of each person: whole clusters in one fold, strata spread evenly, sizes balanced.

    Parameters
    ----------
    strata : ndarray of int, shape (n,)
        What to spread evenly, such as the pattern of providers; all zeros for nothing.
    clusters : ndarray of int, shape (n,), or None
        Codes of groups that must not be split.
    n_folds : int
    seed : int

    Raises
    ------
    EstimationError
        EST-013 with fewer people or clusters than folds.

    Examples
    --------
    >>> folds(np.zeros(6, dtype=int), np.array([0, 0, 1, 1, 2, 2]), n_folds=3, seed=1)
    array([0, 0, 2, 2, 1, 1])
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    units = len(strata) if clusters is None else len(np.unique(clusters))
    if n_folds < 2 or units < n_folds:
        what = "people" if clusters is None else "clusters"
        raise refusal("EST-013", f"{shown(units)} {what} cannot be dealt into {n_folds} folds of their own")
    fold = np.empty(len(strata), dtype=np.intp)
    empty = np.zeros((len(strata), 1))
    # Where no stratum is as large as the number of folds there is nothing to spread, and scikit-learn refuses to.
    spread = strata if np.bincount(strata).max() >= n_folds else np.zeros_like(strata)
    maker = StratifiedKFold if clusters is None else StratifiedGroupKFold
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        parts = maker(n_folds, shuffle=True, random_state=seed).split(empty, spread, clusters)
        for number, (_, held_out) in enumerate(parts):
            fold[held_out] = number
    return fold
