"""Periods, quantities and composed effects against the rest of the contract: order, names, and circles among them."""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from typing import Any

from counterfoil.attribution.counting.dependence import in_order_of_dependence
from counterfoil.contract import Composed, Contract
from counterfoil.errors import CounterfoilError, Problem, did_you_mean

PARTS = ("of", "less", "to", "reversed")
"""Keys under which a quantity names those that it is made of."""


def check_counts(contract: Contract) -> Iterator[Problem]:
    """Yield periods out of order, names that are no quantity, effect or party, and what is made of itself."""
    yield from _check_periods(contract)
    yield from _check_parts(contract)
    yield from _check_assigned(contract)
    yield from _check_circles(contract)
    yield from _check_kinds(contract)


def _check_periods(contract: Contract) -> Iterator[Problem]:
    dated = {
        name: terms for name, terms in contract.periods.items() if terms.first is not None or terms.last is not None
    }
    for (one, before), (other, after) in pairwise(dated.items()):
        where = contract.where("periods", other)
        if (after.last or date.max) < (before.first or date.min):
            yield Problem("CONTRACT-016", f"period '{other}' lies before period '{one}', after which it stands", where)
        elif before.last is None or after.first is None or after.first <= before.last:
            yield Problem("CONTRACT-016", f"periods '{one}' and '{other}' overlap", where)


def _check_parts(contract: Contract) -> Iterator[Problem]:
    for name, spec in contract.quantities.items():
        for key in PARTS:
            named = getattr(spec, key, ()) if spec.refers_to else ()
            for number, part in enumerate((named,) if isinstance(named, str) else named or ()):
                if part not in contract.quantities and part not in contract.unread:
                    what = f"no quantity is called '{part}'{did_you_mean(part, contract.quantities)}"
                    yield Problem("CONTRACT-010", what, contract.where("quantities", name, key, number))


def _check_assigned(contract: Contract) -> Iterator[Problem]:
    for name, spec in contract.quantities.items():
        assign = getattr(spec, "assign", None)
        if assign is None:
            continue
        named = [("providers", party) for party in assign.providers]
        if assign.otherwise not in (None, "nobody"):
            named.append(("otherwise", assign.otherwise))
        for key, party in named:
            if party not in contract.parties and party not in contract.unread:
                what = f"no party is called '{party}'{did_you_mean(party, contract.parties)}"
                yield Problem("CONTRACT-010", what, contract.where("quantities", name, "assign", key))


def _check_circles(contract: Contract) -> Iterator[Problem]:
    quantities = {name: spec.refers_to for name, spec in contract.quantities.items()}
    effects = {
        name: tuple(effect.estimator.of) if isinstance(effect.estimator, Composed) else ()
        for name, effect in contract.effects.items()
    }
    for section, references in (("quantities", quantities), ("effects", effects)):
        yield from _circle(contract, section, references)


def _circle(contract: Contract, section: str, references: Mapping[str, Any]) -> Iterator[Problem]:
    try:
        in_order_of_dependence(references, section)
    except CounterfoilError as error:
        for problem in error.problems:
            first = problem.what.rpartition(": ")[2].split(" -> ")[0]
            yield Problem(problem.code, problem.what, contract.where(section, first))


def _check_kinds(contract: Contract) -> Iterator[Problem]:
    for name in contract.quantities:
        if name in contract.effects:
            what = f"'{name}' is a quantity and an effect, so that a limit on one would cover the other"
            yield Problem("CONTRACT-016", what, contract.where("quantities", name))
    for name, effect in contract.effects.items():
        for part in effect.estimator.of if isinstance(effect.estimator, Composed) else ():
            if part not in contract.effects and part not in contract.unread:
                what = f"no effect is called '{part}'{did_you_mean(part, contract.effects)}"
                yield Problem("CONTRACT-010", what, contract.where("effects", name, "estimator", "of", part))
