"""Two versions of a contract side by side: which sentences changed, word by word, and what that does to the money.

Sentences are aligned section by section, and words within a sentence, by the longest common runs (Ratcliff and Obershelp, as
Python's difflib has it). The money is what each party would receive, and each payer pay, under each version on the same facts.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import SequenceMatcher
from html import escape
from typing import Any, Final, Literal

from counterfoil.attribution.money.amounts import add
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.contract import Contract
from counterfoil.datasets.study import Study
from counterfoil.description import Sentence, described
from counterfoil.evaluation import evaluate
from counterfoil.plain import plain
from counterfoil.reported import Reported

ALIKE: Final = 0.5
"""How alike two sentences are, from 0 to 1, before they count as one that changed."""

Mark = Literal["same", "removed", "added"]
Marked = tuple[tuple[Mark, str], ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One sentence that was removed, added or changed.

    Parameters
    ----------
    section : str
        Where it stands in the description.
    kind : {"removed", "added", "changed"}
    words : tuple of (mark, text)
        The sentence in runs of words that are the same, removed or added; joined, they are both versions.
    numbers : tuple of int or None
        The clause's number in the old and in the new version.
    """

    section: str
    kind: Literal["removed", "added", "changed"]
    words: Marked
    numbers: tuple[int | None, int | None] = (None, None)

    @property
    def old(self) -> str:
        """The sentence in the old version; empty when it was added."""
        return "".join(text for mark, text in self.words if mark != "added")

    @property
    def new(self) -> str:
        """The sentence in the new version; empty when it was removed."""
        return "".join(text for mark, text in self.words if mark != "removed")


@dataclass(frozen=True, slots=True)
class Receives:
    """What a party would receive, or a payer pay, under each version, and by how much that differs."""

    party: str
    old: Decimal
    new: Decimal

    @property
    def difference(self) -> Decimal:
        """New less old."""
        return add([self.new, -self.old])


