"""Every settlement of the library can be settled again from its own ledger, and is written the same in every format."""

import json
from decimal import Decimal
from functools import cache

import pytest

from counterfoil.attribution.ledger import differences, ledger_csv, ledger_json, to_record
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.errors import CounterfoilError
from counterfoil.library import evaluate_case, library, library_folder
from counterfoil.record import read_record


@cache
def settlements(name: str) -> dict[str, Settlement | None]:
    """Case to its settlement; None for a case that is a refusal."""
    found: dict[str, Settlement | None] = {}
    for case in read_record(library_folder(name)).cases:
        try:
            found[case.name] = evaluate_case(name, case.name).settlement
        except CounterfoilError:
            found[case.name] = None
    return found


@pytest.mark.parametrize("name", library())
def test_every_case_is_settled_again_from_its_own_ledger(name: str) -> None:
    for case, due in settlements(name).items():
        if due is None:
            continue
        record = json.loads(json.dumps(to_record(due)))
        counted = due.inputs.quantities if due.inputs and record["needs_people"] else None
        assert differences(record, counted) == [], case
        rows = json.loads(ledger_json(due, show_small_cells=True))
        assert sum((Decimal(row["amount"]) for row in rows), Decimal(0)) == due.total, case
        assert len(ledger_csv(due).splitlines()) == len(due.lines) + 1, case


def test_hardly_any_case_is_passed_over() -> None:
    known = [due for name in library() for due in settlements(name).values()]
    assert sum(due is not None for due in known) >= 0.9 * len(known)
