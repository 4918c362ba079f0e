"""Draw: money that an investor has put up, on a date."""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from counterfoil.attribution.money.amounts import Money
from counterfoil.attribution.money.words import Words


def _plain_day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise PydanticCustomError("day", "should be a date, such as 2024-03-31") from None
    return value


Day = Annotated[date, BeforeValidator(_plain_day)]
"""A date in a spec, written year-month-day."""


class Draw(BaseModel):
    """Money that was put up."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"date": "2025-01-01", "amount": "60000.00"}]}
    )

    date: Day | None = Field(None, description="When it was put up; needed for interest and rates of return.")
    amount: Money = Field(gt=0, description="How much, in the contract's currency.")
    investor: str | None = Field(
        None,
        alias="from",
        description="Who put it up; when omitted, the tranches are filled in the order of their rank.",
    )
    tranche: str | None = Field(
        None,
        description="Under which tranche; when omitted, the investor's tranches are filled in the order of their rank.",
    )

    def sentence(self, words: Words) -> str:
        """Say the draw in a sentence.

        Examples
        --------
        >>> Draw.model_validate({"date": "2013-01-01", "amount": "9600000.00", "from": "goldman"}).sentence(Words("USD"))
        'goldman puts up 9,600,000.00 USD on 2013-01-01.'
        """
        who = "The investors put" if self.investor is None else f"{words.party(self.investor)} puts"
        under = "" if self.tranche is None else f" under {self.tranche}"
        when = "" if self.date is None else f" on {self.date.isoformat()}"
        return f"{who} up {words.money(self.amount)}{under}{when}."
