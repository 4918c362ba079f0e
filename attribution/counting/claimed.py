"""What every quantity counted from people's claims has in common: whom it counts, how it is told apart, for whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.counting.assign import Assign
from counterfoil.attribution.counting.assignment import assign_rows
from counterfoil.attribution.counting.eligibility import PeopleCondition
from counterfoil.attribution.counting.events import Events, Status, exact_units
from counterfoil.attribution.counting.period import Period
from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study
from counterfoil.errors import refusal


class Claimed(BaseModel):
    """Terms of a quantity that is counted from claims."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unit: str = Field("person", description="What is counted, in the contract's words: person, family, day, quarter.")
    group: str | None = Field(None, description="A column of people by whose values the quantity is told apart.")
    where: tuple[PeopleCondition, ...] = Field((), description="Whom it counts; all conditions must hold.")
    status: tuple[Status, ...] = Field(
        ("validated",), description="Which claims count; those that do not are told with the result."
    )
    assign: Assign | None = Field(None, description="To which provider a person's quantity belongs.")

    @property
    def refers_to(self) -> tuple[str, ...]:
        """Other quantities that it is made of: none."""
        return ()

    def common(self, words: Words) -> str:
        """Return the terms that all kinds share, as the end of a sentence."""
        said = ""
        if self.where:
            said += f", of people whose {words.listed(condition.sentence(words) for condition in self.where)}"
        if self.status != ("validated",):
            said += f"; claims count that are {words.listed(self.status)}"
        if self.group:
            said += f"; told apart by {self.group}"
        return said + (f"; {self.assign.describe(words)}" if self.assign else "") + "."


@dataclass(frozen=True, slots=True)
class Rows:
    """What was counted, before it is added up; each array has shape (n_rows,).

    Parameters
    ----------
    person, period, rung : ndarray of int
        Row of the person in the study, place of the period, place of the rung.
    units : ndarray of int
        In millionths.
    provider : ndarray of int or None
        Place of the provider that the claim names, in ``names``; None where claims were merged.
    names : tuple of str
        Providers; '' means nobody.
    """

    person: NDArray[np.intp]
    period: NDArray[np.intp]
    rung: NDArray[np.intp]
    units: NDArray[np.int64]
    provider: NDArray[np.intp] | None = None
    names: tuple[str, ...] = ()

    def kept(self, chosen: NDArray[np.bool_]) -> "Rows":
        """Return some of the rows."""
        provider = None if self.provider is None else self.provider[chosen]
        return Rows(
            self.person[chosen], self.period[chosen], self.rung[chosen], self.units[chosen], provider, self.names
        )


def rows_of(events: Events, period: NDArray[np.intp], rung: int = 0) -> Rows:
    """Return events that fall into periods as rows of one rung."""
    place = np.full(len(events), rung, dtype=np.intp)
    return Rows(events.person, period, place, events.units, events.provider, events.names)


def joined(parts: list[Rows]) -> Rows:
    """Return several rows as one, with the claims' providers where all parts have them."""
    providers = [part.provider for part in parts if part.provider is not None]
    return Rows(
        np.concatenate([part.person for part in parts]),
        np.concatenate([part.period for part in parts]),
        np.concatenate([part.rung for part in parts]),
        np.concatenate([part.units for part in parts]),
        np.concatenate(providers) if len(providers) == len(parts) else None,
        parts[0].names,
    )


