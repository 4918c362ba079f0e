"""Tranche: money put up by one investor on its own terms, with its rank among those who are paid back.

Chicago's Child-Parent Centers had two senior lenders and a subordinate one; Massachusetts' Juvenile Justice project had
senior and junior loans, recoverable grants and deferred fees of the provider (Urban Institute, Pay for Success project
pages).
"""

from decimal import Decimal
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import Amount, Money
from counterfoil.attribution.money.words import Words

Kind = Literal["loan", "deferred_fee", "recoverable_grant", "equity"]
CALLED: Final[dict[Kind, str]] = {
    "loan": "a loan",
    "deferred_fee": "deferred fees",
    "recoverable_grant": "a recoverable grant",
    "equity": "equity",
}


class Tranche(BaseModel):
    """Money put up by one investor, and the terms on which it comes back."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "senior", "investor": "bank", "principal": "60000.00", "rate": "0.05", "rank": 1}]
        },
    )

    name: str = Field(min_length=1, description="What the tranche is called, such as senior; each name stands once.")
    investor: str = Field(description="The party that puts the money up; it may hold several tranches.")
    kind: Kind = Field(
        "loan", description="What the money is; it does not change the order, which `rank` alone decides."
    )
    principal: Money = Field(ge=0, description="The most that is drawn, in the contract's currency; it is paid back.")
    rate: Amount | None = Field(
        None,
        ge=0,
        le=1,
        description="Yearly interest as a fraction, such as 0.05: compound, actual/365, from the date of each draw. It needs "
        "dates of draws and periods. Without it nothing but the principal is owed.",
    )
    rank: int = Field(1, ge=1, description="1 is paid first; tranches of equal rank share by what each is owed then.")
    interest: Literal["first", "last"] = Field(
        "first", description="Whether a payment goes to the tranche's interest before its principal, or after it."
    )

    def sentence(self, words: Words) -> str:
        """Say the tranche in a sentence.

        Examples
        --------
        >>> loan = Tranche(name="senior", investor="goldman", principal=Decimal("9600000.00"), rate=Decimal("0.05"))
        >>> loan.sentence(Words("USD", {"goldman": "Goldman Sachs"}))
        'In rank 1, Goldman Sachs is paid back a loan (senior) of up to 9,600,000.00 USD with 5% interest a year, first \
interest and then principal.'
        """
        cost = "without interest"
        if self.rate:
            order = (
                "first interest and then principal" if self.interest == "first" else "first principal and then interest"
            )
            cost = f"with {words.percent(self.rate)} interest a year, {order}"
        return (
            f"In rank {self.rank}, {words.party(self.investor)} is paid back {CALLED[self.kind]} ({self.name}) of up to "
            f"{words.money(self.principal)} {cost}."
        )

    @property
    def bears_interest(self) -> bool:
        """Whether anything is owed beyond the principal."""
        return self.rate is not None and self.rate > Decimal(0)
