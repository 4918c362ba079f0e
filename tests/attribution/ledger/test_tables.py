"""The ledger in every format says the same, exactly, and no text in it is run as a formula."""

import csv
import io
import json
import sys
import zipfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from unittest import mock
from xml.etree import ElementTree

import pytest

from counterfoil.attribution.counting.period import Period
from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.ledger.indigo import (
    COLUMNS,
    outcome_payment_objects,
    outcome_payments,
    outcome_payments_csv,
    outcome_payments_json,
)
from counterfoil.attribution.ledger.tables import (
    ledger_csv,
    ledger_json,
    ledger_parquet,
    ledger_table,
    steps_csv,
    steps_table,
)
from counterfoil.attribution.ledger.workbook import workbook
from counterfoil.attribution.payment.grant import Grant
from counterfoil.attribution.payment.line import Line
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.attribution.payment.settling import settle
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.errors import PaymentError

D = Decimal
NASTY = ('=HYPERLINK("http://x")', "+1", "-1+2", "@SUM(A1)", "\tcmd", "\rcmd")


def line(provider: str, amount: str, **more: str) -> Line:
    return Line("payments[0]", "homes", "city", provider, D("3"), D("15.12"), D(amount), 'agreed, in "parts"', **more)


def nasty() -> Settlement:
    lines = [line(text, "-45.36", name=text, period="y1") for text in NASTY]
    return Settlement("USD", (*lines, line("Stötta <AB> & Co", "0.10")), ())


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_full_ledger_has_every_field_of_a_line() -> None:
    due = settle([Grant(grant=D("5.00"), to="north", reason="test")], {}, {}, currency="USD", payer="city")
    table = ledger_table(due)
    assert list(table.columns) == [
        "clause", "effect", "payer", "provider", "quantity", "price", "amount", "reason", "name", "period", "group", "rung",
        "currency",
    ]  # fmt: skip
    assert table["amount"].tolist() == [D("5.00")]
    assert steps_table(due)["action"].tolist() == ["price", "round"]


@pytest.mark.parametrize("text", NASTY)
def test_text_that_begins_like_a_formula_is_text_and_amounts_below_zero_stay_numbers(text: str) -> None:
    rows = read(ledger_csv(nasty()))
    row = rows[NASTY.index(text)]
    assert row["provider"] == row["name"] == f"'{text}"
    assert row["amount"] == "-45.36"
    assert read(ledger_csv(nasty()))[-1]["provider"] == "Stötta <AB> & Co"


def test_csv_has_a_header_exact_decimals_and_bare_line_ends() -> None:
    exact = Settlement("JPY", (line("north", "1E+3"), line("south", "0.1000")), ())
    text = ledger_csv(exact)
    assert "\r" not in text
    assert text.endswith("\n")
    assert [row["amount"] for row in read(text)] == ["1000", "0.1000"]
    assert steps_csv(exact) == "pot,clause,effect,action,amount,reason,period,currency\n"


def test_json_is_tidy_rows_with_decimals_as_text() -> None:
    rows = json.loads(ledger_json(nasty()))
    assert [row["amount"] for row in rows] == ["-45.36"] * 6 + ["0.10"]
    assert rows[0]["provider"] == NASTY[0]
    assert sum((D(row["amount"]) for row in rows), D(0)) == nasty().total


def test_parquet_holds_decimals_with_the_currency_s_scale() -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(ledger_parquet(nasty())))
    assert table.schema.field("amount").type == arrow.decimal128(38, 2)
    assert table["amount"].to_pylist() == [made.amount for made in nasty().lines]
    assert table["provider"].to_pylist()[0] == NASTY[0]
    wide = replace(line("north", "1.00"), quantity=D(f"{10**30}.{'1' * 20}"))
    found = parquet.read_table(io.BytesIO(ledger_parquet(Settlement("USD", (wide,), ()))))
    assert found["quantity"].to_pylist() == [wide.quantity]


def test_without_pyarrow_parquet_is_refused_and_says_how_to_install_it() -> None:
    with mock.patch.dict(sys.modules, {"pyarrow": None}), pytest.raises(PaymentError, match="PAY-021") as refused:
        ledger_parquet(nasty())
    assert "counterfoil[parquet]" in str(refused.value)


