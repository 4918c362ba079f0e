"""Quantity: a rate, as the restoration rate of the Newpin bond: children restored per hundred who left.

Reversals, restored children who return to care, can be removed from what is divided and from what it is divided by, or
moved between the two; the rate over several periods is the ratio of the sums, never a mean of rates.
"""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.counting.quantity import Cell, Quantity, gathered, quotient, refuse_unlike
from counterfoil.attribution.money.amounts import add, multiply
from counterfoil.attribution.money.words import Words


class Ratio(BaseModel):
    """Divide one quantity by the sum of several."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "ratio", "of": "restored", "to": ["restored", "in_care"]},
                {
                    "kind": "ratio",
                    "of": "restored",
                    "to": ["restored", "in_care"],
                    "reversed": "returned",
                    "treatment": "move",
                },
            ]
        },
    )

    kind: Literal["ratio"] = Field("ratio", description="One quantity divided by the sum of several.")
    unit: str = Field("percent", description="How the ratio is called, such as percent.")
    of: str = Field(description="The quantity that is divided.")
    to: tuple[str, ...] = Field(min_length=1, description="Quantities whose sum it is divided by; usually with `of`.")
    percent: bool = Field(True, description="Whether the ratio is times 100.")
    reversed: str | None = Field(None, description="A quantity of events that took one of `of` back.")
    treatment: Literal["remove", "move"] | None = Field(
        None, description="Whether reversals leave both sums (remove), or only `of` and stay in the base (move)."
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.reversed is None) != (self.treatment is None):
            raise ValueError("`reversed:` and `treatment:` go together")
        if self.reversed is not None and self.of not in self.to:
            raise ValueError("with `reversed:`, the quantity under `of:` is one of those under `to:`")
        if len(set(self.to)) < len(self.to):
            raise ValueError("a quantity under `to:` stands twice")
        return self

    @property
    def refers_to(self) -> tuple[str, ...]:
        """Other quantities that it is made of."""
        return tuple(dict.fromkeys(filter(None, (self.of, *self.to, self.reversed))))

    def sentence(self, words: Words, name: str) -> str:
        """Return the definition in one sentence.

        Examples
        --------
        >>> Ratio(of="restored", to=("restored", "exits"), reversed="returned", treatment="move").sentence(Words("AUD"), "rate")
        'rate is 100 times restored divided by restored and exits; returned are taken out of restored and stay in the base.'
        """
        times = "100 times " if self.percent else ""
        said = f"{name} is {times}{self.of} divided by {words.listed(self.to)}"
        if self.treatment == "remove":
            said += f"; {self.reversed} are taken out of {self.of} and of the base"
        elif self.treatment == "move":
            said += f"; {self.reversed} are taken out of {self.of} and stay in the base"
        return f"{said}."


def count_ratio(spec: Ratio, quantities: Mapping[str, Quantity]) -> Quantity:
    """Divide quantities, each period, group, rung and provider by itself, and together.

    The result's cells are the quotients, and its total over any periods is the quotient of the sums. A place without a
    base has no cell.

    Parameters
    ----------
    spec : Ratio
        What is divided by what.
    quantities : mapping of str to Quantity
        With every quantity that the spec names.

    Raises
    ------
    PaymentError
        PAY-008 when there is nothing to divide by anywhere, PAY-010 for quantities that are not told apart alike.

    Examples
    --------
    >>> two = {"restored": Quantity((Cell(Decimal(61)),)), "exits": Quantity((Cell(Decimal(39)),))}
    >>> count_ratio(Ratio(of="restored", to=("restored", "exits")), two).total
    Decimal('61')
    """
    refuse_unlike({name: quantities[name] for name in spec.refers_to}, "ratio")
    of, to = quantities[spec.of].cells, [cell for name in spec.to for cell in quantities[name].cells]
    back = [] if spec.reversed is None else [_times(cell, -1) for cell in quantities[spec.reversed].cells]
    parts = gathered(_times(cell, 100 if spec.percent else 1) for cell in (*of, *back))
    base = gathered([*to, *(back if spec.treatment == "remove" else [])])
    quotient(Decimal(1), add(cell.amount for cell in base))
    amounts = {cell.place: cell.amount for cell in parts}
    cells = tuple(
        Cell(quotient(amounts.get(cell.place, Decimal(0)), cell.amount), *cell.place, people=cell.people)
        for cell in base
        if cell.amount > 0
    )
    notes = [note for name in spec.refers_to for note in quantities[name].notes]
    if back:
        taken = add(cell.amount for cell in back)
        where = "and of the base" if spec.treatment == "remove" else "and stay in the base"
        notes.append(f"{Words('').number(-taken)} {spec.reversed} are taken out of {spec.of} {where}")
    if len(cells) < len(base):
        notes.append(f"{len(base) - len(cells)} of {len(base)} places have nothing to divide by, and no ratio")
    return Quantity(cells, tuple(dict.fromkeys(notes)), parts=parts, base=base)


def _times(cell: Cell, factor: int) -> Cell:
    return replace(cell, amount=multiply(cell.amount, factor))
