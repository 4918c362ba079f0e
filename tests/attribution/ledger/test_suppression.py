"""What tells of fewer than eleven people is withheld, and so is what would give it away by subtraction."""

import json
from decimal import Decimal

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.ledger.files import ledger_files
from counterfoil.attribution.ledger.indigo import outcome_payments
from counterfoil.attribution.ledger.suppression import suppressed
from counterfoil.attribution.ledger.tables import ledger_csv, ledger_json, shown_ledger, shown_steps, steps_csv
from counterfoil.attribution.ledger.workbook import workbook
from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.division import Division
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.attribution.payment.settling import settle
from counterfoil.attribution.payment.unit_price import UnitPrice

D = Decimal


def table(rows: int) -> pd.DataFrame:
    amounts = pd.Series([D(number) for number in range(rows)], dtype=object)
    return pd.DataFrame({"amount": amounts, "reason": [f"row {number}" for number in range(rows)]})


@given(st.lists(st.one_of(st.none(), st.integers(0, 40)), min_size=1, max_size=12))
def test_hidden_rows_are_at_least_two_and_of_enough_people_or_the_total_is_withheld(people: list[int | None]) -> None:
    found = suppressed(table(len(people)), people)
    hidden = [people[number] for number in found.withheld]
    small = [number for number, count in enumerate(people) if count is not None and 0 < count < 11]
    assert set(small) <= set(found.withheld)
    if not small:
        assert hidden == []
    elif found.total_may_show:
        assert len(hidden) > 1
        assert sum(11 if count is None else count for count in hidden) >= 11
    else:
        assert len(hidden) == sum(1 for count in people if count is None or count > 0)
    shown = found.table["amount"].tolist()
    assert [number for number, amount in enumerate(shown) if amount is None] == list(found.withheld)


def test_rows_of_the_same_count_are_withheld_together() -> None:
    found = suppressed(table(4), [4, 4, 90, 30], counts=[("a",), ("a",), ("b",), ("c",)])
    assert found.withheld == (0, 1, 3)


def test_the_sum_under_a_limit_hides_as_the_sum_of_all_does() -> None:
    people = [4, 300, 20, 30]
    assert suppressed(table(4), people).withheld == (0, 2)
    assert suppressed(table(4), people, sums=[[0, 1]]).withheld == (0, 1)


def due(*limits: Cap) -> Settlement:
    cards = Quantity((
        Cell(D(4), rung="job", people=4), Cell(D(30), rung="school", people=30), Cell(D(90), rung="home", people=90),
    ))  # fmt: skip
    prices = {"job": D("100.00"), "school": D("10.00"), "home": D("1.00")}
    terms = UnitPrice(quantity="cards", by="rung", prices=prices, split=Division(equally=("north", "south")))
    return settle([terms, *limits], {}, {}, currency="USD", payer="city", quantities={"cards": cards})


def test_amounts_of_few_people_are_withheld_in_every_export() -> None:
    found = shown_ledger(due())
    assert found.table["rung"][list(found.withheld)].tolist() == ["job", "job", "school", "school"]
    assert found.total_may_show
    rows = json.loads(ledger_json(due()))
    assert [row["amount"] for row in rows] == [None] * 4 + ["45.00"] * 2
    assert [row["quantity"] for row in rows] == [None] * 4 + ["90"] * 2
    for text in (ledger_csv(due()), steps_csv(due()), outcome_payments(due()).to_string()):
        assert "400.00" not in text
        assert "200.00" not in text
        assert "4 cards" not in text
    assert workbook(due()) != workbook(due(), show_small_cells=True)


def test_whoever_may_see_small_cells_sees_all() -> None:
    rows = json.loads(ledger_json(due(), show_small_cells=True))
    assert [row["amount"] for row in rows] == ["200.00"] * 2 + ["150.00"] * 2 + ["45.00"] * 2
    assert "4 cards" in steps_csv(due(), show_small_cells=True)


def test_what_a_limit_says_of_all_amounts_is_withheld_with_them() -> None:
    limited = due(Cap(cap=D("300.00"), scope="contract"))
    steps = shown_steps(limited)
    assert steps["amount"][steps["action"] == "cap"].isna().all()
    assert "790.00" not in steps.to_string()


def test_without_counts_of_people_nothing_is_withheld() -> None:
    homes = Quantity((Cell(D(4)),))
    terms = UnitPrice(quantity="homes", price=D("15.12"), to="north")
    plain = settle([terms], {}, {}, currency="USD", payer="city", quantities={"homes": homes})
    assert shown_ledger(plain).withheld == ()


def test_one_line_of_few_people_withholds_its_party_and_the_total() -> None:
    homes = Quantity((Cell(D(4), people=4),))
    terms = UnitPrice(quantity="homes", price=D("15.12"), to="north")
    small = settle([terms], {}, {}, currency="USD", payer="city", quantities={"homes": homes})
    assert not shown_ledger(small).total_may_show
    assert b"60.48" not in workbook(small)


def test_the_whole_record_is_written_only_for_whoever_may_see_all_of_it() -> None:
    settlement = due()
    assert "record.json" not in ledger_files(settlement)
    assert "record.json" in ledger_files(settlement, show_small_cells=True)
