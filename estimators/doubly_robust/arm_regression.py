"""Linear outcome models, each group its own or with common slopes, and what estimating them adds to a mean.

A mean of predictions c'β̂, β̂ from weights v, adds n v_i r_i x_i'B c to the influence, with B = (Σ v x x')⁻¹ and r the residual.
A column that is constant in a group has no slope there; a mean that would need one is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import qr, solve_triangular

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import listed, refusal
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.covariance import FloatArray

DEPENDENT: Final = 1e-9
"""Of a column's length: nearer than this to a combination of others it is one."""
DETERMINED: Final = 1e-7


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeDesign:
    """Columns of an outcome model.

    Parameters
    ----------
    own : ndarray, shape (n, q)
        Everybody's columns as observed, with a first column of ones.
    names : tuple of str
        What each column is called.
    common : bool
        Whether groups share slopes, and are among the columns.
    interacting : ndarray of int
        Positions of covariates, among the columns of ``own``, whose slopes differ between groups nevertheless.
    width : int
        Columns that are not about groups; they come first.
    """

    own: FloatArray
    names: tuple[str, ...]
    common: bool
    interacting: NDArray[np.intp]
    width: int

    def of(self, arm: int) -> FloatArray:
        """Return everybody's columns (n, q) as if in a group."""
        if not self.common:
            return self.own
        columns = self.own.copy()
        columns[:, self.width :] = 0.0
        if arm > 0:
            size = 1 + len(self.interacting)
            start = self.width + (arm - 1) * size
            columns[:, start] = 1.0
            columns[:, start + 1 : start + size] = self.own[:, self.interacting]
        return columns


def outcome_design(sample: ComparisonSample, interactions: Sequence[str] | None) -> OutcomeDesign:
    """Return the columns of the outcome model: by group, or common with some columns whose slopes differ.

    Raises
    ------
    DataError
        DATA-004 when an interaction is no column that is adjusted for.
    """
    found = sample.adjusting
    spread = found.values.std(axis=0)
    scaled = (found.values - found.values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    columns = np.column_stack([np.ones(sample.n), scaled])
    names = ("intercept", *found.names)
    if interactions is None:
        return OutcomeDesign(columns, names, False, np.empty(0, dtype=np.intp), columns.shape[1])
    chosen: list[int] = []
    for asked in interactions:
        there = [j for j, name in enumerate(found.names) if name == asked or name.startswith(f"{asked}=")]
        if not there:
            what = f"interaction '{asked}' is none of the columns adjusted for, or is a combination of others"
            raise refusal("DATA-004", what, "estimator", f"name one of {listed(found.names)}")
        chosen += there
    interacting = np.array(sorted(set(chosen)), dtype=np.intp) + 1
    parts, labels = [columns], list(names)
    for arm in range(1, len(sample.arms.labels)):
        member = (sample.codes == arm).astype(np.float64)[:, None]
        parts += [member, member * columns[:, interacting]]
        labels += [sample.arms.labels[arm], *(f"{sample.arms.labels[arm]} x {names[j]}" for j in interacting)]
    return OutcomeDesign(np.hstack(parts), tuple(labels), True, interacting, columns.shape[1])


@dataclass(frozen=True, slots=True, eq=False)
class OutcomeModel:
    """A weighted regression whose outcome is not read yet.

    Parameters
    ----------
    design : OutcomeDesign
    weights : ndarray, shape (n,)
        Zero for people who are not in it.
    kept, dropped : ndarray of int
        Positions of independent columns, and of combinations of them.
    dependence : ndarray, shape (kept, dropped)
    bread : ndarray, shape (kept, kept)
        (Σ v x x')⁻¹.
    label : str
        Whose model it is, for messages.
    """

    design: OutcomeDesign
    weights: FloatArray
    kept: NDArray[np.intp]
    dropped: NDArray[np.intp]
    dependence: FloatArray
    bread: FloatArray
    label: str

    @property
    def rows(self) -> FloatArray:
        """The kept columns of everybody, shape (n, kept)."""
        return self.design.own[:, self.kept]

    def coefficients(self, outcomes: FloatArray) -> FloatArray:
        """Return coefficients (kept, o) of outcomes (n, o)."""
        rows = self.rows
        found = np.zeros((len(self.kept), outcomes.shape[1]))
        # The second pass takes off the rounding error of the first, which squares the columns' dependence.
        for _ in range(2):
            missed = self.weights[:, None] * (outcomes - rows @ found)
            found = found + self.bread @ (rows.T @ missed)
        return found

    def direction(self, arm: int, wanted: FloatArray) -> FloatArray:
        """Return the weighted mean of columns as if in a group, shape (kept,).

        Raises
        ------
        EstimationError
            EST-049 when the model cannot tell that mean's prediction.
        """
        mean = wanted @ self.design.of(arm) / wanted.sum()
        implied = mean[self.kept] @ self.dependence
        wrong = np.abs(mean[self.dropped] - implied) > DETERMINED * max(1.0, float(np.abs(mean).max()))
        if wrong.any():
            names = [self.design.names[j] for j in self.dropped[wrong].tolist()]
            what = f"{self.label} cannot tell what {listed(names)} does to the outcome, and the people compared differ in it"
            raise refusal("EST-049", what, "people")
        return np.asarray(mean[self.kept])


def outcome_model(design: OutcomeDesign, weights: FloatArray, label: str) -> OutcomeModel:
    """Return the regression of people with positive weights.

    Raises
    ------
    EstimationError
        EST-003 when it has as many columns as people, or more.
    """
    inside = weights > 0
    people, columns = int(inside.sum()), design.own.shape[1]
    if people <= columns and columns > 1:
        what = f"{label} has {shown(people)} people for an outcome model of {columns} columns"
        raise refusal("EST-003", what, "people", "use fewer covariates, or merge groups")
    rows = design.own[inside] * np.sqrt(weights[inside])[:, None]
    length = np.sqrt((rows**2).sum(axis=0))
    # The intercept first and the rest by what is left of them: of dependent columns the intercept always stays.
    kept, dropped = _independent(rows, length)
    orthogonal, upper = qr(rows[:, kept], mode="economic", check_finite=False)
    root = solve_triangular(upper, np.eye(len(kept)), check_finite=False)
    dependence = solve_triangular(upper, orthogonal.T @ rows[:, dropped], check_finite=False)
    return OutcomeModel(design, weights, kept, dropped, np.asarray(dependence), np.asarray(root @ root.T), label)


def _independent(rows: FloatArray, length: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return positions of columns that are no combination of earlier ones, and of the others."""
    basis = np.empty(rows.shape, order="F")
    kept: list[int] = []
    for j in range(rows.shape[1]):
        column = rows[:, j] / (length[j] or 1.0)
        for _ in range(2):  # twice is enough for orthogonality to rounding error
            column = column - basis[:, : len(kept)] @ (basis[:, : len(kept)].T @ column)
        left = float(np.sqrt(column @ column))
        if length[j] > 0 and left > DEPENDENT:
            basis[:, len(kept)] = column / left
            kept.append(j)
    chosen = np.array(kept, dtype=np.intp)
    return chosen, np.setdiff1d(np.arange(rows.shape[1]), chosen)
