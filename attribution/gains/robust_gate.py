"""A gate that must hold even if trends were not quite parallel: a lower bound that allows for a stated violation.

Difference-in-differences rests on trends that would have been parallel, which no data can show. Earlier periods show how far
trends differed then. Under relative magnitudes M̄, trends after the services began may differ from one period to the next by
up to M̄ times the largest such difference before; under smoothness M, a difference of trends may bend by up to M a period, in
the outcome's units. The gate opens when the lower end of the confidence set that allows for this exceeds the minimum.

Source: Rambachan and Roth (2023), *A more credible approach to parallel trends*, Review of Economic Studies 90(5),
2555-2591.
"""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.gains.held import Better, Held
from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.errors import refusal
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.honest import robust_intervals


class RobustGate(BaseModel):
    """Terms of a gate on a lower bound that allows for trends that differ.

    Examples
    --------
    >>> RobustGate(relative_magnitudes=Decimal("0.5")).sentence(Words("USD"), "jobs")
    'The gate on jobs opens when the one-sided 95% lower bound of the gain is above 0 even if trends differ by up to 0.5 times the largest difference seen before.'
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"relative_magnitudes": "0.5", "above": "0"}, {"smoothness": "0.25"}]},
    )

    relative_magnitudes: Amount | None = Field(
        None,
        ge=0,
        description="How far trends may differ after the services began, in multiples of the largest difference before (M̄).",
    )
    smoothness: Amount | None = Field(
        None,
        ge=0,
        description="Instead: by how much a difference of trends may bend in a period, in the outcome's units.",
    )
    above: Amount = Field(Decimal(0), description="What the bound of the gain must exceed, in the outcome's units.")
    conf_level: Amount = Field(Decimal("0.95"), gt=0, lt=1, description="Confidence of the bound.")
    bound: Literal["one_sided", "two_sided"] = Field(
        "one_sided", description="Whether the bound is one-sided, or the lower end of a two-sided set."
    )

    @model_validator(mode="after")
    def _allows_for_something(self) -> "RobustGate":
        if (self.relative_magnitudes is None) == (self.smoothness is None):
            raise ValueError("write either `relative_magnitudes` or `smoothness`")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Say the gate in one sentence."""
        level = f"{100 * float(self.conf_level):g}%"
        if self.smoothness is None:
            allowed = f"trends differ by up to {words.number(self.relative_magnitudes or Decimal(0))} times the largest difference seen before"
        else:
            allowed = f"a difference of trends bends by up to {words.number(self.smoothness)} a period"
        side = self.bound.replace("_", "-")
        return (
            f"The gate on {name} opens when the {side} {level} lower bound of the gain is above {words.number(self.above)} "
            f"even if {allowed}."
        )


def hold_robust(terms: RobustGate, study: EventStudy | None, better: Better) -> Held:
    """Hold the average of an event study against the gate.

    Parameters
    ----------
    terms : RobustGate
    study : EventStudy or None
    better : {"higher", "lower"}

    Raises
    ------
    EstimationError
        EST-041 when the design has no event study; EST-035 when its covariance is singular.
    IdentificationError
        IDENT-017 without a period before the reference, IDENT-033 when the event study has gaps or no common reference.

    Examples
    --------
    >>> from counterfoil.estimators import Estimate
    >>> values = Estimate.published(
    ...     [0.1, -0.1, 1.0], [0.1, 0.1, 0.14], terms=["-3", "-2", "0"], outcome="y", estimand="ATT", people=90
    ... )
    >>> held = hold_robust(RobustGate(relative_magnitudes="0.5"), EventStudy((-3, -2, 0), values), "higher")
    >>> held.passes, round(held.tested, 2)
    (True, 0.63)
    """
    if study is None:
        raise refusal("EST-041", "the gate asks for effects by period, and the design has none", "gate")
    restriction: Literal["smoothness", "relative_magnitudes"] = (
        "relative_magnitudes" if terms.smoothness is None else "smoothness"
    )
    limit = terms.relative_magnitudes if terms.smoothness is None else terms.smoothness
    found = robust_intervals(
        study,
        [float(limit or 0)],
        restriction=restriction,
        conf_level=float(terms.conf_level),
        bound=terms.bound,
        better=better,
    )[0]
    tested = float(found[0]) if better == "higher" else -float(found[1])
    words = f"{terms.bound.replace('_', '-')} lower bound at {100 * float(terms.conf_level):g}% that allows for other trends"
    return Held(tested > float(terms.above), words, tested, float(terms.above), tested - float(terms.above))
