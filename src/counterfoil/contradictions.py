"""A well-typed contract against itself: does it contradict itself, or refer to nothing?"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, get_args

from pydantic import ValidationError

from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.rules import NAMED, answered_rules, is_efficient, rule_named
from counterfoil.capital_checks import check_capital
from counterfoil.clause_checks import check_clauses, check_money
from counterfoil.contract import Contract, Dividing, OverTime
from counterfoil.count_checks import check_counts
from counterfoil.effect_checks import check_adjusted
from counterfoil.errors import CounterfoilError, Problem, did_you_mean, listed
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.sequential import SequentialContribution


def contradictions(contract: Contract) -> list[Problem]:
    """Return whatever in a well-typed contract contradicts itself or refers to nothing."""
    found = [
        *_check_something(contract),
        *check_money(contract),
        *check_counts(contract),
        *_check_effects(contract),
        *_check_one_kind_of_credit(contract),
        *check_adjusted(contract),
        *check_clauses(contract),
        *check_capital(contract),
    ]
    return [*found, *_check_amendments(contract, found)]


def _check_amendments(contract: Contract, found: list[Problem]) -> Iterator[Problem]:
    """Yield amendments that change nothing that there is, or that make the contract contradict itself."""
    known = {(problem.code, problem.what) for problem in found}
    for number, amendment in enumerate(contract.amendments):
        where = contract.where("amendments", number)
        if amendment.since not in contract.periods:
            what = f"there is no period '{amendment.since}'{did_you_mean(amendment.since, contract.periods)}"
            yield Problem("CONTRACT-010", what, contract.where("amendments", number, "from"))
            continue
        try:
            later = contract.as_of(amendment.since)
        except CounterfoilError as error:
            yield from (Problem(problem.code, problem.what, where, problem.fix) for problem in error.problems)
            continue
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                place = ".".join(str(part) for part in detail["loc"])
                said = str(detail["msg"]).removeprefix("Value error, ")
                yield Problem("CONTRACT-016", f"the amended term at {place}: {said}", where)
            continue
        # The version has all amendments so far in it and none to come.
        for problem in contradictions(later.model_copy(update={"amendments": ()})):
            if (problem.code, problem.what) not in known:
                known.add((problem.code, problem.what))
                yield Problem(problem.code, f"as amended: {problem.what}", where, problem.fix)


def _check_something(contract: Contract) -> Iterator[Problem]:
    if not (contract.effects or contract.quantities or contract.unread):
        yield Problem("CONTRACT-005", "there are neither `effects:` nor `quantities:`", contract.where("payments"))


def _check_effects(contract: Contract) -> Iterator[Problem]:
    for name, effect in contract.effects.items():
        at = ("effects", name)
        stated = effect.estimator.outcome
        if stated is not None and stated != effect.outcome:
            what = f"the effect's outcome is '{effect.outcome}' and its estimator's is '{stated}'"
            yield Problem("CONTRACT-016", what, contract.where(*at, "estimator", "outcome"))
        if isinstance(effect.estimator, Dividing):
            yield from _check_players(contract, name, effect.estimator)
            if isinstance(effect.estimator, Contribution):
                yield from _check_together(contract, name, effect.estimator)
        elif effect.split is not None and effect.split.credits_from is None:
            yield Problem(
                "CONTRACT-016",
                effect.estimator.own_rules.why,
                contract.where(*at, "split"),
                "use `estimator: {kind: contribution}`, name an effect of that kind under `credits_from:`, or pay one party "
                "with `to:` in the clause",
            )
        if effect.split is not None:
            yield from _check_credits_from(contract, name, effect.split)
            yield from _check_inside(contract, name, effect.split)
            yield from _check_split(contract, name, effect.split)


def _check_one_kind_of_credit(contract: Contract) -> Iterator[Problem]:
    dividers = {
        name: contract.effects[contract.divider(name)].estimator
        for name, effect in contract.effects.items()
        if effect.split is not None and contract.divider(name) in contract.effects
    }
    referring = {name: isinstance(estimator, SequentialContribution) for name, estimator in dividers.items()}
    first = next(iter(referring), None)
    for name, refers in referring.items():
        if first is not None and refers != referring[first]:
            one, other = (first, name) if referring[first] else (name, first)
            what = f"the credits of '{one}' include referrals and those of '{other}' do not"
            yield Problem("CONTRACT-019", what, contract.where("effects", name, "split"))
            return


def _check_players(contract: Contract, name: str, estimator: Dividing) -> Iterator[Problem]:
    key = "stages" if isinstance(estimator, SequentialContribution) else "providers"
    where = contract.where("effects", name, "estimator", key)
    for provider in estimator.providers:
        if provider not in contract.players:
            what = f"'{provider}' is no party with role provider{did_you_mean(provider, contract.players)}"
            yield Problem("CONTRACT-010", what, where)
    for provider in estimator.backbone if isinstance(estimator, Contribution) else ():
        if provider not in contract.parties:
            what = f"'{provider}' is no party{did_you_mean(provider, contract.parties)}"
            yield Problem("CONTRACT-010", what, contract.where("effects", name, "estimator", "backbone"))
        elif provider in contract.credited(name):
            what = f"'{provider}' is a provider that shares the gain, and a backbone over which gains are counted"
            yield Problem("CONTRACT-016", what, contract.where("effects", name, "estimator", "backbone"))
    if not (estimator.providers or contract.players):
        yield Problem("CONTRACT-010", "no party has role provider, so there is nobody to credit", where)


def _check_together(contract: Contract, name: str, estimator: Contribution) -> Iterator[Problem]:
    at = ("effects", name, "estimator", "together")
    credited, named = contract.credited(name), [provider for group in estimator.together for provider in group]
    for number, group in enumerate(estimator.together):
        where = contract.where(*at, number)
        if len(group) < 2:
            yield Problem("CONTRACT-016", "a set of providers credited together names fewer than two", where)
        for provider in dict.fromkeys(group):
            if provider not in credited:
                what = f"'{provider}' is no provider that is credited here{did_you_mean(provider, credited)}"
                yield Problem("CONTRACT-010", what, where)
            elif named.count(provider) > 1:
                yield Problem("CONTRACT-016", f"'{provider}' is named twice among those credited together", where)


def _check_credits_from(contract: Contract, name: str, split: Split) -> Iterator[Problem]:
    at = ("effects", name, "split")
    if split.credits_from is None:
        for key, given in (("otherwise", bool(split.otherwise)), ("disagreement", split.disagreement == "refuse")):
            if given:
                what = f"`{key}` is for a split whose credits are another effect's, and no `credits_from:` names one"
                yield Problem("CONTRACT-016", what, contract.where(*at, key))
        return
    where = contract.where(*at, "credits_from")
    if split.credits_from not in contract.effects:
        what = f"no effect is called '{split.credits_from}'{did_you_mean(split.credits_from, contract.effects)}"
        yield Problem("CONTRACT-010", what, where)
        return
    pot, source = contract.effects[name], contract.effects[split.credits_from]
    wrong = [
        (split.credits_from == name, "an effect takes its own credits when `credits_from:` is left out"),
        (not isinstance(source.estimator, Dividing), "its estimator does not divide a gain among providers, so it has no credits"),
        (source.outcome != pot.outcome or _apart(source.estimator, pot.estimator), "its outcome or period is another"),
        (source.better != pot.better, "its `better:` is the other direction"),
    ]  # fmt: skip
    for contradicts, why in wrong:
        if contradicts:
            yield Problem("CONTRACT-016", f"'{split.credits_from}' cannot divide '{name}': {why}", where)
    yield from _check_otherwise(contract, name, split)


def _apart(source: Any, pot: Any) -> bool:
    """Tell whether credits are of another time than the pot; one measured over time uses every period that there is."""
    return not isinstance(pot, OverTime) and _when(source) != _when(pot)


def _when(estimator: Any) -> tuple[object, ...]:
    """Return when a design's gain is measured; that of dated periods is over all but the first."""
    if isinstance(estimator, PanelContribution) and estimator.periods:
        return (*estimator.labels, estimator.across)
    return (estimator.period,)


