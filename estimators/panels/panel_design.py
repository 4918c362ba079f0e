"""What every design on a panel has in common: the periods in order, when units were first treated, and who is left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, model_validator

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.panel import Panel
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import as_numbers, blank, is_number
from counterfoil.datasets.timeline import timeline
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.spec import Design

PanelData: TypeAlias = "Study | Panel | pd.DataFrame"
"""What designs on panels take; the index of a frame has two levels, unit and period."""
UNIT_AND_PERIOD: Final = ("index: unit", "index: period")
"""What the two levels are called as columns, so that they take no column's name."""


class PanelDesign(Design):
    """A request on units by periods; what a frame must look like is said at `as_panel`."""

    periods: tuple[str, ...] = Field(
        (),
        description="All periods in order of time; may be left out where they are numbers, years, quarters (2024-Q1), months "
        "(2024-01) or dates. `counterfoil check`, which reads no outcomes, may ask for them.",
    )

    level: Literal["people", "places"] = Field(
        "people",
        description="Whether the outcome is measured on people, or is an indicator of places in `indicators.csv`.",
    )

    @model_validator(mode="after")
    def _uses_every_period(self) -> "PanelDesign":
        if self.period is not None:
            raise ValueError(f"`period` names one period, and kind {getattr(self, 'kind', 'panel')} uses them all")
        if len(set(self.periods)) < len(self.periods):
            raise ValueError("`periods` names one twice")
        return self


class AdoptionDesign(PanelDesign):
    """A request on units that are treated from some period on."""

    first_treated: str | None = Field(
        None,
        description="Column of people (or places): the period from which the unit is treated; blank for never treated.",
    )
    treated: str | None = Field(
        None,
        description="Instead of `first_treated`: a measure over time (of places: an indicator) that is 1 once the unit is treated, "
        "0 before.",
    )

    @model_validator(mode="after")
    def _one_says_when(self) -> "AdoptionDesign":
        if (self.first_treated is None) == (self.treated is None):
            raise ValueError("say when units are treated with either `first_treated` or `treated`")
        return self

    def varying(self) -> tuple[str, ...]:
        """Return the columns over time that the design uses, apart from the outcome."""
        return () if self.treated is None else (self.treated,)

    def adoption(self, panel: Panel) -> FloatArray:
        """Return when each unit was first treated, shape (n_units,), on the scale of ``panel.times``; infinite for never."""
        if self.first_treated is not None:
            return panel.first_treated(self.first_treated)
        return panel.treated_since(str(self.treated))


@dataclass(frozen=True, slots=True, eq=False)
class PanelSample:
    """The rows that a design uses, and what became of the others.

    Parameters
    ----------
    panel : Panel
        Of the rows used.
    outcome : str
        Its name.
    weights : ndarray, shape (n_units,)
        Positive, with mean 1; all ones where no weights are declared.
    weighted : bool
    counts : dict of str to int
        ``people_in``, ``people_used``, ``rows_in``, ``rows_used`` and, for each reason, how many rows were left out for it.
    warnings : tuple of Problem
    """

    panel: Panel
    outcome: str
    weights: FloatArray
    weighted: bool
    counts: dict[str, int] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()


def as_panel(spec: PanelDesign, data: PanelData) -> Study | Panel:
    """Return a frame whose index has two levels, unit and period, as a panel; a study or a panel as it is.

    Raises
    ------
    DataError
        As `Panel.from_frame`.
    TypeError
        For anything else, which does not say what its units and periods are.
    """
    if isinstance(data, Study | Panel):
        return data
    if not isinstance(data, pd.DataFrame) or data.index.nlevels != 2:
        raise TypeError(
            "a panel design takes a Study, a Panel made with Panel.from_frame(frame, unit=, period=), or a frame whose index "
            "has two levels, unit and period"
        )
    unit, period = UNIT_AND_PERIOD
    frame = data.rename_axis(index=list(UNIT_AND_PERIOD)).reset_index()
    return Panel.from_frame(frame, unit=unit, period=period, order=spec.periods)


