"""Clause: a limit on what is due, for the contract, a period, a payer, a provider, a person, or what is paid for.

Where a limit binds, the amounts under it are lowered in proportion. Limits apply in the order in which they are written. One
over the whole contract counts what was due in earlier periods; one of each period may carry its unused part over. A limit on
each person needs the records, because a total does not say who is above it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, localcontext
from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import (
    PRECISION,
    Money,
    add,
    largest_remainder,
    round_money,
)
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.scope import Scope, covered
from counterfoil.attribution.payment.trace import Pot, Step
from counterfoil.errors import refusal


class Cap(Scope):
    """Limit what is due; where the limit binds, the amounts under it are lowered in proportion."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"cap": "90000.00", "scope": "contract"},
                {"cap": "45000.00", "scope": "period", "carry_over": True},
                {"cap": "55000.00", "scope": "period", "excess": "carried"},
                {"cap": "700.00", "scope": "payment", "payment": "housing", "each": "homes"},
                {"cap": "50000.00", "scope": "payer", "payer": "city", "excess": "next_payer", "then": "state"},
            ]
        }
    )

    stage: ClassVar[str] = "limit"

    cap: Money = Field(description="The most that is due, in the contract's currency.")
    each: str | None = Field(
        None, description="A quantity: the limit is the amount for each unit of it, such as the value to the payer."
    )
    carry_over: bool = Field(
        False, description="With scope period: whether what a period leaves unused adds to the next."
    )
    excess: Literal["lost", "carried", "next_payer"] = Field(
        "lost",
        description="What becomes of what exceeds the limit: it is not due, is due in the next period, or (scope payer) is due "
        "from the payer under `then`.",
    )
    then: str | None = Field(None, description="With `excess: next_payer`: who pays what exceeds the limit.")

    @model_validator(mode="after")
    def _fits_scope(self) -> "Cap":
        if self.carry_over and self.scope != "period":
            raise ValueError("`carry_over:` goes with scope period")
        if (self.excess == "next_payer") != (self.then is not None):
            raise ValueError("`excess: next_payer` and `then:` go together")
        if self.excess == "next_payer" and self.scope != "payer":
            raise ValueError("`excess: next_payer` goes with scope payer")
        if self.each is not None and self.scope == "person":
            raise ValueError("`each:` does not go with scope person")
        if self.excess != "lost" and self.scope in ("person", "provider"):
            raise ValueError(f"with scope {self.scope}, what exceeds the limit is not due")
        return self

    def sentence(self, words: Words) -> str:
        """Say the limit."""
        each = f" for each unit of {self.each}" if self.each else ""
        over = {
            "lost": "they are lowered in proportion",
            "carried": "the excess is due in the next period",
            "next_payer": f"{words.party(self.then or '')} pays the excess",
        }[self.excess]
        unused = "; what a period leaves unused adds to the next" if self.carry_over else ""
        return f"No more than {words.money(self.cap)}{each} is due for {self.about(words)}; where that binds, {over}{unused}."


def apply_cap(
    clause: Cap, position: str, pots: Sequence[Pot], unit: Decimal, *, room: Decimal | None = None
) -> tuple[Pot, ...]:
    """Lower the pots under a cap, in proportion and to the smallest unit, so that they sum to what the cap leaves room for.

    Parameters
    ----------
    clause : Cap
    position : str
        Where it stands in the contract.
    pots : sequence of Pot
        Already rounded to ``unit``.
    unit : Decimal
        Smallest unit of the currency.
    room : Decimal, optional
        What is left under the cap; all of it when omitted.
    """
    left = clause.cap if room is None else max(Decimal(0), room)
    under = covered(clause, pots)
    due = add(pots[number].amount for number in under)
    if due <= left:
        return tuple(pots)
    parts = largest_remainder(round_money(left, unit, "down"), [pots[number].amount for number in under], unit)
    lowered = dict(zip(under, parts, strict=True))
    reason = f"limited to {left:,} in all; {due:,} would be due without the limit"
    return tuple(
        _lowered(pot, lowered[number], position, reason) if number in lowered else pot
        for number, pot in enumerate(pots)
    )


