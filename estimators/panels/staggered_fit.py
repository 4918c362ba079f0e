"""A fitted staggered design: its group-time effects and every average of them; nothing is refitted.

Influence values stay with the cells and units that have them; an `Estimate` is made, with one value a unit and term, only of
what is asked for, after averaging. Source: Callaway and Sant'Anna (2021), section 3.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.datasets.timeline import Timeline
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import ErrorType, FloatArray
from counterfoil.estimators.covariance import factor as finite_sample
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.panels.aggregation import Average, average, by_event_time
from counterfoil.estimators.panels.cohorts import Cohorts
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.group_time_cells import name_cells
from counterfoil.estimators.panels.group_time_effects import CellEffects
from counterfoil.estimators.panels.joint_bands import drawn, joint_bands
from counterfoil.estimators.panels.panel_units import Units
from counterfoil.estimators.panels.thin_cells import few_clusters_of_cohorts

Aggregate = Literal["simple", "group", "calendar", "event_time"]
IN_WORDS: Mapping[Aggregate, str] = {
    "simple": "average effect on the treated, over treated units and periods",
    "group": "average effect on the treated, each unit's treated periods averaged first",
    "calendar": "average effect on the treated, over periods",
    "event_time": "average effect on the treated, over event times",
}


@dataclass(frozen=True, slots=True, eq=False)
class StaggeredFit:
    """Group-time effects of one outcome.

    Parameters
    ----------
    effects : CellEffects
    cohorts : Cohorts
    line : Timeline
    units : Units
    mass : ndarray, shape (k,)
        What each cell weighs in an average: the weighted share of the units in its cohort.
    estimated : bool
        Whether the cohorts' shares count as estimated (future units) or as given (these units).
    aggregate : {"simple", "group", "calendar", "event_time"}
        Which average is the gain.
    balance : int or None
    base : {"varying", "universal", "all"}
        What a cell's change counts from: "all" for the mean of the untreated periods.
    anticipation : int
    error_type : str
    outcome : str
    method : str
    warnings : tuple of Problem
    diagnostics : mapping
    """

    effects: CellEffects
    cohorts: Cohorts
    line: Timeline
    units: Units
    mass: FloatArray
    estimated: bool
    aggregate: Aggregate
    balance: int | None
    base: Literal["varying", "universal", "all"]
    anticipation: int
    error_type: ErrorType
    outcome: str
    method: str
    warnings: tuple[Problem, ...] = ()
    diagnostics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def people(self) -> int:
        """Units of the cohorts that have an effect."""
        return int(self.cohorts.sizes[list(self._treated_cohorts)].sum())

    @property
    def _treated_cohorts(self) -> tuple[int, ...]:
        return tuple(sorted({cell.cohort for cell in self.effects.cells if cell.after}))

    @property
    def cells(self) -> Estimate:
        """Every group-time effect: one term a cohort and period, placebos before treatment included."""
        k = len(self.effects.cells)
        every = Average(name_cells(self.effects.cells, self.cohorts, self.line), np.eye(k), np.zeros((0, k)))
        return self._estimate(every, "group-time average treatment effect on the treated")

    def total(self) -> Estimate:
        """Return the one number that the design calls the gain, in the outcome's units per treated unit."""
        return self._estimate(self._gain(), IN_WORDS[self.aggregate], weigh=True)

    def event_weights(self) -> tuple[float, ...]:
        """Return what each event time from 0 on weighs in the gain, in the order of ``event_study().post_times``.

        The event study's average with these weights is the gain, but for differences between cohorts at the same event time.
        """
        return self.event_study().weights or ()

    def by_cohort(self) -> Estimate:
        """Return each cohort's effect, averaged over its treated periods."""
        found = self._estimate(self._by_cohort(), "average effect on the treated of a cohort")
        clusters = self.units.clusters
        if clusters is not None:
            clusters = clusters[np.argsort(self.units.rank)]
        return replace(found, warnings=(*found.warnings, *few_clusters_of_cohorts(self.cohorts, clusters)))

    def by_period(self) -> Estimate:
        """Return the effect in each period, averaged over the cohorts treated by then."""
        return self._estimate(self._by_period(), "average effect on the treated in a period")

    def event_study(self, balance: int | None = None) -> EventStudy:
        """Return the effects by event time.

        Parameters
        ----------
        balance : int, optional
            As in the spec, which it replaces when given; then all event times weigh alike in its average.

        Raises
        ------
        IdentificationError
            IDENT-029 when no cohort is seen for so many periods.
        """
        balance = self.balance if balance is None else balance
        times, found = self._event_times(balance)
        if not times:
            raise refusal("IDENT-029", f"no cohort is seen for {balance} periods after it was first treated", "balance")
        bases = {cell.since - (cell.period - cell.base) for cell in self.effects.cells}
        common = self.base == "universal" and len(bases) == 1 and not self.line.gaps
        reference = bases.pop() if common else None
        row, since = self._gain().weights[0], np.array([cell.since for cell in self.effects.cells])
        weights = tuple(float(row[since == time].sum()) for time in times if time >= 0)
        estimate = self._estimate(found, "average effect on the treated")
        # A balanced event study leaves cohorts out, so that its times no longer weigh what they do in the gain.
        kept = weights if balance == self.balance and sum(weights) > 0 else None
        behind = tuple(int(self.effects.units[since == time, 0].sum()) for time in times)
        return EventStudy(times, estimate, reference, self.anticipation, kept, behind)

    def draws(self, size: int = 999, seed: int = 0) -> FloatArray:
        """Return multiplier draws of all cells, shape (size, k): one random sign a unit, or a cluster."""
        return drawn([self], size, seed)

    def bands(self, conf_level: float = 0.95, size: int = 999, seed: int = 0) -> pd.DataFrame:
        """Return the cells with intervals that hold together; as `joint_bands` of this fit alone."""
        return joint_bands([self], conf_level, size, seed)

    @property
    def std_error(self) -> FloatArray:
        """Standard errors of all cells, shape (k,), without making one influence value a unit and cell."""
        if self.units.clusters is not None:
            return self.cells.std_error
        squares = np.zeros(len(self.effects.cells))
        for block in self.effects.blocks:
            for _, part in block.pieces:
                squares[block.cells] += np.einsum("ij,ij->j", part, part)
        return np.asarray(np.sqrt(self.factor * squares))

    def tidy(self, conf_level: float = 0.95, *, simultaneous: bool = False) -> pd.DataFrame:
        """Return one row a cohort and period, in the columns of the house vocabulary.

        ``units`` and ``compared`` count the treated and the comparison of each cell.
        """
        frame = self.cells.tidy(conf_level, simultaneous=simultaneous)
        attrs, described = frame.attrs, self.described()
        frame = pd.concat([described, frame.drop(columns=["outcome", "term"])], axis=1)
        frame.attrs = attrs
        return frame

    @property
    def cohort_sizes(self) -> pd.DataFrame:
        """Units of each cohort and of the never treated, and whether the cohort has an effect."""
        sizes = [*self.cohorts.sizes.tolist(), self.cohorts.never]
        used = [*(cohort in self._treated_cohorts for cohort in range(self.cohorts.count)), False]
        return pd.DataFrame({"cohort": [*self.cohorts.labels, "never treated"], "units": sizes, "estimated": used})

    def described(self) -> pd.DataFrame:
        """Return cohort, period, event time and numbers of units of each cell."""
        cells = self.effects.cells
        return pd.DataFrame(
            {
                "outcome": self.outcome,
                "cohort": [self.cohorts.labels[cell.cohort] for cell in cells],
                "period": [self.line.labels[cell.period] for cell in cells],
                "event_time": [cell.since for cell in cells],
                "units": self.effects.units[:, 0],
                "compared": self.effects.units[:, 1],
            }
        )

    def _gain(self) -> Average:
        if self.aggregate == "simple":
            return self._simple()
        if self.aggregate == "group":
            return self._mean(self._by_cohort(), self._cohort_weights)
        return self._mean(self._by_period() if self.aggregate == "calendar" else self._after())

    def _averaged(self, fixed: FloatArray, terms: Sequence[str]) -> Average:
        count = self.cohorts.count if self.estimated else None
        return average(self.effects.cells, self.effects.values, fixed, self.mass, terms, count)

    def _simple(self) -> Average:
        return self._averaged(np.array([[float(cell.after) for cell in self.effects.cells]]), ["gain"])

    def _by_cohort(self) -> Average:
        cells, cohorts = self.effects.cells, self._treated_cohorts
        fixed = np.array([[float(cell.after and cell.cohort == cohort) for cell in cells] for cohort in cohorts])
        return self._averaged(fixed, [self.cohorts.labels[cohort] for cohort in cohorts])

    @property
    def _cohort_weights(self) -> FloatArray:
        """What each cohort's units weigh, shape (1, cohorts with an effect)."""
        cells = self.effects.cells
        first = [
            next(k for k, cell in enumerate(cells) if cell.after and cell.cohort == c) for c in self._treated_cohorts
        ]
        return self.mass[first][None, :]

    def _by_period(self) -> Average:
        cells = self.effects.cells
        periods = sorted({cell.period for cell in cells if cell.after})
        fixed = np.array([[float(cell.after and cell.period == period) for cell in cells] for period in periods])
        return self._averaged(fixed, [self.line.labels[period] for period in periods])

    def _event_times(self, balance: int | None) -> tuple[tuple[int, ...], Average]:
        cells = self.effects.cells
        last = [max((c.since for c in cells if c.cohort == cohort), default=-1) for cohort in range(self.cohorts.count)]
        times, fixed = by_event_time(cells, last, len(self.line.labels), balance)
        return times, self._averaged(fixed, [str(time) for time in times])

    def _after(self) -> Average:
        times, found = self._event_times(self.balance)
        if not any(time >= 0 for time in times):
            what = f"no cohort is seen for {self.balance} periods after it was first treated"
            raise refusal("IDENT-029", what, "balance", "balance over fewer periods")
        after = np.flatnonzero(np.array(times) >= 0)
        return found.combined(np.eye(len(times))[after], [found.terms[place] for place in after])

    def _mean(self, found: Average, weights: FloatArray | None = None) -> Average:
        """Return the mean of averages; by the weights of cohorts, which are estimated, or plain."""
        count = len(found.terms)
        if weights is None:
            return found.combined(np.full((1, count), 1 / count), ["gain"])
        share = weights / weights.sum()
        whole = found.combined(share, ["gain"])
        if not self.estimated:
            return whole
        values = found.weights @ self.effects.values
        by_cohort = whole.by_cohort.copy()
        by_cohort[list(self._treated_cohorts), 0] += (values - share[0] @ values) / weights.sum()
        return Average(("gain",), whole.weights, by_cohort)

    @property
    def factor(self) -> float:
        """The finite-sample factor of the error type."""
        clusters = 0 if self.units.clusters is None else int(self.units.clusters.max()) + 1
        return finite_sample(self.error_type, len(self.units.ids), 0, clusters)

    def _estimate(self, found: Average, estimand: str, *, weigh: bool = False) -> Estimate:
        n = len(self.units.ids)
        influence = np.zeros((n, len(found.terms)))
        for block in self.effects.blocks:
            mix = found.weights[:, block.cells].T
            if mix.any():
                for place, part in block.pieces:
                    influence[place] += part @ mix
        influence *= n
        if len(found.by_cohort):
            padded = np.vstack([found.by_cohort, np.zeros((1, len(found.terms)))])
            influence += self.units.weights[:, None] * padded[self.cohorts.of_unit]
        return Estimate(
            terms=found.terms,
            values=found.weights @ self.effects.values,
            ids=self.units.ids,
            influence=influence[self.units.rank],
            riesz=self._riesz(found) if weigh else None,
            clusters=self.units.clusters,
            cluster_names=self.units.cluster_names,
            cluster_by=self.units.cluster_by,
            error_type=self.error_type,
            target="population" if self.estimated else "sample",
            outcome=self.outcome,
            estimand=estimand,
            people=self.people,
            population="units treated",
            warnings=self.warnings,
            diagnostics=dict(self.diagnostics),
        )

    def _riesz(self, found: Average) -> FloatArray | None:
        """Return weights of each unit's outcome, shape (n, 1), as if a unit's deviations in different periods were unrelated.

        The square root of the sum over periods of squared weights, negative for the never treated.
        """
        n, weights = len(self.units.ids), self.effects.weights
        if weights is None:
            return None
        size = n * np.sqrt((weights.of(found.weights[0]) ** 2).sum(axis=1))
        size[self.cohorts.bounds[-2] :] *= -1.0
        return np.asarray(size[self.units.rank][:, None])

    @property
    def _header(self) -> str:
        return f"Group-time effects on {self.outcome}: {self.method.replace('_', ' ')}, {self.cohorts.count} cohorts"

    def __repr__(self) -> str:
        total = self.total()
        return (
            f"{self._header}, {len(self.effects.cells)} cells; {total.estimand}: "
            f"{total.values[0]:.6g} ({total.std_error[0]:.6g})"
        )

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)
