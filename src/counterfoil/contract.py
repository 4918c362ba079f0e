"""The contract: parties, effects, payments; typed from the text of a YAML file, and strict.

The specs of estimators, quantities and payment clauses are composed here, so that the Python object, the YAML node and the JSON
Schema of every term are one.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, PrivateAttr, StringConstraints, Tag

from counterfoil.amending import Amendment, amended
from counterfoil.attribution.capital.capital import Capital
from counterfoil.attribution.counting.deductions import Deductions
from counterfoil.attribution.counting.kinds import Counted
from counterfoil.attribution.counting.period import Day, PeriodTerms
from counterfoil.attribution.gains.any_gate import AnyGate
from counterfoil.attribution.gains.blend import Blend
from counterfoil.attribution.gains.completion import Completion
from counterfoil.attribution.gains.index import Index
from counterfoil.attribution.gains.pool import Pool
from counterfoil.attribution.gains.round_effect import RoundEffect
from counterfoil.attribution.gains.truncate import Truncate
from counterfoil.attribution.money.amounts import Rounding
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.clauses import clause_name
from counterfoil.attribution.payment.curve import Curve
from counterfoil.attribution.payment.fees import Fees
from counterfoil.attribution.payment.floor import Floor
from counterfoil.attribution.payment.gate import Gate
from counterfoil.attribution.payment.grant import Grant
from counterfoil.attribution.payment.hold import Hold
from counterfoil.attribution.payment.payers import PayerSplit
from counterfoil.attribution.payment.price import Price
from counterfoil.attribution.payment.savings_share import SavingsShare
from counterfoil.attribution.payment.sliding_scale import SlidingScale
from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.payment.step_table import StepTable
from counterfoil.attribution.payment.top_up import TopUp
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.dose_response import DoseResponse
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.fixed_baseline import FixedBaseline
from counterfoil.estimators.instruments.instrumental_variable import InstrumentalVariable
from counterfoil.estimators.matching.matching import Matching
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.panels.difference_in_differences import DifferenceInDifferences
from counterfoil.estimators.panels.event_study_regression import EventStudyRegression
from counterfoil.estimators.panels.staggered_did import StaggeredDiD
from counterfoil.estimators.panels.two_way_fixed_effects import TwoWayFixedEffects
from counterfoil.estimators.published import Published
from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.negative_controls import NegativeControls
from counterfoil.estimators.sequential import SequentialContribution
from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl
from counterfoil.estimators.trials.cluster_means import ClusterMeans
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting
from counterfoil.estimators.weighting.weighting import Weighting
from counterfoil.source import Source

VERSION: Final = 1
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_ .&'()-]*$", max_length=80)]
Role = Literal["provider", "backbone", "outcome_payer", "investor", "intermediary", "evaluator", "other"]
Dividing = Contribution | PanelContribution | SequentialContribution | DoseResponse
"""Designs whose gain is divided among providers."""
Trial = Experiment | ClusterMeans | InstrumentalVariable
"""Designs that rest on a lottery, or on something as good as one."""
OverTime = DifferenceInDifferences | EventStudyRegression | TwoWayFixedEffects | StaggeredDiD
"""Designs that compare changes over time."""
Placed = SyntheticControl | InterruptedTimeSeries
"""Designs for few treated places with a history."""
Comparison = Matching | Weighting | LongitudinalWeighting | DoublyRobust
"""Designs that compare people who are alike in what was recorded."""
Measured = Trial | Comparison | OverTime | Placed | FixedBaseline | Dividing
"""Designs that measure an effect on a study."""
Composed = Blend | Index | Pool
"""Effects that are made of other effects."""
Estimator = Annotated[
    Trial | Comparison | OverTime | Placed | FixedBaseline | Dividing | Published | Composed,
    Field(discriminator="kind"),
]


class _Term(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(_Term):
    """Somebody who signs."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"role": "provider", "name": "North Housing Trust"}]})

    role: Role = Field(description="What the party does under the contract; providers share the gain.")
    name: str | None = Field(None, description="Full name, for reports.")


