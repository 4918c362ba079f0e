"""Quantity: people in a state on a day, as people employed at the end of the fourth quarter.

A person is in the state when the last start on or before the day has no end on or after that start and on or before the
day. An end on the day of the last start therefore ends it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from counterfoil.attribution.counting.claimed import Claimed, Rows, tally
from counterfoil.attribution.counting.eligibility import eligible
from counterfoil.attribution.counting.events import ONE, Events, events_of, unvalidated
from counterfoil.attribution.counting.period import UNDATED, Day, Period
from counterfoil.attribution.counting.quantity import Quantity
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study
from counterfoil.errors import refusal


class Stock(Claimed):
    """Count people in a state on a day."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "stock", "start": "job", "end": "job_end", "on": "period_end"}]}
    )

    kind: Literal["stock"] = Field("stock", description="People in a state on a day.")
    start: str = Field(description="The metric whose claims begin the state.")
    end: str = Field(description="The metric whose claims end it.")
    on: Literal["period_end"] | Day = Field(description="A day, YYYY-MM-DD, or period_end for each period's last day.")

    def sentence(self, words: Words, name: str) -> str:
        """Return the definition in one sentence.

        Examples
        --------
        >>> Stock(start="hired", end="left", on="period_end").sentence(Words("USD"), "employed")
        "employed counts, in the unit person, people whose last hired has no left after it, on each period's last day."
        """
        day = "each period's last day" if self.on == "period_end" else f"{self.on}"
        said = f"{name} counts, in the unit {self.unit}, people whose last {self.start} has no {self.end} after it"
        return f"{said}, on {day}{self.common(words)}"


def count_stock(spec: Stock, study: Study, periods: Mapping[str, Period]) -> Quantity:
    """Count people in a state on a day, or on the last day of each period.

    Parameters
    ----------
    spec : Stock
        The metrics that begin and end the state, and the day.
    study : Study
        With a claims table whose claims of these metrics are dated.
    periods : mapping of str to Period
        In order; a day counts in the period that it lies in.

    Raises
    ------
    ContractError
        CONTRACT-016 when the day lies in no period.
    DataError
        DATA-019 without a claims table, DATA-027 for a claim or a period's end without a date.
    PaymentError
        PAY-009 when somebody belongs to no provider and nothing says what then applies.
    """
    notes = [*unvalidated(study, spec.start, spec.status), *unvalidated(study, spec.end, spec.status)]
    starts, ends = (events_of(study, metric, spec.status).dated(metric) for metric in (spec.start, spec.end))
    allowed = eligible(study, spec.where)
    people, places = [], []
    for place, day in _days(spec, periods):
        began, ended = (_last_until(events, day, study.n_people) for events in (starts, ends))
        inside = np.flatnonzero(allowed & (began > UNDATED) & (ended < began))
        people.append(inside)
        places.append(np.full(len(inside), place, dtype=np.intp))
    person = np.concatenate(people)
    ones = np.full(len(person), ONE, dtype=np.int64)
    rows = Rows(person, np.concatenate(places), np.zeros(len(person), dtype=np.intp), ones)
    return tally(spec, study, rows, periods, tuple(notes))


def _days(spec: Stock, periods: Mapping[str, Period]) -> list[tuple[int, int]]:
    """Return the place of each period that has a day to count on, with that day."""
    if isinstance(spec.on, date):
        places = [place for place, period in enumerate(periods.values()) if spec.on in period]
        if len(places) != 1:
            what = f"{spec.on} lies in {len(places)} periods, and people are counted on a day of one"
            raise refusal("CONTRACT-016", what, "quantities")
        return [(places[0], _number(spec.on))]
    endless = [period.label for period in periods.values() if period.last is None]
    if endless:
        raise refusal("DATA-027", f"period '{endless[0]}' has no last day, on which people are counted", "periods")
    return [(place, _number(period.last)) for place, period in enumerate(periods.values()) if period.last is not None]


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


def _last_until(events: Events, day: int, size: int) -> NDArray[np.int64]:
    """Return each person's last day of an event up to a day, `UNDATED` without one; shape (size,)."""
    last = np.full(size, UNDATED, dtype=np.int64)
    kept = events.day <= day
    np.maximum.at(last, events.person[kept], events.day[kept])
    return last
