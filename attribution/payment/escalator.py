"""How a price changes from period to period: a yearly rate, a taper, or a stated factor for each period.

New York State's contract with the Center for Employment Opportunities pays 1.06 times the prices of the first phase in the
second; the Work Programme's attachment fee tapered to nothing over its years.
"""

from collections.abc import Sequence
from decimal import Decimal, localcontext

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import PRECISION, Amount
from counterfoil.attribution.money.words import Words


class Escalator(BaseModel):
    """A rate that compounds from period to period, or a factor for each period; a price falls under a negative rate."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"rate": "0.03"}, {"factors": {"y2": "1.06"}}]}
    )

    rate: Amount | None = Field(
        None, gt=-1, description="By which fraction the price rises each period over the one before, such as 0.01."
    )
    since: str | None = Field(None, description="The period whose price is as written; the first when omitted.")
    factors: dict[str, Amount] = Field(
        default_factory=dict,
        description="Period to what the price is multiplied by; a period that is not named keeps the price as written.",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> "Escalator":
        if (self.rate is None) == (not self.factors):
            raise ValueError("an escalator has either a `rate:` or `factors:`")
        if self.factors and self.since is not None:
            raise ValueError("`since:` goes with a `rate:`")
        if any(factor < 0 for factor in self.factors.values()):
            raise ValueError("a factor is negative")
        return self

    def sentence(self, words: Words) -> str:
        """Say how the price changes."""
        if self.rate is not None:
            verb = "rises" if self.rate >= 0 else "falls"
            since = f" after {self.since}" if self.since else " after the first"
            return f"the price {verb} by {words.percent(abs(self.rate))} each period{since}"
        parts = [f"times {words.number(factor)} in {period}" for period, factor in self.factors.items()]
        return f"the price is {words.listed(parts)}"


def escalated(terms: Escalator, period: str, periods: Sequence[str]) -> tuple[Decimal, str]:
    """Return what a price is multiplied by in a period, and why.

    Parameters
    ----------
    terms : Escalator
    period : str
    periods : sequence of str
        In order; holds the period.

    Examples
    --------
    >>> escalated(Escalator(rate=Decimal("0.01")), "y3", ["y1", "y2", "y3"])
    (Decimal('1.0201'), '2 periods at 1%')
    >>> escalated(Escalator(factors={"phase_2": Decimal("1.06")}), "phase_2", ["phase_1", "phase_2"])[0]
    Decimal('1.06')
    """
    if terms.rate is None:
        return terms.factors.get(period, Decimal(1)), f"the factor of {period}"
    begun = terms.since is None or terms.since in periods
    first = periods.index(terms.since) if terms.since in periods else 0
    passed = max(0, periods.index(period) - first) if begun and period in periods else 0
    with localcontext(prec=PRECISION):
        factor = (1 + terms.rate) ** passed
    return factor, f"{passed} period{'' if passed == 1 else 's'} at {Words('').percent(terms.rate)}"
