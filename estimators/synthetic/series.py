"""The series of an interrupted time series: the mean of the places with the programme, less that of the control places."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.panel_design import PanelData, draw_panel

if TYPE_CHECKING:
    from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One series, and perhaps a control.

    Parameters
    ----------
    labels : tuple of str
        Of the T periods, equally spaced.
    starts : int
        Position of the first period with the programme.
    first : int
        The first period's number, from which seasons are counted.
    own : ndarray, shape (T,)
        Mean of the places with the programme; zero before outcomes are read.
    control : ndarray, shape (T,), or None
        Mean of the control places.
    places, control_places : int
        How many there are.
    outcome : str
    counts : dict of str to int
    warnings : tuple of Problem
    """

    labels: tuple[str, ...]
    starts: int
    first: int
    own: FloatArray
    control: FloatArray | None
    places: int
    control_places: int
    outcome: str
    counts: dict[str, int]
    warnings: tuple[Problem, ...]

    @property
    def difference(self) -> FloatArray:
        """The series less its control, shape (T,)."""
        return self.own if self.control is None else self.own - self.control


def read_series(spec: "InterruptedTimeSeries", data: PanelData, *, outcomes: bool = True) -> Series:
    """Return the series.

    Parameters
    ----------
    spec : InterruptedTimeSeries
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
    outcomes : bool
        False reads everything else, so that the design can be looked at before outcomes are.

    Raises
    ------
    DataError
        As `draw_panel`; DATA-008 when a place was not measured in some period, unless ``missing: drop`` leaves it out;
        DATA-013 unless `assigned` is 0 or 1, DATA-032 when there is no period of the start's name.
    IdentificationError
        IDENT-001 when no place has the programme, IDENT-034 when `assigned` names no control, IDENT-035 when periods are
        missing in between.
    """
    sample = draw_panel(spec, data, outcome="needed" if outcomes else "none")
    panel, warnings, counts = sample.panel, sample.warnings, dict(sample.counts)
    starts = panel.timeline.at(spec.starts)
    if panel.timeline.gaps:
        what = f"{panel.timeline.gaps} periods between the first and the last were not measured"
        raise refusal("IDENT-035", what, panel.name, "complete the series: periods must be equally far apart")
    complete = panel.whole
    if not complete.all():
        what = f"{int((~complete).sum()):,} of {panel.n_units:,} places were not measured in every period"
        if spec.missing == "refuse" or not complete.any():
            raise refusal("DATA-008", what, panel.name, "complete them, or leave them out with `missing: drop`")
        counts |= {
            "places with an incomplete history": int((~complete).sum()),
            "people_used": int(complete.sum()),
            "rows_used": int(complete.sum()) * len(panel.periods),
        }
        warnings = (*warnings, Problem("EST-007", f"left out of the analysis, as declared: {what}", panel.name))
    served = np.ones(panel.n_units, dtype=bool)
    if spec.assigned is not None:
        served = panel.arm(spec.assigned)
    groups = served & complete, ~served & complete
    if not groups[0].any():
        raise refusal("IDENT-001", "no place has the programme", f"column '{spec.assigned}'")
    if spec.assigned is not None and not groups[1].any():
        raise refusal("IDENT-034", "`assigned` is named, but no place is a control", f"column '{spec.assigned}'")
    wide = panel.wide(sample.outcome) if outcomes else np.zeros((panel.n_units, len(panel.periods)))
    means = [
        np.average(wide[group], axis=0, weights=sample.weights[group]) if group.any() else None for group in groups
    ]
    return Series(
        labels=panel.periods,
        starts=starts,
        first=round(float(panel.times[0] / panel.timeline.step)),
        own=np.asarray(means[0]),
        control=means[1],
        places=int(groups[0].sum()),
        control_places=int(groups[1].sum()),
        outcome=sample.outcome,
        counts=counts,
        warnings=warnings,
    )
