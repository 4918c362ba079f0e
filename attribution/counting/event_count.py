"""Quantity: events that people's claims show, each counted as often as the contract says.

A claim is not a person: `each` says whether a person (or a family) counts once, once a period, or with every claim. In
order: who is eligible, what must go before, the period, the dose, the dedupe scope, reversals, net of other metrics, the
provider, the sample audit, the limit. What is left out on the way is told with the result.
"""

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.counting.claimed import Claimed, Rows, rows_of, tally
from counterfoil.attribution.counting.dose import Dose
from counterfoil.attribution.counting.eligibility import eligible
from counterfoil.attribution.counting.events import Events, events_of, unvalidated
from counterfoil.attribution.counting.period import Period, in_period
from counterfoil.attribution.counting.quantity import Quantity
from counterfoil.attribution.counting.sample_audit import Audit, audited
from counterfoil.attribution.counting.timing import (
    Requires,
    Reversal,
    Within,
    after_precondition,
    beyond,
    in_window,
    undone,
)
from counterfoil.attribution.counting.volume import limited
from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study


class Count(Claimed):
    """Count the claims of a metric."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "count", "metric": "job", "each": "once"},
                {"kind": "count", "unit": "family", "metric": "job", "each": "once_per_period", "per": "family"},
                {"kind": "count", "unit": "day", "metric": "housed_days", "less": ["jail_days"]},
                {"kind": "count", "metric": "job", "each": "once", "limit": "3"},
            ]
        }
    )

    kind: Literal["count"] = Field("count", description="Events of people's claims.")
    metric: str = Field(description="The metric of the claims table that is counted, by each claim's quantity.")
    each: Literal["once", "once_per_period", "every"] = Field(
        "every", description="Whether the first claim of a person counts, the first in each period, or every claim."
    )
    per: str = Field("person", description="Who counts once: person, or a column of people such as family.")
    requires: Requires | None = Field(None, description="What a person must have accumulated before.")
    within: Within | None = Field(None, description="An event soon after which only claims count.")
    less: tuple[str, ...] = Field(
        (), description="Metrics whose quantities are subtracted for each person and period, never below zero."
    )
    reversal: Reversal | None = Field(None, description="A later event that takes a claim back.")
    dose: Dose | None = Field(None, description="Whom to count by how much of another metric they had.")
    audit: Audit | None = Field(None, description="A sample audit whose finding is extrapolated.")
    limit: Amount | None = Field(None, ge=0, description="The most that counts over all periods, in the unit counted.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.per != "person" and self.each == "every":
            raise ValueError(f"per: {self.per} has no effect unless `each:` is once or once_per_period")
        if self.less and self.assign is not None and self.assign.by == "claim":
            raise ValueError("less: nets a person's claims, so assign cannot be by: claim")
        return self

    def sentence(self, words: Words, name: str) -> str:
        """Return the definition in one sentence.

        Examples
        --------
        >>> Count(metric="job", each="once", per="family", unit="family").sentence(Words("GBP"), "into_work")
        "into_work counts, in the unit family, each family's first claim of job; the claim's quantity counts."
        """
        scope = {
            "every": "every claim",
            "once": f"each {self.per}'s first claim",
            "once_per_period": f"each {self.per}'s first claim in each period",
        }[self.each]
        said = f"{name} counts, in the unit {self.unit}, {scope} of {self.metric}; the claim's quantity counts"
        if self.requires:
            back = ", and then from the start" if self.requires.retroactive else ""
            said += f"; only once the person has {self.requires.days} of {self.requires.metric}{back}"
        if self.within:
            said += f"; only within {self.within.days} days after {self.within.metric}"
        if self.reversal:
            days = self.reversal.within_days
            window = "" if days is None else f" within {days} days"
            said += f"; taken back when {self.reversal.metric} follows{window}"
        if self.less:
            said += f"; less {words.listed(self.less)} of the same person and period, never below zero"
        if self.dose:
            said += f"; only of people with {self.dose.sentence(words)}"
        if self.audit:
            said += f"; lowered by the {self.audit.disallowed} of {self.audit.sampled} claims that a sample audit disallowed"
        if self.limit is not None:
            said += f"; at most {words.number(self.limit)} in all"
        return said + self.common(words)


def count_events(spec: Count, study: Study, periods: Mapping[str, Period]) -> Quantity:
    """Count the claims of a metric, by period, group and provider.

    Parameters
    ----------
    spec : Count
        What counts.
    study : Study
        With a claims table.
    periods : mapping of str to Period
        In order; claims outside all of them do not count, and are noted.

    Raises
    ------
    DataError
        DATA-019 without a claims table, DATA-004 and DATA-014 for a column that is missing or blank, DATA-027 when a
        date is needed and missing.
    PaymentError
        PAY-009 when somebody belongs to no provider and nothing says what then applies.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"person": ["a", "b"]})
    >>> claims = pd.DataFrame({"claim": [1, 2, 3], "person": ["a", "a", "b"], "metric": "job"})
    >>> study = Study.from_tables(people, claims=claims)
    >>> [int(count_events(Count(metric="job", each=each), study, {"": Period()}).total) for each in ("every", "once")]
    [3, 2]
    """
    notes = [*unvalidated(study, spec.metric, spec.status)]
    events = _eligible(spec, study, notes)
    place = in_period(events.day, periods, spec.metric)
    inside = place >= 0
    _note(notes, len(inside), int(inside.sum()), "lie outside all periods", spec.metric)
    events, place = events.kept(inside), place[inside]
    if spec.dose is not None:
        right = spec.dose.holds(study, spec.status, periods)[events.person, place]
        why = f"are of people with another dose of {spec.dose.metric}"
        _note(notes, len(right), int(right.sum()), why, spec.metric)
        events, place = events.kept(right), place[right]
    first = _first(spec, study, events, place)
    _note(notes, len(first), int(first.sum()), f"repeat an earlier one of the same {spec.per}", spec.metric)
    events, place = events.kept(first), place[first]
    if spec.reversal is not None:
        taken = undone(events, events_of(study, spec.reversal.metric, spec.status), spec.reversal)
        _note(
            notes,
            len(taken),
            int((~taken).sum()),
            f"are taken back, because {spec.reversal.metric} followed",
            spec.metric,
        )
        events, place = events.kept(~taken), place[~taken]
    rows = rows_of(events, place)
    if spec.less:
        rows = _net(spec, study, rows, periods, notes)
    quantity = tally(spec, study, rows, periods, tuple(notes))
    if spec.audit is not None:
        quantity = audited(quantity, spec.audit)
    return quantity if spec.limit is None else limited(quantity, spec.limit, tuple(periods))


def _eligible(spec: Count, study: Study, notes: list[str]) -> Events:
    events = events_of(study, spec.metric, spec.status)
    allowed = eligible(study, spec.where)[events.person]
    _note(notes, len(allowed), int(allowed.sum()), "are of people who are not eligible", spec.metric)
    events = events.kept(allowed)
    if spec.requires is not None:
        before = len(events)
        if spec.requires.metric == spec.metric and not spec.requires.retroactive:
            events = beyond(events, spec.requires)
        else:
            needed = events_of(study, spec.requires.metric, spec.status)
            events = after_precondition(events, needed, spec.requires, study.n_people)
        _note(notes, before, len(events), f"come before {spec.requires.days} of {spec.requires.metric}", spec.metric)
    if spec.within is not None:
        near = in_window(events, events_of(study, spec.within.metric, spec.status), spec.within)
        _note(
            notes,
            len(near),
            int(near.sum()),
            f"are not within {spec.within.days} days after {spec.within.metric}",
            spec.metric,
        )
        events = events.kept(near)
    return events


def _first(spec: Count, study: Study, events: Events, place: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Mark the claims that the dedupe scope keeps: the earliest, and of one day the first by person and claim id."""
    if spec.each == "every":
        return np.ones(len(events), dtype=bool)
    who = events.person if spec.per == "person" else study.codes(spec.per)[events.person]
    keys = (who, place) if spec.each == "once_per_period" else (who,)
    order = np.lexsort((events.day, *keys[::-1]))
    changed = np.zeros(len(events), dtype=bool)
    for key in keys:
        changed |= np.diff(key[order], prepend=-1) != 0
    first = np.zeros(len(events), dtype=bool)
    first[order[changed]] = True
    return first


def _net(spec: Count, study: Study, rows: Rows, periods: Mapping[str, Period], notes: list[str]) -> Rows:
    """Subtract other metrics from each person's units in each period."""
    sums = np.zeros((study.n_people, len(periods)), dtype=np.int64)
    np.add.at(sums, (rows.person, rows.period), rows.units)
    taken = np.zeros_like(sums)
    for metric in spec.less:
        events = events_of(study, metric, spec.status)
        place = in_period(events.day, periods, metric)
        np.add.at(taken, (events.person[place >= 0], place[place >= 0]), events.units[place >= 0])
    over = int(((taken > sums) & (sums > 0)).sum())
    if over:
        notes.append(f"people and periods that count zero, because what is subtracted exceeds {spec.metric}: {over}")
    person, period = np.nonzero(sums > taken)
    return Rows(person, period, np.zeros(len(person), dtype=np.intp), (sums - taken)[person, period])


def _note(notes: list[str], before: int, left: int, why: str, metric: str) -> None:
    if left < before:
        notes.append(f"{before - left} of {before} claims of {metric} {why}")
