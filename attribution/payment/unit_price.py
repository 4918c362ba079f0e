"""Clause: a price for each unit: of a verified count, or of gain.

The price may differ by rung of a ladder, by group, period or provider (`by` and `prices`). A threshold pays nothing below it;
above it for everything, or for the excess only. Beyond a volume another price may apply (`bands`), as an accelerator or a taper.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, localcontext
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.counting.quantity import Cell
from counterfoil.attribution.money.amounts import PRECISION, Amount, Money, add, multiply
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import shown
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Gross, OneSource, counted_cells, is_wanted, people_of
from counterfoil.attribution.payment.trace import Priced
from counterfoil.errors import refusal

By = Literal["rung", "group", "period", "provider"]


class Band(BaseModel):
    """A price for the units beyond a volume."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"beyond": "50", "price": "80.00"}]}
    )

    beyond: Amount = Field(ge=0, description="The volume beyond which the price applies.")
    price: Money = Field(description="For each unit beyond it, up to the next band.")


class UnitPrice(OneSource):
    """Pay a price for each unit of a quantity, or for each unit of gain over everybody it counts for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"quantity": "homes", "price": "15.12"},
                {"quantity": "jobs", "by": "rung", "prices": {"start": "1200.00", "stay": "75.00"}},
                {"effect": "attendance", "per": "person", "price": "12.50"},
                {"effect": "reoffending", "per": "unit", "price": "160000.00", "at_least": "8"},
                {"quantity": "homes", "price": "100.00", "at_least": "50", "pays": "excess"},
                {"quantity": "homes", "by": "period", "prices": {"y1": "100.00", "y2": "110.00"}},
                {"quantity": "hours", "price": "20.00"},
            ]
        }
    )

    price: Money | None = Field(None, description="For one unit, with no more decimals than the currency has.")
    by: By | None = Field(None, description="What the prices differ by, with `prices:`.")
    prices: dict[str, Money] = Field(
        default_factory=dict,
        description="With `by`: each rung, group, period or provider to its price; what is not named is not paid for.",
    )
    per: Literal["person", "unit"] | None = Field(
        None,
        description="For an effect: one unit of gain for one person, over everybody it counts for; or one unit of the gain "
        "as it stands, such as a percentage point or a total.",
    )
    people: Literal["everyone"] | None = Field(
        None, description="Written to agree that people who were not served are paid for (scope everyone)."
    )
    at_least: Amount | None = Field(None, description="The quantity or gain below which nothing is due.")
    pays: Literal["whole", "excess"] = Field(
        "whole", description="With `at_least`: what is paid for once it is reached, everything or only what exceeds it."
    )
    bands: tuple[Band, ...] = Field((), description="Other prices beyond volumes, lowest volume first.")

    @model_validator(mode="after")
    def _priced_once(self) -> "UnitPrice":
        if (self.price is None) == (not self.prices) or (self.by is None) != (not self.prices):
            raise ValueError("a unit price has a `price:`, or `prices:` with `by:`")
        if (self.per is not None) != (self.effect is not None):
            raise ValueError("`per: person` or `per: unit` goes with an `effect:`, and only with one")
        if self.by is not None and self.effect is not None:
            raise ValueError("`prices:` go with a `quantity:`")
        volumes = [band.beyond for band in self.bands]
        if volumes != sorted(set(volumes)):
            raise ValueError("the volumes of `bands` do not rise")
        if self.bands and self.by is not None:
            raise ValueError("`bands:` go with one `price:`")
        if self.pays == "excess" and self.at_least is None:
            raise ValueError("`pays: excess` goes with `at_least:`")
        return self

    def said(self, words: Words) -> str:
        """Say the price itself."""
        unit = f"each unit of {self.quantity}" if self.quantity else f"each unit of gain in {self.effect}"
        if self.per == "person":
            unit += ", per person" if self.people is None else ", per person, served or not"
        if self.price is not None:
            text = f"{words.money(self.price)} is paid for {unit}"
        else:
            parts = [f"{words.money(price)} for {name}" for name, price in self.prices.items()]
            text = f"for {unit}, {words.listed(parts)} is paid"
        for band in self.bands:
            text += f"; beyond {words.number(band.beyond)}, {words.money(band.price)} each"
        if self.at_least is not None:
            what = "everything" if self.pays == "whole" else "what exceeds it"
            text += f"; nothing below {words.number(self.at_least)}, and {what} once that is reached"
        return text


def gross_of_units(clause: UnitPrice, moment: Moment, by_person: bool = False) -> Iterator[Gross]:
    """Yield what a unit price gives, cell by cell.

    Parameters
    ----------
    clause : UnitPrice
    moment : Moment
    by_person : bool
        Whether amounts are also needed person by person.
    """
    if clause.effect is not None:
        priced = moment.gain(clause.effect, new=True)
        if priced is not None and (not clause.periods or priced.period in clause.periods):
            yield _of_gain(clause, priced)
        return
    cells = [(cell, price) for cell in counted_cells(clause, moment) if (price := _price_of(clause, cell)) is not None]
    people = people_of(clause, moment) if by_person else None
    reached = clause.at_least is None or _counted(clause, moment) >= clause.at_least
    start = clause.at_least if clause.at_least is not None and clause.pays == "excess" else Decimal(0)
    seen = Decimal(0)
    for cell, price in cells:
        amount, units = Decimal(0), cell.amount
        reason = f"{shown(cell.amount)} {clause.quantity}{_place(cell)}, at {price:,} each"
        if not reached:
            reason += f"; nothing is due below {shown(clause.at_least or Decimal(0))}"
        elif clause.bands or start:
            with localcontext(prec=PRECISION):
                amount = _banded(clause, price, seen + units, start) - _banded(clause, price, seen, start)
            reason += "; with other prices beyond volumes" if clause.bands else f"; beyond {shown(start)} only"
        else:
            amount = multiply(price, units)
        seen = add([seen, units])
        yield Gross(units, price, amount, reason, cell, _each(cell, amount, people))


def _price_of(clause: UnitPrice, cell: Cell) -> Decimal | None:
    return clause.price if clause.by is None else clause.prices.get(getattr(cell, clause.by))


def _counted(clause: UnitPrice, moment: Moment) -> Decimal:
    """Return how much there is of what the clause prices; of a ratio, the ratio of the sums."""

    def wanted(cell: Cell) -> bool:
        return is_wanted(clause, cell) and _price_of(clause, cell) is not None

    return moment.amount(clause.quantity or "", wanted) or Decimal(0)


def _each(
    cell: Cell, amount: Decimal, people: Mapping[tuple[str, str, str, str], Mapping[int, Decimal]] | None
) -> dict[int, Decimal] | None:
    """Return what each person's part of a cell is paid; a price that changes with volume is the same for all in it."""
    if people is None:
        return None
    if cell.amount <= 0:
        return {}
    with localcontext(prec=PRECISION):
        each = amount / cell.amount
        return {who: each * count for who, count in people.get(cell.place, {}).items()}


