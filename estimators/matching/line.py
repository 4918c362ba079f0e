"""Nearest neighbours on a line: people by their score, on a grid so that ties are exact.

Scores in standard deviations are rounded to nine digits after the point (`grid`). Distances are then whole numbers, two of
them tie or do not whatever the machine, and the answer depends on people's order only through ids.

Partners used once are found by one sweep: two arrays of pointers say the nearest free partner upwards and downwards of every
score, and are shortened as they are followed (path halving, Tarjan and van Leeuwen 1984, Journal of the ACM 31(2)), so that
the sweep takes about as long as sorting.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.matches import Positions

Keys = NDArray[np.int64]

FINEST: Final = 1e9
"""Steps of the grid in one standard deviation."""
AT_ONCE: Final = 65_536
"""Turns whose places are held as plain numbers at a time."""


def grid(places: FloatArray, blocks: Positions | None = None, caliper: float | None = None) -> tuple[Keys, int]:
    """Return people's places as whole numbers, shape (n,), and how far apart two may be to be partners.

    Parameters
    ----------
    places : ndarray, shape (n,)
        In standard deviations.
    blocks : ndarray of int, shape (n,), optional
        People of different blocks are put further apart than any partners may be.
    caliper : float, optional
        In standard deviations.

    Examples
    --------
    >>> keys, limit = grid(np.array([0.0, 0.1, 0.3]), np.array([0, 0, 1]), caliper=0.2)
    >>> keys.tolist(), limit
    ([0, 100000000, 900000001], 200000000)
    """
    keys = np.rint(places * FINEST).astype(np.int64)
    keys -= keys.min()
    span = int(keys.max())
    limit = span if caliper is None else min(span, int(np.floor(caliper * FINEST)))
    if blocks is not None and blocks.any():
        keys += blocks * (2 * span + 1)
    return keys, limit


def sweep(
    focal: Keys, partners: Keys, limit: int, rounds: int = 1, order: Positions | None = None
) -> tuple[Positions, Positions, int]:
    """Give each focal person in turn the nearest partner still free; in later rounds, a further one.

    Of partners equally near the first by position is taken.

    Parameters
    ----------
    focal : ndarray of int, shape (m,)
        Places on the grid.
    partners : ndarray of int, shape (k,)
    limit : int
        Largest distance.
    rounds : int
        Most partners for one person; nobody gets a second before all had their turn.
    order : ndarray of int, shape (m,), optional
        Who chooses first; as they stand when omitted.

    Returns
    -------
    chooser, chosen : ndarray of int, shape (pairs,)
        Positions among the focal people and among the partners.
    ties : int
        Choices between several who were equally near.

    Examples
    --------
    >>> chooser, chosen, ties = sweep(np.array([10, 11]), np.array([11, 5, 10]), limit=3)
    >>> chooser.tolist(), chosen.tolist(), ties
    ([0, 1], [2, 0], 0)
    """
    turn = np.arange(len(focal)) if order is None else order
    nobody = np.empty(0, dtype=np.intp)
    if not len(partners) or not len(focal):
        return nobody, nobody, 0
    by_key = np.argsort(partners, kind="stable")
    ranked = partners[by_key]
    opens = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    places = ranked[opens]
    free = _Free(places, opens, by_key, limit, beyond=max(int(places[-1]), int(focal.max())) + limit + 1)
    choosers, chosen = [], []
    for _ in range(rounds):
        keys = focal[turn]
        found = free.take(keys, np.searchsorted(places, keys))
        had = found >= 0
        turn = turn[had]
        choosers.append(turn)
        chosen.append(found[had])
        if not len(turn):
            break
    return np.concatenate(choosers), np.concatenate(chosen), free.ties


class _Free:
    """Who is still free, as pointers: local to a sweep, and changed by it."""

    __slots__ = ("by_key", "down", "head", "limit", "place", "single", "stop", "ties", "up")

    def __init__(self, places: Keys, opens: Positions, by_key: Positions, limit: int, beyond: int) -> None:
        count = len(places)
        padded = np.concatenate([[-limit - 1], places, [beyond]])
        # Whole numbers below 2**52 are exact as floats, which plain Python compares faster.
        self.place: list[float] = (padded.astype(np.float64) if beyond < 2**52 else padded).tolist()
        self.up = list(range(count + 2))
        self.down = self.up.copy()
        self.limit = limit
        self.ties = 0
        self.by_key = by_key
        self.single = count == len(by_key)
        # With one person a place, the place's number less one is the person's rank.
        self.head: list[int] = [] if self.single else [0, *opens.tolist(), 0]
        self.stop: list[int] = [] if self.single else [0, *opens[1:].tolist(), len(by_key), 0]

    def take(self, keys: Keys, below: Positions) -> Positions:
        """Return the position taken at each turn, or -1."""
        exact = keys.astype(np.float64) if isinstance(self.place[0], float) else keys
        found = np.empty(len(keys), dtype=np.intp)
        for first in range(0, len(keys), AT_ONCE):
            part = slice(first, first + AT_ONCE)
            found[part] = self._ranks(exact[part].tolist(), below[part].tolist())
        return np.where(found >= 0, self.by_key[found], -1)

    def _ranks(self, keys: list[float], below: list[int]) -> list[int]:
        """Return the rank by place of whom each takes, or -1."""
        place, up, down, head, stop, by_key = self.place, self.up, self.down, self.head, self.stop, self.by_key
        single, limit, ties = self.single, self.limit, 0
        found = [-1] * len(keys)
        for turn, (key, low) in enumerate(zip(keys, below, strict=True)):
            right = low + 1
            while (after := up[right]) != right:
                up[right] = right = up[after]
            left = low
            while (after := down[left]) != left:
                down[left] = left = down[after]
            rise, fall = place[right] - key, key - place[left]
            if fall < rise:
                nearest, distance = left, fall
            elif rise < fall:
                nearest, distance = right, rise
            elif rise > limit:
                continue
            else:
                first = by_key[(right - 1) if single else head[right]]
                nearest = right if first < by_key[(left - 1) if single else head[left]] else left
                distance = rise
                ties += 1
            if distance > limit:
                continue
            if single:
                found[turn] = nearest - 1
            else:
                rank = head[nearest]
                found[turn] = rank
                head[nearest] = rank + 1
                if rank + 1 < stop[nearest]:
                    ties += rise != fall
                    continue
            up[nearest] = nearest + 1
            down[nearest] = nearest - 1
        self.ties += ties
        return found


def windows(
    focal: Keys, partners: Keys, limit: int, count: int = 1, least: int = 1
) -> tuple[Positions, Positions, Positions]:
    """Return everybody's nearest partners, of whom each may be partner of several; all who tie with the last are kept.

    On a line they are neighbours of each other too, so that a first one and a number say who they are.

    Parameters
    ----------
    focal, partners : ndarray of int, shapes (m,), (k,)
        Places on the grid.
    limit : int
        Largest distance.
    count : int
        Partners wanted for each; fewer where there are fewer within the limit.
    least : int
        People with fewer than this get none.

    Returns
    -------
    by_key : ndarray of int, shape (k,)
        Positions of the partners in order of place.
    low, sizes : ndarray of int, shape (m,)
        Each focal person's partners are ``by_key[low : low + sizes]``.

    Examples
    --------
    >>> by_key, low, sizes = windows(np.array([10, 40]), np.array([11, 30, 9]), limit=20)
    >>> by_key.tolist(), low.tolist(), sizes.tolist()
    ([2, 0, 1], [0, 2], [2, 1])
    """
    by_key = np.argsort(partners, kind="stable")
    if not len(partners) or not len(focal):
        return by_key, np.zeros(len(focal), dtype=np.intp), np.zeros(len(focal), dtype=np.intp)
    ranked = partners[by_key]
    # Sorted queries walk through memory once instead of jumping about.
    asked = np.argsort(focal, kind="stable")
    keys = focal[asked]
    reach = np.minimum(reach_of(keys, ranked, count), limit)
    low, sizes = np.empty(len(focal), dtype=np.intp), np.empty(len(focal), dtype=np.intp)
    low[asked] = np.searchsorted(ranked, keys - reach, "left")
    sizes[asked] = np.searchsorted(ranked, keys + reach, "right") - low[asked]
    sizes[sizes < least] = 0
    return by_key, low, sizes


def reach_of(keys: Keys, ranked: Keys, count: int) -> Keys:
    """Return the distance of the nearest-but-(count − 1) partner, shape (m,)."""
    right = np.searchsorted(ranked, keys)
    left = right - 1
    far = np.int64(np.iinfo(np.int64).max // 4)
    padded = np.concatenate([ranked, [far]])
    reach = np.zeros(len(keys), dtype=np.int64)
    for _ in range(min(count, len(ranked))):
        rise = np.where(right < len(ranked), padded[right] - keys, far)
        fall = np.where(left >= 0, keys - padded[left], far)
        nearer = fall <= rise
        reach = np.where(nearer, fall, rise)
        left, right = left - nearer, right + ~nearer
    return reach


def spans(starts: Positions, sizes: Positions) -> Positions:
    """Return the whole numbers from each start on, as many as its size, one after another."""
    if (sizes == 1).all():
        return starts
    ends = np.cumsum(sizes)
    return np.asarray(np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(starts - ends + sizes, sizes))
