"""What can be said of these designs before any outcome is read: who is compared, over how many periods, and what a test can show."""

from dataclasses import dataclass

import numpy as np

from counterfoil.errors import Problem
from counterfoil.estimators.panels.panel_design import PanelData
from counterfoil.estimators.synthetic.closeness import FEW_PERIODS
from counterfoil.estimators.synthetic.histories import read_histories
from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries
from counterfoil.estimators.synthetic.placebos import placebo_runs
from counterfoil.estimators.synthetic.series import read_series
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl, check_inference


@dataclass(frozen=True, slots=True)
class Reach:
    """What a comparison can show at best.

    Parameters
    ----------
    treated, donors : int
        Places; donors are the control places of a time series.
    cohorts : tuple of (str, int, int, int)
        First treated period, places, periods before and periods since.
    smallest_p_value : float or None
        That the declared test can reach: 1 / (donors + 1) for placebos of one treated place, 1 / T for conformal inference by
        moving blocks; None where the inference has no such bound.
    warnings : tuple of Problem
    """

    treated: int
    donors: int
    cohorts: tuple[tuple[str, int, int, int], ...]
    smallest_p_value: float | None
    warnings: tuple[Problem, ...] = ()


def reach(spec: SyntheticControl | InterruptedTimeSeries, data: PanelData) -> Reach:
    """Return counts, and the smallest p-value that the declared inference can reach; no outcome is read.

    Parameters
    ----------
    spec : SyntheticControl or InterruptedTimeSeries
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
        Outcomes may be missing.

    Raises
    ------
    CounterfoilError
        As the design's `fit`, but for what outcomes alone can show.

    Examples
    --------
    >>> from counterfoil.datasets import Panel
    >>> import pandas as pd
    >>> frame = pd.DataFrame([(place, year) for place in "abcd" for year in range(2000, 2006)], columns=["place", "year"])
    >>> frame["since"] = frame["place"].map({"a": 2004})
    >>> panel = Panel.from_frame(frame, unit="place", period="year")
    >>> found = reach(SyntheticControl(outcome="jobs", first_treated="since"), panel)
    >>> found.cohorts, found.smallest_p_value
    ((('2004', 1, 4, 2),), 0.25)
    """
    if isinstance(spec, InterruptedTimeSeries):
        series = read_series(spec, data, outcomes=False)
        spec.segments(series)
        counted = (spec.starts, series.places, series.starts, len(series.labels) - series.starts)
        return Reach(series.places, series.control_places, (counted,), None, series.warnings)
    histories = read_histories(spec, data, outcomes=False)
    check_inference(spec, histories)
    places, labels = histories.places, histories.timeline.labels
    begins, sizes = np.unique(places.begins[places.treated], return_counts=True)
    cohorts = tuple(
        (labels[begin], int(size), int(begin), len(labels) - int(begin))
        for begin, size in zip(begins, sizes, strict=True)
    )
    smallest = None
    if spec.inference == "placebo":
        smallest = 1.0 / (placebo_runs(places, spec.draws) + 1)
    elif spec.inference == "conformal":
        smallest = 1.0 / (len(labels) if spec.permutations == "moving_block" else spec.draws + 1)
    warnings = list(histories.warnings)
    if begins[0] < FEW_PERIODS:
        what = f"there are only {begins[0]} periods before treatment, too few to see whether donors follow"
        warnings.append(Problem("EST-038", what, "donors"))
    if smallest is not None and smallest > 0.05:
        what = f"the declared test cannot reach p = 0.05: the smallest p-value is {smallest:.3f}"
        warnings.append(
            Problem("EST-039", what, f"inference {spec.inference}", "name more donors, or agree on another level")
        )
    return Reach(len(places.treated), len(places.donors), cohorts, smallest, tuple(warnings))
