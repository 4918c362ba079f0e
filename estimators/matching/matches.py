"""Who is compared with whom, once matched: the linear maps that every matched estimate and its errors are made of.

Every focal person i (whose counterpart is wanted) has partners j of the other group with weights w_ij that sum to one. Two forms
hold them: `Pairs`, row by row, and `Strata`, where everybody's partners are all of the other group in the same set; strata never
write out their rows, of which there can be more than fit in memory.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray

Positions = NDArray[np.intp]


@runtime_checkable
class Matches(Protocol):
    """Matched people, by their positions 0..n-1 in the study."""

    @property
    def n(self) -> int:
        """Number of people, matched or not."""
        ...

    @property
    def matched(self) -> NDArray[np.bool_]:
        """Mark the focal people who have partners, shape (n,)."""
        ...

    @property
    def sets(self) -> Positions | None:
        """Matched set of each person, shape (n,), -1 for none; None where somebody is in several."""
        ...

    def counterpart(self, values: FloatArray) -> FloatArray:
        """Return Σ_j w_ij v_j of values (n, ...) for each matched focal person, and zero for all others."""
        ...

    def carried(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij, shape (n,): what each person carries as a partner of focal people who count a_i, shape (n,)."""
        ...

    def squared(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij², shape (n,)."""
        ...

    def rows(self) -> tuple[Positions, Positions, FloatArray, FloatArray | None]:
        """Return focal, partner, weight and distance (where there is one), a row each, by focal person and then partner."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Matches row by row.

    Parameters
    ----------
    n : int
    focal, partner : ndarray of int, shape (rows,)
        Positions of people; ordered by focal person, then partner.
    weight : ndarray, shape (rows,)
        Those of one focal person sum to one.
    distance : ndarray, shape (rows,), or None
    sets : ndarray of int, shape (n,), or None
        Matched set of each person, -1 for none; None where somebody may be in several.
    """

    n: int
    focal: Positions
    partner: Positions
    weight: FloatArray
    distance: FloatArray | None = None
    sets: Positions | None = None

    @property
    def matched(self) -> NDArray[np.bool_]:
        """Mark the focal people who have partners."""
        found = np.zeros(self.n, dtype=bool)
        found[self.focal] = True
        return found

    def counterpart(self, values: FloatArray) -> FloatArray:
        """Return Σ_j w_ij v_j for each matched focal person.

        Examples
        --------
        >>> pairs = Pairs(3, np.array([0, 0]), np.array([1, 2]), np.array([0.5, 0.5]))
        >>> pairs.counterpart(np.array([9.0, 1.0, 3.0])).tolist(), pairs.carried(np.ones(3)).tolist()
        ([2.0, 0.0, 0.0], [0.0, 0.5, 0.5])
        """
        flat = values.reshape(self.n, -1)
        columns = [np.bincount(self.focal, self.weight * column[self.partner], self.n) for column in flat.T]
        return np.asarray(np.column_stack(columns), dtype=np.float64).reshape(values.shape)

    def carried(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij of each person as a partner."""
        return np.asarray(np.bincount(self.partner, counts[self.focal] * self.weight, self.n), dtype=np.float64)

    def squared(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij² of each person as a partner."""
        return np.asarray(np.bincount(self.partner, counts[self.focal] * self.weight**2, self.n), dtype=np.float64)

    def rows(self) -> tuple[Positions, Positions, FloatArray, FloatArray | None]:
        """Return the rows as they are held."""
        return self.focal, self.partner, self.weight, self.distance


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Matches within sets: everybody's partners are all of the other group in the same set.

    Parameters
    ----------
    sets : ndarray of int, shape (n,)
        0..S-1, or -1 for people in none. Every set holds people of both groups.
    group : ndarray of int, shape (n,)
        0 for the untreated, 1 for the treated.
    focal : ndarray of bool, shape (n,)
        Whose counterpart is wanted: the treated, the untreated, or everybody.
    share : ndarray, shape (n,)
        What each person counts among the partners of a set: observation weights.
    """

    sets: Positions
    group: Positions
    focal: NDArray[np.bool_]
    share: FloatArray

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.sets)

    @property
    def matched(self) -> NDArray[np.bool_]:
        """Mark the focal people who have partners."""
        return np.asarray(self.focal & (self.sets >= 0))

    @property
    def _own(self) -> Positions:
        """The person's cell, set by group; people in no set share the last, which is nobody's other cell."""
        return np.asarray(np.where(self.sets >= 0, 2 * self.sets + self.group, self._cells))

    @property
    def _other(self) -> Positions:
        return np.asarray(np.where(self.matched, 2 * self.sets + 1 - self.group, self._cells + 1))

    @property
    def _cells(self) -> int:
        return 2 * (int(self.sets.max(initial=-1)) + 1)

    def _weights(self) -> FloatArray:
        """Return each person's part of their cell, (n,); zero for people in no set."""
        totals = np.bincount(self._own, self.share, self._cells + 2)
        return np.asarray(np.where(self.sets >= 0, self.share / totals[self._own], 0.0))

    def counterpart(self, values: FloatArray) -> FloatArray:
        """Return the other group's mean in each matched focal person's set.

        Examples
        --------
        >>> strata = Strata(np.array([0, 0, 0]), np.array([1, 0, 0]), np.array([True, False, False]), np.ones(3))
        >>> strata.counterpart(np.array([9.0, 1.0, 3.0])).tolist(), strata.carried(np.ones(3)).tolist()
        ([2.0, 0.0, 0.0], [0.0, 0.5, 0.5])
        """
        flat, weights, own, other = values.reshape(self.n, -1), self._weights(), self._own, self._other
        columns = [np.bincount(own, weights * column, self._cells + 2)[other] for column in flat.T]
        return np.asarray(np.column_stack(columns), dtype=np.float64).reshape(values.shape)

    def carried(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij of each person as a partner."""
        asked = np.bincount(self._other, np.where(self.matched, counts, 0.0), self._cells + 2)
        return np.asarray(self._weights() * asked[self._own])

    def squared(self, counts: FloatArray) -> FloatArray:
        """Return Σ_i a_i w_ij² of each person as a partner."""
        return np.asarray(self._weights() * self.carried(counts))

    def rows(self) -> tuple[Positions, Positions, FloatArray, FloatArray | None]:
        """Write out every focal person with every partner."""
        focal, weights = np.flatnonzero(self.matched), self._weights()
        order = np.argsort(self._own, kind="stable")
        sizes = np.bincount(self._own, minlength=self._cells + 2)
        starts = np.cumsum(sizes) - sizes
        other = self._other[focal]
        many = sizes[other]
        within = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        partner = order[np.repeat(starts[other], many) + within]
        return np.repeat(focal, many), partner, weights[partner], None
