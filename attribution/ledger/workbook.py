"""The ledger as an Excel workbook: text is text and never a formula, amounts are numbers, equal inputs give equal bytes.

A workbook is a zip archive of XML parts (ECMA-376, *Office Open XML*, SpreadsheetML). Text is written as inline strings, which no
spreadsheet evaluates. Excel keeps fifteen digits of a number, so a number with more stays text, exactly as it is.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Final
from xml.sax.saxutils import escape

from counterfoil.attribution.ledger.tables import shown_ledger, shown_steps
from counterfoil.attribution.money.amounts import add
from counterfoil.attribution.money.currency import MINOR_DIGITS
from counterfoil.attribution.payment.settlement import Settlement

DIGITS: Final = 15
LONGEST: Final = 32_767
"""Characters that a cell holds; longer text is cut there."""

SHEETS: Final = ("Ledger", "Steps", "By party")
MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
WITHHELD: Final = "withheld"

GENERAL, BOLD, MONEY = 0, 1, 2
"""Cell styles, by their place in the style sheet."""


def workbook(settlement: Settlement, *, show_small_cells: bool = False) -> bytes:
    """Return a workbook with the sheets Ledger, Steps and By party.

    Parameters
    ----------
    settlement : Settlement
    show_small_cells : bool
        True shows what tells of ten people or fewer; only for readers who may see it.

    Examples
    --------
    >>> from counterfoil.attribution.payment.settling import settle
    >>> book = workbook(settle([], {}, {}, currency="USD", payer="city"))
    >>> zipfile.ZipFile(io.BytesIO(book)).namelist()[-1]
    'xl/worksheets/sheet3.xml'
    """
    shown = shown_ledger(settlement, show_small_cells=show_small_cells)
    steps = shown_steps(settlement, show_small_cells=show_small_cells)
    parties: dict[str, list[Decimal | None]] = {}
    for party, amount in zip(shown.table["provider"], shown.table["amount"], strict=True):
        parties.setdefault(party, []).append(amount)
    rows = [(party, _sum(amounts), settlement.currency) for party, amounts in parties.items()]
    total = settlement.total if shown.total_may_show else None
    tables = (
        _rows(shown.table.columns, shown.table.itertuples(index=False, name=None)),
        _rows(steps.columns, steps.itertuples(index=False, name=None)),
        _rows(("party", "amount", "currency"), [*rows, ("total", total, settlement.currency)]),
    )
    parts = {
        "[Content_Types].xml": _content_types(),
        "_rels/.rels": _relations([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": _book(),
        "xl/_rels/workbook.xml.rels": _relations(
            [*(("worksheet", f"worksheets/sheet{number}.xml") for number in _numbers()), ("styles", "styles.xml")]
        ),
        "xl/styles.xml": _styles(settlement.currency),
        **{f"xl/worksheets/sheet{number}.xml": table for number, table in zip(_numbers(), tables, strict=True)},
    }
    return _zipped(parts)


def _sum(amounts: Sequence[Decimal | None]) -> Decimal | None:
    known = [amount for amount in amounts if amount is not None]
    return add(known) if len(known) == len(amounts) else None


def _rows(header: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a sheet: a bold header that stays in sight, and a row for each row."""
    names = [str(name) for name in header]
    written = [_row(1, [_text(f"{_letter(column)}1", name, BOLD) for column, name in enumerate(names)])]
    for number, row in enumerate(rows, start=2):
        cells = [
            _cell(f"{_letter(column)}{number}", name, value)
            for column, (name, value) in enumerate(zip(names, row, strict=True))
        ]
        written.append(_row(number, cells))
    view = '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" state="frozen"/></sheetView></sheetViews>'
    return f'{HEAD}<worksheet xmlns="{MAIN}">{view}<sheetData>{"".join(written)}</sheetData></worksheet>'


def _row(number: int, cells: Iterable[str]) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def _cell(place: str, name: str, value: Any) -> str:
    if value is None:
        return _text(place, WITHHELD, GENERAL)
    if not isinstance(value, Decimal):
        return _text(place, str(value), GENERAL)
    if len(value.normalize().as_tuple().digits) > DIGITS:
        return _text(place, f"{value:f}", GENERAL)
    return f'<c r="{place}" s="{MONEY if name == "amount" else GENERAL}"><v>{value:f}</v></c>'


def _text(place: str, text: str, style: int) -> str:
    if not text:
        return ""
    clean = NOT_XML.sub("\ufffd", text)[:LONGEST]
    return f'<c r="{place}" s="{style}" t="inlineStr"><is><t xml:space="preserve">{escape(clean)}</t></is></c>'


def _letter(column: int) -> str:
    """Return the letter of a column, from zero; no table has more than 26."""
    return chr(ord("A") + column)


def _numbers() -> range:
    return range(1, len(SHEETS) + 1)


def _book() -> str:
    sheets = "".join(
        f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in zip(_numbers(), SHEETS, strict=True)
    )
    return f'{HEAD}<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{sheets}</sheets></workbook>'


def _styles(currency: str) -> str:
    places = MINOR_DIGITS[currency]
    money = "#,##0" + ("." + "0" * places if places else "")
    one = '<xf numFmtId="{}" fontId="{}" fillId="0" borderId="0" xfId="0" applyNumberFormat="1" applyFont="1"/>'
    return (
        f'{HEAD}<styleSheet xmlns="{MAIN}"><numFmts count="1"><numFmt numFmtId="164" formatCode="{money}"/></numFmts>'
        '<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
        '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
        '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
        '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
        f'<cellXfs count="3">{one.format(0, 0)}{one.format(0, 1)}{one.format(164, 0)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
    )


def _relations(targets: Sequence[tuple[str, str]]) -> str:
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>'


def _content_types() -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{number}.xml" ContentType="{kind}.worksheet+xml"/>'
        for number in _numbers()
    )
    return (
        f'{HEAD}<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>{sheets}</Types>'
    )


def _zipped(parts: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            # Without a date of its own a part would carry the time of day.
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, content.encode("utf-8"))
    return stream.getvalue()
