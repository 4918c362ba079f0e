"""Effects of all group-time cells, for several outcomes at once, with influence values kept only where they are not zero.

Cells of a cohort that are compared with the same units share their nuisance work: one logit, started where the last one
ended, one cross-product, and one product for all changes of all outcomes. With units that are not measured in every period,
a cell uses those that were measured in both of its periods. Source: Callaway and Sant'Anna (2021), theorem 1 and section 4.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.cohorts import Cohorts
from counterfoil.estimators.panels.group_time_cells import Cell
from counterfoil.estimators.panels.two_groups import Failure, Method, Weighing, effects_of_changes, weigh_groups

Place = slice | NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Influence values of some cells, for the units that have any.

    Parameters
    ----------
    cells : ndarray of int, shape (c,)
        Positions among the estimated cells.
    pieces : tuple of (place, ndarray)
        Where some units stand in the order of the cohorts, and their influence values (m, c); a value less its truth is the
        sum over all units.
    """

    cells: NDArray[np.intp]
    pieces: tuple[tuple[Place, FloatArray], ...]


class OutcomeWeights(Protocol):
    """Weights of outcomes in effects that are linear in them."""

    def of(self, mix: FloatArray) -> FloatArray:
        """Return the weight of each unit's outcome in each period, shape (n, T), in cells mixed by (k,)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ChangeWeights:
    """Weights of changes: for groups of cells, their positions, and (place, (m,)) pairs as in `Block`.

    Parameters
    ----------
    groups : sequence of (ndarray, tuple)
    cells : sequence of Cell
        All that are estimated.
    shape : tuple of int
        Units and periods.
    """

    groups: Sequence[tuple[NDArray[np.intp], tuple[tuple[Place, FloatArray], ...]]]
    cells: Sequence[Cell]
    shape: tuple[int, ...]

    def of(self, mix: FloatArray) -> FloatArray:
        """Return the weight of each unit's outcome in each period, shape (n, T), in cells mixed by (k,)."""
        whole = np.zeros(self.shape)
        for group, pieces in self.groups:
            path = np.zeros(self.shape[1])
            for place in group.tolist():
                path[self.cells[place].period] += mix[place]
                path[self.cells[place].base] -= mix[place]
            for where, own in pieces:
                whole[where] += np.outer(own, path)
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class CellEffects:
    """Estimated cells of one outcome.

    Parameters
    ----------
    cells : tuple of Cell
    values : ndarray, shape (k,)
    blocks : tuple of Block
    weights : OutcomeWeights or None
        None where they depend on who was measured in which period alone.
    units : ndarray of int, shape (k, 2)
        Units (or rows, where each period has people of its own) treated and compared in each cell.
    failures : tuple of (Cell, str)
        Cells that could not be estimated, and why.
    trimmed : int
        The most comparison units that had no weight in a cell because nobody with their covariates was left untreated.
    mass : ndarray, shape (k,), or None
        Weight of the units behind each cell, where it is not that of the whole cohort.
    """

    cells: tuple[Cell, ...]
    values: FloatArray
    blocks: tuple[Block, ...]
    weights: OutcomeWeights | None
    units: NDArray[np.intp]
    failures: tuple[tuple[Cell, str], ...]
    trimmed: int
    mass: FloatArray | None = None


WHY: dict[str, str] = {
    "overlap": "covariates predict perfectly who is treated",
    "singular": "covariates are dependent among those compared",
    "empty": "nobody was measured in both periods on one of the two sides",
}