def tally(
    spec: Claimed,
    study: Study,
    rows: Rows,
    periods: Mapping[str, Period],
    notes: tuple[str, ...] = (),
    rungs: tuple[str, ...] = ("",),
) -> Quantity:
    """Add rows up by place and by person.

    Parameters
    ----------
    spec : Claimed
        Whose group and assignment apply.
    study : Study
        Whose rows of people are meant.
    rows : Rows
        What was counted, as millionths of a unit.
    periods : mapping of str to Period
        In order.
    notes : tuple of str
        What was left out before.
    rungs : tuple of str
        What the places of rungs are called.

    Raises
    ------
    PaymentError
        PAY-009 when a person or claim belongs to no provider and nothing says what then applies.
    """
    rows = rows.kept(rows.units > 0)
    provider, providers, left_out = _providers(spec, study, rows, periods)
    kept = provider >= 0
    rows, provider = rows.kept(kept), provider[kept]
    group, groups = _groups(spec.group, study)
    labels = (tuple(periods), groups, rungs, providers)
    shape = tuple(len(names) for names in labels)
    place = np.ravel_multi_index((rows.period, group[rows.person], rows.rung, provider), shape)
    by_person = _summed(place * study.n_people + rows.person, rows.units)
    places, people = np.divmod(by_person[0], study.n_people)
    people_cells = _cells(places, by_person[1], labels, person=people)
    found, sums = _summed(places, by_person[1])
    cells = _cells(found, sums, labels, people=np.bincount(np.searchsorted(found, places)))
    return Quantity(cells, (*notes, *left_out), people_cells)


def _summed(keys: NDArray[np.intp], units: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    found, index = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(found), dtype=np.int64)
    np.add.at(sums, index, units)
    return found, sums


def _cells(
    places: NDArray[np.intp],
    sums: NDArray[np.int64],
    labels: tuple[tuple[str, ...], ...],
    *,
    people: NDArray[np.intp] | None = None,
    person: NDArray[np.intp] | None = None,
) -> tuple[Cell, ...]:
    """Return one cell a place, with either how many people it counts or which one."""
    shape = tuple(len(names) for names in labels)
    axes = zip(labels, np.unravel_index(places, shape), strict=True)
    columns = [[names[k] for k in axis.tolist()] for names, axis in axes]
    found, index = np.unique(sums, return_inverse=True)
    written = [exact_units(units) for units in found.tolist()]
    amounts = [written[k] for k in index.tolist()]
    counts = [[None] * len(places) if values is None else values.tolist() for values in (people, person)]
    return tuple(map(Cell, amounts, *columns, *counts))


def _groups(column: str | None, study: Study) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    if column is None:
        return np.zeros(study.n_people, dtype=np.intp), ("",)
    codes, names = study.groups(column)
    return codes, tuple(_label(name) for name in names.tolist())


def _label(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _providers(
    spec: Claimed, study: Study, rows: Rows, periods: Mapping[str, Period]
) -> tuple[NDArray[np.intp], tuple[str, ...], tuple[str, ...]]:
    """Return each row's provider (-1 leaves it out), the providers' names, and notes."""
    if spec.assign is None:
        return np.zeros(len(rows.person), dtype=np.intp), ("",), ()
    if spec.assign.by == "claim":
        provider, names = _by_claim(spec.assign, rows)
        left = int((provider < 0).sum())
        note = (f"claims left out because they name no provider of the contract: {left}",) if left else ()
        return provider, names, note
    assigned = assign_rows(spec.assign, study, rows.person, rows.period, periods)
    left = len(np.unique(rows.person[assigned.provider < 0]))
    note = (f"people left out because they belong to no provider of the contract: {left}",) if left else ()
    return assigned.provider, assigned.names or ("",), note


def _by_claim(terms: Assign, rows: Rows) -> tuple[NDArray[np.intp], tuple[str, ...]]:
    if rows.provider is None:
        raise refusal("PAY-009", "the quantity merges claims, so no single claim names the provider", "assign")
    names = tuple(dict.fromkeys([*terms.parties, *filter(None, rows.names)]))
    column = np.array([names.index(name) if name else -1 for name in rows.names], dtype=np.intp)
    provider = column[rows.provider] if len(rows.names) else np.zeros(0, dtype=np.intp)
    nobody = provider < 0
    if nobody.any() and terms.otherwise is None:
        raise refusal("PAY-009", f"{int(nobody.sum())} claims name no provider", "assign")
    if terms.otherwise not in (None, "nobody"):
        provider = np.where(nobody, names.index(str(terms.otherwise)), provider)
    if terms.providers:
        outside = np.array([name not in terms.providers for name in names])
        provider = np.where((provider >= 0) & outside[provider], -1, provider)
    return provider, names or ("",)
