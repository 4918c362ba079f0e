"""Errors of a regression on one series, whose residuals depend on each other from period to period.

- ``reml``: residuals follow u_t = ρ u_{t−1} + e_t; ρ by restricted maximum likelihood, coefficients by generalized least
  squares, t with Satterthwaite's degrees of freedom. Source: Turner et al. (2021), "Evaluation of statistical methods used in
  the analysis of interrupted time series studies: a simulation study", BMC Medical Research Methodology 21:181, who find it
  best in short series; Kenward and Roger (1997), Biometrics 53, for the information.
- ``newey_west``: ordinary least squares; the Bartlett kernel with the lag declared or as Newey and West (1994), Review of
  Economic Studies 61, choose it; t with 3T / (2(lag + 1)) degrees of freedom, those of the kernel when the lag is a fixed part
  of the series (Kiefer and Vogelsang 2005, Econometric Theory 21; Sun 2014, Journal of Econometrics 178). Scores of a
  regression with few periods a coefficient sum to nearly nothing, so that it is too narrow in short series.
- ``glsar``: Cochrane and Orcutt's iterations, by statsmodels; the uncertainty of ρ is not counted.
"""

import warnings
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray

Errors = Literal["reml", "newey_west", "glsar"]
LEAST_RHO: Final = -0.95
MOST_RHO: Final = 0.98
"""Beyond this a series is too near a random walk for its trend to be told."""


@dataclass(frozen=True, slots=True, eq=False)
class SeriesRegression:
    """What the regressions return.

    Parameters
    ----------
    coefficients : ndarray, shape (k,)
    covariance : ndarray, shape (k, k)
    degrees : float
        Of t, for the combination asked.
    residuals : ndarray, shape (T,)
        Outcome less fitted.
    whitened : ndarray, shape (m,)
        Residuals less what the one before tells, where that is modelled; they should not depend on each other.
    rho : float or None
        Correlation from one period to the next, where it is modelled.
    lag : int or None
        Of the kernel.
    """

    coefficients: FloatArray
    covariance: FloatArray
    degrees: float
    residuals: FloatArray
    whitened: FloatArray
    rho: float | None = None
    lag: int | None = None


def restricted_likelihood(matrix: FloatArray, outcome: FloatArray, combination: FloatArray) -> SeriesRegression:
    """Regress by generalized least squares with ρ by restricted maximum likelihood.

    Parameters
    ----------
    matrix : ndarray, shape (T, k)
    outcome : ndarray, shape (T,)
    combination : ndarray, shape (k,)
        Of coefficients, whose degrees of freedom are wanted.
    """
    from scipy.optimize import minimize_scalar

    periods, k = matrix.shape

    def profile(rho: float) -> float:
        moved, aimed = _whiten(matrix, rho), _whiten(outcome, rho)
        inner = moved.T @ moved
        residuals = aimed - moved @ np.linalg.solve(inner, moved.T @ aimed)
        return float((periods - k) * np.log(residuals @ residuals) + np.linalg.slogdet(inner)[1] - np.log(1.0 - rho**2))

    grid = np.linspace(LEAST_RHO, MOST_RHO, 30)
    nearest = int(np.argmin([profile(rho) for rho in grid]))
    bounds = grid[max(nearest - 1, 0)], grid[min(nearest + 1, len(grid) - 1)]
    rho = float(minimize_scalar(profile, bounds=bounds, method="bounded", options={"xatol": 1e-8}).x)
    moved, aimed = _whiten(matrix, rho), _whiten(outcome, rho)
    inverse = np.linalg.inv(moved.T @ moved)
    coefficients = inverse @ (moved.T @ aimed)
    whitened = aimed - moved @ coefficients
    variance = float(whitened @ whitened) / (periods - k)
    return SeriesRegression(
        coefficients=coefficients,
        covariance=variance * inverse,
        degrees=min(float(periods - k), satterthwaite(matrix, rho, combination)),
        residuals=outcome - matrix @ coefficients,
        whitened=whitened,
        rho=rho,
    )


def _whiten(series: FloatArray, rho: float) -> FloatArray:
    """Return the series, shape (T, ...), less ρ times the period before; the first one scaled to the same variance."""
    moved = series.copy()
    moved[0] = series[0] * np.sqrt(1.0 - rho**2)
    moved[1:] = series[1:] - rho * series[:-1]
    return moved


