"""A blend: one effect made of several estimates of it, with agreed weights.

The Massachusetts juvenile justice contract pays on 0.8 times the effect of a lottery plus 0.2 times that of a difference
in differences. With standard errors a and b of independent parts the error of the blend is √(0.64 a² + 0.04 b²); the public
text states no covariance, so the contract has to.

Source: No-Spin Evidence Review (2024) on the Massachusetts Juvenile Justice Pay for Success initiative (Roca).
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.gains.joint import Joined, chosen, joint, refuse_mixture, share_people
from counterfoil.attribution.money.amounts import Amount, add, multiply
from counterfoil.attribution.money.words import Words
from counterfoil.errors import listed
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.stack import stack


class Blend(Joined):
    """Terms of a blend.

    Examples
    --------
    >>> terms = Blend(of={"rct": Decimal("0.8"), "did": Decimal("0.2")}, independent=True)
    >>> terms.sentence(Words("USD"), "incarceration")
    'incarceration is 0.8 times rct plus 0.2 times did; the parts are taken to vary independently where they share no people.'
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "blend", "of": {"lottery": "0.80", "comparison": "0.20"}, "independent": True}]
        }
    )

    kind: Literal["blend"] = Field("blend", description="An effect made of others: a blend.")
    of: dict[str, Amount] = Field(
        min_length=2, description="Weight of each effect, by its name; not negative, and one in sum."
    )
    alike: bool = Field(
        False,
        description="True states that outcomes of different names are one quantity in one unit, such as yearly values and their "
        "mean over years.",
    )

    @model_validator(mode="after")
    def _weights_are_a_mean(self) -> "Blend":
        if min(self.of.values()) < 0 or add(self.of.values()) != 1:
            raise ValueError("the weights of a blend are not negative and sum to one")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Say the blend in one sentence."""
        parts = " plus ".join(f"{words.number(weight)} times {part}" for part, weight in self.of.items())
        stated = ", whose outcomes are taken to be one quantity in one unit" if self.alike else ""
        return f"{name} is {parts}{stated}{joining(self, words)}."


def joining(terms: Joined, words: Words) -> str:
    """Say what is stated of how parts vary together, as the end of a sentence."""
    if terms.correlation is not None:
        return f"; any two parts are taken to have a correlation of {words.number(terms.correlation)}"
    return "; the parts are taken to vary independently where they share no people" if terms.independent else ""


def blend_value(terms: Blend, values: Mapping[str, Decimal]) -> Decimal:
    """Return the blend of exact values.

    Examples
    --------
    >>> terms = Blend(of={"rct": Decimal("0.8"), "did": Decimal("0.2")})
    >>> blend_value(terms, {"rct": Decimal(-2), "did": Decimal(5)})
    Decimal('-0.6')
    """
    return add(multiply(weight, values[name]) for name, weight in terms.of.items())


def blended(terms: Blend, effects: Mapping[str, Estimate]) -> Estimate:
    """Return the blend of estimates, with the error of their joint covariance.

    Parameters
    ----------
    terms : Blend
    effects : mapping of str to Estimate
        By name; one term each, in the outcome's own sign.

    Returns
    -------
    Estimate
        One term, ``gain``. It counts over the largest number of people of any part. Without a standard error in every part
        it has a value alone.

    Raises
    ------
    ContractError
        CONTRACT-010 for an effect that is not there, CONTRACT-021 and CONTRACT-016 as `joint`, CONTRACT-022 when the parts
        are on different outcomes that are not stated to be alike.
    EstimationError
        EST-008 when estimates cannot be joined.

    Examples
    --------
    >>> def of(value: float, error: float) -> Estimate:
    ...     return Estimate.published([value], [error], terms=["gain"], outcome="days", estimand="ITT", people=1819)
    >>> terms = Blend(of={"rct": Decimal("0.8"), "did": Decimal("0.2")}, independent=True)
    >>> found = blended(terms, {"rct": of(-2, 3), "did": of(5, 4)})
    >>> found.values.round(6), found.std_error.round(6)
    (array([-0.6]), array([2.529822]))
    """
    parts = chosen(effects, list(terms.of))
    if not terms.alike:
        refuse_mixture(parts)
    mixed = joint(parts, terms).contrast([[float(weight) for weight in terms.of.values()]], ["gain"])
    counted = max(parts.values(), key=lambda part: part.people)
    return replace(mixed, estimand=f"blend of {listed(parts)}", population=counted.population)


def blended_over_time(
    terms: Blend, effects: Mapping[str, Estimate], studies: Mapping[str, EventStudy]
) -> EventStudy | None:
    """Return a blend's effects by period, where exactly one part has such: the other parts are the same in every period.

    With weight w on the part over time, w times its effects and the other parts' weighted sum added to those since the services
    began average to the blend; violations of parallel trends enter all of them w times, so that a robust set of this event study
    is one of the blend.

    Parameters
    ----------
    terms : Blend
    effects : mapping of str to Estimate
        Every part, one term each.
    studies : mapping of str to EventStudy
        Parts that have effects by period.

    Returns
    -------
    EventStudy or None
        None where none or several parts have effects by period, or nothing tells how the parts vary together.

    Raises
    ------
    EstimationError
        EST-008 when estimates cannot be joined.
    """
    over_time = [name for name in terms.of if name in studies]
    if len(over_time) != 1:
        return None
    (name,) = over_time
    study, others = studies[name], [part for part in terms.of if part != name]
    blocks = [study.estimate, *(effects[part] for part in others)]
    shared = share_people(blocks)
    if not shared and not terms.independent:
        return None
    joined = stack(blocks, [name, *others], independent=not shared)
    size = len(study.times)
    rows = np.zeros((size, size + len(others)))
    rows[:, :size] = float(terms.of[name]) * np.eye(size)
    since = np.array(study.times) >= 0
    for place, part in enumerate(others):
        rows[since, size + place] = float(terms.of[part])
    return replace(study, estimate=joined.contrast(rows, study.estimate.terms))
