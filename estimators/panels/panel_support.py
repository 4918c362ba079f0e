"""What a panel design rests on, before any outcome is read: cells and cohorts, clusters by arm, and what will be refused.

The regression is built and solved for an outcome of nothing: which columns are told apart, which are left out, and with how
many degrees of freedom errors by cluster are stated do not depend on outcomes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.display import titled_table
from counterfoil.datasets.panel import NEVER, Panel
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers, as_text
from counterfoil.errors import CounterfoilError, Problem
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.panels.difference_in_differences import DifferenceInDifferences
from counterfoil.estimators.panels.event_study_regression import EventStudyRegression
from counterfoil.estimators.panels.panel_design import PanelData, draw_panel
from counterfoil.estimators.panels.panel_regression import fit_model
from counterfoil.estimators.panels.two_way_fixed_effects import TwoWayFixedEffects, starts

PanelSpec = DifferenceInDifferences | EventStudyRegression | TwoWayFixedEffects


@dataclass(frozen=True, slots=True, eq=False)
class PanelSupport:
    """What a panel design rests on.

    Parameters
    ----------
    cells : DataFrame
        Columns cohort, period, people, rows and clusters: how many of each before and after units of the cohort begin.
    degrees : float or None
        Of t, with the errors that the design states; None where the design is refused or has no error.
    refusals : tuple of Problem
        What the fit will refuse.
    warnings : tuple of Problem
    counts : dict
        As in the diagnostics of the estimate.
    planned : Estimate or None
        What the design makes of an outcome of nothing: in a difference in differences its ``riesz`` plans the error.
    """

    cells: pd.DataFrame
    degrees: float | None
    refusals: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    counts: dict[str, object] = field(default_factory=dict)
    planned: Estimate | None = None

    def __repr__(self) -> str:
        said = [f"{problem.code} {problem.what}" for problem in (*self.refusals, *self.warnings)]
        return "\n".join([self.cells.to_string(index=False), *said])

    def _repr_html_(self) -> str:
        return titled_table(self.cells, "people, rows and clusters by cohort, before and after")


def panel_support(spec: PanelSpec, data: PanelData) -> PanelSupport:
    """Return what a design rests on; outcomes are not read.

    Parameters
    ----------
    spec : DifferenceInDifferences, TwoWayFixedEffects or EventStudyRegression
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
        Of a study without outcomes, rows are those of the first measure over time that the design names; a difference in
        differences names none and then counts people, of whom no row is known yet.

    Raises
    ------
    DataError
        When a column is missing, blank or of the wrong kind.

    Examples
    --------
    >>> from counterfoil.datasets import Panel
    >>> long = pd.DataFrame({"unit": [1, 1, 2, 2, 3, 3], "year": [0, 1] * 3, "north": [1, 1, 0, 0, 0, 0]})
    >>> found = panel_support(
    ...     DifferenceInDifferences(outcome="y", group="north", after="1"), Panel.from_frame(long, unit="unit", period="year")
    ... )
    >>> found.cells["rows"].tolist(), [problem.code for problem in found.warnings]
    ([2, 2, 1, 1], ['EST-025'])
    """
    if (
        isinstance(data, Study)
        and data.outcomes is None
        and isinstance(spec, DifferenceInDifferences | EventStudyRegression)
    ):
        named = spec.controls if isinstance(spec, DifferenceInDifferences) else (*spec.varying(), *spec.controls)
        if not named:
            return _people_only(spec, data)
    cells = _cells(spec, data)
    try:
        built = spec.model(data, outcome="none")
        model = built[1] if isinstance(built, tuple) else built
        found = fit_model(spec, model, np.zeros(model.sample.panel.n_rows)).estimate
    except CounterfoilError as error:
        return PanelSupport(cells, None, tuple(error.problems))
    degrees = None if found.error_type == "unknown" else found.df
    return PanelSupport(cells, degrees, (), found.warnings, dict(found.diagnostics), found)


def _cells(spec: PanelSpec, data: PanelData) -> pd.DataFrame:
    if isinstance(spec, DifferenceInDifferences):
        names = tuple(filter(None, (spec.group, spec.subgroup)))
        panel = draw_panel(spec, data, spec.controls, names, outcome="none", window=spec.window).panel
        late = panel.period >= panel.timeline.at(spec.after)
        cohort = _groups_in_words(names, panel)
        labels = (f"before {spec.after}", f"from {spec.after} on")
    else:
        read = (*spec.varying(), *spec.controls) if isinstance(spec, EventStudyRegression) else spec.regressors
        panel = draw_panel(spec, data, read, outcome="none", window=spec.window).panel
        last = len(panel.periods)
        if isinstance(spec, EventStudyRegression):
            began = np.searchsorted(panel.times, spec.adoption(panel))
        else:
            began = starts(panel.varying(spec.regressors[0]) != 0, panel)
        late = panel.period >= began[panel.unit]
        cohort = np.array([*(f"from {label}" for label in panel.periods), "never"], dtype=object)[
            np.minimum(began, last)
        ]
        labels = ("before", "after")
    cluster, _ = spec.errors_by(panel)
    groups = np.arange(panel.n_units) if cluster is None else panel.groups(cluster)[0]
    rows = pd.DataFrame(
        {
            "cohort": cohort[panel.unit],
            "period": np.where(late, labels[1], labels[0]),
            "unit": panel.unit,
            "cluster": groups[panel.unit],
        }
    )
    table = rows.groupby(["cohort", "period"], sort=False).agg(
        people=("unit", "nunique"), rows=("unit", "size"), clusters=("cluster", "nunique")
    )
    order = pd.MultiIndex.from_product([sorted(set(cohort)), labels], names=["cohort", "period"])
    if not isinstance(spec, DifferenceInDifferences):
        order = order[order.isin(table.index)]
    return table.reindex(order, fill_value=0).reset_index()


def _groups_in_words(names: Sequence[str], units: Study | Panel) -> NDArray[Any]:
    """Return which groups each unit is in, such as ``north = 1, poor = 0``, shape (n_units,)."""
    said = [f"{name} = " + pd.Series(units.arm(name).astype(int).astype(str)) for name in names]
    return np.asarray(said[0].str.cat(said[1:], sep=", "))


def _people_only(spec: DifferenceInDifferences | EventStudyRegression, study: Study) -> PanelSupport:
    """Return how many people and clusters each group or cohort has, before there are any rows."""
    cluster = spec.cluster or study.cluster
    groups = np.arange(study.n_people) if cluster is None else study.codes(cluster)
    if isinstance(spec, DifferenceInDifferences):
        cohort = _groups_in_words(tuple(filter(None, (spec.group, spec.subgroup))), study)
    else:
        column = study.column(str(spec.first_treated), complete=False)
        numbers, wrong = as_numbers(column)
        words = as_text(column).str.strip() if wrong.any() else pd.Series([f"{number:.15g}" for number in numbers])
        cohort = ("from " + words).where(~words.str.lower().isin(NEVER), "never").to_numpy()
    frame = pd.DataFrame({"cohort": cohort, "unit": np.arange(study.n_people), "cluster": groups})
    table = frame.groupby("cohort").agg(people=("unit", "size"), clusters=("cluster", "nunique")).reset_index()
    table.insert(1, "period", "all")
    table.insert(3, "rows", 0)
    few = table[table["clusters"] <= 2]
    warnings = [
        Problem("EST-025", f"{row.clusters} clusters with {row.cohort}: errors by cluster are not valid", "people")
        for row in few.itertuples()
    ]
    return PanelSupport(table, None, (), tuple(warnings), {"people_in": study.n_people})
