"""What parties assume before anything is signed: true effects, their errors, enrolments, rosters; for `simulate`.

An effect is assumed in the outcome's own sign. Where its standard error is not stated it follows from the number of people, the
standard deviation of the outcome, the fraction assigned, and the correlation within clusters:

    std_error = std_dev · sqrt{ [1 + (people/clusters − 1) icc] / [people · assigned · (1 − assigned)] }

Source: Bloom (1995), *Minimum detectable effects*, Evaluation Review 19(5); Donner and Klar (2000), *Design and analysis of
cluster randomization trials*, for the factor of clusters of equal size.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from counterfoil.attribution.money.amounts import Amount
from counterfoil.contract import VERSION
from counterfoil.errors import refusal
from counterfoil.source import Source
from counterfoil.translation import typed_file


def _several(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


class _Term(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Enrolment(_Term):
    """How many people there will be: any number in a range, or normal around a mean and never below zero."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"low": 400, "high": 600}, {"mean": "500", "std_dev": "60"}]}
    )

    low: int | None = Field(None, ge=0, description="The fewest; every whole number from low to high is as likely.")
    high: int | None = Field(None, ge=0, description="The most.")
    mean: Amount | None = Field(None, ge=0, description="Or the mean of a normal distribution.")
    std_dev: Amount | None = Field(
        None, gt=0, description="Its standard deviation; what would lie below zero is not drawn."
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Enrolment":
        ranged, normal = (self.low, self.high), (self.mean, self.std_dev)
        if sum(all(part is not None for part in pair) for pair in (ranged, normal)) != 1 or (
            sum(part is not None for part in (*ranged, *normal)) != 2
        ):
            raise ValueError("an enrolment has `low:` and `high:`, or `mean:` and `std_dev:`")
        if self.low is not None and self.high is not None and self.high < self.low:
            raise ValueError("`high:` is below `low:`")
        return self


class AssumedEffect(_Term):
    """What is assumed of one effect."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"true": ["0", "-5", "-10"], "std_error": "3.0", "people": 500}]}
    )

    true: Annotated[tuple[Amount, ...], BeforeValidator(_several)] = Field(
        (),
        description="True values, in the outcome's own units and sign, after deductions; one for each point of the grid.",
    )
    std_error: Amount | None = Field(None, gt=0, description="Standard error that the estimate will have.")
    df: float | None = Field(None, gt=0, description="Its degrees of freedom, for the gate; the normal when omitted.")
    people: int | Enrolment | None = Field(
        None, description="Over how many people a gain per person counts, and whom the standard error follows from."
    )
    std_dev: Amount | None = Field(
        None, gt=0, description="Standard deviation of the outcome, where `std_error:` is not stated."
    )
    icc: Amount | None = Field(None, ge=0, lt=1, description="Correlation of outcomes within clusters.")
    clusters: int | None = Field(None, ge=2, description="How many clusters the people are in; with `icc:`.")
    assigned: Amount = Field(Decimal("0.5"), gt=0, lt=1, description="Fraction of the people who get the programme.")
    credits: dict[str, Amount] = Field(
        default_factory=dict,
        description="The roster: each provider to the fraction of the gain that it is credited with; they sum to one.",
    )
    correlation: dict[str, Amount] = Field(
        default_factory=dict,
        description="Another effect to the correlation of the two estimates; 0 is a statement too.",
    )
    minimum: Amount = Field(
        Decimal(0), description="The true gain (higher is better) up to which a payment counts as a false one."
    )
    period: str | None = Field(None, description="The settlement period in which the effect becomes known.")


class AssumedQuantity(_Term):
    """What is assumed of one number of a quantity: a value, a distribution, or so much for each of some people."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"period": "y1", "value": "40"},
                {"period": "y2", "mean": "60", "std_dev": "8"},
                {"period": "y2", "people": {"low": 20, "high": 40}, "per_person_mean": "1.5"},
            ]
        }
    )

    value: Amount | None = Field(None, ge=0, description="A value that is certain.")
    mean: Amount | None = Field(None, ge=0, description="Or the mean of a normal distribution, never below zero.")
    std_dev: Amount | None = Field(None, gt=0, description="Its standard deviation.")
    low: int | None = Field(
        None, ge=0, description="Or the fewest, where every whole number up to `high:` is as likely."
    )
    high: int | None = Field(None, ge=0, description="The most.")
    people: int | Enrolment | None = Field(None, description="Or how many people there are, each with an amount.")
    per_person_mean: Amount | None = Field(None, ge=0, description="With `people:`: the mean amount of a person.")
    per_person_std_dev: Amount = Field(
        Decimal(0), ge=0, description="With `people:`: its standard deviation between people."
    )
    period: str | None = Field(None, description="The settlement period; needed when there are several.")
    group: str = Field("", description="The group, for a quantity told apart by groups.")
    rung: str = Field("", description="The rung, for a quantity told apart by rungs.")
    provider: str = Field("", description="The provider that it belongs to.")

    @model_validator(mode="after")
    def _one_way(self) -> "AssumedQuantity":
        ways = {
            "value": (self.value,),
            "mean and std_dev": (self.mean, self.std_dev),
            "low and high": (self.low, self.high),
            "people and per_person_mean": (self.people, self.per_person_mean),
        }
        begun = [name for name, parts in ways.items() if any(part is not None for part in parts)]
        if len(begun) != 1 or any(part is None for part in ways[begun[0]]):
            raise ValueError(f"a number is assumed in exactly one way: by {', or by '.join(ways)}")
        if self.low is not None and self.high is not None and self.high < self.low:
            raise ValueError("`high:` is below `low:`")
        return self


