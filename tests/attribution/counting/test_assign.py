"""Assignment of people to providers: Medicare's plurality and its fallback, touches, hierarchies, partitions."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.counting import Assign, Count, Period, Quantity, assign_people, count_events, periods_of
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError

StudyOf = Callable[..., Study]
Periods = dict[str, Period]
CHARGES = {"by": "plurality", "of": "charges", "measure": "quantity"}


def counted(study: Study, **assign: Any) -> Quantity:
    terms = {"metric": "visit", "assign": assign}
    return count_events(Count.model_validate(terms), study, periods_of({}))


def providers(quantity: Quantity) -> dict[str, int]:
    return {cell.provider: int(cell.amount) for cell in quantity.cells}


def charges(make: StudyOf, *rows: tuple[str, str, str]) -> Study:
    """Return a study in which everybody has two visits, and charges by provider."""
    people = sorted({row[0] for row in rows})
    visits = [(who, "visit", "1", "") for who in people for _ in range(2)]
    return make(
        [*visits, *((who, "charges", much, provider) for who, provider, much in rows)],
        "person metric quantity provider",
    )


def test_forty_of_a_hundred_win_the_whole_person(make: StudyOf) -> None:
    study = charges(make, ("p", "first", "40"), ("p", "second", "35"), ("p", "third", "25"))
    quantity = counted(study, **CHARGES)
    assert providers(quantity) == {"first": 2}
    assert [cell.people for cell in quantity.cells] == [1]


def test_charges_of_one_provider_are_added_up(make: StudyOf) -> None:
    study = charges(make, ("p", "first", "40"), ("p", "second", "35"), ("p", "second", "5.01"))
    assert providers(counted(study, **CHARGES)) == {"second": 2}
    assert providers(
        counted(charges(make, ("p", "a", "9"), ("p", "b", "1"), ("p", "b", "1")), by="plurality", of="charges")
    ) == {"b": 2}


def test_step_two_is_only_for_people_without_step_one(make: StudyOf) -> None:
    rows = [("p", "visit", "", "1"), ("q", "visit", "", "1"), ("r", "visit", "", "1"), ("p", "primary", "a", "1"),
            ("p", "other", "b", "900"), ("q", "other", "b", "2"), ("q", "other", "a", "1")]  # fmt: skip
    study = make(rows, "person metric provider quantity")
    steps = [{"by": "plurality", "of": "other", "measure": "quantity"}]
    first = {"by": "plurality", "of": "primary", "measure": "quantity"}
    quantity = counted(study, **first, steps=steps, otherwise="nobody")
    assert providers(quantity) == {"a": 1, "b": 1}
    assert quantity.notes == ("people left out because they belong to no provider of the contract: 1",)
    assert providers(counted(study, **first, steps=steps, otherwise="c")) == {"a": 1, "b": 1, "c": 1}


def test_people_won_by_a_practice_outside_are_nobodys(make: StudyOf) -> None:
    study = charges(make, ("p", "outside", "60"), ("p", "a", "40"), ("q", "a", "1"))
    quantity = counted(study, **CHARGES, providers=["a", "b"], otherwise="b")
    assert providers(quantity) == {"a": 2}
    assert quantity.notes == ("people left out because they belong to no provider of the contract: 1",)


def test_ties_are_refused_or_broken_by_contract_order(make: StudyOf) -> None:
    study = charges(make, ("p", "a", "40"), ("p", "b", "40"), ("p", "c", "20"))
    assert providers(counted(study, **CHARGES, ties="contract_order", order=["c", "b", "a"])) == {"b": 2}
    assert providers(counted(study, **CHARGES, ties="contract_order", order=["a"])) == {"a": 2}
    for terms in ({}, {"ties": "contract_order", "order": ["c"]}):
        with pytest.raises(CounterfoilError) as caught:
            counted(study, **CHARGES, **terms)
        assert caught.value.codes == ("PAY-009",)
        assert "1 people" in str(caught.value)


def test_first_and_last_touch(make: StudyOf) -> None:
    rows = [("p", "visit", "2016-06-01", "a"), ("p", "visit", "2016-07-01", "b"), ("p", "visit", "2016-05-01", "a")]
    study = make(rows, "person metric date provider")
    assert providers(counted(study, by="first", of="visit")) == {"a": 3}
    assert providers(counted(study, by="last", of="visit")) == {"b": 3}
    assert providers(counted(study, by="claim")) == {"a": 2, "b": 1}
    assert providers(counted(study, by="hierarchy", of="visit", order=["c", "b", "a"])) == {"b": 3}
    with pytest.raises(CounterfoilError) as caught:
        counted(make([("p", "visit", "a")], "person metric provider"), by="first", of="visit")
    assert caught.value.codes == ("DATA-027",)


def test_services_by_number_dose_and_start() -> None:
    people = pd.DataFrame({"person": ["p"]})
    services = pd.DataFrame(
        {
            "person": ["p"] * 3,
            "provider": ["a", "b", "b"],
            "dose": [0.3, 0.1, 0.2],
            "start": ["2016-01-03", "2016-01-01", "2016-01-05"],
        }
    )
    claims = pd.DataFrame({"claim": [1], "person": ["p"], "metric": ["visit"]})
    study = Study.from_tables(people, services=services, claims=claims)
    assert providers(counted(study, by="plurality")) == {"b": 1}
    assert providers(counted(study, by="first")) == {"b": 1}
    # In floats 0.1 + 0.2 exceeds 0.3, and b would win.
    assert providers(counted(study, by="plurality", measure="dose", ties="contract_order", order=["a", "b"])) == {
        "a": 1
    }
    undosed = Study.from_tables(people, services=services.drop(columns="dose"), claims=claims)
    without = Study.from_tables(people, claims=claims)
    for table, terms, code in [(undosed, {"measure": "dose"}, "DATA-017"), (without, {}, "DATA-019")]:
        with pytest.raises(CounterfoilError) as caught:
            counted(table, by="plurality", **terms)
        assert caught.value.codes == (code,)


def test_a_partition_first_and_services_for_the_rest(make: StudyOf) -> None:
    """Voluntary alignment before plurality; the London Homelessness bond divided 831 people between two providers."""
    people = {"person": ["p", "q"], "chosen": ["b", ""]}
    study = make([("p", "visit", "a"), ("q", "visit", "a")], "person metric provider", people)
    assert providers(counted(study, by="partition", column="chosen", otherwise="nobody")) == {"b": 1}
    steps = [{"by": "plurality", "of": "visit"}]
    assert providers(counted(study, by="partition", column="chosen", steps=steps)) == {"a": 1, "b": 1}
    with pytest.raises(CounterfoilError) as caught:
        counted(study, by="partition", column="chosen")
    assert caught.value.codes == ("PAY-009",)


def test_each_claim_for_the_provider_that_it_names(make: StudyOf) -> None:
    rows = [("p", "visit", "a"), ("p", "visit", "b"), ("p", "visit", ""), ("p", "visit", "x")]
    study = make(rows, "person metric provider")
    quantity = counted(study, by="claim", providers=["a", "b"], otherwise="nobody")
    assert providers(quantity) == {"a": 1, "b": 1}
    assert quantity.notes == ("claims left out because they name no provider of the contract: 2",)
    assert providers(counted(study, by="claim", providers=["a", "b"], otherwise="a")) == {"a": 2, "b": 1}
    with pytest.raises(CounterfoilError) as caught:
        counted(study, by="claim")
    assert caught.value.codes == ("PAY-009",)


@given(
    st.lists(st.tuples(st.sampled_from("pqrs"), st.sampled_from("abc"), st.integers(1, 5)), min_size=1, max_size=20),
    st.sampled_from(["plurality", "hierarchy"]),
)
def test_one_person_one_provider_and_nothing_is_lost(rows: list[Any], by: str) -> None:
    claims = pd.DataFrame([(k, who, "visit", provider, much) for k, (who, provider, much) in enumerate(rows)],
                          columns=["claim", "person", "metric", "provider", "quantity"])  # fmt: skip
    study = Study.from_tables(pd.DataFrame({"person": list("pqrs")}), claims=claims)
    terms = {"by": by, "of": "visit", "ties": "contract_order", "order": ["a", "b", "c"]}
    quantity = counted(study, **terms)
    assert quantity.by_person is not None
    people = [cell.person for cell in quantity.by_person]
    assert len(people) == len(set(people))
    assert quantity.total == sum(much for _, _, much in rows) == sum(cell.amount for cell in quantity.by_person)
    for cell in quantity.by_person:
        done = {
            name: [much for who, by_whom, much in rows if (who, by_whom) == ("pqrs"[cell.person or 0], name)]
            for name in "abc"
        }
        right = (
            max("abc", key=lambda name: len(done[name]))
            if by == "plurality"
            else min(name for name in "abc" if done[name])
        )
        assert cell.provider == right
        assert cell.amount == Decimal(sum(sum(each) for each in done.values()))


def test_only_people_who_count_need_a_provider(make: StudyOf) -> None:
    study = charges(make, ("p", "a", "1"), ("q", "a", "1"), ("q", "b", "1"))
    assigned = assign_people(Assign.model_validate(CHARGES), study, np.array([True, False]))
    assert [assigned.names[k] if k >= 0 else None for k in assigned.provider] == ["a", None]


@pytest.mark.parametrize(
    "terms",
    [
        {"by": "partition"},
        {"by": "hierarchy"},
        {"by": "plurality", "ties": "equal", "order": ["a"]},
        {"by": "plurality", "ties": "contract_order"},
        {"by": "plurality", "measure": "quantity"},
        {"by": "plurality", "of": "visit", "measure": "dose"},
        {"by": "claim", "steps": [{"by": "first"}]},
        {"by": "first", "steps": [{"by": "claim"}]},
        {"by": "first", "steps": [{"by": "hierarchy"}]},
    ],
)
def test_a_rule_is_complete(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Assign.model_validate(terms)


def test_the_rule_is_said_in_words() -> None:
    terms = {
        "by": "partition",
        "column": "chosen",
        "steps": [CHARGES],
        "ties": "contract_order",
        "order": ["a", "b"],
        "otherwise": "b",
    }
    rule = Assign.model_validate(terms)
    assert rule.parties == ("a", "b")
    steps = Assign.model_validate({"by": "first", "order": ["a"], "steps": [{"by": "hierarchy"}]})
    assert "to the first of a with any services" in steps.describe(Words("USD"))
    assert rule.describe(Words("USD", {"a": "Alpha", "b": "Beta"})) == (
        "each person belongs to the provider in column chosen; where that finds none, to the provider with the most charges "
        "by quantity (no majority is needed); ties go to the earlier of Alpha, Beta; who belongs to no provider counts for Beta"
    )


def test_a_provider_for_each_period(make: StudyOf, years: Periods) -> None:
    """Medicare assigns anew for each performance year."""
    rows = [("p", "visit", "2016-06-01", "a"), ("p", "visit", "2016-07-01", "a"), ("p", "visit", "2017-05-01", "b")]
    study = make(rows, "person metric date provider")
    terms = {"by": "plurality", "of": "visit"}

    def assigned(**more: Any) -> list[tuple[str, str, int]]:
        spec = Count.model_validate({"metric": "visit", "assign": {**terms, **more}})
        return [(cell.period, cell.provider, int(cell.amount)) for cell in count_events(spec, study, years).cells]

    assert assigned() == [("y6", "a", 2), ("y7", "a", 1)]
    assert assigned(scope="period") == [("y6", "a", 2), ("y7", "b", 1)]


def test_a_tie_among_practices_outside_needs_no_rule(make: StudyOf) -> None:
    study = charges(make, ("p", "out 1", "60"), ("p", "out 2", "60"), ("p", "a", "40"))
    assert counted(study, **CHARGES, providers=["a"]).total == 0
