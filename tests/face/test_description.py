"""The contract in plain words: every term that moves money shows, in a section where a contract manager looks for it."""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import counterfoil as cf
from counterfoil.attribution.counting.deductions import Deductions
from counterfoil.attribution.gains.any_gate import AnyGate
from counterfoil.attribution.gains.blend import Blend
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.clauses import CLAUSES
from counterfoil.contract import Contract, Effect
from counterfoil.description import SECTIONS, describe, described
from counterfoil.estimators.fixed_baseline import FixedBaseline
from counterfoil.estimators.published import Published
from counterfoil.measurement import compared, gate_sentence
from counterfoil.terms_in_words import listed_terms, say

CONDITION = {"all": [{"effect": "jail", "at_least": "2", "below": "90"}, {"quantity": "homes", "above": "3"}]}
RICH: dict[str, Any] = {
    "counterfoil": "1",
    "name": "Homes",
    "currency": "USD",
    "rounding": "half_even",
    "parties": {
        "north": {"role": "provider", "name": "the Northern Trust"},
        "south": {"role": "provider"},
        "east": {"role": "provider"},
        "hub": {"role": "backbone"},
        "city": {"role": "outcome_payer", "name": "the City"},
        "state": {"role": "outcome_payer"},
        "bank": {"role": "other"},
    },
    "periods": {
        "y1": {"from": "2016-01-01", "to": "2016-12-31"},
        "y2": {"from": "2017-01-01", "to": "2017-12-31"},
    },
    "settlement": {"basis": "cumulative", "claw_back": "true"},
    "quantities": {
        "homes": {
            "kind": "count", "unit": "day", "metric": "housed", "each": "once_per_period", "per": "family", "group": "site",
            "where": [{"column": "age", "at_least": "18"}, {"column": "sex", "is": "f"}],
            "status": ["validated", "pending"],
            "requires": {"metric": "case", "days": "365", "retroactive": "true"},
            "within": {"metric": "entry", "days": "90"},
            "less": ["jail_days"],
            "reversal": {"metric": "eviction", "within_days": "30"},
            "dose": {"metric": "hours", "at_least": "8", "below": "80", "scope": "period"},
            "audit": {"sampled": "100", "disallowed": "3"},
            "limit": "5000",
        },
        "cards": {"kind": "ladder", "rungs": {"start": {"metric": "start"}, "job": {"metric": "job", "times": "2"}},
                  "any_order": "true", "assign": {
                      "by": "plurality", "of": "job", "measure": "quantity", "order": ["north", "south"],
                      "scope": "period", "steps": [{"by": "plurality", "of": "services", "measure": "dose"}], "providers": ["north", "south"],
                      "ties": "contract_order", "otherwise": "nobody"}},
        "broad": {"kind": "breadth", "metrics": ["job", "school"], "at_least": ["1", "2"], "each": "once"},
        "filled": {"kind": "stock", "start": "hired", "end": "left", "on": "2016-06-30"},
        "hours": {"kind": "reported", "unit": "hour"},
        "net": {"kind": "net", "of": ["homes"], "less": ["hours"], "floor": "2", "deduct": {
            "deadweight": "0.2", "leakage": "0.1", "displacement": "0.05", "substitution": "0.03", "multiplier": "1.1",
            "drop_off": "0.1", "year": "2"}},
        "rate": {"kind": "ratio", "of": "homes", "to": ["homes", "hours"], "reversed": "filled", "treatment": "move"},
    },
    "effects": {
        "jail": {
            "outcome": "jail_days", "better": "lower",
            "estimator": {"kind": "contribution", "design": "unconfounded", "model": "pairwise", "covariates": ["age", "sex"],
                          "cluster": "site", "vcov": "CR1", "providers": ["north", "south", "east"]},
            "gate": {"total_above": "1.5", "bound": "two_sided", "conf_level": "0.9", "looks": "2"},
            "split": {"rule": "owen", "unions": [["north", "south"]], "carve_outs": {"hub": "0.05"}, "credits": "shrunk",
                      "projection_weights": "precision", "inside": {"north": "0.5", "south": "0.5"}},
        },
        "lottery": {
            "outcome": "jail_days", "better": "lower",
            "estimator": {"kind": "experiment", "assigned": "won", "blocks": "site", "adjustment": "additive"},
            "relative": "true", "settled_in": "y2", "gate": {"p_below": "0.05", "sides": "one", "above": "1"},
            "truncate": {"percentile": "99", "tail": "upper"}, "deduct": {"deadweight": "0.2"},
            "completion": {"completion_factor": "1.02", "run_out": "three months"}, "round": {"to": "1"},
            "split": {"rule": "fixed", "fractions": {"north": "0.6", "south": "0.4"}, "credits_from": "jail",
                      "otherwise": {"north": "0.7", "south": "0.3"}, "disagreement": "refuse"},
        },
    },
    "capital": [{
        "receiver": "north", "quantities": ["homes"],
        "drawn": [{"date": "2016-01-01", "amount": "900.00", "tranche": "senior"}],
        "tranches": [
            {"name": "senior", "investor": "bank", "principal": "900.00", "rate": "0.05", "rank": "1"},
            {"name": "junior", "investor": "hub", "kind": "equity", "principal": "100.00", "rank": "2"},
        ],
        "guarantee": {"guarantor": "hub", "share": "0.75", "of": "senior"},
        "return_limit": {"irr": "0.12"},
        "recycle": {"share": "0.5", "until": "y1"},
        "rest": {"north": "0.6", "hub": "0.4"},
        "early_termination": [{"from_year": "2", "share": "0.5"}],
    }],
    "amendments": [
        {"from": "y2", "reason": "rents rose", "changes": {"payments.beds.price": "16.00"},
         "add": [{"cap": "90.00", "scope": "period"}]},
    ],
    "payments": [
        {"name": "beds", "quantity": "homes", "price": "15.12", "to": "north", "payer": "state", "groups": ["a"],
         "at_least": "5", "pays": "excess", "bands": [{"beyond": "100", "price": "12.00"}], "discount": "0.1",
         "escalator": {"rate": "0.02", "since": "y1"}, "rounding": "down", "only_if": CONDITION},
        {"quantity": "cards", "by": "rung", "prices": {"start": "10.00", "job": "30.00"}, "rungs": ["start", "job"],
         "periods": ["y1"], "escalator": {"factors": {"y2": "1.06"}},
         "split": {"by_quantity": "hours", "carve_outs": {"hub": "0.1"}, "minimum": {"south": "0.2"}}},
        {"effect": "jail", "per": "person", "price": "1.01", "people": "everyone", "at_least": "2",
         "bands": [{"beyond": "50", "price": "0.50"}]},
        {"effect": "lottery", "steps": [{"from": "2", "to": "5", "pays": "100.00"}, {"from": "5", "rate": "0.05"}],
         "of": "9000.00", "reached": "above"},
        {"effect": "lottery", "curve": [{"from": "20", "amount": "7.00", "per_unit": "2.00"}]},
        {"quantity": "rate", "sliding": {"lower": "1", "upper": "9", "amount": "50.00", "floor": "3.00"},
         "split": {"fractions": {"north": "0.6", "south": "0.4"}}},
        {"bonus": "5.00", "quantity": "broad", "only_if": {"gate": "jail"}, "split": {"equally": ["north", "south"]}},
        {"quantity": "filled", "savings_share": "0.5", "until": "300.00", "then": "0.25", "to": "south",
         "present_value": {"years": "5", "rate": "0.035", "drop_off": "0.1", "from_now": "true"}},
        {"grant": "9.00", "to": "south", "reason": "a storm", "instead_of": ["beds"], "periods": ["y2"]},
        {"bonus": "6.00", "only_if": {"any": [{"quantity": "rate", "at_most": "80"}, {"gate": "jail"}]},
         "split": {"credits_from": "jail"}},
        {"payers": {"city": "0.25", "state": "0.75"}, "of": ["beds"], "periods": ["y1"]},
        {"payers": {"city": "100.00", "state": "200.00"}, "in_order": "true", "rest": "state"},
        {"name": "topped", "top_up": "0.1", "payer": "state", "of": ["beds"], "periods": ["y1"]},
        {"cap": "400.00", "scope": "contract", "each": "hours", "excess": "carried"},
        {"cap": "300.00", "scope": "period", "of": ["beds"], "carry_over": "true", "periods": ["y1"]},
        {"cap": "200.00", "scope": "payer", "payer": "city", "excess": "next_payer", "then": "state"},
        {"floor": "1.00", "scope": "contract", "to": "north", "from_payer": "state", "only_if": {"gate": "jail"}},
        {"hold": "0.5", "escrow": "bank", "reason": "counted twice?", "of": ["beds"], "provider": "north",
         "periods": ["y2"]},
        {"prime": "north", "fees": {"south": {"each": "hours", "price": "3.00"}, "east": {"fraction": "0.1"}},
         "bonus_pool": {"share": "0.05", "among": ["south", "east"], "by": {"south": "0.5", "east": "0.5"}},
         "limited_to_receipts": "true"},
    ],
}  # fmt: skip


