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

AT_ONCE: Final = 4_096
"""Units whose bits are unpacked together."""


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
        _add(drawn, np.arange(cells), cluster_sums(blocks, clusters, cells), rng)
        return drawn
    if any(not isinstance(place, slice) for block in blocks for place, _ in block.pieces):
        _add(drawn, np.arange(cells), cluster_sums(blocks, np.arange(bounds[-1]), cells), rng)
        return drawn
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        held = [
            (block.cells, part, place.start)
            for block in blocks
            for place, part in block.pieces
            if isinstance(place, slice) and place.start <= first and last <= place.stop
        ]
        if not held or first == last:
            continue
        columns = np.concatenate([places for places, _, _ in held])
        for at in range(first, last, AT_ONCE):
            end = min(at + AT_ONCE, last)
            part = np.hstack([influence[at - begin : end - begin] for _, influence, begin in held], dtype=np.float32)
            _add_signed(drawn, columns, part, rng)
    return drawn


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


def _add(drawn: FloatArray, columns: NDArray[np.intp], sums: FloatArray, rng: np.random.Generator) -> None:
    for at in range(0, len(sums), AT_ONCE):
        _add_signed(drawn, columns, sums[at : at + AT_ONCE].astype(np.float32), rng)


def _add_signed(
    drawn: FloatArray, columns: NDArray[np.intp], part: NDArray[np.float32], rng: np.random.Generator
) -> None:
    """Add the signed sums of some units; columns may come more than once."""
    size = len(drawn)
    packed = np.frombuffer(rng.bytes(len(part) * -(-size // 8)), dtype=np.uint8).reshape(len(part), -1)
    bits = np.unpackbits(packed, axis=1, count=size).astype(np.float32)
    signed = 2.0 * (part.T @ bits).astype(np.float64) - part.sum(axis=0, dtype=np.float64)[:, None]
    np.add.at(drawn.T, columns, signed)
