"""The ledger as a document: a record that can be settled again, tables, a workbook, and rows of the INDIGO data standard."""

from counterfoil.attribution.ledger.files import ledger_files
from counterfoil.attribution.ledger.indigo import outcome_payment_objects, outcome_payments
from counterfoil.attribution.ledger.record import differences, from_record, rederive, to_record
from counterfoil.attribution.ledger.suppression import Shown, suppressed
from counterfoil.attribution.ledger.tables import (
    ledger_csv,
    ledger_json,
    ledger_parquet,
    ledger_table,
    shown_ledger,
    steps_csv,
    steps_table,
)
from counterfoil.attribution.ledger.workbook import workbook

__all__ = [
    "Shown",
    "differences",
    "from_record",
    "ledger_csv",
    "ledger_files",
    "ledger_json",
    "ledger_parquet",
    "ledger_table",
    "outcome_payment_objects",
    "outcome_payments",
    "rederive",
    "shown_ledger",
    "steps_csv",
    "steps_table",
    "suppressed",
    "to_record",
    "workbook",
]
