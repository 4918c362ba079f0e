"""Group-time cells: each cohort in each period, the period it is compared with, and which cohorts it is compared with.

From ``anticipation`` periods before treatment on, a cell is a change since the last period before that. Earlier cells are
placebos: changes since the period before (varying base), or since the same last period (universal base). Cohorts that are
not yet treated serve as comparison while neither of the two periods is within reach of their treatment.
Source: Callaway and Sant'Anna (2021), sections 2 and 3.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from counterfoil.datasets.timeline import Timeline
from counterfoil.errors import Problem, listed
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.cohorts import Cohorts


@dataclass(frozen=True, slots=True)
class Cell:
    """One cohort in one period.

    Parameters
    ----------
    cohort : int
        Position among the cohorts.
    period, base : int
        Positions of the two periods whose change it is; -1 for the base where there is no single one.
    since : int
        Event time: steps from the cohort's first treated period; negative before.
    comparison : tuple of int
        Cohorts it is compared with; the number of cohorts stands for the never treated.
    """

    cohort: int
    period: int
    base: int
    since: int
    comparison: tuple[int, ...]

    @property
    def after(self) -> bool:
        """Whether the cohort is treated."""
        return self.since >= 0


def event_time(period: float, start: float, step: float) -> int:
    """Return how many steps a period is after the first treated one, the latter counting as nothing."""
    return math.floor((period - start) / step + 1e-9)


def group_time_cells(
    cohorts: Cohorts,
    line: Timeline,
    comparison: Literal["never", "not_yet"],
    base: Literal["varying", "universal"],
    anticipation: int,
) -> tuple[Cell, ...]:
    """Return all cells, cohort by cohort; one that nobody can be compared with has an empty comparison.

    Examples
    --------
    >>> from counterfoil.estimators.panels.cohorts import cohorts_of
    >>> line = Timeline(("1", "2", "3"), np.array([1.0, 2.0, 3.0]))
    >>> found = cohorts_of(np.array([2.0, 3.0, np.inf]), line)
    >>> [(cell.since, cell.comparison) for cell in group_time_cells(found, line, "not_yet", "varying", 0)]
    [(0, (1, 2)), (1, (2,)), (-1, (2,)), (0, (2,))]
    """
    times, reach = line.times, anticipation * line.step
    found = []
    for cohort, start in enumerate(cohorts.starts.tolist()):
        last = int(np.flatnonzero(times + reach < start)[-1])
        for period, time in enumerate(times.tolist()):
            since = last if base == "universal" or time >= start - reach else period - 1
            if since in (period, -1):
                continue
            limit = max(time, times[since]) + reach
            fit = _compared(cohorts, cohort, limit) if comparison == "not_yet" else (cohorts.count,)
            fit = fit if cohorts.never else tuple(other for other in fit if other < cohorts.count)
            found.append(Cell(cohort, period, since, event_time(time, start, line.step), fit))
    return tuple(found)


def lead_cells(cohorts: Cohorts, line: Timeline, anticipation: int, leads: int) -> tuple[Cell, ...]:
    """Return the last cells before treatment, for cohorts that are seen in an earlier period still.

    Examples
    --------
    >>> from counterfoil.estimators.panels.cohorts import cohorts_of
    >>> line = Timeline(("1", "2", "3"), np.array([1.0, 2.0, 3.0]))
    >>> [cell.since for cell in lead_cells(cohorts_of(np.array([2.0, 3.0, np.inf]), line), line, 0, 1)]
    [-1]
    """
    found = []
    for cohort, start in enumerate(cohorts.starts.tolist()):
        end = start - anticipation * line.step
        begin = end - leads * line.step
        for period, time in enumerate(line.times.tolist()):
            if begin <= time < end and line.times[0] < begin:
                others = _compared(cohorts, cohort, time)
                found.append(Cell(cohort, period, -1, event_time(time, start, line.step), others))
    return tuple(found)


def _compared(cohorts: Cohorts, cohort: int, limit: float) -> tuple[int, ...]:
    """Return the cohorts that are not yet treated at a time, the never treated last."""
    later = [other for other in np.flatnonzero(cohorts.starts > limit).tolist() if other != cohort]
    return (*later, cohorts.count)


def name_cells(cells: Sequence[Cell], cohorts: Cohorts, line: Timeline) -> tuple[str, ...]:
    """Return what each cell is called: cohort and period."""
    return tuple(f"ATT({cohorts.labels[cell.cohort]}, {line.labels[cell.period]})" for cell in cells)


def cells_left_out(cells: Sequence[Cell], names: Sequence[str], why: str) -> tuple[Problem, ...]:
    """Return the warning that names cells that are not estimated."""
    if not cells:
        return ()
    after = sum(cell.after for cell in cells)
    what = f"{len(cells)} cells ({after} of them treated) are not estimated, because {why}: {listed(names, 12)}"
    return (Problem("IDENT-031", what, "group-time cells"),)


def shares(cohorts: Cohorts, weights: FloatArray) -> FloatArray:
    """Return each cohort's weighted share of all units, shape (G,); weights (n,) in the order of the cohorts."""
    sums = np.add.reduceat(np.append(weights, 0.0), cohorts.bounds[:-1])[: cohorts.count]
    return np.asarray(sums / len(weights))
