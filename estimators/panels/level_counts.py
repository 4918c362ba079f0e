"""Counts of rows by pairs of levels of fixed effects, which make the system of their levels, and how many are parameters."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from counterfoil.estimators.covariance import FloatArray

Codes = NDArray[np.intp]

DENSE: Final = 1_500
"""Levels of effects, apart from units', whose system is held as a matrix."""
# Units by levels that are counted in a plain array.
COUNTED: Final = 20_000_000
# An eigenvalue below this part of the largest is a combination of levels that says nothing of its own.
NOTHING: Final = 1e-10


def crossing(codes: Sequence[Codes], levels: Sequence[int], weights: FloatArray | None) -> FloatArray:
    """Return weighted counts of rows in each pair of levels, shape (L, L)."""
    blocks = [
        [
            np.diag(np.bincount(one, weights=weights, minlength=rows).astype(np.float64))
            if one is other
            else np.bincount(one * columns + other, weights=weights, minlength=rows * columns).reshape(rows, columns)
            for other, columns in zip(codes, levels, strict=True)
        ]
        for one, rows in zip(codes, levels, strict=True)
    ]
    return np.block(blocks).astype(np.float64)


def through_units(
    codes: Sequence[Codes],
    levels: Sequence[int],
    starts: NDArray[np.intp],
    sizes: NDArray[np.intp],
    weights: FloatArray | None,
) -> FloatArray:
    """Return the part of `crossing` that units' means take away, shape (L, L)."""
    scale = (1.0 if weights is None else weights) / sizes
    unit = np.repeat(np.arange(len(starts)), sizes)
    total = sum(levels)
    square = len(levels) == 1 and len(starts) * total == len(unit)
    if square and (np.bincount(unit * total + codes[0], minlength=len(unit)) == 1).all():
        return np.full((total, total), float(scale.sum()))  # balanced: every unit has every level once
    if len(starts) * total <= COUNTED:
        bounds = np.cumsum([0, *levels])[:-1]
        counts = np.zeros(len(starts) * total)
        for code, first in zip(codes, bounds, strict=True):
            counts += np.bincount(unit * total + code + first, minlength=len(counts))
        grid = counts.reshape(len(starts), total)
        return np.asarray(grid.T @ (grid * scale[:, None]))
    bounds = np.cumsum([0, *levels])[:-1]
    rows = np.concatenate([unit] * len(levels))
    columns = np.concatenate([code + first for code, first in zip(codes, bounds, strict=True)])
    sparse = csr_array(coo_array((np.ones(len(rows)), (rows, columns)), shape=(len(starts), total)))
    scaled = csr_array(sparse.multiply(scale[:, None]))
    return np.asarray((sparse.T @ scaled).toarray())


def rank_of(codes: Sequence[Codes], levels: Sequence[int]) -> int:
    """Return how many parameters effects have together.

    Exact for up to two effects of any size and for any number of effects of up to `DENSE` levels; of a third large effect
    one level is taken to repeat the others.
    """
    if len(codes) < 2:
        return sum(levels)
    if sum(levels) <= DENSE:
        values = np.linalg.eigvalsh(crossing(codes, levels, None))
        return int((values > NOTHING * values.max()).sum())
    size = levels[0] + levels[1]
    graph = coo_array((np.ones(len(codes[0]), dtype=bool), (codes[0], codes[1] + levels[0])), shape=(size, size))
    parts = int(connected_components(graph, directed=False)[0])
    return size - parts + sum(levels[2:]) - len(levels[2:])
