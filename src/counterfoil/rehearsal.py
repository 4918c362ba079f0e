"""What a comparison rests on before outcomes are read: who is compared with whom, over which periods, how alike, and what fails."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from counterfoil.alike import balance_lines, counted_as, overlap_of
from counterfoil.contract import Comparison, OverTime, Placed
from counterfoil.datasets.disclosure import suppress_counts
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, DataError, Problem, raise_any
from counterfoil.estimators.panels.panel_design import everywhere, level_of
from counterfoil.estimators.panels.panel_support import panel_support
from counterfoil.estimators.panels.staggered_did import StaggeredDiD
from counterfoil.estimators.panels.staggered_plan import plan_staggered
from counterfoil.estimators.synthetic.before_outcomes import reach
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl

COUNTS = ("people", "rows", "units", "compared")


@dataclass(frozen=True, slots=True, eq=False)
class Rehearsal:
    """What is known of a comparison before outcomes.

    Parameters
    ----------
    cells : DataFrame
        Who is compared, as text; small counts of people suppressed.
    refused : tuple of Problem
        What the fit would refuse.
    warnings : tuple of Problem
    alike : tuple of str
        How alike the people are who are compared, in sentences.
    """

    cells: pd.DataFrame
    refused: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    alike: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the cells as plain data."""
        return {"cells": self.cells.to_dict("records"), "alike": list(self.alike)}

    def lines(self) -> list[str]:
        """Return the cells as lines of text."""
        if self.cells.empty:
            return []
        rows = [f"  {row}" for row in self.cells.to_string(index=False).splitlines()]
        return ["who is compared:", *rows, *(f"  {line}" for line in self.alike)]


def rehearse(spec: OverTime | Placed | Comparison, study: Study) -> Rehearsal:
    """Return what a design rests on; outcomes are not read.

    Raises
    ------
    DataError
        When a column is missing, blank or of the wrong kind.
    """
    if isinstance(spec, Placed):
        return _of_places(spec, study)
    if isinstance(spec, Comparison):
        return _of_groups(spec, study)
    if isinstance(spec, StaggeredDiD):
        plan = plan_staggered(spec, study)
        refused, warned = (plan.problems, ()) if plan.refused else ((), plan.problems)
        return Rehearsal(_shown(plan.cohorts, spec.level == "people"), refused, warned)
    support = panel_support(spec, study)
    raise_any([problem for problem in support.refusals if problem.code.startswith("DATA")])
    cells = support.cells
    if (spec.cluster or study.cluster) is None:
        cells = cells.drop(columns="clusters")  # each would be one person, or one place
    return Rehearsal(_shown(cells, spec.level == "people"), support.refusals, support.warnings)


def _of_groups(spec: Comparison, study: Study) -> Rehearsal:
    """Say how many people each group has and really counts as, and how alike the groups are."""
    try:
        built = spec.build(study)
    except DataError:
        raise
    except CounterfoilError as error:
        return Rehearsal(pd.DataFrame(), error.problems)
    found = overlap_of(built).tidy()
    several = found["term"].nunique() > 1
    cells = pd.DataFrame(
        {
            **({"effect of": found["term"]} if several else {}),
            "group": found["group"],
            "people": found["people"],
            "count as": counted_as(found),
            "one person's largest part": ["" if pd.isna(part) else f"{part:.1%}" for part in found["largest_share"]],
        }
    )
    return Rehearsal(cells, (), built.warnings, tuple(balance_lines(built)))


def _of_places(spec: Placed, study: Study) -> Rehearsal:
    """Places are no people: how many there are is told."""
    units = level_of(spec, study)
    unread = (
        isinstance(units, Study)
        and units.outcomes is None
        and not (isinstance(spec, SyntheticControl) and (spec.treated or spec.predictors))
    )
    try:
        found = reach(spec, everywhere(spec, study) if unread else study)
    except DataError:
        raise
    except CounterfoilError as error:
        return Rehearsal(pd.DataFrame(), error.problems)
    cells = pd.DataFrame(found.cohorts, columns=["treated from", "places", "periods before", "periods since"])
    cells = cells.assign(**{"places compared with": found.donors}).astype(str)
    if found.smallest_p_value is not None:
        cells["smallest p-value"] = f"{found.smallest_p_value:.3g}"
    return Rehearsal(cells, (), found.warnings)


def _shown(cells: pd.DataFrame, people: bool) -> pd.DataFrame:
    """Return a table of counts as text, small ones of people suppressed, each column by itself."""
    shown = cells.astype(object).map(str)
    if people:
        for name in cells.columns.intersection(COUNTS):
            shown[name] = suppress_counts([int(count) for count in cells[name]])
    return shown
