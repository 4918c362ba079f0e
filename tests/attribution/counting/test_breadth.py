"""Breadth: a child's first, second and third outcome in West London, five of six domains in Chicago."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.counting import Breadth, Period, count_breadth, periods_of
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError

StudyOf = Callable[..., Study]
Periods = dict[str, Period]
CARD = ("reading", "wellbeing", "attendance")


def breadth(**terms: Any) -> Breadth:
    return Breadth.model_validate({"kind": "breadth", "metrics": CARD, "at_least": [1, 2, 3], "unit": "child", **terms})


@pytest.mark.parametrize("outcomes", [0, 1, 2, 3])
def test_a_child_has_as_many_rungs_as_outcomes(make: StudyOf, once: Periods, outcomes: int) -> None:
    rows = [("a", metric) for metric in CARD[:outcomes] * 2] + [("b", "consent")]
    quantity = count_breadth(breadth(), make(rows, "person metric", {"person": ["a", "b"]}), once)
    assert quantity.total == outcomes
    assert [cell.rung for cell in quantity.cells] == ["1", "2", "3"][:outcomes]


def test_five_of_six_domains(once: Periods) -> None:
    """A stand-in for Chicago: 191 children are ready in five domains or six, 60 in four."""
    domains = [f"domain {k}" for k in range(6)]
    rows = [(child, domain) for child in range(251) for domain in domains[: 4 if child < 60 else 5 + child % 2]]
    claims = pd.DataFrame(rows, columns=["person", "metric"])
    claims.insert(0, "claim", range(len(claims)))
    study = Study.from_tables(pd.DataFrame({"person": range(251)}), claims=claims)
    quantity = count_breadth(breadth(metrics=domains, at_least=[5]), study, once)
    assert [(cell.rung, int(cell.amount), cell.people) for cell in quantity.cells] == [("5", 191, 191)]
    assert quantity.total * 2900 == 553_900


def test_a_rung_counts_in_the_period_of_its_last_outcome(make: StudyOf, years: Periods) -> None:
    rows = [
        ("a", "reading", "2016-05-01"),
        ("a", "reading", "2017-01-01"),
        ("a", "wellbeing", "2017-05-01"),
        ("a", "attendance", "2018-01-01"),
    ]
    study = make(rows, "person metric date")
    quantity = count_breadth(breadth(), study, years)
    assert [(cell.period, cell.rung) for cell in quantity.cells] == [("y6", "1"), ("y7", "2")]
    assert quantity.notes == ("1 of 1 claims of attendance lie outside all periods",)
    anew = count_breadth(breadth(each="once_per_period"), study, years)
    assert [(cell.period, cell.rung) for cell in anew.cells] == [("y6", "1"), ("y7", "1"), ("y7", "2")]


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(CARD)), max_size=20))
def test_higher_rungs_hold_fewer_people(rows: list[Any]) -> None:
    claims = pd.DataFrame(rows, columns=["person", "metric"]).astype(object)
    claims.insert(0, "claim", range(len(claims)))
    study = Study.from_tables(pd.DataFrame({"person": list("abcde")}), claims=claims)
    quantity = count_breadth(breadth(), study, periods_of({}))
    held = {cell.rung: int(cell.amount) for cell in quantity.cells}
    assert all(held.get(str(k), 0) >= held.get(str(j), 0) for k, j in pairwise((1, 2, 3)))
    assert quantity.total == len(set(rows))


@pytest.mark.parametrize(
    "terms", [{"at_least": [4]}, {"at_least": [0]}, {"at_least": [1, 1]}, {"metrics": ["a", "a", "b"]}]
)
def test_rungs_that_nobody_could_reach_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        breadth(**terms)


def test_what_merges_claims_cannot_be_given_to_each_claims_provider(make: StudyOf, once: Periods) -> None:
    study = make([("a", "reading", "x"), ("a", "wellbeing", "y")], "person metric provider")
    with pytest.raises(CounterfoilError) as caught:
        count_breadth(breadth(assign={"by": "claim"}), study, once)
    assert caught.value.codes == ("PAY-009",)
