"""Clause: a fixed amount once a condition holds, in all or for each unit of a quantity.

South Carolina's Nurse-Family Partnership pays an amount for each participant if at least 65 % of the mothers live in poor ZIP
codes, and one at a lower and another at an upper threshold of each outcome.
"""

from collections.abc import Iterator
from decimal import Decimal

from pydantic import Field, model_validator

from counterfoil.attribution.counting.quantity import Cell
from counterfoil.attribution.money.amounts import Money, multiply
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import Condition, shown
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Gross, Price, counted_cells


class Bonus(Price):
    """Pay a stated amount if a condition holds; for each unit of a quantity where one is named."""

    bonus: Money = Field(description="The amount, in all or for each unit of `quantity`.")
    only_if: Condition = Field(description="What must hold.")

    @model_validator(mode="after")
    def _not_of_an_effect(self) -> "Bonus":
        if self.effect is not None:
            raise ValueError(
                "a bonus is paid in all, or for each unit of a `quantity:`; its effect stands in `only_if:`"
            )
        return self

    def said(self, words: Words) -> str:
        """Say the bonus itself."""
        each = f" for each unit of {self.quantity}" if self.quantity else ""
        return f"{words.money(self.bonus)} is paid{each}"

    def priced(self) -> str:
        """Return the name of what is priced."""
        return self.quantity or self.name or "bonus"


def gross_of_bonus(clause: Bonus, moment: Moment) -> Iterator[Gross]:
    """Yield what a bonus gives, before its condition."""
    if clause.quantity is None:
        yield Gross(
            Decimal(1), clause.bonus, clause.bonus, f"the stated {clause.bonus:,}", Cell(Decimal(1), moment.period)
        )
        return
    for cell in counted_cells(clause, moment):
        amount = multiply(clause.bonus, cell.amount)
        yield Gross(
            cell.amount, clause.bonus, amount, f"{shown(cell.amount)} {clause.quantity}, at {clause.bonus:,} each", cell
        )
