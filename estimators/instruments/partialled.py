"""What is left of outcome, treatment and instruments once covariates and absorbed groups are taken out.

The coefficients and residuals of a regression on everything are those of a regression on what is left (Frisch and Waugh
1933; Lovell 1963). Groups are taken out by their means, so that no n × groups array is made.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import DEPENDENT, least_squares

ROUNDING: Final = 1e-9
"""A column that keeps less than this of its length was a combination of what was taken out; the rest is rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Partialled:
    """Rows are scaled by the root of their weight, so that plain sums are weighted ones.

    Parameters
    ----------
    outcome, received : ndarray, shape (n,)
    instruments : ndarray, shape (n, L)
        The independent ones, in their own units.
    basis : ndarray, shape (n, p)
        Orthonormal columns that span the covariates (and the intercept, where no groups are absorbed).
    leverage : ndarray, shape (n,)
        Of what was taken out.
    parameters : int
        How many parameters that was, absorbed groups included.
    groups : int
        Absorbed groups; 1 where there is only the intercept.
    kept : ndarray of int
        Positions of the instruments that are independent of each other and of what was taken out.
    dropped_covariates : ndarray of int
        Positions of covariates that carry no information of their own.
    """

    outcome: FloatArray
    received: FloatArray
    instruments: FloatArray
    basis: FloatArray
    leverage: FloatArray
    parameters: int
    groups: int
    kept: NDArray[np.intp]
    dropped_covariates: NDArray[np.intp]


def without_means(columns: FloatArray, groups: NDArray[np.intp], weights: FloatArray) -> FloatArray:
    """Subtract from each column (n, m) its weighted mean in the person's group (codes 0..G-1)."""
    total = np.bincount(groups, weights=weights)
    found = np.empty_like(columns)
    for position in range(columns.shape[1]):
        column = columns[:, position]
        # Far from zero, sums lose digits: a first shift by the overall mean, then the groups' own.
        column = column - np.average(column, weights=weights)
        found[:, position] = column - (np.bincount(groups, weights=weights * column) / total)[groups]
    return found


def partial_out(
    outcome: FloatArray,
    received: FloatArray,
    instruments: FloatArray,
    covariates: FloatArray,
    groups: NDArray[np.intp] | None,
    weights: FloatArray,
) -> Partialled:
    """Take covariates (n, p) and groups (n,) out of outcome (n,), received (n,) and instruments (n, L).

    ``weights`` (n,) are positive with mean 1. Without groups the intercept is taken out.

    Raises
    ------
    EstimationError
        EST-003 when there are not more people than covariates, groups and instruments.
    """
    n = len(outcome)
    codes = np.zeros(n, dtype=np.intp) if groups is None else groups
    root = np.sqrt(weights)[:, None]

    def centred(columns: FloatArray) -> FloatArray:
        inside = without_means(columns, codes, weights) * root
        return _zero_where_lost(inside, _length(columns * root))

    left = centred(covariates)
    basis, dropped = np.empty((n, 0)), np.arange(0)
    if covariates.shape[1]:
        fit = least_squares(left, np.zeros(n))
        basis, dropped = qr(left[:, fit.kept], mode="economic", check_finite=False)[0], fit.dropped
    triple = centred(np.column_stack([outcome, received, instruments]))
    before = _length(triple)
    for _ in range(2):  # twice is enough for orthogonality to rounding error
        triple = triple - basis @ (basis.T @ triple)
    triple = _zero_where_lost(triple, before)
    kept = np.flatnonzero(_length(triple[:, 2:]) > 0)
    if len(kept):
        kept = kept[least_squares(triple[:, 2 + kept], np.zeros(n)).kept]
    size = np.bincount(codes, weights=weights)
    parameters = len(size) + basis.shape[1]
    if n <= parameters + max(1, len(kept)):
        raise refusal("EST-003", f"{n} people for {parameters + max(1, len(kept))} parameters")
    leverage = weights / size[codes] + np.einsum("ij,ij->i", basis, basis)
    return Partialled(
        outcome=triple[:, 0],
        received=triple[:, 1],
        instruments=triple[:, 2 + kept],
        basis=basis if groups is not None else np.column_stack([root / np.sqrt(n), basis]),
        leverage=leverage,
        parameters=parameters,
        groups=len(size),
        kept=kept,
        dropped_covariates=dropped,
    )


def _length(columns: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(columns, axis=0))


def _zero_where_lost(columns: FloatArray, before: FloatArray) -> FloatArray:
    """Make columns exactly zero of which only rounding error is left."""
    return np.where(_length(columns) > max(ROUNDING, DEPENDENT) * before, columns, 0.0)
