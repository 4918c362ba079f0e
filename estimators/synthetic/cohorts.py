"""Treated places by when treatment began: each cohort has its own comparison, and the gain is their average.

The mean of a cohort's places is compared with weighted donors, which are never treated in the periods at hand. The gain
averages over treated places and periods: a cohort counts by its places (or their weights) times its periods after.

Source: Clarke, Pailañir, Athey and Imbens (2023), "Synthetic difference-in-differences estimation", section 4, after
Arkhangelsky et al. (2021), appendix A.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.synthetic.counterfactual import Counterfactual, Method, Predictors, counterfactual


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """How every comparison is made, so that placebos and resamples are made alike."""

    method: Method
    penalty: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """What a plan is carried out on.

    Parameters
    ----------
    outcomes : ndarray, shape (n, T)
    begins : ndarray of int, shape (n,)
        Position of the first treated period; T for donors.
    importance : ndarray, shape (n,)
        Positive: how much each treated place counts.
    predictors : ndarray, shape (n, T, p)
        Matched by their means before treatment.
    """

    outcomes: FloatArray
    begins: NDArray[np.intp]
    importance: FloatArray
    predictors: FloatArray

    @property
    def donors(self) -> NDArray[np.intp]:
        """Positions of the donors."""
        return np.flatnonzero(self.begins == self.outcomes.shape[1])

    @property
    def treated(self) -> NDArray[np.intp]:
        """Positions of the treated places."""
        return np.flatnonzero(self.begins < self.outcomes.shape[1])

    def take(self, rows: NDArray[np.intp], begins: NDArray[np.intp] | None = None) -> "Places":
        """Return some of the places, perhaps with other beginnings of treatment."""
        moved = self.begins[rows] if begins is None else begins
        return Places(self.outcomes[rows], moved, self.importance[rows], self.predictors[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """Places treated from one period on, beside what they would have been.

    Parameters
    ----------
    begins : int
        Position of the first treated period.
    places : ndarray of int
        Their positions.
    observed : ndarray, shape (T,)
        Their mean outcome.
    found : Counterfactual
    share : float
        Of all treated places and periods, weighted.
    """

    begins: int
    places: NDArray[np.intp]
    observed: FloatArray
    found: Counterfactual
    share: float

    @property
    def gain(self) -> float:
        """Mean gap after treatment began."""
        return float(self.found.gaps[self.begins :].mean())

    @property
    def error_before(self) -> float:
        """Mean squared gap before treatment (MSPE)."""
        return float((self.found.gaps[: self.begins] ** 2).mean())

    @property
    def error_after(self) -> float:
        """Mean squared gap after treatment began."""
        return float((self.found.gaps[self.begins :] ** 2).mean())


def by_cohort(plan: Plan, places: Places) -> tuple[Cohort, ...]:
    """Carry out the plan for each cohort, in order of time."""
    periods = places.outcomes.shape[1]
    pool = places.donors
    cohorts = []
    total = float((places.importance * (periods - places.begins)).sum())
    for begins in np.unique(places.begins[places.treated]):
        members = np.flatnonzero(places.begins == begins)
        weights = places.importance[members] / places.importance[members].sum()
        observed = weights @ places.outcomes[members]
        predictors = None
        if places.predictors.shape[2]:
            means = places.predictors[:, :begins].mean(axis=1)
            predictors = Predictors(weights @ means[members], means[pool])
        found = counterfactual(
            plan.method, observed, places.outcomes[pool], int(begins), plan.penalty, len(members), predictors
        )
        share = float(places.importance[members].sum() * (periods - begins)) / total
        cohorts.append(Cohort(int(begins), members, observed, found, share))
    return tuple(cohorts)


def gain_of(cohorts: tuple[Cohort, ...]) -> float:
    """Return the average gain over treated places and periods."""
    return float(sum(cohort.share * cohort.gain for cohort in cohorts))


def rmspe(cohorts: tuple[Cohort, ...]) -> tuple[float, float]:
    """Return root mean squared gaps before and after treatment began, cohorts averaged by their shares."""
    before, after = (
        sum(cohort.share * getattr(cohort, name) for cohort in cohorts) for name in ("error_before", "error_after")
    )
    return float(np.sqrt(before)), float(np.sqrt(after))
