"""What every price has in common: what it prices, when and for whom, who pays and receives, and how it changes over time.

A price turns cells of a quantity, or the gain of an effect, into pots. In this order: the price itself, its gate and
conditions, zero where there is a loss, present value, escalator, discount, rounding to the smallest unit.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import partial
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.counting.quantity import Cell
from counterfoil.attribution.money.amounts import PRECISION, Amount, Rounding, multiply, round_money
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import Condition, holds, shown
from counterfoil.attribution.payment.division import Division
from counterfoil.attribution.payment.escalator import Escalator, escalated
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.present_value import PresentValue, annuity_factor
from counterfoil.attribution.payment.trace import Pot, Priced, Step


class Price(BaseModel):
    """Terms that every price clause may have."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    stage: ClassVar[str] = "price"

    name: str | None = Field(None, description="What other clauses call this one.")
    effect: str | None = Field(None, description="The effect that is paid for.")
    quantity: str | None = Field(None, description="The quantity that is paid for.")
    only_if: Condition | None = Field(None, description="Nothing is due under the clause unless this holds.")
    periods: tuple[str, ...] = Field((), description="The periods in which the clause applies; all when omitted.")
    groups: tuple[str, ...] = Field((), description="The groups of the quantity that it prices; all when omitted.")
    rungs: tuple[str, ...] = Field((), description="The rungs of the quantity that it prices; all when omitted.")
    to: str | None = Field(None, description="Who receives it, where it is not divided.")
    payer: str | None = Field(None, description="Who pays it; the outcome payer when there is only one.")
    split: Division | None = Field(None, description="How it is divided among parties, where no effect's split does.")
    scaled_by: str | None = Field(
        None,
        description="A quantity that is a rate in per cent, such as retention: the amount is multiplied by it over 100.",
    )
    escalator: Escalator | None = Field(None, description="How the price changes from period to period.")
    present_value: PresentValue | None = Field(
        None, description="For how many years the benefit lasts, and what later years are worth now."
    )
    discount: Amount = Field(
        Decimal(0), ge=0, le=1, description="Fraction by which the price is lowered for this provider."
    )
    rounding: Rounding | None = Field(
        None, description="How the clause's amounts are rounded, where not as the contract's."
    )

    def sentence(self, words: Words) -> str:
        """Say the clause as a contract manager would sign it."""
        said = f"{self.said(words)}{''.join(self.beside(words))}."
        return said[:1].upper() + said[1:]

    def said(self, words: Words) -> str:
        """Say the price itself."""
        raise NotImplementedError

    def priced(self) -> str:
        """Return the name of what is priced."""
        return self.effect or self.quantity or self.name or ""

    def beside(self, words: Words) -> Iterator[str]:
        """Say the terms beside the price, each to follow it."""
        if self.groups:
            yield f", for {words.listed(self.groups)}"
        if self.rungs:
            yield f", for {words.listed(self.rungs)}"
        if self.periods:
            yield f", in {words.listed(self.periods)}"
        if self.scaled_by is not None:
            yield f"; the amount is multiplied by {self.scaled_by}, in per cent"
        if self.escalator is not None:
            yield f"; {self.escalator.sentence(words)}"
        if self.present_value is not None:
            yield f"; {self.present_value.sentence(words, 'the amount')[:-1]}"
        if self.discount:
            yield f"; {words.percent(self.discount)} is taken off as a discount"
        if self.only_if is not None:
            yield f"; only if {self.only_if.sentence(words)}"
        if self.split is not None:
            yield f"; {self.split.sentence(words)}"
        if self.rounding is not None:
            yield f"; amounts are rounded {self.rounding.replace('_', ' ')}"


class OneSource(Price):
    """A price of exactly one effect or quantity."""

    @model_validator(mode="after")
    def _names_one(self) -> "OneSource":
        if (self.effect is None) == (self.quantity is None):
            raise ValueError("a price names either an `effect:` or a `quantity:`")
        return self


@dataclass(frozen=True, slots=True)
class Gross:
    """What a price gives before conditions: for how much, at what price, how much money, and why."""

    quantity: Decimal
    price: Decimal
    amount: Decimal
    reason: str
    cell: Cell
    by_person: Mapping[int, Decimal] | None = None


