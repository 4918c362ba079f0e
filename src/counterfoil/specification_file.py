"""A file of finished specifications, one a line, from which an interrupted run goes on.

A line is written when its specification is finished. Its key is made of everything that the result follows from: the terms of the
effect, the contract, the study, reported numbers and the program's version; lines with other keys are left alone. A line that
was cut off, which only the last can be, is run again.
"""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.contract import Contract
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.specification_grid import Grid, key_of
from counterfoil.specification_row import SpecificationRow, row_of

PACKAGES: Final = ("counterfoil", "numpy", "scipy", "pandas", "scikit-learn", "statsmodels")
TABLES: Final = ("people", "services", "outcomes", "claims", "measures")


def run_digest(contract: Contract, study: Study | None, reported: str | None = None) -> str:
    """Return what stands for everything that all specifications of a run have in common.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("nsw") / "contract.yaml")
    >>> study = cf.datasets.load("nsw")
    >>> run_digest(contract, study) == run_digest(contract, cf.datasets.load("nsw"))
    True
    """
    versions = {name: version(name) for name in PACKAGES}
    return _hashed({"contract": contract.digest, "study": _content(study), "reported": reported, "versions": versions})


def keys_of(grid: Grid, run: str) -> tuple[str, ...]:
    """Return the key of each specification of a grid."""
    return tuple(_hashed({"run": run, "effect": grid.effect, "terms": key_of(one.effect)}) for one in grid.specified)


def _hashed(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content(study: Study | None) -> Any:
    """Return the digests of a study's files, or of its tables where it was made in Python or cut down since."""
    if study is None:
        return None
    if study.digests:
        return dict(study.digests)
    tables = {name: table for name in TABLES if (table := getattr(study, name)) is not None}
    found = {name: _of_table(table) for name, table in tables.items()}
    return {**found, "places": _content(study.places), "terms": [study.cluster, study.weights, str(study.window)]}


def _of_table(table: pd.DataFrame) -> str:
    # Decimals and dates in a column of objects have no hash of their own in pandas.
    cells = table.apply(lambda column: column.map(str) if column.dtype == object else column)
    rows = pd.util.hash_pandas_object(cells, index=False).to_numpy()
    return hashlib.sha256(
        np.ascontiguousarray(rows).tobytes() + "\0".join(map(str, table.columns)).encode()
    ).hexdigest()


class SpecificationFile:
    """Finished specifications by key; written line by line.

    Parameters
    ----------
    path : path
        Made when it does not exist.

    Raises
    ------
    DataError
        DATA-020 for a file that no curve wrote, or that cannot be read or written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._rows: dict[str, Mapping[str, Any]] = {}
        try:
            content = self._path.read_bytes() if self._path.exists() else b""
            whole = content[: content.rfind(b"\n") + 1]
            self._read(whole)
            if whole != content:
                self._path.write_bytes(whole)
            self._path.touch()
        except OSError as error:
            raise refusal("DATA-020", f"the file cannot be used: {error.strerror}", str(path)) from None

    def _read(self, content: bytes) -> None:
        for number, line in enumerate(content.splitlines(), start=1):
            try:
                found = json.loads(line)
                row_of(found["row"], 0, {}, primary=False)
                self._rows[str(found["key"])] = found["row"]
            except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
                where = f"{self._path.name}, line {number}"
                fix = "name a file that a curve wrote, or one that does not exist yet"
                raise refusal("DATA-020", "the line is no finished specification", where, fix) from None

    def row(self, key: str, number: int, choices: Mapping[str, str], *, primary: bool) -> SpecificationRow | None:
        """Return a finished specification, or None for one that is not."""
        written = self._rows.get(key)
        return None if written is None else row_of(written, number, choices, primary=primary)

    def add(self, key: str, row: SpecificationRow) -> None:
        """Write a finished specification."""
        line = row.line(key) + "\n"
        try:
            with self._path.open("ab") as file:
                file.write(line.encode())
        except OSError as error:
            raise refusal("DATA-020", f"the file cannot be written: {error.strerror}", str(self._path)) from None
        self._rows[key] = json.loads(line)["row"]
