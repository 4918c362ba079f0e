"""Every combination of what specifications declare, as terms of an effect: those that can be run, and those that cannot.

A combination that the design or the contract refuses is listed with the code of the refusal, and one that says the same as
another is listed with its number; none is dropped silently.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from pydantic import BaseModel

from counterfoil.attribution.payment.split import Split
from counterfoil.contract import Contract, Effect, Measured
from counterfoil.contradictions import contradictions
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, did_you_mean, listed, raise_any, refusal
from counterfoil.source import Path_
from counterfoil.specification_checks import (
    misplaced,
    misread,
    misread_rules,
    node_of,
    placed,
    refuse_many,
    typed,
    unknown_columns,
)
from counterfoil.specifications import FAMILY, RULE, Specifications

AS_AGREED: Final = "as agreed"


@dataclass(frozen=True, slots=True, eq=False)
class Specified:
    """One specification.

    Parameters
    ----------
    number : int
        From 1, in the order declared; 0 for the contract's own where it is none of the declared.
    choices : mapping of str to str
        What is varied to the alternative chosen.
    effect : Effect
        The terms of the effect.
    primary : bool
        Whether it is the contract's own.
    """

    number: int
    choices: Mapping[str, str]
    effect: Effect
    primary: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A combination that is not run.

    Parameters
    ----------
    choices : tuple of (str, str)
    problems : tuple of Problem
        Why; empty for one that says the same as another.
    same_as : int or None
        The number of the specification that it repeats.
    """

    choices: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]
    same_as: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """What is run and what is not.

    Parameters
    ----------
    effect : str
    specified : tuple of Specified
        One of them primary.
    left_out : tuple of LeftOut
    """

    effect: str
    specified: tuple[Specified, ...]
    left_out: tuple[LeftOut, ...]


def varied(contract: Contract, name: str, effect: Effect) -> Contract:
    """Return a contract with other terms for one effect."""
    found = contract.model_copy(update={"effects": {**contract.effects, name: effect}})
    if found.amendments:
        # Later versions are made from the file, which does not have these terms.
        found._source = None
    return found


def key_of(effect: Effect) -> str:
    """Return what tells two specifications apart: every term of design and split, those left to their defaults included."""
    return json.dumps(effect.model_dump(mode="json", include={"estimator", "split"}), sort_keys=True)


def specification_grid(contract: Contract, specifications: Specifications, study: Study | None = None) -> Grid:
    """Return every combination of what is declared.

    Parameters
    ----------
    contract : Contract
    specifications : Specifications
    study : Study, optional
        To hold the names of covariates against.

    Raises
    ------
    ContractError
        CONTRACT-027 when the specifications do not fit the contract, CONTRACT-028 for more than 2,000 combinations, CONTRACT-004
        to CONTRACT-007 for terms that no design declared has or takes.
    DataError
        DATA-004 for a covariate that the study does not have.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("nsw") / "contract.yaml")
    >>> asked = Specifications(covariates={"none": (), "age": ("age",)}, terms={"errors": {"HC1": {"vcov": "HC1"}}})
    >>> [(one.number, one.primary, dict(one.choices)) for one in specification_grid(contract, asked).specified]
    ... # doctest: +NORMALIZE_WHITESPACE
    [(0, True, {'covariates': 'as agreed', 'errors': 'as agreed'}),
     (1, False, {'covariates': 'none', 'errors': 'HC1'}), (2, False, {'covariates': 'age', 'errors': 'HC1'})]
    """
    name = _effect(contract, specifications)
    raise_any([*misplaced(contract, name, specifications), *unknown_columns(specifications, study)])
    refuse_many(specifications)
    families = _families(contract, name, specifications)
    raise_any(list(dict.fromkeys([*misread(specifications, families), *misread_rules(specifications)])))
    terms = contract.effects[name]
    own = key_of(terms)
    numbers: dict[str, int] = {}
    specified: list[Specified] = []
    left_out: list[LeftOut] = []
    for choices in _combinations(specifications):
        effect, problems = _made(specifications, terms, families, choices)
        if effect is not None:
            problems = _contradicted(contract, name, effect, choices)
        if effect is None or problems:
            left_out.append(LeftOut(tuple(choices.items()), tuple(problems)))
            continue
        key = key_of(effect)
        if key in numbers:
            left_out.append(LeftOut(tuple(choices.items()), (), numbers[key]))
            continue
        numbers[key] = len(numbers) + 1
        specified.append(Specified(numbers[key], choices, effect, key == own))
    if own not in numbers:
        aside = dict.fromkeys(specifications.dimensions, AS_AGREED)
        specified.insert(0, Specified(0, aside, terms, primary=True))
    return Grid(name, tuple(specified), tuple(left_out))


