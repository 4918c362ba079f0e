"""The ledger and its steps as tables, and as CSV, JSON and Parquet; numbers are exact decimals in all of them.

A cell of text that begins like a formula is written with an apostrophe before it in CSV, because spreadsheets would run it
(OWASP, *CSV Injection*). What tells of few people is withheld unless it is asked for.
"""

import io
import json
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from counterfoil.attribution.ledger.suppression import Shown, blanked, count_of, people_of, sums_known, suppressed
from counterfoil.attribution.money.currency import MINOR_DIGITS
from counterfoil.attribution.payment.line import Line
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.attribution.payment.trace import Step
from counterfoil.errors import refusal

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet would run or break at."""


def ledger_table(settlement: Settlement) -> pd.DataFrame:
    """Return the whole ledger, one row a line: every field of a line, and the currency; numbers are Decimal."""
    return _table(settlement.lines, Line, settlement.currency)


def steps_table(settlement: Settlement) -> pd.DataFrame:
    """Return how every amount came about, one row a step: every field of a step, and the currency."""
    return _table(settlement.steps, Step, settlement.currency)


def _table(rows: tuple[Any, ...], kind: type, currency: str) -> pd.DataFrame:
    columns = {
        field.name: pd.Series([getattr(row, field.name) for row in rows], dtype=object) for field in fields(kind)
    }
    return pd.DataFrame({**columns, "currency": pd.Series([currency] * len(rows), dtype=object)})


def shown_ledger(settlement: Settlement, *, show_small_cells: bool = False) -> Shown:
    """Return the ledger with what may be shown.

    Parameters
    ----------
    settlement : Settlement
        Without its inputs nothing tells how many people a line counts, and it is shown as it is.
    show_small_cells : bool
        True shows what tells of ten people or fewer; only for readers who may see it.
    """
    table = ledger_table(settlement)
    if show_small_cells or settlement.inputs is None:
        return Shown(table, (), True)
    people = [people_of(line, settlement.inputs) for line in settlement.lines]
    counts = [count_of(line) for line in settlement.lines]
    return suppressed(table, people, counts=counts, sums=sums_known(settlement))


def shown_steps(settlement: Settlement, *, show_small_cells: bool = False) -> pd.DataFrame:
    """Return the steps with what may be shown.

    Where a line is withheld, so are its steps and every step that speaks of several amounts at once.
    """
    table = steps_table(settlement)
    withheld = shown_ledger(settlement, show_small_cells=show_small_cells).withheld
    if not withheld:
        return table
    lines = [settlement.lines[number] for number in withheld]
    pots = {(line.clause, line.effect, line.period) for line in lines}
    rows = [
        number
        for number, step in enumerate(settlement.steps)
        if step.clause != step.pot or (step.pot, step.effect, step.period) in pots
    ]
    return blanked(table, rows)


def ledger_csv(settlement: Settlement, *, show_small_cells: bool = False) -> str:
    r"""Return the ledger as CSV text: a header, ``\n`` after each row, exact decimals, formulas made text.

    Examples
    --------
    >>> from counterfoil.attribution.payment.grant import Grant
    >>> from counterfoil.attribution.payment.settling import settle
    >>> terms = [Grant(grant=Decimal("5.00"), to="=1+1", reason="a test")]
    >>> text = ledger_csv(settle(terms, {}, {}, currency="USD", payer="city"))
    >>> text.splitlines()[1]
    "payments[0],grant,city,'=1+1,1,5.00,5.00,the whole pot,,,,,USD"
    """
    return to_csv(shown_ledger(settlement, show_small_cells=show_small_cells).table)


def steps_csv(settlement: Settlement, *, show_small_cells: bool = False) -> str:
    """Return the steps as CSV text, as `ledger_csv`."""
    return to_csv(shown_steps(settlement, show_small_cells=show_small_cells))


def to_csv(table: pd.DataFrame) -> str:
    """Return a table of text and decimals as CSV text; empty where there is no number."""
    rows = [map(_cell, table.columns), *(map(_cell, row) for row in table.itertuples(index=False, name=None))]
    return "".join(",".join(map(_quoted, row)) + "\n" for row in rows)


def _quoted(cell: str) -> str:
    # The csv module leaves a lone carriage return unquoted, at which readers begin a new row.
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\r\n') else cell


def _cell(value: Any) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def ledger_json(settlement: Settlement, *, show_small_cells: bool = False) -> str:
    """Return the ledger as JSON text: one object a line; numbers are exact decimal text, null where withheld."""
    return to_json(shown_ledger(settlement, show_small_cells=show_small_cells).table)


def to_json(table: pd.DataFrame) -> str:
    """Return a table as JSON text, one object a row, in the order of the columns."""
    rows = [
        {name: f"{value:f}" if isinstance(value, Decimal) else value for name, value in row.items()}
        for row in table.to_dict("records")
    ]
    return json.dumps(rows, indent=2, ensure_ascii=False) + "\n"


def ledger_parquet(settlement: Settlement, *, show_small_cells: bool = False) -> bytes:
    """Return the ledger as a Parquet file; amounts are decimals with the currency's scale, never floats.

    Raises
    ------
    PaymentError
        PAY-021 where pyarrow is not installed.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise refusal("PAY-021", "the ledger is asked for as Parquet", "pyarrow") from None
    table = shown_ledger(settlement, show_small_cells=show_small_cells).table
    columns = {}
    for name in table:
        values = table[name].tolist()
        if name in ("quantity", "price", "amount"):
            least = MINOR_DIGITS[settlement.currency] if name == "amount" else 0
            scale = max([least, *(_decimals(value) for value in values if value is not None)])
            whole = max([1, *(value.adjusted() + 1 for value in values if value is not None)])
            wide = arrow.decimal256(76, scale) if whole + scale > 38 else arrow.decimal128(38, scale)
            columns[name] = arrow.array(values, type=wide)
        else:
            columns[name] = arrow.array(values, type=arrow.string())
    stream = io.BytesIO()
    parquet.write_table(arrow.table(columns), stream)
    return stream.getvalue()


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
