"""Clause: who pays: several payers in agreed parts, or one after the other up to a limit each.

It acts before limits, so that the limit of one payer holds for that payer's part; a `cap` of scope payer says what becomes of
the excess.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount, add, largest_remainder, round_money
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.trace import Pot


class PayerSplit(BaseModel):
    """Divide payments among payers, in fractions, or in order up to a limit each."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"payers": {"city": "0.60", "state": "0.40"}},
                {"payers": {"state": "50000.00"}, "in_order": True, "rest": "city"},
            ]
        },
    )
    stage: ClassVar[str] = "payers"

    payers: dict[str, Amount] = Field(
        description="Payer to its fraction (they sum to one); or, with `in_order`, to the most it pays in all."
    )
    in_order: bool = Field(False, description="Whether the first pays up to its limit before the next pays anything.")
    rest: str | None = Field(
        None, description="With `in_order`: who pays what exceeds all limits; otherwise it is not due."
    )
    of: tuple[str, ...] = Field((), description="Names of the payments that are divided so; all when omitted.")
    periods: tuple[str, ...] = Field((), description="The periods in which it applies; all when omitted.")

    @model_validator(mode="after")
    def _fractions(self) -> "PayerSplit":
        if not self.payers:
            raise ValueError("`payers:` names nobody")
        if any(part < 0 for part in self.payers.values()):
            raise ValueError("a payer's part is negative")
        if not self.in_order and add(self.payers.values()) != 1:
            raise ValueError(f"the payers' fractions sum to {add(self.payers.values())} and not to 1")
        if self.rest is not None and not self.in_order:
            raise ValueError("`rest:` goes with `in_order: true`")
        return self

    def sentence(self, words: Words) -> str:
        """Say who pays."""
        what = f"payments {words.listed(self.of)}" if self.of else "all payments"
        when = f" in {words.listed(self.periods)}" if self.periods else ""
        if not self.in_order:
            parts = [f"{words.party(name)} pays {words.percent(part)}" for name, part in self.payers.items()]
            return f"Of {what}{when}, {words.listed(parts)}."
        parts = [f"{words.party(name)} up to {words.money(limit)}" for name, limit in self.payers.items()]
        last = f"; {words.party(self.rest)} pays the rest" if self.rest else "; what exceeds these limits is not due"
        return f"Of {what}{when}, pay in this order: {', then '.join(parts)}{last}."


def split_payers(
    clause: PayerSplit, position: str, pots: Sequence[Pot], unit: Decimal, used: Mapping[str, Decimal]
) -> tuple[Pot, ...]:
    """Divide pots among payers; the parts of each pot sum to it, unless all limits are used up.

    Parameters
    ----------
    clause : PayerSplit
    position : str
    pots : sequence of Pot
        Already rounded to ``unit``.
    unit : Decimal
    used : mapping of str to Decimal
        With ``in_order``: what each payer has paid under the clause before.
    """
    found: list[Pot] = []
    left = {
        name: max(Decimal(0), round_money(add([limit, -used.get(name, Decimal(0))]), unit, "down"))
        for name, limit in clause.payers.items()
    }
    for pot in pots:
        if (clause.of and pot.name not in clause.of) or pot.payer is not None:
            found.append(pot)
            continue
        if not clause.in_order:
            parts = largest_remainder(pot.amount, list(clause.payers.values()), unit)
            shares = dict(zip(clause.payers, parts, strict=True))
        else:
            shares = _in_order(pot.amount, left, clause.rest)
        for payer, amount in shares.items():
            reason = f"{payer} pays {amount:,} of {pot.amount:,}"
            part = pot.changed(amount, position, "payers", reason)
            found.append(replace(part, payer=payer, by_person=pot.part(amount).by_person, payers=position))
    return tuple(found)


def _in_order(amount: Decimal, left: dict[str, Decimal], rest: str | None) -> dict[str, Decimal]:
    """Return who pays what of an amount, and lower what each has left."""
    shares: dict[str, Decimal] = {}
    for name, room in left.items():
        part = min(amount, room)
        if part > 0 or not shares:
            shares[name] = part
        left[name] = add([room, -part])
        amount = add([amount, -part])
    if amount > 0 and rest is not None:
        shares[rest] = add([shares.get(rest, Decimal(0)), amount])
    return shares