def _effect(contract: Contract, specifications: Specifications) -> str:
    name, measured = specifications.effect, contract.measured
    if name is None and len(measured) == 1:
        return measured[0]
    where = specifications.where("effect")
    if name is None:
        what = f"the contract measures {listed(measured) or 'no effect'}, and `effect:` does not say which is varied"
        raise refusal("CONTRACT-027", what, where)
    if name not in contract.effects:
        hint = did_you_mean(name, measured)
        raise refusal("CONTRACT-027", f"the contract has no effect '{name}'{hint}", where)
    if name not in measured:
        what = f"effect '{name}' is not measured on a study, so it has no design to vary"
        raise refusal("CONTRACT-027", what, where)
    return name


def _families(contract: Contract, name: str, specifications: Specifications) -> dict[str, Measured]:
    own = contract.effects[name].estimator
    if not isinstance(own, Measured):
        raise TypeError(f"effect '{name}' is not measured on a study")
    return dict(specifications.families) or {AS_AGREED: own}


def _combinations(specifications: Specifications) -> Iterator[dict[str, str]]:
    dimensions = specifications.dimensions
    for chosen in product(*dimensions.values()):
        yield dict(zip(dimensions, chosen, strict=True))


def _made(
    specifications: Specifications, terms: Effect, families: Mapping[str, Measured], choices: Mapping[str, str]
) -> tuple[Effect | None, list[Problem]]:
    """Return the terms of an effect under some choices, or why the design or the split refuses them."""
    family = families[choices.get(FAMILY, AS_AGREED)]
    node, origin = node_of(family), dict[str, Path_]()
    for title, at, alternatives in specifications.overrides():
        for key, value in alternatives[choices[title]].items():
            node[key], origin[key] = value, (*at, choices[title])
    design, details = typed(type(family), node)
    # Terms that contradict each other have no line of their own: they are shown at the family, or at what was varied last.
    home: Path_ = ("families", choices[FAMILY]) if FAMILY in choices else next(reversed(origin.values()), ())
    problems = [_placed_in(specifications, detail, type(family), node, origin, home) for detail in details]
    split = terms.split
    if RULE in choices:
        written = {} if split is None else split.model_dump(mode="json", by_alias=True, exclude_unset=True)
        chosen = {**written, **specifications.rules[choices[RULE]]}
        split, details = typed(Split, chosen)
        at = ("rules", choices[RULE])
        problems += [_placed_in(specifications, detail, Split, chosen, {}, at) for detail in details]
    if problems:
        return None, problems
    return terms.model_copy(update={"estimator": design, "split": split}), []


def _placed_in(
    specifications: Specifications,
    detail: Any,
    model: type[BaseModel],
    node: Mapping[str, Any],
    origin: Mapping[str, Path_],
    home: Path_,
) -> Problem:
    """Return one of pydantic's errors of a combination, where the term in error was written; terms against each other at home."""
    key = detail["loc"][0] if detail["loc"] else ""
    return placed(specifications, detail, model, node, origin.get(str(key), home))


def _contradicted(contract: Contract, name: str, effect: Effect, choices: Mapping[str, str]) -> list[Problem]:
    """Return what the contract contradicts in some terms; they are the specification's, and so is the place."""
    where = ", ".join(f"{dimension} {choice}" for dimension, choice in choices.items())
    found = contradictions(varied(contract, name, effect))
    return [Problem(problem.code, problem.what, where, problem.fix) for problem in found]
