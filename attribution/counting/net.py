"""Quantity: other quantities added up, others subtracted, and what the programme did not add deducted."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.counting.deductions import Deductions, deducted, gross_to_net
from counterfoil.attribution.counting.quantity import Cell, Quantity, gathered, refuse_unlike
from counterfoil.attribution.money.amounts import Amount, add
from counterfoil.attribution.money.words import Words


class Net(BaseModel):
    """Add and subtract other quantities, place by place."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"kind": "net", "of": ["homes"], "less": ["refusals"], "deduct": {"deadweight": "0.10"}}]
        },
    )

    kind: Literal["net"] = Field("net", description="Other quantities added and subtracted.")
    unit: str = Field("person", description="What is counted, in the contract's words.")
    of: tuple[str, ...] = Field(min_length=1, description="Quantities that are added up.")
    less: tuple[str, ...] = Field((), description="Quantities that are subtracted.")
    floor: Amount = Field(Decimal(0), description="The least that each place counts, before deductions.")
    deduct: Deductions | None = Field(None, description="Agreed fractions that the programme did not add.")

    @property
    def refers_to(self) -> tuple[str, ...]:
        """Other quantities that it is made of."""
        return tuple(dict.fromkeys((*self.of, *self.less)))

    def sentence(self, words: Words, name: str) -> str:
        """Return the definition in one sentence.

        Examples
        --------
        >>> Net(of=("housed",), less=("jailed",), unit="day").sentence(Words("USD"), "net_days")
        'net_days is housed less jailed, in the unit day, never below 0.'
        """
        less = f" less {words.listed(self.less)}" if self.less else ""
        said = (
            f"{name} is {words.listed(self.of)}{less}, in the unit {self.unit}, never below {words.number(self.floor)}"
        )
        return f"{said}; {self.deduct.sentence(words)}." if self.deduct else f"{said}."


def count_net(spec: Net, quantities: Mapping[str, Quantity]) -> Quantity:
    """Add and subtract quantities, each period, group, rung and provider by itself.

    Parameters
    ----------
    spec : Net
        What is added, subtracted and deducted.
    quantities : mapping of str to Quantity
        With every quantity that the spec names.

    Raises
    ------
    PaymentError
        PAY-010 for quantities that are not told apart alike.

    Examples
    --------
    >>> two = {"housed": Quantity((Cell(Decimal(300)),)), "jailed": Quantity((Cell(Decimal(20)),))}
    >>> count_net(Net(of=("housed",), less=("jailed",)), two).total
    Decimal('280')
    """
    refuse_unlike({name: quantities[name] for name in spec.refers_to}, "net")
    plus = [cell for name in spec.of for cell in quantities[name].cells]
    minus = [Cell(-cell.amount, *cell.place) for name in spec.less for cell in quantities[name].cells]
    summed = gathered([Cell(cell.amount, *cell.place) for cell in plus] + minus)
    raised = sum(cell.amount < spec.floor for cell in summed)
    gross = [Cell(max(cell.amount, spec.floor), *cell.place) for cell in summed]
    notes = [note for name in spec.refers_to for note in quantities[name].notes]
    if raised:
        notes.append(f"{raised} of {len(summed)} differences are below {spec.floor} and raised to it")
    if spec.deduct is None:
        return Quantity(tuple(gross), tuple(dict.fromkeys(notes)))
    notes.append(gross_to_net(add(cell.amount for cell in gross), spec.deduct).note)
    cells = tuple(Cell(deducted(cell.amount, spec.deduct), *cell.place) for cell in gross)
    return Quantity(cells, tuple(dict.fromkeys(notes)))
