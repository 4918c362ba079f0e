"""A settlement as plain data, with everything that it follows from, so that anybody can settle again and compare.

The record holds totals and no cell of one person. Where a limit is for each person, it says which quantities are needed person
by person, and settling again needs them to be handed in.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from pydantic import BaseModel

from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.money.amounts import MODES
from counterfoil.attribution.money.currency import smallest_unit
from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.clauses import CLAUSES
from counterfoil.attribution.payment.line import Line
from counterfoil.attribution.payment.settlement import Inputs, Settlement
from counterfoil.attribution.payment.settling import settle_inputs
from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.payment.trace import Priced, Step
from counterfoil.errors import CounterfoilError, refusal

FORMAT: Final = 1
"""Version of the record; it changes when a key changes its meaning or goes away."""

EXACT: Final = "$decimal"
"""Key under which a term's number is written that has an exponent, such as 1E+3, which contracts do not have."""

Row = TypeVar("Row", Line, Step, Cell, Priced)


def to_record(settlement: Settlement) -> dict[str, Any]:
    """Return a settlement and what it follows from as plain data; numbers are exact decimal text.

    The order of keys carries meaning, as it does in a contract: ties are broken by it. Do not sort them.

    Parameters
    ----------
    settlement : Settlement
        With its inputs. The record shows every cell, also of few people: it is for those who may see them.

    Raises
    ------
    PaymentError
        PAY-022 for a settlement without its inputs.

    Examples
    --------
    >>> from counterfoil.attribution.payment.settling import settle
    >>> from counterfoil.attribution.payment.unit_price import UnitPrice
    >>> homes = {"homes": Quantity((Cell(Decimal(3)),))}
    >>> terms = [UnitPrice(quantity="homes", price=Decimal("15.12"), to="north")]
    >>> record = to_record(settle(terms, {}, {}, currency="USD", payer="city", quantities=homes))
    >>> record["clauses"]
    {'': [{'quantity': 'homes', 'to': 'north', 'price': '15.12'}]}
    >>> str(rederive(record).total), differences(record)
    ('45.36', [])
    """
    inputs = settlement.inputs
    if inputs is None:
        raise refusal("PAY-022", "the settlement does not hold what it follows from", "ledger")
    return {
        "ledger": FORMAT,
        "currency": settlement.currency,
        "payer": inputs.payer,
        "rounding": inputs.rounding,
        "cumulative": inputs.cumulative,
        "claw_back": inputs.claw_back,
        "periods": list(inputs.periods),
        "skipped": list(inputs.skipped),
        "final": inputs.final,
        "clauses": {period: [_terms(clause) for clause in clauses] for period, clauses in inputs.clauses.items()},
        "splits": {name: _terms(split) for name, split in inputs.splits.items()},
        "effects": {name: [_row(priced) for priced in known] for name, known in inputs.effects.items()},
        "quantities": {name: _quantity(quantity) for name, quantity in inputs.quantities.items()},
        "needs_people": list(_needs_people(inputs)),
        "lines": [_row(line) for line in settlement.lines],
        "steps": [_row(step) for step in settlement.steps],
    }


def from_record(record: Mapping[str, Any]) -> Settlement:
    """Return the settlement that a record states, with its inputs; nothing is settled again.

    Raises
    ------
    PaymentError
        PAY-022 when the record is of another version, or a part of it is missing or cannot be read.
    """
    if record.get("ledger") != FORMAT:
        raise refusal("PAY-022", f"`ledger` should be {FORMAT}, the version of the record", "ledger")
    try:
        return _read_settlement(record)
    except (KeyError, TypeError, AttributeError, ValueError, InvalidOperation) as error:
        if isinstance(error, CounterfoilError):
            raise
        what = f"a part of it is missing or cannot be read ({type(error).__name__})"
        raise refusal("PAY-022", what, "ledger") from None


def _read_settlement(record: Mapping[str, Any]) -> Settlement:
    smallest_unit(record["currency"])
    if record["rounding"] not in MODES or set(record["clauses"]) != set(record["periods"]):
        raise ValueError("rounding or periods")
    inputs = Inputs(
        {period: tuple(_clause(terms) for terms in record["clauses"][period]) for period in record["periods"]},
        {name: tuple(_read(Priced, row) for row in known) for name, known in record["effects"].items()},
        {name: Split.model_validate(_typed(terms)) for name, terms in record["splits"].items()},
        {name: _read_quantity(terms) for name, terms in record["quantities"].items()},
        record["currency"],
        record["payer"],
        record["rounding"],
        record["cumulative"],
        record["claw_back"],
        tuple(record["skipped"]),
        record["final"],
    )
    lines = tuple(_read(Line, row) for row in record["lines"])
    steps = tuple(_read(Step, row) for row in record["steps"])
    return Settlement(record["currency"], lines, steps, inputs)


