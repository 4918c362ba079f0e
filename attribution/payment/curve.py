"""Clause: a piecewise linear price: from each point on, an amount and a price for each unit beyond it.

Denver's jail payment is zero below a reduction of 20 %, 160,000 dollars a point at 20 (which is a jump to 3.2 million),
38,000 dollars a point from 30, and constant from 65.
"""

from collections.abc import Iterator
from decimal import Decimal, localcontext

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import PRECISION, Amount, Money
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import shown
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Gross, OneSource, value_of


class Piece(BaseModel):
    """One piece of the line: where it begins, what is due there, and what each unit beyond adds."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"examples": [{"from": "5", "amount": "100000.00", "per_unit": "20000.00"}]},
    )

    start: Amount = Field(alias="from", description="Where the piece begins; the point belongs to it.")
    end: Amount | None = Field(
        None, alias="to", description="Where it ends, for readers; it must be where the next one begins."
    )
    amount: Money = Field(description="What is due at its beginning.")
    per_unit: Money = Field(Decimal(0), description="What each unit beyond its beginning adds.")


class Curve(OneSource):
    """Pay along a line of straight pieces; nothing below the first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "effect": "reoffending",
                    "curve": [
                        {"from": "5", "to": "10", "amount": "100000.00", "per_unit": "20000.00"},
                        {"from": "10", "amount": "200000.00"},
                    ],
                }
            ]
        }
    )

    curve: tuple[Piece, ...] = Field(min_length=1, description="The pieces, lowest first.")

    @model_validator(mode="after")
    def _pieces_rise(self) -> "Curve":
        for before, after in zip(self.curve, self.curve[1:], strict=False):
            if after.start <= before.start:
                raise ValueError(f"pieces overlap: one begins at {after.start} after one that begins at {before.start}")
            if before.end is not None and before.end > after.start:
                raise ValueError(f"pieces overlap: one ends at {before.end} and the next begins at {after.start}")
            if before.end is not None and before.end < after.start:
                raise ValueError(f"there is a gap between pieces, from {before.end} to {after.start}")
        return self

    def said(self, words: Words) -> str:
        """Say the line."""
        parts = [
            f"from {words.number(piece.start)}: {words.money(piece.amount)}"
            + (f" and {words.money(piece.per_unit)} for each unit beyond" if piece.per_unit else "")
            for piece in self.curve
        ]
        what = self.quantity or f"the gain in {self.effect}"
        return f"what is due depends on {what}, nothing below {words.number(self.curve[0].start)}; {'; '.join(parts)}"


def gross_of_curve(clause: Curve, moment: Moment) -> Iterator[Gross]:
    """Yield what a piecewise linear price gives."""
    known = value_of(clause, moment)
    if known is None:
        return
    value, cell, reason = known
    reached = [piece for piece in clause.curve if value >= piece.start]
    if not reached:
        why = f"{reason}, below {shown(clause.curve[0].start)}, where payment begins"
        yield Gross(value, Decimal(0), Decimal(0), why, cell)
        return
    piece = reached[-1]
    with localcontext(prec=PRECISION):
        amount = piece.amount + piece.per_unit * (value - piece.start)
    why = f"{reason}: {piece.amount:,} and {piece.per_unit:,} for each unit beyond {shown(piece.start)}"
    yield Gross(value, piece.per_unit, amount, why, cell)
