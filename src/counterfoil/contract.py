"""The contract: parties, effects, payments; typed from the text of a YAML file, and strict.

The specs of estimators and payment clauses are composed here, so that the Python object, the YAML node and the JSON
Schema of every term are one.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, StringConstraints, Tag, ValidationError

from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.currency import MINOR_DIGITS, decimals_beyond
from counterfoil.attribution.payment.gate import Gate
from counterfoil.attribution.payment.money import Rounding
from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.attribution.rules import NAMED, answered_rules, is_efficient, rule_named
from counterfoil.errors import CounterfoilError, Problem, did_you_mean, listed, raise_any
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.dose_response import DoseResponse
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.sequential import SequentialContribution
from counterfoil.source import Source, read_source
from counterfoil.translation import translate

VERSION: Final = 1
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_ .&'()-]*$", max_length=80)]
Role = Literal["provider", "backbone", "outcome_payer", "investor", "intermediary", "evaluator", "other"]
Dividing = Contribution | PanelContribution | SequentialContribution | DoseResponse
"""Designs whose gain is divided among providers."""
Estimator = Annotated[Experiment | Dividing, Field(discriminator="kind")]


class _Term(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(_Term):
    """Somebody who signs."""

    role: Role = Field(description="What the party does under the contract; providers share the gain.")
    name: str | None = Field(None, description="Full name, for reports.")


class Planning(_Term):
    """What is assumed of outcomes before they are read, to say what the study can detect."""

    std_dev: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="Standard deviation of the outcome, or in a panel of its change since the baseline, in its own units.",
    )
    icc: float = Field(0.0, ge=0, lt=1, description="Correlation of outcomes within clusters.")
    power: float = Field(0.8, gt=0.5, lt=1, description="Chance with which an effect should be detected.")


class Effect(_Term):
    """One effect of the programme: how it is measured, when it counts, how it is divided."""

    outcome: str = Field(description="The outcome in the study.")
    better: Literal["higher", "lower"] = Field(description="Which direction of the outcome is a gain.")
    estimator: Estimator = Field(description="The design that measures it.")
    gate: Gate | None = Field(None, description="What must be shown before anything is due.")
    split: Split | None = Field(None, description="How the gain is divided among providers.")
    planning: Planning | None = Field(None, description="Assumptions for `counterfoil check`.")
    doubtful: tuple[
        Literal["consistency", "no_interference", "exchangeability", "positivity", "no_substitution"], ...
    ] = Field(
        (),
        description="Assumptions that the parties know to be doubtful; the report shows them so. In a panel, exchangeability "
        "stands for trends that are parallel, in stages for there being no other causes at any stage.",
    )
    groups: tuple[str, ...] = Field(
        (),
        description="Columns of people, such as a site: the report shows who gains, and whom nobody serves, by them.",
    )
    display: Literal["units", "points"] = Field(
        "units", description="Show effects in the outcome's units, or (for shares and rates) in percentage points."
    )


def _clause_kind(value: Any) -> str:
    keys = value if isinstance(value, dict) else type(value).model_fields if isinstance(value, BaseModel) else ()
    return "cap" if "cap" in keys else "unit_price"


Payment = Annotated[Annotated[UnitPrice, Tag("unit_price")] | Annotated[Cap, Tag("cap")], Discriminator(_clause_kind)]


class Contract(_Term):
    """An outcomes contract.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    >>> contract.players
    ('default', 'intensive')
    """

    counterfoil: int = Field(description="Version of the contract language; 1.")
    name: str = Field(description="What the contract is called.")
    currency: str = Field(description="ISO 4217 code, such as USD.")
    rounding: Rounding = Field("half_up", description="How a pot is rounded to the smallest unit of the currency.")
    parties: dict[Name, Party] = Field(min_length=1, description="Everybody who signs, by short name.")
    effects: dict[Name, Effect] = Field(min_length=1, description="The effects that are measured, by short name.")
    payments: tuple[Payment, ...] = Field((), description="Prices and limits, in order.")

    _source: Source | None = PrivateAttr(default=None)

    def where(self, *path: str | int) -> str:
        """Return where a term stands: file, line and column, or its path in a contract made in Python."""
        if self._source is not None:
            return self._source.where(path)
        return "contract: " + ".".join(str(part) for part in path)

    @property
    def digest(self) -> str:
        """SHA-256 of the file, or of the terms of a contract made in Python."""
        if self._source is not None:
            return self._source.digest
        terms = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(terms.encode()).hexdigest()

    @property
    def players(self) -> tuple[str, ...]:
        """The providers, among whom gains are divided, in contract order."""
        return tuple(name for name, party in self.parties.items() if party.role == "provider")

    @property
    def payers(self) -> tuple[str, ...]:
        """The outcome payers, in contract order."""
        return tuple(name for name, party in self.parties.items() if party.role == "outcome_payer")

    def spec(self, effect: str) -> Experiment | Dividing:
        """Return an effect's estimator with what the contract says elsewhere filled in: outcome and providers.

        Stages are not filled in: which provider works when is for the estimator to say.
        """
        asked = self.effects[effect]
        filled: dict[str, Any] = {"outcome": asked.outcome}
        if "providers" in type(asked.estimator).model_fields:
            filled["providers"] = self.credited(effect)
        return asked.estimator.model_copy(update=filled)

    def divider(self, effect: str) -> str:
        """Return the effect whose credits divide an effect's pot: the one that its split names, or itself."""
        split = self.effects[effect].split
        return effect if split is None or split.credits_from is None else split.credits_from

    def credited(self, effect: str) -> tuple[str, ...]:
        """Return the providers among whom an effect's gain is divided, where its design divides it."""
        estimator = self.effects[effect].estimator
        return (estimator.providers if isinstance(estimator, Dividing) else ()) or self.players

    def credits(self, effect: str) -> tuple[str, ...]:
        """Return what the credits of an effect are called: providers, and those credited together by one name."""
        estimator = self.effects[effect].estimator
        together = estimator.together if isinstance(estimator, Contribution) else ()
        joint = {name: " + ".join(group) for group in together for name in group}
        return tuple(dict.fromkeys(joint.get(name, name) for name in self.credited(effect)))

    def counts_unserved(self, effect: str) -> bool:
        """Whether an effect counts what services would be worth to people who did not have them."""
        estimator = self.effects[effect].estimator
        return isinstance(estimator, Contribution) and estimator.scope == "everyone"

    def receiver(self, clause: UnitPrice) -> str | None:
        """Return who receives a clause's money when it is not divided: `to`, or the only provider."""
        if clause.to is not None:
            return clause.to
        return self.players[0] if len(self.players) == 1 else None


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
    source = read_source(path)
    problems = _version(source)
    raise_any(problems)
    try:
        contract = Contract.model_validate(source.data)
    except ValidationError as error:
        problems = [translate(detail, source, Contract) for detail in error.errors(include_url=False)]
        raise_any(sorted(problems, key=lambda problem: _line(problem.where)))
        raise
    contract._source = source
    raise_any(sorted(contradictions(contract), key=lambda problem: _line(problem.where)))
    return contract


