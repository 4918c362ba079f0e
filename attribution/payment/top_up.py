"""Clause: one payer adds a fraction of what others pay, as a central fund that tops up local commissioners does.

The fraction is of what is due: where a limit lowers a payment, what is added to it is lowered too. A limit that covers both
lowers both in proportion.
"""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import Amount, Rounding, multiply, round_money
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.trace import Pot, Step


class TopUp(BaseModel):
    """A payer adds a fraction of other payments to them."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"top_up": "0.20", "payer": "state"}]}
    )
    stage: ClassVar[str] = "top_up"

    name: str | None = Field(None, description="What other clauses call this one.")
    top_up: Amount = Field(gt=0, description="The fraction of the payments that is added.")
    payer: str = Field(description="Who pays what is added.")
    of: tuple[str, ...] = Field(
        (), description="Names of the payments that are topped up; all but other top-ups when omitted."
    )
    periods: tuple[str, ...] = Field((), description="The periods in which it applies; all when omitted.")

    def sentence(self, words: Words) -> str:
        """Say the top-up."""
        what = f"payments {words.listed(self.of)}" if self.of else "all payments"
        when = f" in {words.listed(self.periods)}" if self.periods else ""
        return f"{words.party(self.payer)} adds {words.percent(self.top_up)} to {what}{when}."


def add_top_up(clause: TopUp, position: str, pots: Sequence[Pot], unit: Decimal, rounding: Rounding) -> tuple[Pot, ...]:
    """Return the pots and, for each that is topped up, one more from the clause's payer."""
    added = []
    for number, pot in enumerate(pots):
        if pot.name not in clause.of if clause.of else pot.base is not None:
            continue
        amount = round_money(multiply(pot.amount, clause.top_up), unit, rounding)
        reason = f"{Words('').percent(clause.top_up)} of {pot.amount:,}, rounded {rounding} to {unit}"
        step = Step(position, position, pot.effect, "top up", amount, reason, pot.period)
        added.append(
            Pot(
                position,
                pot.effect,
                pot.amount,
                clause.top_up,
                amount,
                pot.to,
                clause.payer,
                (step,),
                clause.name or "",
                pot.period,
                pot.group,
                pot.rung,
                source=pot.source or pot.clause,
                by_person=pot.part(amount).by_person,
                base=number,
            )
        )
    return (*pots, *added)


def follow_bases(
    before: Sequence[Pot],
    after: Sequence[Pot],
    under: Collection[int],
    position: str,
    unit: Decimal,
    rounding: Rounding,
) -> tuple[Pot, ...]:
    """Lower what is added to payments that a limit has lowered, where the limit is not one on the addition itself.

    Parameters
    ----------
    before, after : sequence of Pot
        Before and after the limit, each at the same place.
    under : collection of int
        The places that the limit covers.
    position : str
        Where the limit stands.
    unit : Decimal
    rounding : str
    """
    found = list(after)
    for number, pot in enumerate(after):
        if pot.base is None or number in under or found[pot.base].amount >= before[pot.base].amount:
            continue
        amount = min(pot.amount, round_money(multiply(found[pot.base].amount, pot.price), unit, rounding))
        reason = f"{Words('').percent(pot.price)} of {found[pot.base].amount:,}, to which that payment is limited"
        found[number] = pot.part(amount).changed(amount, position, "cap", reason)
    return tuple(found)
