"""Clause: a table of steps: from each threshold on, a stated amount.

Rikers Island paid 4.8 million dollars from a reduction of 8.5 %, 9.6 million from 10 %, and nothing below the first step. The
boundary belongs to the step that begins there (``reached: at_least``), or to the one below it (``above``).
A step may also pay a rate on a stated sum (``of``), as the Newpin bond's return on capital does.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount, Money, multiply
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.condition import shown
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Gross, OneSource, value_of


class StepTerms(BaseModel):
    """One step: a threshold, and what is due from it on."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"examples": [{"from": "8", "pays": "250000.00"}]},
    )

    start: Amount = Field(alias="from", description="Where the step begins.")
    end: Amount | None = Field(
        None, alias="to", description="Where it ends, for readers; it must be where the next one begins."
    )
    pays: Money | None = Field(None, description="The amount that is due on this step.")
    rate: Amount | None = Field(None, description="Or the fraction of the sum under `of` that is due.")

    @model_validator(mode="after")
    def _pays_once(self) -> "StepTerms":
        if (self.pays is None) == (self.rate is None):
            raise ValueError("a step has either `pays:` or `rate:`")
        return self


class StepTable(OneSource):
    """Pay a stated amount from each threshold on; nothing below the first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "effect": "reoffending",
                    "steps": [{"from": "5", "pays": "250000.00"}, {"from": "8.5", "pays": "480000.00"}],
                },
                {
                    "quantity": "homes",
                    "reached": "above",
                    "of": "2000000.00",
                    "steps": [{"from": "40", "to": "60", "rate": "0.03"}, {"from": "60", "rate": "0.075"}],
                },
            ]
        }
    )

    steps: tuple[StepTerms, ...] = Field(min_length=1, description="The steps, lowest first.")
    reached: Literal["at_least", "above"] = Field(
        "at_least", description="Whether a value exactly on a threshold is on the step that begins there."
    )
    of: Money | None = Field(None, description="The sum that the steps' rates are fractions of, such as the capital.")

    @model_validator(mode="after")
    def _steps_rise(self) -> "StepTable":
        for before, after in zip(self.steps, self.steps[1:], strict=False):
            if after.start <= before.start:
                raise ValueError(f"steps overlap: one begins at {after.start} after one that begins at {before.start}")
            if before.end is not None and before.end > after.start:
                raise ValueError(f"steps overlap: one ends at {before.end} and the next begins at {after.start}")
            if before.end is not None and before.end < after.start:
                raise ValueError(f"there is a gap between steps, from {before.end} to {after.start}")
        if (self.of is None) != all(step.rate is None for step in self.steps):
            raise ValueError("`of:` goes with steps that pay a `rate:`")
        return self

    def said(self, words: Words) -> str:
        """Say the table."""
        verb = "from" if self.reached == "at_least" else "above"
        parts = [
            f"{verb} {words.number(step.start)}: "
            + (
                words.money(step.pays)
                if step.pays is not None
                else f"{words.percent(step.rate or Decimal(0))} of {words.money(self.of or Decimal(0))}"
            )
            for step in self.steps
        ]
        what = self.quantity or f"the gain in {self.effect}"
        return f"what is due depends on {what}, nothing below {words.number(self.steps[0].start)}; {'; '.join(parts)}"


def step_reached(clause: StepTable, value: Decimal) -> StepTerms | None:
    """Return the step that a value is on; None below the first.

    Examples
    --------
    >>> table = StepTable(effect="fall", steps=({"from": "8.5", "pays": "4800000"}, {"from": "10", "pays": "9600000"}))
    >>> [step and str(step.pays) for step in (step_reached(table, Decimal(x)) for x in ("8.49", "8.5", "30"))]
    [None, '4800000', '9600000']
    """
    found = None
    for step in clause.steps:
        if value > step.start or (value == step.start and clause.reached == "at_least"):
            found = step
    return found


def gross_of_steps(clause: StepTable, moment: Moment) -> Iterator[Gross]:
    """Yield what a step table gives."""
    known = value_of(clause, moment)
    if known is None:
        return
    value, cell, reason = known
    step = step_reached(clause, value)
    if step is None:
        why = f"{reason}, below the first step at {shown(clause.steps[0].start)}"
        yield Gross(value, Decimal(0), Decimal(0), why, cell)
        return
    amount = step.pays if step.pays is not None else multiply(step.rate or Decimal(0), clause.of or Decimal(0))
    yield Gross(value, Decimal(0), amount, f"{reason}, on the step from {shown(step.start)}", cell)
