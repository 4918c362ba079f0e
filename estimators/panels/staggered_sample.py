"""Who is in a staggered design, in which cohort, compared with whom: everything that is known before outcomes are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.panel import Panel
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.covariance import ErrorType, FloatArray
from counterfoil.estimators.panels.cohorts import Cohorts, cohorts_of
from counterfoil.estimators.panels.group_time_cells import Cell, cells_left_out, group_time_cells, name_cells
from counterfoil.estimators.panels.panel_design import PanelData, PanelSample, draw_panel
from counterfoil.estimators.panels.panel_units import Units

if TYPE_CHECKING:
    from counterfoil.estimators.panels.staggered_did import StaggeredDiD

DEPENDENT = 1e-10
"""Part of a covariate's variance that others must leave unexplained."""
FEW_CLUSTERS = 5
"""Treated or comparison clusters below which errors by cluster are too small."""


@dataclass(frozen=True, slots=True, eq=False)
class StaggeredSample:
    """The units used, in the order of the cohorts.

    Parameters
    ----------
    panel : Panel
        Of the rows that may be used, units that were always treated among them.
    outcomes : tuple of str
    cohorts : Cohorts
    cells : tuple of Cell
        All of them; those without a comparison have an empty one.
    x : ndarray, shape (n, p)
        A column of ones and the covariates, each with mean 0 and standard deviation 1.
    units : Units
    error_type : str
    counts : dict
    warnings : tuple of Problem
    """

    panel: Panel
    outcomes: tuple[str, ...]
    cohorts: Cohorts
    cells: tuple[Cell, ...]
    x: FloatArray
    units: Units
    error_type: ErrorType
    counts: dict[str, int]
    warnings: tuple[Problem, ...]

    @property
    def measured(self) -> NDArray[np.bool_] | None:
        """Which unit was measured when, shape (n, T); None where all were in every period."""
        if self.panel.balanced:
            return None
        held = np.zeros((self.panel.n_units, len(self.panel.periods)), dtype=bool)
        held[self.panel.unit, self.panel.period] = True
        return np.asarray(held[self.cohorts.order])

    @property
    def _rows(self) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return each unit's place in the order of the cohorts, and which rows belong to units that are used."""
        place = np.full(self.panel.n_units, -1, dtype=np.intp)
        place[self.cohorts.order] = np.arange(len(self.cohorts.order))
        return place, place[self.panel.unit] >= 0

    @property
    def unit_of_row(self) -> NDArray[np.intp]:
        """Unit of each row that is used, in the order of the cohorts."""
        place, used = self._rows
        return np.asarray(place[self.panel.unit[used]])

    @property
    def period_of_row(self) -> NDArray[np.intp]:
        """Period of each row that is used."""
        return np.asarray(self.panel.period[self._rows[1]], dtype=np.intp)

    def wide(self) -> list[FloatArray]:
        """Return the outcomes, (n, T) each; 0 where a unit was not measured."""
        found = [self.panel.wide(name)[self.cohorts.order] for name in self.outcomes]
        return found if self.panel.balanced else [np.nan_to_num(outcome, copy=False) for outcome in found]

    def long(self) -> list[FloatArray]:
        """Return the outcomes of the rows that are used."""
        used = self._rows[1]
        return [self.panel.varying(name)[used] for name in self.outcomes]


def draw_staggered(
    spec: "StaggeredDiD",
    data: PanelData,
    outcomes: Sequence[str] = (),
    *,
    read: Literal["needed", "none"] = "needed",
) -> StaggeredSample:
    """Return who is used and how, without looking at an outcome beyond whether it is there.

    Parameters
    ----------
    spec : StaggeredDiD
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
    outcomes : sequence of str
    read : {"needed", "none"}
        Whether outcomes must be there.

    Raises
    ------
    CounterfoilError
        As `StaggeredDiD.fit`.
    """
    asked = spec.model_copy(update={"outcome": outcomes[0]}) if outcomes else spec
    sample = draw_panel(asked, data, (*spec.varying(), *outcomes[1:]), outcome=read)
    sample, losses = complete_units(sample) if spec.sampling == "complete" else (sample, ())
    panel = sample.panel
    cohorts = cohorts_of(spec.adoption(panel), panel.timeline, spec.anticipation)
    if not cohorts.count:
        what = "no unit is first treated within the periods of the panel"
        raise refusal("IDENT-001", what, spec.first_treated or str(spec.treated))
    if spec.comparison == "never" and not cohorts.never:
        fix = "compare with units that are not treated yet: `comparison: not_yet`"
        raise refusal("IDENT-029", "no unit is never treated", "comparison", fix)
    cells = group_time_cells(cohorts, panel.timeline, spec.comparison, spec.base, spec.anticipation)
    if spec.method == "imputation":
        reach = spec.anticipation * panel.timeline.step
        cells = tuple(c for c in cells if panel.times[c.period] >= cohorts.starts[c.cohort] - reach)
    x, dependent = _columns(spec, panel, cohorts.order)
    units, error_type, clustered = _units(spec, sample, cohorts)
    lone = [cell for cell in cells if not cell.comparison]
    warnings = (
        *sample.warnings,
        *losses,
        *_timing(panel, cohorts),
        *cells_left_out(lone, name_cells(lone, cohorts, panel.timeline), "nobody is still untreated to compare with"),
        *dependent,
        *clustered,
    )
    counts = {
        **sample.counts,
        "people_used": len(cohorts.order),
        "always_treated": cohorts.always,
        "never_treated": cohorts.never,
        "treated_after_the_last_period": cohorts.later,
        "treated": int(cohorts.sizes.sum()),
        "cohorts": cohorts.count,
    }
    names = tuple(outcomes) or (sample.outcome,)
    return StaggeredSample(panel, names, cohorts, cells, x, units, error_type, counts, warnings)


