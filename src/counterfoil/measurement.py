"""How the contract measures an effect and divides what is due for it, in sentences."""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

from counterfoil.attribution.gains.round_effect import IN_WORDS
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.gate import Gate
from counterfoil.attribution.payment.split import Split
from counterfoil.contract import Comparison, Effect
from counterfoil.estimators.fixed_baseline import FixedBaseline
from counterfoil.estimators.published import Published
from counterfoil.report.comparison_words import terms_told
from counterfoil.report.designs import describe_design
from counterfoil.terms_in_words import listed_terms, say
from counterfoil.verdict import agreed_parts, describe_gate, split_terms

SAID: Final = (
    *("outcome", "better", "estimator", "gate", "split", "planning", "doubtful", "groups", "display"),
    *("graph", "negative_controls"),
)
"""Terms of an effect that are said one by one here, or that no money depends on."""

BASELINES: Final = {
    "historical": "of earlier people",
    "fixed_rate": "that the contract states",
    "benchmark": "of other people of the same time",
}


def measured(name: str, effect: Effect, words: Words) -> Iterator[str]:
    """Yield the sentences about one effect: what it is, how people are compared, what must be shown, what changes it.

    Parameters
    ----------
    name : str
        The effect's name in the contract.
    effect : Effect
    words : Words
    """
    spec: Any = effect.estimator
    if hasattr(spec, "sentence"):
        yield say(spec, words, name)
    else:
        direction = "rise" if effect.better == "higher" else "fall"
        yield f"{name} is the {direction} in {effect.outcome} that the programme caused. {compared(spec, words)}"
    if hasattr(spec, "sentence") and effect.better == "lower":
        yield f"A fall in {name} is a gain."
    if effect.gate is not None:
        yield gate_sentence(name, effect.gate, words)
    if effect.relative:
        yield f"{name} is taken in per cent of the mean that people would have had without the programme."
    if effect.settled_in is not None:
        yield f"{name} becomes known in {effect.settled_in}."
    for field in type(effect).model_fields:
        value = getattr(effect, field)
        if field not in SAID and isinstance(value, BaseModel):
            yield say(value, words, name)
    yield from _held_against(name, effect)


def _held_against(name: str, effect: Effect) -> Iterator[str]:
    """Yield what the parties declared an effect to be held against."""
    if effect.graph is not None:
        yield f"As the parties see it, {'; '.join(effect.graph.reading())}. What follows for {name} is shown beside it and moves no money."
    controls = effect.negative_controls
    if controls is None:
        return
    named = [(f"the programme cannot have moved {one.called}", one.why) for one in controls.outcomes]
    named += [(f"{one.column} cannot have moved {effect.outcome}", one.why) for one in controls.treatments]
    told = "; ".join(f"{what} ({why})" if why else what for what, why in named)
    yield f"As the parties see it, {told}. This is tested as {name} is measured, shown beside it, and moves no money."


def gate_sentence(name: str, gate: BaseModel, words: Words) -> str:
    """Say what must be shown before anything is due for an effect."""
    if not isinstance(gate, Gate):
        return f"{say(gate, words, name)} Nothing is due for {name} while it is shut."
    return f"Nothing is due for {name} unless the {describe_gate(gate)} of its gain per person exceeds {gate.total_above:g}."


def compared(spec: BaseModel, words: Words) -> str:
    """Say how a design compares people, with every term of it that was set."""
    if isinstance(spec, Published):
        first = (
            f"What counts is the {spec.estimand_in_words}, estimated by {spec.design}, as published in {spec.source}."
        )
        said: tuple[str, ...] = ("design", "estimand", "meaning", "source")
    elif isinstance(spec, FixedBaseline):
        among = "people who were served" if spec.among == "served" else "everybody in the study"
        first = (
            f"The mean outcome of {among} is compared with a baseline {BASELINES[spec.baseline]} of {words.number(spec.rate)}, "
            f"which rests on {spec.source}; nobody without the programme is compared."
        )
        said = ("baseline", "rate", "source", "among")
    else:
        design: Any = spec
        first = describe_design(design)
        said = ("blocks", "design", *(["model"] if "Outcome model: " in first else []))
        if isinstance(spec, Comparison):
            said = terms_told(spec)
    rest = listed_terms(spec, words, said=("outcome", *said))
    return f"{first} Its further terms: {rest}." if rest else first


def divided(split: Split, words: Words) -> Iterator[str]:
    """Yield how what is due for an effect is divided: the rule, its terms, and what is agreed beside it."""
    for party, fraction in split.carve_outs.items():
        yield f"{words.percent(fraction)} goes to {words.party(party)} first"
    rest = "the rest is" if split.carve_outs else "it is"
    yield f"{rest} divided by the rule {split.rule}"
    yield from rule_terms(split, words)
    if split.negative == "project" and split.projection_weights == "identity":
        yield "credits below zero are raised to zero, and the others lowered by one amount so that the sum stays"
    yield from split_terms(split, words)


def rule_terms(split: Split, words: Words) -> Iterator[str]:
    """Yield the terms of a rule: alliances, stages, agreed fractions, ties."""
    if split.unions:
        yield f"alliances are {words.listed(' with '.join(map(words.party, union)) for union in split.unions)}"
    if split.stages:
        yield f"stages are {', then '.join(words.listed(map(words.party, stage)) for stage in split.stages)}"
    if split.fractions:
        yield f"the agreed fractions are {agreed_parts(split.fractions, words)}"
    if split.ties is not None:
        how = {"equal": "shared equally", "contract_order": "given to whoever stands first in the contract"}[split.ties]
        yield f"the gain of a person for whom two did equally much is {how}"


def rounding_in_words(mode: str) -> str:
    """Say what becomes of a half."""
    return IN_WORDS[mode]
