"""The library of public contracts: their terms, what is known of them, and whether the terms come to what was published.

Each contract is a folder with ``contract.yaml`` (the terms) and ``record.yaml`` (figures with marks and sources, and
cases). `compare` settles every case by the terms and holds the result against what the record expects.
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from counterfoil import datasets
from counterfoil.attribution.payment.money import add
from counterfoil.errors import did_you_mean, listed, refusal
from counterfoil.record import Case, Record, read_record
from counterfoil.source import read_source

if TYPE_CHECKING:
    import pandas as pd

CONTRACT: Final = "contract.yaml"
COLUMNS: Final = (
    "contract", "case", "class", "marks", "what", "expected", "computed", "agrees", "published", "unexplained",
)  # fmt: skip
Answer = Decimal | bool | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What the terms come to in one case, by the words of `counterfoil.record.Expected`.

    Parameters
    ----------
    amounts : mapping of str to Decimal
        ``total``, ``gross``, ``gain``, ``guarantee`` and others that are one amount.
    clauses, receives, values, gates : mapping of str to Decimal
        By clause, party, effect or quantity, and effect.
    met : mapping of str to bool
        By clause.
    assigned : mapping of str to str
        Person to provider.
    refused : tuple of str
        Codes.
    over_maximum : tuple of str
        Payers to whom a ledger writes more than their own limit.
    """

    amounts: Mapping[str, Decimal] = field(default_factory=dict)
    clauses: Mapping[str, Decimal] = field(default_factory=dict)
    receives: Mapping[str, Decimal] = field(default_factory=dict)
    values: Mapping[str, Decimal] = field(default_factory=dict)
    gates: Mapping[str, Decimal] = field(default_factory=dict)
    met: Mapping[str, bool] = field(default_factory=dict)
    assigned: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    over_maximum: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Compared:
    """One expectation of one case against what the terms come to; ``computed`` is None where they come to nothing."""

    case: Case
    what: str
    expected: Answer
    computed: Answer | None

    @property
    def agrees(self) -> bool:
        """Whether the two are equal; effects and quantities at the digits that were written."""
        if self.what.startswith(("value of ", "gate of ")) and isinstance(self.computed, Decimal):
            assert isinstance(self.expected, Decimal)  # noqa: S101
            return self.computed.quantize(self.expected, ROUND_HALF_UP) == self.expected
        return self.computed == self.expected


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every case of a contract: what its terms come to and what was published.

    Parameters
    ----------
    record : Record
        What is known of the contract.
    rows : tuple of Compared
        In the record's order.
    """

    record: Record
    rows: tuple[Compared, ...]

    @property
    def agrees(self) -> bool:
        """Whether every expectation is met. Differences that are recorded as unexplained are expected."""
        return all(row.agrees for row in self.rows)

    def tidy(self) -> "pd.DataFrame":
        """Return one row an expectation: class, marks, both sides, and the difference that nothing public explains."""
        import pandas as pd

        rows = [
            (
                self.record.contract, row.case.name, row.case.class_, ", ".join(row.case.marks), row.what,
                _written(row.expected), None if row.computed is None else _written(row.computed), row.agrees,
                row.case.published, row.case.unexplained,
            )
            for row in self.rows
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=list(COLUMNS))


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
        return _reckoned(terms, case)
    return _settled(changed(terms, case.changes), case)


def _settled(terms: Mapping[str, Any], case: Case) -> Settled:
    raise NotImplementedError(f"settling '{case.name}' under {len(terms)} sections of terms")


def _reckoned(terms: Mapping[str, Any], case: Case) -> Settled:
    limits = [clause for clause in terms.get("payments", ()) if "cap" in clause]
    maxima = {clause["payer"]: Decimal(clause["cap"]) for clause in limits if clause["scope"] == "payer"}
    whole = [Decimal(clause["cap"]) for clause in limits if clause["scope"] == "contract"]
    paid = {row.payer: add(other.amount for other in case.ledger if other.payer == row.payer) for row in case.ledger}
    amounts = {"ledger": add(paid.values()), "payer_maxima": add(maxima.values())}
    if whole:
        amounts["unassigned"] = min(whole) - amounts["payer_maxima"]
    over = [payer for payer, amount in paid.items() if payer in maxima and amount > maxima[payer]]
    return Settled(amounts=amounts, over_maximum=tuple(over))


def changed(terms: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return terms with some of them replaced, by dotted path; a number in a path is a place in a list.

    Raises
    ------
    ContractError
        CONTRACT-010 when a path leads nowhere.

    Examples
    --------
    >>> changed({"payments": [{"cap": "1.00"}]}, {"payments.0.cap": "2.00"})
    {'payments': [{'cap': '2.00'}]}
    """
    result: dict[str, Any] = deepcopy(dict(terms))
    for path, value in changes.items():
        *before, last = path.split(".")
        place: Any = result
        try:
            for step in before:
                place = place[int(step)] if isinstance(place, list) else place[step]
            place[int(last) if isinstance(place, list) else last] = value
        except (KeyError, IndexError, ValueError, TypeError):
            raise refusal("CONTRACT-010", f"no term stands at '{path}'", "changes") from None
    return result


def compared(case: Case, settled: Settled) -> Iterator[Compared]:
    """Hold each expectation of a case against what was settled."""
    wanted = case.expected
    for key in ("total", "gross", "gain", "guarantee", "ledger", "payer_maxima", "unassigned"):
        amount = getattr(wanted, key)
        if amount is not None:
            yield Compared(case, key.replace("_", " "), amount, settled.amounts.get(key))
    for word, asked, given in (
        ("clause ", wanted.clauses, settled.clauses),
        ("to ", wanted.receives, settled.receives),
        ("condition of ", wanted.met, settled.met),
        ("value of ", wanted.values, settled.values),
        ("gate of ", wanted.gates, settled.gates),
        ("person ", wanted.assigned, settled.assigned),
    ):
        yield from _each(case, word, asked, given)
    if wanted.refused is not None:
        code = wanted.refused if wanted.refused in settled.refused else ", ".join(settled.refused) or None
        yield Compared(case, "refusal", wanted.refused, code)
    if wanted.over_maximum:
        yield Compared(case, "over maximum", wanted.over_maximum, settled.over_maximum)


def _each(case: Case, word: str, asked: Mapping[str, Any], given: Mapping[str, Any]) -> Iterator[Compared]:
    for name, value in asked.items():
        yield Compared(case, f"{word}{name}", value, given.get(name))


def _written(answer: Answer) -> str:
    if isinstance(answer, bool):
        return "true" if answer else "false"
    return ", ".join(answer) if isinstance(answer, tuple) else str(answer)


def _home() -> Path:
    return Path(datasets.__file__).resolve().parent / "data" / "contracts"


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
