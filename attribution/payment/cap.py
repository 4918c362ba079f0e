"""Clause: a limit on what is due, for the whole contract or for one effect."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.payment.money import Amount, add, largest_remainder
from counterfoil.attribution.payment.trace import Pot, Step


class Cap(BaseModel):
    """Limit what is due; where the limit binds, the amounts under it are lowered in proportion."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cap: Amount = Field(description="The most that is due, in the contract's currency.")
    scope: Literal["contract", "effect"] = Field(description="Whether all payments or one effect's are limited.")
    effect: str | None = Field(None, description="The effect whose payments are limited, with scope effect.")


def apply_cap(clause: Cap, position: str, pots: Sequence[Pot], unit: Decimal) -> tuple[Pot, ...]:
    """Lower the pots under a cap, in proportion and to the smallest unit, so that they sum to the cap.

    The pots are already rounded to ``unit``.
    """
    under = [pot for pot in pots if clause.scope == "contract" or pot.effect == clause.effect]
    due = add(pot.amount for pot in under)
    if due <= clause.cap:
        return tuple(pots)
    lowered = dict(zip(under, largest_remainder(clause.cap, [pot.amount for pot in under], unit), strict=True))
    reason = f"limited to {clause.cap:,} in all; {due:,} would be due without the limit"
    return tuple(
        replace(
            pot,
            amount=lowered[pot],
            steps=(*pot.steps, Step(pot.clause, position, pot.effect, "cap", lowered[pot], reason)),
        )
        if pot in lowered
        else pot
        for pot in pots
    )
