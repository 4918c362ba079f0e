"""A weighted index of several effects, each in per cent of its own target.

    index = 100 · Σ_m weight_m · value_m / target_m

Educate Girls: learning gains of 8,940 levels against a target of 5,592, with weight 0.8, and 92% of out-of-school girls
enrolled against a target of 79%, with weight 0.2, are 151.19% of the targets.

Source: IDinsight (2018), *Educate Girls Development Impact Bond: final evaluation report*.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.gains.blend import joining
from counterfoil.attribution.gains.joint import Joined, chosen, joint
from counterfoil.attribution.money.amounts import PRECISION, Amount, add
from counterfoil.attribution.money.words import Words
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate


class Metric(BaseModel):
    """One part of an index."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"weight": "0.60", "target": "5"}]}
    )

    weight: Amount = Field(gt=0, description="Its weight; the weights of an index sum to one.")
    target: Amount = Field(description="What counts as 100%, in the effect's own unit and sign; not zero.")
    total: bool = Field(
        False,
        description="True sets the sum over all people counted against the target, instead of the mean per person.",
    )

    @model_validator(mode="after")
    def _target_is_something(self) -> "Metric":
        if self.target == 0:
            raise ValueError("nothing can be set against a target of zero")
        return self


class Index(Joined):
    """Terms of an index.

    Examples
    --------
    >>> learning = Metric(weight=Decimal("0.8"), target=Decimal(5592))
    >>> enrolment = Metric(weight=Decimal("0.2"), target=Decimal(79))
    >>> Index(of={"learning": learning, "enrolment": enrolment}).sentence(Words("USD"), "girls")
    'girls is in per cent of target: 80% for learning against 5,592, and 20% for enrolment against 79.'
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "index",
                    "of": {
                        "attendance": {"weight": "0.60", "target": "5"},
                        "reading": {"weight": "0.40", "target": "4"},
                    },
                    "independent": True,
                }
            ]
        }
    )

    kind: Literal["index"] = Field("index", description="An effect made of others: an index.")
    of: dict[str, Metric] = Field(min_length=1, description="Weight and target of each effect, by its name.")

    @model_validator(mode="after")
    def _weights_are_a_mean(self) -> "Index":
        if add(metric.weight for metric in self.of.values()) != 1:
            raise ValueError("the weights of an index sum to one")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Say the index in one sentence."""
        parts = [
            f"{words.percent(metric.weight)} for {'the total of ' if metric.total else ''}{part} "
            f"against {words.number(metric.target)}"
            for part, metric in self.of.items()
        ]
        *first, last = parts
        together = f"{', '.join(first)}, and {last}" if first else last
        return f"{name} is in per cent of target: {together}{joining(self, words)}."


def index_value(terms: Index, values: Mapping[str, Decimal]) -> Decimal:
    """Return the index of exact values, in per cent; values are totals where the terms say so.

    Examples
    --------
    >>> learning = Metric(weight=Decimal("0.8"), target=Decimal(5592))
    >>> enrolment = Metric(weight=Decimal("0.2"), target=Decimal(79))
    >>> terms = Index(of={"learning": learning, "enrolment": enrolment})
    >>> round(index_value(terms, {"learning": Decimal(8940), "enrolment": Decimal(92)}), 2)
    Decimal('151.19')
    """
    with localcontext(prec=PRECISION):
        parts = (100 * metric.weight * values[name] / metric.target for name, metric in terms.of.items())
        return sum(parts, Decimal(0))


def indexed(terms: Index, effects: Mapping[str, Estimate]) -> Estimate:
    """Return the index of estimates, in per cent, with the error of their joint covariance.

    Parameters
    ----------
    terms : Index
    effects : mapping of str to Estimate
        By name; one term each, in each outcome's own unit and sign, as the targets are: a higher index is better. A total is the mean times the people it counts.

    Returns
    -------
    Estimate
        One term, ``gain``, in per cent of the targets. Without a standard error in every part it has a value alone.

    Raises
    ------
    ContractError
        CONTRACT-010 for an effect that is not there, CONTRACT-021 and CONTRACT-016 as `joint`.
    EstimationError
        EST-008 when estimates cannot be joined.
    PaymentError
        PAY-012 for a total over people whose number is not known.
    """
    parts = chosen(effects, list(terms.of))
    for name, metric in terms.of.items():
        if metric.total and not parts[name].people:
            raise refusal("PAY-012", f"nothing says over how many people the total of '{name}' is", "index")
    row = [
        100 * float(metric.weight / metric.target) * (parts[name].people if metric.total else 1)
        for name, metric in terms.of.items()
    ]
    mixed = joint(parts, terms).contrast([row], ["gain"])
    return replace(mixed, outcome=" and ".join(parts), estimand="weighted index, in per cent of target")