def rederive(record: Mapping[str, Any], quantities: Mapping[str, Quantity] | None = None) -> Settlement:
    """Settle again from a record's inputs.

    Parameters
    ----------
    record : mapping
        As `to_record` returns it, also after a way through JSON.
    quantities : mapping of str to Quantity, optional
        Counted again, person by person; in the place of those recorded.

    Raises
    ------
    PaymentError
        PAY-020 when a limit is for each person and the quantities under it are not handed in, PAY-022 as `from_record`.
    """
    inputs = from_record(record).inputs
    given = quantities or {}
    missing = [name for name in record.get("needs_people", ()) if name not in given or given[name].by_person is None]
    if missing or inputs is None:
        raise refusal("PAY-020", f"a limit for each person covers {', '.join(missing)}", "ledger")
    return settle_inputs(replace(inputs, quantities={**inputs.quantities, **given}))


def differences(record: Mapping[str, Any], quantities: Mapping[str, Quantity] | None = None) -> list[str]:
    """Return where a record differs from what its own inputs come to, line by line and step by step; empty when nowhere.

    Raises
    ------
    PaymentError
        As `rederive`.
    """
    stated, settled = from_record(record), rederive(record, quantities)
    return [*_apart("line", stated.lines, settled.lines), *_apart("step", stated.steps, settled.steps)]


def _apart(what: str, stated: Sequence[Any], settled: Sequence[Any]) -> Iterator[str]:
    if len(stated) != len(settled):
        yield f"the record has {len(stated)} {what}s, and settled again there are {len(settled)}"
    for number, (said, found) in enumerate(zip(stated, settled, strict=False), start=1):
        for field in fields(said):
            old, new = getattr(said, field.name), getattr(found, field.name)
            if old != new:
                yield f"{what} {number}: {field.name} is '{old}' in the record, and '{new}' settled again"


def _needs_people(inputs: Inputs) -> Iterator[str]:
    """Yield the quantities that are known person by person and priced where a limit is for each person."""
    limited = [
        clauses
        for clauses in inputs.clauses.values()
        if any(isinstance(clause, Cap) and clause.scope == "person" for clause in clauses)
    ]
    priced = {getattr(clause, "quantity", None) for clauses in limited for clause in clauses}
    yield from (name for name, known in inputs.quantities.items() if name in priced and known.by_person is not None)


def _terms(spec: BaseModel) -> dict[str, Any]:
    """Return the terms of a clause that were written; what was left out has its default."""
    found: dict[str, Any] = _text(spec.model_dump(by_alias=True, exclude_unset=True, exclude_none=True))
    return found


def _text(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _text(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_text(item) for item in value]
    if isinstance(value, Decimal):
        return {EXACT: str(value)} if "E" in str(value) else str(value)
    return value


def _typed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Decimal(value[EXACT]) if set(value) == {EXACT} else {key: _typed(item) for key, item in value.items()}
    return [_typed(item) for item in value] if isinstance(value, list | tuple) else value


def _clause(terms: Mapping[str, Any]) -> Any:
    told = next((spec for key, spec in CLAUSES.items() if key in terms), None)
    if told is None:
        raise ValueError("no clause has these terms")
    return told.model_validate(_typed(terms))


def _row(row: Line | Step | Cell | Priced) -> dict[str, Any]:
    """Return the fields of a row; empty ones are left out, and nobody's place in the study is written."""
    found: dict[str, Any] = {}
    for field in fields(row):
        value = getattr(row, field.name)
        if field.name == "person":
            continue
        if field.name == "covariance" and value is not None:
            found["covariance"] = [[_finite(number) for number in line] for line in value]
        elif isinstance(value, Mapping):
            found[field.name] = {key: _plain(item) for key, item in value.items()}
        elif value is not None and value != "":
            found[field.name] = _plain(value)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    return str(value) if isinstance(value, Decimal) else value


def _finite(number: Any) -> float | None:
    return float(number) if math.isfinite(number) else None


def _read(kind: type[Row], row: Mapping[str, Any]) -> Row:
    amounts = {"quantity", "price", "amount", "gain"}
    values: dict[str, Any] = {}
    for key, value in row.items():
        if key == "credits":
            values[key] = {name: _number(credit) for name, credit in value.items()}
        elif key == "groups":
            values[key] = {name: tuple(members) for name, members in value.items()}
        elif key == "covariance":
            values[key] = [[math.nan if number is None else number for number in line] for line in value]
        else:
            values[key] = _number(value) if key in amounts else value
    required = dict.fromkeys(("clause", "effect", "reason", "payer", "provider", "pot", "basis", "action"), "")
    own = {field.name for field in fields(kind)}
    return kind(**{name: text for name, text in required.items() if name in own} | values)


def _number(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise TypeError("a number is written as text")
    return Decimal(value)


def _quantity(quantity: Quantity) -> dict[str, Any]:
    cells = [_row(cell) for cell in quantity.cells]
    found: dict[str, Any] = {"cells": cells, "notes": list(quantity.notes), "complete": quantity.complete}
    for name in ("parts", "base"):
        cells = getattr(quantity, name)
        if cells is not None:
            found[name] = [_row(cell) for cell in cells]
    return found


def _read_quantity(terms: Mapping[str, Any]) -> Quantity:
    def cells(name: str) -> tuple[Cell, ...] | None:
        return None if name not in terms else tuple(_read(Cell, row) for row in terms[name])

    return Quantity(
        cells("cells") or (),
        tuple(terms["notes"]),
        parts=cells("parts"),
        base=cells("base"),
        complete=terms["complete"],
    )