def complete_units(sample: PanelSample) -> tuple[PanelSample, tuple[Problem, ...]]:
    """Return the sample of units that were measured in every period."""
    panel = sample.panel
    whole = panel.whole
    if whole.all():
        return sample, ()
    if not whole.any():
        raise refusal("DATA-003", "no unit was measured in every period", panel.name, "write `sampling: panel`")
    lost = int((~whole).sum())
    kept = panel.subset(whole[panel.unit])
    counts = sample.counts | {
        "people_used": kept.n_units,
        "rows_used": kept.n_rows,
        "units not measured in every period": lost,
    }
    weights = sample.weights[whole] / sample.weights[whole].mean()
    what = (
        f"left out of the analysis, as declared: {shown(lost)} of {panel.n_units:,} units not measured in every period"
    )
    smaller = PanelSample(kept, sample.outcome, weights, sample.weighted, counts, sample.warnings)
    return smaller, (Problem("EST-007", what, panel.name),)


def _timing(panel: Panel, cohorts: Cohorts) -> tuple[Problem, ...]:
    found = []
    if cohorts.always:
        what = (
            f"{shown(cohorts.always)} of {panel.n_units:,} units were treated before there was a period to start from"
        )
        found.append(Problem("IDENT-030", f"{what}, and are left out", "cohorts"))
    if gaps := panel.timeline.gaps:
        what = f"{gaps} periods between the first and the last were not measured"
        found.append(Problem("IDENT-032", what, "periods"))
    return tuple(found)


def _columns(spec: "StaggeredDiD", panel: Panel, order: NDArray[np.intp]) -> tuple[FloatArray, tuple[Problem, ...]]:
    """Return ones and covariates that carry information of their own, standardized, and what was left out."""
    raw, names = panel.covariates(spec.covariates)
    raw = raw[order]
    spread = raw.std(axis=0)
    moves = spread > 1e-12 * np.maximum(np.abs(raw).max(axis=0, initial=0.0), 1e-300)
    x = np.column_stack([np.ones(len(order)), (raw - raw.mean(axis=0))[:, moves] / spread[moves]])
    gram = x.T @ x / len(x)
    kept = [0]
    for column in range(1, x.shape[1]):
        inner = gram[np.ix_(kept, kept)]
        explained = gram[column, kept] @ np.linalg.solve(inner, gram[kept, column])
        if gram[column, column] - explained > DEPENDENT:
            kept.append(column)
    used = np.flatnonzero(moves)[np.array(kept[1:], dtype=np.intp) - 1]
    lost = sorted({names[place].partition("=")[0] for place in set(range(len(names))) - set(used.tolist())})
    what = f"left out of the model: some of covariates {listed(lost)}"
    x = x if len(kept) == x.shape[1] else x[:, kept]
    return x, (Problem("EST-005", what, "covariates"),) if lost else ()


def _units(spec: "StaggeredDiD", sample: PanelSample, cohorts: Cohorts) -> tuple[Units, ErrorType, tuple[Problem, ...]]:
    panel, order = sample.panel, cohorts.order
    cluster, error_type = spec.errors_on(cast(Study, panel), unclustered="HC0")
    if error_type not in ("HC0", "HC1", "CR0", "CR1"):
        raise refusal("EST-001", f"{error_type} errors are not defined here; there are HC0, HC1, CR0 and CR1")
    weights = sample.weights[order]
    in_order = np.sort(order)
    rank = np.argsort(order)
    codes: NDArray[np.intp] | None = None
    names: NDArray[Any] | None = None
    warnings: tuple[Problem, ...] = ()
    if cluster is not None:
        every, called = panel.groups(cluster)
        present, codes = np.unique(every[in_order], return_inverse=True)
        codes, names = codes.astype(np.intp), called[present]
        treated = (cohorts.of_unit < cohorts.count)[rank]
        warnings = _clusters(codes, treated)
    units = Units(panel.ids[in_order], rank, weights / weights.mean(), codes, names, cluster)
    return units, error_type, warnings


def _clusters(codes: NDArray[np.intp], treated: NDArray[np.bool_]) -> tuple[Problem, ...]:
    """Refuse clusters by which no error can be computed, and warn of few."""
    own, other = len(np.unique(codes[treated])), len(np.unique(codes[~treated]))
    if codes.max() < 1 or (own == 1 and other == 1):
        what = "all treated units are in one cluster, and all others in one"
        raise refusal("IDENT-006", what, "cluster")
    sides = [f"{count} treated" for count in [own] if count < FEW_CLUSTERS]
    sides += [f"{count} untreated" for count in [other] if 0 < count < FEW_CLUSTERS]
    if not sides:
        return ()
    what = f"the error rests on {' and '.join(sides)} clusters, and may be too small"
    return (Problem("EST-034", what, "cluster"),)