def draw_panel(
    spec: PanelDesign,
    data: PanelData,
    varying: Sequence[str] = (),
    fixed: Sequence[str] = (),
    *,
    outcome: Literal["needed", "none"] = "needed",
    window: tuple[str | None, str | None] = (None, None),
) -> PanelSample:
    """Read the data, apply the declared policy for missing values, and return the rows that the design uses.

    Parameters
    ----------
    spec : PanelDesign
        Names what is used, and the policy.
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
    varying, fixed : sequence of str
        Columns of rows and of units that the design uses, apart from outcome, covariates, cluster and weights. Covariates
        are columns of units.
    outcome : {"needed", "none"}
        Whether the outcome is read.
    window : pair of str or None
        The first and the last period used; rows outside are left out before anything is asked of them.

    Raises
    ------
    DataError
        DATA-003 when nothing is left, DATA-008 for a missing value of a row and DATA-014 of a unit unless ``missing: drop``,
        DATA-022 for a panel without the name of the outcome, DATA-023 for weights that are not positive.
    TypeError
        For what does not say what its units and periods are.
    """
    data = as_panel(spec, data)
    data = level_of(spec, data)
    blind = outcome == "none"
    name = (spec.outcome or "") if blind and (varying or isinstance(data, Panel)) else _outcome_of(spec, data)
    read = [*([] if blind else [name]), *varying]
    panel = data if isinstance(data, Panel) else Panel.from_study(data, read or [name], spec.periods)
    rows_in, units_in = panel.n_rows, panel.n_units
    panel = _inside(panel, *window)
    asked = (*fixed, *spec.columns(), *filter(None, (panel.cluster, panel.weights)), *spec.covariates)
    counts = {"people_in": units_in, "rows_in": rows_in}
    if outside := rows_in - panel.n_rows:
        counts["outside the periods used"] = outside
    warnings: tuple[Problem, ...] = ()
    if spec.missing == "drop":
        panel, losses = _complete(panel, read, tuple(dict.fromkeys(asked)))
        if losses:
            counts |= losses
            reasons = ", ".join(f"{shown(count)} rows without {reason}" for reason, count in losses.items())
            warnings = (Problem("EST-007", f"left out of the analysis, as declared: {reasons}", panel.name),)
    else:
        for column in read:
            panel.require(column)
    counts |= {"people_used": panel.n_units, "rows_used": panel.n_rows}
    warnings += _not_measured(panel)
    weigh = spec.weights or panel.weights
    if weigh is None:
        return PanelSample(panel, name, np.ones(panel.n_units), False, counts, warnings)
    weights, _ = as_numbers(panel.fixed(weigh))
    wrong = ~(np.isfinite(weights) & (weights > 0))
    if wrong.any():
        raise refusal("DATA-023", f"column '{weigh}' is not a positive number for {int(wrong.sum())} units", panel.name)
    return PanelSample(panel, name, weights / weights.mean(), True, counts, warnings)


def _not_measured(panel: Panel) -> tuple[Problem, ...]:
    """Say how many units and periods have no row, where units are followed over time."""
    periods = len(np.unique(panel.period))
    absent = panel.n_units * periods - panel.n_rows
    if not absent or panel.n_rows == panel.n_units:
        return ()
    what = f"{shown(absent)} of {panel.n_units * periods:,} units and periods have no row"
    return (Problem("DATA-033", what, panel.name),)


def level_of(spec: PanelDesign, data: Study | Panel) -> Study | Panel:
    """Return the study of places beside that of people, where the design is on places.

    Raises
    ------
    DataError
        DATA-019 when there is none.
    """
    if isinstance(data, Study) and spec.level == "places" and data.level == "people":
        if data.places is None:
            fix = "add the tables, or write `level: people` if the study's people are the units"
            raise refusal("DATA-019", "the study has no places.csv and no indicators.csv", data.name, fix)
        return data.places
    return data


def everywhere(spec: PanelDesign, study: Study) -> Panel:
    """Return the panel of every unit in every period that the spec names, for what is asked before outcomes are known.

    Raises
    ------
    DataError
        DATA-019 as `level_of`, DATA-032 when the spec names no periods.
    """
    if not spec.periods:
        raise refusal("DATA-032", "before outcomes nothing says what the periods are", "periods", "name `periods:`")
    units = level_of(spec, study)
    if not isinstance(units, Study):
        raise TypeError("a panel has its own periods")
    line, _ = timeline(pd.Series(spec.periods, dtype=object), spec.periods)
    count, size = units.n_people, len(line.labels)
    return Panel(
        ids=units.ids,
        timeline=line,
        unit=np.repeat(np.arange(count, dtype=np.int32), size),
        period=np.tile(np.arange(size, dtype=np.int32), count),
        frame=pd.DataFrame(index=range(count * size)),
        rows=np.arange(count * size),
        fixed_frame=units.people,
        name=units.name,
        cluster=units.cluster,
        weights=units.weights,
    )


def _outcome_of(spec: PanelDesign, data: Study | Panel) -> str:
    if spec.outcome is not None:
        return spec.outcome
    if isinstance(data, Study) and len(data.outcome_names) == 1:
        return data.outcome_names[0]
    raise refusal("DATA-022", "the outcome is not named, and several could be meant", data.name, "name it: `outcome:`")


def _inside(panel: Panel, first: str | None, last: str | None) -> Panel:
    """Return the panel from the first to the last period used."""
    if first is None and last is None:
        return panel
    low = 0 if first is None else panel.timeline.at(first)
    high = len(panel.periods) - 1 if last is None else panel.timeline.at(last)
    keep = (panel.period >= low) & (panel.period <= high)
    if not keep.any():
        raise refusal("DATA-003", "no row lies within the periods used", panel.name)
    return panel if keep.all() else panel.subset(keep)


def _complete(panel: Panel, varying: Sequence[str], fixed: Sequence[str]) -> tuple[Panel, dict[str, int]]:
    """Return the panel of rows that have everything, and how many rows lacked what, first reason first."""
    keep: NDArray[np.bool_] = np.ones(panel.n_rows, dtype=bool)
    losses: dict[str, int] = {}
    lacking = {name: np.isnan(panel.varying(name, complete=False)) for name in varying}
    for name in fixed:
        column: Any = panel.fixed(name, complete=False)
        absent = blank(column) | (~np.isfinite(as_numbers(column)[0]) if is_number(column) else False)
        lacking[name] = np.asarray(absent)[panel.unit]
    for name, absent in lacking.items():
        if count := int((keep & absent).sum()):
            losses[name] = count
        keep = keep & ~absent
    if not keep.any():
        raise refusal("DATA-003", "no row has everything that the design uses", panel.name)
    return (panel if keep.all() else panel.subset(keep)), losses
