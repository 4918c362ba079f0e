"""What people must be alike in: covariates as numbers, with squares, and with blanks dealt with as declared.

With ``missing_covariates: indicator`` a blank number is set to the mean of the others and a column of 0 and 1 says who lacks
it; a blank word is a level of its own. That adjusts for what was recorded; it is right where people with blanks are alike
given that they are blank (Rosenbaum and Rubin 1984, appendix B).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.linalg.lapack import dpstrf

from counterfoil.datasets.checking import LARGEST
from counterfoil.datasets.covariates import covariate_columns
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers, as_text, blank, is_number
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import DEPENDENT_SQUARE

UNKNOWN: Final = "not recorded"
"""The level of people whose word is blank."""

PIECE: Final = 8_192
"""Rows that are worked on together."""


@dataclass(frozen=True, slots=True, eq=False)
class Adjusting:
    """Covariates as columns of numbers.

    Parameters
    ----------
    values : ndarray, shape (n, p)
        In their own units, without an intercept; constant columns and combinations of others are left out.
    names : tuple of str
        What each column is called: a covariate, ``covariate=level``, ``covariate squared`` or ``covariate not recorded``.
    covariates : tuple of str
        The covariate that each column belongs to.
    warnings : tuple of Problem
        EST-005 for what is left out.
    """

    values: FloatArray
    names: tuple[str, ...]
    covariates: tuple[str, ...]
    warnings: tuple[Problem, ...] = ()

    def of(self, covariates: tuple[str, ...]) -> NDArray[np.intp]:
        """Return the positions of the columns that belong to some covariates."""
        return np.flatnonzero([name in covariates for name in self.covariates])


def adjusting(
    study: Study, covariates: tuple[str, ...], squares: tuple[str, ...] = (), indicator: bool = False
) -> Adjusting:
    """Return covariates as numbers; small integers are widened before they are squared.

    Parameters
    ----------
    study : Study
    covariates : tuple of str
    squares : tuple of str
        Numbers among them whose squares are wanted too.
    indicator : bool
        Whether blanks become the mean and a column that says who lacks the value; they are refused otherwise.

    Raises
    ------
    DataError
        DATA-004 for a missing column, DATA-014 for a blank that is not allowed or an infinite value, DATA-013 for the square of
        a word.

    Examples
    --------
    >>> ages = np.array([20, 100, 120, 110], dtype="int8")
    >>> people = pd.DataFrame({"person": range(4), "age": ages, "site": ["n", "n", "s", "n"]})
    >>> found = adjusting(Study.from_tables(people), ("age", "site"), squares=("age",))
    >>> found.names, found.values[:, 1].tolist()
    (('age', 'age squared', 'site=s'), [400.0, 10000.0, 14400.0, 12100.0])
    """
    parts: list[FloatArray] = []
    names: list[str] = []
    owners: list[str] = []
    for covariate in dict.fromkeys(covariates):
        column = study.column(covariate, complete=not indicator)
        lacking = blank(column) if indicator else np.zeros(study.n_people, dtype=bool)
        filled = column if not lacking.any() else _filled(column, lacking)
        values, labels = covariate_columns(
            (covariate,),
            lambda _, found=filled: found,  # type: ignore[misc]
            study.n_people,
            "people",
            "people",
        )
        number = is_number(filled)
        if covariate in squares:
            if not number:
                raise refusal("DATA-013", f"column '{covariate}' holds words, which have no squares", "people")
            if np.abs(values).max(initial=0.0) > np.sqrt(LARGEST):
                raise refusal("DATA-014", f"squares of column '{covariate}' are beyond {LARGEST:g}", "people")
            values, labels = np.hstack([values, values**2]), (*labels, f"{covariate} squared")
        if lacking.any() and number:
            values, labels = np.hstack([values, lacking[:, None]]), (*labels, f"{covariate} {UNKNOWN}")
        parts.append(values)
        names += labels
        owners += [covariate] * values.shape[1]
        if values.shape[1] == 0:  # words of one level
            parts[-1], names, owners = np.zeros((study.n_people, 1)), [*names, covariate], [*owners, covariate]
    table = np.hstack(parts) if parts else np.empty((study.n_people, 0))
    parts.clear()
    flat = np.flatnonzero(table.max(axis=0) == table.min(axis=0)) if len(names) else np.empty(0, dtype=np.intp)
    kept = _independent(table, np.setdiff1d(np.arange(len(names)), flat))
    warnings = tuple(
        Problem("EST-005", f"column '{names[j]}' is {_why(j, flat)} and was left out", "people")
        for j in np.setdiff1d(np.arange(len(names)), kept).tolist()
    )
    if len(kept) < len(names):
        table = table[:, kept]
    return Adjusting(table, tuple(names[j] for j in kept), tuple(owners[j] for j in kept), warnings)


def _independent(table: FloatArray, varying: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return which of the columns that vary are no combination of others and a constant."""
    if not len(varying):
        return varying
    mean, gram = table.mean(axis=0), np.zeros((table.shape[1], table.shape[1]))
    for first in range(0, len(table), PIECE):
        centred = table[first : first + PIECE] - mean
        gram += centred.T @ centred
    gram = gram[np.ix_(varying, varying)]
    length = np.sqrt(np.diagonal(gram))
    # Scaled by both sides: a cross-product of columns in cents and in millions is far from rounding only when scaled.
    gram /= np.outer(length, length)
    _, pivots, rank, _ = dpstrf(gram, tol=DEPENDENT_SQUARE)
    return np.asarray(varying[np.sort(pivots[:rank] - 1)])


def _why(column: int, flat: NDArray[np.intp]) -> str:
    return "the same for everybody" if column in flat else "a combination of other columns"


def _filled(column: Any, lacking: NDArray[np.bool_]) -> Any:
    """Return a column with its blanks at the mean of the others, or at a level of their own."""
    if is_number(column):
        values = as_numbers(column)[0].copy()
        values[lacking] = values[~lacking].mean() if not lacking.all() else 0.0
        return pd.Series(values)
    words = as_text(column).to_numpy(dtype=object).copy()
    words[lacking] = UNKNOWN
    return pd.Series(words, dtype="str")
