"""Who was lost from a lottery: rates by arm, a test of their difference, and the boundary of the What Works Clearinghouse.

A lottery makes the arms alike at its start. Where more people of one arm have no outcome, those left need not be. The
test is chi-square without clusters, and t on the difference in rates with them. The boundaries say up to which difference
between arms, at which overall loss, bias stays below 0.05 standard deviations under cautious or optimistic assumptions on
how outcomes and loss go together: What Works Clearinghouse, *Standards Handbook*, version 4.1 (2020), table II.1.
"""

import math
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import chdtrc, stdtr

from counterfoil.datasets.disclosure import SMALL_CELL
from counterfoil.datasets.table import blank
from counterfoil.errors import Problem
from counterfoil.estimators.covariance import FloatArray, sandwich
from counterfoil.estimators.spec import Design, as_study
from counterfoil.estimators.trials.arms import read_arms

Level = Literal["cautious", "optimistic", "above"]

# fmt: off
CAUTIOUS: Final = (
    5.7, 5.8, 5.9, 5.9, 6.0, 6.1, 6.2, 6.3, 6.3, 6.3, 6.3, 6.2, 6.2, 6.1, 6.0, 5.9, 5.9, 5.8, 5.7, 5.5, 5.4, 5.3, 5.2, 5.1,
    4.9, 4.8, 4.7, 4.5, 4.4, 4.3, 4.1, 4.0, 3.8, 3.6, 3.5, 3.3, 3.2, 3.1, 2.9, 2.8, 2.6, 2.5, 2.3, 2.1, 2.0, 1.8, 1.6, 1.5,
    1.3, 1.2, 1.0, 0.9, 0.7, 0.6, 0.4, 0.3, 0.2, 0.0,
)
OPTIMISTIC: Final = (
    10.0, 10.1, 10.2, 10.3, 10.4, 10.5, 10.7, 10.8, 10.9, 10.9, 10.9, 10.9, 10.9, 10.8, 10.8, 10.7, 10.6, 10.5, 10.3, 10.2,
    10.0, 9.9, 9.7, 9.5, 9.4, 9.2, 9.0, 8.8, 8.6, 8.4, 8.2, 8.0, 7.8, 7.6, 7.4, 7.2, 7.0, 6.7, 6.5, 6.3, 6.0, 5.8, 5.6, 5.3,
    5.1, 4.9, 4.6, 4.4, 4.2, 3.9, 3.7, 3.5, 3.2, 3.0, 2.8, 2.6, 2.3, 2.1, 1.9, 1.6, 1.4, 1.1, 0.9, 0.7, 0.5, 0.3,
)
# fmt: on
"""Largest difference in loss, in percentage points, at an overall loss of 0, 1, ... per cent."""


def attrition_table(spec: Design, data: Any, assigned: str = "assigned") -> pd.DataFrame:
    """Return who has an outcome, by arm.

    Parameters
    ----------
    spec : Design
        Names the outcome; its ``assigned`` column counts where it has one.
    data : Study or DataFrame
    assigned : str
        The column of the arm, for a design that names none.

    Returns
    -------
    DataFrame
        Rows assigned, control, all, of people whose arm (and cluster) is known; columns arm, people, with_outcome, lost
        (a fraction). ``attrs`` holds ``difference``
        (assigned less control), ``std_error``, ``p_value``, ``test`` and ``wwc``: the boundary kept, or ``above``.

    Raises
    ------
    DataError
        When a column is missing, or no 0/1 assignment.
    IdentificationError
        IDENT-001 when an arm is empty.

    Examples
    --------
    >>> from counterfoil.estimators import Experiment
    >>> frame = pd.DataFrame({"assigned": [0, 1] * 50, "jobs": [1.0, 2.0] * 50})
    >>> frame.loc[frame.index[:40:2], "jobs"] = float("nan")
    >>> found = attrition_table(Experiment(outcome="jobs", missing="drop"), frame)
    >>> found["lost"].round(6).tolist(), found.attrs["wwc"]
    ([0.0, 0.4, 0.2], 'above')
    """
    study = as_study(spec, data)
    column, cluster = getattr(spec, "assigned", assigned), spec.cluster or study.cluster
    lacking = [blank(study.column(name, complete=False)) for name in (column, cluster) if name]
    known = ~np.logical_or.reduce(np.array(lacking, dtype=bool))
    study = study if known.all() else study.subset(known)
    arm = read_arms(study, column).codes > 0
    lost = np.isnan(study.outcome(spec.outcome, spec.period, complete=False))
    codes = None if cluster is None else study.codes(cluster)
    rows = [(name, int(who.sum()), int((~lost[who]).sum())) for name, who in _arms(arm).items()]
    table = pd.DataFrame(rows, columns=["arm", "people", "with_outcome"])
    table["lost"] = 1.0 - table["with_outcome"] / table["people"]
    difference = float(table["lost"][0] - table["lost"][1])
    error, p_value, test = compare_rates(lost, arm, codes)
    table.attrs = {
        "difference": difference,
        "std_error": error,
        "p_value": p_value,
        "test": test,
        "wwc": boundary(float(table["lost"][2]), abs(difference)),
    }
    return table


