"""Fee: what a prime pays one partner, on terms of its own."""

from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount, Money
from counterfoil.attribution.money.words import Words


class Fee(BaseModel):
    """What one partner is paid: a fixed amount, a fraction of the receipts, or a price for each unit of a quantity."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"amount": "5000.00"}, {"fraction": "0.30"}, {"each": "hours", "price": "20.00"}]
        },
    )

    amount: Money | None = Field(None, description="A fixed amount for each settlement, in the contract's currency.")
    fraction: Amount | None = Field(None, ge=0, le=1, description="Instead: the fraction of what the prime receives.")
    each: str | None = Field(None, description="Instead: the quantity of which every unit is paid for, at `price`.")
    price: Money | None = Field(None, description="With each: what one unit is paid.")

    @model_validator(mode="after")
    def _one_kind_of_fee(self) -> Self:
        stated = [self.amount is not None, self.fraction is not None, self.each is not None]
        if sum(stated) != 1 or (self.each is None) != (self.price is None):
            raise ValueError("should state `amount`, or `fraction`, or `each` with its `price`")
        return self

    def sentence(self, words: Words, partner: str) -> str:
        """Say the fee of a partner in a phrase.

        Examples
        --------
        >>> Fee(each="starts", price=Decimal("3120.00")).sentence(Words("USD"), "north")
        '3,120.00 USD for each unit of starts to north'
        """
        to = f"to {words.party(partner)}"
        if self.amount is not None:
            return f"{words.money(self.amount)} {to}"
        if self.fraction is not None:
            return f"{words.percent(self.fraction)} of what it receives {to}"
        return f"{words.money(self.price or Decimal(0))} for each unit of {self.each} {to}"
