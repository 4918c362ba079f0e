"""Cohorts and event times that rest on one or two units, whose errors mean nothing."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem, listed
from counterfoil.estimators.panels.cohorts import Cohorts
from counterfoil.estimators.panels.group_time_effects import CellEffects

FEW: Final = 2
"""Units on which no error can rest."""
FEW_CLUSTERS: Final = 5
"""Clusters of a cohort below which 95% intervals of its own effect held the truth in 85 to 89% of draws."""


def thin(fit_cells: CellEffects, cohorts: Cohorts) -> tuple[Problem, ...]:
    """Return warnings of cohorts and event times that rest on one or two units, whose errors mean nothing."""
    found = []
    small = [label for label, size in zip(cohorts.labels, cohorts.sizes.tolist(), strict=True) if size <= FEW]
    if small:
        what = f"{len(small)} cohorts have so few units that their own errors mean nothing: {listed(small, 12)}"
        found.append(Problem("EST-032", what, "cohorts"))
    behind: dict[int, int] = {}
    for cell, units in zip(fit_cells.cells, fit_cells.units[:, 0].tolist(), strict=True):
        behind[cell.since] = behind.get(cell.since, 0) + units
    few = [str(time) for time, units in sorted(behind.items()) if units <= FEW]
    if few:
        what = f"event times {listed(few, 12)} rest on so few units that their errors mean nothing"
        found.append(Problem("EST-032", what, "event study"))
    return tuple(found)


def few_clusters_of_cohorts(cohorts: Cohorts, clusters: NDArray[np.intp] | None) -> tuple[Problem, ...]:
    """Return a warning of cohorts that lie in so few clusters that their own errors by cluster are too small.

    Parameters
    ----------
    cohorts : Cohorts
    clusters : ndarray of int, shape (n,), or None
        Of units in the order of the cohorts.
    """
    if clusters is None:
        return ()
    few = [
        label
        for position, label in enumerate(cohorts.labels)
        if len(np.unique(clusters[cohorts.place(position)])) < FEW_CLUSTERS
    ]
    if not few:
        return ()
    what = (
        f"cohorts {listed(few, 12)} lie in fewer than {FEW_CLUSTERS} clusters, so that their own errors are too small"
    )
    return (Problem("EST-032", what, "cohorts"),)
