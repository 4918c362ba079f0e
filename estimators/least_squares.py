"""Ordinary least squares with what influence functions need: leverages, and which combinations are estimable."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from counterfoil.errors import refusal

FloatArray = NDArray[np.float64]

# Relative to a column's length; far above rounding error, far below any contrast that data could estimate.
DEPENDENT = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class LeastSquares:
    """A fitted regression on the independent columns of a design.

    ``kept`` and ``dropped`` are column positions; column ``dropped[d]`` equals ``design[:, kept] @ dependence[:, d]``.
    ``bread`` is ``(X′X)⁻¹`` of the kept columns.
    """

    coefficients: FloatArray
    residuals: FloatArray
    leverage: FloatArray
    bread: FloatArray
    kept: NDArray[np.intp]
    dropped: NDArray[np.intp]
    dependence: FloatArray

    @property
    def rank(self) -> int:
        """Number of fitted parameters."""
        return len(self.kept)

    def estimable(self, functional: FloatArray) -> NDArray[np.bool_]:
        """Tell which rows of ``functional`` (m, n_columns) the data determine.

        A combination c'β is determined if it treats a dropped column as the combination of kept columns that it is.
        """
        implied = functional[:, self.kept] @ self.dependence
        size = np.abs(functional).max(axis=1, initial=0.0)[:, None] + 1e-300
        return np.asarray((np.abs(functional[:, self.dropped] - implied) <= 1e-7 * size).all(axis=1))


def least_squares(design: FloatArray, outcome: FloatArray) -> LeastSquares:
    """Regress ``outcome`` (n,) on the columns of ``design`` (n, p), keeping earlier columns of dependent sets.

    Raises
    ------
    EstimationError
        EST-003 when there are not more people than independent columns.
    """
    n = len(outcome)
    length = np.linalg.norm(design, axis=0)
    scaled = design / np.where(length > 0, length, 1.0)
    triangle = qr(scaled, mode="r", check_finite=False)[0][: min(scaled.shape)]
    independent = np.zeros(design.shape[1], dtype=bool)
    diagonal = np.abs(np.diagonal(triangle))
    independent[: len(diagonal)] = (diagonal > DEPENDENT) & (length[: len(diagonal)] > 0)
    if not independent.all():
        independent = _independent(scaled, length > 0)
    kept, dropped = np.flatnonzero(independent), np.flatnonzero(~independent)
    if n <= len(kept):
        raise refusal("EST-003", f"{n} people for {len(kept)} parameters")
    orthogonal, upper = qr(design[:, kept], mode="economic", check_finite=False)
    coefficients = solve_triangular(upper, orthogonal.T @ outcome, check_finite=False)
    root = solve_triangular(upper, np.eye(len(kept)), check_finite=False)
    return LeastSquares(
        coefficients=coefficients,
        residuals=outcome - design[:, kept] @ coefficients,
        leverage=np.einsum("ij,ij->i", orthogonal, orthogonal),
        bread=root @ root.T,
        kept=kept,
        dropped=dropped,
        dependence=solve_triangular(upper, orthogonal.T @ design[:, dropped], check_finite=False),
    )


def _independent(scaled: FloatArray, nonzero: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark the columns that are not a combination of earlier ones (after one such column, R alone misleads)."""
    basis = np.empty((len(scaled), 0))
    independent = np.zeros(scaled.shape[1], dtype=bool)
    for position in np.flatnonzero(nonzero):
        column = scaled[:, position]
        for _ in range(2):  # twice is enough for orthogonality to rounding error
            column = column - basis @ (basis.T @ column)
        length = np.linalg.norm(column)
        if length > DEPENDENT:
            independent[position] = True
            basis = np.column_stack([basis, column / length])
    return independent
