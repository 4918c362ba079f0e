"""What of a contract file could not be read, so that nothing false is said of the rest."""

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from counterfoil.errors import Problem, did_you_mean
from counterfoil.source import Path_, Source

PART: Final = {
    "parties": r"CONTRACT-01[58] |no party has role",
    "payments": r"CONTRACT-018 |nothing is paid for",
    "periods": r"CONTRACT-018 ",
}
"""Section to what may be said falsely where a part of it was not read."""

WHOLE: Final = {
    "parties": r"CONTRACT-01[58] |no party|no outcome payer|is no provider",
    "effects": r"no effect is called|there are neither|CONTRACT-015 |nothing is paid for",
    "quantities": r"no quantity is called|there are neither|CONTRACT-015 |nothing is paid for",
    "payments": r"no payment is called",
    "periods": r"no period is called",
    "currency": r"CONTRACT-01[23] ",
    "settlement": r"settlement basis",
}
"""Section to what may be said falsely where nothing of it was read."""

STAND_INS: Final[dict[str, Any]] = {
    "counterfoil": "1",
    "name": "unread",
    "currency": "USD",
    "parties": {"unread": {"role": "other"}},
}
"""What stands in for terms that a contract must have, while the rest is held against itself."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The names, sections with unread parts, and whole sections that could not be read."""

    names: frozenset[str] = frozenset()
    sections: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()

    def explains(self, problem: Problem) -> bool:
        """Tell whether a problem of the rest may follow from what was not read."""
        said = f"{problem.code} {problem.what}"
        patterns = [PART.get(key, "") for key in self.sections] + [
            "|".join(filter(None, (PART.get(key), WHOLE.get(key)))) for key in self.whole
        ]
        named = any(f"'{name}'" in said for name in self.names)
        return named or any(pattern and re.search(pattern, said) for pattern in patterns)


def without_unread(source: Source, places: set[Path_], known: set[str], unread: Unread) -> tuple[Source, Unread]:
    """Return the source without the terms at some places, with what a contract must have, and what is unread by now.

    Parameters
    ----------
    source : Source
    places : set of tuple
        Where terms could not be typed; the empty one stands for a missing section.
    known : set of str
        The sections that there are.
    unread : Unread
        What was left out before.
    """
    source = _renamed(source, known)
    parts = {place[:2] for place in places if len(place) > 1}
    lost = {str(place[0]) for place in places if len(place) == 1}
    names = {name for place in parts for name in _names(source, place)}
    rest = source.without(parts)
    data = {key: value for key, value in rest.data.items() if key in known and key not in lost}
    missing = {key for key in STAND_INS if not data.get(key)}
    data |= {key: STAND_INS[key] for key in missing}
    found = Unread(
        unread.names | names,
        unread.sections | {str(place[0]) for place in parts},
        unread.whole | lost | missing,
    )
    return replace(rest, data=data), found


def _names(source: Source, place: Path_) -> list[str]:
    """Return what other terms may call a term: its key, or the name that it gives itself."""
    if isinstance(place[1], str):
        return [place[1]]
    section = source.data.get(str(place[0]))
    term = section[place[1]] if isinstance(section, list) and place[1] < len(section) else None
    return [str(term["name"])] if isinstance(term, dict) and "name" in term else []


def _renamed(source: Source, known: set[str]) -> Source:
    """Return the source with each misspelt section under its nearest name, where that is not taken."""
    data, marks = dict(source.data), dict(source.marks)
    for key in [key for key in data if key not in known]:
        near = next(
            (name for name in known - data.keys() if did_you_mean(key, known) == did_you_mean(name, [name])), None
        )
        if near is not None:
            data = {near if name == key else name: value for name, value in data.items()}
            marks = {(near, *path[1:]) if path[:1] == (key,) else path: mark for path, mark in marks.items()}
    return replace(source, data=data, marks=marks)
