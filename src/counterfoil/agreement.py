"""Contract against study: does every name in the one exist in the other, and hold what it must?"""

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any

from counterfoil.contract import Contract, Dividing, OverTime, Placed, Trial
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, DataError, Problem, did_you_mean, listed
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.dose_response import DoseResponse
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.instruments.instrumental_variable import InstrumentalVariable
from counterfoil.estimators.matching.matching import Matching
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.panels.panel_design import AdoptionDesign, draw_panel
from counterfoil.estimators.panels.regression_design import FixedEffectsDesign
from counterfoil.estimators.sequential import SequentialContribution
from counterfoil.estimators.trials.cluster_means import ClusterMeans
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting
from counterfoil.held_against import undeclared
from counterfoil.rehearsal import rehearse


def disagreements(contract: Contract, study: Study, *, without: Collection[str] = ()) -> list[Problem]:
    """Return every problem between a contract and a study, each once, in contract order; some effects may be left out.

    Outcomes are looked at only where the study has them, so that a study can be checked blind.
    """
    found = [*_parties(contract, study)]
    for name in (name for name in contract.measured if name not in without):
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
    if isinstance(spec, OverTime | Placed):
        yield from _over_time(contract, study, spec, at)
        return
    complete = spec.missing == "refuse"
    for key in ("cluster", "blocks", "pairs", "within", "received", "weights"):
        if column := getattr(spec, key, None):
            yield from _asked(contract.where(*at, key), partial(study.column, column, complete=complete))
    if isinstance(spec, ComparisonDesign):
        yield from _groups(contract, study, spec, at)
        complete = complete and spec.missing_covariates == "refuse"
    measured = [(column, contract.where(*at, "covariates")) for column in spec.covariates]
    if isinstance(spec, SequentialContribution):
        steps = enumerate(spec.progress)
        measured += [(name, contract.where(*at, "progress", step)) for step, names in steps for name in names]
    for column, where in measured:
        ask = partial(study.covariates, [column]) if complete else partial(study.column, column, complete=False)
        yield from _asked(where, ask)
    complete = spec.missing == "refuse"
    if isinstance(spec, Trial):
        yield from _trial(contract, study, spec, at)
    yield from undeclared(contract, name, study)
    for column in contract.effects[name].groups:
        yield from _asked(contract.where("effects", name, "groups"), partial(study.column, column))
    yield from _asked(contract.where(*at, "vcov"), partial(spec.errors_on, study, "HC1"))
    if isinstance(spec, Dividing):
        yield from _services(contract, study, spec, at)
    if study.outcomes is None:
        return
    if isinstance(spec, PanelContribution):
        yield from _periods(contract, study, spec, at)
    else:
        where = contract.where("effects", name, "outcome")
        yield from _asked(where, partial(study.outcome, spec.outcome, spec.period, complete=complete))


