"""Fixed-length confidence intervals under a bound on how much the violation of parallel trends may bend.

δ is the difference in trends that there would have been without services, zero at the reference period:

    |(δ_{t+1} − δ_t) − (δ_t − δ_{t−1})| ≤ M      for every t.

An estimate w′β̂ with the weights of the effect on later periods, and weights on earlier ones that take any linear trend
out, has a bias of at most M times the sum of absolute values of its weights on the bends. The interval is the shortest one
around such an estimate that covers whatever the bends are; its weights do not depend on the estimates. The trade of bias
against variance is a lasso problem in the weights on bends, whose whole path is known exactly.

Source: Rambachan and Roth (2023), Review of Economic Studies 90(5), section 4 and Δ^SD of equation 8; Armstrong and Kolesár
(2018), Econometrica 86(2), also for the one-sided bound.
"""

import warnings
from typing import Final, NamedTuple

import numpy as np
from scipy.special import ndtri

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.folded_normal import folded_normal_quantile
from counterfoil.estimators.panels.joint_covariance import hold_nonsingular
from counterfoil.estimators.panels.relative_magnitudes import Side

TOLERANCE: Final = 1e-6
"""How far a knot of the path may be from meeting its optimality conditions, as part of the largest gradient."""
PRECISION: Final = 1e-9
"""Of the place on the path, in knots."""


class FixedLength(NamedTuple):
    """An interval, the weights of the estimate that it is centred on (pre + post,), and that estimate's largest bias and error."""

    interval: tuple[float, float]
    weights: FloatArray
    bias: float
    std_error: float


def fixed_length(
    values: FloatArray,
    covariance: FloatArray,
    pre: int,
    weights: FloatArray,
    limit: float,
    *,
    alpha: float = 0.05,
    side: Side = "both",
) -> FixedLength:
    """Return the interval of least length, or the one-sided bound of least excess, for one M.

    Parameters
    ----------
    values : ndarray, shape (pre + post,)
        Effects by event time, the reference left out.
    covariance : ndarray, shape (pre + post, pre + post)
    pre : int
        How many of them are before the reference.
    weights : ndarray, shape (post,)
        Of the effects after the reference.
    limit : float
        M, in the outcome's units per period and period, not negative.
    alpha : float
        The interval misses the effect with at most this chance.
    side : {"both", "lower", "upper"}

    Raises
    ------
    EstimationError
        EST-035 when the joint covariance is singular.

    Examples
    --------
    >>> values, errors = np.array([0.2, 0.1, 1.0]), np.diag([0.01, 0.01, 0.02])
    >>> np.round(fixed_length(values, errors, 2, np.ones(1), 0.0).interval, 2)
    array([0.81, 1.39])
    """
    hold_nonsingular(covariance)
    path = _path(covariance, pre, weights)
    centre, error, bias = _best(path, covariance, limit, alpha, side)
    middle = float(centre @ values)
    if side == "both":
        half = error * float(folded_normal_quantile(bias / error, 1.0 - alpha))
        return FixedLength((middle - half, middle + half), centre, bias, error)
    reach = bias + error * float(ndtri(1.0 - alpha))
    interval = (middle - reach, np.inf) if side == "lower" else (-np.inf, middle + reach)
    return FixedLength(interval, centre, bias, error)


def smoothness(
    values: FloatArray,
    covariance: FloatArray,
    pre: int,
    weights: FloatArray,
    limits: FloatArray,
    *,
    alpha: float = 0.05,
    side: Side = "both",
) -> FloatArray:
    """Return `fixed_length` intervals for each M, shape (m, 2)."""
    found = [
        fixed_length(values, covariance, pre, weights, float(limit), alpha=alpha, side=side).interval
        for limit in limits
    ]
    return np.array(found).reshape(-1, 2)


class _Path(NamedTuple):
    """Weights over (pre + post) at each knot of the path, (k, pre + post), and the largest bias there at M = 1, (k,)."""

    weights: FloatArray
    bias: FloatArray


def _path(covariance: FloatArray, pre: int, weights: FloatArray) -> _Path:
    """Return all weights that are best for some M, from least bias to least variance.

    Weights on earlier periods are differences of their weights u on bends: with k periods before the reference,
    v_k = u_{k+1} − 2·u_k + u_{k−1}, where u_0 is what takes a linear trend out and u beyond the first period is zero.
    """
    distance = np.arange(1, len(weights) + 1)
    # Weight of the bend at event j ≥ 0 after the reference: what a kink there adds to the weighted effect.
    fixed = np.abs([weights @ np.maximum(distance - j, 0) for j in range(len(weights))]).sum()
    slope = float(weights @ distance)
    full = np.diff(np.eye(pre + 2), n=2, axis=0)[:, : pre + 1]
    nearest_last = full[::-1]
    start = np.concatenate([nearest_last[:, 0] * slope, weights])
    turn = np.vstack([nearest_last[:, 1:pre], np.zeros((len(weights), pre - 1))])
    bends = np.zeros((1, pre - 1)) if pre == 1 else _knots(turn.T @ covariance @ turn, turn.T @ covariance @ start)
    return _Path(start + bends @ turn.T, fixed + np.abs(bends).sum(axis=1))


def _knots(quadratic: FloatArray, linear: FloatArray) -> FloatArray:
    """Return the knots of min_u u′Qu/2 + b′u + λ‖u‖₁ over falling λ, shape (k, p)."""
    from sklearn.linear_model import lars_path_gram

    unit = np.abs(np.diagonal(quadratic)).max()
    scaled, gradient = quadratic / unit, linear / unit
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        penalties, _, knots = lars_path_gram(-gradient, scaled, n_samples=1, method="lasso", alpha_min=0.0)
    residual = np.abs(scaled @ knots + gradient[:, None])
    excess = (residual.max(axis=0) - penalties).max()
    if penalties[-1] > TOLERANCE * penalties[0] or excess > TOLERANCE * penalties[0]:
        what = "the covariance of the effects is too nearly singular to weigh earlier periods"
        raise refusal("EST-035", what, "event study", "join event times, or use relative magnitudes")
    return np.asarray(knots.T)


def _best(
    path: _Path, covariance: FloatArray, limit: float, alpha: float, side: Side
) -> tuple[FloatArray, float, float]:
    """Return weights, error and largest bias at the point of the path where the interval is shortest.

    Length is convex along the path, since it is convex and rising in bias and error, which are convex in the weights.
    """

    def at(place: float) -> tuple[FloatArray, float, float]:
        knot = min(int(place), len(path.bias) - 2) if len(path.bias) > 1 else 0
        share = place - knot
        rows = path.weights[knot : knot + 2]
        row = rows[0] if len(rows) == 1 else (1.0 - share) * rows[0] + share * rows[1]
        bias = path.bias[knot] if len(rows) == 1 else (1.0 - share) * path.bias[knot] + share * path.bias[knot + 1]
        return row, float(np.sqrt(row @ covariance @ row)), float(limit * bias)

    def length(place: float) -> float:
        _, error, bias = at(place)
        if side == "both":
            return error * float(folded_normal_quantile(bias / error, 1.0 - alpha))
        return bias + error * float(ndtri(1.0 - alpha))

    from scipy.optimize import minimize_scalar

    last = float(len(path.bias) - 1)
    inside = (
        minimize_scalar(length, bounds=(0.0, last), method="bounded", options={"xatol": PRECISION}).x if last else 0.0
    )
    return at(min((0.0, last, float(inside)), key=length))
