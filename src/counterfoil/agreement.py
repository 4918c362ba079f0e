"""Contract against study: does every name in the one exist in the other, and hold what it must?"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from counterfoil.contract import Contract
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, Problem, did_you_mean
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.experiment import Experiment


def disagreements(contract: Contract, study: Study) -> list[Problem]:
    """Return every problem between a contract and a study, each once, in contract order.

    Outcomes are looked at only where the study has them, so that a study can be checked blind.
    """
    found = [*_parties(contract, study)]
    for name in contract.effects:
        found += _effect(contract, study, name)
    return list(dict.fromkeys(found))


def _parties(contract: Contract, study: Study) -> Iterator[Problem]:
    strangers = [provider for provider in study.providers if provider not in contract.parties]
    # A name is shown only where it is a misspelt party: what else stands in the column may be anything.
    near = {provider: hint for provider in strangers if (hint := did_you_mean(provider, contract.parties))}
    for provider, hint in near.items():
        yield Problem("DATA-010", f"provider '{provider}' is no party to the contract{hint}", "services.csv")
    if unknown := len(strangers) - len(near):
        yield Problem(
            "DATA-010", f"{unknown} names in the column 'provider' are no party to the contract", "services.csv"
        )


def _effect(contract: Contract, study: Study, name: str) -> Iterator[Problem]:
    spec = contract.spec(name)
    at = ("effects", name, "estimator")
    complete = spec.missing == "refuse"
    for key in ("cluster", "blocks", "weights"):
        if column := getattr(spec, key, None):
            yield from _asked(contract.where(*at, key), partial(study.column, column, complete=complete))
    for column in spec.covariates:
        ask = partial(study.covariates, [column]) if complete else partial(study.column, column, complete=False)
        yield from _asked(contract.where(*at, "covariates"), ask)
    if isinstance(spec, Experiment):
        column = spec.assigned
        arm = partial(study.arm, column) if complete else partial(study.column, column, complete=False)
        yield from _asked(contract.where(*at, "assigned"), arm)
    for column in contract.effects[name].groups:
        yield from _asked(contract.where("effects", name, "groups"), partial(study.column, column))
    yield from _asked(contract.where(*at, "vcov"), partial(spec.errors_on, study, "HC1"))
    if isinstance(spec, Contribution) and study.services is None:
        yield Problem("DATA-019", "the study has no services.csv", contract.where(*at))
    if study.outcomes is not None:
        where = contract.where("effects", name, "outcome")
        yield from _asked(where, partial(study.outcome, spec.outcome, spec.period, complete=complete))


def _asked(where: str, ask: Callable[[], Any]) -> Iterator[Problem]:
    """Yield the problems of asking the study for something, with the place in the contract that asks."""
    try:
        ask()
    except CounterfoilError as error:
        for problem in error.problems:
            place = f"{problem.where} (asked for in {where})" if problem.where else where
            yield Problem(problem.code, problem.what, place, problem.fix)
