"""The ledger as a set of files for a folder: tables for people, rows for registers, and a record that settles again."""

import json
from collections.abc import Mapping

from counterfoil.attribution.counting.period import Period
from counterfoil.attribution.ledger.indigo import outcome_payments, outcome_payments_csv
from counterfoil.attribution.ledger.record import to_record
from counterfoil.attribution.ledger.tables import ledger_csv, ledger_json, shown_ledger, steps_csv
from counterfoil.attribution.ledger.workbook import workbook
from counterfoil.attribution.payment.settlement import Settlement


def ledger_files(
    settlement: Settlement, *, periods: Mapping[str, Period] | None = None, show_small_cells: bool = False
) -> dict[str, bytes]:
    """Return file names and contents; the same settlement gives the same bytes.

    Parameters
    ----------
    settlement : Settlement
    periods : mapping of str to Period, optional
        Settlement period to its days, for claim periods.
    show_small_cells : bool
        True writes what rests on ten people or fewer. The record cannot be withheld in part: where anything is, it is left out.

    Examples
    --------
    >>> from decimal import Decimal
    >>> from counterfoil.attribution.payment import Bonus, Condition, Priced, settle
    >>> clause = Bonus(bonus=Decimal("5.00"), only_if=Condition(effect="e", at_least=Decimal(1)), to="a")
    >>> due = settle([clause], {"e": Priced(Decimal(2), "drawn", True)}, {}, currency="USD", payer="p")
    >>> list(ledger_files(due))
    ['ledger.csv', 'steps.csv', 'ledger.json', 'ledger.xlsx', 'outcome_payments.csv', 'record.json']
    """
    rows = outcome_payments(settlement, periods=periods, show_small_cells=show_small_cells)
    files = {
        "ledger.csv": ledger_csv(settlement, show_small_cells=show_small_cells).encode(),
        "steps.csv": steps_csv(settlement, show_small_cells=show_small_cells).encode(),
        "ledger.json": ledger_json(settlement, show_small_cells=show_small_cells).encode(),
        "ledger.xlsx": workbook(settlement, show_small_cells=show_small_cells),
        "outcome_payments.csv": outcome_payments_csv(rows).encode(),
    }
    if not show_small_cells and shown_ledger(settlement).withheld:
        return files
    record = json.dumps(to_record(settlement), indent=2, ensure_ascii=False) + "\n"
    return files | {"record.json": record.encode()}
