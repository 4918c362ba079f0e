"""Stocks: who is in a state on a day, against a walk through each person's history."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.counting import Period, Stock, count_stock, periods_of
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError

StudyOf = Callable[..., Study]
Periods = dict[str, Period]


def stock(on: str = "period_end", **terms: Any) -> Stock:
    return Stock.model_validate({"kind": "stock", "start": "hired", "end": "left", "on": on, **terms})


HISTORY = [("a", "hired", "2016-03-01"), ("a", "left", "2016-05-01"), ("a", "hired", "2016-06-01"), ("b", "hired", "2016-12-31"),
           ("c", "hired", "2016-02-01"), ("c", "left", "2016-12-31"), ("d", "left", "2016-02-01")]  # fmt: skip


def test_people_employed_at_each_years_end(make: StudyOf, years: Periods) -> None:
    quantity = count_stock(stock(), make(HISTORY, "person metric date"), years)
    assert [(cell.period, int(cell.amount)) for cell in quantity.cells] == [("y6", 2), ("y7", 2)]


@pytest.mark.parametrize(
    ("day", "expected"), [("2016-02-29", 1), ("2016-05-01", 1), ("2016-06-01", 2), ("2016-12-31", 2)]
)
def test_on_a_day(make: StudyOf, years: Periods, day: str, expected: int) -> None:
    assert count_stock(stock(day), make(HISTORY, "person metric date"), years).total == expected


@given(st.lists(st.tuples(st.sampled_from(["hired", "left"]), st.integers(1, 28)), max_size=8), st.integers(1, 28))
def test_against_a_walk_through_a_history(events: list[tuple[str, int]], day: int) -> None:
    rows = [(number, "a", metric, f"2016-02-{when:02d}") for number, (metric, when) in enumerate(events)]
    claims = pd.DataFrame(rows, columns=["claim", "person", "metric", "date"])
    study = Study.from_tables(pd.DataFrame({"person": ["a"]}), claims=claims)
    employed = False
    for _, metric in sorted((when, metric) for metric, when in events if when <= day):  # hired before left
        employed = metric == "hired"
    assert count_stock(stock(f"2016-02-{day:02d}"), study, periods_of({})).total == employed


def test_refusals(make: StudyOf, years: Periods, once: Periods) -> None:
    study = make(HISTORY, "person metric date")
    for terms, table, periods, code in [
        (stock("2015-01-01"), study, years, "CONTRACT-016"),
        (stock(), study, once, "DATA-027"),
        (stock("2016-03-01"), make([("a", "hired")], "person metric"), once, "DATA-027"),
    ]:
        with pytest.raises(CounterfoilError) as caught:
            count_stock(terms, table, periods)
        assert caught.value.codes == (code,)
    assert stock("2016-12-31").on == date(2016, 12, 31)
