"""The checks that turn tables into a study's tables: every problem at once, with rows and never with values.

The ``person`` column of services, outcomes and claims becomes a categorical over the people's ids, so that its codes are the
people's row numbers and ten million rows stay small.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.exact_numbers import DECIMALS, DIGITS, as_quantities
from counterfoil.datasets.table import Table, as_categories, as_dates, as_numbers, blank, canonical, plain_text
from counterfoil.errors import Problem

PEOPLE = ("person",)
SERVICES = ("person", "provider")
OUTCOMES = ("person", "outcome", "value")
MEASURES = ("person", "measure", "period", "value")
CLAIMS = ("claim", "person", "metric")
STATUSES: Final = ("validated", "rejected", "pending")
Window = tuple[date, date]
LARGEST = 1e100
"""A number beyond this cannot be squared and summed."""
LARGEST_CLAIMED: Final = Decimal(10**12)
"""All claims together stay below this, so that their sums in whole millionths fit 64 bits."""


def check_people(table: Table, problems: list[Problem]) -> pd.DataFrame | None:
    """Return the people in the order of their ids, or None when the table is none."""
    if not _has(table, PEOPLE, problems):
        return None
    frame = table.frame.reset_index(drop=True)
    missing = blank(frame["person"])
    if missing.any():
        problems.append(table.problem("DATA-014", f"{int(missing.sum())} person ids are blank", missing))
    repeated = frame["person"].duplicated(keep="first").to_numpy() & ~missing
    if repeated.any():
        problems.append(table.problem("DATA-005", f"{int(repeated.sum())} rows repeat a person id", repeated))
    checked = pd.DataFrame({name: canonical(frame[name], name == "person") for name in frame.columns})
    return checked.sort_values("person", kind="stable", ignore_index=True)


def check_services(
    table: Table, known: pd.Index, window: Window | None, problems: list[Problem]
) -> pd.DataFrame | None:
    """Return the services, ordered by person and provider, or None when the table is none."""
    if not _has(table, SERVICES, problems, may_be_empty=True):
        return None
    frame = table.frame.reset_index(drop=True)
    missing = blank(frame["provider"])
    if missing.any():
        problems.append(table.problem("DATA-014", f"{int(missing.sum())} providers are blank", missing))
    again = frame.duplicated().to_numpy()
    if again.any():
        problems.append(table.problem("DATA-024", f"{int(again.sum())} rows are the same as an earlier one", again))
    checked = pd.DataFrame({"person": _people_of(table, frame["person"], known, problems)})
    checked["provider"] = as_categories(frame["provider"])
    for name in ("start", "end"):
        if name in frame:
            checked[name] = _dates(table, frame[name], window, problems)
    if "start" in checked and "end" in checked:
        backward = (checked["end"] < checked["start"]).to_numpy()
        if backward.any():
            problems.append(
                table.problem("DATA-009", f"{int(backward.sum())} services end before they start", backward)
            )
    if "dose" in frame:
        dose, wrong = as_numbers(frame["dose"])
        _wrong_type(table, "dose", "number", wrong, problems)
        bad = ~wrong & ~(np.isfinite(dose) & (dose >= 0))
        if bad.any():
            problems.append(table.problem("DATA-017", f"{int(bad.sum())} doses are blank, negative or infinite", bad))
        checked["dose"] = dose
    return checked.sort_values(["person", "provider"], kind="stable", ignore_index=True)


def check_outcomes(table: Table, known: pd.Index, problems: list[Problem]) -> pd.DataFrame | None:
    """Return the outcomes, or None when the table is none; a missing value stays missing, an infinite one is refused."""
    return _over_time(table, known, problems, "outcome") if _has(table, OUTCOMES, problems) else None


def check_measures(table: Table, known: pd.Index, problems: list[Problem]) -> pd.DataFrame | None:
    """Return what is recorded of people over time and is no outcome, or None when the table is none."""
    return _over_time(table, known, problems, "measure") if _has(table, MEASURES, problems) else None


def _over_time(table: Table, known: pd.Index, problems: list[Problem], kind: str) -> pd.DataFrame:
    frame = table.frame.reset_index(drop=True)
    checked = pd.DataFrame({"person": _people_of(table, frame["person"], known, problems)})
    checked[kind] = as_categories(frame[kind])
    none = pd.Categorical.from_codes(np.zeros(len(frame), dtype=np.int8), categories=[""])
    checked["period"] = as_categories(frame["period"]) if "period" in frame else none
    value, wrong = as_numbers(frame["value"])
    _wrong_type(table, "value", "number", wrong, problems)
    bad = np.abs(value) > LARGEST
    if bad.any():
        problems.append(table.problem("DATA-008", f"{int(bad.sum())} values are infinite or beyond {LARGEST:g}", bad))
    checked["value"] = value
    repeated = _repeated(checked, kind)
    if repeated.any():
        what = f"{int(repeated.sum())} rows repeat a person, {kind} and period"
        problems.append(table.problem("DATA-012", what, repeated))
    return checked


def check_claims(table: Table, known: pd.Index, problems: list[Problem]) -> pd.DataFrame | None:
    """Return the claims, ordered by person and claim, with all seven columns, or None when the table is none.

    ``quantity`` holds Decimals (one where the table has no such column), ``date`` NaT and ``provider`` '' where none is
    recorded, and ``status`` is validated where the table has no such column.
    """
    if not _has(table, CLAIMS, problems, may_be_empty=True):
        return None
    frame = table.frame.reset_index(drop=True)
    for name in ("claim", "metric", *(["status"] if "status" in frame else [])):
        missing = blank(frame[name])
        if missing.any():
            problems.append(
                table.problem("DATA-014", f"column '{name}' is blank for {int(missing.sum())} claims", missing)
            )
    checked = pd.DataFrame({"claim": canonical(frame["claim"], keep_integers=True)})
    repeated = checked["claim"].duplicated().to_numpy() & ~blank(frame["claim"])
    if repeated.any():
        problems.append(table.problem("DATA-025", f"{int(repeated.sum())} rows repeat a claim's id", repeated))
    checked["person"] = _people_of(table, frame["person"], known, problems)
    checked["metric"] = as_categories(frame["metric"])
    none = pd.Series(pd.NaT, index=frame.index, dtype="datetime64[ns]", name="date")
    checked["date"] = (_dates(table, frame["date"], None, problems) if "date" in frame else none).dt.normalize()
    checked["quantity"] = _claimed(table, problems) if "quantity" in frame else Decimal(1)
    for name, default in (("provider", ""), ("status", STATUSES[0])):
        checked[name] = as_categories(
            frame[name] if name in frame else pd.Series(default, index=frame.index, dtype=str)
        )
    wrong = ~checked["status"].isin([*STATUSES, ""]).to_numpy()
    _wrong_type(table, "status", "status (validated, rejected or pending)", wrong, problems)
    return checked.sort_values(["person", "claim"], kind="stable", ignore_index=True)


def _claimed(table: Table, problems: list[Problem]) -> Any:
    quantity, wrong = as_quantities(table.frame["quantity"].reset_index(drop=True))
    if wrong.any():
        what = (
            f"{int(wrong.sum())} quantities are blank, negative or no numbers of at most {DIGITS} digits, "
            f"{DECIMALS} of them decimals"
        )
        problems.append(table.problem("DATA-026", what, wrong))
    elif sum(quantity, Decimal(0)) >= LARGEST_CLAIMED:
        problems.append(table.problem("DATA-026", f"the quantities add up to {LARGEST_CLAIMED:,} or more"))
    return quantity


def services_of(
    table: Table, ids: Any, providers: Sequence[str], doses: Mapping[str, str]
) -> tuple[pd.DataFrame, list[Problem]]:
    """Turn provider columns of 0 and 1 into rows of a services table."""
    problems: list[Problem] = []
    parts = []
    for name in providers:
        values, wrong = as_numbers(table.frame[name])
        wrong = wrong | ~np.isin(values, (0.0, 1.0))
        if wrong.any():
            what = f"column '{name}' is neither 0 nor 1 for {int(wrong.sum())} people"
            problems.append(table.problem("DATA-016", what, wrong))
            continue
        served = values == 1.0
        part = pd.DataFrame({"person": ids[served], "provider": str(name)})
        if name in doses:
            part["dose"] = table.frame[doses[name]].to_numpy()[served]
        elif doses:
            problems.append(table.problem("DATA-017", f"provider '{name}' has no dose column"))
        parts.append(part)
    columns = ["person", "provider", *(["dose"] if doses else [])]
    filled = [part for part in parts if len(part)]
    return (pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)), problems


def _has(table: Table, needed: tuple[str, ...], problems: list[Problem], *, may_be_empty: bool = False) -> bool:
    found = [*table.double_columns(), *table.missing_columns(needed)]
    if not found and not may_be_empty and table.frame.empty:
        found.append(table.problem("DATA-003", "the table has no row"))
    problems += found
    return not found


def _people_of(table: Table, column: Any, known: pd.Index, problems: list[Problem]) -> Any:
    """Return the person column as a categorical whose codes are the people's row numbers."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        names, codes = pd.Index(column.cat.categories), column.cat.codes.to_numpy()
    else:
        plain = canonical(column, keep_integers=True)
        if len(plain) == len(known) and pd.Index(plain).equals(known):
            # One row a person, in the order of the people.
            everybody = np.arange(len(known), dtype=np.int32)
            return pd.Series(pd.Categorical.from_codes(everybody, categories=known))
        codes, unique = pd.factorize(plain)
        names = pd.Index(unique)
    if len(known) and len(names):
        number, numbers = (pd.api.types.is_integer_dtype(index.dtype) for index in (names, known))
        if number != numbers:
            what = "person ids are whole numbers in one table and text in the other"
            problems.append(table.problem("DATA-007", what, fix="write the ids alike in all tables"))
    position = known.get_indexer(plain_text(pd.Series(names))) if len(names) else np.empty(0, dtype=np.intp)
    rows = np.append(position, -1)[codes].astype(np.int32)
    stranger = rows < 0
    if len(known) and stranger.any() and not any(problem.code == "DATA-007" for problem in problems):
        what = f"{int(stranger.sum())} rows name a person who is not in the people table"
        problems.append(table.problem("DATA-006", what, stranger))
    return pd.Series(pd.Categorical.from_codes(rows, categories=known.dropna()))