def satterthwaite(matrix: FloatArray, rho: float, combination: FloatArray) -> float:
    """Return degrees of freedom of a combination of coefficients, from the information on variance and ρ.

    The variance v of the combination is a function of both; its own variance is g'I⁻¹g with the expected restricted
    information I, and t has 2v² / g'I⁻¹g degrees of freedom. Nothing of the outcome enters but ρ.
    """
    apart = np.abs(np.subtract.outer(np.arange(len(matrix)), np.arange(len(matrix))))
    covariance = rho**apart
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.where(apart > 0, apart * float(rho) ** np.maximum(apart - 1, 0), 0.0)
    factor = cho_factor(covariance)
    solved = cho_solve(factor, matrix)
    bread = np.linalg.inv(matrix.T @ solved)
    projection = cho_solve(factor, np.eye(len(matrix))) - solved @ bread @ solved.T
    row = solved @ bread @ combination
    directions = (covariance, slope)
    moved = [projection @ direction for direction in directions]
    information = np.array([[0.5 * np.sum(one * other.T) for other in moved] for one in moved])
    gradient = np.array([row @ direction @ row for direction in directions])
    return float(2.0 * gradient[0] ** 2 / (gradient @ np.linalg.solve(information, gradient)))


def newey_west(
    matrix: FloatArray, outcome: FloatArray, combination: FloatArray, lag: int | None = None
) -> SeriesRegression:
    """Regress by ordinary least squares with the Bartlett kernel; the factor T / (T − k) is applied.

    Parameters
    ----------
    matrix : ndarray, shape (T, k)
    outcome : ndarray, shape (T,)
    combination : ndarray, shape (k,)
        Whose scores the lag is chosen by, when none is declared.
    lag : int, optional
    """
    periods, k = matrix.shape
    bread = np.linalg.inv(matrix.T @ matrix)
    coefficients = bread @ (matrix.T @ outcome)
    residuals = outcome - matrix @ coefficients
    scores = matrix * residuals[:, None]
    used = chosen_lag(scores @ bread @ combination) if lag is None else lag
    middle = scores.T @ scores
    for step in range(1, used + 1):
        part = scores[step:].T @ scores[:-step]
        middle += (1.0 - step / (used + 1)) * (part + part.T)
    return SeriesRegression(
        coefficients=coefficients,
        covariance=periods / (periods - k) * bread @ middle @ bread,
        degrees=min(float(periods - k), 1.5 * periods / (used + 1)),
        residuals=residuals,
        whitened=residuals,
        lag=used,
    )


def chosen_lag(scores: FloatArray) -> int:
    """Return the lag of Newey and West (1994) for the Bartlett kernel from scores, shape (T,); at most half the series."""
    periods = len(scores)
    horizon = int(4.0 * (periods / 100.0) ** (2.0 / 9.0))
    moments = np.array([scores[step:] @ scores[: periods - step] for step in range(horizon + 1)])
    level = moments[0] + 2.0 * moments[1:].sum()
    slope = 2.0 * (np.arange(1, horizon + 1) * moments[1:]).sum()
    if level == 0.0:
        return periods // 2
    return int(min(periods // 2, 1.1447 * abs(slope / level) ** (2.0 / 3.0) * periods ** (1.0 / 3.0)))


def cochrane_orcutt(matrix: FloatArray, outcome: FloatArray) -> SeriesRegression:
    """Regress by statsmodels' GLSAR with one lag, iterated to convergence.

    Raises
    ------
    EstimationError
        EST-015 when the iterations leave a correlation beyond 1, or a coefficient that cannot be told.
    """
    from statsmodels.regression.linear_model import GLSAR

    model = GLSAR(outcome, matrix, rho=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they say of rank and convergence is refused below
        found = model.iterative_fit(maxiter=200, rtol=1e-10)
    rho = float(np.asarray(model.rho).ravel()[0])
    if abs(rho) >= 1.0 or np.linalg.matrix_rank(_whiten(matrix, rho)[1:]) < matrix.shape[1]:
        what = "the residuals' correlation comes out beyond 1, or leaves a coefficient untold"
        raise refusal("EST-015", what, "errors glsar", "use `errors: reml`, or more periods")
    residuals = outcome - matrix @ found.params
    return SeriesRegression(
        coefficients=np.asarray(found.params),
        covariance=np.asarray(found.cov_params()),
        degrees=float(found.df_resid),
        residuals=residuals,
        whitened=np.asarray(found.wresid),
        rho=rho,
    )


def durbin_watson(residuals: FloatArray) -> float:
    """Return Durbin and Watson's statistic: near 2 without autocorrelation, towards 0 with a positive one."""
    return float((np.diff(residuals) ** 2).sum() / (residuals**2).sum())


def ljung_box(residuals: FloatArray, fitted: int) -> tuple[float, int]:
    """Return the p-value of no autocorrelation in the first lags, and how many lags; ``fitted`` are taken off the degrees.

    Source: Ljung and Box (1978), Biometrika 65(2).
    """
    from scipy.special import chdtrc

    periods = len(residuals)
    lags: NDArray[np.intp] = np.arange(1, max(fitted + 1, min(10, periods // 5)) + 1)
    square = residuals @ residuals
    correlations = np.array([residuals[lag:] @ residuals[:-lag] for lag in lags]) / square
    statistic = periods * (periods + 2) * (correlations**2 / (periods - lags)).sum()
    return float(chdtrc(len(lags) - fitted, statistic)), len(lags)
