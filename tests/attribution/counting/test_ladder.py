"""Ladders: the Work Programme's and the Fair Chance Fund's rungs, and what must hold along any of them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.counting import Ladder, Period, Quantity, count_ladder, periods_of
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError

StudyOf = Callable[..., Study]
Periods = dict[str, Period]
WORK = {
    "attachment": {"metric": "attached"},
    "job": {"metric": "job"},
    "sustainment": {"metric": "four_weeks", "times": 13},
}
PRICES = {
    "JSA 18-24": ({"attachment": 400, "job": 1200, "sustainment": 170}, 13, 3810),
    "JSA 25+": ({"attachment": 400, "job": 1200, "sustainment": 215}, 13, 4395),
    "JSA early access": ({"attachment": 400, "job": 1200, "sustainment": 250}, 20, 6600),
    "ESA ex-incapacity": ({"attachment": 600, "job": 3500, "sustainment": 370}, 26, 13720),
}


def ladder(**terms: Any) -> Ladder:
    return Ladder.model_validate({"kind": "ladder", "rungs": WORK, **terms})


def rungs(quantity: Quantity) -> dict[str, int]:
    return {cell.rung: int(cell.amount) for cell in quantity.cells}


def career(months: int, who: str = "a") -> list[tuple[str, str, str]]:
    first = [(who, "attached", "2012-01-01"), (who, "job", "2012-03-01")]
    return first + [(who, "four_weeks", f"{2012 + k // 10}-{k % 10 + 3:02d}-28") for k in range(months)]


@pytest.mark.parametrize("group", PRICES)
def test_a_full_ladder_of_the_work_programme(make: StudyOf, once: Periods, group: str) -> None:
    prices, times, expected = PRICES[group]
    terms = WORK | {"sustainment": {"metric": "four_weeks", "times": times}}
    counted = rungs(count_ladder(ladder(rungs=terms), make(career(30), "person metric date"), once))
    assert sum(prices[rung] * amount for rung, amount in counted.items()) == expected


def test_five_of_thirteen_sustainments(make: StudyOf, once: Periods) -> None:
    counted = rungs(count_ladder(ladder(), make(career(5), "person metric date"), once))
    assert counted == {"attachment": 1, "job": 1, "sustainment": 5}
    assert 400 + 1200 + 5 * 215 == 2675


def test_a_rung_needs_the_one_before_and_no_later(make: StudyOf, once: Periods) -> None:
    rows = [*career(2), ("b", "job", "2012-03-01"), ("b", "four_weeks", "2012-04-01"), ("c", "attached", "2012-05-01"),
            ("c", "job", "2012-03-01"), ("d", "attached", "2012-05-01"), ("d", "job", "2012-05-01")]  # fmt: skip
    quantity = count_ladder(ladder(), make(rows, "person metric date"), once)
    assert rungs(quantity) == {"attachment": 3, "job": 2, "sustainment": 2}
    assert "2 of 4 claims of job lack the milestone before" in quantity.notes
    assert rungs(count_ladder(ladder(any_order=True), make(rows, "person metric date"), once))["job"] == 4


def test_undated_claims_climb_without_regard_to_time(make: StudyOf, once: Periods) -> None:
    rows = [("a", "job"), ("a", "attached"), ("b", "job")]
    assert rungs(count_ladder(ladder(), make(rows, "person metric"), once)) == {"attachment": 1, "job": 1}


def test_aggregated_sustainments_and_repeated_claims(make: StudyOf, once: Periods) -> None:
    rows = [
        ("a", "attached", "1"),
        ("a", "attached", "1"),
        ("a", "job", "1"),
        ("a", "four_weeks", "9"),
        ("a", "four_weeks", "9"),
    ]
    quantity = count_ladder(ladder(), make(rows, "person metric quantity"), once)
    assert rungs(quantity) == {"attachment": 1, "job": 1, "sustainment": 13}
    assert "claims of attached that repeat a milestone already counted: 1" in quantity.notes
    with pytest.raises(CounterfoilError) as caught:
        count_ladder(ladder(), make([("a", "attached", "0.5")], "person metric quantity"), once)
    assert caught.value.codes == ("DATA-026",)


def test_periods_and_groups(make: StudyOf, years: Periods) -> None:
    people = {"person": ["a", "b"], "claimant": ["JSA", "ESA"]}
    rows = [
        ("a", "attached", "2015-12-01"),
        ("a", "job", "2016-02-01"),
        ("b", "attached", "2016-02-01"),
        ("b", "job", "2017-02-01"),
    ]
    quantity = count_ladder(ladder(group="claimant"), make(rows, "person metric date", people), years)
    assert [(cell.period, cell.group, cell.rung) for cell in quantity.cells] == [
        ("y6", "ESA", "attachment"), ("y6", "JSA", "job"), ("y7", "ESA", "job")
    ]  # fmt: skip


def test_each_rung_for_the_provider_that_its_claim_names(make: StudyOf, once: Periods) -> None:
    rows = [
        ("a", "attached", "prime"),
        ("a", "job", "partner"),
        ("a", "four_weeks", "partner"),
        ("a", "four_weeks", "prime"),
    ]
    quantity = count_ladder(ladder(assign={"by": "claim"}), make(rows, "person metric provider"), once)
    assert [(cell.rung, cell.provider, int(cell.amount)) for cell in quantity.cells] == [
        ("attachment", "prime", 1), ("job", "partner", 1), ("sustainment", "partner", 1), ("sustainment", "prime", 1)
    ]  # fmt: skip


AMBITION = {  # counts of the Fair Chance Fund's provider Ambition, lines 4 to 8
    "enter": 370, "3 months": 328, "6 months": 288, "12 months": 235, "18 months": 201,
}  # fmt: skip


def test_accommodation_of_the_fair_chance_fund(once: Periods) -> None:
    rows = [(f"p{k:03d}", rung) for rung, count in AMBITION.items() for k in range(count)]
    claims = pd.DataFrame(rows + rows[:50], columns=["person", "metric"])
    claims.insert(0, "claim", range(len(claims)))
    study = Study.from_tables(pd.DataFrame({"person": [f"p{k:03d}" for k in range(409)]}), claims=claims)
    quantity = count_ladder(ladder(rungs={rung: {"metric": rung} for rung in AMBITION}), study, once)
    assert rungs(quantity) == AMBITION
    prices = dict(zip(AMBITION, (500, 1500, 1500, 1500, 1500), strict=True))
    assert sum(prices[cell.rung] * cell.amount for cell in quantity.cells) == 1_763_000


CLAIMS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["attached", "job", "four_weeks"]),
        st.sampled_from(["", "2016-03-01", "2016-09-01", "2017-03-01"]),
    ),
    max_size=25,
)


@given(CLAIMS)
def test_people_never_rise_along_a_ladder(rows: list[Any]) -> None:
    claims = pd.DataFrame(rows, columns=["person", "metric", "date"]).astype(object)
    claims.insert(0, "claim", range(len(claims)))
    study = Study.from_tables(pd.DataFrame({"person": list("abcd")}), claims=claims)
    quantity = count_ladder(ladder(), study, periods_of({}))
    people = {cell.rung: cell.people for cell in quantity.cells}
    along = [people.get(rung, 0) or 0 for rung in WORK]
    assert along == sorted(along, reverse=True)
    assert quantity == count_ladder(ladder(), Study.from_tables(study.people, claims=claims[::-1]), periods_of({}))
    assert rungs(quantity).get("sustainment", 0) <= 13 * 4
    assert quantity.by_person is not None
    assert sum((cell.amount for cell in quantity.by_person), Decimal(0)) == quantity.total


def test_a_ladder_has_rungs() -> None:
    with pytest.raises(ValidationError):
        ladder(rungs={})
    with pytest.raises(ValidationError):
        ladder(rungs={"job": {"metric": "job", "times": 0}})