def _trial(contract: Contract, study: Study, spec: Trial, at: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what is wrong with the columns that say who was assigned, or moved, by what."""
    complete = spec.missing == "refuse"
    if isinstance(spec, InstrumentalVariable):
        for place, column in enumerate(spec.instrument):
            yield from _asked(
                contract.where(*at, "instrument", place), partial(study.column, column, complete=complete)
            )
        return
    plain = isinstance(spec, ClusterMeans) or spec.control is None
    ask = (
        partial(study.arm, spec.assigned)
        if plain and complete
        else partial(study.column, spec.assigned, complete=complete)
    )
    yield from _asked(contract.where(*at, "assigned"), ask)
    if isinstance(spec, ClusterMeans) and (spec.cluster or study.cluster) is None:
        what = "kind cluster_means compares groups of people, and nothing says which"
        yield Problem("CONTRACT-016", what, contract.where(*at), "name a column of people under `cluster:`")
    if not isinstance(spec, Experiment):
        return
    for column in () if spec.attrition is None else spec.attrition.weight_by:
        yield from _asked(contract.where(*at, "attrition", "weight_by"), partial(study.column, column, complete=False))
    if study.outcomes is not None and spec.outcome in study.outcome_names:
        known = study.periods(spec.outcome)
        for place, period in enumerate(spec.before):
            where = contract.where(*at, "before", place)
            if period not in known:
                what = f"outcome '{spec.outcome}' has no period '{period}'{did_you_mean(period, known)}"
                yield Problem("DATA-015", what, where, "name earlier periods of the outcome")
            else:
                yield from _asked(where, partial(study.outcome, spec.outcome, period, complete=complete))


def _groups(contract: Contract, study: Study, spec: ComparisonDesign, at: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what is wrong with the columns, or the services, that say who was treated."""
    if spec.treated is None and study.services is None:
        what = "the study has no services.csv, and `treated:` names no column"
        fix = "name a column of people under `treated:`, or add the table to the study folder"
        yield Problem("DATA-019", what, contract.where(*at), fix)
    marks = spec.control is None and spec.missing == "refuse"
    if isinstance(spec, LongitudinalWeighting):
        for number, names in enumerate(spec.before):
            for name in names:
                yield from _asked(contract.where(*at, "before", number), partial(study.column, name, complete=False))
    for place, column in enumerate(spec.exact if isinstance(spec, Matching) else ()):
        where = contract.where(*at, "exact", place)
        yield from _asked(where, partial(study.column, column, complete=spec.missing == "refuse"))
    for column in spec.treated_columns:
        ask = partial(study.arm, column) if marks else partial(study.column, column, complete=spec.missing == "refuse")
        yield from _asked(contract.where(*at, "treated"), ask)


def _over_time(contract: Contract, study: Study, spec: OverTime | Placed, at: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what a panel lacks: each problem with the key of the contract that names the column, where one does."""
    named: dict[str, str] = {}
    for key in type(spec).model_fields:
        value = getattr(spec, key)
        for name in value if isinstance(value, tuple) else (value,):
            if isinstance(name, str) and key != "kind":
                named.setdefault(name, key)
    for name in spec.effect_columns() if isinstance(spec, FixedEffectsDesign) else ():
        named.setdefault(name, "fixed_effects")
    asks: list[Callable[[], Any]] = [partial(rehearse, spec, study)]
    own = study.places if spec.level == "places" and study.level == "people" else study
    if own is not None and own.outcomes is not None:
        asks.append(partial(draw_panel, spec, study, spec.varying() if isinstance(spec, AdoptionDesign) else ()))
    for ask in asks:
        try:
            ask()
        except DataError as error:
            for problem in error.problems:
                keys = [key for name, key in named.items() if f"'{name}'" in problem.what]
                place = contract.where(*at, *keys[:1])
                yield Problem(problem.code, problem.what, f"{problem.where} (asked for in {place})", problem.fix)
        except CounterfoilError:
            continue  # what the data cannot answer is a refusal of the effect, and no problem of the files


def _services(contract: Contract, study: Study, spec: Dividing, at: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what services lack that a design divides by: any at all, start dates of cohorts, doses."""
    if study.services is None:
        yield Problem("DATA-019", "the study has no services.csv", contract.where(*at))
        return
    key = "periods" if isinstance(spec, PanelContribution) and spec.periods else "kind"
    column = "start" if key == "periods" else "dose" if isinstance(spec, DoseResponse) else None
    if column is None:
        return
    where = f"services.csv (asked for in {contract.where(*at, key)})"
    if column not in study.services:
        yield Problem("DATA-004", f"column '{column}' is missing, and kind {spec.kind} needs it", where)
        return
    credited = study.services["provider"].isin(list(spec.providers))
    blank = int(study.services.loc[credited, column].isna().sum())
    if blank:
        yield Problem("DATA-014", f"column '{column}' is blank for {blank} services", where)


def _periods(contract: Contract, study: Study, spec: PanelContribution, at: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what the outcomes of a panel's periods lack."""
    outcome = contract.where(at[0], at[1], "outcome")
    if spec.outcome not in study.outcome_names:
        yield from _asked(outcome, partial(study.outcome, spec.outcome, spec.labels[0]))
        return
    known = study.periods(spec.outcome)
    places = {label: contract.where(*at, "periods", label) for label in spec.periods}
    places |= {label: contract.where(*at, "before") for label in spec.before}
    places |= {label: contract.where(*at, key) for key in ("baseline", "period") if (label := getattr(spec, key))}
    for label, where in places.items():
        if label not in known:
            # What else stands in the column may be anything, where it is much.
            there = did_you_mean(label, known) or (f"; it has {listed(known, 12)}" if len(known) <= 12 else "")
            yield Problem("DATA-012", f"outcome '{spec.outcome}' has no period '{label}'{there}", where)
        else:
            ask = partial(study.outcome, spec.outcome, label, complete=spec.missing == "refuse")
            yield from _asked(where, ask)


def _asked(where: str, ask: Callable[[], Any]) -> Iterator[Problem]:
    """Yield the problems of asking the study for something, with the place in the contract that asks."""
    try:
        ask()
    except CounterfoilError as error:
        for problem in error.problems:
            place = f"{problem.where} (asked for in {where})" if problem.where else where
            yield Problem(problem.code, problem.what, place, problem.fix)