@dataclass(frozen=True, slots=True)
class Redline:
    """What differs between two versions of a contract.

    Parameters
    ----------
    changes : tuple of Change
        In the order of the description.
    money : tuple of Receives or None
        One for each party, the total last; None where money was not compared.
    note : str
        Why money was not compared; empty where it was.
    currency : str
        Of the money.
    paid : tuple of Receives
        What each payer would pay; empty where one payer pays everything under both versions, or money was not compared.
    """

    changes: tuple[Change, ...]
    money: tuple[Receives, ...] | None
    note: str
    currency: str
    paid: tuple[Receives, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data; money is decimal text."""
        changes = [
            {
                "section": change.section,
                "kind": change.kind,
                "old": change.old,
                "new": change.new,
                "words": [[mark, text] for mark, text in change.words],
                "numbers": list(change.numbers),
            }
            for change in self.changes
        ]
        money = None if self.money is None else [_row(row) for row in self.money]
        found: dict[str, Any] = plain(
            {
                "changes": changes,
                "money": money,
                "paid": [_row(row) for row in self.paid],
                "note": self.note,
                "currency": self.currency,
            }
        )
        return found

    def summary(self) -> str:
        """Return the differences as text: what was removed in [-brackets-], what was added in {+braces+}."""
        parts: list[str] = [] if self.changes else ["No sentence differs."]
        section = ""
        for change in self.changes:
            if change.section != section:
                section = change.section
                parts += [*([""] if parts else []), section]
            parts.append(f"  {_number(change)}{''.join(_in_brackets(change.words))}")
        parts += ["", f"Money on the same facts ({self.currency})" if self.money is not None else self.note]
        for row in self.money or ():
            parts.append(f"  {row.party}: {row.old:,} becomes {row.new:,} ({row.difference:+,})")
        for row in self.paid:
            parts.append(f"  paid by {row.party}: {row.old:,} becomes {row.new:,} ({row.difference:+,})")
        return "\n".join(parts) + "\n"

    def html(self) -> str:
        """Return the differences as an HTML fragment; every text is escaped."""
        parts: list[str] = ["<p>No sentence differs.</p>"] if not self.changes else []
        for section in dict.fromkeys(change.section for change in self.changes):
            items = [
                f"<li>{escape(_number(change))}{''.join(_in_tags(change.words))}</li>"
                for change in self.changes
                if change.section == section
            ]
            parts.append(f"<h3>{escape(section)}</h3>\n<ul>\n" + "\n".join(items) + "\n</ul>")
        if self.money is None:
            parts.append(f"<p>{escape(self.note)}</p>")
        else:
            head = "".join(f"<th>{title}</th>" for title in ("party", "old", "new", "difference"))
            named = [(row.party, row) for row in self.money] + [(f"paid by {row.party}", row) for row in self.paid]
            rows = [
                f"<tr><td>{escape(name)}</td><td>{row.old:,}</td><td>{row.new:,}</td><td>{row.difference:+,}</td></tr>"
                for name, row in named
            ]
            caption = f"<caption>Money on the same facts ({escape(self.currency)})</caption>"
            parts.append(f"<table>{caption}<tr>{head}</tr>\n" + "\n".join(rows) + "\n</table>")
        return "\n".join(parts) + "\n"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return self.html()


def redline(old: Contract, new: Contract, study: Study | None = None, *, reported: Reported | None = None) -> Redline:
    """Compare two versions of a contract, and the money that they come to on the same facts.

    Parameters
    ----------
    old, new : Contract
    study : Study, optional
    reported : Reported, optional
        Numbers that were verified or published elsewhere. Without study and report, sentences are compared and no money.

    Raises
    ------
    ContractError, DataError
        As `evaluate`, when a version contradicts itself or does not fit the facts.

    Examples
    --------
    >>> import counterfoil as cf
    >>> old = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    >>> print(redline(old, old.model_copy(update={"rounding": "down"})).summary())
    Limits and order
      Amounts are rounded to 0.01 USD, [-halves away from-]{+towards+} zero.
    <BLANKLINE>
    No facts were given, so no money is compared.
    <BLANKLINE>
    """
    if study is None and reported is None:
        return compare_versions(old, new)
    before, after = (evaluate(version, study, reported=reported) for version in (old, new))
    why = [str(problem).partition("\n")[0] for problem in dict.fromkeys([*before.refused, *after.refused])]
    found = compare_versions(old, new, before.settlement, after.settlement, settled=True)
    return replace(found, note=" ".join([found.note, *why])) if why else found


def compare_versions(
    old: Contract,
    new: Contract,
    before: Settlement | None = None,
    after: Settlement | None = None,
    *,
    settled: bool | None = None,
) -> Redline:
    """Compare two versions of a contract, and two settlements of the same facts.

    Parameters
    ----------
    old, new : Contract
    before, after : Settlement, optional
        Under the old and the new version; None where a version gives no answer or no facts were given.
    settled : bool, optional
        Whether facts were given; when omitted, whether there is a settlement.
    """
    given = settled if settled is not None else not (before is None and after is None)
    money, note = _money(before, after, given=given)
    paid: tuple[Receives, ...] = ()
    if money is not None and before is not None and after is not None:
        rows = _side_by_side(before.by_payer(), after.by_payer(), _nothing(before, after))
        paid = rows if len(rows) > 1 else ()
    return Redline(_changes(old, new), money, note, new.currency, paid)


def _money(
    before: Settlement | None, after: Settlement | None, *, given: bool
) -> tuple[tuple[Receives, ...] | None, str]:
    if not given:
        return None, "No facts were given, so no money is compared."
    if before is None or after is None:
        which = "Neither version gives" if before is None and after is None else ""
        which = which or f"The {'old' if before is None else 'new'} version does not give"
        return None, f"{which} an answer on these facts, so no money is compared."
    if before.currency != after.currency:
        return None, f"The versions pay in {before.currency} and in {after.currency}, so no money is compared."
    rows = _side_by_side(before.by_party(), after.by_party(), _nothing(before, after))
    return (*rows, Receives("total", before.total, after.total)), ""


def _nothing(before: Settlement, after: Settlement) -> Decimal:
    """Return zero with the decimals of the currency."""
    return Decimal(0) * (before.total + after.total)


def _side_by_side(was: Mapping[str, Decimal], will: Mapping[str, Decimal], nothing: Decimal) -> tuple[Receives, ...]:
    return tuple(
        Receives(name, was.get(name, nothing), will.get(name, nothing)) for name in dict.fromkeys([*was, *will])
    )


def _changes(old: Contract, new: Contract) -> tuple[Change, ...]:
    was, will = described(old), described(new)
    named = [] if old.name == new.name else [_changed("Name", Sentence(old.name), Sentence(new.name))]
    return (*named, *(change for section in was for change in _in_section(section, was[section], will[section])))


def _in_section(section: str, old: Sequence[Sentence], new: Sequence[Sentence]) -> Iterator[Change]:
    matcher = SequenceMatcher(None, [each.text for each in old], [each.text for each in new], autojunk=False)
    for tag, start, end, first, last in matcher.get_opcodes():
        if tag != "equal":
            yield from _paired(section, old[start:end], new[first:last])


def _paired(section: str, old: Sequence[Sentence], new: Sequence[Sentence]) -> Iterator[Change]:
    """Yield the changes of a block: sentences that are alike, in order, as changed, and the others as removed or added."""
    left = list(new)
    for sentence in old:
        likeness = [_likeness(sentence.text, other.text) for other in left]
        best = max(range(len(left)), key=likeness.__getitem__, default=None)
        if best is None or likeness[best] < ALIKE:
            yield Change(section, "removed", (("removed", sentence.text),), (sentence.number, None))
            continue
        for other in left[:best]:
            yield Change(section, "added", (("added", other.text),), (None, other.number))
        yield _changed(section, sentence, left[best])
        left = left[best + 1 :]
    for other in left:
        yield Change(section, "added", (("added", other.text),), (None, other.number))


def _changed(section: str, old: Sentence, new: Sentence) -> Change:
    return Change(section, "changed", marked(old.text, new.text), (old.number, new.number))


def _likeness(old: str, new: str) -> float:
    return SequenceMatcher(None, _words(old), _words(new), autojunk=False).ratio()


def _words(text: str) -> list[str]:
    """Return words, spaces, and the marks that end a word; a comma or point within an amount is part of it."""
    return re.findall(r"\s+|[;,.:]+(?=\s|$)|(?:(?![;,.:]+(?:\s|$))\S)+", text)


def marked(old: str, new: str) -> Marked:
    """Return two sentences as one, in runs of words that are the same, removed or added.

    Examples
    --------
    >>> marked("15.12 USD is paid", "16.00 USD is paid")
    (('removed', '15.12'), ('added', '16.00'), ('same', ' USD is paid'))
    """
    before, after = _words(old), _words(new)
    found: list[tuple[Mark, str]] = []
    for tag, start, end, first, last in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            found.append(("same", "".join(before[start:end])))
            continue
        if end > start:
            found.append(("removed", "".join(before[start:end])))
        if last > first:
            found.append(("added", "".join(after[first:last])))
    return tuple(found)


def _row(row: Receives) -> dict[str, Any]:
    return {"party": row.party, "old": row.old, "new": row.new, "difference": row.difference}


def _number(change: Change) -> str:
    old, new = change.numbers
    if old == new or old is None or new is None:
        known = old if new is None else new
        return "" if known is None else f"{known}. "
    return f"{old}, now {new}. "


def _in_brackets(words: Marked) -> Iterator[str]:
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    yield from (marks[mark].format(text) for mark, text in words)


def _in_tags(words: Marked) -> Iterator[str]:
    tags = {"same": "{}", "removed": "<del>{}</del>", "added": "<ins>{}</ins>"}
    yield from (tags[mark].format(escape(text)) for mark, text in words)
