"""Clause: the least that is due, for the contract, a period, a payer, or what is paid for.

The amounts under a floor are raised in proportion, or equally where none is due. Where nothing is even counted, the floor is
due to the party under `to`. A floor over the whole contract is made up in its last period.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Money, add, largest_remainder
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import Condition
from counterfoil.attribution.payment.scope import Scope, covered
from counterfoil.attribution.payment.trace import Pot, Step
from counterfoil.errors import refusal


class Floor(Scope):
    """The least that is due; where less would be, the amounts under it are raised in proportion."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"floor": "45000.00", "scope": "period"}, {"floor": "120000.00", "scope": "contract"}]
        }
    )

    stage: ClassVar[str] = "limit"

    floor: Money = Field(description="The least that is due, in the contract's currency.")
    only_if: Condition | None = Field(None, description="The floor applies only if this holds.")
    to: str | None = Field(None, description="Who receives the floor where nothing is counted.")
    from_payer: str | None = Field(None, description="Who pays it then; the outcome payer when there is only one.")

    @model_validator(mode="after")
    def _not_of_people(self) -> "Floor":
        if self.scope in ("person", "provider"):
            raise ValueError("a floor is not of each person or provider; give a provider a `minimum:` in the split")
        return self

    def sentence(self, words: Words) -> str:
        """Say the floor."""
        condition = f"; only if {self.only_if.sentence(words)}" if self.only_if else ""
        return f"At least {words.money(self.floor)} is due for {self.about(words)}{condition}."


def apply_floor(
    clause: Floor, position: str, pots: Sequence[Pot], unit: Decimal, *, already: Decimal = Decimal(0), period: str = ""
) -> tuple[Pot, ...]:
    """Raise the pots under a floor so that they sum to it.

    Parameters
    ----------
    clause : Floor
    position : str
    pots : sequence of Pot
        Already rounded to ``unit``.
    unit : Decimal
    already : Decimal
        What was due under it in earlier periods.
    period : str
        The period that is settled, for a floor under which nothing is counted.

    Raises
    ------
    ContractError
        CONTRACT-015 where nothing is counted and the floor does not say who receives it.
    """
    under = covered(clause, pots)
    due = add([already, *(pots[number].amount for number in under)])
    if due >= clause.floor:
        return tuple(pots)
    missing = add([clause.floor, -due])
    reason = f"raised to the least of {clause.floor:,} in all; {due:,} would be due without it"
    if not under:
        if clause.to is None:
            what = "nothing is counted under the floor, and it does not say with `to:` who receives it"
            raise refusal("CONTRACT-015", what, position)
        what = clause.effect or clause.quantity or "floor"
        step = Step(position, position, what, "floor", missing, reason, period)
        one, payer = Decimal(1), clause.from_payer or clause.payer
        name, group = clause.payment or "", clause.group or ""
        return (
            *pots,
            Pot(position, what, one, missing, missing, clause.to, payer, (step,), name, period, group),
        )
    weights = [pots[number].amount for number in under]
    parts = largest_remainder(missing, weights if any(weights) else [Decimal(1)] * len(under), unit)
    raised = dict(zip(under, parts, strict=True))
    return tuple(
        replace(pot.changed(add([pot.amount, raised[number]]), position, "floor", reason), by_person=None)
        if number in raised
        else pot
        for number, pot in enumerate(pots)
    )
