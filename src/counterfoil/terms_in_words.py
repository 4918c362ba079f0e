"""Terms that have no sentence of their own, in words: each key that was set, with its value."""

from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from inspect import signature
from typing import Any

from pydantic import BaseModel

from counterfoil.attribution.money.words import Words


def say(spec: BaseModel, words: Words, name: str) -> str:
    """Return a spec's own sentence, or its terms where it has none.

    Parameters
    ----------
    spec : BaseModel
    words : Words
    name : str
        What the sentence is about.

    Examples
    --------
    >>> from counterfoil.attribution.counting.deductions import Deductions
    >>> say(Deductions(deadweight=Decimal("0.2")), Words("USD"), "jobs")
    'jobs counts less 20% deadweight.'
    """
    own = getattr(spec, "sentence", None)
    if own is None:
        return f"{name}: {listed_terms(spec, words) or 'no further terms'}."
    sentence: str = own(words, name) if len(signature(own).parameters) > 1 else own(words)
    return sentence if sentence.endswith(".") else f"{name} counts {sentence}."


def listed_terms(spec: BaseModel, words: Words, said: Collection[str] = ()) -> str:
    """Return the terms of a spec that differ from their defaults, beside those that were said already.

    Examples
    --------
    >>> from counterfoil.estimators.experiment import Experiment
    >>> listed_terms(Experiment(outcome="jobs", covariates=("age", "sex"), vcov="HC1"), Words("USD"), said=("outcome",))
    'covariates age and sex, vcov HC1'
    """
    return ", ".join(_terms(spec, words, said))


def _terms(spec: BaseModel, words: Words, said: Collection[str]) -> Iterator[str]:
    for name, info in type(spec).model_fields.items():
        value = getattr(spec, name)
        if name in said or name == "kind" or value == info.get_default(call_default_factory=True):
            continue
        yield f"{(info.alias or name).replace('_', ' ')} {value_in_words(value, words)}"


def value_in_words(value: Any, words: Words) -> str:
    """Return any value of a term in words."""
    if isinstance(value, BaseModel):
        return f"({listed_terms(value, words)})"
    if isinstance(value, Mapping):
        return words.listed(f"{key}: {value_in_words(item, words)}" for key, item in value.items()) if value else "none"
    if isinstance(value, tuple | list):
        return words.listed(value_in_words(item, words) for item in value) if value else "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return words.number(value) if isinstance(value, Decimal) else str(value)