def _of_gain(clause: UnitPrice, priced: Priced) -> Gross:
    price = clause.price or Decimal(0)
    if clause.per == "person" and priced.people == 0:
        what = f"nothing says over how many people the gain in '{clause.effect}' is, and its price is for each person"
        raise refusal("PAY-012", what)
    whole = priced.quantity if clause.per == "person" else priced.level
    basis = priced.basis if clause.per == "person" or priced.people in (0, None) else f"a gain of {shown(whole)}"
    reason = f"{basis}, at {price:,} each"
    if clause.at_least is not None and priced.level < clause.at_least:
        return Gross(whole, price, Decimal(0), f"{reason}; nothing below {shown(clause.at_least)}", _cell(priced))
    start = Decimal(0)
    if clause.pays == "excess" and clause.at_least is not None:
        start = multiply(clause.at_least, _units(clause, priced))
        reason += f"; beyond {shown(clause.at_least)} only"
    if clause.bands:
        reason += "; other prices beyond volumes"
    amount = _banded(clause, price, whole, start) if clause.bands or start else multiply(price, whole)
    return Gross(whole, price, amount, reason, _cell(priced))


def _units(clause: UnitPrice, priced: Priced) -> int:
    """Return over how many units a gain is paid for."""
    if clause.per == "unit" or priced.gain is None:
        return 1
    if priced.people is None:
        what = f"what exceeds {clause.at_least} per person is paid for, and it is not known for how many people"
        raise refusal("PAY-012", what, clause.effect or "")
    return priced.people


def _cell(priced: Priced) -> Cell:
    return Cell(priced.quantity, priced.period)


def _banded(clause: UnitPrice, first: Decimal, volume: Decimal, start: Decimal) -> Decimal:
    """Return what all units from a start up to a volume cost, band by band, the first band at the first price."""
    edges = [(Decimal(0), first), *((band.beyond, band.price) for band in clause.bands)]
    cost = Decimal(0)
    with localcontext(prec=PRECISION):
        for number, (low, price) in enumerate(edges):
            high = edges[number + 1][0] if number + 1 < len(edges) else volume
            cost += price * max(Decimal(0), min(volume, high) - max(low, start))
    return cost


def _place(cell: Cell) -> str:
    named = [part for part in (cell.rung, cell.group, cell.provider) if part]
    return f" ({', '.join(named)})" if named else ""
