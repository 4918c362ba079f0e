"""Least squares over weights that are not negative and sum to one, solved exactly.

With 1'w = 1 the residual Aw − b is Mw for M = A − b1', so that the answer is the point of least norm in the convex hull of
the columns of M. Non-negative least squares on M above a row of ones, with the target (0, ..., 0, 1), has a solution
proportional to it: for x = sw the objective s²‖Mw‖² + (s − 1)² is least at s = 1/(1 + ‖Mw‖²), where it grows with ‖Mw‖.

Sources: Wolfe (1976), "Finding the nearest point in a polytope", Mathematical Programming 11; Lawson and Hanson (1974),
*Solving Least Squares Problems*, chapter 23.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.linalg import lstsq

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray

TOLERANCE: Final = 1e-8
"""How far the conditions of an optimum may be violated, relative to the longest column of M, squared."""


@dataclass(frozen=True, slots=True, eq=False)
class SimplexWeights:
    """What `simplex_weights` returns.

    Parameters
    ----------
    weights : ndarray, shape (k,)
        Not negative, with sum 1.
    violation : float
        Largest violation of the Karush-Kuhn-Tucker conditions, relative to the longest column of M, squared.
    unique : bool
        Whether no other weights fit equally well.
    """

    weights: FloatArray
    violation: float
    unique: bool


def simplex_weights(columns: FloatArray, target: FloatArray, ridge: float = 0.0) -> SimplexWeights:
    """Minimise ‖columns @ w − target‖² + ridge ‖w‖² over weights w ≥ 0 with sum 1.

    Parameters
    ----------
    columns : ndarray, shape (m, k)
    target : ndarray, shape (m,)
    ridge : float
        Not negative; a positive one makes the weights unique.

    Raises
    ------
    EstimationError
        EST-038 when the conditions of an optimum are not met to 1e-8.

    Examples
    --------
    >>> simplex_weights(np.array([[0.0, 1.0, 3.0], [2.0, 0.0, 1.0]]), np.array([0.5, 1.0])).weights.round(12)
    array([0.5, 0.5, 0. ])
    """
    from scipy.optimize import nnls

    k = columns.shape[1]
    moved = columns - target[:, None]
    if ridge > 0:
        moved = np.vstack([moved, np.sqrt(ridge) * np.eye(k)])
    scale = float(np.sqrt((moved**2).sum(axis=0).max()))
    if k == 1 or scale == 0.0:
        return SimplexWeights(np.full(k, 1.0 / k), 0.0, k == 1)
    moved = moved / scale
    try:
        found, _ = nnls(np.vstack([moved, np.ones(k)]), np.append(np.zeros(len(moved)), 1.0))
    except RuntimeError:  # its iterations ran out: begin at the nearest column instead
        found = np.zeros(k)
    if not found.any():
        found[np.argmin((moved**2).sum(axis=0))] = 1.0
    weights = _descend(moved, found / found.sum())
    violation = _violation(moved, weights)
    if violation > TOLERANCE:
        raise refusal("EST-038", f"the weights miss the conditions of an optimum by {violation:.1e}", "donors")
    return SimplexWeights(weights, violation, ridge > 0 or _unique(moved, weights))


def _descend(moved: FloatArray, weights: FloatArray) -> FloatArray:
    """Go on to the optimum by Wolfe's steps: solve on the columns in use, drop what would turn negative, add what helps."""
    best = weights
    for _ in range(10 * len(weights)):
        weights = _within(moved, weights)
        if _violation(moved, weights) < _violation(moved, best):
            best = weights
        gradient = moved.T @ (moved @ weights)
        entering = int(np.argmin(gradient))
        if weights @ gradient - gradient[entering] <= 1e-2 * TOLERANCE or weights[entering] > 0:
            break
        step = moved[:, entering] - moved @ weights
        share = min(1.0, float(-(moved @ weights) @ step / (step @ step)))
        weights = (1.0 - share) * weights
        weights[entering] += share
    return best


def _within(moved: FloatArray, weights: FloatArray) -> FloatArray:
    """Solve on the columns that have weight with the sum held exactly, dropping those that would turn negative."""
    while True:
        used = np.flatnonzero(weights > 0)
        first, rest = used[0], used[1:]
        aim = np.zeros_like(weights)
        if len(rest):
            aim[rest] = lstsq(moved[:, rest] - moved[:, [first]], -moved[:, first], check_finite=False)[0]
        aim[first] = 1.0 - aim.sum()
        falling = used[aim[used] < 0]
        if not len(falling):
            return aim
        shares = weights[falling] / (weights[falling] - aim[falling])
        weights = weights + shares.min() * (aim - weights)
        weights[falling[shares <= shares.min()]] = 0.0
        weights = np.maximum(weights, 0.0)


def _violation(moved: FloatArray, weights: FloatArray) -> float:
    """Return how far M'Mw falls below w'M'Mw anywhere, or a weight below zero."""
    gradient = moved.T @ (moved @ weights)
    return float(max(weights @ gradient - gradient.min(), -weights.min(), abs(weights.sum() - 1.0)))


def _unique(moved: FloatArray, weights: FloatArray) -> bool:
    """Tell whether the columns that touch the optimum are affinely independent."""
    gradient = moved.T @ (moved @ weights)
    touching = np.flatnonzero(gradient - gradient.min() <= TOLERANCE)
    return bool(
        np.linalg.matrix_rank(np.vstack([moved[:, touching], np.ones(len(touching))]), tol=1e-9) == len(touching)
    )
