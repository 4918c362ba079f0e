"""Clause: a price for each unit of gain per person."""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.payment.money import Amount, multiply
from counterfoil.attribution.payment.trace import Pot, Priced, Step


class UnitPrice(BaseModel):
    """Pay a price for each unit of gain, over everybody it counts for: people in the study, or assigned in a lottery."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: str = Field(description="The effect that is paid for.")
    per: Literal["person"] = Field(description="The price is for one unit of gain for one person.")
    price: Amount = Field(description="In the contract's currency, with no more decimals than it has.")
    people: Literal["everyone"] | None = Field(
        None, description="Written to agree that people who were not served are paid for (scope everyone)."
    )
    to: str | None = Field(None, description="Who receives it, where the effect has no split.")
    payer: str | None = Field(None, description="Who pays it; the outcome payer when there is only one.")


def price_effect(clause: UnitPrice, position: str, priced: Priced) -> Pot:
    """Return the pot of a clause: price times people times gain per person; zero below zero or behind a shut gate.

    Parameters
    ----------
    clause : UnitPrice
        The clause.
    position : str
        Where it stands in the contract, such as ``payments[0]``.
    priced : Priced
        The effect's exact quantity of gain, how it came about, and whether its gate passed.
    """
    gross = multiply(clause.price, priced.quantity)
    steps = [Step(position, position, clause.effect, "price", gross, f"{priced.basis}, at {clause.price:,} each")]
    amount = gross
    if not priced.gate_passes:
        amount = Decimal(0)
        steps.append(Step(position, position, clause.effect, "gate", amount, "the gate is shut, so nothing is due"))
    elif gross <= 0:
        amount = Decimal(0)
        steps.append(Step(position, position, clause.effect, "floor", amount, "there is no gain, so nothing is due"))
    return Pot(position, clause.effect, priced.quantity, clause.price, amount, clause.to, clause.payer, tuple(steps))