class Planning(_Term):
    """What is assumed of outcomes before they are read, to say what the study can detect."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"std_dev": 12, "icc": 0.05, "power": 0.8}]})

    std_dev: float = Field(
        gt=0,
        allow_inf_nan=False,
        description="Standard deviation of the outcome, or in a panel of its change since the baseline, in its own units.",
    )
    icc: float = Field(0.0, ge=0, lt=1, description="Correlation of outcomes within clusters.")
    power: float = Field(0.8, gt=0.5, lt=1, description="Chance with which an effect should be detected.")


class Effect(_Term):
    """One effect of the programme: how it is measured, when it counts, how it is divided."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "outcome": "reoffences per 100 people",
                    "better": "lower",
                    "estimator": {
                        "kind": "published",
                        "design": "matched comparison",
                        "estimand": "ITT",
                        "source": "final report, table 3",
                    },
                    "gate": {"at_least": "7.5"},
                }
            ]
        }
    )

    outcome: str = Field(description="The outcome in the study.")
    better: Literal["higher", "lower"] = Field(description="Which direction of the outcome is a gain.")
    estimator: Estimator = Field(description="The design that measures it.")
    relative: bool = Field(
        False,
        description="Take the effect in per cent of the mean without the programme (kinds experiment, fixed_baseline).",
    )
    truncate: Truncate | None = Field(None, description="Cut off extreme outcomes before anything is estimated.")
    deduct: Deductions | None = Field(None, description="Agreed fractions of the gain that the programme did not add.")
    completion: Completion | None = Field(None, description="A factor for outcomes that are not reported yet.")
    round: RoundEffect | None = Field(None, description="Round the gain before it is held against anything or priced.")
    settled_in: str | None = Field(
        None, description="The settlement period in which a study's effect becomes known; the last when omitted."
    )
    gate: AnyGate | None = Field(None, description="What must be shown before anything is due.")
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
    graph: CausalGraph | None = Field(
        None,
        description="What moves what, as the parties see it; `counterfoil check` then says whether the design's covariates identify "
        "the effect, and which of them do harm.",
    )
    negative_controls: NegativeControls | None = Field(
        None,
        description="Outcomes and programmes that must show no effect if the people compared differ in nothing but the programme; "
        "they are measured as the effect is, and shown beside it.",
    )
    display: Literal["units", "points"] = Field(
        "units", description="Show effects in the outcome's units, or (for shares and rates) in percentage points."
    )

    @property
    def counted(self) -> Literal["person", "place"]:
        """What the gain is measured on, one by one."""
        return "place" if getattr(self.estimator, "level", "people") == "places" else "person"

    @property
    def bound_gate(self) -> Gate | None:
        """The gate, where it is one of a confidence bound."""
        return self.gate if isinstance(self.gate, Gate) else None


Payment = Annotated[
    Annotated[UnitPrice, Tag("UnitPrice")]
    | Annotated[StepTable, Tag("StepTable")]
    | Annotated[Curve, Tag("Curve")]
    | Annotated[SlidingScale, Tag("SlidingScale")]
    | Annotated[Bonus, Tag("Bonus")]
    | Annotated[SavingsShare, Tag("SavingsShare")]
    | Annotated[Grant, Tag("Grant")]
    | Annotated[PayerSplit, Tag("PayerSplit")]
    | Annotated[TopUp, Tag("TopUp")]
    | Annotated[Cap, Tag("Cap")]
    | Annotated[Floor, Tag("Floor")]
    | Annotated[Hold, Tag("Hold")]
    | Annotated[Fees, Tag("Fees")],
    Discriminator(clause_name),
]


