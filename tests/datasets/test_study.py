from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.datasets import Study
from counterfoil.datasets.disclosure import suppress_counts
from counterfoil.errors import DataError


def test_frame_becomes_tables_in_the_order_of_ids() -> None:
    frame = pd.DataFrame({"id": [3, 1, 2], "a": [1, 0, 1], "b": [0, 0, 1], "y": [3.0, 1.0, 2.0], "x": ["u", "v", "u"]})
    study = Study.from_frame(frame, person="id", providers=["b", "a"], outcomes=["y"])
    assert study.ids.tolist() == [1, 2, 3]
    assert study.outcome("y").tolist() == [1.0, 2.0, 3.0]
    roster = study.roster(["b", "a"])
    assert roster.exposure.tolist() == [[False, False], [True, True], [False, True]]
    patterns, index = roster.patterns()
    assert [roster.label(row) for row in patterns] == ["nobody", "a", "b + a"]
    assert index.tolist() == [0, 2, 1]


def test_index_is_the_person_id_when_none_is_named() -> None:
    study = Study.from_frame(pd.DataFrame({"y": [1.0, 2.0]}, index=["q", "p"]), outcomes=["y"])
    assert study.ids.tolist() == ["p", "q"]


def test_input_is_never_changed(rice_frame: pd.DataFrame) -> None:
    before = rice_frame.copy(deep=True)
    Study.from_frame(rice_frame, person="person", providers=["default", "intensive"], outcomes=["takeup"])
    pd.testing.assert_frame_equal(rice_frame, before)


def test_small_integers_are_widened() -> None:
    frame = pd.DataFrame({"y": np.array([100, 120], dtype=np.int8), "age": np.array([50, 60], dtype=np.int8)})
    study = Study.from_frame(frame, outcomes=["y"])
    assert (study.outcome("y") ** 2).tolist() == [10_000.0, 14_400.0]
    assert (study.covariates(["age"])[0] ** 2).ravel().tolist() == [2_500.0, 3_600.0]


def test_text_covariates_become_levels() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0, 3.0], "site": ["b", "a", "c"]})
    values, names = Study.from_frame(frame, outcomes=["y"]).covariates(["site"])
    assert names == ("site=b", "site=c")
    assert values.tolist() == [[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]


def test_all_problems_are_reported_at_once() -> None:
    people = pd.DataFrame({"person": ["p", "p", ""]})
    services = pd.DataFrame({"person": ["p", "stranger"], "provider": ["a", "b"], "dose": [-1.0, 1.0]})
    outcomes = pd.DataFrame({"person": ["p", "p"], "outcome": "y", "value": [np.inf, 1.0]})
    with pytest.raises(DataError) as caught:
        Study.from_tables(people, services=services, outcomes=outcomes)
    assert set(caught.value.codes) == {"DATA-005", "DATA-006", "DATA-008", "DATA-012", "DATA-014", "DATA-017"}


def test_doses_are_added_up() -> None:
    services = pd.DataFrame({"person": ["p", "p"], "provider": ["a", "a"], "dose": [1.0, 2.5]})
    roster = Study.from_tables(pd.DataFrame({"person": ["p"]}), services=services).roster()
    assert roster.dose is not None
    assert roster.dose.tolist() == [[3.5]]


def test_small_cells_and_the_cell_that_reveals_them_are_hidden() -> None:
    assert suppress_counts([120, 4, 60, 0]) == ["120", "<11", "suppressed", "0"]
    assert suppress_counts([4]) == ["<11"]
    assert suppress_counts([100, 60, 1, 1]) == ["100", "suppressed", "<11", "<11"]


def test_repr_counts_and_shows_no_record(rice: Study) -> None:
    assert repr(rice) == "Study('rice': 1,410 people, 2 providers, 1 outcome)"
    assert repr(rice.roster()) == "Roster(1,410 people, 2 providers, 4 patterns)"


def test_odd_frames_are_refused_with_a_code_or_read_right() -> None:
    frame = pd.DataFrame({"person": ["a", "b"], "y": [1.0, 2.0]})

    def code(data: pd.DataFrame, **terms: Any) -> str:
        with pytest.raises(DataError) as caught:
            Study.from_frame(data, outcomes=["y"], **terms)
        return caught.value.codes[0]

    assert code(frame) == "DATA-022"
    assert code(frame.set_index(["person", frame.index])) == "DATA-022"
    assert code(frame.assign(person=["a", None]), person="person") == "DATA-014"
    assert code(frame.assign(person=[1.0, np.nan]), person="person") == "DATA-014"
    assert code(frame.assign(y=pd.to_datetime(["2024-01-01", "2024-01-02"])), person="person") == "DATA-007"
    assert code(frame.assign(y=pd.to_timedelta([1, 2], unit="D")), person="person") == "DATA-007"
    assert code(frame.assign(y=[1 + 2j, 3]), person="person") == "DATA-007"
    assert code(frame.assign(y=[1e200, 3]), person="person") == "DATA-008"
    numbered = Study.from_frame(frame.rename(columns={"person": 0, "y": 1}), person="0", outcomes=["1"])
    assert numbered.outcome("1").tolist() == [1.0, 2.0]
    nullable = frame.astype({"y": "Int64", "person": "category"})
    assert Study.from_frame(nullable, person="person", outcomes=["y"]).outcome("y").tolist() == [1.0, 2.0]


def test_dates_with_a_time_zone_are_dates() -> None:
    services = pd.DataFrame({"person": ["p"], "provider": ["a"], "start": pd.to_datetime(["2024-05-01"], utc=True)})
    window = (date(2024, 1, 1), date(2024, 12, 31))
    assert Study.from_tables(pd.DataFrame({"person": ["p"]}), services=services, window=window).providers == ("a",)
