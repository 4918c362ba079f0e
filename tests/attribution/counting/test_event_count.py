"""Counting events: each term alone against a count by hand, and what must hold for any claims."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.counting import Count, Period, PeriodTerms, Quantity, count_events, periods_of
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError

StudyOf = Callable[..., Study]
Periods = dict[str, Period]


def spec(**terms: Any) -> Count:
    return Count.model_validate({"kind": "count", "metric": "job", **terms})


def by(quantity: Quantity, *places: str) -> dict[Any, str]:
    return {
        tuple(getattr(cell, place) for place in places) if len(places) > 1 else getattr(cell, places[0]): str(
            cell.amount
        )
        for cell in quantity.cells
    }


JOBS = [
    ("a", "job", "2016-02-01"),
    ("a", "job", "2016-08-01"),
    ("a", "job", "2017-02-01"),
    ("b", "job", "2017-03-01"),
    ("b", "job", "2015-03-01"),
]


@pytest.mark.parametrize(
    ("each", "expected"), [("every", ["2", "2"]), ("once_per_period", ["1", "2"]), ("once", ["1", "1"])]
)
def test_dedupe_scopes(make: StudyOf, years: Periods, each: str, expected: list[str]) -> None:
    quantity = count_events(spec(each=each), make(JOBS, "person metric date"), years)
    assert list(by(quantity, "period").values()) == expected
    assert quantity.notes[0] == "1 of 5 claims of job lie outside all periods"
    assert [cell.people for cell in quantity.cells] == ([1, 2] if each != "once" else [1, 1])


def test_a_family_counts_once(make: StudyOf, once: Periods) -> None:
    people = {"person": ["a", "b", "c"], "family": ["f", "f", "g"]}
    study = make([("a", "job"), ("b", "job"), ("c", "job")], "person metric", people)
    assert count_events(spec(each="once", per="family", unit="family"), study, once).total == 2


def test_quantities_are_exact(make: StudyOf, once: Periods) -> None:
    study = make([("a", "job", "0.1"), ("a", "job", "0.2"), ("b", "job", "258857.7")], "person metric quantity")
    quantity = count_events(spec(unit="day"), study, once)
    assert quantity.total == Decimal(258858)
    assert quantity.by_person is not None
    assert [str(cell.amount) for cell in quantity.by_person] == ["0.3", "258857.7"]


def test_pending_and_rejected_claims_are_noted(make: StudyOf, once: Periods) -> None:
    rows = [("a", "job", "validated"), ("b", "job", "pending"), ("c", "job", "rejected")]
    study = make(rows, "person metric status")
    quantity = count_events(spec(), study, once)
    assert quantity.total == 1
    assert quantity.notes == (
        "claims of job that are pending and do not count: 1",
        "claims of job that are rejected and do not count: 1",
    )
    assert count_events(spec(status=["validated", "pending"]), study, once).total == 2


def test_groups_and_conditions(make: StudyOf, once: Periods) -> None:
    people = {"person": ["a", "b", "c", "d"], "age": [18, 24, 25, 40], "site": ["x", "y", "x", "y"]}
    study = make([(who, "job") for who in "abcd"], "person metric", people)

    def counted(**condition: Any) -> dict[Any, str]:
        return by(count_events(spec(group="site", where=[condition]), study, once), "group")

    assert counted(column="age", above="18") == {"x": "1", "y": "2"}
    assert counted(column="age", at_most="24") == {"x": "1", "y": "1"}
    assert counted(column="age", at_least="25") == {"x": "1", "y": "1"}
    assert counted(column="age", below="25") == {"x": "1", "y": "1"}
    assert counted(column="age", **{"is": "18"}) == {"x": "1"}
    assert counted(column="site", one_of=["y", "z"]) == {"y": "2"}
    assert by(count_events(spec(group="age"), study, once), "group") == dict.fromkeys(("18", "24", "25", "40"), "1")


LEASED = [("a", "job", day, "1") for day in ("2016-02-29", "2016-03-01", "2016-03-02")] + [
    ("a", "leased", "2016-01-31", "31"), ("a", "leased", "2016-03-01", "30"), ("b", "job", "2016-05-01", "1")
]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "retroactive", "expected"), [(61, False, 2), (61, True, 3), (62, True, 0), (31, False, 3)]
)
def test_precondition(make: StudyOf, once: Periods, days: int, retroactive: bool, expected: int) -> None:
    terms = {"metric": "leased", "days": days, "retroactive": retroactive}
    study = make(LEASED, "person metric date quantity")
    assert count_events(spec(requires=terms), study, once).total == expected


@pytest.mark.parametrize(
    ("held", "retroactive", "expected"),
    [("364", True, 0), ("365", True, 365), ("400", True, 400), ("365", False, 0), ("400", False, 35)],
)
def test_a_year_of_leased_days(make: StudyOf, once: Periods, held: str, retroactive: bool, expected: int) -> None:
    """Denver: no day is paid before 365 leased days, and then all of them are."""
    days = [("a", "leased", "2016-12-31", "300"), ("a", "leased", "2017-06-30", str(int(held) - 300))]
    terms = {"metric": "leased", "days": 365, "retroactive": retroactive}
    study = make(days, "person metric date quantity")
    assert count_events(spec(metric="leased", unit="day", requires=terms), study, once).total == expected


def test_window(make: StudyOf, once: Periods) -> None:
    days = ["2016-01-09", "2016-01-10", "2016-01-20", "2016-01-21"]
    rows = [("a", "job", day) for day in days] + [("a", "release", "2016-01-10"), ("b", "job", "2016-01-10")]
    study = make(rows, "person metric date")
    quantity = count_events(spec(within={"metric": "release", "days": 10}), study, once)
    assert quantity.total == 2
    assert quantity.notes == ("3 of 5 claims of job are not within 10 days after release",)
    assert count_events(spec(within={"metric": "none", "days": 10}), study, once).total == 0


@pytest.mark.parametrize(("within", "expected"), [(None, 1), (365, 2), (364, 3)])
def test_reversals_take_back(make: StudyOf, years: Periods, within: int | None, expected: int) -> None:
    rows = [("a", "job", "2017-01-01"), ("b", "job", "2017-01-01"), ("c", "job", "2017-01-02"), ("a", "lost", "2018-01-01"),
            ("b", "lost", "2019-01-01"), ("c", "lost", "2017-01-01")]  # fmt: skip
    study = make(rows, "person metric date")
    quantity = count_events(spec(reversal={"metric": "lost", "within_days": within}), study, years)
    assert quantity.total == expected


def test_net_days_are_never_below_zero(make: StudyOf, years: Periods) -> None:
    rows = [("a", "job", "2016-01-31", "31"), ("a", "jail", "2016-02-01", "40"), ("a", "job", "2017-01-31", "31"),
            ("b", "job", "2016-01-31", "31"), ("b", "jail", "2016-01-31", "1"), ("b", "sick", "2016-01-31", "0.5")]  # fmt: skip
    quantity = count_events(spec(less=["jail", "sick"]), make(rows, "person metric date quantity"), years)
    assert by(quantity, "period") == {"y6": "29.5", "y7": "31"}
    assert quantity.notes == ("people and periods that count zero, because what is subtracted exceeds job: 1",)


@pytest.mark.parametrize(
    ("bound", "expected"), [({"below": "111"}, 2), ({"at_least": "111"}, 1), ({"below": "110.5"}, 1)]
)
def test_dose_of_111_hours(make: StudyOf, once: Periods, bound: dict[str, str], expected: int) -> None:
    """CEO: another price applies below 111 hours on average, so people are told apart by their hours."""
    rows = [
        ("a", "job", "1"),
        ("a", "hours", "60"),
        ("a", "hours", "51"),
        ("b", "job", "1"),
        ("b", "hours", "110.5"),
        ("c", "job", "1"),
    ]
    study = make(rows, "person metric quantity")
    assert count_events(spec(dose={"metric": "hours", **bound}), study, once).total == expected


def test_quarters_with_nine_contacts(make: StudyOf, years: Periods) -> None:
    """Roca: a participant-quarter is paid with nine contacts or more in it; here a year stands for the quarter."""
    days = {"a": ("2016", 9), "b": ("2016", 8), "c": ("2017", 12)}
    rows = [(who, "job", f"{year}-{k + 1:02d}-15") for who, (year, count) in days.items() for k in range(count)]
    rows += [("b", "job", "2017-01-15")]
    terms = {
        "each": "once_per_period",
        "unit": "quarter",
        "dose": {"metric": "job", "at_least": "9", "scope": "period"},
    }
    quantity = count_events(spec(**terms), make(rows, "person metric date"), years)
    assert by(quantity, "period") == {"y6": "1", "y7": "1"}
    whole = count_events(
        spec(**terms | {"dose": {"metric": "job", "at_least": "9"}}), make(rows, "person metric date"), years
    )
    assert by(whole, "period") == {"y6": "2", "y7": "2"}


def test_audit_is_extrapolated_and_stated(make: StudyOf, once: Periods) -> None:
    study = make([(f"p{k:02d}", "job") for k in range(30)], "person metric")
    quantity = count_events(spec(audit={"sampled": 10, "disallowed": 1}), study, once)
    assert quantity.total == 27
    assert quantity.notes == ("a sample audit disallowed 1 of 10 claims, and the same fraction of all is left out",)
    assert count_events(spec(audit={"sampled": 10, "disallowed": 0}), study, once).total == 30


def test_limit_keeps_earlier_periods_whole(make: StudyOf, years: Periods) -> None:
    people = {"person": [f"p{k}" for k in range(8)], "site": list("xxxyxxxy")}
    rows = [(f"p{k}", "job", f"201{6 + k // 4}-05-01") for k in range(8)]
    quantity = count_events(spec(limit="6", group="site"), make(rows, "person metric date", people), years)
    assert by(quantity, "period", "group") == {("y6", "x"): "3", ("y6", "y"): "1", ("y7", "x"): "2"}
    assert quantity.by_person is not None
    assert sum(cell.amount for cell in quantity.by_person) == 6
    assert [cell.people for cell in quantity.cells] == [3, 1, 2]


def test_a_metric_that_nobody_claims_is_zero_and_said(make: StudyOf, once: Periods) -> None:
    quantity = count_events(spec(metric="jop"), make([("a", "job")], "person metric"), once)
    assert quantity.total == 0
    assert quantity.notes == ("there is no claim of jop; did you mean 'job'?",)


CLAIMS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(["job", "lost", "jail"]),
        st.sampled_from(["2015-06-01", "2016-03-01", "2016-09-01", "2017-03-01", "2017-09-01"]),
        st.sampled_from(["0", "0.25", "1", "3"]),
    ),
    max_size=25,
)
PEOPLE = {"person": list("abcd"), "family": list("ffgg"), "site": list("xyxy")}


def table(rows: list[Any], order: list[int] | None = None) -> Study:
    claims = pd.DataFrame(rows, columns=["person", "metric", "date", "quantity"]).astype(object)
    claims.insert(0, "claim", range(len(claims)))
    return Study.from_tables(pd.DataFrame(PEOPLE), claims=claims.iloc[order or slice(None)])


YEARS = periods_of(
    {f"y{k}": PeriodTerms.model_validate({"from": f"201{k}-01-01", "to": f"201{k}-12-31"}) for k in (6, 7)}
)


@given(CLAIMS, st.sampled_from(["person", "family"]))
def test_scopes_are_ordered(rows: list[Any], per: str) -> None:
    study = table(rows)
    once, yearly = (count_events(spec(each=each, per=per), study, YEARS).total for each in ("once", "once_per_period"))
    assert once <= yearly <= count_events(spec(), study, YEARS).total


TERMS = st.fixed_dictionaries(
    {},
    optional={
        "each": st.sampled_from(["once", "once_per_period", "every"]),
        "group": st.just("site"),
        "less": st.just(["jail"]),
        "reversal": st.just({"metric": "lost", "within_days": 200}),
        "requires": st.just({"metric": "jail", "days": 1, "retroactive": True}),
        "limit": st.just("2.5"),
        "audit": st.just({"sampled": 4, "disallowed": 1}),
    },
)


@given(CLAIMS, TERMS, st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter_and_people_add_up(rows: list[Any], terms: dict[str, Any], random: Any) -> None:
    quantity = count_events(spec(**terms), table(rows), YEARS)
    again = table(rows, random.sample(range(len(rows)), len(rows)))
    assert quantity == count_events(spec(**terms), again, YEARS)
    assert quantity.by_person is not None
    assert sum((cell.amount for cell in quantity.by_person), Decimal(0)) == quantity.total
    assert all(cell.amount > 0 for cell in (*quantity.cells, *quantity.by_person))


@given(CLAIMS)
def test_against_a_count_by_hand(rows: list[Any]) -> None:
    quantity = count_events(spec(less=["jail"]), table(rows), YEARS)
    expected = Decimal(0)
    for who in "abcd":
        for year in ("2016", "2017"):
            sums = {
                metric: sum(Decimal(q) for p, m, day, q in rows if (p, m, day[:4]) == (who, metric, year))
                for metric in ("job", "jail")
            }
            expected += max(Decimal(0), sums["job"] - sums["jail"])
    assert quantity.total == expected


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"within": {"metric": "job", "days": 3}}, "DATA-027"),
        ({"reversal": {"metric": "job"}}, "DATA-027"),
        ({"requires": {"metric": "job", "days": 1}}, "DATA-027"),
        ({"group": "sight"}, "DATA-004"),
        ({"where": [{"column": "note", "is": "x"}]}, "DATA-014"),
        ({"where": [{"column": "site", "above": "3"}]}, "DATA-007"),
        ({"where": [{"column": "age", "is": "old"}]}, "DATA-007"),
    ],
)
def test_refusals(make: StudyOf, once: Periods, terms: dict[str, Any], code: str) -> None:
    people = {"person": ["a", "b"], "site": ["x", "y"], "note": ["x", ""], "age": [1, 2]}
    study = make([("a", "job"), ("b", "job")], "person metric", people)
    with pytest.raises(CounterfoilError) as caught:
        count_events(spec(**terms), study, once)
    assert caught.value.codes == (code,)


def test_periods_need_dates_that_tell_them_apart(make: StudyOf, years: Periods) -> None:
    def code(study: Study, periods: Periods) -> str:
        with pytest.raises(CounterfoilError) as caught:
            count_events(spec(), study, periods)
        return caught.value.codes[0]

    dated = make([("a", "job", "2016-01-01")], "person metric date")
    assert code(make([("a", "job")], "person metric"), years) == "DATA-027"
    assert code(dated, {"a": Period("a"), "b": Period("b")}) == "DATA-027"
    assert code(dated, {"y6": years["y6"], "again": years["y6"]}) == "CONTRACT-016"
    assert code(Study.from_tables(pd.DataFrame({"person": ["a"]})), years) == "DATA-019"


@pytest.mark.parametrize(
    "terms",
    [
        {"per": "family"},
        {"less": ["jail"], "assign": {"by": "claim"}},
        {"audit": {"sampled": 3, "disallowed": 4}},
        {"dose": {"metric": "hours"}},
        {"limit": "-1"},
        {"where": [{"column": "age", "above": "1", "below": "3"}]},
        {"where": [{"column": "age"}]},
        {"status": ["approved"]},
        {"ech": "once"},
    ],
)
def test_terms_that_contradict_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**terms)


@pytest.mark.parametrize(
    "terms", [{"from": "2016-02-01", "to": "2016-01-31"}, {"from": "1451606400"}, {"to": "31/1/2016"}]
)
def test_a_period_is_two_days_in_order(terms: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        PeriodTerms.model_validate(terms)


def test_the_sentence_says_every_term() -> None:
    said = spec(
        each="once", requires={"metric": "leased", "days": 365, "retroactive": True}, less=["jail"], limit="60",
        reversal={"metric": "lost", "within_days": 90}, dose={"metric": "hours", "below": "111"},
        within={"metric": "release", "days": 30}, audit={"sampled": 40, "disallowed": 2}, group="site",
        where=[{"column": "age", "at_least": "18"}], assign={"by": "first", "otherwise": "nobody"},
        status=["validated", "pending"],
    ).sentence(Words("USD"), "jobs")  # fmt: skip
    assert said == (
        "jobs counts, in the unit person, each person's first claim of job; the claim's quantity counts; only once the "
        "person has 365 of leased, and then from the start; only within 30 days after release; taken back when lost "
        "follows within 90 days; less jail of the same person and period, never below zero; only of people with below "
        "111 of hours; lowered by the 2 of 40 claims that a sample audit disallowed; at most 60 in all, of people whose "
        "age is at least 18; claims count that are validated and pending; told apart by site; each person belongs to the "
        "provider that came first by services; who belongs to no provider is left out."
    )


def test_sums_are_exact_where_floats_are_not(make: StudyOf, once: Periods) -> None:
    rows = [(f"p{k % 7}", "job", "0.1") for k in range(1_000)]
    assert count_events(spec(), make(rows, "person metric quantity"), once).total == 100
    assert sum(np.full(1_000, 0.1)) != 100


def test_thirty_quantities_of_ten_thousand_claims_are_counted_fast() -> None:
    size, rng = 10_000, np.random.default_rng(1)
    people = pd.DataFrame({"person": np.arange(2_000), "site": rng.choice(list("xyz"), 2_000)})
    claims = pd.DataFrame(
        {
            "claim": np.arange(size),
            "person": rng.integers(0, 2_000, size),
            "metric": rng.choice([f"m{k}" for k in range(30)], size),
            "date": pd.Timestamp("2016-01-01") + pd.to_timedelta(rng.integers(0, 730, size), unit="D"),
            "provider": rng.choice(list("abc"), size),
        }
    )
    study = Study.from_tables(people, claims=claims)
    specs = [
        spec(
            metric=f"m{k}", group="site", each="once_per_period", reversal={"metric": f"m{(k + 1) % 30}", "within_days": 3},
            assign={"by": "plurality", "of": f"m{k}", "ties": "contract_order", "order": ["a", "b", "c"]},
        )
        for k in range(30)
    ]  # fmt: skip
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        quantities = [count_events(each, study, YEARS) for each in specs]
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.7
    assert 0 < sum(quantity.total for quantity in quantities) < size
