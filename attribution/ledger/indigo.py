"""The ledger as outcome payments of the INDIGO data standard, with the recipient that published rows mostly lack.

Checked in public: keys, titles and order of a row of ``outcome_payments`` (the Government Outcomes Lab's database application,
``project.json.fields.json``, and the JSON Schema ``project.json`` of the standard, INDIGO-Initiative on GitHub); that ``type`` is
Planned or Actual; that a date is YYYY, YYYY-MM or YYYY-MM-DD; that an actual payment outside a plan leaves the plan's id empty
(the standard's data dictionary). The stored schema is of a version between 3.1.1 and 4.1; that 4.1 has the same keys is taken
from the application, which lists them.

By judgement: one row for each line of the ledger; the effect or quantity is the id of the metric; parties' short names stand for
organisations until `organisations` gives their INDIGO ids; the clause and the reason are in the notes, because the standard has
no field for them; the amount in US dollars is left to the Lab, which converts at the World Bank's rates, unless the currency is
the dollar. The standard asks for a number where this project writes text: the text is that number, exactly.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal

import pandas as pd

from counterfoil.attribution.counting.period import Period
from counterfoil.attribution.ledger.tables import shown_ledger, to_csv
from counterfoil.attribution.payment.settlement import Settlement

COLUMNS: Final = (
    "outcome_payment_plan_id/value",
    "outcome_metric_id/value",
    "period/start_date/value",
    "period/end_date/value",
    "payer_organisation_id/value",
    "recipient_organisation_id/value",
    "type/value",
    "money/currency/value",
    "money/amount/value",
    "money/amount_usd/value",
    "notes",
)
"""Keys of an outcome payment, in the standard's order, by their path; `status`, `sandboxes` and `source_ids` are the Lab's own."""


def outcome_payments(
    settlement: Settlement,
    *,
    kind: Literal["Planned", "Actual"] = "Actual",
    periods: Mapping[str, Period] | None = None,
    organisations: Mapping[str, str] | None = None,
    metrics: Mapping[str, str] | None = None,
    plan: str = "",
    show_small_cells: bool = False,
) -> pd.DataFrame:
    """Return outcome payments, one row a line of the ledger, with the standard's keys as columns.

    Parameters
    ----------
    settlement : Settlement
    kind : {"Planned", "Actual"}
        Whether the payments are forecast or were made.
    periods : mapping of str to Period, optional
        Settlement period to its days; a period without days leaves the claim period empty.
    organisations, metrics : mapping of str to str, optional
        Party to its INDIGO id, and effect or quantity to the project's metric id; short names where they are not here.
    plan : str
        Id of the outcome payment plan that the rows belong to; empty for none.
    show_small_cells : bool
        True shows what tells of ten people or fewer; only for readers who may see it.

    Returns
    -------
    DataFrame
        Amounts are Decimal, None where withheld; everything else is text.

    Examples
    --------
    >>> from counterfoil.attribution.payment.grant import Grant
    >>> from counterfoil.attribution.payment.settling import settle
    >>> due = settle([Grant(grant=Decimal("5.00"), to="north", reason="test")], {}, {}, currency="GBP", payer="city")
    >>> row = outcome_payments(due, organisations={"north": "INDIGO-ORG-0001"}).iloc[0]
    >>> row["recipient_organisation_id/value"], row["type/value"], str(row["money/amount/value"])
    ('INDIGO-ORG-0001', 'Actual', '5.00')
    """
    days, organisations, metrics = periods or {}, organisations or {}, metrics or {}
    table = shown_ledger(settlement, show_small_cells=show_small_cells).table
    rows = []
    for line, amount, reason in zip(settlement.lines, table["amount"], table["reason"], strict=True):
        period = days.get(line.period, Period(line.period))
        values = (
            plan,
            metrics.get(line.effect, line.effect),
            "" if period.first is None else period.first.isoformat(),
            "" if period.last is None else period.last.isoformat(),
            organisations.get(line.payer, line.payer),
            organisations.get(line.provider, line.provider),
            kind,
            settlement.currency,
            amount,
            amount if settlement.currency == "USD" else None,
            _notes(line.clause, line.name, line.period, line.group, line.rung, reason),
        )
        rows.append(values)
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def _notes(clause: str, name: str, period: str, group: str, rung: str, reason: str) -> str:
    named = (("clause", name or clause), ("period", period), ("group", group), ("rung", rung))
    return "; ".join([*(f"{what} {value}" for what, value in named if value), reason])


def outcome_payments_csv(table: pd.DataFrame) -> str:
    """Return outcome payments as CSV text, formulas made text."""
    return to_csv(table)


def outcome_payment_objects(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return outcome payments as the standard nests them; keys without a value are left out.

    Examples
    --------
    >>> outcome_payment_objects(pd.DataFrame([{"type/value": "Actual", "money/amount/value": Decimal("5.00"), "notes": ""}]))
    [{'type': {'value': 'Actual'}, 'money': {'amount': {'value': '5.00'}}}]
    """
    return [_nested(row) for row in table.to_dict("records")]


def outcome_payments_json(table: pd.DataFrame) -> str:
    """Return a part of an INDIGO project, its outcome payments, as JSON text."""
    return json.dumps({"outcome_payments": outcome_payment_objects(table)}, indent=2, ensure_ascii=False) + "\n"


def _nested(row: Mapping[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, value in row.items():
        if value is None or value == "":
            continue
        *parents, last = str(path).split("/")
        place = found
        for key in parents:
            place = place.setdefault(key, {})
        place[last] = f"{value:f}" if isinstance(value, Decimal) else value
    return found
