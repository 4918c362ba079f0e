"""Imputation: each treated outcome less what a model of all untreated rows predicts for it.

The model is a level for each unit and one for each period, with slopes of fixed covariates that differ by period; it is fitted
on the rows before treatment and of the never treated. Errors treat the weights of the average as given, and each treated
unit's effect as varying around the mean of its cohort in its period: conservative, since true effects may differ less.

Placebo effects come from a second fit that imputes the last periods before treatment as well, as if it had begun earlier.

Sources: Borusyak, Jaravel and Spiess (2024), "Revisiting event-study designs: robust and efficient estimation", Review of
Economic Studies 91(6), theorems 1 and 2 for the estimator, theorem 3 and equation (8) for the error; Liu, Wang and Xu (2024), "A
practical guide to counterfactual estimators for causal inference with time-series cross-sectional data", American Journal of
Political Science 68(1), for the placebo.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.cohorts import Cohorts
from counterfoil.estimators.panels.group_time_cells import Cell
from counterfoil.estimators.panels.group_time_effects import Block, CellEffects

WORD = 62
"""Periods whose pattern fits a whole number."""
UNKNOWN = 1e-9
"""Directions with less than this part of the largest eigenvalue are not learnt from the untreated rows."""


@dataclass(frozen=True, slots=True, eq=False)
class ImputationWeights:
    """Weights of outcomes in imputed effects of k cells.

    Parameters
    ----------
    own : ndarray, shape (n, T)
        Of each untreated row in its unit's level.
    x : ndarray, shape (n, p)
    weights : ndarray, shape (n,)
    solved : ndarray, shape (T·p, k)
        Each cell's period columns times the inverse cross-product.
    cells : tuple of Cell
    members : tuple of ndarray of int
        Units of each cell.
    """

    own: FloatArray
    x: FloatArray
    weights: FloatArray
    solved: FloatArray
    cells: tuple[Cell, ...]
    members: tuple[NDArray[np.intp], ...]

    def of(self, mix: FloatArray) -> FloatArray:
        """Return the weight of each unit's outcome in each period, shape (n, T), in cells mixed by (k,), placebos last."""
        if mix[len(self.cells) :].any():
            raise ValueError("placebo effects are of another fit")
        mix = mix[: len(self.cells)]
        whole = np.zeros(self.own.shape)
        for cell, rows, part in zip(self.cells, self.members, mix.tolist(), strict=True):
            whole[rows, cell.period] += part * self.weights[rows] / self.weights[rows].sum()
        periods = self.x @ (self.solved @ mix).reshape(self.own.shape[1], -1).T * self.weights[:, None]
        net = (periods - (self.own * periods).sum(axis=1, keepdims=True)) * (self.own > 0)
        return np.asarray(whole - self.own * whole.sum(axis=1, keepdims=True) - net)


def impute(
    cells: Sequence[Cell],
    cohorts: Cohorts,
    outcomes: Sequence[FloatArray],
    measured: NDArray[np.bool_] | None,
    x: FloatArray,
    weights: FloatArray,
) -> tuple[CellEffects, ...]:
    """Return the effects of treated cells, one `CellEffects` an outcome; shapes as in `effects_from_changes`.

    A unit that is measured in no untreated period is part of no cell.
    """
    n, periods = outcomes[0].shape
    held = np.ones((n, periods), dtype=bool) if measured is None else measured
    untreated = held.copy()
    for cell in cells:
        untreated[cohorts.place(cell.cohort), cell.period] = False
    count = untreated.sum(axis=1)
    own = untreated / np.maximum(count, 1)[:, None]
    inverse, spanned = _solved(untreated, x, weights)
    chosen, targets, members, failures = [], [], [], []
    for cell in cells:
        place = cohorts.place(cell.cohort)
        rows = np.arange(place.start, place.stop)[held[place, cell.period] & (count[place] > 0)]
        target = _target(cell.period, own[rows], x[rows], weights[rows]) if len(rows) else np.full(len(inverse), np.inf)
        if not len(rows) or np.abs(target - spanned @ target).max() > 1e-6 * np.abs(target).max():
            failures.append((cell, "no untreated rows tell what that period would have been"))
            continue
        chosen.append(cell)
        targets.append(target)
        members.append(rows)
    solved = inverse @ np.array(targets).T.reshape(len(inverse), len(chosen))
    found = []
    for outcome in outcomes:
        values, influence = _effects(chosen, members, outcome, untreated, own, x, weights, inverse, solved)
        block = Block(np.arange(len(chosen)), ((slice(0, n), influence),))
        found.append(
            CellEffects(
                cells=tuple(chosen),
                values=values,
                blocks=(block,) if chosen else (),
                weights=ImputationWeights(own, x, weights, solved, tuple(chosen), tuple(members)),
                units=np.array(
                    [
                        [len(rows), int(untreated[:, cell.period].sum())]
                        for cell, rows in zip(chosen, members, strict=True)
                    ],
                    dtype=np.intp,
                ).reshape(-1, 2),
                failures=tuple(failures),
                trimmed=0,
                mass=np.array([weights[rows].sum() / n for rows in members]),
            )
        )
    return tuple(found)


