"""Who did how much for whom, and when: services, claims or a recorded partition, as one kind of arrays."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.counting.events import ONE, events_of
from counterfoil.attribution.counting.period import UNDATED, Period, in_period
from counterfoil.attribution.money.amounts import exact
from counterfoil.datasets import Study
from counterfoil.datasets.table import as_text, blank
from counterfoil.errors import refusal

LARGEST_DOSE: Final = 1e12
"""All doses together stay below this, so that their sums in whole millionths fit 64 bits."""


@dataclass(frozen=True, slots=True)
class Touches:
    """Contacts of people with providers; each array has shape (n_touches,).

    Parameters
    ----------
    person, provider : ndarray of int
        Row of the person in the study, and place of the provider in ``names``.
    units : ndarray of int
        How much, in millionths.
    day : ndarray of int
        Days since 1970-01-01; `UNDATED` where there is none.
    names : tuple of str
        Providers.
    """

    person: NDArray[np.intp]
    provider: NDArray[np.intp]
    units: NDArray[np.int64]
    day: NDArray[np.int64]
    names: tuple[str, ...]

    def days(self, chosen: NDArray[np.bool_], what: str) -> NDArray[np.int64]:
        """Return the days of some touches.

        Raises
        ------
        DataError
            DATA-027 when one has none.
        """
        days = self.day[chosen]
        missing = int((days == UNDATED).sum())
        if missing:
            raise refusal("DATA-027", f"{missing} rows have no date, so nothing tells who came first or last", what)
        return days

    def within(self, period: Period) -> "Touches":
        """Return the touches of one period.

        Raises
        ------
        DataError
            DATA-027 when one has no date.
        """
        inside = in_period(self.day, {period.label: period}, "assign") >= 0
        return Touches(self.person[inside], self.provider[inside], self.units[inside], self.day[inside], self.names)


def service_touches(study: Study, measure: str) -> Touches:
    """Return the services; with measure dose, those with a dose above zero.

    Raises
    ------
    DataError
        DATA-017 without the doses asked for, DATA-019 without a services table.
    """
    services = study.services
    if services is None:
        raise refusal("DATA-019", "the study has no services table, by which people are assigned", study.name)
    units = np.full(len(services), ONE, dtype=np.int64)
    if measure == "dose":
        if "dose" not in services:
            raise refusal("DATA-017", "no doses are recorded, and people are assigned by dose", "services")
        if services["dose"].sum() >= LARGEST_DOSE:
            raise refusal("DATA-017", f"the doses add up to {LARGEST_DOSE:,.0f} or more", "services")
        units = np.array([int(exact(dose) * ONE) for dose in services["dose"]], dtype=np.int64)
    day = np.full(len(services), UNDATED, dtype=np.int64)
    if "start" in services:
        stamps = services["start"].to_numpy().astype("datetime64[D]")
        day = np.where(np.isnat(stamps), UNDATED, stamps.astype(np.int64))
    kept = units > 0
    return Touches(
        services["person"].cat.codes.to_numpy().astype(np.intp)[kept],
        services["provider"].cat.codes.to_numpy().astype(np.intp)[kept],
        units[kept],
        day[kept],
        tuple(str(name) for name in services["provider"].cat.categories),
    )


def claim_touches(study: Study, metric: str) -> Touches:
    """Return the validated claims of a metric that name a provider.

    Raises
    ------
    DataError
        DATA-019 without a claims table.
    """
    events = events_of(study, metric)
    named = np.array([name != "" for name in events.names], dtype=bool)
    events = events.kept(named[events.provider])
    return Touches(events.person, events.provider, events.units, events.day, events.names)


def partition_touches(study: Study, column: str) -> Touches:
    """Return one touch for each person with a provider in a column of people; a blank is nobody.

    Raises
    ------
    DataError
        DATA-004 without the column.
    """
    written = study.column(column, complete=False)
    person = np.flatnonzero(~blank(written))
    names, provider = np.unique(as_text(written).str.strip().to_numpy(dtype=str)[person], return_inverse=True)
    return Touches(
        person,
        provider.astype(np.intp),
        np.full(len(person), ONE, dtype=np.int64),
        np.full(len(person), UNDATED, dtype=np.int64),
        tuple(str(name) for name in names),
    )
