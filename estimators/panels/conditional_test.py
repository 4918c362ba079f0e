"""Conditional and least-favourable hybrid test of linear moment inequalities, inverted to a confidence set.

H₀(θ): E[g_j] ≤ κ_j·θ for every j, where the moments g ~ N(·, C) are the vertices of a dual linear program, so that
nuisance parameters are gone. The statistic is η = max_j (g_j − κ_j θ).

1. Reject when η exceeds the 1 − α/10 quantile of max_j ξ_j, ξ ~ N(0, C): no mean under the null makes η larger.
2. Else hold η against the normal distribution, truncated to where the same moment is the largest and step 1 did not
   reject, at level (α − α/10)/(1 − α/10); the critical value is never below zero.

Source: Andrews, Roth and Pakes (2023), "Inference for linear conditional moment inequalities", Review of Economic Studies
90(6), sections 4 and 5; as used by Rambachan and Roth (2023), section 3.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from counterfoil.estimators.covariance import FloatArray

FIRST_STAGE: Final = 0.1
"""Part of the level that the least-favourable first stage uses."""
GRID: Final = 201
ROUNDS: Final = 3
"""Every round of refining narrows an edge of the set by `GRID` − 1."""
NEGLIGIBLE: Final = 1e-12
ANGLES: Final = 2.0 * np.pi * (np.arange(1024) + 0.5) / 1024
DIRECTIONS: Final = np.array([np.cos(ANGLES), np.sin(ANGLES)])


def least_favourable_critical(covariance: FloatArray, alpha: float) -> float:
    """Return the first stage's critical value for moments that lie in a plane.

    With ξ = A·u, u standard normal in the plane and h(φ) = max_j (A·(cos φ, sin φ))_j, the chance that max ξ exceeds c > 0
    is the mean over all directions φ of exp(−c²/(2·h(φ)²)), since u's squared length is exponential.

    Parameters
    ----------
    covariance : ndarray, shape (j, j)
        Of rank two at most.
    alpha : float

    Examples
    --------
    >>> round(least_favourable_critical(np.eye(1), 0.05), 3)
    2.576
    >>> round(least_favourable_critical(np.eye(2), 0.05), 2)
    2.81
    """
    from scipy.optimize import brentq

    size, vectors = np.linalg.eigh(covariance)
    plane = (vectors * np.sqrt(np.maximum(size, 0.0)))[:, -2:]
    directions = DIRECTIONS[: plane.shape[1]]
    reach = (plane @ directions).max(axis=0)
    ahead = -0.5 / reach[reach > 0] ** 2
    level = FIRST_STAGE * alpha

    def excess(critical: float) -> float:
        return float(np.exp(ahead * critical**2).sum() / directions.shape[1] - level)

    # No direction reaches further than the largest standard deviation, so that the chance at ``far`` is at most the level.
    far = float(np.sqrt(-2.0 * np.log(level)) * np.sqrt(covariance.diagonal().max()))
    return float(brentq(excess, 0.0, far, xtol=1e-12 * far))


def rejects(
    theta: FloatArray, moments: FloatArray, slopes: FloatArray, covariance: FloatArray, critical: float, alpha: float
) -> NDArray[np.bool_]:
    """Tell for every θ (n,) whether the hybrid test rejects it.

    Parameters
    ----------
    theta : ndarray, shape (n,)
    moments, slopes : ndarray, shape (j,)
        Values of the moments at θ = 0, and how fast they fall in θ.
    covariance : ndarray, shape (j, j)
        Every moment has a variance.
    critical : float
        Of the first stage.
    alpha : float

    Examples
    --------
    >>> rejects(np.array([0.0, 3.0]), np.zeros(1), np.array([-1.0]), np.eye(1), 2.6, 0.05)
    array([False,  True])
    """
    values = moments - theta[:, None] * slopes
    largest = values.argmax(axis=1)
    rows = np.arange(len(theta))
    eta = values[rows, largest]
    variance = covariance[largest, largest]
    share = covariance[largest] / variance[:, None]
    gap = 1.0 - share
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = (values - share * eta[:, None]) / gap
    low = np.where(gap > NEGLIGIBLE, bound, -np.inf).max(axis=1)
    high = np.minimum(np.where(gap < -NEGLIGIBLE, bound, np.inf).min(axis=1), critical)
    level = (1.0 - FIRST_STAGE) * alpha / (1.0 - FIRST_STAGE * alpha)
    tail = _truncated_tail(eta, np.minimum(low, eta), np.maximum(high, eta), np.sqrt(variance))
    return np.asarray((eta > critical) | ((eta > 0.0) & (tail < level)))


def _truncated_tail(value: FloatArray, low: FloatArray, high: FloatArray, scale: FloatArray) -> FloatArray:
    """Return P(Z > value) for Z normal with mean zero, truncated to [low, high]; elementwise, from upper tails."""
    at, bottom, top = (log_ndtr(-place / scale) for place in (value, low, high))
    above, whole = 1.0 - np.exp(top - at), 1.0 - np.exp(top - bottom)
    return np.where(whole > 0, np.exp(at - bottom) * above / np.where(whole > 0, whole, 1.0), 1.0)


def accepted(
    moments: FloatArray,
    slopes: FloatArray,
    covariance: FloatArray,
    critical: float,
    alpha: float,
) -> tuple[float, float] | None:
    """Return the smallest and the largest θ that the test accepts, or None where it rejects every θ.

    Without a moment that rises in θ (slope < 0), nothing bounds θ from above and the second number is infinite; likewise
    below.
    """
    falling, rising = slopes > 0, slopes < 0
    bottom = float(((moments - critical)[falling] / slopes[falling]).max(initial=-np.inf))
    top = float(((moments - critical)[rising] / slopes[rising]).min(initial=np.inf))
    if (moments[slopes == 0] > critical).any():
        return None
    if not np.isfinite(top):
        top = float(((moments + critical)[falling] / slopes[falling]).max())
        edges = _edges(bottom, top, moments, slopes, covariance, critical, alpha)
        return None if edges is None else (edges[0], np.inf)
    if not np.isfinite(bottom):
        bottom = float(((moments + critical)[rising] / slopes[rising]).min())
        edges = _edges(bottom, top, moments, slopes, covariance, critical, alpha)
        return None if edges is None else (-np.inf, edges[1])
    return _edges(bottom, top, moments, slopes, covariance, critical, alpha) if bottom <= top else None


def _edges(
    bottom: float,
    top: float,
    moments: FloatArray,
    slopes: FloatArray,
    covariance: FloatArray,
    critical: float,
    alpha: float,
) -> tuple[float, float] | None:
    """Search [bottom, top], outside which the first stage rejects, for the outermost accepted values."""

    def ends(grid: FloatArray) -> tuple[int, int] | None:
        kept = np.flatnonzero(~rejects(grid, moments, slopes, covariance, critical, alpha))
        return (int(kept[0]), int(kept[-1])) if len(kept) else None

    grid = np.linspace(bottom, top, GRID)
    found = ends(grid)
    if found is None:
        return None
    low = (grid[max(found[0] - 1, 0)], grid[found[0]])
    high = (grid[found[1]], grid[min(found[1] + 1, GRID - 1)])
    for _ in range(ROUNDS):
        fine = np.linspace(*low, GRID)
        first = (ends(fine) or (GRID - 1, 0))[0]
        low = (fine[max(first - 1, 0)], fine[first])
        fine = np.linspace(*high, GRID)
        last = (ends(fine) or (0, 0))[1]
        high = (fine[last], fine[min(last + 1, GRID - 1)])
    return float(low[1]), float(high[0])
