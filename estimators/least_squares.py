"""Ordinary least squares with what influence functions need: leverages, and which combinations are estimable.

A dense design goes through its QR decomposition; a sparse one, of many providers and people, through the Cholesky
decomposition of its cross-product, which never holds n × p numbers. A ridge penalty stands for invented people who have
one column each and an outcome of nothing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, qr, solve_triangular
from scipy.linalg.lapack import dpotri, dpstrf
from scipy.sparse import csr_array

from counterfoil.errors import refusal

FloatArray = NDArray[np.float64]

# Relative to a column's length; far above rounding error, far below any contrast that data could estimate.
DEPENDENT = 1e-9
# A cross-product squares lengths, and with them rounding error: columns less than 1e-5 of their length apart are one.
DEPENDENT_SQUARE = 1e-10
# Entries of the inverse cross-product that are looked up together.
AT_ONCE = 4_000_000


@dataclass(frozen=True, slots=True, eq=False)
class LeastSquares:
    """A fitted regression on the independent columns of a design.

    ``kept`` and ``dropped`` are column positions; column ``dropped[d]`` equals ``design[:, kept] @ dependence[:, d]``.
    ``bread`` is ``(X′X + penalty)⁻¹`` of the kept columns.
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
        """Number of fitted parameters: the sum of the leverages, to which a penalized one adds less than one."""
        return round(float(self.leverage.sum()))

    def estimable(self, functional: FloatArray) -> NDArray[np.bool_]:
        """Tell which rows of ``functional`` (m, n_columns) the data determine.

        A combination c'β is determined if it treats a dropped column as the combination of kept columns that it is.
        """
        implied = functional[:, self.kept] @ self.dependence
        size = np.abs(functional).max(axis=1, initial=0.0)[:, None] + 1e-300
        return np.asarray((np.abs(functional[:, self.dropped] - implied) <= 1e-7 * size).all(axis=1))


def least_squares(
    design: FloatArray | csr_array, outcome: FloatArray, penalty: FloatArray | None = None
) -> LeastSquares:
    """Regress ``outcome`` (n,) on the columns of ``design`` (n, p), keeping independent columns.

    Parameters
    ----------
    design : ndarray or sparse array, shape (n, p)
        Of dependent columns of a dense design the earlier ones are kept.
    outcome : ndarray, shape (n,)
    penalty : ndarray, shape (p,), optional
        Added to the diagonal of the cross-product. A column that has one is always kept: where it is a combination of
        others, they take up what it explains, and columns that are alike share it.

    Raises
    ------
    EstimationError
        EST-003 when there are not more people than independent columns without a penalty.
    """
    if isinstance(design, csr_array):
        return _by_cross_product(design, outcome, np.zeros(design.shape[1]) if penalty is None else penalty)
    n = len(outcome)
    if penalty is not None:
        invented = np.diag(np.sqrt(penalty))[penalty > 0]
        design, outcome = np.vstack([design, invented]), np.append(outcome, np.zeros(len(invented)))
    length = np.linalg.norm(design, axis=0)
    scaled = design / np.where(length > 0, length, 1.0)
    triangle = qr(scaled, mode="r", check_finite=False)[0][: min(scaled.shape)]
    independent = np.zeros(design.shape[1], dtype=bool)
    diagonal = np.abs(np.diagonal(triangle))
    independent[: len(diagonal)] = (diagonal > DEPENDENT) & (length[: len(diagonal)] > 0)
    if not independent.all():
        independent = _independent(scaled, length > 0)
    kept, dropped = np.flatnonzero(independent), np.flatnonzero(~independent)
    _check_people(n, len(kept) - (len(outcome) - n))
    orthogonal, upper = qr(design[:, kept], mode="economic", check_finite=False)
    coefficients = solve_triangular(upper, orthogonal.T @ outcome, check_finite=False)
    root = solve_triangular(upper, np.eye(len(kept)), check_finite=False)
    return LeastSquares(
        coefficients=coefficients,
        residuals=(outcome - design[:, kept] @ coefficients)[:n],
        leverage=np.einsum("ij,ij->i", orthogonal, orthogonal)[:n],
        bread=root @ root.T,
        kept=kept,
        dropped=dropped,
        dependence=solve_triangular(upper, orthogonal.T @ design[:, dropped], check_finite=False),
    )


def _check_people(people: int, parameters: int) -> None:
    if people <= parameters:
        raise refusal("EST-003", f"{people} people for {parameters} parameters")


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


def _by_cross_product(design: csr_array, outcome: FloatArray, penalty: FloatArray) -> LeastSquares:
    cross = (design.T @ design).toarray() + np.diag(penalty)
    length = np.sqrt(np.diagonal(cross))
    safe = np.where(length > 0, length, 1.0)
    scaled = cross / safe / safe[:, None]
    factor, pivots, rank, _ = dpstrf(scaled, tol=DEPENDENT_SQUARE, lower=0)
    order = (pivots[:rank] - 1).astype(np.intp)
    kept, dropped = np.sort(order), np.setdiff1d(np.arange(design.shape[1]), order)
    _check_people(len(outcome), len(kept) - int((penalty > 0).sum()))
    factor = np.asfortranarray(factor[:rank, :rank])
    dependence = np.zeros((len(kept), len(dropped)))
    if len(dropped):
        solved = cho_solve((factor, False), scaled[np.ix_(order, dropped)], check_finite=False)
        dependence[np.searchsorted(kept, order)] = solved * safe[dropped] / safe[order][:, None]
    half, _ = dpotri(factor, lower=0)
    place = np.argsort(order)
    bread = (np.triu(half) + np.triu(half, 1).T)[np.ix_(place, place)] / safe[kept] / safe[kept][:, None]
    used = csr_array(design[:, kept])
    coefficients = bread @ (used.T @ outcome)
    residuals = outcome - used @ coefficients
    # One step of refinement wins back the digits that squaring the design cost.
    gap = used.T @ residuals - penalty[kept] * coefficients
    coefficients = coefficients + bread @ gap
    return LeastSquares(
        coefficients=coefficients,
        residuals=outcome - used @ coefficients,
        leverage=_leverage(used, bread),
        bread=bread,
        kept=kept,
        dropped=dropped,
        dependence=dependence,
    )


def _leverage(design: csr_array, bread: FloatArray) -> FloatArray:
    """Return B_i′ bread B_i for each row, people with equally many entries at a time."""
    found = np.zeros(design.shape[0])
    entries = np.diff(design.indptr)
    for count in np.unique(entries[entries > 0]):
        alike = np.flatnonzero(entries == count)
        for rows in np.array_split(alike, 1 + len(alike) * int(count) ** 2 // AT_ONCE):
            place = design.indptr[rows][:, None] + np.arange(count)
            columns, values = design.indices[place], design.data[place]
            inner = np.matmul(bread[columns[:, :, None], columns[:, None, :]], values[:, :, None])[:, :, 0]
            found[rows] = (values * inner).sum(axis=1)
    return found
