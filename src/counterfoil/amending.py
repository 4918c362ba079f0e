"""Amendments: terms that change from a period on, by their place in the contract; what was signed stays readable.

A changed term is named by its path, such as ``quantities.homes.each`` or ``payments.housing.price``: a clause is found by its
name or its number, counted from zero.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.errors import refusal


class Amendment(BaseModel):
    """A change of terms from a period on."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {"from": "y2", "reason": "costs rose", "changes": {"payments.housing.price": "1100.00"}},
                {
                    "from": "y2",
                    "reason": "the council limits its outlay",
                    "add": [{"cap": "45000.00", "scope": "period"}],
                },
            ]
        },
    )

    since: str = Field(alias="from", description="The first period in which the changed terms hold.")
    reason: str = Field(description="Why the parties agreed to it.")
    changes: dict[str, Any] = Field(
        default_factory=dict, description="Path of a term to its new value, such as `payments.housing.price`."
    )
    add: tuple[dict[str, Any], ...] = Field((), description="Clauses that are added to the payments.")


def changed(terms: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return terms with some of them replaced, by dotted path.

    Raises
    ------
    ContractError
        CONTRACT-010 when a path leads nowhere.

    Examples
    --------
    >>> changed({"payments": [{"name": "limit", "cap": "1.00"}]}, {"payments.limit.cap": "2.00"})
    {'payments': [{'name': 'limit', 'cap': '2.00'}]}
    """
    result: dict[str, Any] = deepcopy(dict(terms))
    for path, value in changes.items():
        *before, last = path.split(".")
        place: Any = result
        try:
            for step in before:
                place = place[_step(place, step)]
            place[_step(place, last)] = value
        except (KeyError, IndexError, ValueError, TypeError):
            raise refusal("CONTRACT-010", f"no term stands at '{path}'", "changes") from None
    return result


def _step(place: Any, step: str) -> Any:
    """Return the key or number of one step of a path; in a list, of the clause with that name."""
    if not isinstance(place, list):
        return step
    named = [number for number, item in enumerate(place) if isinstance(item, Mapping) and item.get("name") == step]
    return named[0] if named else int(step)


def amended(terms: Mapping[str, Any], amendments: tuple[Amendment, ...]) -> dict[str, Any]:
    """Return terms with amendments made, in their order.

    Examples
    --------
    >>> later = Amendment.model_validate({"from": "y2", "reason": "indexation", "changes": {"payments.0.price": "2.00"}})
    >>> amended({"payments": [{"quantity": "homes", "price": "1.00"}]}, (later,))["payments"]
    [{'quantity': 'homes', 'price': '2.00'}]
    """
    result = dict(terms)
    for amendment in amendments:
        result = changed(result, amendment.changes)
        if amendment.add:
            result["payments"] = [*result.get("payments", ()), *map(dict, amendment.add)]
    return result
