"""Periods in order of time: numbers, years, quarters, months and dates order themselves; other words must be listed.

``times`` say how far apart periods are, in steps: from 2019-Q4 to 2020-Q2 are two, whether or not 2020-Q1 was measured.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.table import as_numbers, as_text
from counterfoil.errors import did_you_mean, listed, refusal

QUARTER: Final = re.compile(r"(\d{4})-?[Qq]([1-4])")
MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")
CALENDAR: Final = re.compile(r"[12]\d{3}(?!\d)")
"""Names that begin with a year; bare smaller numbers may be months of a school year."""
DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """The periods of a panel.

    Parameters
    ----------
    labels : tuple of str
        In order of time.
    times : ndarray, shape (T,)
        When each is, in steps; ascending.
    """

    labels: tuple[str, ...]
    times: NDArray[np.float64]

    @property
    def step(self) -> float:
        """The shortest distance between two periods."""
        return float(np.diff(self.times).min()) if len(self.times) > 1 else 1.0

    @property
    def gaps(self) -> int:
        """How many periods were not measured between the first and the last."""
        return round(float(np.ptp(self.times)) / self.step) + 1 - len(self.times) if len(self.times) > 1 else 0

    def at(self, label: str) -> int:
        """Return the position of a period.

        Raises
        ------
        DataError
            DATA-032 when there is none of that name.
        """
        if label not in self.labels:
            hint = did_you_mean(label, self.labels) or f"; there are {listed(self.labels, 12)}"
            fix = "name a period as the data has it"
            raise refusal("DATA-032", f"there is no period '{label}'{hint}", "period", fix)
        return self.labels.index(label)


def timeline(labels: Any, order: Sequence[str] = ()) -> tuple[Timeline, NDArray[np.intp]]:
    """Return distinct labels in order of time, and the position of each given label among them.

    Parameters
    ----------
    labels : Series or array, shape (k,)
        Distinct labels.
    order : sequence of str
        Every label in order of time, where their names do not tell.

    Raises
    ------
    DataError
        DATA-032 when the order is not known, or does not name every label.

    Examples
    --------
    >>> found, position = timeline(pd.Series(["2020-Q2", "2019-Q4", "2019-Q3"]))
    >>> found.labels, found.gaps, position.tolist()
    (('2019-Q3', '2019-Q4', '2020-Q2'), 1, [2, 1, 0])
    """
    column = pd.Series(labels).reset_index(drop=True)
    times, words = _times(column)
    if order:
        unknown = [word for word in words if word not in order]
        if unknown:
            what = f"{len(unknown)} of {len(words)} periods of the data are not among the `periods:` named"
            raise refusal("DATA-032", what, "periods", "name every period of the data, in order of time")
        kept = [word for word in order if word in words]
        backward = times is not None and (np.diff([times[words.index(word)] for word in kept]) <= 0).any()
        if backward and all(CALENDAR.match(word) for word in words):
            what = "`periods:` are not in order of time, and their names say when each is"
            raise refusal("DATA-032", what, "periods", "list them from the earliest to the latest")
        if times is None or backward:
            times = np.array([order.index(word) for word in words], dtype=np.float64)
    if times is None:
        what = "the periods are words, and nothing says in which order"
        raise refusal("DATA-032", what, "periods", "name them in order of time with `periods:`")
    rank = np.argsort(times, kind="stable")
    position = np.empty(len(rank), dtype=np.intp)
    position[rank] = np.arange(len(rank))
    return Timeline(tuple(words[at] for at in rank), times[rank]), position


def _times(column: Any) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Return when each label is, or None where it does not tell, and what it is called."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        words = column.dt.strftime("%Y-%m-%d").tolist()
        return column.rank(method="dense").to_numpy(dtype=np.float64) - 1, words
    numbers, wrong = as_numbers(column)
    if not wrong.any() and np.isfinite(numbers).all():
        return numbers, [f"{number:.15g}" for number in numbers]
    words = as_text(column).str.strip().tolist()
    for pattern, year in ((QUARTER, 4), (MONTH, 12)):
        parts = [pattern.fullmatch(word) for word in words]
        if all(parts):
            return np.array([int(p[1]) * year + int(p[2]) for p in parts if p], dtype=np.float64), words
    if all(DAY.fullmatch(word) for word in words):
        return np.unique(words, return_inverse=True)[1].astype(np.float64), words
    return None, words
