"""A table on its way into a study: checks that name columns, counts and rows, never a value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.errors import Problem, did_you_mean, listed

ABSENT: Final = ("", "NaN", "nan", "NA", "na", "N/A")
"""How programs write a number that is missing."""


@dataclass(frozen=True, slots=True)
class Table:
    """A frame, what to call it in a message, and how to count its rows.

    ``first`` is the number of the first row: 2 in a CSV file, whose header is line 1, and 0 in a frame.
    """

    frame: pd.DataFrame
    name: str
    first: int = 0

    def rows(self, wrong: NDArray[np.bool_]) -> str:
        """Return ``"lines 4, 9 and 3 more"`` for the rows marked."""
        word = "line" if self.first else "row"
        numbers = np.flatnonzero(wrong) + self.first
        return f"{word}{'s' if len(numbers) > 1 else ''} {listed(numbers, limit=5)}"

    def problem(self, code: str, what: str, wrong: NDArray[np.bool_] | None = None, fix: str = "") -> Problem:
        """Return a problem of this table, with its rows when a mask is given."""
        where = self.name if wrong is None else f"{self.name}, {self.rows(wrong)}"
        return Problem(code, what, where, fix)

    def missing_columns(self, needed: Mapping[str, str] | tuple[str, ...]) -> list[Problem]:
        """Return a problem for each column needed that is not there."""
        found = [str(column) for column in self.frame.columns]
        return [
            self.problem("DATA-004", f"column '{name}' is missing{did_you_mean(name, found)}")
            for name in needed
            if name not in found
        ]

    def double_columns(self) -> list[Problem]:
        """Return a problem for each column name that stands twice."""
        names = self.frame.columns
        return [
            self.problem("DATA-021", f"column '{name}' stands twice") for name in names[names.duplicated()].unique()
        ]


def native(frame: Any) -> pd.DataFrame:
    """Return a frame of pandas, or of any library that narwhals reads, as a pandas frame; never changed in place.

    Raises
    ------
    TypeError
        When it is no eager data frame.
    """
    if isinstance(frame, pd.DataFrame):
        named = all(isinstance(name, str) for name in frame.columns)
        return frame if named else frame.set_axis([str(name) for name in frame.columns], axis=1)
    import narwhals

    read = narwhals.from_native(frame, eager_only=True)
    return pd.DataFrame({name: read[name].to_list() for name in read.columns})


def blank(column: Any) -> NDArray[np.bool_]:
    """Mark the values of a column that are missing, an empty string included."""
    missing = np.asarray(pd.isna(column).to_numpy(), dtype=bool)
    if isinstance(column.dtype, pd.CategoricalDtype):
        empty = blank(pd.Series(column.cat.categories))
        return missing | empty[column.cat.codes.to_numpy()] if len(empty) else missing
    if not pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_datetime64_any_dtype(column.dtype):
        missing = missing | (column.astype(str).str.strip() == "").to_numpy()
    return missing


def is_number(column: Any) -> bool:
    """Tell whether a column holds numbers or truth values."""
    kinds = pd.api.types
    return bool(kinds.is_numeric_dtype(column.dtype) or kinds.is_bool_dtype(column.dtype)) and not _is_no_quantity(
        column
    )


def _is_no_quantity(column: Any) -> bool:
    """Tell whether a column holds dates, durations or complex numbers, which pandas would turn into numbers."""
    kinds = pd.api.types
    return bool(
        kinds.is_datetime64_any_dtype(column.dtype)
        or kinds.is_timedelta64_dtype(column.dtype)
        or kinds.is_complex_dtype(column.dtype)
    )


def plain_text(column: Any) -> Any:
    """Return a categorical column as the values that it stands for; others as they are."""
    return column.astype(column.cat.categories.dtype) if isinstance(column.dtype, pd.CategoricalDtype) else column


def as_text(column: Any) -> Any:
    """Return a column as plain text, with missing values as empty strings."""
    return plain_text(column).astype(object).where(~pd.isna(column), "").astype(str)


def as_numbers(column: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return a column as floats, and a mark where a value that is there is no number.

    Small integers are widened: ``int8`` would overflow silently when squared. The words that other
    programs write for a missing number, ``NaN`` and ``NA``, are missing numbers and no wrong type.
    """
    if is_number(column):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), np.zeros(len(column), dtype=bool)
    if _is_no_quantity(column):
        return np.full(len(column), np.nan), ~blank(column)
    column = plain_text(column)
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if not np.isnan(numbers).any():
        return numbers, np.zeros(len(column), dtype=bool)
    absent = blank(column) | as_text(column).str.strip().isin(ABSENT).to_numpy()
    return numbers, np.asarray(np.isnan(numbers) & ~absent, dtype=bool)


def as_dates(column: Any) -> tuple[Any, NDArray[np.bool_]]:
    """Return a column as dates, and a mark where a value that is there is no date written YYYY-MM-DD."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        naive = column.dt.tz_localize(None) if isinstance(column.dtype, pd.DatetimeTZDtype) else column
        return naive, np.zeros(len(column), dtype=bool)
    text = as_text(column)
    # pandas would read "today" as the day on which the program runs.
    plain = text.str.fullmatch(r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*").astype(bool)
    dates = pd.to_datetime(text.where(plain, ""), format="%Y-%m-%d", errors="coerce")
    return dates, np.asarray(pd.isna(dates).to_numpy() & ~blank(column), dtype=bool)


def as_categories(column: Any) -> Any:
    """Return a column of few distinct words as categories of text, in order of the words."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes = column.cat.codes.to_numpy()
        words = as_text(pd.Series(column.cat.categories))
    else:
        codes, unique = pd.factorize(as_text(column))
        words = pd.Series(unique)
    order = np.argsort(words.to_numpy(dtype=object), kind="stable")
    rank = np.empty(len(order) + 1, dtype=np.int32)
    rank[order], rank[-1] = np.arange(len(order)), -1
    return pd.Series(pd.Categorical.from_codes(rank[codes], categories=words.to_numpy(dtype=object)[order]))


def canonical(column: Any, keep_integers: bool = False) -> Any:
    """Return a column in one of the study's two types: floats or text (or integers, for ids)."""
    column = plain_text(column)
    if pd.api.types.is_integer_dtype(column.dtype) and keep_integers:
        return column.astype(np.int64)
    if is_number(column):
        return pd.Series(as_numbers(column)[0], index=column.index, name=column.name)
    return as_text(column)
