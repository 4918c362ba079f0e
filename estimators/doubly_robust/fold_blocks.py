"""People sorted by fold and group, so that every sum a fold leaves out is a difference of two sums, all made in one pass.

A fit to everybody but fold k needs Σ over the people outside k; that is Σ over everybody less Σ over k. Sorting makes each fold's
share of a group a run of rows, which is walked in pieces that stay in the processor's cache.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray

PIECE: Final = 8_192
"""Rows that are worked on together."""


@dataclass(frozen=True, slots=True, eq=False)
class FoldBlocks:
    """Columns in order of fold, and of group within it.

    Parameters
    ----------
    order : ndarray of int, shape (n,)
        Position of each sorted row among the people.
    starts : ndarray of int, shape (K·G + 1,)
        Where the rows of fold k and group g begin, at k·G + g.
    columns : ndarray, shape (n, q)
        A first column of ones, the others with mean 0 and variance 1.
    weights : ndarray, shape (n,), or None
        None where everybody counts the same.
    n_folds, n_groups : int
    """

    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    columns: FloatArray
    weights: FloatArray | None
    n_folds: int
    n_groups: int

    def pieces(self) -> Iterator[tuple[int, int, slice]]:
        """Yield fold, group and rows, piece by piece."""
        for block in range(self.n_folds * self.n_groups):
            fold, group = divmod(block, self.n_groups)
            begin, end = int(self.starts[block]), int(self.starts[block + 1])
            for first in range(begin, end, PIECE):
                yield fold, group, slice(first, min(first + PIECE, end))

    @property
    def counts(self) -> NDArray[np.intp]:
        """Number of people by fold and group, shape (K, G)."""
        return np.diff(self.starts).reshape(self.n_folds, self.n_groups)

    def unsorted(self, values: FloatArray) -> FloatArray:
        """Return values of sorted rows in the order of the people."""
        found = np.empty_like(values)
        found[self.order] = values
        return found


def fold_blocks(
    covariates: FloatArray, codes: NDArray[np.intp], fold: NDArray[np.intp], weights: FloatArray, n_groups: int
) -> FoldBlocks:
    """Sort covariates (n, p) by fold and group.

    Examples
    --------
    >>> x = np.array([[1.0], [2.0], [3.0], [6.0]])
    >>> made = fold_blocks(x, np.array([0, 1, 0, 1]), np.array([1, 0, 0, 1]), np.ones(4), 2)
    >>> made.order.tolist(), made.counts.tolist()
    ([2, 1, 0, 3], [[1, 1], [1, 1]])
    """
    n, width = covariates.shape
    n_folds = int(fold.max()) + 1
    block = (fold * n_groups + codes).astype(np.int16 if n_folds * n_groups < 2**15 else np.int64)
    order = np.argsort(block, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(block, minlength=n_folds * n_groups))])
    mean = covariates.mean(axis=0)
    spread = np.array([covariates[:, j].std() for j in range(width)])
    spread[spread == 0] = 1.0
    columns = np.ones((n, width + 1))
    for first in range(0, n, PIECE):
        rows = slice(first, first + PIECE)
        piece = covariates[order[rows]]
        piece -= mean
        piece /= spread
        columns[rows, 1:] = piece
    sorted_weights = None if np.ptp(weights) == 0 else weights[order]
    return FoldBlocks(order, np.asarray(starts, dtype=np.intp), columns, sorted_weights, n_folds, n_groups)
