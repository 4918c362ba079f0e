"""Who is compared with whom: treated places, donors, and their complete histories."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.panel import Panel
from counterfoil.datasets.timeline import Timeline
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.panels.panel_design import PanelData, PanelSample, draw_panel
from counterfoil.estimators.synthetic.cohorts import Places

if TYPE_CHECKING:
    from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Treated places and donors, each measured in every period.

    Parameters
    ----------
    ids : ndarray, shape (n,)
        Of the places.
    timeline : Timeline
        The T periods.
    places : Places
        Outcomes (n, T), which are zero before they are read, and when treatment began.
    outcome : str
    counts : dict of str to int
        Places in the data and used, and why others were not.
    warnings : tuple of Problem
    """

    ids: NDArray[Any]
    timeline: Timeline
    places: Places
    outcome: str
    counts: dict[str, int]
    warnings: tuple[Problem, ...]


def read_histories(spec: "SyntheticControl", data: PanelData, *, outcomes: bool = True) -> Histories:
    """Return the treated places and the donors.

    Parameters
    ----------
    spec : SyntheticControl
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
    outcomes : bool
        False reads everything else, so that the design can be looked at before outcomes are.

    Raises
    ------
    DataError
        As `draw_panel`; DATA-008 when a place was not measured in some period, unless ``missing: drop`` leaves it out;
        DATA-013 unless the column that says who may be a donor is 0 or 1.
    IdentificationError
        IDENT-001 when no place is treated, IDENT-034 without donors or when a donor named is treated, IDENT-035 when a place
        is treated from the first period on, or has too few periods before for the method.
    EstimationError
        EST-015 when no outcome varies before treatment.
    """
    fixed = (spec.donors,) if isinstance(spec.donors, str) else ()
    varying = (*spec.varying(), *spec.predictors)
    sample = draw_panel(spec, data, varying, fixed, outcome="needed" if outcomes else "none")
    panel = sample.panel
    begins = np.searchsorted(panel.times, spec.adoption(panel)).astype(np.intp)
    counts, warnings = dict(sample.counts), sample.warnings
    complete = panel.whole
    if not complete.all():
        lacking = int((~complete).sum())
        what = f"{lacking:,} of {panel.n_units:,} places were not measured in every period"
        if spec.missing == "refuse":
            raise refusal("DATA-008", what, panel.name, "complete them, or leave them out with `missing: drop`")
        counts["places with an incomplete history"] = lacking
        warnings = (*warnings, Problem("EST-007", f"left out of the analysis, as declared: {what}", panel.name))
    treated = begins < len(panel.periods)
    donors = _donors(spec, panel, treated)
    kept = np.flatnonzero(complete & (treated | donors))
    if idle := int((~treated & ~donors).sum()):
        counts["neither treated nor a donor"] = idle
    counts["people_used"] = len(kept)
    counts["rows_used"] = len(kept) * len(panel.periods)
    histories = Histories(
        ids=panel.ids[kept],
        timeline=panel.timeline,
        places=_places(spec, sample, kept, begins[kept], outcomes),
        outcome=sample.outcome,
        counts=counts,
        warnings=(*warnings, *_gaps(panel)),
    )
    _refuse(spec, histories, outcomes)
    return histories


def _donors(spec: "SyntheticControl", panel: Panel, treated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return who may be a donor, shape (n_units,)."""
    if not spec.donors:
        return ~treated
    if isinstance(spec.donors, str):
        chosen = panel.arm(spec.donors)
    else:
        names = panel.ids.astype(str)
        if lost := [name for name in spec.donors if name not in names]:
            what = f"donors that the data do not have: {listed(lost)}"
            raise refusal("IDENT-034", what, "donors", "name places as the data do")
        chosen = np.isin(names, spec.donors)
    if both := int((chosen & treated).sum()):
        raise refusal("IDENT-034", f"{both} donors are themselves treated in the periods at hand", "donors")
    return np.asarray(chosen)


def _places(
    spec: "SyntheticControl", sample: PanelSample, kept: NDArray[np.intp], begins: NDArray[np.intp], outcomes: bool
) -> Places:
    panel = sample.panel
    shape = (len(kept), len(panel.periods))
    constant, _ = panel.covariates(spec.covariates)
    layers = [panel.wide(name)[kept] for name in spec.predictors]
    layers += [np.broadcast_to(column[kept, None], shape) for column in constant.T]
    return Places(
        outcomes=panel.wide(sample.outcome)[kept] if outcomes else np.zeros(shape),
        begins=begins,
        importance=sample.weights[kept],
        predictors=np.stack(layers, axis=2) if layers else np.empty((*shape, 0)),
    )


def _gaps(panel: Panel) -> tuple[Problem, ...]:
    if not panel.timeline.gaps:
        return ()
    what = f"{panel.timeline.gaps} periods between the first and the last were measured nowhere"
    return (Problem("EST-038", what, panel.name, "complete the panel if you can"),)


def _refuse(spec: "SyntheticControl", histories: Histories, outcomes: bool) -> None:
    places = histories.places
    if not len(places.treated):
        raise refusal("IDENT-001", "no place is treated in the periods at hand", "treated places")
    if not len(places.donors):
        raise refusal("IDENT-034", "no complete place is untreated throughout", "donors")
    earliest = int(places.begins.min())
    least = spec.least_before()
    if earliest < least:
        count = int((places.begins < least).sum())
        what = f"{count} places are treated from the first period on"
        if earliest > 0:
            what = f"{count} places have fewer than {least} periods before treatment, which {spec.method} needs"
        raise refusal("IDENT-035", what, "treated places")
    if outcomes and not np.ptp(places.outcomes[:, : int(places.begins[places.treated].max())]):
        raise refusal(
            "EST-015", "the outcome is the same in every place and period before treatment", histories.outcome
        )
