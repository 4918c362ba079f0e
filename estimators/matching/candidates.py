"""Who may be matched with whom: pairs of one person of each side that lie close enough, as a sparse graph.

An optimal match needs few of all pairs, and which ones is known beforehand:

* of `s` people who each take one partner, everybody's optimal partner is among the `s` nearest, since the others take at most
  ``s − 1`` of them; so k:1 matching of a people needs the ``k·a`` nearest of each (`nearest_candidates`);
* in a cheapest full matching a pair that saves nothing over both people's nearest, ``d > min d(focal) + min d(partner)``, is
  in no set (`cover_candidates`).

Both are exact. Where they still leave more pairs than memory is for, ``complete`` is False and each person keeps the nearest ones;
for k:1 matching a quarter of the list is of people further off, at even steps, so that where many compete for the same few nobody
is left over for want of a list.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray

MOST: Final = 8_000_000
"""Pairs that a graph holds at most."""
AT_ONCE: Final = 4_000_000
"""Distances that are looked at together."""
ROUNDING: Final = 1e-9
"""Distances closer than this part of the largest are one."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """The people of one side.

    Parameters
    ----------
    points : ndarray, shape (n, d)
        Their Euclidean distance is the distance of two people.
    blocks : ndarray of int, shape (n,), optional
        Only people of one block are matched.
    marks : ndarray, shape (n, c), optional
        What calipers limit, in the calipers' units.
    """

    points: FloatArray
    blocks: NDArray[np.intp] | None = None
    marks: FloatArray | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs that may be matched.

    Parameters
    ----------
    focal, partner : ndarray of int, shape (m,)
        Positions in each side, in order of focal and partner.
    distance : ndarray, shape (m,)
    size : tuple of int
        People of each side.
    complete : bool
        Whether the pairs left out are in no optimal match.
    """

    focal: NDArray[np.intp]
    partner: NDArray[np.intp]
    distance: FloatArray
    size: tuple[int, int]
    complete: bool = True