def with_placebos(effects: CellEffects, second: CellEffects, leads: Sequence[Cell]) -> CellEffects:
    """Return effects and, after them, the placebo effects of a second fit on the same units.

    Parameters
    ----------
    effects : CellEffects
    second : CellEffects
        That imputes the periods of the leads as well.
    leads : sequence of Cell
    """
    early = set(leads)
    places = [place for place, cell in enumerate(second.cells) if cell in early]
    count = len(effects.cells)
    parts = tuple(
        Block(np.arange(count, count + len(places)), tuple((where, part[:, places]) for where, part in block.pieces))
        for block in second.blocks
    )
    if effects.mass is None or second.mass is None:
        raise TypeError("imputed effects have weights of their own")
    return replace(
        effects,
        cells=(*effects.cells, *(second.cells[place] for place in places)),
        values=np.append(effects.values, second.values[places]),
        blocks=(*effects.blocks, *parts),
        units=np.vstack([effects.units, second.units[places]]),
        mass=np.append(effects.mass, second.mass[places]),
    )


def _solved(untreated: NDArray[np.bool_], x: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the inverse cross-product of the period columns net of unit levels, (T·p, T·p), and its projector.

    Units with the same untreated periods add the Kronecker product of a T x T and a p x p matrix.
    """
    periods, p = untreated.shape[1], x.shape[1]
    patterns, code = _patterns(untreated)
    cross = np.zeros((periods * p, periods * p))
    for number, pattern in enumerate(patterns):
        if pattern.sum() < 2:
            continue
        rows = code == number
        net = np.diag(pattern.astype(np.float64)) - np.outer(pattern, pattern) / pattern.sum()
        cross += np.kron(net, (x[rows] * weights[rows, None]).T @ x[rows])
    values, vectors = np.linalg.eigh(cross)
    kept = values > UNKNOWN * values[-1]
    inverse = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return inverse, vectors[:, kept] @ vectors[:, kept].T


def _patterns(untreated: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Return the distinct rows, and which of them each row is, shape (n,)."""
    periods = untreated.shape[1]
    if periods <= WORD:
        number = untreated @ (1 << np.arange(periods, dtype=np.int64))
        _, first, code = np.unique(number, return_index=True, return_inverse=True)
        return untreated[first], code
    patterns, code = np.unique(untreated, axis=0, return_inverse=True)
    return patterns, code.reshape(-1)


def _target(period: int, own: FloatArray, x: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the period columns, net of unit levels, of the mean prediction for some units in a period, shape (T·p,)."""
    share = weights / weights.sum()
    found = -(own * share[:, None]).T @ x
    found[period] += share @ x
    return np.asarray(found.reshape(-1))


def _effects(
    cells: Sequence[Cell],
    members: Sequence[NDArray[np.intp]],
    outcome: FloatArray,
    untreated: NDArray[np.bool_],
    own: FloatArray,
    x: FloatArray,
    weights: FloatArray,
    inverse: FloatArray,
    solved: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return values (k,) and influence values (n, k), whose sum is value less truth."""
    n, periods = outcome.shape
    net = (outcome - (own * outcome).sum(axis=1, keepdims=True)) * untreated
    slopes = (inverse @ (net.T @ (x * weights[:, None])).reshape(-1)).reshape(periods, x.shape[1])
    gap = outcome - x @ slopes.T
    gap -= (own * gap).sum(axis=1, keepdims=True)
    residual = gap * untreated * weights[:, None]
    influence = -((residual[:, :, None] * x[:, None, :]).reshape(n, -1) @ solved)
    values = np.empty(len(cells))
    for column, (cell, rows) in enumerate(zip(cells, members, strict=True)):
        weight, effect = weights[rows], gap[rows, cell.period]
        values[column] = weight @ effect / weight.sum()
        centre = weight**2 @ effect / (weight @ weight)
        influence[rows, column] += weight * (effect - centre) / weight.sum()
    return values, influence