@dataclass(slots=True)
class Collected:
    """What has been estimated so far."""

    outcomes: int
    cells: list[Cell] = field(default_factory=list)
    units: list[tuple[int, int]] = field(default_factory=list)
    values: list[list[FloatArray]] = field(default_factory=list)
    blocks: list[list[Block]] = field(default_factory=list)
    weights: list[tuple[NDArray[np.intp], tuple[tuple[Place, FloatArray], ...]]] = field(default_factory=list)
    failures: list[tuple[Cell, str]] = field(default_factory=list)
    trimmed: int = 0

    def __post_init__(self) -> None:
        self.values = [[] for _ in range(self.outcomes)]
        self.blocks = [[] for _ in range(self.outcomes)]

    def begin(self, cells: Sequence[Cell], treated: int, compared: int) -> NDArray[np.intp]:
        """Take cells up, with how many are behind each; return their positions."""
        places = np.arange(len(self.cells), len(self.cells) + len(cells))
        self.cells += cells
        self.units += [(treated, compared)] * len(cells)
        return places

    def finished(self, shape: tuple[int, ...] = ()) -> tuple[CellEffects, ...]:
        """Return what was collected, one `CellEffects` an outcome."""
        weights = ChangeWeights(tuple(self.weights), tuple(self.cells), shape) if shape else None
        return tuple(
            CellEffects(
                cells=tuple(self.cells),
                values=np.concatenate([np.empty(0), *self.values[which]]),
                blocks=tuple(self.blocks[which]),
                weights=weights,
                units=np.array(self.units, dtype=np.intp).reshape(-1, 2),
                failures=tuple(self.failures),
                trimmed=self.trimmed,
            )
            for which in range(self.outcomes)
        )


def effects_from_changes(
    cells: Sequence[Cell],
    cohorts: Cohorts,
    outcomes: Sequence[FloatArray],
    measured: NDArray[np.bool_] | None,
    x: FloatArray,
    weights: FloatArray,
    method: Method,
) -> tuple[CellEffects, ...]:
    """Return the effects of cells on outcomes of units that are followed over time, one `CellEffects` an outcome.

    Parameters
    ----------
    cells : sequence of Cell
        Each with somebody to compare with.
    cohorts : Cohorts
    outcomes : sequence of ndarray, shape (n, T)
        In the order of the cohorts; nothing where not measured.
    measured : ndarray of bool, shape (n, T), or None
        None where every unit was measured in every period.
    x : ndarray, shape (n, p)
        Covariates with a first column of ones.
    weights : ndarray, shape (n,)
    method : {"doubly_robust", "outcome_regression", "weighting"}
    """
    found = Collected(len(outcomes))
    start = None
    for group, places in _alike(cells, cohorts, measured):
        treated, compared = places
        weighing: Weighing | Failure | str = "empty"
        if _size(treated) and _size(compared):
            weighing = weigh_groups(x[treated], x[compared], weights[treated], weights[compared], method, start=start)
        if not isinstance(weighing, Weighing):
            found.failures += [(cell, WHY[weighing]) for cell in group]
            continue
        start = weighing.logit
        found.trimmed = max(found.trimmed, weighing.trimmed)
        at = found.begin(group, _size(treated), _size(compared))
        changes = np.zeros((outcomes[0].shape[1], len(group)))
        for column, cell in enumerate(group):
            changes[cell.period, column], changes[cell.base, column] = 1.0, -1.0
        found.weights.append((at, ((treated, weighing.treated), (compared, weighing.comparison))))
        for which, outcome in enumerate(outcomes):
            value, own, other = effects_of_changes(weighing, outcome[treated], outcome[compared], changes)
            found.values[which].append(value)
            found.blocks[which].append(Block(at, ((treated, own), (compared, other))))
    return found.finished(outcomes[0].shape)


def _size(place: Place) -> int:
    return place.stop - place.start if isinstance(place, slice) else len(place)


def _alike(
    cells: Sequence[Cell], cohorts: Cohorts, measured: NDArray[np.bool_] | None
) -> Iterator[tuple[list[Cell], tuple[Place, Place]]]:
    """Yield cells that use the same units, and where these stand."""
    groups: dict[tuple[object, ...], list[Cell]] = {}
    for cell in cells:
        own = () if measured is None else (cell.period, cell.base)
        groups.setdefault((cell.cohort, cell.comparison, *own), []).append(cell)
    for group in groups.values():
        first = group[0]
        places = cohorts.place(first.cohort), cohorts.places(first.comparison)
        if measured is None:
            yield group, places
        else:
            both = measured[:, first.period] & measured[:, first.base]
            rows = np.arange(len(both))
            yield group, (rows[places[0]][both[places[0]]], rows[places[1]][both[places[1]]])
