"""Validated claims of one metric as arrays: who, when, how much, by whom.

Quantities are whole millionths, so that sums are exact integers: the claims table holds at most six decimals and adds up
to less than 10^12.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.counting.period import UNDATED
from counterfoil.datasets import Study
from counterfoil.datasets.exact_numbers import DECIMALS
from counterfoil.errors import did_you_mean, refusal

Status = Literal["validated", "rejected", "pending"]
ONE: Final = 10**DECIMALS
"""A quantity of one."""

NEVER: Final = 10**9
"""A day after all days."""


@dataclass(frozen=True, slots=True)
class Events:
    """Claims of one metric in the order of person, day and claim id; each array has shape (n_events,).

    Parameters
    ----------
    person : ndarray of int
        Row of the person in the study.
    day : ndarray of int
        Days since 1970-01-01; `UNDATED` where there is none.
    units : ndarray of int
        Quantity in millionths; above zero.
    provider : ndarray of int
        Place in ``names``, whose entry '' means nobody.
    names : tuple of str
        Providers.
    """

    person: NDArray[np.intp]
    day: NDArray[np.int64]
    units: NDArray[np.int64]
    provider: NDArray[np.intp]
    names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.person)

    def kept(self, chosen: NDArray[np.bool_]) -> "Events":
        """Return some of the events."""
        return Events(self.person[chosen], self.day[chosen], self.units[chosen], self.provider[chosen], self.names)

    def dated(self, what: str) -> "Events":
        """Return the events, or refuse when one has no date.

        Raises
        ------
        DataError
            DATA-027.
        """
        missing = int((self.day == UNDATED).sum())
        if missing:
            raise refusal("DATA-027", f"{missing} claims have no date, which the contract's terms need", what)
        return self


def events_of(study: Study, metric: str, status: tuple[Status, ...] = ("validated",)) -> Events:
    """Return the claims of a metric that count.

    A claim of quantity zero is no event.

    Raises
    ------
    DataError
        DATA-019 without a claims table.
    """
    claims = _claims(study)
    chosen = claims["status"].isin(status).to_numpy() & _of_metric(claims, metric)
    rows = claims[chosen]
    person = rows["person"].cat.codes.to_numpy().astype(np.intp)
    stamps = rows["date"].to_numpy().astype("datetime64[D]")
    day = np.where(np.isnat(stamps), UNDATED, stamps.astype(np.int64))
    units = np.array([int(value * ONE) for value in rows["quantity"]], dtype=np.int64)
    order = np.lexsort((day, person))
    order = order[units[order] > 0]
    provider = rows["provider"].cat.codes.to_numpy().astype(np.intp)
    names = tuple(str(name) for name in rows["provider"].cat.categories)
    return Events(person[order], day[order], units[order], provider[order], names)


def unvalidated(study: Study, metric: str, status: tuple[Status, ...]) -> tuple[str, ...]:
    """Return notes on the claims of a metric that do not count because of their status, or that it has none at all."""
    claims = _claims(study)
    of_metric = _of_metric(claims, metric)
    if not of_metric.any():
        return (f"there is no claim of {metric}{did_you_mean(metric, claims['metric'].cat.categories)}",)
    counts = claims["status"][of_metric].value_counts()
    return tuple(
        f"claims of {metric} that are {state} and do not count: {int(counts[state])}"
        for state in ("pending", "rejected")
        if state not in status and counts.get(state, 0)
    )


def exact_units(units: int) -> Decimal:
    """Return millionths as a quantity, without trailing zeros.

    Examples
    --------
    >>> exact_units(3_000_000), exact_units(500_000)
    (Decimal('3'), Decimal('0.5'))
    """
    whole, rest = divmod(units, ONE)
    return Decimal(units).scaleb(-DECIMALS).normalize() if rest else Decimal(whole)


def running(events: Events) -> NDArray[np.int64]:
    """Return each person's sum of units up to and including each event, in the events' order."""
    if not len(events):
        return np.zeros(0, dtype=np.int64)
    total = np.cumsum(events.units)
    first = np.flatnonzero(np.diff(events.person, prepend=-1))
    before = total[first] - events.units[first]
    return np.asarray(total - np.repeat(before, np.diff(np.append(first, len(events)))))


def _claims(study: Study) -> Any:
    if study.claims is None:
        raise refusal("DATA-019", "the study has no claims table (claims.csv), so nothing can be counted", study.name)
    return study.claims


def _of_metric(claims: Any, metric: str) -> NDArray[np.bool_]:
    code = claims["metric"].cat.categories.get_indexer([metric])[0]
    return np.asarray((claims["metric"].cat.codes.to_numpy() == code) & (code >= 0))
