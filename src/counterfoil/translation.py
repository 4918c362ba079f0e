"""What pydantic says of a contract, in coded problems with line and column and a suggestion."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError

from counterfoil.errors import Problem, did_you_mean, listed, raise_any, refusal
from counterfoil.source import Source, read_source

Typed = TypeVar("Typed", bound=BaseModel)

KINDS: Final = {
    "missing": "CONTRACT-005",
    "extra_forbidden": "CONTRACT-004",
    "union_tag_not_found": "CONTRACT-005",
    "union_tag_invalid": "CONTRACT-007",
    "literal_error": "CONTRACT-007",
    "value_error": "CONTRACT-016",
    "learner_setting": "CONTRACT-007",
    "currency": "CONTRACT-023",
}
LIMITS: Final = re.compile(r"^(greater|less)_than|too_(short|long)$|^finite_number$|pattern_mismatch$")
SAID: Final = {
    "decimal_max_digits": "should be an amount of fewer digits",
    "dict_type": "should be a section of `key: value` terms",
    "model_type": "should be a section of `key: value` terms",
    "model_attributes_type": "should be a section of `key: value` terms",
    "tuple_type": "should be a list, such as [first, second]",
    "list_type": "should be a list, such as [first, second]",
    "string_type": "should be a word or text",
    "decimal_parsing": "should be an amount such as 40.00, without thousands separator or currency sign",
    "decimal_type": "should be an amount such as 40.00",
    "float_parsing": "should be a number, with a decimal point",
    "float_type": "should be a number",
    "int_parsing": "should be a whole number",
    "int_type": "should be a whole number",
    "date_from_datetime_parsing": "should be a date, such as 2024-03-31",
    "date_parsing": "should be a date, such as 2024-03-31",
    "too_short": "has too few entries",
    "bool_parsing": "should be true or false",
    "string_pattern_mismatch": "should be a name of letters, digits, spaces and _.&'()-, beginning with a letter or digit",
}


def genuine(details: Sequence[Any]) -> list[Any]:
    """Return pydantic's errors without those that only follow from another: a list that is short of the entries in error."""
    places = [tuple(detail["loc"]) for detail in details]

    def follows(number: int) -> bool:
        place = places[number]
        inside = any(other[: len(place)] == place and len(other) > len(place) for other in places)
        return bool(details[number]["type"] == "too_short") and inside

    return [detail for number, detail in enumerate(details) if not follows(number)]


def translate(detail: Any, source: Source, root: type[BaseModel]) -> Problem:
    """Turn one of pydantic's errors into a coded problem with line and column."""
    kind, loc = detail["type"], detail["loc"]
    path = written(loc, source.data)
    where = source.where(path)
    code = KINDS.get(kind, "CONTRACT-007" if LIMITS.search(kind) else "CONTRACT-006")
    key = str(loc[-1]) if kind == "missing" else _last_key(path)
    if kind == "extra_forbidden":
        known = _known_keys(loc, root)
        allowed = f"the keys here are {listed(sorted(known), limit=30)}"
        return Problem(code, f"unknown key '{key}'{did_you_mean(key, known)}", where, allowed)
    if kind == "union_tag_not_found":
        return Problem(
            code,
            f"`{key}` does not say its `kind`",
            where,
            f"add one of {listed(_kinds(loc, root), limit=30)} as `kind:`",
        )
    if kind == "missing":
        return Problem(code, f"`{key}` is missing", where)
    if kind == "union_tag_invalid":
        hint = did_you_mean(str(detail["input"].get("kind")), _kinds(loc, root))
        return Problem(
            code,
            f"`{key}` has a `kind` that there is not{hint}",
            where,
            f"write one of {listed(_kinds(loc, root), limit=30)}",
        )
    said = SAID.get(kind) or str(detail["msg"]).removeprefix("Value error, ").replace("Input should be", "should be")
    hint = ""
    if kind == "literal_error" and isinstance(detail["input"], str):
        hint = did_you_mean(detail["input"], re.findall(r"'([^']*)'", detail["ctx"]["expected"]))
    return Problem(code, f"`{key}`: {said}{hint}", where)


def _kinds(loc: Sequence[str | int], root: type[BaseModel]) -> list[str]:
    """Return the kinds among which a section chooses."""
    return [kind for model in _models_at(loc, root) for kind in _kind(model)]


def written(loc: Sequence[str | int], data: Any) -> tuple[str | int, ...]:
    """Return the part of pydantic's location that stands in the file; the tags of its unions do not."""
    path: list[str | int] = []
    for step in loc:
        if (isinstance(data, dict) and step in data) or (isinstance(data, list) and isinstance(step, int)):
            data = cast("Any", data)[step]
            path.append(step)
    return tuple(path)


def _last_key(path: tuple[str | int, ...]) -> str:
    if not path:
        return "contract"
    return f"{path[-2]}[{path[-1]}]" if isinstance(path[-1], int) else path[-1]


def _models(annotation: Any) -> list[type[BaseModel]]:
    """Return the models named anywhere in a type annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models(part)]


def _known_keys(loc: Sequence[str | int], root: type[BaseModel]) -> set[str]:
    """Return the keys allowed where an unknown one stands."""
    return {info.alias or name for model in _models_at(loc[:-1], root) for name, info in model.model_fields.items()}


def _models_at(loc: Sequence[str | int], root: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the models that a location may hold."""
    models = [root]
    for step in loc:
        tagged = [model for model in models if step in {model.__name__, *_kind(model)}]
        fields = [model.model_fields[step].annotation for model in models if step in model.model_fields]
        # The tag of a gate, `bound`, is also the name of a field that holds no section.
        inner = [model for annotation in fields for model in _models(annotation)]
        models = tagged or inner or models
    return models


def _kind(model: type[BaseModel]) -> Iterator[str]:
    if "kind" in model.model_fields:
        yield str(model.model_fields["kind"].default)


def typed_file(path: str | Path, model: type[Typed], version: int | None = None) -> tuple[Typed, Source]:
    """Read a YAML file as a model, and return it with what it was read from.

    Parameters
    ----------
    path : str or Path
    model : type
        A strict pydantic model.
    version : int, optional
        Of the contract language, for files that may name it under `counterfoil:`.

    Raises
    ------
    ContractError
        With every problem of the file at once, each with line and column; CONTRACT-009 for another version.
    """
    source = read_source(path)
    if version is not None and source.data.get("counterfoil") not in (None, str(version)):
        what = f"`counterfoil:` must be {version}, the version of the language"
        raise refusal("CONTRACT-009", what, source.where(("counterfoil",)))
    try:
        return model.model_validate(source.data), source
    except ValidationError as error:
        raise_any(in_file_order([translate(detail, source, model) for detail in error.errors(include_url=False)]))
        raise


def in_file_order(problems: list[Problem]) -> list[Problem]:
    """Sort problems by the line and column where they stand, each once."""
    return sorted(dict.fromkeys(problems), key=lambda problem: _line(problem.where))


def _line(where: str) -> list[int]:
    return [int(number) for number in re.findall(r"(?:line|column) (\d+)", where)]
