"""From a YAML file to a contract, with every problem of the file at once.

What cannot be typed is left out, and the rest is still held against itself, so that a writer sees everything that is wrong and
not one thing after the other.
"""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from counterfoil.contract import VERSION, Contract
from counterfoil.contradictions import contradictions
from counterfoil.errors import Problem, raise_any, refusal
from counterfoil.source import Path_, Source, read_source
from counterfoil.translation import genuine, in_file_order, translate, written
from counterfoil.unread import Unread, without_unread

ROUNDS: Final = 4
"""How often what cannot be typed is left out and the rest is typed again; what is left out can leave a section empty."""


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
    blank: list[tuple[Problem, Path_]] = []
    source = read_source(path, blank)
    raise_any(_version(source))
    problems, places = [problem for problem, _ in blank], {place for _, place in blank}
    contract, unread, rest = None, Unread(), source
    for _ in range(ROUNDS):
        if places:
            rest, unread = without_unread(rest, places, set(Contract.model_fields), unread)
        try:
            contract = Contract.model_validate(rest.data)
            break
        except ValidationError as error:
            details = error.errors(include_url=False)
            problems += [translate(detail, rest, Contract) for detail in genuine(details)]
            places = {written(detail["loc"], rest.data) for detail in details}
    if contract is not None:
        contract.came_from(rest, unread=unread.names)
        problems += [problem for problem in contradictions(contract) if not unread.explains(problem)]
    raise_any(in_file_order(problems))
    if contract is None:
        raise refusal("CONTRACT-006", "the contract cannot be read", source.name)
    return contract


def _version(source: Source) -> list[Problem]:
    written = source.data.get("counterfoil")
    if written is None or written == str(VERSION):
        return []
    what = "`counterfoil:` must be 1, the version of the contract language"
    return [Problem("CONTRACT-009", what, source.where(("counterfoil",)))]
