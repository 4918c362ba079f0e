"""Terms of time between a person's claims: what must have gone before, what must be near, what undoes.

``requires`` is a precondition, as the year of stable housing in Denver's supportive-housing contract; ``within`` a window
after an event; ``reversal`` takes an event back when another follows, as a child's return to care after a restoration.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.counting.events import NEVER, ONE, Events, running


class Requires(BaseModel):
    """A precondition: enough of a metric, before a person's events count."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"metric": "housed_days", "days": 365}]}
    )

    metric: str = Field(description="What the person must have accumulated.")
    days: int = Field(gt=0, le=10**6, description="How many units of it, such as 365 days.")
    retroactive: bool = Field(
        False, description="Whether events from before the precondition was met then count as well."
    )


class Within(BaseModel):
    """A window: only events soon after another event count."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"metric": "training", "days": 90}]}
    )

    metric: str = Field(description="The event after which the window opens.")
    days: int = Field(ge=0, le=10**5, description="Last day of the window, counted from that event's day as 0.")


class Reversal(BaseModel):
    """An event that undoes an earlier one; with `each: once`, no later claim takes the place of the one undone."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"metric": "job_end", "within_days": 90}]}
    )

    metric: str = Field(description="The event that undoes.")
    within_days: int | None = Field(
        None, ge=0, le=10**5, description="How many days later it still undoes; without end when left out."
    )
    treatment: Literal["remove"] = Field(
        "remove", description="The event undone is taken out of the period in which it was counted."
    )


def after_precondition(events: Events, needed: Events, terms: Requires, size: int) -> Events:
    """Return the events that count under a precondition.

    Not retroactive, an event counts from the day on which the person has accumulated enough; of the metric accumulated
    itself, only what exceeds it counts.

    Parameters
    ----------
    events, needed : Events
        What is counted, and what must be accumulated.
    terms : Requires
        How much.
    size : int
        Number of people.

    Raises
    ------
    DataError
        DATA-027 when a date is needed and missing.
    """
    enough = running(needed) >= terms.days * ONE
    met = np.full(size, NEVER, dtype=np.int64)
    if terms.retroactive:
        met[needed.person[enough]] = 0
        return events.kept(met[events.person] < NEVER)
    np.minimum.at(met, needed.person[enough], needed.dated(terms.metric).day[enough])
    return events.kept(events.dated(terms.metric).day >= met[events.person])


def beyond(events: Events, terms: Requires) -> Events:
    """Return the part of the events' units beyond the precondition's amount, for a metric that is its own precondition."""
    over = np.clip(running(events.dated(terms.metric)) - terms.days * ONE, 0, events.units)
    more = Events(events.person, events.day, over, events.provider, events.names)
    return more.kept(over > 0)


def in_window(events: Events, opening: Events, terms: Within) -> NDArray[np.bool_]:
    """Mark the events at most so many days after an opening event of the same person, the same day included."""
    before = _nearest(events.dated("within"), opening.dated(terms.metric), side="right") - 1
    found = before >= 0
    gap = np.full(len(events), NEVER, dtype=np.int64)
    same = found & (opening.person[np.maximum(before, 0)] == events.person) if len(opening) else found & False
    gap[same] = events.day[same] - opening.day[before[same]]
    return np.asarray(gap <= terms.days)


def undone(events: Events, undoing: Events, terms: Reversal) -> NDArray[np.bool_]:
    """Mark the events that a later event of the same person undoes, one on the same day included."""
    after = _nearest(events.dated("reversal"), undoing.dated(terms.metric), side="left")
    gap = np.full(len(events), NEVER, dtype=np.int64)
    inside = after < len(undoing)
    same = np.zeros(len(events), dtype=bool)
    same[inside] = undoing.person[after[inside]] == events.person[inside]
    gap[same] = undoing.day[after[same]] - events.day[same]
    return np.asarray(gap <= (NEVER - 1 if terms.within_days is None else terms.within_days))


def _nearest(events: Events, others: Events, side: Literal["left", "right"]) -> NDArray[np.intp]:
    """Return where each event would stand among others, both in the order of person and day."""
    span = 10**8  # more days than any calendar date is from 1970
    return np.asarray(np.searchsorted(others.person * span + others.day, events.person * span + events.day, side=side))
