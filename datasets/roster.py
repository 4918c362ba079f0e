"""The roster: who really served whom, aligned with the people of a study."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import suppress_counts, suppress_margins


@dataclass(frozen=True, slots=True, eq=False)
class Roster:
    """Who served whom.

    Parameters
    ----------
    ids : ndarray, shape (n_people,)
        Person ids, in the order of the study.
    providers : tuple of str
        The providers, in the order in which everything about them is reported.
    exposure : ndarray of bool, shape (n_people, n_providers)
        Whether the provider served the person at all.
    dose : ndarray of float, shape (n_people, n_providers), or None
        How much it did for the person, in the unit of the services table; None where no doses are recorded.
    start : ndarray of float, shape (n_people, n_providers), or None
        Day on which it began, counted from 1970-01-01; NaN where it did not serve the person, or the day is blank.

    Examples
    --------
    >>> import numpy as np
    >>> roster = Roster(np.arange(3), ("north", "south"), np.array([[1, 0], [1, 1], [0, 0]], bool))
    >>> roster
    Roster(3 people, 2 providers, 3 patterns)
    """

    ids: NDArray[Any]
    providers: tuple[str, ...]
    exposure: NDArray[np.bool_]
    dose: NDArray[np.float64] | None = None
    start: NDArray[np.float64] | None = None

    def __repr__(self) -> str:
        patterns = len(np.unique(self.exposure, axis=0))
        return f"Roster({len(self.ids):,} people, {len(self.providers)} providers, {patterns} patterns)"

    def patterns(self) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Return the distinct patterns (n_patterns, n_providers) and each person's pattern (n_people,).

        Patterns are ordered by their number of providers, then by the order of the providers, so that
        "served by nobody" comes first where it exists.
        """
        unique, inverse = np.unique(self.exposure, axis=0, return_inverse=True)
        # np.unique sorts False before True; reversing gives earlier providers first inside one size.
        order = np.lexsort((-np.arange(len(unique)), unique.sum(axis=1)))
        rank = np.empty(len(order), dtype=np.intp)
        rank[order] = np.arange(len(order))
        return unique[order], rank[inverse.reshape(-1)]

    def only(self, providers: Sequence[str]) -> "Roster":
        """Return the roster of some of the providers, in the order given."""
        places = [self.providers.index(name) for name in providers]
        dose = None if self.dose is None else self.dose[:, places]
        start = None if self.start is None else self.start[:, places]
        return Roster(self.ids, tuple(providers), self.exposure[:, places], dose, start)

    def label(self, pattern: NDArray[np.bool_]) -> str:
        """Name a pattern by its providers, or ``"nobody"``."""
        return " + ".join(name for name, on in zip(self.providers, pattern, strict=True) if on) or "nobody"

    def served(self) -> pd.DataFrame:
        """Return how many people each provider served, hidden where that would reveal a small number.

        Returns
        -------
        DataFrame
            Columns ``provider`` and ``people``.
        """
        _, index = self.patterns()
        texts = suppress_margins(self.exposure.sum(axis=0), len(self.ids), np.bincount(index))
        return pd.DataFrame({"provider": self.providers, "people": texts})

    def tidy(self) -> pd.DataFrame:
        """Return the patterns and how many people had each, small counts suppressed.

        Returns
        -------
        DataFrame
            Columns ``pattern`` and ``people``; counts of 1 to 10, and a count from which they could be
            derived, are shown as ``"<11"`` and ``"suppressed"``.
        """
        patterns, index = self.patterns()
        counts = np.bincount(index, minlength=len(patterns))
        return pd.DataFrame({"pattern": [self.label(row) for row in patterns], "people": suppress_counts(counts)})
