"""Limits of every scope: Chicago's first year, persons, providers, payers in order, and what becomes of the excess."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.counting import Cell, Quantity
from counterfoil.attribution.payment import Cap, Settlement, UnitPrice, settle
from counterfoil.errors import PaymentError

Pay = Callable[..., Settlement]
YEARS = ("y1", "y2", "y3")


def price(name: str, amount: str = "1.00", **terms: Any) -> dict[str, Any]:
    return {"name": name, "quantity": name, "price": amount, "to": "p", **terms}


def persons(*counts: int, period: str = "") -> Quantity:
    people = tuple(Cell(Decimal(n), period, person=who) for who, n in enumerate(counts))
    return Quantity((Cell(Decimal(sum(counts)), period),), by_person=people)


@pytest.mark.parametrize(("ready", "due"), [(172, "498800.00"), (173, "500000.00"), (192, "500000.00")])
def test_chicago_pays_at_most_half_a_million_in_its_first_year(pay: Pay, ready: int, due: str) -> None:
    cap = {"cap": "500000.00", "scope": "period", "periods": ["y1"]}
    assert str(pay([price("ready", "2900.00"), cap], quantities={"ready": {"y1": ready}}, periods=["y1"]).total) == due


def test_a_limit_of_all_periods_counts_what_was_due_before(pay: Pay) -> None:
    due = pay(
        [price("q"), {"cap": "25.00", "scope": "contract"}], quantities={"q": dict.fromkeys(YEARS, 10)}, periods=YEARS
    )
    assert [str(amount) for amount in due.by_period().values()] == ["10.00", "10.00", "5.00"]


def test_what_a_period_leaves_unused_adds_to_the_next(pay: Pay) -> None:
    cap = {"cap": "10.00", "scope": "period", "carry_over": True}
    due = pay([price("q"), cap], quantities={"q": {"y1": 4, "y2": 30, "y3": 30}}, periods=YEARS)
    assert [str(amount) for amount in due.by_period().values()] == ["4.00", "16.00", "10.00"]


def test_a_floor_above_the_limit_uses_nothing_of_the_next_period(pay: Pay) -> None:
    cap = {"cap": "10.00", "scope": "period", "carry_over": True}
    floor = {"floor": "15.00", "scope": "period", "periods": ["y1"]}
    due = pay([price("q"), cap, floor], quantities={"q": {"y1": 12, "y2": 30}}, periods=YEARS[:2])
    assert [str(amount) for amount in due.by_period().values()] == ["15.00", "10.00"]


def test_carried_excess_is_due_in_the_next_period_once(pay: Pay) -> None:
    cap = {"cap": "10.00", "scope": "period", "excess": "carried"}
    due = pay([price("q"), cap], quantities={"q": {"y1": 18, "y2": 5, "y3": 0}}, periods=YEARS)
    assert [str(amount) for amount in due.by_period().values()] == ["10.00", "10.00", "3.00"]


def test_carried_excess_keeps_each_persons_part(pay: Pay) -> None:
    cap = {"cap": "10.00", "scope": "period", "excess": "carried"}
    counted = Quantity(persons(12, 4, period="y1").cells, by_person=persons(12, 4, period="y1").by_person)
    due = pay([price("q"), {"cap": "8.00", "scope": "person"}, cap], quantities={"q": counted}, periods=YEARS[:2])
    assert [str(amount) for amount in due.by_period().values()] == ["10.00", "2.00"]


def test_what_exceeds_the_limit_of_one_payer_is_due_from_the_next(pay: Pay) -> None:
    cap = {"cap": "60.00", "scope": "payer", "payer": "city", "excess": "next_payer", "then": "fund"}
    due = pay([price("q"), cap], quantities={"q": dict.fromkeys(YEARS, 40)}, periods=YEARS)
    assert {payer: str(amount) for payer, amount in due.by_payer().items()} == {"city": "60.00", "fund": "60.00"}


def test_a_limit_for_each_person_holds_to_the_cent_over_prices_and_periods(pay: Pay) -> None:
    clauses = [price("a", "3.335"), price("b", "6.675"), {"cap": "10.00", "scope": "person"}]
    one = {"a": persons(1), "b": persons(1)}
    assert str(pay(clauses, quantities=one).total) == "10.00"
    year = {"a": Quantity((Cell(Decimal(3), "y1"), Cell(Decimal(3), "y2")), by_person=(Cell(Decimal(3), "y1", person=5), Cell(Decimal(3), "y2", person=5)))}  # fmt: skip
    due = pay([price("a", "3.00"), {"cap": "10.00", "scope": "person"}], quantities=year, periods=YEARS[:2])
    assert [str(amount) for amount in due.by_period().values()] == ["9.00", "1.00"]


def test_a_person_uses_only_what_later_limits_leave(pay: Pay) -> None:
    people = tuple(Cell(Decimal(10), period, person=1) for period in YEARS[:2])
    counted = Quantity((Cell(Decimal(10), "y1"), Cell(Decimal(10), "y2")), by_person=people)
    clauses = [price("a"), {"cap": "12.00", "scope": "person"}, {"cap": "4.00", "scope": "period", "periods": ["y1"]}]
    due = pay(clauses, quantities={"a": counted}, periods=YEARS[:2])
    assert [str(amount) for amount in due.by_period().values()] == ["4.00", "8.00"]


def test_prices_that_change_with_volume_are_limited_by_what_they_pay(pay: Pay) -> None:
    terms = price("a", "10.00", bands=[{"beyond": "2", "price": "1.00"}])
    assert str(pay([terms, {"cap": "9.00", "scope": "person"}], quantities={"a": persons(2, 2)}).total) == "18.00"


def test_payments_of_several_payers_stand_under_a_limit_for_each_person(pay: Pay) -> None:
    payers = {"payers": {"city": "0.5", "state": "0.5"}}
    due = pay([price("a", "10.00"), payers, {"cap": "15.00", "scope": "person"}], quantities={"a": persons(1, 3)})
    assert {payer: str(amount) for payer, amount in due.by_payer().items()} == {"city": "12.50", "state": "12.50"}


def test_a_limit_for_each_person_needs_records(pay: Pay) -> None:
    with pytest.raises(PaymentError) as caught:
        pay([price("a"), {"cap": "9.00", "scope": "person"}], quantities={"a": 5})
    assert caught.value.codes == ("PAY-019",)


def test_the_value_to_a_payer_for_each_unit_limits_what_is_due(pay: Pay) -> None:
    for scope in ({"scope": "contract"}, {"scope": "provider", "provider": "p"}):
        cap = {"cap": "0.50", "each": "value", **scope}
        due = pay([price("q"), cap], quantities={"q": 10, "value": "13.01"})
        assert str(due.total) == "6.50"


def test_a_limit_for_each_unit_counts_the_units_of_its_own_periods(pay: Pay) -> None:
    cap = {"cap": "1.00", "each": "value", "scope": "contract", "periods": ["y2"]}
    counted = {"q": dict.fromkeys(YEARS, 10), "value": {"y1": 100, "y2": 3}}
    due = pay([price("q"), cap], quantities=counted, periods=YEARS)
    assert [str(amount) for amount in due.by_period().values()] == ["10.00", "3.00", "10.00"]


def test_limits_in_either_order_differ_only_where_both_bind(pay: Pay) -> None:
    whole, inner = {"cap": "12.00", "scope": "contract"}, {"cap": "5.00", "scope": "payment", "payment": "a"}
    both = {"a": 10, "b": 10}
    first = pay([price("a"), price("b"), whole, inner], quantities=both)
    second = pay([price("a"), price("b"), inner, whole], quantities=both)
    assert (str(first.total), str(second.total)) == ("11.00", "12.00")
    for bound in ({"a": 10, "b": 1}, {"a": 3, "b": 20}, {"a": 2, "b": 2}):
        orders = [pay([price("a"), price("b"), *pair], quantities=bound) for pair in ((whole, inner), (inner, whole))]
        assert orders[0].by_clause() == orders[1].by_clause()


@pytest.mark.parametrize(
    "terms",
    [{"scope": "person", "each": "q"}, {"scope": "person", "excess": "carried"}, {"scope": "contract", "carry_over": True},
     {"scope": "contract", "excess": "next_payer", "then": "b"}, {"scope": "payer"}, {"scope": "contract", "of": ["a"]}],
)  # fmt: skip
def test_a_limit_that_says_two_things_is_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Cap.model_validate({"cap": "1.00", **terms})


@given(
    st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=1, max_size=3),
    st.decimals("0.01", 20, places=2),
    st.lists(st.decimals("0.001", 5, places=3), min_size=3, max_size=3),
)
def test_no_persons_limit_is_exceeded_by_rounding(counts: list[list[int]], cap: Decimal, prices: list[Decimal]) -> None:
    names = [f"q{number}" for number in range(len(counts))]
    clauses = [UnitPrice(quantity=name, price=amount, to="p") for name, amount in zip(names, prices, strict=False)]
    known = {name: persons(*each) for name, each in zip(names, counts, strict=True)}

    def total(*limits: Cap) -> Decimal:
        return settle([*clauses, *limits], {}, {}, currency="USD", payer="c", quantities=known).total

    free, capped = total(), total(Cap(cap=cap, scope="person"))
    owed = [sum(amount * each[who] for amount, each in zip(prices, counts, strict=False)) for who in range(3)]
    assert capped <= free
    if any(amount > cap for amount in owed):
        assert capped <= sum(min(amount, cap) for amount in owed)
    else:
        assert capped == free
