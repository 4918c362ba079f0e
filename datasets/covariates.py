"""Columns of people or units as numbers, to adjust for: words become one column of 0 and 1 a level, without the first."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.checking import LARGEST
from counterfoil.datasets.table import as_numbers, as_text, is_number
from counterfoil.errors import Problem, raise_any


def covariate_columns(
    names: Sequence[str], column: Callable[[str], Any], size: int, whom: str, where: str
) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return columns as numbers, shape (size, n_columns), and what each is called.

    Parameters
    ----------
    names : sequence of str
    column : callable
        From a name to a column without blanks; it refuses what is missing.
    size : int
        Number of people, or units.
    whom, where : str
        What is counted, and which table is read, for messages.

    Raises
    ------
    DataError
        DATA-014 for an infinite value, and whatever `column` refuses; all at once.
    """
    problems: list[Problem] = []
    parts: list[NDArray[np.float64]] = []
    labels: list[str] = []
    for name in names:
        try:
            found = column(name)
        except ValueError as error:
            problems += getattr(error, "problems", ())
            continue
        if is_number(found):
            values = as_numbers(found)[0]
            if wrong := int((~(np.abs(values) <= LARGEST)).sum()):
                what = f"column '{name}' is infinite or beyond {LARGEST:g} for {wrong} {whom}"
                problems.append(Problem("DATA-014", what, where))
            parts.append(values[:, None])
            labels.append(name)
        else:
            words = as_text(found)
            levels = sorted(set(words))[1:]
            parts += [(words == level).to_numpy(dtype=np.float64)[:, None] for level in levels]
            labels += [f"{name}={level}" for level in levels]
    raise_any(problems)
    return np.hstack(parts) if parts else np.empty((size, 0)), tuple(labels)
