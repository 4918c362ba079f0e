"""What a staggered design can tell, before any outcome is read: cohorts, comparisons, what is lost, and what it can detect.

Every effect on units that are followed is a weighted sum of outcomes whose weights follow from who is treated when and from
covariates, so that the error of the total is known up to the spread of the outcome (Bloom 1995 for the smallest detectable
effect).
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, Problem
from counterfoil.estimators.panels.panel_design import PanelData, everywhere
from counterfoil.estimators.panels.staggered_did import StaggeredDiD, estimable, fitted
from counterfoil.estimators.panels.staggered_sample import StaggeredSample, draw_staggered
from counterfoil.estimators.power import smallest_detectable


@dataclass(frozen=True, slots=True, eq=False)
class StaggeredPlan:
    """What is known of a staggered design before outcomes.

    Parameters
    ----------
    cohorts : DataFrame
        cohort, units, estimated: whether the cohort has an effect.
    cells : DataFrame
        cohort, period, event_time, units, compared: the numbers behind each cell that can be estimated.
    counts : dict of str to int
        People in and used, cohorts, cells and cells left out.
    problems : tuple of Problem
        What would be refused (alone, then the tables are empty), and what would be warned of.
    refused : bool
    detectable : float or None
        The smallest effect detected four times in five at a two-sided 5 per cent, in standard deviations of a unit's outcome
        around its own mean, if these are unrelated over time; None where weights are not known beforehand.
    """

    cohorts: pd.DataFrame
    cells: pd.DataFrame
    counts: dict[str, int]
    problems: tuple[Problem, ...]
    refused: bool
    detectable: float | None


def plan_staggered(spec: StaggeredDiD, data: PanelData) -> StaggeredPlan:
    """Return what a staggered design can tell; outcomes are not read.

    Parameters
    ----------
    spec : StaggeredDiD
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
        A study without outcomes counts as measured for everybody in every one of the spec's `periods`.

    Raises
    ------
    DataError
        When columns are missing, blank or wrong, and DATA-032 when nothing says what the periods are.

    Examples
    --------
    >>> from counterfoil.datasets import Panel
    >>> frame = pd.DataFrame({"town": range(8), "joined": [2, 2, 3, 3, 3, None, None, None]})
    >>> long = frame.merge(pd.DataFrame({"year": [1, 2, 3]}), how="cross")
    >>> plan = plan_staggered(StaggeredDiD(outcome="jobs", first_treated="joined"), Panel.from_frame(long, unit="town", period="year"))
    >>> plan.cohorts["units"].tolist(), round(plan.detectable, 2), [problem.code for problem in plan.problems]
    ([2, 3, 3], 2.58, ['EST-032', 'EST-032'])
    """
    panel = (
        everywhere(spec, data) if isinstance(data, Study) and data.outcomes is None and spec.treated is None else data
    )
    try:
        sample = draw_staggered(spec, panel, read="none")
        shape = (len(sample.unit_of_row),) if spec.sampling == "cross_sections" else _shape(sample)
        effects = estimable(spec, sample, [np.zeros(shape)])[0]
    except CounterfoilError as error:
        if any(problem.code.startswith("DATA") for problem in error.problems):
            raise
        nothing = pd.DataFrame()
        return StaggeredPlan(nothing, nothing, {}, tuple(error.problems), True, None)
    fit = fitted(spec, sample, sample.outcomes[0], effects)
    total = fit.total()
    known = total.riesz is not None
    return StaggeredPlan(
        cohorts=fit.cohort_sizes,
        cells=fit.described().drop(columns="outcome"),
        counts=dict(fit.diagnostics),
        problems=fit.warnings,
        refused=False,
        detectable=float(smallest_detectable(total, total.critical())[0]) if known else None,
    )


def _shape(sample: StaggeredSample) -> tuple[int, int]:
    return len(sample.cohorts.order), len(sample.panel.periods)