def pots_of(
    clause: Price, position: str, moment: Moment, gross: Iterator[Gross], unit: Decimal, rounding: Rounding
) -> Iterator[Pot]:
    """Turn gross amounts into pots: gates and conditions, no loss, escalator, discount, rounding.

    Parameters
    ----------
    clause : Price
    position : str
        Where it stands in the contract, such as ``payments[0]``.
    moment : Moment
    gross : iterator of Gross
        What the price gives, by cell.
    unit : Decimal
        Smallest unit of the currency.
    rounding : str
        The contract's; the clause's own goes before it.
    """
    mode = clause.rounding or rounding
    shut = _shut(clause, moment)
    for found in gross:
        period = found.cell.period or moment.period
        step = Step(position, position, clause.priced(), "price", found.amount, found.reason, moment.period)
        pot = Pot(
            position,
            clause.priced(),
            found.quantity,
            found.price,
            found.amount,
            clause.to or (found.cell.provider if clause.split is None else None) or None,
            clause.payer,
            (step,),
            clause.name or "",
            moment.period,
            found.cell.group,
            found.cell.rung,
            by_person=found.by_person,
        )
        if shut:
            pot = pot.changed(Decimal(0), position, *shut)
        elif found.amount <= 0:
            pot = pot.changed(Decimal(0), position, "floor", "there is no gain, so nothing is due")
        else:
            pot = _over_time(clause, position, pot, period, moment)
        amount = round_money(pot.amount, unit, mode)
        yield pot.changed(amount, position, "round", f"rounded {mode} to {unit}")


def _shut(clause: Price, moment: Moment) -> tuple[str, str] | None:
    """Return why nothing is due under a clause, as action and reason; None when nothing is in the way."""
    if clause.effect is not None:
        priced = moment.gain(clause.effect)
        if priced is not None and not priced.gate_passes:
            return "gate", "the gate is shut, so nothing is due"
    if clause.only_if is not None:
        met, why = holds(clause.only_if, moment)
        if not met:
            return "condition", f"nothing is due: {why}"
    return None


def _over_time(clause: Price, position: str, pot: Pot, period: str, moment: Moment) -> Pot:
    if clause.scaled_by is not None:
        rate = moment.amount(clause.scaled_by)
        with localcontext(prec=PRECISION):
            factor = Decimal(0) if rate is None else rate / 100
        known = "is not known yet" if rate is None else f"is {shown(rate)} per cent"
        pot = _scaled(pot, factor, position, "scale", f"{clause.scaled_by} {known}")
    if clause.escalator is not None:
        factor, why = escalated(clause.escalator, period, moment.periods)
        pot = _scaled(pot, factor, position, "escalate", f"times {shown(factor)}: {why}")
    if clause.present_value is not None:
        factor = annuity_factor(clause.present_value)
        pot = _scaled(
            pot, factor, position, "present value", f"times {shown(factor)}: {clause.present_value.years} years"
        )
    if clause.discount:
        with localcontext(prec=PRECISION):
            factor = 1 - clause.discount
        pot = _scaled(pot, factor, position, "discount", f"less the discount of {shown(clause.discount * 100)}%")
    return pot


def _scaled(pot: Pot, factor: Decimal, position: str, action: str, reason: str) -> Pot:
    people = None if pot.by_person is None else {who: multiply(a, factor) for who, a in pot.by_person.items()}
    return replace(pot.changed(multiply(pot.amount, factor), position, action, reason), by_person=people)


def counted_cells(clause: Price, moment: Moment) -> Iterator[Cell]:
    """Yield the cells of a clause's quantity that it prices."""
    if clause.quantity is not None:
        yield from moment.cells(clause.quantity, partial(is_wanted, clause))


def people_of(clause: Price, moment: Moment) -> Mapping[tuple[str, str, str, str], Mapping[int, Decimal]] | None:
    """Return the clause's quantity person by person, by place; None where only totals are known."""
    cells = None if clause.quantity is None else moment.people(clause.quantity)
    if cells is None:
        return None
    found: dict[tuple[str, str, str, str], dict[int, Decimal]] = {}
    for cell in cells:
        if cell.person is not None and is_wanted(clause, cell):
            here = found.setdefault(cell.place, {})
            here[cell.person] = here.get(cell.person, Decimal(0)) + cell.amount
    return found


def is_wanted(clause: Price, cell: Cell) -> bool:
    """Tell whether a clause prices a cell of its quantity."""
    return (
        (not clause.periods or cell.period in clause.periods)
        and (not clause.groups or cell.group in clause.groups)
        and (not clause.rungs or cell.rung in clause.rungs)
    )


def value_of(clause: Price, moment: Moment) -> tuple[Decimal, Cell, str] | None:
    """Return the one number that a table or curve prices, where it belongs, and what it is; None where nothing is known."""
    if clause.effect is not None:
        priced: Priced | None = moment.gain(clause.effect, new=True)
        if priced is None or (clause.periods and priced.period not in clause.periods):
            return None
        return priced.level, Cell(priced.level, priced.period), f"{clause.effect} is {shown(priced.level)}"
    amount = moment.amount(clause.quantity or "", partial(is_wanted, clause))
    if amount is None:
        return None
    return amount, Cell(amount, moment.period), f"{clause.quantity} is {shown(amount)}"


Pricing = Callable[[Any, Moment], Iterator[Gross]]
"""How a kind of price is computed: from clause and moment to gross amounts."""