SPACE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def sheets(book: bytes) -> dict[str, dict[str, tuple[str, str, str]]]:
    """Sheet to cell to (type, style, content), read from the XML."""
    found: dict[str, dict[str, tuple[str, str, str]]] = {}
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        assert archive.testzip() is None
        for name in archive.namelist():
            ElementTree.fromstring(archive.read(name))  # noqa: S314
        names = ElementTree.fromstring(archive.read("xl/workbook.xml")).iter(f"{SPACE}sheet")  # noqa: S314
        for number, sheet in enumerate(names, start=1):
            tree = ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{number}.xml"))  # noqa: S314
            assert not list(tree.iter(f"{SPACE}f")), "a formula"
            found[sheet.attrib["name"]] = {
                cell.attrib["r"]: (cell.attrib.get("t", "n"), cell.attrib["s"], "".join(cell.itertext()))
                for cell in tree.iter(f"{SPACE}c")
            }
    return found


def test_in_a_workbook_a_formula_is_text_and_an_amount_is_a_number() -> None:
    found = sheets(workbook(nasty()))
    assert list(found) == ["Ledger", "Steps", "By party"]
    ledger = found["Ledger"]
    assert ledger["D1"] == ("inlineStr", "1", "provider")
    assert ledger["D2"] == ledger["I2"] == ("inlineStr", "0", NASTY[0])
    assert ledger["G2"] == ("n", "2", "-45.36")
    assert ledger["D8"] == ("inlineStr", "0", "Stötta <AB> & Co")
    parties = found["By party"]
    assert (parties["A9"][2], parties["B9"]) == ("total", ("n", "2", str(nasty().total)))


def test_a_workbook_is_the_same_bytes_every_time_and_keeps_long_numbers_as_text() -> None:
    assert workbook(nasty()) == workbook(nasty())
    long = Settlement("USD", (line("north", "1234567890123456.78"), line("bad\x00name", "1.00")), ())
    ledger = sheets(workbook(long))["Ledger"]
    assert ledger["G2"] == ("inlineStr", "0", "1234567890123456.78")
    assert ledger["D3"][2] == "bad\ufffdname"


def test_a_workbook_opens_with_openpyxl() -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.load_workbook(io.BytesIO(workbook(nasty())))
    cell = book["Ledger"]["D2"]
    assert (cell.value, cell.data_type) == (NASTY[0], "s")
    assert book["Ledger"]["G2"].number_format == "#,##0.00"


def paid() -> Settlement:
    homes = Quantity((Cell(D(30), "y1", people=30), Cell(D(40), "y2", people=40)))
    terms = UnitPrice(name="beds", quantity="homes", price=D("15.12"), to="north")
    return settle({"y1": [terms], "y2": [terms]}, {}, {}, currency="USD", payer="city", quantities={"homes": homes})


def test_indigo_rows_have_the_standard_s_keys_and_name_the_recipient() -> None:
    days = {"y1": Period("y1", date(2016, 1, 1), date(2016, 12, 31)), "y2": Period("y2")}
    table = outcome_payments(paid(), periods=days, organisations={"city": "INDIGO-ORG-0001"}, metrics={"homes": "m1"})
    assert tuple(table.columns) == COLUMNS
    first, second = outcome_payment_objects(table)
    notes = first.pop("notes")
    assert notes.startswith("clause beds; period y1; ")
    assert first == {
        "outcome_metric_id": {"value": "m1"},
        "period": {"start_date": {"value": "2016-01-01"}, "end_date": {"value": "2016-12-31"}},
        "payer_organisation_id": {"value": "INDIGO-ORG-0001"},
        "recipient_organisation_id": {"value": "north"},
        "type": {"value": "Actual"},
        "money": {"currency": {"value": "USD"}, "amount": {"value": "453.60"}, "amount_usd": {"value": "453.60"}},
    }
    assert "period" not in second
    assert sum(table["money/amount/value"]) == paid().total
    assert read(outcome_payments_csv(table))[1]["money/amount/value"] == "604.80"
    assert json.loads(outcome_payments_json(table))["outcome_payments"][1] == second


def test_indigo_amounts_in_dollars_are_left_to_the_lab_and_plans_are_named() -> None:
    due = settle([Grant(grant=D("5.00"), to="north", reason="test")], {}, {}, currency="GBP", payer="city")
    row = outcome_payment_objects(outcome_payments(due, kind="Planned", plan="plan1"))[0]
    assert row["outcome_payment_plan_id"] == {"value": "plan1"}
    assert row["type"] == {"value": "Planned"}
    assert "amount_usd" not in row["money"]