def _check_inside(contract: Contract, name: str, split: Split) -> Iterator[Problem]:
    at = ("effects", name, "split", "inside")
    divider = contract.effects.get(contract.divider(name))
    if split.credits == "shrunk" and divider is not None and not isinstance(divider.estimator, Contribution):
        what = "credits can be shrunk for an estimator of kind contribution only"
        yield Problem("CONTRACT-016", what, contract.where("effects", name, "split", "credits"))
    for party, fraction in split.inside.items():
        if party not in contract.players:
            what = f"'{party}' is no party with role provider{did_you_mean(party, contract.players)}"
            yield Problem("CONTRACT-010", what, contract.where(*at, party))
        if fraction < 0:
            yield Problem("CONTRACT-011", f"the agreed fraction of '{party}' is negative", contract.where(*at, party))
    if divider is None or not isinstance(divider.estimator, Contribution):
        return
    together = divider.estimator.together
    joint = {party for group in together for party in group}
    for party in split.inside:
        if divider.estimator.aliases == "refuse" and party in contract.players and party not in joint:
            what = f"'{party}' is credited by itself, and the agreed fractions are of credits of several together"
            yield Problem("CONTRACT-016", what, contract.where(*at, party))
    for group in together:
        if sum((split.inside.get(party, Decimal(0)) for party in group), Decimal(0)) != 1:
            what = f"{listed(group)} are credited together, and their agreed fractions do not sum to one"
            yield Problem("CONTRACT-016", what, contract.where("effects", name, "split"))


