"""When each person's services began, counted in periods: the cohorts of a staggered roll-out.

A person's cohort is the period of that person's first service, and a service counts from the period in which it begins:
treatment is absorbing (Callaway and Sant'Anna 2021, assumption 1).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """Who began with whom in which period.

    Parameters
    ----------
    study : Study
        With only those services that are looked at.
    row : ndarray of int, shape (n_services,)
        Period of each row of the services table; negative before the first period.
    first : ndarray of int, shape (n_people,)
        Period of each person's first service, the cohort; ``periods`` for people never served in the study.
    periods : int
        Number of periods.
    """

    study: Study
    row: NDArray[np.intp]
    first: NDArray[np.intp]
    periods: int

    @property
    def cohorts(self) -> tuple[int, ...]:
        """Periods in which somebody's first service began, in order."""
        return tuple(int(period) for period in np.unique(self.first) if period < self.periods)

    def compared(self, cohort: int, period: int, comparison: Literal["never", "not_yet"]) -> NDArray[np.bool_]:
        """Mark a cohort and the people whom it is compared with in a period, shape (n_people,)."""
        unserved = self.first == self.periods if comparison == "never" else self.first > period
        return np.asarray((self.first == cohort) | unserved)

    def by(self, period: int) -> Study:
        """Return the study with the services that had begun by the end of a period, and no outcomes."""
        if self.study.services is None:
            raise ValueError("an entry is made of services")
        rows = self.study.services[self.row <= period].reset_index(drop=True)
        return replace(self.study, services=rows, outcomes=None)


def enter(
    study: Study, providers: Sequence[str], periods: int, starts: Sequence[date] | None, until: date | None = None
) -> Entry:
    """Place every service of the providers in its period.

    Parameters
    ----------
    study : Study
    providers : sequence of str
        Services of others are not looked at.
    periods : int
        Number of periods.
    starts : sequence of date, or None
        First day of each period, ascending; None puts every service in the last period.
    until : date, optional
        First day after the last period; later services are not looked at.

    Raises
    ------
    DataError
        DATA-019 without services, DATA-004 or DATA-014 when start dates are needed and missing.

    Examples
    --------
    >>> people = pd.DataFrame({"person": ["ann", "bob", "cem"]})
    >>> served = pd.DataFrame({"person": ["ann", "bob"], "provider": "north", "start": ["2021-03-01", "2022-01-01"]})
    >>> study = Study.from_tables(people, services=served)
    >>> enter(study, ["north"], 3, [date(2020, 1, 1), date(2021, 1, 1), date(2022, 1, 1)]).first
    array([1, 2, 3])
    """
    if study.services is None:
        raise refusal("DATA-019", "the study has no services table", study.name)
    services = study.services[study.services["provider"].isin(list(providers))]
    row = np.full(len(services), periods - 1, dtype=np.intp)
    if starts is not None:
        if "start" not in services:
            raise refusal("DATA-004", "column 'start' is missing, and cohorts follow from it", "services")
        blank = int(services["start"].isna().sum())
        if blank:
            raise refusal("DATA-014", f"column 'start' is blank for {blank} services", "services")
        day = services["start"].to_numpy(dtype="datetime64[s]")
        row = np.searchsorted(np.array(starts, dtype="datetime64[s]"), day, side="right") - 1
        if until is not None:
            inside = day < np.datetime64(until)
            services, row = services[inside], row[inside]
    first = np.full(study.n_people, periods, dtype=np.intp)
    np.minimum.at(first, services["person"].cat.codes.to_numpy(), row)
    kept = replace(study, services=services.reset_index(drop=True))
    return Entry(kept, row.astype(np.intp), first, periods)


def long_difference(study: Study, change: NDArray[np.float64], name: str) -> Study:
    """Return the study with a change over time, shape (n_people,), as its one outcome."""
    outcomes = pd.DataFrame(
        {
            "person": pd.Categorical.from_codes(np.arange(study.n_people), categories=pd.Index(study.people["person"])),
            "outcome": pd.Categorical.from_codes(np.zeros(study.n_people, dtype=np.int8), categories=[name]),
            "period": pd.Categorical.from_codes(np.zeros(study.n_people, dtype=np.int8), categories=[""]),
            "value": change,
        }
    )
    return replace(study, outcomes=outcomes)
