"""From a YAML file to a contract, with every problem of the file at once.

What cannot be typed is left out, and the rest is still held against itself, so that a writer sees everything that is wrong and
not one thing after the other.
"""

import re
from pathlib import Path

from pydantic import ValidationError

from counterfoil.contract import VERSION, Contract
from counterfoil.contradictions import contradictions
from counterfoil.errors import Problem, raise_any
from counterfoil.source import Source, read_source
from counterfoil.translation import translate, written


def read_contract(path: str | Path) -> Contract:
    """Read a contract from a YAML file.

    Raises
    ------
    ContractError
        With every problem of the file at once, each with line and column.

    Examples
    --------
    >>> import counterfoil as cf
    >>> read_contract(cf.datasets.example_folder("rice") / "contract.yaml").currency
    'USD'
    """
    source = read_source(path)
    raise_any(_version(source))
    try:
        contract = Contract.model_validate(source.data)
    except ValidationError as error:
        problems = [translate(detail, source, Contract) for detail in error.errors(include_url=False)]
        places = [written(detail["loc"], source.data) for detail in error.errors(include_url=False)]
        raise_any(in_file_order([*problems, *_in_the_rest(source, places)]))
        raise
    contract.came_from(source)
    raise_any(in_file_order(contradictions(contract)))
    return contract


def _in_the_rest(source: Source, places: list[tuple[str | int, ...]]) -> list[Problem]:
    """Return what contradicts itself in the sections that could be typed."""
    sections = {place[:2] for place in places if len(place) >= 2}
    if len(sections) < len({place[:1] for place in places}):
        return []
    rest = source.without(sections)
    try:
        contract = Contract.model_validate(rest.data)
    except ValidationError:
        return []
    contract.came_from(rest, unread=frozenset(str(section[1]) for section in sections))
    return contradictions(contract)


def in_file_order(problems: list[Problem]) -> list[Problem]:
    """Sort problems by the line and column where they stand, each once."""
    return sorted(dict.fromkeys(problems), key=lambda problem: _line(problem.where))


def _line(where: str) -> list[int]:
    return [int(number) for number in re.findall(r"(?:line|column) (\d+)", where)]


def _version(source: Source) -> list[Problem]:
    written = source.data.get("counterfoil")
    if written is None or written == str(VERSION):
        return []
    what = "`counterfoil:` must be 1, the version of the contract language"
    return [Problem("CONTRACT-009", what, source.where(("counterfoil",)))]