def _line(where: str) -> list[int]:
    return [int(number) for number in re.findall(r"(?:line|column) (\d+)", where)]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a contract, for editors.

    Examples
    --------
    >>> sorted(json_schema()["required"])
    ['counterfoil', 'currency', 'effects', 'name', 'parties']
    """
    schema = Contract.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "counterfoil contract"}


def contradictions(contract: Contract) -> list[Problem]:
    """Return whatever in a well-typed contract contradicts itself or refers to nothing."""
    return [
        *_check_money(contract),
        *_check_effects(contract),
        *_check_one_kind_of_credit(contract),
        *(
            problem
            for number, clause in enumerate(contract.payments)
            for problem in _check_clause(contract, number, clause)
        ),
    ]


def _version(source: Source) -> list[Problem]:
    written = source.data.get("counterfoil")
    if written is None or written == str(VERSION):
        return []
    what = "`counterfoil:` must be 1, the version of the contract language"
    return [Problem("CONTRACT-009", what, source.where(("counterfoil",)))]


def _check_money(contract: Contract) -> Iterator[Problem]:
    if contract.currency not in MINOR_DIGITS:
        hint = did_you_mean(contract.currency, MINOR_DIGITS)
        what = f"'{contract.currency}' is no ISO 4217 currency{hint}"
        yield Problem("CONTRACT-013", what, contract.where("currency"))
    for number, clause in enumerate(contract.payments):
        key = "cap" if isinstance(clause, Cap) else "price"
        amount = clause.cap if isinstance(clause, Cap) else clause.price
        where = contract.where("payments", number, key)
        if amount < 0:
            yield Problem("CONTRACT-011", f"`{key}` is negative", where)
        elif contract.currency in MINOR_DIGITS and decimals_beyond(amount, contract.currency):
            digits = MINOR_DIGITS[contract.currency]
            yield Problem("CONTRACT-012", f"`{key}` has more than the {digits} decimals of {contract.currency}", where)


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
        ((source.outcome, _when(source.estimator)) != (pot.outcome, _when(pot.estimator)), "its outcome or period is another"),
        (source.better != pot.better, "its `better:` is the other direction"),
    ]  # fmt: skip
    for contradicts, why in wrong:
        if contradicts:
            yield Problem("CONTRACT-016", f"'{split.credits_from}' cannot divide '{name}': {why}", where)
    yield from _check_otherwise(contract, name, split)


def _when(estimator: Experiment | Dividing) -> tuple[object, ...]:
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
    if sum(split.carve_outs.values(), Decimal(0)) > 1:
        yield Problem("CONTRACT-016", "the carve-outs exceed the whole pot", contract.where(*at, "carve_outs"))


def _other_rule(estimator: Experiment | Dividing, rule: str, payable: list[str], where: str) -> Problem:
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


def _check_clause(contract: Contract, number: int, clause: UnitPrice | Cap) -> Iterator[Problem]:
    at = ("payments", number)
    if clause.effect is not None and clause.effect not in contract.effects:
        what = f"no effect is called '{clause.effect}'{did_you_mean(clause.effect, contract.effects)}"
        yield Problem("CONTRACT-010", what, contract.where(*at, "effect"))
        return
    if isinstance(clause, Cap):
        if (clause.scope == "effect") != (clause.effect is not None):
            what = "a cap with scope effect names its `effect:`, and one with scope contract names none"
            yield Problem("CONTRACT-016", what, contract.where(*at, "scope"))
        return
    effect = contract.effects[clause.effect]
    for key, party in (("to", clause.to), ("payer", clause.payer)):
        if party is not None and party not in contract.parties:
            what = f"no party is called '{party}'{did_you_mean(party, contract.parties)}"
            yield Problem("CONTRACT-010", what, contract.where(*at, key))
    if clause.payer in contract.parties and clause.payer not in contract.payers:
        yield Problem("CONTRACT-016", f"'{clause.payer}' is no outcome payer", contract.where(*at, "payer"))
    if clause.payer is None and len(contract.payers) != 1:
        what = f"there are {len(contract.payers)} outcome payers and the clause names none"
        yield Problem("CONTRACT-018", what, contract.where(*at))
    if effect.split is not None and clause.to is not None:
        what = "the effect is split among providers and the clause names one receiver"
        yield Problem("CONTRACT-016", what, contract.where(*at, "to"))
    if effect.split is None and contract.receiver(clause) is None:
        what = f"effect '{clause.effect}' has no split and the clause no `to:`"
        yield Problem("CONTRACT-015", what, contract.where(*at))
    everyone = contract.counts_unserved(clause.effect)
    if everyone and clause.people is None:
        what = f"effect '{clause.effect}' has scope everyone"
        yield Problem("CONTRACT-017", what, contract.where(*at))
    if clause.people is not None and not everyone:
        what = "`people: everyone` fits only an effect with scope everyone"
        yield Problem("CONTRACT-016", what, contract.where(*at, "people"))
