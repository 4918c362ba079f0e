"""Multiplier bootstrap of group-time effects: one random sign a unit, or a cluster, and draw.

A sign is ±1 by a random bit, so the sum of signed influence values is twice the sum over the units whose bit is set, less
the sum over all. Bits are unpacked for some thousand units at a time, and multiplied only with the cells in which those
units have influence. Source: Callaway and Sant'Anna (2021), section 4.1 and algorithm 1, with Rademacher signs.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.group_time_effects import Block

AT_ONCE: Final = 512
"""Units whose bits are unpacked together: few enough for the processor's cache."""


def multiplier_draws(
    blocks: Sequence[Block],
    bounds: NDArray[np.intp],
    cells: int,
    size: int,
    seed: int,
    clusters: NDArray[np.intp] | None = None,
) -> FloatArray:
    """Return draws of the sums of signed influence values, shape (size, cells).

    Parameters
    ----------
    blocks : sequence of Block
    bounds : ndarray of int
        Where each cohort begins, and the end; units of a cohort have influence in the same cells.
    cells : int
    size, seed : int
        Same seed, same draws.
    clusters : ndarray of int, shape (n,), optional
        Codes 0..C-1 in the order of the blocks' units; their sums are drawn, not the units'.
    """
    rng = np.random.default_rng(seed)
    drawn = np.zeros((size, cells))
    if clusters is not None:
        return _signed_sums([cluster_sums(blocks, clusters, cells)], size, rng).T
    if any(not isinstance(place, slice) for block in blocks for place, _ in block.pieces):
        blocks = [_whole(blocks, int(bounds[-1]), cells)]
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        held = [
            (block.cells, part[first - place.start : last - place.start])
            for block in blocks
            for place, part in block.pieces
            if isinstance(place, slice) and place.start <= first and last <= place.stop
        ]
        if held and first < last:
            drawn[:, np.concatenate([at for at, _ in held])] += _signed_sums([part for _, part in held], size, rng).T
    return drawn


def _whole(blocks: Sequence[Block], units: int, cells: int) -> Block:
    """Return one block of all units and cells."""
    sums = np.zeros((units, cells))
    for block in blocks:
        for place, part in block.pieces:
            rows = np.arange(place.start, place.stop) if isinstance(place, slice) else place
            sums[rows[:, None], block.cells] += part
    return Block(np.arange(cells), ((slice(0, units), sums),))


def cluster_sums(blocks: Sequence[Block], clusters: NDArray[np.intp], cells: int) -> FloatArray:
    """Return influence values summed by cluster, shape (C, cells)."""
    count = int(clusters.max()) + 1
    sums = np.zeros((count, cells))
    for block in blocks:
        for place, part in block.pieces:
            code = clusters[place]
            pick = csr_array((np.ones(len(code)), (code, np.arange(len(code)))), shape=(count, len(code)))
            sums[:, block.cells] += pick @ part
    return sums


def _signed_sums(parts: Sequence[FloatArray], size: int, rng: np.random.Generator) -> FloatArray:
    """Return signed sums over the rows of some arrays side by side, shape (columns, size)."""
    found = np.zeros((sum(part.shape[1] for part in parts), size), dtype=np.float64)
    whole = np.concatenate([part.sum(axis=0) for part in parts])
    for at in range(0, len(parts[0]), AT_ONCE):
        influence = np.hstack([part[at : at + AT_ONCE] for part in parts], dtype=np.float32)
        packed = np.frombuffer(rng.bytes(len(influence) * -(-size // 8)), dtype=np.uint8).reshape(len(influence), -1)
        bits = np.unpackbits(packed, axis=1, count=size).astype(np.float32)
        found += influence.T @ bits
    return np.asarray(2.0 * found - whole[:, None])
