"""A sample audit extrapolated: where some of the claims drawn were disallowed, so is the same fraction of the rest."""

from dataclasses import replace
from decimal import localcontext
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.money.amounts import PRECISION


class Audit(BaseModel):
    """What a sample audit found."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"sampled": 50, "disallowed": 5}]}
    )

    sampled: int = Field(gt=0, description="How many claims were drawn and checked.")
    disallowed: int = Field(ge=0, description="How many of them were disallowed.")

    @model_validator(mode="after")
    def _within_sample(self) -> Self:
        if self.disallowed > self.sampled:
            raise ValueError("an audit cannot disallow more claims than it sampled")
        return self


def audited(quantity: Quantity, audit: Audit) -> Quantity:
    """Lower a quantity by the fraction of sampled claims that was disallowed.

    Examples
    --------
    >>> from decimal import Decimal
    >>> audited(Quantity((Cell(Decimal(300)),)), Audit(sampled=40, disallowed=2)).total
    Decimal('285')
    """
    if not audit.disallowed:
        return replace(quantity, notes=(*quantity.notes, f"a sample audit disallowed none of {audit.sampled} claims"))
    what = f"a sample audit disallowed {audit.disallowed} of {audit.sampled} claims, and the same fraction of all is left out"

    def lowered(cell: Cell) -> Cell:
        with localcontext(prec=PRECISION):
            return replace(cell, amount=cell.amount * (audit.sampled - audit.disallowed) / audit.sampled)

    return replace(
        quantity,
        cells=tuple(lowered(cell) for cell in quantity.cells),
        by_person=None if quantity.by_person is None else tuple(lowered(cell) for cell in quantity.by_person),
        notes=(*quantity.notes, what),
    )
