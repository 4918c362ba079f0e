"""What the terms of a contract refer to, and the amounts of money that they state, with the place of each."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final, get_args

from pydantic import BaseModel

Place = tuple[str | int, ...]

NAMES: Final = {
    "effect": "effect",
    "gate": "effect",
    "credits_from": "effect",
    "quantity": "quantity",
    "each": "quantity",
    "by_quantity": "quantity",
    "scaled_by": "quantity",
    "near": "effect",
    "to": "party",
    "escrow": "party",
    "provider": "party",
    "prime": "party",
    "payer": "payer",
    "from_payer": "payer",
    "then": "payer",
    "rest": "payer",
    "payment": "payment",
    "since": "period",
}
"""Key of a clause to what its text names."""

LISTS: Final = {"of": "payment", "instead_of": "payment", "periods": "period", "equally": "party", "among": "party"}
"""Key of a clause to what its list names."""

KEYS: Final = {
    "payers": "payer",
    "fractions": "party",
    "carve_outs": "party",
    "minimum": "party",
    "fees": "party",
    "factors": "period",
}
"""Key of a clause to what the keys of its section name."""


def references(term: BaseModel, at: Place = ()) -> Iterator[tuple[Place, str, str]]:
    """Yield everything that a clause names: its place, what kind of thing it is, and the name."""
    for key, value in _written(term):
        place = (*at, key)
        if isinstance(value, str) and key in NAMES:
            yield place, NAMES[key], value
        elif isinstance(value, tuple) and key in LISTS:
            yield from ((place, LISTS[key], name) for name in value if isinstance(name, str))
        elif isinstance(value, Mapping) and key in KEYS:
            yield from (((*place, name), KEYS[key], name) for name in value)
        for inner, spot in _inner(value, place):
            yield from references(inner, spot)


def money(term: BaseModel, at: Place = ()) -> Iterator[tuple[Place, Decimal]]:
    """Yield every amount of money that a term states, with its place."""
    for name, key, value in _fields(term):
        place = (*at, key)
        info = type(term).model_fields[name]
        if "money" in info.metadata or _marked(info.annotation):
            if isinstance(value, Decimal):
                yield place, value
            elif isinstance(value, Mapping):
                yield from (((*place, name), amount) for name, amount in value.items())
        for inner, spot in _inner(value, place):
            yield from money(inner, spot)


def _marked(annotation: Any) -> bool:
    return "money" in getattr(annotation, "__metadata__", ()) or any(map(_marked, get_args(annotation)))


def _fields(term: BaseModel) -> Iterator[tuple[str, str, Any]]:
    for name, info in type(term).model_fields.items():
        yield name, info.alias or name, getattr(term, name)


def _written(term: BaseModel) -> Iterator[tuple[str, Any]]:
    yield from ((key, value) for _, key, value in _fields(term) if value is not None)


def _inner(value: Any, place: Place) -> Iterator[tuple[BaseModel, Place]]:
    if isinstance(value, BaseModel):
        yield value, place
    elif isinstance(value, tuple):
        yield from ((item, (*place, number)) for number, item in enumerate(value) if isinstance(item, BaseModel))
    elif isinstance(value, Mapping):
        yield from ((item, (*place, name)) for name, item in value.items() if isinstance(item, BaseModel))
