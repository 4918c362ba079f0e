"""Clause: a stated amount in stated periods whatever was achieved, in place of other clauses.

Under COVID-19 ten projects of the United Kingdom's Life Chances Fund switched to grants at their medium scenario. A grant says
for which periods, in place of what, and why.
"""

from collections.abc import Iterator
from decimal import Decimal

from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.counting.quantity import Cell
from counterfoil.attribution.money.amounts import Money
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Gross, Price


class Grant(Price):
    """Pay a stated amount in each of some periods, in place of other clauses."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"grant": "30000.00", "periods": ["y2"], "instead_of": ["housing"], "reason": "floods closed the homes"}
            ]
        }
    )

    grant: Money = Field(description="The amount for each of the periods.")
    instead_of: tuple[str, ...] = Field((), description="Names of clauses that pay nothing in these periods.")
    reason: str = Field(description="Why the parties agreed to it.")

    @model_validator(mode="after")
    def _of_nothing(self) -> "Grant":
        if self.effect is not None or self.quantity is not None:
            raise ValueError("a grant is paid whatever was achieved; it names no `effect:` and no `quantity:`")
        return self

    def said(self, words: Words) -> str:
        """Say the grant itself."""
        instead = f" instead of {words.listed(self.instead_of)}" if self.instead_of else ""
        return f"{words.money(self.grant)} is paid as a grant{instead}, because {self.reason}"

    def priced(self) -> str:
        """Return the name of what is priced."""
        return self.name or "grant"


def gross_of_grant(clause: Grant, moment: Moment) -> Iterator[Gross]:
    """Yield what a grant gives in each period that counts."""
    for period in moment.counted:
        if not clause.periods or period in clause.periods:
            yield Gross(
                Decimal(1), clause.grant, clause.grant, f"a grant, because {clause.reason}", Cell(Decimal(1), period)
            )