class Settling(_Term):
    """How interim settlements add up."""

    ended: Day | None = Field(
        None,
        description="The day on which the contract was ended before its term: periods that begin later are not settled, and "
        "capital is returned as agreed for early termination.",
    )
    model_config = ConfigDict(json_schema_extra={"examples": [{"basis": "cumulative", "claw_back": True}]})

    basis: Literal["period", "cumulative"] = Field(
        "period",
        description="Whether each period is settled by itself, or everything so far less what was due before.",
    )
    claw_back: bool = Field(
        False,
        description="With basis cumulative: whether what was due too much is taken back, or held against later payments.",
    )


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
    periods: dict[Name, PeriodTerms] = Field(
        default_factory=dict, description="The periods that are settled, in order; one without a name when omitted."
    )
    quantities: dict[Name, Counted] = Field(
        default_factory=dict, description="The verified counts that are paid for, by short name."
    )
    effects: dict[Name, Effect] = Field(
        default_factory=dict, description="The effects that are measured, by short name."
    )
    payments: tuple[Payment, ...] = Field((), description="Prices, limits and who pays, in order.")
    capital: tuple[Capital, ...] = Field(
        (), description="Who put the money up, and in which order it is returned; one entry for each stack of capital."
    )
    settlement: Settling = Field(Settling(), description="How the settlements of several periods add up.")

    amendments: tuple[Amendment, ...] = Field((), description="Changes of terms from a period on, in order.")

    _source: Source | None = PrivateAttr(default=None)
    _unread: frozenset[str] = PrivateAttr(default=frozenset())

    def came_from(self, source: Source, unread: frozenset[str] = frozenset()) -> None:
        """Note the file that the contract was read from, and the names in it whose terms could not be read."""
        self._source, self._unread = source, unread

    @property
    def unread(self) -> frozenset[str]:
        """Names that the file defines and whose terms could not be read."""
        return self._unread

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

    def spec(self, effect: str) -> Measured:
        """Return the design that measures an effect with what the contract says elsewhere filled in: outcome and providers.

        Stages are not filled in: which provider works when is for the estimator to say.
        """
        asked = self.effects[effect]
        if not isinstance(asked.estimator, Measured):
            raise TypeError(f"effect '{effect}' is not measured on a study")
        filled: dict[str, Any] = {"outcome": asked.outcome}
        if "providers" in type(asked.estimator).model_fields:
            filled["providers"] = self.credited(effect)
        return asked.estimator.model_copy(update=filled)

    @property
    def measured(self) -> tuple[str, ...]:
        """The effects that are measured on a study, in contract order."""
        return tuple(name for name, effect in self.effects.items() if isinstance(effect.estimator, Measured))

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

    def as_of(self, period: str) -> "Contract":
        """Return the contract as it stands in a period, with the amendments made by then; places are those of the file."""
        made = tuple(
            amendment
            for amendment in self.amendments
            if amendment.since in self.periods and self.labels.index(amendment.since) <= self.labels.index(period)
        )
        if not made:
            return self
        terms = self.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"amendments"})
        if self._source is not None:
            terms = {key: value for key, value in self._source.data.items() if key != "amendments"}
        found = Contract.model_validate(amended(terms, made))
        if self._source is not None:
            found.came_from(self._source)
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        """The periods that are settled, in order; one without a name where there are none."""
        return tuple(self.periods) or ("",)

    @property
    def prices(self) -> tuple[Price, ...]:
        """The clauses that make something due."""
        return tuple(clause for clause in self.payments if isinstance(clause, Price))

    @property
    def paid_effects(self) -> tuple[str, ...]:
        """The effects that money depends on: those priced, those of conditions, those whose credits divide an amount."""
        return tuple(dict.fromkeys(name for kind, name in self._needed() if kind == "effect"))

    @property
    def needs_people(self) -> bool:
        """Whether anything is measured or counted on people's records."""
        counted = any(spec.kind in ("count", "ladder", "breadth", "stock") for spec in self.quantities.values())
        return counted or bool(self.measured)

    @property
    def paid_quantities(self) -> tuple[str, ...]:
        """The quantities that money depends on, with those that they are made of."""
        found = dict.fromkeys(name for kind, name in self._needed() if kind == "quantity" and name in self.quantities)
        waiting = list(found)
        while waiting:
            for part in self.quantities[waiting.pop()].refers_to:
                if part in self.quantities and part not in found:
                    found[part] = None
                    waiting.append(part)
        return tuple(found)

    def _needed(self) -> Iterator[tuple[str, str]]:
        for clause in self.prices:
            if clause.effect is not None:
                yield "effect", clause.effect
            if clause.quantity is not None:
                yield "quantity", clause.quantity
            if clause.scaled_by is not None:
                yield "quantity", clause.scaled_by
            if clause.split is not None and clause.split.by_quantity is not None:
                yield "quantity", clause.split.by_quantity
            if clause.only_if is not None:
                yield from clause.only_if.names()
            if clause.split is not None and clause.split.credits_from is not None:
                yield "effect", clause.split.credits_from
        for limit in self.payments:
            if isinstance(limit, Cap) and limit.each is not None:
                yield "quantity", limit.each
            if isinstance(limit, Floor) and limit.only_if is not None:
                yield from limit.only_if.names()

    @property
    def words(self) -> Words:
        """How sentences write the contract's amounts and parties."""
        return Words(self.currency, {name: party.name or name for name, party in self.parties.items()})

    def received(self, clause: Any) -> Any:
        """Return a price with its receiver filled in, where the contract leaves no doubt who it is; others as they are."""
        if not isinstance(clause, Price) or clause.split is not None:
            return clause
        if clause.effect is not None and self.effects[clause.effect].split is not None:
            return clause
        return clause.model_copy(update={"to": self.receiver(clause)})

    def receiver(self, clause: Price) -> str | None:
        """Return who receives a clause's money when it is not divided: `to`, or the only provider."""
        if clause.to is not None or clause.split is not None:
            return clause.to
        return self.players[0] if len(self.players) == 1 else None


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a contract, for editors.

    Examples
    --------
    >>> sorted(json_schema()["required"])
    ['counterfoil', 'currency', 'name', 'parties']
    """
    schema = Contract.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "counterfoil contract"}
