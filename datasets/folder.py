"""A study as a folder: ``people.csv``, ``services.csv``, ``outcomes.csv`` and, to describe them, ``datapackage.json``.

The description follows the Data Package standard (types and digests of each file). Terms of counterfoil's own stand
under its key ``counterfoil``: ``window`` (first and last day of the study) and ``cluster``.
"""

import csv
import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.datasets.table import Table, as_numbers
from counterfoil.errors import Problem, raise_any, refusal

DESCRIPTION: Final = "datapackage.json"
TABLES: Final = ("people", "services", "outcomes")
NUMBERS: Final = frozenset({"number", "integer", "boolean"})
# Columns that are names by meaning: digits in them are never read as numbers.
NAMES: Final = frozenset({"person", "provider", "outcome", "period", "cohort", "site", "start", "end"})


def read_study(folder: str | Path, *, outcomes: bool = True) -> Study:
    """Read and check a study folder.

    Parameters
    ----------
    folder : path
        Holds ``people.csv`` and, as the question needs, ``services.csv`` and ``outcomes.csv``.
    outcomes : bool
        False leaves the outcomes table unread, so that everything before it can be checked blind.

    Raises
    ------
    DataError
        With every problem of the folder at once. A problem names files, columns and lines, never values.

    Examples
    --------
    >>> from counterfoil.datasets import example_folder
    >>> read_study(example_folder("rice"))
    Study('rice': 1,410 people, 2 providers, 1 outcome)
    """
    root = Path(folder)
    if not root.is_dir():
        raise refusal("DATA-001", "there is no such folder", str(folder))
    problems: list[Problem] = []
    description = _read_description(root, problems)
    own = _own_terms(description, problems)
    tables: dict[str, Table] = {}
    digests: dict[str, str] = {}
    for name in TABLES:
        path = root / f"{name}.csv"
        if (name == "outcomes" and not outcomes) or (not path.is_file() and name != "people"):
            continue
        table = _read_table(path, _declared(description, name), problems, digests)
        if table is not None:
            tables[name] = table
    raise_any(problems)
    return Study.from_tables(
        tables["people"],
        services=tables.get("services"),
        outcomes=tables.get("outcomes"),
        name=str(description.get("name", root.resolve().name)),
        title=str(description.get("title", "")),
        cluster=own.get("cluster"),
        window=own.get("window"),
        digests=digests,
    )


def _read_description(root: Path, problems: list[Problem]) -> dict[str, Any]:
    path = root / DESCRIPTION
    if not path.exists():
        return {}
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        problems.append(Problem("DATA-011", "the file cannot be read as UTF-8 text", DESCRIPTION))
        return {}
    except json.JSONDecodeError as error:
        problems.append(Problem("DATA-011", f"not valid JSON: {error.msg}", f"{DESCRIPTION}, line {error.lineno}"))
        return {}
    if not isinstance(description, dict):
        problems.append(Problem("DATA-011", "the file holds no JSON object", DESCRIPTION))
        return {}
    return description


def _own_terms(description: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    own = description.get("counterfoil", {})
    if not isinstance(own, dict):
        problems.append(Problem("DATA-011", "`counterfoil` is not an object", DESCRIPTION))
        return {}
    terms: dict[str, Any] = {}
    if isinstance(own.get("cluster"), str):
        terms["cluster"] = own["cluster"]
    if "window" in own:
        try:
            first, last = (date.fromisoformat(own["window"][end]) for end in ("start", "end"))
        except (KeyError, TypeError, ValueError):
            what = "`counterfoil.window` needs `start` and `end`, dates written YYYY-MM-DD"
            problems.append(Problem("DATA-011", what, DESCRIPTION))
        else:
            terms["window"] = (first, last)
            if last < first:
                problems.append(Problem("DATA-011", "`counterfoil.window` ends before it starts", DESCRIPTION))
    return terms


def _declared(description: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return what the description says of one table: its digest and its columns' types."""
    resources = description.get("resources", [])
    for resource in resources if isinstance(resources, list) else []:
        if isinstance(resource, dict) and resource.get("path") == f"{name}.csv":
            return resource
    return {}


def _types(declared: Mapping[str, Any]) -> dict[str, str]:
    schema = declared.get("schema", {})
    fields = schema.get("fields", []) if isinstance(schema, dict) else []
    return {
        str(field["name"]): str(field.get("type", ""))
        for field in fields
        if isinstance(field, dict) and "name" in field
    }


def _read_table(
    path: Path, declared: Mapping[str, Any], problems: list[Problem], digests: dict[str, str]
) -> Table | None:
    if not path.is_file():
        problems.append(Problem("DATA-001", f"there is no {path.name} in the folder", str(path.parent)))
        return None
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.append(Problem("DATA-001", f"the file cannot be read: {error.strerror}", path.name))
        return None
    digests[path.name] = hashlib.sha256(content).hexdigest()
    promised = str(declared.get("hash", "")).removeprefix("sha256:")
    if promised and promised != digests[path.name]:
        what = f"{path.name} is not the file that the description's digest names"
        problems.append(Problem("DATA-011", what, DESCRIPTION))
    frame = _parse(path, problems)
    if frame is None:
        return None
    types = _types(declared)
    table = Table(frame, path.name, first=2)
    if frame.empty:
        problems.append(table.problem("DATA-003", "the table has a header and no row"))
        return None
    problems += table.double_columns()
    for name in frame.columns if not problems else ():
        if name in NAMES or types.get(name) in {"string", "date"}:
            continue
        numbers, unread = as_numbers(frame[name])
        if not unread.any():
            frame[name] = numbers
        elif types.get(name) in NUMBERS:
            what = f"column '{name}' holds {int(unread.sum())} values that are no number"
            problems.append(table.problem("DATA-007", what, unread))
    return table


def _parse(path: Path, problems: list[Problem]) -> pd.DataFrame | None:
    """Read a CSV as text, so that an id is never turned into a number on the way."""
    try:
        # header=None keeps repeated column names visible and makes a row longer than the header an error.
        rows = pd.read_csv(
            path, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False
        )
    except UnicodeDecodeError:
        problems.append(Problem("DATA-002", "the file is not UTF-8 text", path.name))
        return None
    except pd.errors.EmptyDataError:
        problems.append(Problem("DATA-003", "the file is empty", path.name))
        return None
    except pd.errors.ParserError as error:
        line = str(error).partition(" in line ")[2].partition(",")[0]
        where = f"{path.name}, line {line}" if line.isdigit() else path.name
        problems.append(Problem("DATA-002", "a row is longer than the header, or a quote is not closed", where))
        return None
    header = [str(name).strip() for name in rows.iloc[0].fillna("")]
    frame = rows.iloc[1:].reset_index(drop=True)
    frame.columns = pd.Index(header)
    filled = (frame != "").any(axis=1).to_numpy()
    frame = frame.iloc[: int(np.flatnonzero(filled)[-1]) + 1 if filled.any() else 0].copy()
    if (frame[header[-1:]] == "").to_numpy().any():
        # pandas pads a short row with blanks; only the csv module can tell the two apart.
        with path.open(encoding="utf-8-sig", newline="") as file:
            lengths = np.array([len(row) for row in csv.reader(file)][1 : len(frame) + 1])
        short = lengths < len(header)
        if short.any():
            table = Table(frame, path.name, first=2)
            problems.append(table.problem("DATA-002", f"{int(short.sum())} rows are shorter than the header", short))
            return None
    return frame