def _check_otherwise(contract: Contract, name: str, split: Split) -> Iterator[Problem]:
    at = ("effects", name, "split", "otherwise")
    credited = contract.credited(contract.divider(name))
    for party, fraction in split.otherwise.items():
        where = contract.where(*at, party)
        if party not in credited:
            what = f"'{party}' is no provider that is credited here{did_you_mean(party, credited)}"
            yield Problem("CONTRACT-010", what, where)
        if fraction < 0:
            yield Problem("CONTRACT-011", f"the agreed fraction of '{party}' is negative", where)
    if split.otherwise and sum(split.otherwise.values(), Decimal(0)) != 1:
        yield Problem("CONTRACT-016", "the agreed fractions do not sum to one", contract.where(*at))


def _check_split(contract: Contract, name: str, split: Split) -> Iterator[Problem]:
    at = ("effects", name, "split")
    divider = contract.divider(name)
    estimator = contract.effects[divider if divider in contract.effects else name].estimator
    # An effect without credits of its own is refused elsewhere; its rule may then be any.
    answers = (answered_rules(estimator) if isinstance(estimator, Dividing) else ()) or tuple(NAMED)
    payable = [rule for rule in answers if is_efficient(rule)]
    if split.credits == "shrunk" and isinstance(estimator, Dividing) and not isinstance(estimator, Contribution):
        what = f"credits of kind {estimator.kind} cannot be shrunk; those of kind contribution can"
        yield Problem("CONTRACT-016", what, contract.where(*at, "credits"), "write `credits: raw`, or leave it out")
    if split.rule not in NAMED:
        what = f"there is no rule '{split.rule}'{did_you_mean(split.rule, answers)}"
        yield Problem("CONTRACT-007", what, contract.where(*at, "rule"), f"write {listed(payable, limit=20)}")
    elif split.rule not in answers:
        yield _other_rule(estimator, split.rule, payable, contract.where(*at, "rule"))
    elif split.rule not in payable:
        what = f"the credits of rule '{split.rule}' do not sum to the gain"
        yield Problem("CONTRACT-014", what, contract.where(*at, "rule"))
    else:
        try:
            rule_named(split.rule, contract.credits(divider if divider in contract.effects else name), **split.terms)
        except CounterfoilError as error:
            yield Problem("CONTRACT-016", error.problems[0].what, contract.where(*at), error.problems[0].remedy)
    for party, fraction in split.carve_outs.items():
        where = contract.where(*at, "carve_outs", party)
        if party not in contract.parties:
            what = f"no party is called '{party}'{did_you_mean(party, contract.parties)}"
            yield Problem("CONTRACT-010", what, where)
        elif party in contract.players:
            yield Problem(
                "CONTRACT-016",
                f"'{party}' is a provider and shares the gain already",
                where,
                "give it `role: backbone` if it is to receive a fixed part instead",
            )
        if fraction < 0:
            yield Problem("CONTRACT-011", f"the carve-out of '{party}' is negative", where)
    yield from _check_minimum(contract, name, split, divider)
    if sum(split.carve_outs.values(), Decimal(0)) > 1:
        yield Problem("CONTRACT-016", "the carve-outs exceed the whole pot", contract.where(*at, "carve_outs"))


def _check_minimum(contract: Contract, name: str, split: Split, divider: str) -> Iterator[Problem]:
    at = ("effects", name, "split")
    credited = contract.credits(divider if divider in contract.effects else name)
    for party, fraction in split.minimum.items():
        where = contract.where(*at, "minimum", party)
        if party not in credited:
            what = f"'{party}' is not credited by itself here{did_you_mean(party, credited)}"
            yield Problem("CONTRACT-010", what, where)
        if fraction < 0:
            yield Problem("CONTRACT-011", f"the minimum of '{party}' is negative", where)
    if sum(split.minimum.values(), Decimal(0)) > 1:
        yield Problem("CONTRACT-016", "the minimum parts exceed the whole", contract.where(*at, "minimum"))


def _other_rule(estimator: Any, rule: str, payable: list[str], where: str) -> Problem:
    """Say why a design does not answer a rule that there is, and what does."""
    if estimator.own_rules is not None:
        what = f"rule '{rule}' does not go with kind {estimator.kind}: {estimator.own_rules.why}"
        return Problem("CONTRACT-016", what, where, f"write `rule: {payable[0]}`")
    kinds = [
        design.model_fields["kind"].default
        for design in get_args(Dividing)
        if design.own_rules is not None and rule in design.own_rules.names
    ]
    what = f"rule '{rule}' goes only with kind {listed(kinds)}"
    return Problem("CONTRACT-016", what, where, f"write `kind: {kinds[0]}`, or one of {listed(payable, limit=20)}")
