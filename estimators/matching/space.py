"""Nearest neighbours by several covariates at once, as Euclidean distances between people's places.

Used once, partners are found through a k-d tree of those still free, which is grown again after every block of people; ties of
squared distances, rounded to nine digits, go to the first by position. Used several times, all partners whose squared distance
is within 1e-5 of the last's tie with it and count the same, as in Sekhon (2011), *Multivariate and propensity score matching
software*, Journal of Statistical Software 42(7).

A caliper on a score leaves each person a window of partners, whose distances are all computed.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.line import Keys, spans
from counterfoil.estimators.matching.matches import Positions

Marks = NDArray[np.bool_]

TIE: Final = 1e-5
"""Squared distances this close tie, where partners may be used several times."""
FINEST: Final = 1e9
"""Squared distances are rounded to this part, where partners are used once."""
FIRST: Final = 16
"""Partners looked up for each person before any is taken."""
BLOCKS: Final = 16
ROWS: Final = 2_000_000
"""Distances held at a time."""
MOST_ROWS: Final = 30_000_000
"""Most pairs that are written out."""


def squared(focal: FloatArray, partners: FloatArray) -> FloatArray:
    """Return squared distances between rows, (..., d) and (..., d), the same whoever asks for them."""
    total = np.zeros(np.broadcast_shapes(focal.shape, partners.shape)[:-1])
    for axis in range(focal.shape[-1]):
        total += (focal[..., axis] - partners[..., axis]) ** 2
    return total


def neighbours(
    focal: FloatArray,
    partners: FloatArray,
    count: int = 1,
    least: int = 1,
    window: tuple[Keys, Keys, int] | None = None,
) -> tuple[Positions, Positions, Positions]:
    """Return everybody's nearest partners, of whom each may be partner of several; all who tie with the last are kept.

    Parameters
    ----------
    focal, partners : ndarray, shapes (m, d), (k, d)
    count : int
        Partners wanted for each; fewer where there are fewer within the limit.
    least : int
        People with fewer than this get none.
    window : (ndarray of int (m,), ndarray of int (k,), int), optional
        Places of both on the grid of a score, and how far apart they may be on it.

    Returns
    -------
    sizes : ndarray of int, shape (m,)
        Partners of each.
    chosen : ndarray of int, shape (sizes.sum(),)
        Their positions, person by person.
    tied : ndarray of int, shape (m,)
        Partners beyond ``count`` who tie.

    Examples
    --------
    >>> sizes, chosen, tied = neighbours(np.array([[0.0, 0.0]]), np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 0.0]]))
    >>> sizes.tolist(), chosen.tolist(), tied.tolist()
    ([2], [0, 1], [1])
    """
    if not len(partners) or not len(focal):
        none = np.zeros(len(focal), dtype=np.intp)
        return none, np.empty(0, dtype=np.intp), none
    if window is None:
        sizes, chosen = _by_tree(focal, partners, min(count, len(partners)))
    else:
        sizes, chosen = _by_window(focal, partners, count, window)
    enough = sizes >= least
    return (
        np.where(enough, sizes, 0),
        chosen[np.repeat(enough, sizes)],
        np.where(enough, np.maximum(sizes - count, 0), 0),
    )


def _by_tree(focal: FloatArray, partners: FloatArray, count: int) -> tuple[Positions, Positions]:
    tree = cKDTree(partners, leafsize=32, balanced_tree=False)
    asked = min(count + 1, len(partners))
    found = np.asarray(tree.query(focal, k=asked)[1]).reshape(len(focal), asked)
    reach = squared(focal, partners[found[:, count - 1]]) + TIE
    sizes = np.full(len(focal), count)
    many = np.zeros(len(focal), dtype=bool)
    if asked > count:
        many = squared(focal, partners[found[:, count]]) <= reach * (1.0 + 1e-12)
    lists: list[Positions] = []
    around = np.sqrt(reach) * (1.0 + 1e-9)
    _hold(int(np.sum(tree.query_ball_point(focal[many], around[many], return_length=True))) if many.any() else 0)
    for row in np.flatnonzero(many).tolist():
        near = np.sort(np.array(tree.query_ball_point(focal[row], around[row]), dtype=np.intp))
        near = near[squared(focal[[row]], partners[near]) <= reach[row]]
        sizes[row] = len(near)
        lists.append(near)
    chosen = np.empty(int(sizes.sum()), dtype=np.intp)
    of_many = np.repeat(many, sizes)
    chosen[~of_many] = np.sort(found[~many, :count], axis=1).ravel()
    chosen[of_many] = np.concatenate(lists) if lists else np.empty(0, dtype=np.intp)
    return sizes, chosen


def _hold(rows: int) -> None:
    """Refuse more tied pairs than memory is for."""
    if rows > MOST_ROWS:
        what = f"{rows:,} pairs of people tie, because their covariates have few different values"
        raise refusal("CONTRACT-016", what, "estimator", "use `method: exact`, which holds people alike as sets")


def _by_window(
    focal: FloatArray, partners: FloatArray, count: int, window: tuple[Keys, Keys, int]
) -> tuple[Positions, Positions]:
    keys, theirs, limit = window
    by_key = np.argsort(theirs, kind="stable")
    low = np.searchsorted(theirs[by_key], keys - limit, "left")
    wide = np.searchsorted(theirs[by_key], keys + limit, "right") - low
    sizes, lists = np.zeros(len(focal), dtype=np.intp), []
    ends = np.cumsum(wide)
    first = 0
    while first < len(focal):
        last = max(first + 1, int(np.searchsorted(ends, (ends[first] - wide[first]) + ROWS, "right")))
        rows = np.repeat(np.arange(first, last), wide[first:last])
        near = by_key[spans(low[first:last], wide[first:last])]
        far = squared(focal[rows], partners[near])
        order = np.lexsort((far, rows))
        opens = np.cumsum(wide[first:last]) - wide[first:last]
        some = wide[first:last] > 0
        nth = order[opens[some] + np.minimum(count, wide[first:last][some]) - 1]
        reach = np.zeros(last - first)
        reach[some] = far[nth] + TIE
        kept = far <= reach[rows - first]
        sizes[first:last] = np.bincount(rows[kept] - first, minlength=last - first)
        _hold(int(sizes[:last].sum()))
        lists.append(near[kept][np.lexsort((near[kept], rows[kept]))])
        first = last
    return sizes, np.concatenate(lists)


def greedy(
    focal: FloatArray,
    partners: FloatArray,
    rounds: int = 1,
    order: Positions | None = None,
    window: tuple[Keys, Keys, int] | None = None,
) -> tuple[Positions, Positions, int]:
    """Give each focal person in turn the nearest partner still free; in later rounds, a further one.

    Parameters
    ----------
    focal, partners : ndarray, shapes (m, d), (k, d)
    rounds : int
        Most partners for one person; nobody gets a second before all had their turn.
    order : ndarray of int, shape (m,), optional
        Who chooses first; as they stand when omitted.
    window : (ndarray of int (m,), ndarray of int (k,), int), optional
        Places of both on the grid of a score, and how far apart they may be on it.

    Returns
    -------
    chooser, chosen : ndarray of int, shape (pairs,)
        Positions among the focal people and among the partners.
    ties : int
        Choices between several who were equally near.

    Examples
    --------
    >>> chooser, chosen, ties = greedy(np.array([[0.0, 0.0], [0.1, 0.0]]), np.array([[0.1, 0.1], [5.0, 0.0]]))
    >>> chooser.tolist(), chosen.tolist(), ties
    ([0, 1], [0, 1], 0)
    """
    turn = np.arange(len(focal)) if order is None else order
    free = np.ones(len(partners), dtype=bool)
    choosers, chosen, ties = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)], 0
    for _ in range(rounds):
        if not len(turn) or not free.any():
            break
        if window is None:
            found, tied = _trees(focal, partners, turn, free)
        else:
            found, tied = _windows(focal, partners, turn, free, window)
        had = found >= 0
        ties += tied
        turn = turn[had]
        choosers.append(turn)
        chosen.append(found[had])
    return np.concatenate(choosers), np.concatenate(chosen), ties


def _trees(focal: FloatArray, partners: FloatArray, turn: Positions, free: Marks) -> tuple[Positions, int]:
    """Return whom each takes, or -1 once nobody is free, and how many choices were ties; ``free`` is updated."""
    ties = 0
    found = np.full(len(turn), -1, dtype=np.intp)
    size = max(4096, -(-len(turn) // BLOCKS))
    for first in range(0, len(turn), size):
        left = np.flatnonzero(free)
        if not len(left):
            break
        tree = cKDTree(partners[left])
        people = turn[first : first + size]
        near, far = _ranked(tree, partners, left, focal[people], min(FIRST, len(left)))
        for row, (candidates, distances) in enumerate(zip(near, far, strict=True)):
            best, tied = _free_one(candidates, distances, free, len(left))
            asked = FIRST
            while best is None:
                asked = min(4 * asked, len(left))
                more, further = _ranked(tree, partners, left, focal[people[[row]]], asked)
                best, tied = _free_one(more[0], further[0], free, len(left))
            if best < 0:
                break
            found[first + row] = best
            free[best] = False
            ties += tied
    return found, ties


def _ranked(
    tree: cKDTree, partners: FloatArray, left: Positions, focal: FloatArray, asked: int
) -> tuple[list[list[int]], list[list[float]]]:
    """Return the nearest of those in the tree, by rounded squared distance and then position."""
    near = left[np.asarray(tree.query(focal, k=asked)[1]).reshape(len(focal), asked)]
    far = np.rint(squared(focal[:, None, :], partners[near]) * FINEST)
    order = np.lexsort((near, far), axis=1)
    return np.take_along_axis(near, order, 1).tolist(), np.take_along_axis(far, order, 1).tolist()


def _free_one(candidates: list[int], distances: list[float], free: Marks, everybody: int) -> tuple[int | None, bool]:
    """Return the first free candidate, and whether another free one is as near.

    The candidate is -1 when nobody is free at all, and None where further ones must be looked at.
    """
    whole = len(candidates) == everybody
    best, nearest = -1, -1.0
    for candidate, distance in zip(candidates, distances, strict=True):
        if best >= 0 and distance > nearest:
            return best, False
        if not whole and distance == distances[-1]:
            return None, False  # others who are not among the candidates may be as near
        if free[candidate]:
            if best >= 0:
                return best, True
            best, nearest = candidate, distance
    return best, False


def _windows(
    focal: FloatArray, partners: FloatArray, turn: Positions, free: Marks, window: tuple[Keys, Keys, int]
) -> tuple[Positions, int]:
    """Return whom each takes, or -1 where nobody in the window is free, and how many ties; ``free`` is updated."""
    keys, theirs, limit = window
    by_key = np.argsort(theirs, kind="stable")
    places, ranked = partners[by_key], theirs[by_key]
    low, high = np.searchsorted(ranked, keys - limit, "left"), np.searchsorted(ranked, keys + limit, "right")
    open_ = free[by_key]
    found, ties = np.full(len(turn), -1, dtype=np.intp), 0
    for row, person in enumerate(turn.tolist()):
        start = low[person]
        near = start + np.flatnonzero(open_[start : high[person]])
        if not len(near):
            continue
        far = np.rint(squared(focal[[person]], places[near]) * FINEST)
        best = near[far == far.min()]
        ties += len(best) > 1
        best = best[by_key[best].argmin()]
        open_[best] = False
        found[row] = by_key[best]
    free[by_key] = open_
    return found, ties
