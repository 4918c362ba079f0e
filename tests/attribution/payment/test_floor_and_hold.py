"""Floors that raise what is due, and disputed parts that are held."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.counting import Cell, Quantity
from counterfoil.attribution.payment import Clause, Hold, Settlement, UnitPrice, settle
from counterfoil.errors import ContractError

Pay = Callable[..., Settlement]
YEARS = ("y1", "y2", "y3")
A, B = ({"name": name, "quantity": name, "price": "1.00", "to": f"to {name}"} for name in "ab")


def parties(due: Settlement) -> dict[str, str]:
    return {party: str(amount) for party, amount in due.by_party().items()}


def test_a_floor_raises_in_proportion_and_equally_where_nothing_is_due(pay: Pay) -> None:
    floor = {"floor": "10.01", "scope": "contract"}
    assert parties(pay([A, B, floor], quantities={"a": 3, "b": 1})) == {"to a": "7.51", "to b": "2.50"}
    assert parties(pay([A, B, floor], quantities={"a": 0, "b": 0})) == {"to a": "5.01", "to b": "5.00"}
    assert parties(pay([A, B, floor], quantities={"a": 30, "b": 1})) == {"to a": "30.00", "to b": "1.00"}


def test_a_floor_over_the_contract_is_made_up_in_its_last_period(pay: Pay) -> None:
    counted = {"a": {"y1": 2, "y2": 3, "y3": 4}}
    whole = pay([A, {"floor": "20.00", "scope": "contract"}], quantities=counted, periods=YEARS)
    assert [str(amount) for amount in whole.by_period().values()] == ["2.00", "3.00", "15.00"]
    two = pay([A, {"floor": "20.00", "scope": "contract", "periods": ["y1", "y2"]}], quantities=counted, periods=YEARS)
    assert [str(amount) for amount in two.by_period().values()] == ["2.00", "18.00", "4.00"]


def test_a_floor_is_not_made_up_before_its_last_period(pay: Pay) -> None:
    counted, floor = {"a": {"y1": 2, "y2": 3}}, {"floor": "20.00", "scope": "contract"}
    for cumulative in (False, True):
        interim = pay([A, floor], quantities=counted, periods=YEARS[:2], final=False, cumulative=cumulative)
        assert [str(amount) for amount in interim.by_period().values()] == ["2.00", "3.00"]
    ended = {**floor, "periods": ["y1", "y2"]}
    assert pay([A, ended], quantities=counted, periods=YEARS[:2], final=False).total == 20


def test_a_floor_under_which_nothing_is_counted_needs_a_receiver(pay: Pay) -> None:
    floor: dict[str, Any] = {"floor": "9.00", "scope": "payer", "payer": "state"}
    with pytest.raises(ContractError) as caught:
        pay([A, floor], quantities={"a": []})
    assert caught.value.codes == ("CONTRACT-015",)
    due = pay([A, {**floor, "to": "prime"}], quantities={"a": []})
    assert parties(due) == {"prime": "9.00"}
    assert due.by_payer() == {"state": Decimal(9)}


def test_a_later_limit_lowers_a_floor_of_what_it_limits(pay: Pay) -> None:
    floor = {"floor": "9.00", "scope": "quantity", "quantity": "a", "to": "prime"}
    cap = {"cap": "4.00", "scope": "quantity", "quantity": "a"}
    assert pay([A, floor, cap], quantities={"a": []}).total == 4


def test_a_floor_only_raises_if_its_condition_holds(pay: Pay) -> None:
    floor = {"floor": "9.00", "scope": "contract", "only_if": {"quantity": "b", "at_least": "1"}}
    for b, due in ((0, 2), (1, 9)):
        assert pay([A, floor], quantities={"a": 2, "b": b}).total == due


def test_only_the_disputed_part_is_held(pay: Pay) -> None:
    hold = {"hold": "0.25", "escrow": "bank", "of": ["a"], "periods": ["y2"], "reason": "two counts differ"}
    due = pay([A, B, hold], quantities={"a": dict.fromkeys(YEARS, 10), "b": dict.fromkeys(YEARS, 10)}, periods=YEARS)
    assert parties(due) == {"to a": "27.50", "to b": "30.00", "bank": "2.50"}


@given(st.decimals(0, 1_000, places=2), st.decimals("0.001", 1, places=3))
def test_held_and_paid_sum_to_what_is_due(amount: Decimal, part: Decimal) -> None:
    clauses: list[Clause] = [
        UnitPrice(quantity="q", price=Decimal(1), to="p"),
        Hold(hold=part, escrow="bank", reason="r"),
    ]
    due = settle(clauses, {}, {}, currency="USD", payer="c", quantities={"q": Quantity((Cell(amount),))})
    assert due.total == amount
    held = due.by_party().get("bank", Decimal(0))
    assert abs(held - amount * part) < Decimal("0.01")
