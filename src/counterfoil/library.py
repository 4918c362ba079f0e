"""The library of public contracts: their terms, what is known of them, and whether the terms come to what was published.

Each contract is a folder with ``contract.yaml`` (the terms) and ``record.yaml`` (figures with marks and sources, and
cases). `compare` settles every case by the terms and holds the result against what the record expects.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from counterfoil import datasets
from counterfoil.datasets.study import Study
from counterfoil.errors import did_you_mean, listed, refusal
from counterfoil.reconciliation import Comparison, Settled, changed, compared, reckoned
from counterfoil.record import Case, read_record
from counterfoil.source import read_source

if TYPE_CHECKING:
    import pandas as pd

CONTRACT: Final = "contract.yaml"


def library() -> tuple[str, ...]:
    """Return the identifiers of the public contracts, in alphabetical order.

    Examples
    --------
    >>> "newpin-nsw" in library()
    True
    """
    return tuple(sorted(folder.name for folder in _home().iterdir() if (folder / CONTRACT).is_file()))


def library_folder(name: str) -> Path:
    """Return the folder of a public contract, by its identifier or by a word that only its identifier has.

    Raises
    ------
    DataError
        DATA-018 when there is none of that name.

    Examples
    --------
    >>> library_folder("peterborough").name
    'hmp-peterborough'
    """
    names = library()
    found = [known for known in names if name == known] or [known for known in names if name in known.split("-")]
    if len(found) != 1:
        words = [*names, *(word for known in names for word in known.split("-"))]
        hint = (
            f": it could be {listed(found)}"
            if found
            else did_you_mean(name, words) or f"; there are {listed(names, limit=30)}"
        )
        raise refusal("DATA-018", f"there is no contract '{name}' in the library{hint}")
    return _home() / found[0]


def compare(name: str) -> Comparison:
    """Settle every case of a public contract and hold the result against its record.

    Raises
    ------
    DataError
        DATA-018 when there is no contract of that name.
    """
    folder = library_folder(name)
    record = read_record(folder)
    terms = read_source(folder / CONTRACT).data
    rows = tuple(row for case in record.cases for row in compared(case, answered(terms, case)))
    return Comparison(record, rows)


def answered(terms: Mapping[str, Any], case: Case) -> Settled:
    """Return what the terms come to in a case: limits and published payments as they stand, all else settled."""
    if case.ledger or case.expected.payer_maxima is not None:
        return reckoned(terms, case)
    return _settled(changed(terms, case.changes), case)


def claims_study(case: Case) -> Study | None:
    """Return the constructed claims of a case as a study, or None where it has none.

    Examples
    --------
    >>> ladder = read_record(library_folder("work-programme")).cases[0]
    >>> claims_study(ladder)
    Study('full ladder, JSA 18-24': 1 people, 0 providers, 0 outcomes, 15 claims)
    """
    import pandas as pd

    if not case.claims:
        return None
    groups = {claim.person: claim.group or "" for claim in case.claims}
    people = pd.DataFrame({"person": list(groups), "group": list(groups.values())})
    each = [claim for claim in case.claims for _ in range(claim.times)]
    claims = pd.DataFrame(
        {
            "claim": range(len(each)),
            "person": [claim.person for claim in each],
            "metric": [claim.metric for claim in each],
            "date": pd.to_datetime([claim.date for claim in each]),
            "quantity": [claim.quantity for claim in each],
            "provider": [claim.provider or "" for claim in each],
        }
    )
    return Study.from_tables(people if any(groups.values()) else people[["person"]], claims=claims, name=case.name)


def every_figure(names: Iterable[str]) -> "pd.DataFrame":
    """Return every figure of some contracts with its marks and source.

    Examples
    --------
    >>> every_figure(["newpin-nsw"]).columns.tolist()
    ['contract', 'figure', 'value', 'marks', 'source']
    """
    import pandas as pd

    rows = [
        (record.contract, known.figure, known.value, ", ".join(known.marks), known.source)
        for record in (read_record(library_folder(name)) for name in names)
        for known in record.figures
    ]
    return pd.DataFrame(rows, columns=["contract", "figure", "value", "marks", "source"])


def _settled(terms: Mapping[str, Any], case: Case) -> Settled:
    raise NotImplementedError(f"settling '{case.name}' under {len(terms)} sections of terms")


def _home() -> Path:
    return Path(datasets.__file__).resolve().parent / "data" / "contracts"
