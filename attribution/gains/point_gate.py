"""A gate on the estimate itself: the gain reaches a minimum, whatever its error.

Such a gate lets luck through: an estimate of no effect at all exceeds zero half of the time. Peterborough's triggers, a
fall of at least 10% in a cohort or 7.5% over all, are gates of this kind. The estimate is compared as the exact number that
is priced (12 significant digits), so that 7.5 reaches 7.5.

Source: UK Ministry of Justice, *Peterborough Social Impact Bond: final results* (2017).
"""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.gains.held import Better, Held, oriented
from counterfoil.attribution.money.amounts import Amount, exact
from counterfoil.attribution.money.words import Words
from counterfoil.estimators.estimate import Estimate


class PointGate(BaseModel):
    """Terms of a gate on the estimate.

    Examples
    --------
    >>> PointGate(at_least=Decimal("7.5")).sentence(Words("GBP"), "pooled")
    'The gate on pooled opens when the estimated gain is at least 7.5.'
    """

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"at_least": "8"}]})

    at_least: Amount | None = Field(None, description="The gain that must be reached, in the effect's unit.")
    above: Amount | None = Field(None, description="The gain that must be exceeded, in the effect's unit.")

    @model_validator(mode="after")
    def _one_minimum(self) -> "PointGate":
        if (self.at_least is None) == (self.above is None):
            raise ValueError("write either `at_least` or `above`")
        return self

    @property
    def minimum(self) -> Decimal:
        """What must be reached or exceeded."""
        return self.at_least if self.at_least is not None else self.above or Decimal(0)

    def sentence(self, words: Words, name: str) -> str:
        """Say the gate in one sentence."""
        reach = "at least" if self.at_least is not None else "above"
        return f"The gate on {name} opens when the estimated gain is {reach} {words.number(self.minimum)}."


def point_value(terms: PointGate, gain: Decimal) -> Held:
    """Hold an exact gain, oriented so that higher is better, against the gate.

    Examples
    --------
    >>> terms = PointGate(at_least=Decimal("7.5"))
    >>> [point_value(terms, Decimal(gain)).passes for gain in ("7.49", "7.5")]
    [False, True]
    """
    passes = gain >= terms.minimum if terms.at_least is not None else gain > terms.minimum
    return Held(passes, "estimated gain", float(gain), float(terms.minimum), float(gain - terms.minimum))


def hold_point(terms: PointGate, total: Estimate, better: Better) -> Held:
    """Hold an estimate against the gate; it needs no standard error."""
    return point_value(terms, exact(oriented(total, better)))
