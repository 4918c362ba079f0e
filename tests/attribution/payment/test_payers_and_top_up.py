"""Who pays: fractions, payers in order, and a fund that tops up what others pay."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.counting import Cell, Quantity
from counterfoil.attribution.payment import PayerSplit, Settlement, UnitPrice, settle

Pay = Callable[..., Settlement]
YEARS = ("y1", "y2", "y3")


def price(name: str, **terms: Any) -> dict[str, Any]:
    return {"name": name, "quantity": name, "price": "1.00", "to": "p", **terms}


def owed(due: Settlement) -> dict[str, str]:
    return {payer: str(amount) for payer, amount in due.by_payer().items()}


def test_new_york_pays_by_phase_up_to_the_limit_of_each_payer(pay: Pay) -> None:
    clauses = [
        {"name": "starts", "quantity": "starts", "price": "3120.00", "to": "ceo"},
        {"payers": {"labor": "1"}, "periods": ["one"]}, {"payers": {"state": "1"}, "periods": ["two"]},
        {"cap": "11095000.00", "scope": "payer", "payer": "labor"}, {"cap": "10448853.00", "scope": "payer", "payer": "state"},
    ]  # fmt: skip
    due = pay(clauses, quantities={"starts": {"one": 9_999, "two": 9_999}}, periods=("one", "two"))
    assert owed(due) == {"labor": "11095000.00", "state": "10448853.00"}
    assert due.total == Decimal("21543853.00")


def test_payers_in_order_pay_up_to_their_limits_over_all_periods(pay: Pay) -> None:
    clauses = [price("q"), {"payers": {"a": "50.00", "b": "20.00"}, "in_order": True, "rest": "c"}]
    due = pay(clauses, quantities={"q": dict.fromkeys(YEARS, 30)}, periods=YEARS)
    assert owed(due) == {"a": "50.00", "b": "20.00", "c": "20.00"}
    short = pay([clauses[0], {"payers": {"a": "50.00"}, "in_order": True}], quantities={"q": dict.fromkeys(YEARS, 30)}, periods=YEARS)  # fmt: skip
    assert owed(short) == {"a": "50.00"}


def test_what_a_limit_takes_off_a_payer_in_order_it_may_pay_later(pay: Pay) -> None:
    clauses = [price("q"), {"payers": {"a": "50.00"}, "in_order": True, "rest": "b"}, {"cap": "20.00", "scope": "period", "periods": ["y1"]}]  # fmt: skip
    due = pay(clauses, quantities={"q": {"y1": 40, "y2": 40}}, periods=YEARS[:2])
    assert owed(due) == {"a": "50.00", "b": "10.00"}


def test_what_is_carried_over_still_counts_to_its_payers_limit(pay: Pay) -> None:
    clauses = [price("q"), {"payers": {"a": "50.00"}, "in_order": True, "rest": "b"}, {"cap": "30.00", "scope": "period", "periods": ["y1"], "excess": "carried"}]  # fmt: skip
    due = pay(clauses, quantities={"q": {"y1": 40, "y2": 40}}, periods=YEARS[:2])
    assert owed(due) == {"a": "50.00", "b": "30.00"}


def test_a_limit_of_a_payer_finer_than_the_currency_pays_whole_cents(pay: Pay) -> None:
    due = pay([price("q"), {"payers": {"a": "3.335"}, "in_order": True, "rest": "b"}], quantities={"q": 5})
    assert owed(due) == {"a": "3.33", "b": "1.67"}


def test_a_top_up_is_of_what_is_due_and_not_of_what_a_limit_takes_off(pay: Pay) -> None:
    top_up = {"name": "extra", "top_up": "0.10", "payer": "fund", "of": ["a"]}
    for limit, fund in (
        ({"cap": "100.00", "scope": "payment", "payment": "a"}, "10.00"),
        ({"cap": "110.00", "scope": "contract"}, "10.00"),
        ({"cap": "5.00", "scope": "payer", "payer": "fund"}, "5.00"),
    ):
        assert owed(pay([price("a"), top_up, limit], quantities={"a": 200}))["fund"] == fund


def test_what_the_next_payer_pays_is_still_topped_up(pay: Pay) -> None:
    top_up = {"top_up": "0.10", "payer": "fund"}
    cap = {"cap": "100.00", "scope": "payer", "payer": "city", "excess": "next_payer", "then": "state"}
    assert owed(pay([price("a"), top_up, cap], quantities={"a": 200})) == {"city": "100.00", "fund": "20.00", "state": "100.00"}  # fmt: skip


def test_carried_excess_is_topped_up_once(pay: Pay) -> None:
    top_up = {"top_up": "0.10", "payer": "fund"}
    cap = {"cap": "110.00", "scope": "period", "excess": "carried"}
    due = pay([price("a"), top_up, cap], quantities={"a": {"y1": 150}}, periods=YEARS)
    assert owed(due) == {"city": "150.00", "fund": "15.00"}


def test_top_ups_do_not_add_to_each_other_unless_named(pay: Pay) -> None:
    one, two = {"name": "one", "top_up": "0.10", "payer": "f"}, {"top_up": "0.50", "payer": "g"}
    assert owed(pay([price("a"), one, two], quantities={"a": 100})) == {"city": "100.00", "f": "10.00", "g": "50.00"}
    named = {**two, "of": ["one"]}
    assert owed(pay([price("a"), one, named], quantities={"a": 100}))["g"] == "5.00"


def test_a_top_up_stands_under_a_limit_for_each_person(pay: Pay) -> None:
    people = tuple(Cell(Decimal(n), person=who) for who, n in enumerate((10, 30)))
    counted = Quantity((Cell(Decimal(40)),), by_person=people)
    cap = {"cap": "22.00", "scope": "person"}
    assert pay([price("a"), {"top_up": "0.1", "payer": "fund"}, cap], quantities={"a": counted}).total == 33


@given(
    st.lists(st.decimals(0, 1_000, places=2), min_size=1, max_size=4),
    st.lists(st.decimals(0, 1, places=3), min_size=1, max_size=2),
    st.booleans(),
)
def test_the_parts_of_payers_sum_to_the_pots(amounts: list[Decimal], parts: list[Decimal], in_order: bool) -> None:
    shares = {f"f{number}": part / 2 for number, part in enumerate(parts)}
    terms = (
        PayerSplit(payers={name: (part * 500).quantize(Decimal("0.01")) for name, part in shares.items()}, in_order=True, rest="r")
        if in_order
        else PayerSplit(payers={**shares, "r": 1 - sum(shares.values(), Decimal(0))})
    )  # fmt: skip
    known = {f"q{number}": Quantity((Cell(amount),)) for number, amount in enumerate(amounts)}
    clauses = [UnitPrice(quantity=name, price=Decimal(1), to="p") for name in known]
    due = settle([*clauses, terms], {}, {}, currency="USD", payer="c", quantities=known)
    assert [due.by_clause()[f"payment {number + 1}"] for number in range(len(amounts))] == amounts
    if in_order:
        assert all(due.by_payer().get(name, 0) <= limit for name, limit in terms.payers.items())
