"""Specifications against contract and study: what varies nothing, what varies a term twice, and slips of the pen.

A term that no declared design has, or a value that none takes, is an error of the file, with its line; one that some design takes
only leaves out its combinations with the others.
"""

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.rules import NAMED
from counterfoil.contract import Contract, Measured
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, did_you_mean, listed, refusal
from counterfoil.source import Path_, Source
from counterfoil.specifications import FAMILY, RULE, Specifications
from counterfoil.translation import translate

LARGEST: Final = 2_000
"""Specifications of one curve."""
KEPT: Final = ("kind", "outcome")
"""Terms of a design that are not varied one by one: another kind is a family, another outcome is another question."""
TAKEN: Final = frozenset(
    {
        FAMILY,
        RULE,
        "covariates",
        "trim",
        "learner",
        "specification",
        "primary",
        "outcome",
        "estimand",
        "estimate",
        "std_error",
    }
    | {"conf_low", "conf_high", "gate_passes", "trigger_changes", "order_changes", "payment", "currency", "refused"}
    | {"no.", "95%", "gate", "order"}
)
"""What a thing that is varied cannot be called: sections of the file and columns of the tables."""
CROSS: Final = "value_error"
"""What pydantic calls terms that contradict each other, and that may go together with others beside them."""


def misplaced(contract: Contract, name: str, specifications: Specifications) -> Iterator[Problem]:
    """Yield what varies nothing, what varies one term twice, and what must not be varied."""
    if not specifications.dimensions:
        yield Problem("CONTRACT-027", "nothing is varied: no section has an alternative", specifications.where())
    if specifications.rules and contract.effects[name].split is None:
        what = f"effect '{name}' has no `split:`, so no rule divides its gain"
        yield Problem("CONTRACT-027", what, specifications.where("rules"))
    taken: dict[str, str] = {}
    for title, at, alternatives in specifications.overrides():
        if at[0] == "terms" and title in TAKEN:
            what = f"'{title}' is the name of a section, or of a column of the results"
            yield Problem("CONTRACT-027", what, specifications.where(*at), "give what is varied another name")
        for key in dict.fromkeys(key for terms in alternatives.values() for key in terms):
            place = next((*at, choice, key) for choice, terms in alternatives.items() if key in terms)
            if at == ("covariates",):
                place = at
            if key in KEPT:
                what = f"`{key}` is not a term to vary: another kind is a family, another outcome is another question"
                yield Problem("CONTRACT-027", what, specifications.where(*place))
            elif key in taken:
                yield Problem(
                    "CONTRACT-027",
                    f"`{key}` is varied by '{taken[key]}' and by '{title}'",
                    specifications.where(*place),
                )
            taken.setdefault(key, title)
    touched = [f"effects.{name}.{part}" for part in ("estimator", "split")]
    for number, amendment in enumerate(contract.amendments):
        for path in amendment.changes:
            if path == f"effects.{name}" or any(path == part or path.startswith(f"{part}.") for part in touched):
                what = f"an amendment changes the design of effect '{name}' from period '{amendment.since}' on"
                fix = "write the amended terms into a contract of its own, and run the curve on that"
                yield Problem("CONTRACT-027", what, contract.where("amendments", number), fix)


def unknown_columns(specifications: Specifications, study: Study | None) -> Iterator[Problem]:
    """Yield covariates that the study does not have."""
    if study is None:
        return
    known = [str(column) for part in (study, study.places) if part is not None for column in part.people.columns]
    tables = ((study.measures, "measure"), (study.outcomes, "outcome"))
    for table, column in tables:
        known += [] if table is None else table[column].astype(str).unique().tolist()
    for name, columns in specifications.covariates.items():
        for place, column in enumerate(columns):
            if column not in known:
                what = f"covariate '{column}' is no column of the study{did_you_mean(column, known)}"
                yield Problem("DATA-004", what, specifications.where("covariates", name, place))


def refuse_many(specifications: Specifications) -> None:
    """Refuse more combinations than are run in one curve.

    Raises
    ------
    ContractError
        CONTRACT-028.
    """
    sizes = {name: len(alternatives) for name, alternatives in specifications.dimensions.items()}
    size = prod(sizes.values())
    if size > LARGEST:
        each = " x ".join(f"{count} ({name})" for name, count in sizes.items())
        what = f"{each} are {size:,} specifications, and a curve has at most {LARGEST:,}"
        raise refusal("CONTRACT-028", what, specifications.where())


def misread(specifications: Specifications, families: Mapping[str, Measured]) -> Iterator[Problem]:
    """Yield terms that no declared design has, and values that none takes: slips of the pen, whatever they are combined with."""
    designs = [type(design) for design in families.values()]
    known = {info.alias or key for design in designs for key, info in design.model_fields.items()}
    for _, at, alternatives in specifications.overrides():
        for choice, terms in alternatives.items():
            strange = [key for key in terms if key not in known]
            for key in strange:
                what = f"unknown key '{key}'{did_you_mean(key, known)}"
                allowed = f"the keys here are {listed(sorted(known), limit=40)}"
                yield Problem("CONTRACT-004", what, specifications.where(*at, choice, key), allowed)
            refused = [_own_problems(specifications, design, terms, (*at, choice)) for design in families.values()]
            if not strange and all(refused):
                # What a design that has the term says of its value tells more than that others do not have it.
                yield from next((own for own in refused if all(one.code != "CONTRACT-004" for one in own)), refused[0])


def _own_problems(
    specifications: Specifications, design: Measured, terms: Mapping[str, Any], at: Path_
) -> list[Problem]:
    """Return what is wrong with some terms in a design, whatever the others are."""
    _, details = typed(type(design), {**node_of(design), **terms})
    own = [detail for detail in details if detail["type"] != CROSS and detail["loc"][:1] and detail["loc"][0] in terms]
    return [placed(specifications, detail, type(design), terms, at) for detail in own]


def misread_rules(specifications: Specifications) -> Iterator[Problem]:
    """Yield rules that there are not, and terms that no split has or takes."""
    for choice, terms in specifications.rules.items():
        _, details = typed(Split, {"rule": "shapley", **terms})
        yield from (placed(specifications, detail, Split, terms, ("rules", choice)) for detail in details)
        rule = terms.get("rule")
        if rule is not None and rule not in NAMED:
            what = f"there is no rule '{rule}'{did_you_mean(str(rule), NAMED)}"
            yield Problem("CONTRACT-007", what, specifications.where("rules", choice, "rule"))


def typed(model: type[BaseModel], node: Mapping[str, Any]) -> tuple[Any, list[Any]]:
    """Return a section of terms as its model, or None and what pydantic says against it."""
    try:
        return model.model_validate(node), []
    except ValidationError as error:
        return None, list(error.errors(include_url=False))


def node_of(design: Measured) -> dict[str, Any]:
    """Return a design as it was written."""
    return {"kind": design.kind, **design.model_dump(mode="json", by_alias=True, exclude_unset=True)}


def placed(
    specifications: Specifications, detail: Any, model: type[BaseModel], node: Mapping[str, Any], at: Path_
) -> Problem:
    """Return one of pydantic's errors of some terms as a coded problem, with the place where they were written."""
    found = translate(detail, Source("", dict(node), "", {}), model)
    place = at if at[:1] == ("covariates",) else (*at, *detail["loc"])
    what = found.what.replace("`contract`: ", "", 1) if not detail["loc"] else found.what
    return Problem(found.code, what, specifications.where(*place), found.fix)