def _arms(assigned: NDArray[np.bool_]) -> dict[str, NDArray[np.bool_]]:
    return {"assigned": assigned, "control": ~assigned, "all": np.ones_like(assigned)}


def compare_rates(
    lost: NDArray[np.bool_], assigned: NDArray[np.bool_], clusters: NDArray[np.intp] | None
) -> tuple[float, float, str]:
    """Return the error of the difference between the arms' rates, the p-value of none, and the test's name."""
    n = len(lost)
    influence: FloatArray = np.zeros((n, 1))
    for who, sign in ((assigned, 1.0), (~assigned, -1.0)):
        influence[who, 0] = sign * (lost[who] - lost[who].mean()) * n / who.sum()
    difference = float(lost[assigned].mean() - lost[~assigned].mean())
    if clusters is None:
        error = math.sqrt(float(sandwich(influence, None)[0, 0]))
        overall = float(lost.mean())
        if overall in (0.0, 1.0):
            return error, 1.0, "chi-square"
        statistic = difference**2 / (overall * (1.0 - overall) * (1.0 / assigned.sum() + 1.0 / (~assigned).sum()))
        return error, float(chdtrc(1, statistic)), "chi-square"
    groups = int(clusters.max()) + 1
    if groups < 3:
        return 0.0, 1.0, "too few clusters to test"
    error = math.sqrt(groups / (groups - 1) * float(sandwich(influence, clusters)[0, 0]))
    p_value = 2.0 * float(stdtr(groups - 1, -abs(difference) / error)) if error > 0 else float(difference == 0)
    return error, p_value, "t, by cluster"


def boundary(overall: float, difference: float) -> Level:
    """Return the strictest boundary that keeps an overall loss and a difference, both fractions.

    Between whole percentages a boundary is a straight line; beyond its last, 57 or 65 per cent, it is not kept.

    Examples
    --------
    >>> boundary(0.10, 0.05), boundary(0.10, 0.08), boundary(0.10, 0.12), boundary(0.60, 0.0)
    ('cautious', 'optimistic', 'above', 'optimistic')
    """
    percent, points = 100.0 * overall, 100.0 * difference
    levels: tuple[tuple[Level, tuple[float, ...]], ...] = (("cautious", CAUTIOUS), ("optimistic", OPTIMISTIC))
    for name, table in levels:
        if percent <= len(table) - 1 and points <= np.interp(percent, np.arange(len(table)), table) + 1e-9:
            return name
    return "above"


SIGNIFICANT: Final = 0.05


def attrition_warning(spec: Design, data: Any) -> tuple[Problem, ...]:
    """Warn where people were lost unequally: by a test at 5%, or beyond the cautious boundary.

    Returns
    -------
    tuple of Problem
        EST-024, or nothing; nothing too for a design that refuses people without an outcome.

    Raises
    ------
    CounterfoilError
        As `attrition_table`.
    """
    if spec.missing != "drop":
        return ()
    table = attrition_table(spec, data)
    found = table.attrs
    if table["lost"][2] == 0 or (found["p_value"] >= SIGNIFICANT and found["wwc"] == "cautious"):
        return ()
    beyond = {
        "cautious": "within the cautious boundary of the What Works Clearinghouse",
        "optimistic": "above the cautious boundary of the What Works Clearinghouse and within the optimistic one",
        "above": "above both boundaries of the What Works Clearinghouse",
    }[found["wwc"]]
    counts = (table["people"] - table["with_outcome"])[:2]
    rates = [f"{rate:.1%}" for rate in table["lost"][:2]]
    losses = f"{rates[0]} of the assigned and {rates[1]} of the control arm have no outcome"
    if ((counts > 0) & (counts < SMALL_CELL)).any():
        losses = "the arms lost different parts of their people"
    what = f"{losses} ({found['test']}, p = {found['p_value']:.2g}; {beyond})"
    return (Problem("EST-024", what, "people"),)
