"""A case of a public contract held against what its terms come to: amount by amount, with what nothing explains.

Money agrees to the cent; an effect or a quantity at the digits that the record writes.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final

from counterfoil.attribution.money.amounts import add
from counterfoil.plain import plain
from counterfoil.record import Case, Record

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = (
    "contract", "case", "class", "marks", "what", "expected", "computed", "agrees", "published", "unexplained",
)  # fmt: skip
AMOUNTS: Final = ("total", "gross", "gain", "guarantee", "ledger", "payer_maxima", "unassigned")
Answer = Decimal | bool | str | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """What the terms come to in one case, by the names of `counterfoil.record.Expected`.

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
    rounded: bool = False

    @property
    def agrees(self) -> bool:
        """Whether the two are equal, after rounding to the digits expected where that is meant."""
        if self.rounded and isinstance(self.computed, Decimal) and isinstance(self.expected, Decimal):
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

    def __repr__(self) -> str:
        return self.summary()

    def summary(self) -> str:
        """Return what each case comes to beside what was published or is expected, as text."""
        record = self.record
        met = sum(row.agrees for row in self.rows)
        lines = [record.title, "", f"{met} of {len(self.rows)} figures agree with the terms.", ""]
        lines += [f"Measured: {record.estimand} {record.window} {record.sample}", ""]
        table = [["case", "class", "marks", "what", "computed", "expected", "published", ""]]
        for row in self.rows:
            computed = "none" if row.computed is None else _shown(row.computed, row.expected)
            compared_to = row.case.published is not None and row.expected == row.case.reckoned
            published = f"{row.case.published:,}" if compared_to else ""
            marks = ", ".join(row.case.marks)
            agrees = "agrees" if row.agrees else "DIFFERS"
            table.append(
                [row.case.name, row.case.class_, marks, row.what, computed, _shown(row.expected), published, agrees]
            )
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for cells in table:
            parts = [
                cell.rjust(width) if 4 <= number <= 6 else cell.ljust(width)
                for number, (cell, width) in enumerate(zip(cells, widths, strict=True))
            ]
            lines.append("  ".join(parts).rstrip())
        for case in dict.fromkeys(row.case.name for row in self.rows):
            known = next(row.case for row in self.rows if row.case.name == case)
            if known.unexplained is not None:
                lines += ["", f"{case}: published less computed {known.unexplained:,}, which no public term explains."]
        if record.missing:
            lines += ["", "Not public", *(f"  {text}" for text in record.missing)]
        if record.conflicts:
            lines += ["", "Where sources differ", *(f"  {text}" for text in record.conflicts)]
        marked = "Marks: V verified in the named source, I INDIGO dataset, D derived, R recalled, C constructed."
        return "\n".join([*lines, "", marked]) + "\n"

    def to_json(self) -> str:
        """Return the comparison as JSON."""
        rows = [plain(row) for row in self.tidy().to_dict("records")]
        return json.dumps({"contract": self.record.contract, "agrees": self.agrees, "rows": rows}, indent=2) + "\n"

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


def reckoned(terms: Mapping[str, Any], case: Case) -> Settled:
    """Return what a ledger of published payments and the limits of the terms add up to; nothing is settled.

    Parameters
    ----------
    terms : mapping
        A contract as text.
    case : Case
        With published payments, or asking for the sum of the limits by payer.
    """
    limits = [clause for clause in terms.get("payments", ()) if "cap" in clause]
    maxima = {clause["payer"]: Decimal(clause["cap"]) for clause in limits if clause["scope"] == "payer"}
    whole = [Decimal(clause["cap"]) for clause in limits if clause["scope"] == "contract"]
    paid = {row.payer: add(other.amount for other in case.ledger if other.payer == row.payer) for row in case.ledger}
    amounts = {"ledger": add(paid.values()), "payer_maxima": add(maxima.values())}
    if whole:
        amounts["unassigned"] = min(whole) - amounts["payer_maxima"]
    over = [payer for payer, amount in paid.items() if payer in maxima and amount > maxima[payer]]
    return Settled(amounts=amounts, over_maximum=tuple(over))


def compared(case: Case, settled: Settled) -> Iterator[Compared]:
    """Hold each expectation of a case against what was settled."""
    wanted = case.expected
    for key in AMOUNTS:
        amount = getattr(wanted, key)
        if amount is not None:
            yield Compared(case, key.replace("_", " "), amount, settled.amounts.get(key))
    by_name: tuple[tuple[str, Mapping[str, Answer], Mapping[str, Answer], bool], ...] = (
        ("clause", wanted.clauses, settled.clauses, False),
        ("to", wanted.receives, settled.receives, False),
        ("condition of", wanted.met, settled.met, False),
        ("value of", wanted.values, settled.values, True),
        ("gate of", wanted.gates, settled.gates, True),
        ("assignment of", wanted.assigned, settled.assigned, False),
    )
    for word, asked, given, rounded in by_name:
        for name, value in asked.items():
            yield Compared(case, f"{word} {name}", value, given.get(name), rounded)
    if wanted.refused is not None:
        code = wanted.refused if wanted.refused in settled.refused else ", ".join(settled.refused) or None
        yield Compared(case, "refusal", wanted.refused, code)
    if wanted.over_maximum:
        yield Compared(case, "over maximum", wanted.over_maximum, settled.over_maximum)


def _shown(answer: Answer, like: Answer | None = None) -> str:
    """Write an answer for people, with as many decimals as the one that it is compared with."""
    if isinstance(answer, Decimal):
        rounded = answer.quantize(like, ROUND_HALF_UP) if isinstance(like, Decimal) else answer
        return f"{rounded:,}"
    return _written(answer)


def _written(answer: Answer) -> str:
    if isinstance(answer, bool):
        return "true" if answer else "false"
    return ", ".join(answer) if isinstance(answer, tuple) else str(answer)
