"""People taken by fold and group, so that every sum a fold leaves out is a difference of two sums, all made in one pass.

A fit to everybody but fold k needs Σ over the people outside k; that is Σ over everybody less Σ over k. People are walked in
pieces that stay in the processor's cache, and sorted there: no second copy of their covariates is made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray

PIECE: Final = 16_384
"""People who are worked on together."""


class Piece(NamedTuple):
    """Some people of one fold and group: who they are (m,), columns (m, q), and weights (m,) where they differ."""

    fold: int
    group: int
    people: NDArray[np.intp]
    columns: FloatArray
    weights: FloatArray | None


@dataclass(frozen=True, slots=True, eq=False)
class FoldBlocks:
    """Covariates, and each person's fold and group.

    Parameters
    ----------
    covariates : ndarray, shape (n, p)
    block : ndarray of int, shape (n,)
        k·G + g for fold k and group g.
    mean, scale : ndarray, shape (p,)
        What makes columns of mean 0 and variance 1.
    weights : ndarray, shape (n,), or None
        None where everybody counts the same.
    n_folds, n_groups : int
    """

    covariates: FloatArray
    block: NDArray[Any]
    mean: FloatArray
    scale: FloatArray
    weights: FloatArray | None
    n_folds: int
    n_groups: int

    @property
    def n(self) -> int:
        """Number of people."""
        return len(self.block)

    @property
    def width(self) -> int:
        """Number of columns, the first of ones."""
        return len(self.mean) + 1

    @property
    def counts(self) -> NDArray[np.intp]:
        """Number of people by fold and group, shape (K, G)."""
        found = np.bincount(self.block, minlength=self.n_folds * self.n_groups)
        return found.reshape(self.n_folds, self.n_groups)

    def columns(self, people: slice | NDArray[np.intp]) -> FloatArray:
        """Return columns (m, q) of some people: ones, and covariates on one scale."""
        given = self.covariates[people]
        found = np.ones((len(given), self.width))
        np.subtract(given, self.mean, out=found[:, 1:])
        found[:, 1:] *= self.scale
        return found

    def pieces(self) -> Iterator[Piece]:
        """Yield everybody once, by fold and group within pieces."""
        every = np.arange(self.n_folds * self.n_groups + 1)
        for first in range(0, self.n, PIECE):
            block = self.block[first : first + PIECE]
            order = np.argsort(block, kind="stable")
            people = order + first
            columns = self.columns(slice(first, first + PIECE))[order]
            weights = None if self.weights is None else self.weights[people]
            starts = np.searchsorted(block[order], every).tolist()
            for number, (begin, end) in enumerate(pairwise(starts)):
                if end > begin:
                    own = None if weights is None else weights[begin:end]
                    yield Piece(*divmod(number, self.n_groups), people[begin:end], columns[begin:end], own)


def fold_blocks(
    covariates: FloatArray, codes: NDArray[np.intp], fold: NDArray[np.intp], weights: FloatArray, n_groups: int
) -> FoldBlocks:
    """Return people by fold and group, with covariates (n, p) that are scaled as they are read.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [3.0], [6.0]])
    >>> made = fold_blocks(x, np.array([0, 1, 0, 1]), np.array([1, 0, 0, 1]), np.ones(4), 2)
    >>> [(piece.fold, piece.group, piece.people.tolist()) for piece in made.pieces()]
    [(0, 0, [2]), (0, 1, [1]), (1, 0, [0]), (1, 1, [3])]
    """
    n_folds = int(fold.max()) + 1
    block = (fold * n_groups + codes).astype(np.int16 if n_folds * n_groups < 2**15 else np.int64)
    spread = np.array([column.std() for column in covariates.T])
    spread[spread == 0] = 1.0
    return FoldBlocks(
        covariates=covariates,
        block=block,
        mean=covariates.mean(axis=0),
        scale=1.0 / spread,
        weights=None if np.ptp(weights) == 0 else weights,
        n_folds=n_folds,
        n_groups=n_groups,
    )
