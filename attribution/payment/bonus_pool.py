"""Bonus pool: a part of a prime's receipts that its partners share."""

from decimal import Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount, add


class BonusPool(BaseModel):
    """A part of the receipts that partners share when there is enough."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"share": "0.10", "among": ["south", "hub"], "by": {"south": "0.75", "hub": "0.25"}}]
        },
    )

    share: Amount = Field(
        ge=0, le=1, description="The fraction of the receipts; no more than what is left of them after the fees."
    )
    among: tuple[str, ...] = Field(min_length=1, description="The parties that share it.")
    by: Literal["equal"] | dict[str, Amount] = Field(
        "equal", description="In equal parts, or party to its fraction of the pool; the fractions sum to one."
    )

    @model_validator(mode="after")
    def _the_pool_is_whole(self) -> Self:
        if len(set(self.among)) < len(self.among):
            raise ValueError("a party stands twice under `among`")
        if isinstance(self.by, dict):
            if set(self.by) != set(self.among):
                raise ValueError("`by` should give a fraction to each party under `among`, and to nobody else")
            if any(fraction < 0 for fraction in self.by.values()) or add(self.by.values()) != 1:
                raise ValueError("the fractions under `by` should not be negative, and sum to one")
        return self

    @property
    def weights(self) -> list[Decimal]:
        """Each party's weight, in the order of ``among``."""
        return [self.by[name] if isinstance(self.by, dict) else Decimal(1) for name in self.among]
