"""Whom to count by dose: how much of a metric a person had in all.

As New York State's contract with the Center for Employment Opportunities set another price below 111 hours of work, and
the Massachusetts Juvenile Justice contract paid for each quarter in which a participant had nine contacts or more.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.counting.events import ONE, Status, events_of
from counterfoil.attribution.counting.period import Period, in_period
from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study


class Dose(BaseModel):
    """Whom to count by how much of a metric they had in all."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"metric": "hours", "at_least": "10"}]}
    )

    metric: str = Field(description="What is summed for each person; nothing is zero.")
    below: Amount | None = Field(None, description="Count people who had less than this.")
    at_least: Amount | None = Field(None, description="Count people who had this or more.")

    scope: Literal["contract", "period"] = Field(
        "contract", description="Whether it is summed over all dates, or in each period for what counts in that period."
    )

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.below is None and self.at_least is None:
            raise ValueError("a dose has `below:`, `at_least:` or both")
        return self

    def holds(self, study: Study, status: tuple[Status, ...], periods: Mapping[str, Period]) -> NDArray[np.bool_]:
        """Return who had such a dose in which period, shape (n_people, n_periods).

        Raises
        ------
        DataError
            DATA-027 when it is summed in each period and a date is missing.
        """
        events = events_of(study, self.metric, status)
        sums = np.zeros((study.n_people, len(periods)), dtype=np.int64)
        if self.scope == "contract":
            np.add.at(sums, events.person, events.units[:, None])
        else:
            place = in_period(events.day, periods, self.metric)
            inside = place >= 0
            np.add.at(sums, (events.person[inside], place[inside]), events.units[inside])
        kept = np.ones(sums.shape, dtype=bool)
        # A sum of millionths compares with a bound exactly when the bound is rounded up to a whole one.
        if self.at_least is not None:
            kept &= sums >= _ceiling(self.at_least)
        if self.below is not None:
            kept &= sums < _ceiling(self.below)
        return kept

    def sentence(self, words: Words) -> str:
        """Return the condition in words."""
        bounds = [
            f"{word} {words.number(bound)}"
            for word, bound in (("below", self.below), ("at least", self.at_least))
            if bound is not None
        ]
        when = " in the period" if self.scope == "period" else ""
        return f"{words.listed(bounds)} of {self.metric}{when}"


def _ceiling(bound: Decimal) -> int:
    scaled = bound * ONE
    return int(scaled) if scaled == int(scaled) else int(scaled) + (scaled > 0)
