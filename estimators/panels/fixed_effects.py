"""Fixed effects taken out of columns before a regression, exactly (Frisch and Waugh 1933; Lovell 1963).

The effect of units, of which there are many, is swept out by means. What the other effects add follows from one system of
equations between their levels, of the size of periods and not of rows, also in unbalanced panels (Wansbeek and Kapteyn
1989, "Estimation of the error-components model with incomplete panels", Journal of Econometrics 41(3)). With more levels
than `level_counts.DENSE` the system is solved by LSMR (Fong and Saunders 2011), and refused beyond `TOLERANCE`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, lsmr

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels import level_counts
from counterfoil.estimators.panels.level_counts import NOTHING, Codes, crossing, rank_of, through_units

TOLERANCE: Final = 1e-9
"""Sums by level that the iterative solution may leave, relative to those before; it goes on to rounding, about 1e-12."""
STEPS: Final = 2_000
ROUNDING: Final = 1e-13


@dataclass(frozen=True, slots=True, eq=False)
class FixedEffects:
    """Effects of rows that are ordered by unit; made by `fixed_effects`.

    Parameters
    ----------
    starts : ndarray of int, shape (n_units,)
        First row of each unit.
    sizes : ndarray of int, shape (n_units,)
        Rows of each unit.
    by_unit : bool
        Whether units have an effect.
    codes : tuple of ndarray of int, shape (n_rows,)
        Levels 0..L-1 of each other effect.
    levels : tuple of int
        How many each has.
    weights : ndarray, shape (n_rows,), or None
        Positive, the same in all rows of a unit; None for equal ones.
    inverse : ndarray, shape (L, L), or None
        Generalized inverse of the levels' system; None where it is solved by steps.
    rank : int
        Parameters of all effects together.
    """

    starts: NDArray[np.intp]
    sizes: NDArray[np.intp]
    by_unit: bool
    codes: tuple[Codes, ...]
    levels: tuple[int, ...]
    weights: FloatArray | None
    inverse: FloatArray | None
    rank: int

    def residual(self, column: FloatArray) -> FloatArray:
        """Return what the effects do not explain of a column, shape (n_rows,).

        Raises
        ------
        IdentificationError
            IDENT-028 when the steps do not reach the tolerance.
        """
        left = self.without_units(column)
        if not self.codes:
            return left
        found = (
            self._by_steps(left, float(np.abs(column).max()))
            if self.inverse is None
            else self.inverse @ self._sums(left)
        )
        return left - self.without_units(self._spread(found))

    def residuals(self, columns: FloatArray) -> FloatArray:
        """Return `residual` of each column of (n_rows, k), with the columns one after another in memory."""
        left = np.empty(columns.shape, order="F")
        for position in range(columns.shape[1]):
            left[:, position] = self.residual(np.ascontiguousarray(columns[:, position]))
        return left

    def unit_sums(self, rows: FloatArray) -> FloatArray:
        """Return sums of rows (n_rows,) by unit, shape (n_units,)."""
        return np.asarray(np.add.reduceat(rows, self.starts))

    def dummies(self) -> FloatArray:
        """Return the effects apart from units' as columns of 0 and 1 without units' means, shape (n_rows, L)."""
        left = np.empty((int(self.sizes.sum()), sum(self.levels)), order="F")
        first = 0
        for code, levels in zip(self.codes, self.levels, strict=True):
            for level in range(levels):
                left[:, first + level] = self.without_units((code == level).astype(np.float64))
            first += levels
        return left

    def nested_in(self, clusters: Codes) -> tuple[bool, ...]:
        """Tell for each effect apart from units' whether all rows of a level are in one cluster."""
        found = []
        for code, levels in zip(self.codes, self.levels, strict=True):
            own = np.zeros(levels, dtype=np.intp)
            own[code] = clusters
            found.append(bool((own[code] == clusters).all()))
        return tuple(found)

    def crossed(self, clusters: Codes) -> int:
        """Return the parameters, one for a constant included, of the effects that are not nested in clusters.

        Parameters
        ----------
        clusters : ndarray of int, shape (n_rows,)
            Units are nested in them.
        """
        nested = self.nested_in(clusters)
        kept = [code for code, inside in zip(self.codes, nested, strict=True) if not inside]
        levels = [count for count, inside in zip(self.levels, nested, strict=True) if not inside]
        return max(1, rank_of(kept, levels))

    def without_units(self, column: FloatArray) -> FloatArray:
        """Return a column less its units' means, where units have an effect."""
        if not self.by_unit:
            return column
        # Weights are equal within a unit, so that its mean is a plain one.
        return np.asarray(column - np.repeat(np.add.reduceat(column, self.starts) / self.sizes, self.sizes))

    def _sums(self, rows: FloatArray) -> FloatArray:
        weighted = rows if self.weights is None else rows * self.weights
        parts = [
            np.bincount(code, weights=weighted, minlength=levels)
            for code, levels in zip(self.codes, self.levels, strict=True)
        ]
        return np.concatenate(parts)

    def _spread(self, found: FloatArray) -> FloatArray:
        bounds = np.cumsum(self.levels)[:-1]
        spread = np.zeros(int(self.sizes.sum()))
        for part, code in zip(np.split(found, bounds), self.codes, strict=True):
            spread += part[code]
        return spread

    def _by_steps(self, column: FloatArray, size: float) -> FloatArray:
        """Return the levels of the other effects from a column without units' means, by LSMR on scaled columns."""
        rows, total = int(self.sizes.sum()), sum(self.levels)
        root = np.ones(rows) if self.weights is None else np.sqrt(self.weights)
        counts = self._sums(np.ones(rows))
        scale = 1.0 / np.sqrt(counts)
        operator: Any = LinearOperator(
            (rows, total),
            matvec=lambda x: root * self.without_units(self._spread(np.ravel(x) * scale)),
            rmatvec=lambda r: scale * self._sums(self.without_units(np.ravel(r) / root)),
        )
        found = lsmr(operator, column * root, atol=1e-15, btol=1e-15, conlim=0.0, maxiter=STEPS)[0] * scale
        sums = float(np.linalg.norm(self._sums(column)))
        gap = float(np.linalg.norm(self._sums(self.without_units(column - self._spread(found)))))
        if gap > TOLERANCE * sums + ROUNDING * size * float(np.linalg.norm(counts)):
            raise refusal("IDENT-028", f"{total:,} levels of fixed effects left a gap of {gap / sums:.0e}", "estimator")
        return np.asarray(found)


