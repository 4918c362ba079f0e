"""Roster verification: one file a provider with the services it is credited with, for it to confirm or correct."""

import csv
import re
from pathlib import Path

import pandas as pd

from counterfoil.contract import Contract
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, raise_any, refusal

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def neutral(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula.

    Examples
    --------
    >>> neutral("=1+1"), neutral("p-07")
    ("'=1+1", 'p-07')
    """
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def write_rosters(contract: Contract, study: Study, folder: str | Path) -> list[Path]:
    """Write ``roster-<provider>.csv`` for each provider of the contract, or nothing at all.

    The files hold people's ids and are for the provider alone. Each row is one service, with two blank columns for the
    provider: ``confirmed`` (yes or no) and ``correction``.

    Raises
    ------
    DataError
        DATA-019 without a services table, DATA-020 when a file is in the way.
    """
    if study.services is None:
        raise refusal("DATA-019", "the study has no services table", study.name)
    target = Path(folder)
    files: dict[str, Path] = {}
    for name in contract.players:
        stem = f"roster-{re.sub(r'[^A-Za-z0-9_-]+', '_', name)}"
        path = target / f"{stem}.csv"
        while path in files.values():
            stem += "_"
            path = target / f"{stem}.csv"
        files[name] = path
    raise_any(
        [
            Problem("DATA-020", f"'{path.name}' is there already", str(folder))
            for path in files.values()
            if path.exists()
        ]
    )
    services = study.services.assign(
        person=study.services["person"].astype(str), provider=study.services["provider"].astype(str)
    )
    columns = [name for name in services.columns if name != "provider"]
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, path in files.items():
            rows = services.loc[services["provider"] == name, columns]
            dated = rows.assign(**{end: rows[end].dt.strftime("%Y-%m-%d") for end in ("start", "end") if end in rows})
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow([*columns, "confirmed", "correction"])
                for row in dated.itertuples(index=False):
                    writer.writerow([*("" if pd.isna(cell) else neutral(str(cell)) for cell in row), "", ""])
    except OSError as error:
        raise refusal("DATA-020", f"nothing can be written here: {error.strerror}", str(folder)) from None
    return list(files.values())