def rich() -> Contract:
    return Contract.model_validate(RICH)


NO_MONEY = ("counterfoil", "kind", "name", "planning", "doubtful", "display")
"""Keys on which no money depends, or that tell what a term is; `to` of a step and a piece is for readers."""

WITHOUT_EFFECT = {
    "capital.0.tranches.1.interest = last",  # a tranche without a rate has no interest
    "effects.lottery.deduct.drop_off = 1",  # one of the two alone takes nothing off
    "effects.lottery.deduct.year = 1",
    "quantities.cards.assign.steps.0.of = servicesx",  # a dose is of services
    "quantities.rate.unit = percentx",  # how a ratio is called
    "effects.jail.split.disagreement = refuse",  # nothing to disagree with without `credits_from`
    "payments.1.pays = excess",  # nothing to exceed without `at_least`
}
"""Changes that no validator would let through, or that change a name only."""


def others(value: Any, annotation: Any, contract: Contract) -> Iterator[Any]:
    """Yield another value of the same kind."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, (int, Decimal)):
        yield value + 1
    elif isinstance(value, float):
        yield value - 0.03125
    elif isinstance(value, date):
        yield value + timedelta(days=1)
    elif isinstance(value, str):
        words = literals(annotation)
        named = [names for names in (contract.parties, contract.effects, contract.quantities) if value in names]
        if words:
            yield from (word for word in words if word != value)
        elif value.replace(".", "").isdecimal():
            yield str(Decimal(value) + 1)
        elif value == contract.currency:
            yield "GBP"
        elif named:
            yield next(name for name in named[0] if name != value)
        else:
            yield f"{value}x"


def literals(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [word for word in get_args(annotation) if isinstance(word, str)]
    return [word for part in get_args(annotation) for word in literals(part)]


def changed(value: Any, annotation: Any, contract: Contract, at: str) -> Iterator[tuple[str, Any]]:
    """Yield a value with one leaf changed, for every leaf; no validator runs, so that each leaf is changed alone."""
    if isinstance(value, BaseModel):
        for name, info in type(value).model_fields.items():
            if name not in NO_MONEY and (name, info.alias) != ("end", "to"):
                for path, other in changed(getattr(value, name), info.annotation, contract, f"{at}.{name}"):
                    yield path, value.model_copy(update={name: other})
    elif isinstance(value, Mapping | tuple):
        items: dict[Any, Any] = dict(value) if isinstance(value, Mapping) else dict(enumerate(value))
        kind = dict if isinstance(value, Mapping) else lambda kept: tuple(kept.values())
        for key, item in items.items():
            for path, other in changed(item, annotation, contract, f"{at}.{key}"):
                yield path, kind({**items, key: other})
            if len(items) > 1:
                yield f"{at}.{key} left out", kind({name: kept for name, kept in items.items() if name != key})
    else:
        for other in others(value, annotation, contract):
            yield f"{at} = {other}", other


def leaves(part: str) -> Iterator[tuple[str, Contract]]:
    contract = rich()
    info = Contract.model_fields[part]
    for path, other in changed(getattr(contract, part), info.annotation, contract, part):
        yield path, contract.model_copy(update={part: other})


@pytest.mark.parametrize("part", [name for name in Contract.model_fields if name in RICH and name not in NO_MONEY])
def test_every_term_that_moves_money_shows(part: str) -> None:
    before = describe(rich())
    silent = []
    for path, contract in leaves(part):
        try:
            same = describe(contract) == before
        except (KeyError, ValidationError):
            same = False  # an effect that a clause names was left out, or a clause to be added is none
        if same and path not in WITHOUT_EFFECT:
            silent.append(path)
    assert silent == []


def test_a_name_that_other_clauses_use_shows() -> None:
    text = describe(rich())
    assert "1. (beds) 15.12 USD is paid for each unit of homes" in text
    assert "Homes\n\nParties\n" in text


def test_sections_stand_in_order_and_clauses_have_their_number_in_the_contract() -> None:
    found = described(rich())
    assert tuple(found) == SECTIONS
    numbers = [sentence.number for part in found.values() for sentence in part if sentence.number is not None]
    assert numbers == list(range(1, len(rich().payments) + 1))
    assert "Limits and order" in describe(rich()).splitlines()


def test_capital_and_changes_stand_in_sections_of_their_own() -> None:
    lines = describe(rich()).splitlines()
    assert lines[lines.index("Who puts the money up") + 1].startswith(
        "  What the Northern Trust receives for homes returns"
    )
    changes = lines[lines.index("Changes") + 1 :]
    assert changes[0].startswith(
        "  From y2, because rents rose, this holds: 1. (beds) 16.00 USD is paid for each unit of homes"
    )
    assert any("No more than 90.00 USD is due" in line for line in changes)


def test_rounding_and_order_are_stated() -> None:
    text = describe(rich())
    assert "Amounts are rounded to 0.01 USD, halves to the even neighbor." in text
    assert "limits and the least that is due, in the order written" in text


def test_a_contract_of_one_payer_says_who_pays_whom() -> None:
    contract = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    assert "1. county pays the providers 40.00 USD for each unit of rise in takeup that was caused" in describe(
        contract
    )
    # With several payers, who pays what is for other clauses to say.
    assert "the City, state pays" not in describe(rich())


EXAMPLES = sorted(cf.datasets.example_folder("rice").parent.glob("*/contract.yaml"))


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda file: file.parent.name)
def test_every_example_is_described(file: Path) -> None:
    assert describe(cf.read_contract(file)).count("\n\n") >= 4


WORDS = Words("USD")


def test_published_effects_and_baselines_say_where_their_figures_stand() -> None:
    published = Published(
        design="lottery",
        estimand="ITT",
        source="Urban Institute 2021, table 5",
        window="three years",
        sample="724 people",
    )
    said = compared(published, WORDS)
    assert "estimated by lottery, as published in Urban Institute 2021, table 5" in said
    assert "window three years, sample 724 people" in said
    rate = FixedBaseline(
        outcome="jobs",
        baseline="historical",
        rate=Decimal("0.4"),
        source="cohort of 2014",
        trend=Decimal("1.02"),
        periods=2,
    )
    said = compared(rate, WORDS)
    assert "a baseline of earlier people of 0.4, which rests on cohort of 2014" in said
    assert "trend 1.02, periods 2" in said


def test_a_blend_and_every_gate_say_themselves() -> None:
    blend = Blend(of={"rct": Decimal("0.8"), "did": Decimal("0.2")})
    assert say(blend, WORDS, "jail") == "jail is 0.8 times rct plus 0.2 times did."
    gate = TypeAdapter(AnyGate).validate_python({"p_below": "0.05", "sides": "one"})
    said = gate_sentence("jail", gate, WORDS)
    assert "p-value of a gain above 0 is below 0.05. Nothing is due for jail while it is shut." in said
    assert say(Deductions(), WORDS, "jail") == "jail counts without deductions."


def test_terms_without_a_sentence_are_listed_when_they_were_set() -> None:
    effect = rich().effects["lottery"]
    assert isinstance(effect, Effect)
    assert listed_terms(effect.estimator, WORDS) == "assigned won, blocks site, adjustment additive"


def test_the_rich_contract_holds_every_kind_of_clause_and_quantity() -> None:
    assert {type(clause) for clause in rich().payments} == set(CLAUSES.values())
