"""Matches with replacement on a line: everybody's partners stand next to each other, so a first and a last one say who they are.

With few distinct scores a person can tie with thousands; sums over windows then take running sums and no rows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching import line
from counterfoil.estimators.matching.matches import Matches, Pairs, Positions


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Matches of focal people to runs of partners.

    Parameters
    ----------
    n : int
    focal : ndarray of int, shape (m,)
        Positions of the focal people who have partners, in order.
    ranked : ndarray of int, shape (k,)
        Positions of the other group, in order of place.
    low, sizes : ndarray of int, shape (m,)
        Partners of a focal person: ``ranked[low : low + sizes]``, each with the same weight.
    ties : int
        Focal people who have more partners than asked for because they tie.
    """

    n: int
    focal: Positions
    ranked: Positions
    low: Positions
    sizes: Positions
    ties: int

    @classmethod
    def nearest(
        cls, n: int, keys: line.Keys, focal: Positions, partners: Positions, limit: int, ratio: int, min_ratio: int
    ) -> "Windows":
        """Return the nearest on the grid of all n people; see `line.windows`."""
        by_key, low, sizes = line.windows(keys[focal], keys[partners], limit, ratio, min_ratio)
        some = sizes > 0
        if some.all():
            return cls(n, focal, partners[by_key], low, sizes, int((sizes > ratio).sum()))
        return cls(n, focal[some], partners[by_key], low[some], sizes[some], int((sizes > ratio).sum()))

    @property
    def matched(self) -> NDArray[np.bool_]:
        """Mark the focal people who have partners."""
        found = np.zeros(self.n, dtype=bool)
        found[self.focal] = True
        return found

    @property
    def sets(self) -> None:
        """Nobody's set: people may be partners of several."""
        return

    @property
    def n_rows(self) -> int:
        """How many rows the matches would have."""
        return int(self.sizes.sum())

    def counterpart(self, values: FloatArray) -> FloatArray:
        """Return the mean of each matched focal person's partners.

        Examples
        --------
        >>> people = Windows(3, np.array([0]), np.array([1, 2]), np.array([0]), np.array([2]), 1)
        >>> people.counterpart(np.array([9.0, 1.0, 3.0])).tolist(), people.carried(np.ones(3)).tolist()
        ([2.0, 0.0, 0.0], [0.0, 0.5, 0.5])
        """
        flat = values.reshape(self.n, -1)
        found = np.zeros(flat.shape)
        for out, column in zip(found.T, flat.T, strict=True):
            held = column[self.ranked]
            centre = held.mean()
            running = np.concatenate([[0.0], np.cumsum(held - centre)])
            out[self.focal] = centre + (running[self.low + self.sizes] - running[self.low]) / self.sizes
        return found.reshape(values.shape)

    def carried(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij of each person as a partner."""
        return self._spread(counts[self.focal] / self.sizes)

    def squared(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij² of each person as a partner."""
        return self._spread(counts[self.focal] / self.sizes**2)

    def _spread(self, each: FloatArray) -> FloatArray:
        size, last = len(self.ranked) + 1, self.low + self.sizes
        sums = np.cumsum(np.bincount(self.low, each, size) - np.bincount(last, each, size))[:-1]
        used = np.cumsum(np.bincount(self.low, minlength=size) - np.bincount(last, minlength=size))[:-1] > 0
        found = np.zeros(self.n)
        found[self.ranked] = np.where(used, sums, 0.0)
        return found

    def rows(self) -> tuple[Positions, Positions, FloatArray, None]:
        """Write out every focal person with every partner."""
        partner = self.ranked[line.spans(self.low, self.sizes)]
        focal = np.repeat(self.focal, self.sizes)
        if self.n_rows > len(self.focal):
            partner = partner[np.lexsort((partner, focal))]
        return focal, partner, np.repeat(1.0 / self.sizes, self.sizes), None

    def pairs(self, keys: line.Keys) -> Pairs:
        """Return the matches row by row, with distances in standard deviations."""
        focal, partner, weight, _ = self.rows()
        return Pairs(self.n, focal, partner, weight, np.abs(keys[focal] - keys[partner]) / line.FINEST)


@dataclass(frozen=True, slots=True, eq=False)
class Both:
    """Matches of the treated and of the untreated, for everybody's effect."""

    treated: Matches
    untreated: Matches

    @property
    def n(self) -> int:
        """Number of people."""
        return self.treated.n

    @property
    def matched(self) -> NDArray[np.bool_]:
        """Mark the people who have partners."""
        return np.asarray(self.treated.matched | self.untreated.matched)

    @property
    def sets(self) -> None:
        """Nobody's set: people may be partners of several."""
        return

    def counterpart(self, values: FloatArray) -> FloatArray:
        """Return the mean of each matched person's partners."""
        return self.treated.counterpart(values) + self.untreated.counterpart(values)

    def carried(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij of each person as a partner."""
        return self.treated.carried(counts) + self.untreated.carried(counts)

    def squared(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij² of each person as a partner."""
        return self.treated.squared(counts) + self.untreated.squared(counts)

    def rows(self) -> tuple[Positions, Positions, FloatArray, FloatArray | None]:
        """Write out every focal person with every partner."""
        one, other = self.treated.rows(), self.untreated.rows()
        focal, partner, weight = (np.concatenate([one[k], other[k]]) for k in range(3))
        distance = None if one[3] is None or other[3] is None else np.concatenate([one[3], other[3]])
        order = np.lexsort((partner, focal))
        return focal[order], partner[order], weight[order], None if distance is None else distance[order]
