"""A pool: one effect of several cohorts of people, over the cohorts that there are.

The Peterborough contract paid on any cohort's reduction of at least 10%, or else on the reduction over all cohorts of at
least 7.5%. Of three cohorts two were ever measured: a cohort without a report is left out, and the result says so.

Weights by precision are 1/std_error² and, as in a fixed-effect meta-analysis, counted as if they were known.

Sources: UK Ministry of Justice, *Peterborough Social Impact Bond: final results* (2017); Cochran (1954), *The combination of
estimates from different experiments*, Biometrics 10(1), for weights by precision.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from typing import Literal

from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.gains.blend import joining
from counterfoil.attribution.gains.joint import Joined, chosen, joint, refuse_mixture
from counterfoil.attribution.money.amounts import PRECISION, Amount
from counterfoil.attribution.money.words import Words
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate

WEIGHED = {
    "people": "by their people",
    "equal": "equally",
    "precision": "by the precision of their estimates",
}


class Pool(Joined):
    """Terms of a pool.

    Examples
    --------
    >>> Pool(of=("cohort_1", "cohort_2"), weights="people").sentence(Words("GBP"), "pooled")
    'pooled is the mean of cohort_1 and cohort_2, weighted by their people; a cohort that is not reported is left out.'
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "pool", "of": ["cohort_1", "cohort_2"], "weights": "people", "independent": True}]
        }
    )

    kind: Literal["pool"] = Field("pool", description="An effect made of others: a pool.")
    of: tuple[str, ...] = Field(min_length=1, description="The effects of the cohorts, by name; each once.")
    weights: Literal["people", "equal", "precision"] | dict[str, Amount] = Field(
        description="How cohorts count: by their people, equally, by precision (1/std_error²), or by weights of their own, "
        "which are scaled to sum to one over the cohorts that are reported."
    )

    @model_validator(mode="after")
    def _each_cohort_once_and_weighted(self) -> "Pool":
        if len(set(self.of)) < len(self.of):
            raise ValueError("a cohort stands twice in the pool")
        if isinstance(self.weights, dict) and set(self.weights) != set(self.of):
            raise ValueError("the weights name each cohort of the pool and nothing else")
        if isinstance(self.weights, dict) and min(self.weights.values()) < 0:
            raise ValueError("the weights of a pool are not negative")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Say the pool in one sentence."""
        if isinstance(self.weights, dict):
            how = "with weights " + words.listed(f"{words.number(w)} for {part}" for part, w in self.weights.items())
        else:
            how = f"weighted {WEIGHED[self.weights]}"
        rest = "a cohort that is not reported is left out"
        return f"{name} is the mean of {words.listed(self.of)}, {how}; {rest}{joining(self, words)}."


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled effect, and what went into it.

    Parameters
    ----------
    estimate : Estimate
        One term, ``gain``; it counts over the people of all cohorts together, or over the largest where all parts are on the same people.
    weights : mapping of str to float
        Of each cohort that is reported; one in sum.
    left_out : tuple of str
        Cohorts that are not reported.
    """

    estimate: Estimate
    weights: Mapping[str, float]
    left_out: tuple[str, ...]

    @property
    def note(self) -> str:
        """Which cohorts were pooled, and which left out, in words."""
        used = ", ".join(f"{name} ({weight:.3g})" for name, weight in self.weights.items())
        absent = f"; left out because not reported: {', '.join(self.left_out)}" if self.left_out else ""
        return f"pooled over {used}{absent}"


def pool_value(terms: Pool, values: Mapping[str, Decimal], people: Mapping[str, int] | None = None) -> Decimal:
    """Return the pool of exact values, over the cohorts that have one.

    Parameters
    ----------
    terms : Pool
        Weights by precision need estimates; see `pooled`.
    values : mapping of str to Decimal
    people : mapping of str to int, optional
        With ``weights: people``.

    Raises
    ------
    EstimationError
        EST-018 for weights by precision.
    PaymentError
        PAY-012 when no cohort has a value and a weight.

    Examples
    --------
    >>> terms = Pool(of=("cohort_1", "cohort_2", "cohort_3"), weights="equal")
    >>> pool_value(terms, {"cohort_1": Decimal("8.4"), "cohort_2": Decimal("9.7")})
    Decimal('9.05')
    """
    if terms.weights == "precision":
        raise refusal("EST-018", "values alone cannot be weighted by precision", "weights")
    counts = people or {}
    raw = {name: _stated(terms, name, counts.get(name, 0)) for name in terms.of if name in values}
    _refuse_nothing(raw)
    with localcontext(prec=PRECISION):
        return sum((raw[name] * values[name] for name in raw), Decimal(0)) / sum(raw.values())


def pooled(terms: Pool, effects: Mapping[str, Estimate]) -> Pooled:
    """Return the pool of estimates over the cohorts that have one, with the error of their joint covariance.

    Parameters
    ----------
    terms : Pool
    effects : mapping of str to Estimate
        By name; one term each, in the outcome's own sign. A cohort that is not here is left out.

    Raises
    ------
    ContractError
        CONTRACT-021 and CONTRACT-016 as `joint`, CONTRACT-022 when the cohorts are on different outcomes.
    EstimationError
        EST-018 for weights by precision of an effect without a standard error, EST-015 when one has none to speak of.
    PaymentError
        PAY-012 when no cohort has an estimate and a weight.
    """
    there = [name for name in terms.of if name in effects]
    parts = chosen(effects, there)
    raw = {name: _weight(terms, name, part) for name, part in parts.items()}
    _refuse_nothing(raw)
    refuse_mixture(parts)
    whole = sum(raw.values())
    weights = {name: float(weight / whole) for name, weight in raw.items()}
    mixed = joint(parts, terms).contrast([list(weights.values())], ["gain"])
    # Several designs on the same people count these once.
    ids = [None if part.ids is None else frozenset(part.ids.tolist()) for part in parts.values()]
    shared = len(set(ids)) == 1 and None not in ids
    people = (max if shared else sum)([part.people for part in parts.values()])
    made = replace(mixed, people=people, estimand=f"pool of {mixed.estimand}", diagnostics={"weights": weights})
    return Pooled(made, weights, tuple(name for name in terms.of if name not in effects))


def _stated(terms: Pool, name: str, people: int) -> Decimal:
    if isinstance(terms.weights, dict):
        return terms.weights[name]
    return Decimal(people) if terms.weights == "people" else Decimal(1)


def _weight(terms: Pool, name: str, part: Estimate) -> Decimal:
    if terms.weights != "precision":
        return _stated(terms, name, part.people)
    error = float(part.std_error[0])
    if error <= 0:
        raise refusal("EST-015", f"the standard error of '{name}' is zero, so its precision has no bound", "weights")
    return Decimal(error**-2)


def _refuse_nothing(weights: Mapping[str, Decimal]) -> None:
    if sum(weights.values()) <= 0:
        why = "no cohort of the pool is reported" if not weights else "the cohorts that are reported have no weight"
        raise refusal("PAY-012", why)
