"""Return limit: the most that all investors together gain, as a yearly rate or as an amount.

The Educate Girls bond limited the investor's return to an internal rate of 15% (Children's Investment Fund Foundation).
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.capital.irr import Flow, largest_payment_within_irr
from counterfoil.attribution.money.amounts import Amount, Money, add
from counterfoil.attribution.money.words import Words


class ReturnLimit(BaseModel):
    """The most that the investors gain; what is beyond it goes to those under `rest` who are not investors."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"amount": "5000.00"}, {"irr": "0.05"}]}
    )

    irr: Amount | None = Field(
        None,
        ge=0,
        le=1,
        description="Yearly internal rate of return of all investors together, as a fraction such as 0.15 (actual/365, "
        "compound); no payment is made with which it would be exceeded. It needs dates.",
    )
    amount: Money | None = Field(
        None, ge=0, description="Instead: the most that all investors together receive beyond the money they put up."
    )

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Self:
        if (self.irr is None) == (self.amount is None):
            raise ValueError("should state either `irr` or `amount`")
        return self

    def sentence(self, words: Words) -> str:
        """Say the limit in a sentence.

        Examples
        --------
        >>> ReturnLimit(irr=Decimal("0.15")).sentence(Words("CHF"))
        'The investors together receive no more than an internal rate of return of 15% a year; what is beyond that goes to \
the others who share the rest.'
        """
        most = (
            f"an internal rate of return of {words.percent(self.irr)} a year"
            if self.irr is not None
            else f"their money and {words.money(self.amount or Decimal(0))} beyond it"
        )
        return f"The investors together receive no more than {most}; what is beyond that goes to the others who share the rest."


def room_within(
    limit: ReturnLimit,
    put_up: Sequence[tuple[date | None, Decimal]],
    received: Sequence[tuple[date | None, Decimal]],
    on: date | None,
    unit: Decimal,
) -> Decimal:
    """Return what the investors together may still receive on a day, rounded down.

    Parameters
    ----------
    limit : ReturnLimit
        The clause.
    put_up, received : sequence of (date or None, Decimal)
        What they have put up and received so far; money put up after the day does not count. A limit on the rate of return
        needs the dates.
    on : date or None
        The day of the payment.
    unit : Decimal
        The currency's smallest unit.

    Examples
    --------
    >>> room_within(ReturnLimit(amount=Decimal("5.00")), [(None, Decimal("100.00"))], [], None, Decimal("0.01"))
    Decimal('105.00')
    """
    by_now = [(day, amount) for day, amount in put_up if day is None or on is None or day <= on]
    if limit.irr is not None and on is not None:
        flows = [Flow(day, -amount) for day, amount in by_now if day is not None]
        flows += [Flow(day, amount) for day, amount in received if day is not None]
        return largest_payment_within_irr(flows, on, limit.irr, unit)
    most = add([*(amount for _, amount in by_now), limit.amount or Decimal(0)])
    return max(add([most, *(-amount for _, amount in received)]), Decimal(0))
