"""Robust confidence sets under bounds on relative magnitudes of the violations of parallel trends.

δ is the difference in trends that there would have been without services, zero at the reference period. Let Δ_t be its
change from one period to the next, or, for ``order = 2``, the change of that change:

    |Δ_t| ≤ M̄ · max_s |Δ_s|      for every t after, over all s before the services.

The set of δ is a union over the s that is largest, and its sign, of polyhedra; the confidence set is the union of the sets
that `conditional_test` gives for each, with the inequalities that involve periods after the reference only. For a fixed s
and sign, every dual vertex is known: the weighted effect's two bounds, and M̄ · Δ_s ≥ 0 itself. No linear program is solved.

Source: Rambachan and Roth (2023), "A more credible approach to parallel trends", Review of Economic Studies 90(5):
Δ^RM (equation 6 and section 2.4.2), Δ^SDRM (section 2.4.3), inference as a union (section 3.3 and lemma 2.2).
"""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.conditional_test import NEGLIGIBLE, accepted, least_favourable_critical
from counterfoil.estimators.panels.joint_covariance import hold_nonsingular

Side = Literal["both", "lower", "upper"]


def changes(pre: int, post: int, order: int = 1) -> FloatArray:
    """Return the matrix that takes changes of that order between neighbouring periods, shape (pre + post + 1 − order, pre + post).

    Columns are the periods without the reference, which stands between column ``pre − 1`` and column ``pre``.

    Examples
    --------
    >>> changes(1, 1)
    array([[-1.,  0.],
           [ 0.,  1.]])
    >>> changes(1, 1, order=2)
    array([[1., 1.]])
    """
    with_reference = np.diff(np.eye(pre + 1 + post), n=order, axis=0)
    return np.delete(with_reference, pre, axis=1)


def relative_magnitudes(
    values: FloatArray,
    covariance: FloatArray,
    pre: int,
    weights: FloatArray,
    limits: FloatArray,
    *,
    alpha: float = 0.05,
    side: Side = "both",
    order: Literal[1, 2] = 1,
) -> FloatArray:
    """Return the confidence set of a weighted effect for each M̄.

    Parameters
    ----------
    values : ndarray, shape (pre + post,)
        Effects by event time, the reference left out.
    covariance : ndarray, shape (pre + post, pre + post)
    pre : int
        How many of them are before the reference.
    weights : ndarray, shape (post,)
        Of the effects after the reference.
    limits : ndarray, shape (m,)
        Values of M̄, not negative.
    alpha : float
        The set misses the effect with at most this chance, whatever δ the restriction allows.
    side : {"both", "lower", "upper"}
        A two-sided set, or a bound from below or above alone, each at level ``alpha``.
    order : {1, 2}
        Changes (1), or changes of changes (2), which lets any linear trend pass.

    Returns
    -------
    ndarray, shape (m, 2)
        In the outcome's units; infinite on the side that is not bounded.

    Raises
    ------
    EstimationError
        EST-035 when the joint covariance is singular.

    Examples
    --------
    >>> values, errors = np.array([0.1, -0.1, 1.0]), np.diag([0.01, 0.01, 0.02])
    >>> relative_magnitudes(values, errors, 2, np.ones(1), np.array([0.0, 1.0])).round(2)
    array([[0.72, 1.28],
           [0.47, 1.53]])
    """
    hold_nonsingular(covariance)
    post = len(values) - pre
    steps = changes(pre, post, order)
    before, after = steps[:-post], steps[-post:]
    sums = np.asarray(np.linalg.solve(after[:, pre:].T, weights), dtype=np.float64)
    found = np.empty((len(limits), 2))
    for place, limit in enumerate(limits.tolist()):
        # Never empty: the sign that the largest change was seen with accepts what lies between its two bounds.
        pieces = []
        for largest in before:
            for rows, slopes in _vertices(after, sums, covariance, limit, largest, side):
                # All rows are combinations of the largest change and the weighted effect: a plane.
                spread = rows @ covariance @ rows.T
                piece = accepted(rows @ values, slopes, spread, least_favourable_critical(spread, alpha), alpha)
                if piece is not None:
                    pieces.append(piece)
        found[place] = min(piece[0] for piece in pieces), max(piece[1] for piece in pieces)
    return found


def _vertices(
    after: FloatArray, sums: FloatArray, covariance: FloatArray, limit: float, largest: FloatArray, side: Side
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Yield, for both signs of the largest earlier change, the dual vertices as rows over the values, and their slopes in θ.

    ``sums`` are the weights of the later changes in the weighted effect. The inequalities are
    ``±after·δ − limit·largest·δ ≤ 0``; multipliers (p, q) ≥ 0 have p − q a multiple of ``sums`` and variance-scaled sum one.
    Those with p = q all say that the largest change has its sign; the tightest and the loosest scaling are kept.
    """
    for sign in (1.0, -1.0):
        bound = limit * sign * largest
        up, down = after - bound, -after - bound
        error_up, error_down = (np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows)) for rows in (up, down))
        positive, negative = np.maximum(sums, 0.0), np.maximum(-sums, 0.0)
        rows, slopes = [], []
        for p, q, direction, wanted in (
            (positive, negative, 1.0, side != "upper"),
            (negative, positive, -1.0, side != "lower"),
        ):
            scale = p @ error_up + q @ error_down
            if wanted:
                rows.append((p @ up + q @ down) / scale)
                slopes.append(direction / scale)
        spread = error_up + error_down
        if np.sqrt(bound @ covariance @ bound) > NEGLIGIBLE * spread.max():
            for scale in sorted({float(spread.min()), float(spread.max())}):
                rows.append(-2.0 * bound / scale)
                slopes.append(0.0)
        yield np.array(rows), np.array(slopes)
