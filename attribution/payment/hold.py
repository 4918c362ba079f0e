"""Clause: while something is disputed, pay the rest and hold the disputed part in escrow."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import Amount, add, largest_remainder
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.line import Line


class Hold(BaseModel):
    """Hold a disputed part of payments in escrow; the undisputed part is paid."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"hold": "0.25", "escrow": "agent", "periods": ["y2"], "reason": "fifteen leases are disputed"}
            ]
        },
    )
    stage: ClassVar[str] = "hold"

    hold: Amount = Field(gt=0, le=1, description="The disputed fraction of the payments.")
    escrow: str = Field(description="The party that holds it until the dispute ends.")
    of: tuple[str, ...] = Field((), description="Names of the payments that are disputed; all when omitted.")
    provider: str | None = Field(None, description="Only what this party would receive is disputed.")
    periods: tuple[str, ...] = Field((), description="The periods in which it applies; all when omitted.")
    reason: str = Field(description="What is disputed.")

    def sentence(self, words: Words) -> str:
        """Say what is held."""
        what = f"payments {words.listed(self.of)}" if self.of else "all payments"
        whose = f" to {words.party(self.provider)}" if self.provider else ""
        when = f" in {words.listed(self.periods)}" if self.periods else ""
        return (
            f"{words.percent(self.hold)} of {what}{whose}{when} is held by {words.party(self.escrow)} until this dispute "
            f"ends: {self.reason}."
        )


def hold_disputed(clause: Hold, lines: Sequence[Line], unit: Decimal) -> tuple[Line, ...]:
    """Return the lines with the disputed part of each paid to the escrow instead; they sum to the same."""
    found: list[Line] = []
    for line in lines:
        disputed = (not clause.of or line.name in clause.of) and clause.provider in (None, line.provider)
        if not disputed or line.amount <= 0 or line.provider == clause.escrow:
            found.append(line)
            continue
        held, paid = largest_remainder(line.amount, [clause.hold, add([Decimal(1), -clause.hold])], unit)
        found.append(replace(line, amount=paid, reason=f"{line.reason}; {held:,} is held in escrow"))
        why = f"held for {line.provider} while disputed: {clause.reason}"
        found.append(replace(line, provider=clause.escrow, amount=held, reason=why))
    return tuple(found)
