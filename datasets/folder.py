"""A study as a folder: a CSV file for each of its tables (``people.csv``, ``outcomes.csv``) and ``datapackage.json``.

The description, ``datapackage.json``, follows the Data Package standard (types and digests of each file). Terms of counterfoil's own stand
under its key ``counterfoil``: ``window`` (first and last day of the study), ``cluster`` and ``weights``.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from counterfoil.datasets.csv_table import read_csv_table
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import Table
from counterfoil.errors import Problem, did_you_mean, raise_any, refusal

DESCRIPTION: Final = "datapackage.json"
TABLES: Final = ("people", "services", "outcomes", "claims", "measures", "places", "indicators")
RESULTS: Final = ("outcomes", "claims", "indicators")
CLAIM_TYPES: Final = dict.fromkeys(("claim", "metric", "date", "quantity", "status"), "string")
"""A claim's quantity is read as text, because a float does not hold every decimal."""


def read_study(folder: str | Path, *, outcomes: bool = True) -> Study:
    """Read and check a study folder.

    Parameters
    ----------
    folder : path
        Holds ``people.csv`` and, as the question needs, ``services.csv``, ``outcomes.csv``, ``claims.csv``, ``measures.csv``,
        ``places.csv`` and ``indicators.csv``. A folder of places alone is a study whose people are the places,
        and which designs on people and on places can read.
    outcomes : bool
        False leaves the outcomes and the claims unread, so that everything before them can be checked blind.

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
        if (name in RESULTS and not outcomes) or (not path.exists() and (name != "people" or _of_places(root))):
            continue
        table = _read_table(path, _declared(description, name), problems, digests)
        if table is not None:
            tables[name] = table
    raise_any(problems)
    places = None
    if "places" in tables or "indicators" in tables:
        places = Study.of_places(
            tables.get("indicators"),
            tables.get("places"),
            name=str(description.get("name", root.resolve().name)),
            digests=digests,
        )
    if "people" not in tables and places is not None:
        return places
    return Study.from_tables(
        tables["people"],
        services=tables.get("services"),
        outcomes=tables.get("outcomes"),
        claims=tables.get("claims"),
        measures=tables.get("measures"),
        places=places,
        name=str(description.get("name", root.resolve().name)),
        title=str(description.get("title", "")),
        cluster=own.get("cluster"),
        weights=own.get("weights"),
        window=own.get("window"),
        digests=digests,
    )


def _of_places(root: Path) -> bool:
    """Tell whether a folder holds places and no people."""
    return not (root / "people.csv").exists() and any(
        (root / f"{name}.csv").exists() for name in ("places", "indicators")
    )


def _read_description(root: Path, problems: list[Problem]) -> dict[str, Any]:
    path = root / DESCRIPTION
    if not path.exists():
        return {}
    try:
        description = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        problems.append(Problem("DATA-011", f"not valid JSON: {error.msg}", f"{DESCRIPTION}, line {error.lineno}"))
        return {}
    except (OSError, ValueError, RecursionError):
        problems.append(Problem("DATA-011", "the file cannot be read as JSON in UTF-8", DESCRIPTION))
        return {}
    if not isinstance(description, dict):
        problems.append(Problem("DATA-011", "the file holds no JSON object", DESCRIPTION))
        return {}
    return description


OWN: Final = ("window", "cluster", "weights")


def _own_terms(description: Mapping[str, Any], problems: list[Problem]) -> dict[str, Any]:
    """Return the terms under ``counterfoil``; an unread term could be one that somebody relies on."""
    own = description.get("counterfoil", {})
    if not isinstance(own, dict):
        problems.append(Problem("DATA-011", "`counterfoil` is not an object", DESCRIPTION))
        return {}
    problems += [
        Problem("DATA-011", f"unknown key '{key}' under `counterfoil`{did_you_mean(key, OWN)}", DESCRIPTION)
        for key in own
        if key not in OWN
    ]
    terms: dict[str, Any] = {}
    for key in ("cluster", "weights"):
        if isinstance(own.get(key, ""), str):
            terms[key] = own.get(key)
        else:
            problems.append(Problem("DATA-011", f"`counterfoil.{key}` is not the name of a column", DESCRIPTION))
    if "window" in own:
        terms["window"] = _window(own["window"], problems)
    return terms


def _window(written: Any, problems: list[Problem]) -> tuple[date, date] | None:
    try:
        days = {end: date.fromisoformat(day) for end, day in written.items()}
        first, last = days.pop("start"), days.pop("end")
    except (AttributeError, KeyError, TypeError, ValueError):
        what = "`counterfoil.window` needs `start` and `end` and nothing else, dates written YYYY-MM-DD"
        problems.append(Problem("DATA-011", what, DESCRIPTION))
        return None
    if days:
        problems.append(Problem("DATA-011", f"unknown keys under `counterfoil.window`: {len(days)}", DESCRIPTION))
    if last < first:
        problems.append(Problem("DATA-011", "`counterfoil.window` ends before it starts", DESCRIPTION))
    return first, last


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
        for field in (fields if isinstance(fields, list) else [])
        if isinstance(field, dict) and "name" in field
    }


def _read_table(
    path: Path, declared: Mapping[str, Any], problems: list[Problem], digests: dict[str, str]
) -> Table | None:
    if not path.is_file():
        problems.append(Problem("DATA-001", f"there is no {path.name} in the folder", str(path.parent)))
        return None
    try:
        with path.open("rb") as file:
            digests[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        problems.append(Problem("DATA-001", f"the file cannot be read: {error.strerror}", path.name))
        return None
    promised = str(declared.get("hash", "")).removeprefix("sha256:")
    if promised and promised != digests[path.name]:
        what = f"{path.name} is not the file that the description's digest names"
        problems.append(Problem("DATA-011", what, DESCRIPTION))
    types = _types(declared) | (CLAIM_TYPES if path.stem == "claims" else {})
    return read_csv_table(path, types, problems, may_be_empty=path.stem == "claims")
