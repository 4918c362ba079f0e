"""Cohorts: units by the period in which they were first treated, and which of them a comparison may use.

Units that were treated before there was a period to start from have nothing to be compared with and are left out. Units that
are first treated after the last period are never treated as far as the panel goes. Source: Callaway and Sant'Anna (2021),
"Difference-in-differences with multiple time periods", Journal of Econometrics 225(2), section 2.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.timeline import Timeline
from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Cohorts:
    """Units in order of when they were first treated; those that never are come last.

    Parameters
    ----------
    starts : ndarray, shape (G,)
        When each cohort was first treated, ascending, on the scale of the timeline.
    labels : tuple of str
        What each cohort is called: the period in which it was first treated.
    order : ndarray of int, shape (n,)
        Units of the panel, cohort after cohort.
    bounds : ndarray of int, shape (G + 2,)
        Cohort j is ``order[bounds[j]:bounds[j + 1]]``; j = G are the never treated.
    always : int
        Units left out because they were treated before there was a period to start from.
    later : int
        Units among the never treated that are first treated after the last period.
    """

    starts: FloatArray
    labels: tuple[str, ...]
    order: NDArray[np.intp]
    bounds: NDArray[np.intp]
    always: int
    later: int

    @property
    def count(self) -> int:
        """Number of cohorts that are treated."""
        return len(self.starts)

    @property
    def never(self) -> int:
        """Units that are never treated."""
        return int(self.bounds[-1] - self.bounds[-2])

    @property
    def sizes(self) -> NDArray[np.intp]:
        """Units in each cohort that is treated, shape (G,)."""
        return np.diff(self.bounds)[:-1]

    @property
    def of_unit(self) -> NDArray[np.intp]:
        """Cohort of each unit in `order`, shape (n,)."""
        return np.repeat(np.arange(self.count + 1), np.diff(self.bounds))

    def place(self, cohort: int) -> slice:
        """Return where a cohort stands in `order`."""
        return slice(int(self.bounds[cohort]), int(self.bounds[cohort + 1]))

    def places(self, cohorts: tuple[int, ...]) -> slice | NDArray[np.intp]:
        """Return where several cohorts stand in `order`: a slice where they are neighbours."""
        if cohorts == tuple(range(cohorts[0], cohorts[-1] + 1)):
            return slice(int(self.bounds[cohorts[0]]), int(self.bounds[cohorts[-1] + 1]))
        return np.concatenate([np.arange(self.bounds[c], self.bounds[c + 1]) for c in cohorts])


def cohorts_of(first: FloatArray, line: Timeline, anticipation: int = 0) -> Cohorts:
    """Return the cohorts of a panel.

    Parameters
    ----------
    first : ndarray, shape (n_units,)
        When each unit was first treated; infinite for never.
    line : Timeline
    anticipation : int
        For how many periods before that units may already react.

    Examples
    --------
    >>> line = Timeline(("2019", "2020", "2021"), np.array([2019.0, 2020.0, 2021.0]))
    >>> found = cohorts_of(np.array([2021.0, np.inf, 2020.0, 2019.0, 2021.0]), line)
    >>> found.labels, found.sizes.tolist(), found.never, found.always
    (('2020', '2021'), [1, 2], 1, 1)
    """
    reach = anticipation * line.step
    always = first <= line.times[0] + reach
    later = np.isfinite(first) & (first > line.times[-1] + reach)
    start = np.where(later, np.inf, first)
    starts, code = np.unique(start[~always], return_inverse=True)
    treated = starts[np.isfinite(starts)]
    order = np.flatnonzero(~always)[np.argsort(code, kind="stable")]
    sizes = np.bincount(code, minlength=len(treated) + 1)[: len(treated) + 1]
    called = dict(zip(line.times.tolist(), line.labels, strict=True))
    return Cohorts(
        starts=treated,
        labels=tuple(called.get(when, f"{when:.15g}") for when in treated.tolist()),
        order=order,
        bounds=np.append(0, np.cumsum(sizes)).astype(np.intp),
        always=int(always.sum()),
        later=int(later.sum()),
    )