def _lowered(pot: Pot, amount: Decimal, position: str, reason: str) -> Pot:
    return pot.part(amount).changed(amount, position, "cap", reason)


def pay_excess(before: Sequence[Pot], after: Sequence[Pot], clause: Cap, position: str) -> tuple[Pot, ...]:
    """Return the pots under a payer's cap with what exceeded it as pots of the next payer."""
    moved = [
        replace(
            old.part(add([old.amount, -new.amount])),
            payer=clause.then,
            base=None,
            steps=(
                Step(
                    old.clause,
                    position,
                    old.effect,
                    "next payer",
                    add([old.amount, -new.amount]),
                    f"above the limit of {clause.payer}, so {clause.then} pays it",
                    old.period,
                ),
            ),
        )
        for old, new in zip(before, after, strict=True)
        if old.amount != new.amount
    ]
    return (*after, *moved)


def cap_people(
    clause: Cap,
    position: str,
    pots: Sequence[Pot],
    unit: Decimal,
    used: Mapping[int, Decimal],
) -> tuple[Pot, ...]:
    """Limit the amounts of each person over the pots under a cap.

    Where the limit binds for somebody, what is left is rounded down in all, so that no person's limit is exceeded by rounding.

    Parameters
    ----------
    clause : Cap
    position : str
        Where it stands in the contract.
    pots : sequence of Pot
        Already rounded to ``unit``.
    unit : Decimal
        Smallest unit of the currency.
    used : mapping of int to Decimal
        What was due for each person in earlier periods.

    Raises
    ------
    PaymentError
        PAY-019 where a pot is known as a total only.
    """
    under = [number for number in covered(clause, pots) if pots[number].amount > 0]
    if any(pots[number].by_person is None for number in under):
        blind = next(pots[number] for number in under if pots[number].by_person is None)
        what = f"the limit for each person covers payments for '{blind.effect}', of which only the total is known"
        raise refusal("PAY-019", what, position)
    with localcontext(prec=PRECISION):
        due: dict[int, Decimal] = {}
        for number in under:
            for who, amount in (pots[number].by_person or {}).items():
                due[who] = due.get(who, Decimal(0)) + amount
        room = {who: max(Decimal(0), clause.cap - used.get(who, Decimal(0))) for who in due}
        part = {who: room[who] / amount for who, amount in due.items() if amount > room[who]}
        if not part:
            return tuple(pots)
        lowered = {
            number: {who: a * part[who] if who in part else a for who, a in (pots[number].by_person or {}).items()}
            for number in under
        }
    sums = [add(people.values()) for people in lowered.values()]
    left = add(min(amount, room[who]) for who, amount in due.items())
    whole = min(add(pots[number].amount for number in under), round_money(left, unit, "down"))
    parts = largest_remainder(whole, sums, unit) if any(sums) else [Decimal(0) * unit] * len(sums)
    found = list(pots)
    reason = f"limited to {clause.cap:,} for each person; the limit binds for some"
    for (number, people), amount in zip(lowered.items(), parts, strict=True):
        pot = pots[number].changed(min(pots[number].amount, amount), position, "cap", reason)
        found[number] = replace(pot, by_person=people)
    return tuple(found)


def spent_by_person(clause: Cap, pots: Sequence[Pot], used: Mapping[int, Decimal]) -> dict[int, Decimal]:
    """Return what is due for each person under a cap, with what was due in earlier periods."""
    spent = dict(used)
    with localcontext(prec=PRECISION):
        for number in covered(clause, pots):
            if pots[number].amount > 0:
                for who, amount in (pots[number].by_person or {}).items():
                    spent[who] = spent.get(who, Decimal(0)) + amount
    return spent
