"""Clause: a fixed amount once a condition holds, in all or for each unit of a quantity.

South Carolina's Nurse-Family Partnership pays an amount for each participant if at least 65 % of the mothers live in poor ZIP
codes, and one at a lower and another at an upper threshold of each outcome.
"""

from collections.abc import Iterator
from decimal import Decimal

from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.counting.quantity import Cell
from counterfoil.attribution.money.amounts import Money, multiply
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import Condition, shown
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Gross, Price, counted_cells, people_of


class Bonus(Price):
    """Pay a stated amount if a condition holds; for each unit of a quantity where one is named."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"bonus": "50000.00", "only_if": {"effect": "reoffending", "at_least": "8"}},
                {"bonus": "500.00", "quantity": "homes", "only_if": {"quantity": "refusals", "at_most": "0"}},
            ]
        }
    )

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


def gross_of_bonus(clause: Bonus, moment: Moment, by_person: bool = False) -> Iterator[Gross]:
    """Yield what a bonus gives, before its condition.

    A bonus in all is given in each of the periods that it names; without such, in a period in which something that its
    condition names becomes known, so that what was rewarded once is not rewarded in every later period.

    Parameters
    ----------
    clause : Bonus
    moment : Moment
    by_person : bool
        Whether amounts are also needed person by person.
    """
    if clause.quantity is None:
        for period in _when(clause, moment):
            yield Gross(
                Decimal(1), clause.bonus, clause.bonus, f"the stated {clause.bonus:,}", Cell(Decimal(1), period)
            )
        return
    people = people_of(clause, moment) if by_person else None
    for cell in counted_cells(clause, moment):
        amount = multiply(clause.bonus, cell.amount)
        reason = f"{shown(cell.amount)} {clause.quantity}, at {clause.bonus:,} each"
        each = None
        if people is not None:
            each = {who: multiply(clause.bonus, count) for who, count in people.get(cell.place, {}).items()}
        yield Gross(cell.amount, clause.bonus, amount, reason, cell, each)


def _when(clause: Bonus, moment: Moment) -> tuple[str, ...]:
    """Return the periods in which a bonus in all is earned: those that it names, or once something new is known."""
    if clause.periods:
        return tuple(period for period in moment.counted if period in clause.periods)
    news = any(
        moment.gain(name, new=True) is not None if kind == "effect" else moment.amount(name) is not None
        for kind, name in clause.only_if.names()
    )
    return (moment.period,) if news else ()
