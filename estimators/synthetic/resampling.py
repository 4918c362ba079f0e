"""Errors of a gain from several treated places, or from placebos where there is one.

- Jackknife with weights held fixed (algorithm 3): one value a place, which joins with other outcomes of the same places.
- Bootstrap of places with weights chosen anew (algorithm 2): replicates.
- Placebo variance (algorithm 4): the variance between donors that stand in for the treated. It holds if treated places vary
  as donors do, which nothing in the data can show.

Source: Arkhangelsky et al. (2021), American Economic Review 111(12), section IV, algorithms 2 to 4; Clarke et al. (2023) for
several cohorts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.synthetic.cohorts import Cohort, Places, Plan, by_cohort, gain_of


@dataclass(frozen=True, slots=True, eq=False)
class Jackknife:
    """Influence of every place, shape (n,), and the degrees of freedom of t.

    With the factor n / (n − 1) of HC1, the sum of squares over n² is the jackknife's variance.
    """

    influence: FloatArray
    degrees: float


def jackknife(places: Places, cohorts: Sequence[Cohort]) -> Jackknife:
    """Leave out one place at a time, weights held fixed and made to sum to one again.

    Degrees of freedom are Welch's, for the sums of squares of treated places and of donors; donors count by 1 / Σω².

    Raises
    ------
    IdentificationError
        IDENT-036 when one donor has all weight, or a cohort has one place.
    """
    n, periods = places.outcomes.shape
    pool = places.donors
    cells = np.zeros(n)
    changes, without = np.zeros(n), np.zeros((len(cohorts), n))
    compared = np.zeros(len(cohorts))
    of = np.full(n, -1)
    for number, cohort in enumerate(cohorts):
        weights, begins = cohort.found.donors, cohort.begins
        if len(cohort.places) < 2 or weights.max() > 1.0 - 1e-9:
            what = "one donor has all weight" if len(cohort.places) > 1 else "a cohort has one place"
            raise refusal(
                "IDENT-036", f"the jackknife leaves out one place at a time, and {what}", "inference jackknife"
            )
        change = places.outcomes[:, begins:].mean(axis=1) - places.outcomes[:, :begins] @ cohort.found.periods
        changes[cohort.places] = change[cohort.places]
        cells[cohort.places] = places.importance[cohort.places] * (periods - begins)
        of[cohort.places] = number
        compared[number] = weights @ change[pool]
        without[number] = compared[number]
        without[number, pool] = (compared[number] - weights * change[pool]) / (1.0 - weights)
    treated = places.treated
    total = cells.sum()
    gain = changes - compared[of]
    shares = np.array([cells[cohort.places].sum() / total for cohort in cohorts])
    left = np.empty(n)
    left[treated] = (cells @ gain - cells[treated] * gain[treated]) / (total - cells[treated])
    left[pool] = cells @ gain / total - shares @ (without[:, pool] - compared[:, None])
    influence = (n - 1) * (left.mean() - left)
    squares = [float((influence[group] ** 2).sum()) for group in (treated, pool)]
    effective = 1.0 / float((shares @ np.array([cohort.found.donors for cohort in cohorts]) ** 2).sum())
    sizes = (len(treated) - 1.0, max(effective - 1.0, 1.0))
    spread = sum(square**2 / size for square, size in zip(squares, sizes, strict=True))
    return Jackknife(influence, max(1.0, sum(squares) ** 2 / spread) if spread > 0 else sizes[0])


def bootstrap(plan: Plan, places: Places, draws: int, seed: int) -> FloatArray:
    """Return gains of samples of places drawn with replacement, weights chosen anew, shape (draws,).

    Samples without a treated place or without a donor are drawn again.
    """
    rng = np.random.default_rng(seed)
    n, periods = places.outcomes.shape
    gains = np.empty(draws)
    done = 0
    while done < draws:
        rows: NDArray[np.intp] = np.asarray(rng.integers(0, n, n), dtype=np.intp)
        treated = places.begins[rows] < periods
        if treated.all() or not treated.any():
            continue
        gains[done] = gain_of(by_cohort(plan, places.take(rows)))
        done += 1
    return gains
