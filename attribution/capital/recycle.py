"""Recycle: receipts of early periods go back into the service in place of being distributed.

The capital of Quality Education India was recycled every year (Brookings Institution).
"""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words


class Recycle(BaseModel):
    """Put receipts of early periods back into the service."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"until": "y1", "share": "0.50"}]}
    )

    share: Amount = Field(
        Decimal(1), ge=0, le=1, description="The fraction of each receipt that goes back, rounded down."
    )
    until: str = Field(description="The last period whose receipts go back into the service.")

    def sentence(self, words: Words) -> str:
        """Say the clause in a sentence.

        Examples
        --------
        >>> Recycle(until="y3").sentence(Words("USD"))
        'Up to and including period y3, 100% of what comes in goes back into the service.'
        """
        return f"Up to and including period {self.until}, {words.percent(self.share)} of what comes in goes back into the service."
