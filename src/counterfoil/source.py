"""A contract file as text with line marks: every scalar stays the text that was written.

``yaml.safe_load`` would turn 40.10 into a float, ``no`` into False and 12:30 into 750, and let the last of two equal
keys win. Here nothing is typed, equal keys are refused, and every key and value knows its line and column.
"""

import hashlib
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import yaml

from counterfoil.errors import ContractError, Problem, raise_any, refusal

LARGEST: Final = 1_000_000
"""Bytes beyond which a file is no contract."""

Path_ = tuple[str | int, ...]
NOTHING: Final = frozenset({"", "~", "null", "Null", "NULL"})
FORBIDDEN: Final = {
    yaml.AliasToken: "an alias",
    yaml.AnchorToken: "an anchor",
    yaml.TagToken: "a tag",
    yaml.DirectiveToken: "a directive",
}


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """What a file says, as nested dicts and lists of text, and where it says it.

    Parameters
    ----------
    name : str
        File name, for messages.
    data : dict
        The content; every scalar is text.
    digest : str
        SHA-256 of the file.
    marks : dict
        Path of keys and list positions to (line, column), both from 1.
    """

    name: str
    data: dict[str, Any]
    digest: str
    marks: dict[Path_, tuple[int, int]] = field(repr=False)

    def where(self, path: Path_) -> str:
        """Return file, line and column of a path, or of the nearest part of it that was written."""
        while path and path not in self.marks:
            path = path[:-1]
        line, column = self.marks.get(path, (1, 1))
        return f"{self.name}, line {line}, column {column}"

    def without(self, sections: Collection[Path_]) -> "Source":
        """Return the source without some of the terms of its sections; what is left stands where it stood.

        Parameters
        ----------
        sections : collection of (key, name or number)
            Such as ``("payments", 3)`` or ``("effects", "jobs")``.
        """
        data: dict[str, Any] = {}
        marks = {path: mark for path, mark in self.marks.items() if len(path) < 2}
        for key, value in self.data.items():
            if not isinstance(value, dict | list):
                data[key] = value
                continue
            kept = [
                name
                for name in (value if isinstance(value, dict) else range(len(value)))
                if (key, name) not in sections
            ]
            places = {name: name if isinstance(value, dict) else number for number, name in enumerate(kept)}
            data[key] = {name: value[name] for name in kept} if isinstance(value, dict) else [value[n] for n in kept]
            marks |= {
                (key, places[path[1]], *path[2:]): mark
                for path, mark in self.marks.items()
                if len(path) >= 2 and path[0] == key and path[1] in places
            }
        return replace(self, data=data, marks=marks)


def read_source(path: str | Path, blank: list[tuple[Problem, Path_]] | None = None) -> Source:
    """Read a YAML file as text with marks.

    Parameters
    ----------
    path : path
    blank : list, optional
        Takes what is wrong with single terms, each with its place, so that the rest can be read; raised when omitted.

    Raises
    ------
    ContractError
        CONTRACT-001 when it cannot be read, CONTRACT-002 when it is no YAML, CONTRACT-003 for equal keys,
        CONTRACT-008 for anchors, aliases, tags and other ways to say something elsewhere.
    """
    file = Path(path)
    try:
        content = file.read_bytes()
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refusal("CONTRACT-001", "the file is not UTF-8 text", file.name) from None
    except OSError as error:
        raise refusal("CONTRACT-001", f"the file cannot be read: {error.strerror}", str(path)) from None
    if len(content) > LARGEST:
        raise refusal(
            "CONTRACT-001", f"the file has {len(content):,} bytes; a contract has at most {LARGEST:,}", file.name
        )
    try:
        _refuse_indirection(text, file.name)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file.name}, line {mark.line + 1}, column {mark.column + 1}" if mark else file.name
        raise refusal("CONTRACT-002", error.problem or "the text is not YAML", where) from None
    except (yaml.YAMLError, RecursionError):
        raise refusal("CONTRACT-002", "the text is not YAML", file.name) from None
    if not isinstance(node, yaml.MappingNode):
        raise refusal("CONTRACT-002", "a contract is a list of `key: value` terms", f"{file.name}, line 1, column 1")
    marks: dict[Path_, tuple[int, int]] = {}
    problems: list[tuple[Problem, Path_]] = []
    data = _plain(node, (), marks, problems, file.name)
    if blank is None:
        raise_any([problem for problem, _ in problems])
    else:
        blank += problems
    return Source(file.name, data, hashlib.sha256(content).hexdigest(), marks)


def _refuse_indirection(text: str, name: str) -> None:
    problems = []
    documents = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        what = FORBIDDEN.get(type(token))
        if isinstance(token, yaml.DocumentStartToken):
            documents += 1
            what = "a second document" if documents > 1 else None
        if what:
            mark = token.start_mark
            where = f"{name}, line {mark.line + 1}, column {mark.column + 1}"
            problems.append(Problem("CONTRACT-008", f"{what} is not allowed in a contract", where))
    if problems:
        raise ContractError(*problems)


def _plain(
    node: Any, path: Path_, marks: dict[Path_, tuple[int, int]], problems: list[tuple[Problem, Path_]], name: str
) -> Any:
    """Turn a YAML node into dicts, lists and text, noting where each part stands."""
    marks.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.ScalarNode):
        line, column = node.start_mark.line + 1, node.start_mark.column + 1
        where = f"{name}, line {line}, column {column}"
        if node.style is None and node.value in NOTHING:
            # A blank term would otherwise read as if it had been left out: `gate:` alone would be no gate at all.
            what = f"`{path[-1] if path else name}` has no value"
            problems.append((Problem("CONTRACT-005", what, where, "write the value, or remove the key"), path))
        elif any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in node.value):
            what = "a control character or line break stands in the text"
            problems.append((Problem("CONTRACT-002", what, where), path))
        return str(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, index), marks, problems, name) for index, item in enumerate(node.value)]
    found: dict[str, Any] = {}
    for key, value in node.value:
        line, column = key.start_mark.line + 1, key.start_mark.column + 1
        where = f"{name}, line {line}, column {column}"
        if not isinstance(key, yaml.ScalarNode):
            problems.append((Problem("CONTRACT-002", "a key must be a word", where), path))
            continue
        word = str(key.value)
        if word == "<<" and key.style is None:
            problems.append((Problem("CONTRACT-008", "a merge key is not allowed in a contract", where), path))
        elif word in found:
            first = marks[(*path, word)][0]
            what = f"key '{word}' stands twice, first in line {first}"
            problems.append((Problem("CONTRACT-003", what, where), (*path, word)))
        else:
            marks[(*path, word)] = (line, column)
            found[word] = _plain(value, (*path, word), marks, problems, name)
    return found
