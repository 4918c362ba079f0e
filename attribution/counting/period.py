"""Settlement periods, and the period that a dated claim falls into.

A contract may have one period without a name or dates, and then every claim falls into it. Several periods need dates
that do not overlap, so that no claim is counted in two of them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Final, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from counterfoil.errors import refusal

UNDATED: Final = -(10**9)
"""The day of a claim without a date; days are counted from 1970-01-01."""


def _plain_day(value: Any) -> Any:
    if isinstance(value, date) or (isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value)):
        return value
    raise PydanticCustomError("day", "should be a date written YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_plain_day)]
"""A calendar day in a spec, written YYYY-MM-DD."""


class PeriodTerms(BaseModel):
    """A settlement period, with both days included."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"examples": [{"from": "2025-01-01", "to": "2025-12-31"}]},
    )

    first: Day | None = Field(
        None, alias="from", description="First day, YYYY-MM-DD; without it there is no beginning."
    )
    last: Day | None = Field(None, alias="to", description="Last day, YYYY-MM-DD; without it there is no end.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise ValueError("a period's `to` is before its `from`")
        return self


@dataclass(frozen=True, slots=True)
class Period:
    """A settlement period: its label and, where it is dated, its first and last day."""

    label: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def dated(self) -> bool:
        """Whether it has a first or a last day."""
        return self.first is not None or self.last is not None

    def __contains__(self, day: date) -> bool:
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


def periods_of(terms: Mapping[str, PeriodTerms]) -> dict[str, Period]:
    """Return a contract's periods in their order; one without a name where it declares none.

    Examples
    --------
    >>> list(periods_of({}))
    ['']
    >>> periods_of({"y1": PeriodTerms.model_validate({"from": "2016-01-01", "to": "2016-12-31"})})["y1"].first
    datetime.date(2016, 1, 1)
    """
    return {label: Period(label, term.first, term.last) for label, term in terms.items()} or {"": Period()}


def in_period(days: NDArray[np.int64], periods: Mapping[str, Period], what: str) -> NDArray[np.intp]:
    """Return the place of each day's period in ``periods``; -1 for a day outside all of them.

    Parameters
    ----------
    days : ndarray of int, shape (n,)
        Days since 1970-01-01, `UNDATED` where there is no date.
    periods : mapping of str to Period
        In order.
    what : str
        Whose days they are, for a message.

    Raises
    ------
    ContractError
        CONTRACT-016 for periods that overlap.
    DataError
        DATA-027 for a day that is missing, or several periods without dates.

    Examples
    --------
    >>> terms = {"y1": Period("y1", date(2016, 1, 1), date(2016, 12, 31)), "y2": Period("y2", date(2017, 1, 1))}
    >>> in_period(np.array([16_900, 18_000, 0]), terms, "job").tolist()
    [0, 1, -1]
    """
    places = np.full(len(days), -1, dtype=np.intp)
    if len(periods) == 1 and not any(period.dated for period in periods.values()):
        return np.zeros(len(days), dtype=np.intp)
    _refuse_ambiguous(periods)
    missing = int((days == UNDATED).sum())
    if missing:
        raise refusal("DATA-027", f"{missing} claims have no date, and the contract has dated periods", what)
    for place, period in enumerate(periods.values()):
        first = np.datetime64(period.first or date.min, "D").astype(np.int64)
        last = np.datetime64(period.last or date.max, "D").astype(np.int64)
        places[(days >= first) & (days <= last)] = place
    return places


def _refuse_ambiguous(periods: Mapping[str, Period]) -> None:
    undated = [period.label for period in periods.values() if not period.dated]
    if undated:
        what = f"period '{undated[0]}' has no dates, so nothing tells which claims fall into it"
        raise refusal("DATA-027", what, "periods", "write `from:` and `to:` for each period")
    order = sorted(periods.values(), key=lambda period: period.first or date.min)
    for earlier, later in pairwise(order):
        if earlier.last is None or later.first is None or later.first <= earlier.last:
            what = f"periods '{earlier.label}' and '{later.label}' overlap, so a claim would count in both"
            raise refusal("CONTRACT-016", what, "periods")
