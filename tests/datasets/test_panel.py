"""A panel is read in any order, keeps every row or says so, and knows the order of its periods."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.datasets import Panel, Study
from counterfoil.datasets.timeline import timeline
from counterfoil.errors import DataError, IdentificationError

LONG = pd.DataFrame({
    "firm": ["b", "a", "a", "b", "c"],
    "year": [2001, 2001, 2000, 2000, 2003],
    "jobs": [8, 5, 4, 6, 1],
    "size": [2, 1, 1, 2, 3],
    "grant": [1, 0, 0, 0, 0],
    "since": ["2001", None, None, "2001", "never"],
}).astype({"jobs": "int8"})  # fmt: skip


def panel(frame: pd.DataFrame = LONG) -> Panel:
    return Panel.from_frame(frame, unit="firm", period="year")


def test_rows_come_out_by_unit_and_time_and_small_integers_do_not_overflow() -> None:
    found = panel()
    assert found.ids.tolist() == ["a", "b", "c"]
    assert found.periods == ("2000", "2001", "2003")
    assert (found.timeline.gaps, found.balanced) == (1, False)
    assert found.varying("jobs").tolist() == [4.0, 5.0, 6.0, 8.0, 1.0]
    assert (found.varying("jobs") ** 4).max() == 8**4
    assert np.isnan(found.wide("jobs")[2]).tolist() == [True, True, False]
    assert found.fixed("size").tolist() == [1, 2, 3]
    assert found.first_treated("since").tolist() == [np.inf, 2001.0, np.inf]
    assert found.treated_since("grant").tolist() == [np.inf, 2001.0, np.inf]


@given(st.permutations(range(len(LONG))))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    one, other = panel(), panel(LONG.iloc[order])
    assert one.varying("jobs").tolist() == other.varying("jobs").tolist()
    assert one.period.tolist() == other.period.tolist()


def test_few_rows_of_many_possible_ones_are_ordered_alike() -> None:
    sparse = pd.DataFrame({"u": np.arange(50)[::-1], "t": np.arange(50), "y": np.arange(50.0)})
    found = Panel.from_frame(sparse, unit="u", period="t")
    assert found.varying("y").tolist() == list(range(49, -1, -1))


def test_the_caller_may_change_the_frame_afterwards() -> None:
    frame = LONG.copy()
    found = panel(frame)
    frame["jobs"] = 0
    assert found.varying("jobs").sum() == 24


@pytest.mark.parametrize(
    ("labels", "times"),
    [
        ([2003, 2000], [2000.0, 2003.0]),
        (["2019-Q4", "2020-Q2"], [8080.0, 8082.0]),
        (["2020-02", "2019-12"], [24240.0, 24242.0]),
        (["2020-02-01", "2019-12-01"], [0.0, 1.0]),
        (["10", "9"], [9.0, 10.0]),
    ],
)
def test_periods_that_order_themselves(labels: list[object], times: list[float]) -> None:
    assert timeline(pd.Series(labels))[0].times.tolist() == times


def test_words_need_an_order() -> None:
    with pytest.raises(DataError, match="DATA-032"):
        timeline(pd.Series(["before", "after"]))
    assert timeline(pd.Series(["before", "after"]), ["before", "after"])[0].labels == ("before", "after")
    with pytest.raises(DataError, match="1 of 2 periods"):
        timeline(pd.Series(["before", "after"]), ["after"])


def test_what_cannot_be_a_panel_is_refused() -> None:
    again = pd.concat([LONG, LONG.iloc[:1]])
    with pytest.raises(DataError, match=r"DATA-012.*1 rows repeat"):
        panel(again)
    with pytest.raises(DataError, match=r"DATA-031.*2 of 3 units"):
        panel().fixed("jobs")
    with pytest.raises(DataError, match="DATA-014"):
        panel(LONG.assign(firm=[None, "a", "a", "b", "c"]))
    with pytest.raises(DataError, match="did you mean"):
        panel().varying("jbos")
    with pytest.raises(DataError, match="DATA-032"):
        panel(LONG.assign(since="soon")).first_treated("since")
    with pytest.raises(DataError, match="DATA-013"):
        panel(LONG.assign(grant=0.5)).treated_since("grant")
    with pytest.raises(IdentificationError, match=r"IDENT-037.*1 of 3 units"):
        panel(LONG.assign(grant=[0, 0, 0, 1, 0])).treated_since("grant")


def test_a_study_gives_the_same_panel() -> None:
    people = pd.DataFrame({"person": ["a", "b", "c"], "size": [1, 2, 3]})
    rows = LONG.rename(columns={"firm": "person", "year": "period"})
    outcomes = rows.assign(outcome="jobs", value=rows["jobs"])[["person", "outcome", "period", "value"]]
    measures = rows.assign(measure="grant", value=rows["grant"])[["person", "measure", "period", "value"]]
    study = Study.from_tables(people, outcomes=outcomes, measures=measures)
    found = Panel.from_study(study, ["jobs", "grant"])
    assert found.varying("jobs").tolist() == panel().varying("jobs").tolist()
    assert found.treated_since("grant").tolist() == panel().treated_since("grant").tolist()
    assert found.fixed("size").tolist() == [1, 2, 3]
    with pytest.raises(DataError, match="DATA-021"):
        Study.from_tables(people, outcomes=outcomes, measures=measures.assign(measure="jobs"))
    half = found.subset(found.varying("jobs") > 4)
    assert (half.n_units, half.n_rows, half.fixed("size").tolist()) == (2, 3, [1, 2])
    assert Panel.from_study(study.subset(np.array([True, True, False])), ["jobs"]).n_rows == 4


def test_columns_as_groups_of_rows_and_as_arms_of_units() -> None:
    frame = LONG.assign(town=["x", "y", "x", "x", "z"], north=[1, 0, 0, 1, 0])
    codes, names = panel(frame).row_groups("town")
    assert (codes.tolist(), names.tolist()) == ([0, 1, 0, 0, 2], ["x", "y", "z"])
    assert panel(frame).arm("north").tolist() == [False, True, False]
    with pytest.raises(DataError, match="DATA-013"):
        panel(frame).arm("size")
    with pytest.raises(DataError, match="DATA-031"):
        panel(frame).arm("grant")
    with pytest.raises(DataError, match="DATA-014"):
        panel(frame).row_groups("since")


def test_an_order_against_the_calendar_is_refused_and_months_of_a_school_year_are_not() -> None:
    with pytest.raises(DataError, match="not in order of time"):
        timeline(pd.Series(["2020", "2021"]), ["2021", "2020"])
    with pytest.raises(DataError, match="not in order of time"):
        timeline(pd.Series(["2020Q4", "2021Q1"]), ["2021Q1", "2020Q4"])
    months = pd.DataFrame({"pupil": ["a"] * 3, "month": [9, 12, 1], "score": [1.0, 2.0, 3.0], "since": [12.0] * 3})
    found = Panel.from_frame(months, unit="pupil", period="month", order=["9", "12", "1"])
    assert found.varying("score").tolist() == [1.0, 2.0, 3.0]
    assert found.first_treated("since").tolist() == [1.0]
