"""One CSV file as a typed table: fast when it is well-formed, and precise about the line when it is not.

Columns that are names by meaning are read as text, so that an id keeps its zeros and a provider may be called NA.
Everything else is read as numbers where it holds nothing but numbers.
"""

import csv
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.datasets.table import ABSENT, Table, as_numbers
from counterfoil.errors import Problem, listed

NAMES: Final = frozenset({"person", "provider", "outcome", "period", "cohort", "site", "start", "end"})
MEASURES: Final = frozenset({"value", "dose"})
NUMBERS: Final = frozenset({"number", "integer", "boolean"})
TEXT: Final = frozenset({"string", "date"})
ENCODING: Final = "utf-8-sig"


def read_csv_table(
    path: Path, types: Mapping[str, str], problems: list[Problem], *, may_be_empty: bool = False
) -> Table | None:
    """Read a CSV file, adding to ``problems`` whatever keeps it from being a table.

    Parameters
    ----------
    path : Path
        UTF-8, comma-separated, one header line.
    types : mapping of str to str
        Column to its declared Data Package type; a column declared a number must hold numbers.
    problems : list
        Extended in place.
    may_be_empty : bool
        Whether a header without rows is a table, such as that of a period in which nothing was claimed.

    Returns
    -------
    Table or None
        None when the file is no table.
    """
    header = _header(path, problems)
    if header is None:
        return None
    frame = _parse_typed(path, header, types)
    if frame is None:
        frame = _parse_text(path, header, types, problems)
    if frame is None:
        return None
    if frame.empty and not may_be_empty:
        problems.append(Problem("DATA-003", "the table has a header and no row", path.name))
        return None
    return Table(frame, path.name, first=2)


def _header(path: Path, problems: list[Problem]) -> list[str] | None:
    try:
        with path.open(encoding=ENCODING, newline="") as file:
            header = [name.strip() for name in next(csv.reader(file), [])]
    except UnicodeDecodeError:
        problems.append(Problem("DATA-002", "the file is not UTF-8 text", path.name))
        return None
    except csv.Error:
        problems.append(Problem("DATA-002", "the header cannot be read", f"{path.name}, line 1"))
        return None
    except OSError as error:
        problems.append(Problem("DATA-001", f"the file cannot be read: {error.strerror}", path.name))
        return None
    if not any(header):
        problems.append(Problem("DATA-003", "the file is empty", path.name))
        return None
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header, start=1):
        places.setdefault(name, []).append(place)
    # By position: in a file without a header these would be somebody's values.
    twice = [found for found in places.values() if len(found) > 1]
    problems += [
        Problem("DATA-021", f"columns {listed(found)} have the same name", f"{path.name}, line 1") for found in twice
    ]
    return None if twice else header


def _is_text(name: str, types: Mapping[str, str]) -> bool:
    return name in NAMES or types.get(name) in TEXT


def _parse_typed(path: Path, header: list[str], types: Mapping[str, str]) -> pd.DataFrame | None:
    """Read a well-formed file in one pass, or return None for the careful way to say what is wrong with it."""
    dtypes: dict[str, Any] = {name: str for name in header if _is_text(name, types)}
    dtypes |= dict.fromkeys(
        (name for name in header if name in MEASURES or types.get(name) in NUMBERS - {"boolean"}), "float64"
    )
    absent = {name: list(ABSENT) for name in header if not _is_text(name, types)}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path, header=None, skiprows=1, names=header, index_col=False, dtype=dtypes, na_values=absent,
                keep_default_na=False, encoding=ENCODING, skip_blank_lines=False, low_memory=False,
            )  # fmt: skip
    except (ValueError, OverflowError, pd.errors.ParserWarning):
        return None
    last = frame.iloc[:, -1]
    if (last.isna() | (last == "")).any():
        return None  # blank at the end of a row: it may be short, which only a careful reading can tell
    for name in header:
        if not _is_text(name, types) and not pd.api.types.is_numeric_dtype(frame[name].dtype):
            numbers, unread = as_numbers(frame[name])
            if types.get(name) in NUMBERS and unread.any():
                return None
            frame[name] = (
                frame[name].astype(object).where(frame[name].notna(), "").astype(str) if unread.any() else numbers
            )
    return frame


def _parse_text(
    path: Path, header: list[str], types: Mapping[str, str], problems: list[Problem]
) -> pd.DataFrame | None:
    """Read a file as text, row by row, and say which rows are not as long as the header."""
    try:
        with path.open(encoding=ENCODING, newline="") as file:
            rows = list(csv.reader(file, strict=True))[1:]
    except UnicodeDecodeError:
        problems.append(Problem("DATA-002", "the file is not UTF-8 text", path.name))
        return None
    except csv.Error:
        problems.append(Problem("DATA-002", "a quote is not closed, or a character is not text", path.name))
        return None
    while rows and not any(cell.strip() for cell in rows[-1]):
        rows.pop()
    lengths = np.array([len(row) for row in rows], dtype=np.intp)
    wrong = lengths != len(header)
    if wrong.any():
        table = Table(pd.DataFrame(), path.name, first=2)
        what = f"{int(wrong.sum())} rows are not as long as the header, which has {len(header)} columns"
        problems.append(table.problem("DATA-002", what, wrong))
        return None
    frame = pd.DataFrame(rows, columns=header, dtype=str)
    table = Table(frame, path.name, first=2)
    for name in header:
        if _is_text(name, types) or frame.empty:
            continue
        numbers, unread = as_numbers(frame[name])
        if not unread.any():
            frame[name] = numbers
        elif types.get(name) in NUMBERS:
            what = f"column '{name}' holds {int(unread.sum())} values that are no number"
            problems.append(table.problem("DATA-007", what, unread))
    return frame
