"""Placebo tests: the same comparison made for donors, whom treatment did not reach, or for a time when it had not begun.

In space: each donor (or a set of donors, where several places are treated) stands in for the treated, compared with the other
donors. The p-value is the rank of the treated among all of them: exact if treatment had been dealt out among the places by
lot, and otherwise a measure of how unusual the gain is. It is no sampling distribution and gives no standard error.

Source: Abadie, Diamond and Hainmueller (2010), JASA 105(490), section 2.4 and 3.4; for several treated places, Cavallo,
Galiani, Noy and Pantano (2013), Review of Economics and Statistics 95(5).
"""

from dataclasses import dataclass
from math import comb
from typing import Literal

import numpy as np
import pandas as pd

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.synthetic.cohorts import Places, Plan, by_cohort, gain_of, rmspe

Statistic = Literal["rmspe_ratio", "gain"]
TIED = 1e-9
"""Relative distance within which two statistics are equal."""


@dataclass(frozen=True, slots=True, eq=False)
class PlaceboTest:
    """The treated places among placebos.

    Parameters
    ----------
    statistic : {"rmspe_ratio", "gain"}
        What is ranked, largest first: gaps after treatment over gaps before, or the size of the gain.
    observed : float
        Of the treated places.
    placebos : ndarray, shape (r,)
        Of each placebo; infinite where a placebo is fitted exactly before treatment.
    gains : ndarray, shape (r,)
        Gain of each placebo, in the outcome's units.
    gaps : ndarray, shape (r, T), or None
        Of each placebo, where one place is treated.
    """

    statistic: Statistic
    observed: float
    placebos: FloatArray
    gains: FloatArray
    gaps: FloatArray | None

    @property
    def rank(self) -> int:
        """Place of the treated among all, 1 for the most unusual; ties count against it."""
        return 1 + int((self.placebos >= self.observed * (1.0 - TIED)).sum())

    @property
    def p_value(self) -> float:
        """The rank over the number of placebos and the treated."""
        return self.rank / (len(self.placebos) + 1)

    @property
    def smallest_p_value(self) -> float:
        """What the p-value would be if the treated came first."""
        return 1.0 / (len(self.placebos) + 1)

    def tidy(self) -> pd.DataFrame:
        """Return one row: statistic, rank, of (how many are ranked), p_value, smallest_p_value."""
        row = [self.statistic, self.observed, self.rank, len(self.placebos) + 1, self.p_value, self.smallest_p_value]
        return pd.DataFrame([row], columns=["term", "statistic", "rank", "of", "p_value", "smallest_p_value"])

    def summary(self) -> str:
        """Return the test in a sentence."""
        what = "gap after over gap before treatment" if self.statistic == "rmspe_ratio" else "size of the gain"
        return f"placebo test on the {what}: rank {self.rank} of {len(self.placebos) + 1}, p = {self.p_value:.3f}"

    def __repr__(self) -> str:
        return self.summary()


def placebo_runs(places: Places, draws: int) -> int:
    """Return how many placebos there are: all donors, where one place is treated, and otherwise at most this many draws."""
    treated, donors = len(places.treated), len(places.donors)
    return donors if treated == 1 else min(draws, comb(donors, treated))


def placebos_in_space(
    plan: Plan, places: Places, draws: int, seed: int
) -> list[tuple[float, float, float, FloatArray]]:
    """Return gain, error before, error after and gaps of the first cohort of each placebo.

    Several treated places are replaced by as many donors, drawn without replacement and treated when they were.
    """
    pool, when, periods = places.donors, np.sort(places.begins[places.treated]), places.outcomes.shape[1]
    own = places.importance[places.treated][np.argsort(places.begins[places.treated], kind="stable")]
    rng = np.random.default_rng(seed)
    runs = []
    for run in range(placebo_runs(places, draws)):
        chosen = np.array([run]) if len(when) == 1 else rng.choice(len(pool), len(when), replace=False)
        begins = np.full(len(pool), periods, dtype=np.intp)
        begins[chosen] = when
        changed = places.take(pool, begins)
        changed.importance[chosen] = own
        cohorts = by_cohort(plan, changed)
        runs.append((gain_of(cohorts), *rmspe(cohorts), cohorts[0].found.gaps))
    return runs


def placebo_test(plan: Plan, places: Places, statistic: Statistic, draws: int, seed: int) -> PlaceboTest:
    """Rank the treated places among placebos in space.

    Parameters
    ----------
    plan : Plan
    places : Places
    statistic : {"rmspe_ratio", "gain"}
    draws, seed : int
        For several treated places.

    Raises
    ------
    IdentificationError
        IDENT-036 unless there are more donors than treated places.
    EstimationError
        EST-015 for a ratio when the treated places are fitted exactly before treatment.
    """
    if len(places.donors) <= len(places.treated):
        what = (
            f"placebos need more donors than treated places; there are {len(places.donors)} and {len(places.treated)}"
        )
        raise refusal("IDENT-036", what, "donors")
    cohorts = by_cohort(plan, places)
    runs = placebos_in_space(plan, places, draws, seed)
    gains = np.array([run[0] for run in runs])
    if statistic == "gain":
        observed, ranked = abs(gain_of(cohorts)), np.abs(gains)
    else:
        before, after = rmspe(cohorts)
        tiny = TIED * float(np.abs(places.outcomes).max())
        if before <= tiny:
            what = (
                "the treated places are fitted exactly before treatment, so gaps after have nothing to be compared with"
            )
            raise refusal("EST-015", what, "rmspe_ratio", "rank by the size of the gain: `statistic: gain`")
        observed = after / before
        ranked = np.array([run[2] / run[1] if run[1] > tiny else np.inf for run in runs])
    gaps = np.array([run[3] for run in runs]) if len(places.treated) == 1 else None
    return PlaceboTest(statistic, observed, ranked, gains, gaps)


def placebo_in_time(plan: Plan, places: Places, begins: int) -> tuple[float, FloatArray]:
    """Return the mean gap and the gaps, shape (earliest beginning,), as if treatment had begun at an earlier position.

    Periods in which any place was treated are left out; a gain that is not near zero speaks against the comparison.
    """
    earliest = int(places.begins.min())
    moved = np.where(places.begins < places.outcomes.shape[1], begins, earliest).astype(np.intp)
    cut = Places(places.outcomes[:, :earliest], moved, places.importance, places.predictors[:, :earliest])
    (cohort,) = by_cohort(plan, cut)
    return cohort.gain, cohort.found.gaps
