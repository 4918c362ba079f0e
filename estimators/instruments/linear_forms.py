"""Regressions on what is left after partialling out: first stage, reduced form, and least squares of outcome on treatment.

Each is ordinary least squares with everything an `Estimate` needs; corrections for leverage count what was taken out.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.covariance import FloatArray, leverage_that_matters
from counterfoil.estimators.instruments.partialled import Partialled

SINGULAR: Final = 1e-10
"""Least eigenvalue of a correlation matrix that can be inverted."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearForm:
    """Coefficients (k,) with influence (n, k), riesz (n, k), leverage (n,), classical (k, k) and, for CR2, reduced (n, k)."""

    value: FloatArray
    residuals: FloatArray
    influence: FloatArray
    riesz: FloatArray
    leverage: FloatArray
    classical: FloatArray
    bread: FloatArray
    reduced: FloatArray | None
    reduced_df: FloatArray | None


def linear_form(
    parts: Partialled, outcome: FloatArray, regressors: FloatArray, clusters: NDArray[np.intp] | None = None
) -> LinearForm:
    """Regress ``outcome`` (n,) on ``regressors`` (n, k), both partialled out.

    With ``clusters`` (n,) the bias-reduced influence values are computed as well; that needs every column of the design,
    so that absorbed groups have none.
    """
    n = len(outcome)
    bread: FloatArray = np.asarray(np.linalg.inv(regressors.T @ regressors), dtype=np.float64)
    value = bread @ (regressors.T @ outcome)
    residuals = outcome - regressors @ value
    riesz = n * regressors @ bread
    leverage = parts.leverage + np.einsum("ij,jk,ik->i", regressors, bread, regressors, optimize=True)
    reduced = reduced_df = None
    if clusters is not None and parts.groups == 1:
        design = np.column_stack([parts.basis, regressors])
        full: FloatArray = np.asarray(np.linalg.inv(design.T @ design), dtype=np.float64)
        reduced, reduced_df = bias_reduced(design, full, clusters, residuals, riesz)
    return LinearForm(
        value=value,
        residuals=residuals,
        influence=riesz * residuals[:, None],
        riesz=riesz,
        leverage=leverage_that_matters(leverage, riesz),
        classical=bread * float(residuals @ residuals) / (n - parts.parameters - len(value)),
        bread=bread,
        reduced=reduced,
        reduced_df=reduced_df,
    )


def invertible(covariance: FloatArray) -> bool:
    """Tell whether a covariance (k, k) can be inverted, whatever the units of its terms.

    It cannot where there are fewer clusters than terms, or where too few people have a residual.
    """
    spread = np.sqrt(np.diagonal(covariance))
    if not spread.all():
        return False
    correlation = covariance / np.outer(spread, spread)
    return int(np.linalg.matrix_rank(correlation, tol=SINGULAR, hermitian=True)) == len(covariance)
