"""Quantity: a ladder of milestones, each payable once or so many times, each needing the one before.

As the United Kingdom's Work Programme paid an attachment, a job outcome and up to 13 sustainments to each person, and the
Fair Chance Fund accommodation after 3, 6, 12 and 18 months.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.counting.claimed import Claimed, Rows, joined, rows_of, tally
from counterfoil.attribution.counting.eligibility import eligible
from counterfoil.attribution.counting.events import NEVER, ONE, Events, events_of, running, unvalidated
from counterfoil.attribution.counting.period import UNDATED, Period, in_period
from counterfoil.attribution.counting.quantity import Quantity
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study
from counterfoil.errors import refusal


class Rung(BaseModel):
    """One milestone."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"metric": "four_weeks", "times": 2}]}
    )

    metric: str = Field(description="The metric of the claims table that shows it.")
    times: int = Field(1, ge=1, le=10_000, description="How often one person can count for it.")


class Ladder(Claimed):
    """Count people on each of several milestones in order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "ladder", "rungs": {"start": {"metric": "job"}, "stay": {"metric": "four_weeks", "times": 2}}}
            ]
        }
    )

    kind: Literal["ladder"] = Field("ladder", description="Ordered milestones.")
    rungs: dict[str, Rung] = Field(min_length=1, description="Name to milestone, the first one first.")
    any_order: bool = Field(False, description="Whether a milestone counts without the one before.")

    def sentence(self, words: Words, name: str) -> str:
        """Return the definition in one sentence.

        Examples
        --------
        >>> rungs = {"job": Rung(metric="job_start"), "stay": Rung(metric="month", times=13)}
        >>> Ladder(rungs=rungs).sentence(Words("GBP"), "work")
        'work counts, in the unit person, for each person job (job_start) once and stay (month) up to 13 times; each needs the one before.'
        """
        steps = [
            f"{label} ({rung.metric}) {'once' if rung.times == 1 else f'up to {rung.times} times'}"
            for label, rung in self.rungs.items()
        ]
        chain = "in any order" if self.any_order else "each needs the one before"
        return f"{name} counts, in the unit {self.unit}, for each person {words.listed(steps)}; {chain}{self.common(words)}"


def count_ladder(spec: Ladder, study: Study, periods: Mapping[str, Period]) -> Quantity:
    """Count people on each rung, by period, group and provider.

    A person is on a rung once a claim shows it and, unless in any order, one of the rung before is dated no later. Claims
    outside all periods are not counted, but let a person on to the next rung.

    Parameters
    ----------
    spec : Ladder
        The milestones.
    study : Study
        With a claims table; quantities of milestones are whole numbers.
    periods : mapping of str to Period
        In order.

    Raises
    ------
    DataError
        DATA-019 without a claims table, DATA-026 for a fraction of a milestone, DATA-027 when a date is needed and
        missing.
    PaymentError
        PAY-009 when somebody belongs to no provider and nothing says what then applies.
    """
    allowed = eligible(study, spec.where)
    reached = np.full(study.n_people, UNDATED, dtype=np.int64)
    notes: list[str] = []
    parts: list[Rows] = []
    for place, rung in enumerate(spec.rungs.values()):
        notes += unvalidated(study, rung.metric, spec.status)
        events = _whole(events_of(study, rung.metric, spec.status), rung.metric)
        events = events.kept(allowed[events.person])
        if not spec.any_order:
            events = _after(events, reached, rung.metric, notes)
            reached = _first_day(events, study.n_people)
        period = in_period(events.day, periods, rung.metric)
        inside = period >= 0
        if not inside.all():
            notes.append(f"{int((~inside).sum())} of {len(inside)} claims of {rung.metric} lie outside all periods")
        rows = rows_of(events.kept(inside), period[inside], place)
        counted = _up_to(events.kept(inside), rung.times)
        over = int((counted < rows.units).sum())
        if over:
            notes.append(f"claims of {rung.metric} that repeat a milestone already counted: {over}")
        parts.append(replace(rows, units=counted))
    return tally(spec, study, joined(parts), periods, tuple(dict.fromkeys(notes)), tuple(spec.rungs))


def _after(events: Events, reached: NDArray[np.int64], metric: str, notes: list[str]) -> Events:
    before = reached[events.person]
    kept = (before < NEVER) & ((events.day >= before) | (events.day == UNDATED))
    if not kept.all():
        notes.append(f"{int((~kept).sum())} of {len(kept)} claims of {metric} lack the milestone before")
    return events.kept(kept)


def _first_day(events: Events, size: int) -> NDArray[np.int64]:
    first = np.full(size, NEVER, dtype=np.int64)
    np.minimum.at(first, events.person, events.day)
    return first


def _up_to(events: Events, times: int) -> NDArray[np.int64]:
    """Return the units of each event that a person's number of times leaves room for."""
    room = times * ONE - (running(events) - events.units)
    return np.asarray(np.clip(room, 0, events.units))


def _whole(events: Events, metric: str) -> Events:
    broken = int((events.units % ONE != 0).sum())
    if broken:
        what = f"{broken} claims of milestone {metric} are a fraction of one, and a milestone is reached or not"
        raise refusal("DATA-026", what, "claims")
    return events