def fixed_effects(
    unit: NDArray[np.integer[Any]],
    others: Sequence[NDArray[np.integer[Any]]],
    weights: FloatArray | None = None,
    *,
    by_unit: bool = True,
) -> FixedEffects:
    """Prepare fixed effects for rows ordered by unit.

    Parameters
    ----------
    unit : ndarray of int, shape (n_rows,)
        Ascending.
    others : sequence of ndarray of int, shape (n_rows,)
        Codes of other effects, such as periods; codes that do not occur are left out.
    weights : ndarray, shape (n_rows,), optional
        Positive, the same in all rows of a unit.
    by_unit : bool
        Whether units have an effect.

    Examples
    --------
    >>> unit, period = np.repeat([0, 1], 3), np.tile([0, 1, 2], 2)
    >>> both = fixed_effects(unit, [period])
    >>> bool(np.allclose(both.residual(np.array([1.0, 2.0, 3.0, 5.0, 6.0, 7.0])), 0.0)), both.rank
    (True, 4)
    """
    starts = np.flatnonzero(np.diff(unit, prepend=-1))
    sizes = np.diff(starts, append=len(unit))
    codes: list[Codes] = []
    levels: list[int] = []
    for code in others:
        held = np.bincount(code) > 0
        used = np.asarray(code, dtype=np.intp) if held.all() else (np.cumsum(held) - 1)[code]
        codes.append(used)
        levels.append(int(held.sum()))
    first = len(starts) if by_unit else 0
    if not codes:
        return FixedEffects(starts, sizes, by_unit, (), (), weights, None, first)
    if sum(levels) > level_counts.DENSE:
        rank = rank_of(
            [np.repeat(np.arange(first), sizes), *codes] if by_unit else codes, [first, *levels][not by_unit :]
        )
        return FixedEffects(starts, sizes, by_unit, tuple(codes), tuple(levels), weights, None, rank)
    system = crossing(codes, levels, weights)
    if by_unit:
        own = None if weights is None else weights[starts]
        system -= through_units(codes, levels, starts, sizes, own)
    values, vectors = np.linalg.eigh(system)
    kept = values > NOTHING * max(values.max(initial=0.0), 1e-300)
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    rank = first + int(kept.sum())
    return FixedEffects(starts, sizes, by_unit, tuple(codes), tuple(levels), weights, inverse, rank)
