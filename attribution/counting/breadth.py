"""Quantity: people with at least so many of several outcomes.

As the West London Zone paid for a child's first, second and third outcome, and Chicago's Child-Parent Center for children
ready in five of six domains. Which provider caused which outcome is never asked.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.counting.claimed import Claimed, Rows, joined, tally
from counterfoil.attribution.counting.eligibility import eligible
from counterfoil.attribution.counting.events import NEVER, ONE, events_of, unvalidated
from counterfoil.attribution.counting.period import Period, in_period
from counterfoil.attribution.counting.quantity import Quantity
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study


class Breadth(Claimed):
    """Count people by how many of several metrics they have."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "breadth", "metrics": ["reading", "maths", "attendance"], "at_least": [1, 2, 3]}]
        }
    )

    kind: Literal["breadth"] = Field("breadth", description="At least so many of several outcomes.")
    metrics: tuple[str, ...] = Field(min_length=1, description="The metrics of the claims table that are looked at.")
    at_least: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        min_length=1, description="Each a rung of its own: how many of the metrics a person has at least."
    )
    each: Literal["once", "once_per_period"] = Field(
        "once", description="Whether a person can reach a rung once, or anew in each period."
    )

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if len(set(self.metrics)) < len(self.metrics) or len(set(self.at_least)) < len(self.at_least):
            raise ValueError("a metric or a number under at_least stands twice")
        if max(self.at_least) > len(self.metrics):
            raise ValueError(f"nobody can have {max(self.at_least)} of {len(self.metrics)} metrics")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Return the definition in one sentence.

        Examples
        --------
        >>> Breadth(metrics=("reading", "wellbeing"), at_least=(1, 2), unit="child").sentence(Words("GBP"), "outcomes")
        'outcomes counts, in the unit child, people with at least 1 and at least 2 of reading and wellbeing, each once.'
        """
        rungs = words.listed(f"at least {k}" for k in self.at_least)
        often = "each once" if self.each == "once" else "each once a period"
        listed = words.listed(self.metrics)
        return f"{name} counts, in the unit {self.unit}, people with {rungs} of {listed}, {often}{self.common(words)}"


def count_breadth(spec: Breadth, study: Study, periods: Mapping[str, Period]) -> Quantity:
    """Count people with at least k of the metrics, in the period in which they have the k-th.

    Parameters
    ----------
    spec : Breadth
        The metrics and the numbers k, whose rungs are called by them.
    study : Study
        With a claims table; one claim shows a metric, whatever its quantity.
    periods : mapping of str to Period
        In order; claims outside all of them do not count, and are noted.

    Raises
    ------
    DataError
        DATA-019 without a claims table, DATA-027 when a date is needed and missing.
    PaymentError
        PAY-009 when somebody belongs to no provider and nothing says what then applies.
    """
    scopes = len(periods) if spec.each == "once_per_period" else 1
    first = np.full((scopes, study.n_people, len(spec.metrics)), NEVER, dtype=np.int64)
    allowed = eligible(study, spec.where)
    notes: list[str] = []
    for column, metric in enumerate(spec.metrics):
        notes += unvalidated(study, metric, spec.status)
        events = events_of(study, metric, spec.status)
        events = events.kept(allowed[events.person])
        place = in_period(events.day, periods, metric)
        inside = place >= 0
        if not inside.all():
            notes.append(f"{int((~inside).sum())} of {len(inside)} claims of {metric} lie outside all periods")
        scope = place[inside] if scopes > 1 else np.zeros(int(inside.sum()), dtype=np.intp)
        np.minimum.at(first[:, :, column], (scope, events.person[inside]), events.day[inside])
    ordered = np.sort(first, axis=2)
    parts = [_reached(ordered[:, :, k - 1], place, periods) for place, k in enumerate(spec.at_least)]
    return tally(spec, study, joined(parts), periods, tuple(notes), tuple(str(k) for k in spec.at_least))


def _reached(day: NDArray[np.int64], rung: int, periods: Mapping[str, Period]) -> Rows:
    """Return who reached a rung and when, from the day of the k-th metric, shape (n_scopes, n_people)."""
    scope, person = np.nonzero(day < NEVER)
    period = in_period(day[scope, person], periods, "breadth")
    ones = np.full(len(person), ONE, dtype=np.int64)
    return Rows(person, period, np.full(len(person), rung, dtype=np.intp), ones)