def nearest_candidates(
    focal: Side, partner: Side, calipers: FloatArray | None = None, ratio: int = 1, most: int = MOST
) -> Candidates:
    """Return the pairs that k:1 matching without replacement needs.

    Parameters
    ----------
    focal, partner : Side
        In an order that is the people's own, for ties are broken by it.
    calipers : ndarray, shape (c,), optional
        How far marks may be apart.
    ratio : int
        Partners of each focal person at most.
    most : int
        Pairs to hold at most.

    Examples
    --------
    >>> ages = Side(np.array([[30.0], [40.0]])), Side(np.array([[29.0], [35.0], [60.0]]))
    >>> found = nearest_candidates(*ages, calipers=None)
    >>> found.partner.tolist(), found.distance.tolist()
    ([0, 1, 0, 1], [1.0, 5.0, 11.0, 5.0])
    """
    step = _step(focal, partner)
    limit = max(most // max(len(focal.points), 1), 4)
    complete = True
    parts: list[tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]] = []
    for rows, columns, slots in _chunks(focal, partner):
        distance = _distances(focal, partner, rows, columns, calipers, step)
        enough = min(slots * ratio, len(columns))
        cut = enough > limit
        complete &= not cut
        parts.append(_smallest(rows, columns, distance, *((3 * limit // 4, limit // 4) if cut else (enough, 0))))
    return _candidates(parts, focal, partner, complete)


def cover_candidates(focal: Side, partner: Side, calipers: FloatArray | None = None, most: int = MOST) -> Candidates:
    """Return the pairs that full matching without limits needs; see `nearest_candidates`.

    Examples
    --------
    >>> ages = Side(np.array([[30.0], [40.0]])), Side(np.array([[29.0], [42.0], [60.0]]))
    >>> found = cover_candidates(*ages)
    >>> list(zip(found.focal.tolist(), found.partner.tolist()))
    [(0, 0), (1, 1), (1, 2)]
    """
    step = _step(focal, partner)
    own, other = np.full(len(focal.points), np.inf), np.full(len(partner.points), np.inf)
    for rows, columns, _ in _chunks(focal, partner):
        distance = _distances(focal, partner, rows, columns, calipers, step)
        own[rows] = distance.min(axis=1)
        other[columns] = np.minimum(other[columns], distance.min(axis=0))
    slack = ROUNDING * max(own[np.isfinite(own)].max(initial=0.0), other[np.isfinite(other)].max(initial=0.0))
    parts: list[tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]] = []
    for rows, columns, _ in _chunks(focal, partner):
        distance = _distances(focal, partner, rows, columns, calipers, step)
        with np.errstate(invalid="ignore"):
            useful = np.isfinite(distance) & (distance <= own[rows][:, None] + other[columns] + slack)
        i, j = np.nonzero(useful)
        parts.append((rows[i], columns[j], distance[i, j]))
    found = _candidates(parts, focal, partner, complete=True)
    if len(found.focal) <= most:
        return found
    each = (max(most // (2 * found.size[0]), 2), max(most // (2 * found.size[1]), 2))
    return _few(found, found.distance, each)


def near_candidates(focal: Side, partner: Side, calipers: FloatArray | None = None, most: int = MOST) -> Candidates:
    """Return every pair, or where there are more than ``most`` the nearest ones of everybody on both sides, and some others.

    Examples
    --------
    >>> ages = Side(np.array([[30.0], [40.0]])), Side(np.array([[29.0], [42.0], [60.0]]))
    >>> near_candidates(*ages).partner.tolist()
    [0, 1, 2, 0, 1, 2]
    """
    one = nearest_candidates(focal, partner, calipers, max(len(partner.points), 1), most // 2)
    other = nearest_candidates(partner, focal, calipers, max(len(focal.points), 1), most // 2)
    turned = Candidates(other.partner, other.focal, other.distance, one.size)
    both = united(one, turned)
    return Candidates(both.focal, both.partner, both.distance, both.size, one.complete and other.complete)


def worthwhile(
    focal: Side,
    partner: Side,
    calipers: FloatArray | None,
    own: FloatArray,
    other: FloatArray,
    least: float = 0.0,
    each: int = 4,
) -> Candidates:
    """Return the pairs at less than the sum of two prices: those that gain most of everybody, up to ``each``.

    Parameters
    ----------
    focal, partner : Side
    calipers : ndarray or None
    own, other : ndarray, shapes (a,), (b,)
        Prices of each side, in distances.
    least : float
        What a pair must save.
    each : int

    Examples
    --------
    >>> ages = Side(np.array([[30.0], [40.0]])), Side(np.array([[29.0], [42.0], [60.0]]))
    >>> worthwhile(*ages, None, np.array([2.0, 2.0]), np.array([0.0, 0.5, 0.0])).partner.tolist()
    [0, 1]
    """
    step = _step(focal, partner)
    parts: list[tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]] = []
    for rows, columns, _ in _chunks(focal, partner):
        distance = _distances(focal, partner, rows, columns, calipers, step)
        left = distance - own[rows][:, None] - other[columns]
        useful = left < -max(least, 2 * step)
        for axis in (1, 0):
            keep = min(each, left.shape[axis])
            best = np.zeros(left.shape, dtype=bool)
            np.put_along_axis(
                best, np.argpartition(left, keep - 1, axis=axis).take(range(keep), axis=axis), values=True, axis=axis
            )
            i, j = np.nonzero(best & useful)
            parts.append((rows[i], columns[j], distance[i, j]))
    found = united(_candidates(parts, focal, partner, complete=False))
    return _few(found, found.distance - own[found.focal] - other[found.partner], (each, each))


def united(*lists: Candidates) -> Candidates:
    """Return candidates of several lists, each pair once."""
    width = lists[0].size[1]
    keys = np.concatenate([near.focal * width + near.partner for near in lists])
    keys, first = np.unique(keys, return_index=True)
    distance = np.concatenate([near.distance for near in lists])[first]
    return Candidates(keys // width, keys % width, distance, lists[0].size, complete=False)


def _chunks(focal: Side, partner: Side) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], int]]:
    """Return rows and columns that may be matched, some rows at a time, and how many rows compete for the columns."""
    blocks = np.zeros(len(focal.points), dtype=np.intp) if focal.blocks is None else focal.blocks
    others = np.zeros(len(partner.points), dtype=np.intp) if partner.blocks is None else partner.blocks
    order, sides = np.argsort(blocks, kind="stable"), np.argsort(others, kind="stable")
    for block in np.intersect1d(blocks, others):
        rows = order[slice(*np.searchsorted(blocks[order], [block, block + 1]))]
        columns = sides[slice(*np.searchsorted(others[sides], [block, block + 1]))]
        for part in np.array_split(rows, 1 + len(rows) * len(columns) // AT_ONCE):
            if len(part):
                yield part, columns, len(rows)


def _step(focal: Side, partner: Side) -> float:
    """Return the unit in which distances are counted: a power of two, some 1e-10 of how far apart people are."""
    wide = np.ptp(np.vstack([focal.points, partner.points]), axis=0).max(initial=0.0) if len(focal.points) else 0.0
    return float(2.0 ** (np.ceil(np.log2(wide)) - 33)) if wide > 0 else 1.0


def _distances(
    focal: Side,
    partner: Side,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    calipers: FloatArray | None,
    step: float,
) -> FloatArray:
    """Return distances in whole steps, infinite beyond a caliper."""
    from scipy.spatial.distance import cdist

    distance = np.asarray(cdist(focal.points[rows], partner.points[columns]), dtype=np.float64)
    # Two that are equal but for rounding are made equal, or the order of rows would choose between them.
    np.rint(distance / step, out=distance)
    distance *= step
    if calipers is not None and focal.marks is not None and partner.marks is not None:
        for j, width in enumerate(calipers.tolist()):
            apart = np.abs(focal.marks[rows, j][:, None] - partner.marks[columns, j])
            distance[apart > width * (1 + ROUNDING)] = np.inf
    return distance


def _smallest(
    rows: NDArray[np.intp], columns: NDArray[np.intp], distance: FloatArray, keep: int, spread: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]:
    """Return the nearest of each row, and of the others some at even steps through the columns."""
    there = np.isfinite(distance)
    if keep < len(columns):
        near = np.zeros(distance.shape, dtype=bool)
        np.put_along_axis(near, np.argpartition(distance, keep - 1, axis=1)[:, :keep], values=True, axis=1)
        if spread:
            rank = np.cumsum(there, axis=1)
            step = np.maximum(rank[:, -1:] // spread, 1)
            near |= there & ((rank - rows[:, None]) % step == 0)
        there &= near
    i, j = np.nonzero(there)
    return rows[i], columns[j], distance[i, j]


def _candidates(
    parts: list[tuple[NDArray[np.intp], NDArray[np.intp], FloatArray]], focal: Side, partner: Side, complete: bool
) -> Candidates:
    size = len(focal.points), len(partner.points)
    if not parts:
        empty = np.empty(0, dtype=np.intp)
        return Candidates(empty, empty, np.empty(0), size, complete)
    i, j, distance = (np.concatenate(side) for side in zip(*parts, strict=True))
    order = np.lexsort((j, i))
    return Candidates(i[order], j[order], distance[order], size, complete)


def _few(found: Candidates, value: FloatArray, each: tuple[int, int]) -> Candidates:
    """Return the pairs of least value of each person: so many of every focal person's, and so many of every partner's."""
    keep = np.zeros(len(found.focal), dtype=bool)
    for side, size, many in zip((found.focal, found.partner), found.size, each, strict=True):
        order = np.lexsort((value, side))
        first = np.searchsorted(side[order], np.arange(size))
        rank = np.arange(len(order)) - first[side[order]]
        keep[order[rank < many]] = True
    return Candidates(found.focal[keep], found.partner[keep], found.distance[keep], found.size, complete=False)
