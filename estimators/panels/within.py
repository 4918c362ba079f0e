"""Least squares after fixed effects are taken out: coefficients, residuals, and what their errors are made of.

Of dependent columns the earlier ones are kept, so that callers put controls first and what is asked for last. A column that
the effects explain to rounding error counts as dependent.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.fixed_effects import FixedEffects

# Of its length before effects are taken out: far above rounding error, far below any variation of use.
EXPLAINED: Final = 1e-9
# Of squared lengths, so that columns less than 1e-5 of their length apart are one.
DEPENDENT: Final = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Within:
    """A regression on the columns that fixed effects leave.

    Parameters
    ----------
    columns : ndarray, shape (n_rows, p)
        The kept columns without the effects.
    coefficients : ndarray, shape (p,)
    residuals : ndarray, shape (n_rows,)
    bread : ndarray, shape (p, p)
        ``(X'WX)⁻¹``.
    kept, dropped : ndarray of int
        Positions among the columns given.
    """

    columns: FloatArray
    coefficients: FloatArray
    residuals: FloatArray
    bread: FloatArray
    kept: NDArray[np.intp]
    dropped: NDArray[np.intp]

    @property
    def rank(self) -> int:
        """Number of kept columns."""
        return len(self.kept)


def independent(columns: FloatArray, left: FloatArray) -> NDArray[np.bool_]:
    """Mark the columns that neither fixed effects nor earlier columns explain.

    Parameters
    ----------
    columns, left : ndarray, shape (n_rows, p)
        Before and after fixed effects are taken out.
    """
    length = np.sqrt(np.einsum("ij,ij->j", left, left))
    before = np.sqrt(np.einsum("ij,ij->j", columns, columns))
    chosen: NDArray[np.bool_] = length > EXPLAINED * np.maximum(before, 1e-300)
    safe = np.where(chosen, length, 1.0)
    cross = left.T @ left / safe / safe[:, None]
    factor = np.zeros((0, 0))
    places: list[int] = []
    for position in np.flatnonzero(chosen):
        # One row of a Cholesky factor at a time; its last entry is the part that earlier columns do not explain.
        row = np.linalg.solve(factor, cross[places, position]) if places else np.zeros(0)
        rest = cross[position, position] - row @ row
        if rest <= DEPENDENT:
            chosen[position] = False
            continue
        grown = np.zeros((len(places) + 1, len(places) + 1))
        grown[:-1, :-1], grown[-1, :-1], grown[-1, -1] = factor, row, np.sqrt(rest)
        factor = grown
        places.append(int(position))
    return chosen


def within(columns: FloatArray, outcome: FloatArray, effects: FixedEffects, named: str = "all columns") -> Within:
    """Regress an outcome on columns and fixed effects.

    Parameters
    ----------
    columns : ndarray, shape (n_rows, k)
    outcome : ndarray, shape (n_rows,)
    effects : FixedEffects
        With its weights.
    named : str
        What the columns are called in a refusal.

    Raises
    ------
    IdentificationError
        IDENT-026 when no column is left.

    Examples
    --------
    >>> from counterfoil.estimators.panels.fixed_effects import fixed_effects
    >>> treated = np.array([0.0, 0.0, 0.0, 1.0])
    >>> both = fixed_effects(np.array([0, 0, 1, 1]), [np.array([0, 1, 0, 1])])
    >>> within(treated[:, None], np.array([1.0, 2.0, 4.0, 8.0]), both).coefficients
    array([3.])
    """
    left = effects.residuals(columns)
    chosen = independent(columns, left)
    if not chosen.any():
        raise refusal("IDENT-026", f"nothing varies within the fixed effects: they explain {named}", "estimator")
    if not chosen.all():
        left = np.asfortranarray(left[:, chosen])
    target = effects.residual(outcome)
    weighted: Any = left if effects.weights is None else left * effects.weights[:, None]
    factor = cho_factor(weighted.T @ left)
    coefficients = cho_solve(factor, weighted.T @ target)
    residuals = target - left @ coefficients
    # One step of refinement wins back the digits that squaring the design cost.
    step = cho_solve(factor, weighted.T @ residuals)
    residuals -= left @ step
    return Within(
        columns=left,
        coefficients=coefficients + step,
        residuals=residuals,
        bread=cho_solve(factor, np.eye(left.shape[1])),
        kept=np.flatnonzero(chosen),
        dropped=np.flatnonzero(~chosen),
    )
