"""Clause: a sliding scale: nothing at a lower point, the whole amount at an upper one, in proportion between them."""

from collections.abc import Iterator
from decimal import Decimal, localcontext

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import PRECISION, Amount, Money
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import shown
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Gross, OneSource, value_of


class Scale(BaseModel):
    """The two ends of a sliding scale."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"lower": "0", "upper": "12", "amount": "1000000.00", "floor": "600000.00"}]},
    )

    lower: Amount = Field(description="Up to here nothing is due, or the floor.")
    upper: Amount = Field(description="From here on the whole amount is due.")
    amount: Money = Field(description="The whole amount.")
    floor: Money = Field(Decimal(0), description="What is due at the lower point and below it.")

    @model_validator(mode="after")
    def _rises(self) -> "Scale":
        if self.upper <= self.lower:
            raise ValueError("the upper point does not lie above the lower one")
        if self.floor > self.amount:
            raise ValueError("the floor exceeds the whole amount")
        return self


class SlidingScale(OneSource):
    """Pay in proportion between two points."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"effect": "reoffending", "sliding": {"lower": "5", "upper": "10", "amount": "1000000.00"}}]
        }
    )

    sliding: Scale = Field(description="The two points and the amount.")

    def said(self, words: Words) -> str:
        """Say the scale."""
        ends, what = self.sliding, self.quantity or f"the gain in {self.effect}"
        return (
            f"what is due rises evenly from {words.money(ends.floor)} at {words.number(ends.lower)} of {what} to "
            f"{words.money(ends.amount)} at {words.number(ends.upper)} and beyond"
        )


def gross_of_scale(clause: SlidingScale, moment: Moment) -> Iterator[Gross]:
    """Yield what a sliding scale gives.

    Examples
    --------
    >>> from counterfoil.attribution.payment.trace import Priced
    >>> clause = SlidingScale(effect="gain", sliding={"lower": "5", "upper": "10", "amount": "1000.00"})
    >>> known = Moment("", ("",), {}, {"gain": [Priced(Decimal(6), "published", True)]})
    >>> [round(found.amount, 2) for found in gross_of_scale(clause, known)]
    [Decimal('200.00')]
    """
    known = value_of(clause, moment)
    if known is None:
        return
    value, cell, reason = known
    ends = clause.sliding
    with localcontext(prec=PRECISION):
        part = min(Decimal(1), max(Decimal(0), (value - ends.lower) / (ends.upper - ends.lower)))
        amount = ends.floor + (ends.amount - ends.floor) * part
    why = f"{reason}, {float(part):.4%} of the way from {shown(ends.lower)} to {shown(ends.upper)}"
    yield Gross(value, Decimal(0), amount, why, cell)