DENSE: Final = 16
"""Keys per row up to which a mark a key is cheaper than sorting rows by key."""


def _repeated(outcomes: pd.DataFrame, kind: str) -> NDArray[np.bool_]:
    """Mark rows that repeat an earlier row's person, outcome or measure, and period."""
    key = outcomes["person"].cat.codes.to_numpy(dtype=np.int64)
    for name in (kind, "period"):
        key = key * (len(outcomes[name].cat.categories) + 1) + outcomes[name].cat.codes.to_numpy() + 1
    if len(key) and key.min() >= 0 and key.max() < DENSE * len(key):
        seen = np.zeros(int(key.max()) + 1, dtype=bool)
        seen[key] = True
        if int(seen.sum()) == len(key):
            return np.zeros(len(key), dtype=bool)
    return np.asarray(pd.Series(key).duplicated().to_numpy() & (outcomes["person"].cat.codes.to_numpy() >= 0))


def _dates(table: Table, column: Any, window: Window | None, problems: list[Problem]) -> Any:
    dates, wrong = as_dates(column)
    _wrong_type(table, str(column.name), "date written YYYY-MM-DD", wrong, problems)
    if window is not None:
        first, last = (pd.Timestamp(day) for day in window)
        outside = ((dates < first) | (dates > last)).to_numpy() | (blank(column) if column.name == "start" else False)
        if outside.any():
            what = f"column '{column.name}' is blank or outside the study window {window[0]} to {window[1]}"
            problems.append(table.problem("DATA-009", f"{what} for {int(outside.sum())} services", outside))
    return dates


def _wrong_type(table: Table, name: str, kind: str, wrong: NDArray[np.bool_], problems: list[Problem]) -> None:
    if wrong.any():
        what = f"column '{name}' holds {int(wrong.sum())} values that are no {kind}"
        problems.append(table.problem("DATA-007", what, wrong))