Numbers = Annotated[tuple[AssumedQuantity, ...], BeforeValidator(_several)]


class Scenario(_Term):
    """What differs in one scenario; everything else is as assumed above it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"quantities": {"homes": [{"period": "y1", "value": "20"}, {"period": "y2", "value": "30"}]}}]
        }
    )

    effects: dict[str, AssumedEffect] = Field(
        default_factory=dict, description="Effect to the terms that differ; what is not named stays."
    )
    quantities: dict[str, Numbers] = Field(
        default_factory=dict, description="Quantity to its numbers, in place of those above."
    )


class Assumptions(_Term):
    """Assumptions about everything that a contract pays for.

    Examples
    --------
    >>> terms = {"effects": {"jail": {"true": ["0", "38"], "std_error": "6", "people": "724"}}}
    >>> [str(value) for value in Assumptions.model_validate(terms).effects["jail"].true]
    ['0', '38']
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "counterfoil": 1,
                    "quantities": {
                        "homes": [{"period": "y1", "value": "40"}, {"period": "y2", "mean": "60", "std_dev": "8"}]
                    },
                }
            ]
        }
    )

    counterfoil: int = Field(VERSION, description="Version of the language; 1.")
    effects: dict[str, AssumedEffect] = Field(default_factory=dict, description="Effect to what is assumed of it.")
    quantities: dict[str, Numbers] = Field(
        default_factory=dict, description="Quantity to its number, or to several by period, group, rung or provider."
    )
    scenarios: dict[str, Scenario] = Field(
        default_factory=dict, description="Named scenarios; the grid of true values when omitted."
    )

    _source: Source | None = PrivateAttr(default=None)

    def where(self, *path: str | int) -> str:
        """Return where a term stands: file, line and column, or its path in assumptions made in Python."""
        if self._source is not None:
            return self._source.where(path)
        return "assumptions: " + ".".join(str(part) for part in path)

    @property
    def digest(self) -> str | None:
        """SHA-256 of the file; None for assumptions made in Python."""
        return None if self._source is None else self._source.digest

    def points(self) -> dict[str, "Assumptions"]:
        """Return the scenarios, or the points of the grid, each as assumptions of its own with one true value an effect.

        Raises
        ------
        ContractError
            CONTRACT-024 for lists of different lengths, or a list within a scenario.
        """
        if self.scenarios:
            return {name: self._under(name, terms) for name, terms in self.scenarios.items()}
        lengths = {name: len(terms.true) for name, terms in self.effects.items() if len(terms.true) > 1}
        if len(set(lengths.values())) > 1:
            name = next(name for name in lengths if lengths[name] != max(lengths.values()))
            what = f"effect '{name}' has {lengths[name]} true values and another {max(lengths.values())}"
            raise refusal("CONTRACT-024", what, self.where("effects", name, "true"))
        size = max(lengths.values(), default=1)
        found = {}
        for number in range(size):
            effects = {
                name: terms.model_copy(update={"true": (terms.true[number % len(terms.true)],)})
                if terms.true
                else terms
                for name, terms in self.effects.items()
            }
            called = ", ".join(f"{name} {effects[name].true[0]}" for name in lengths) or "as assumed"
            found[called] = self.model_copy(update={"effects": effects})
        return found

    def _under(self, name: str, scenario: Scenario) -> "Assumptions":
        effects: dict[str, AssumedEffect] = dict(self.effects)
        for effect, terms in scenario.effects.items():
            changes = {key: getattr(terms, key) for key in terms.model_fields_set}
            effects[effect] = effects[effect].model_copy(update=changes) if effect in effects else terms
        for effect, terms in effects.items():
            if len(terms.true) > 1:
                what = f"scenario '{name}' leaves effect '{effect}' several true values"
                raise refusal("CONTRACT-024", what, self.where("scenarios", name))
        return self.model_copy(update={"effects": effects, "quantities": {**self.quantities, **scenario.quantities}})

    def named(self) -> Mapping[str, tuple[str, ...]]:
        """Return every effect and quantity that is named anywhere, by kind."""
        parts: tuple[Assumptions | Scenario, ...] = (self, *self.scenarios.values())
        return {
            "effects": tuple(dict.fromkeys(name for part in parts for name in part.effects)),
            "quantities": tuple(dict.fromkeys(name for part in parts for name in part.quantities)),
        }


def read_assumptions(path: str | Path) -> Assumptions:
    """Read assumptions from a YAML file.

    Raises
    ------
    ContractError
        With every problem of the file at once, each with line and column.
    """
    found, source = typed_file(path, Assumptions, VERSION)
    found._source = source
    return found
