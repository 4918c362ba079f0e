"""What a fitted synthetic control can be asked: the gain, the weights, gaps over time, placebos and leaving out donors."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.synthetic.augmented import cross_validated
from counterfoil.estimators.synthetic.closeness import closeness
from counterfoil.estimators.synthetic.cohorts import Cohort, Places, Plan, by_cohort, gain_of
from counterfoil.estimators.synthetic.conformal import ConformalTest, conformal_test
from counterfoil.estimators.synthetic.gain import gain_estimate
from counterfoil.estimators.synthetic.histories import Histories
from counterfoil.estimators.synthetic.placebos import (
    PlaceboTest,
    Statistic,
    placebo_in_time,
    placebo_test,
)
from counterfoil.estimators.synthetic.plots import plot_donor_weights, plot_gap

if TYPE_CHECKING:
    from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticControlFit:
    """Treated places beside what they would have been.

    Parameters
    ----------
    spec : SyntheticControl
    histories : Histories
        Who is compared with whom.
    cohorts : tuple of Cohort
        One for each period in which treatment began.
    warnings : tuple of Problem
    """

    spec: "SyntheticControl"
    histories: Histories
    cohorts: tuple[Cohort, ...]
    warnings: tuple[Problem, ...] = ()

    @property
    def plan(self) -> Plan:
        """How the comparisons are made."""
        return Plan(self.spec.method, self.spec.penalty)

    @property
    def places(self) -> Places:
        """Outcomes, and when treatment began."""
        return self.histories.places

    @property
    def weights(self) -> pd.Series:
        """Weight of each donor, in the order of their ids; cohorts are averaged as in the gain."""
        average = sum(cohort.share * cohort.found.donors for cohort in self.cohorts)
        return pd.Series(average, index=self.histories.ids[self.places.donors], name="weight")

    @property
    def gaps(self) -> FloatArray:
        """Observed less what would have been, mean of the treated places, shape (T,); with several cohorts see `path`."""
        return np.asarray(self._mean_of([cohort.found.gaps for cohort in self.cohorts]))

    @property
    def diagnostics(self) -> dict[str, Any]:
        """Counts before and after, and how close the comparison is before treatment (see `closeness`)."""
        return {
            **self.histories.counts,
            **closeness(self.places, self.cohorts),
            "method": self.spec.method,
            "inference": self.spec.inference,
        }

    def _mean_of(self, series: list[FloatArray]) -> FloatArray:
        weights = np.array([self.places.importance[cohort.places].sum() for cohort in self.cohorts])
        return np.average(np.array(series), axis=0, weights=weights)

    def total(self) -> Estimate:
        """Return the gain per treated place and period since treatment began: one term, ``gain``.

        With `inference` placebo or conformal it has no standard error (error type ``unknown``): the test is what there is.
        With jackknife it has an influence value a place, with bootstrap replicates, with placebo_variance a variance.

        Raises
        ------
        IdentificationError
            IDENT-036 when the jackknife is not defined.
        """
        return gain_estimate(self)

    def path(self) -> pd.DataFrame:
        """Return one row a cohort and period, in the outcome's units.

        Returns
        -------
        DataFrame
            Columns cohort (its first treated period), period, event_time (periods measured since, 0 the first treated one),
            observed, synthetic, gap.
        """
        labels = self.histories.timeline.labels
        parts = [
            pd.DataFrame(
                {
                    "cohort": labels[cohort.begins],
                    "period": labels,
                    "event_time": np.arange(len(labels)) - cohort.begins,
                    "observed": cohort.observed,
                    "synthetic": cohort.observed - cohort.found.gaps,
                    "gap": cohort.found.gaps,
                }
            )
            for cohort in self.cohorts
        ]
        return pd.concat(parts, ignore_index=True)

    def placebo(self, statistic: Statistic | None = None) -> PlaceboTest:
        """Rank the treated places among donors that stand in for them; see `placebos`.

        Parameters
        ----------
        statistic : {"rmspe_ratio", "gain"}, optional
            As the spec says when omitted.

        Raises
        ------
        CounterfoilError
            As `placebo_test`.
        """
        spec = self.spec
        return placebo_test(self.plan, self.places, statistic or spec.statistic, spec.draws, spec.seed)

    def placebo_in_time(self, period: str) -> pd.DataFrame:
        """Return gaps as if treatment had begun in an earlier period, when they ought to be near zero.

        Parameters
        ----------
        period : str
            Before the first in which any place was treated.

        Returns
        -------
        DataFrame
            Columns period, gap, after (whether the supposed treatment had begun); ``attrs["gain"]`` is the mean gap after.

        Raises
        ------
        IdentificationError
            IDENT-035 unless enough periods are before it, and it is before treatment.
        """
        timeline, earliest = self.histories.timeline, int(self.places.begins.min())
        begins = timeline.at(period)
        least = self.spec.least_before()
        if not least <= begins < earliest:
            what = f"a placebo in time needs {least} periods before it, and must begin before treatment"
            raise refusal("IDENT-035", what, f"period {period}", "name a period between the two")
        gain, gaps = placebo_in_time(self.plan, self.places, begins)
        frame = pd.DataFrame(
            {"period": timeline.labels[:earliest], "gap": gaps, "after": np.arange(earliest) >= begins}
        )
        frame.attrs = {"gain": gain, "began": period}
        return frame

    def conformal(self, conf_level: float = 0.95) -> ConformalTest:
        """Test for no gain against other periods, and return the constant gains that are not rejected; see `conformal`.

        Raises
        ------
        IdentificationError
            IDENT-036 with several cohorts, predictors, or synthetic_did, whose period weights set periods apart.
        EstimationError
            EST-038 when every constant gain is rejected.
        """
        spec, places = self.spec, self.places
        if len(self.cohorts) > 1 or spec.method == "synthetic_did" or places.predictors.shape[2]:
            what = "conformal inference needs one beginning of treatment, no predictors, and another method than synthetic_did"
            raise refusal("IDENT-036", what, "inference conformal")
        plan, (cohort,) = self.plan, self.cohorts
        if spec.method == "augmented" and spec.penalty is None:
            history = places.outcomes[places.donors, : cohort.begins]
            plan = Plan("augmented", cross_validated(history, cohort.observed[: cohort.begins]))
        return conformal_test(plan, places, cohort, conf_level, spec.permutations, spec.draws, spec.seed)

    def leave_one_out(self) -> pd.DataFrame:
        """Return the gain without each donor that has weight, chosen anew each time.

        Returns
        -------
        DataFrame
            Columns donor, weight, gain (in the outcome's units); the largest weight first.

        Raises
        ------
        IdentificationError
            IDENT-034 when there is only one donor.
        """
        pool = self.places.donors
        if len(pool) < 2:
            raise refusal("IDENT-034", "there is one donor, and nobody is left without it", "donors")
        weights = self.weights.to_numpy()
        used = np.flatnonzero(np.abs(weights) > 1e-12)
        used = used[np.argsort(-np.abs(weights[used]), kind="stable")]
        gains = [gain_of(by_cohort(self.plan, self.places.take(self._all_but(pool[place])))) for place in used]
        return pd.DataFrame({"donor": self.histories.ids[pool[used]], "weight": weights[used], "gain": gains})

    def _all_but(self, place: int) -> Any:
        return np.flatnonzero(np.arange(len(self.histories.ids)) != place)

    def plot_gap(self, ax: Any = None, *, placebos: PlaceboTest | None = None) -> Any:
        """Draw gaps over time; return the matplotlib Axes.

        Parameters
        ----------
        ax : matplotlib Axes, optional
        placebos : PlaceboTest, optional
            As `placebo` returned it, to draw gaps of the donors behind; where one place is treated.
        """
        begins = [cohort.begins for cohort in self.cohorts]
        behind = None if placebos is None else placebos.gaps
        return plot_gap(self.gaps, self.histories.timeline.labels, begins, ax, behind, unit=self.histories.outcome)

    def plot_donor_weights(self, ax: Any = None) -> Any:
        """Draw donors' weights, the largest first; return the matplotlib Axes."""
        return plot_donor_weights(self.weights, ax)

    def __repr__(self) -> str:
        counts = f"{len(self.places.treated)} treated places, {len(self.places.donors)} donors"
        return f"{self.spec.method.replace('_', ' ')} of {self.histories.outcome}: {counts}, gain {gain_of(self.cohorts):.6g}"
