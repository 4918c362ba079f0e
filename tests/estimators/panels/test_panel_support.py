"""What a panel design rests on is known before outcomes are, and no outcome is read."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.datasets import Panel, Study
from counterfoil.estimators.panels.difference_in_differences import DifferenceInDifferences
from counterfoil.estimators.panels.event_study_regression import EventStudyRegression
from counterfoil.estimators.panels.panel_support import panel_support
from counterfoil.estimators.panels.two_way_fixed_effects import TwoWayFixedEffects
from counterfoil.estimators.power import planned_error


def frame(units: int = 12) -> pd.DataFrame:
    unit, year = np.repeat(np.arange(units), 4), np.tile(np.arange(2020, 2024), units)
    north, began = (unit < 5).astype(int), np.array([2022, 2023, 0, 0])[unit % 4]
    on = ((began > 0) & (year >= began)).astype(int)
    return pd.DataFrame({"unit": unit, "year": year, "north": north, "began": began, "on": on, "town": unit // 2})


def as_panel(table: pd.DataFrame) -> Panel:
    return Panel.from_frame(table, unit="unit", period="year")


DID = DifferenceInDifferences(outcome="jobs", group="north", after="2022")


def test_cells_of_two_groups() -> None:
    found = panel_support(DID, as_panel(frame()))
    assert found.cells["cohort"].tolist() == ["north = 0", "north = 0", "north = 1", "north = 1"]
    assert found.cells["period"].tolist() == ["before 2022", "from 2022 on"] * 2
    assert found.cells["people"].tolist() == [7, 7, 5, 5]
    assert found.cells["rows"].tolist() == [14, 14, 10, 10]
    assert (found.refusals, found.warnings, found.degrees) == ((), (), 11)
    towns = panel_support(DID.model_copy(update={"cluster": "town"}), as_panel(frame()))
    assert towns.cells["clusters"].tolist() == [4, 4, 3, 3]


def test_degrees_of_freedom_are_those_of_the_fit() -> None:
    spec = DID.model_copy(update={"vcov": "CR2", "cluster": "town"})
    table = frame().assign(jobs=np.random.default_rng(1).normal(size=48))
    before, after = panel_support(spec, as_panel(frame())), spec.fit(as_panel(table))
    assert before.degrees == pytest.approx(after.df)
    assert before.planned is not None
    np.testing.assert_allclose(planned_error(before.planned), planned_error(after))


def test_what_will_be_refused_is_said() -> None:
    table = frame()
    empty = panel_support(DID, as_panel(table[(table["year"] < 2022) | (table["north"] == 1)]))
    assert [problem.code for problem in empty.refusals] == ["IDENT-027"]
    assert empty.cells["rows"].tolist() == [14, 0, 10, 10]
    one = panel_support(DID, as_panel(table[(table["north"] == 0) | (table["unit"] == 0)]))
    assert [problem.code for problem in one.warnings] == ["EST-025"]
    assert "EST-025" in repr(one)


def test_cohorts_by_when_they_began() -> None:
    spec = EventStudyRegression(outcome="jobs", first_treated="began")
    found = panel_support(spec, as_panel(frame()))
    assert found.cells["cohort"].tolist() == ["from 2022", "from 2022", "from 2023", "from 2023", "never"]
    assert found.cells["rows"].tolist() == [6, 6, 9, 3, 24]
    assert [problem.code for problem in found.warnings] == ["EST-031"]
    two_way = panel_support(TwoWayFixedEffects(outcome="jobs", regressors=("on",)), as_panel(frame()))
    pd.testing.assert_frame_equal(two_way.cells, found.cells)


def test_a_study_without_outcomes_counts_people_or_measures() -> None:
    table = frame()
    people = table.groupby("unit", as_index=False).first().rename(columns={"unit": "person"})
    people = people[["person", "north", "began", "town"]]
    measures = table.rename(columns={"unit": "person", "year": "period", "on": "value"})
    measures = measures[["person", "period", "value"]].assign(measure="on")
    study = Study.from_tables(people, measures=measures)
    spec = TwoWayFixedEffects(outcome="jobs", regressors=("on",))
    assert panel_support(spec, study).cells["rows"].sum() == 48
    groups = panel_support(DID, study)
    assert groups.cells[["cohort", "people", "rows"]].to_numpy().tolist() == [["north = 0", 7, 0], ["north = 1", 5, 0]]
    cohorts = panel_support(EventStudyRegression(outcome="jobs", first_treated="began"), study)
    assert cohorts.cells["cohort"].tolist() == ["from 2022", "from 2023", "never"]
