"""Staggered adoption: units are treated from different periods on, and their changes are compared with those of others.

Estimand: ATT(g, t), the average effect in period t on the units first treated in period g, and averages of it. It needs
parallel trends: without treatment the cohort would have changed like its comparison, given the covariates; and no reaction
earlier than ``anticipation`` periods before treatment. Never does a unit that is already treated serve as comparison, which
is what distorts a two-way fixed-effects regression when effects differ (Goodman-Bacon 2021).

Sources: Callaway and Sant'Anna (2021), "Difference-in-differences with multiple time periods", Journal of Econometrics
225(2), for group-time effects; Borusyak, Jaravel and Spiess (2024), "Revisiting event-study designs: robust and efficient
estimation", Review of Economic Studies 91(6), for imputation.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.group_time_cells import Cell, cells_left_out, lead_cells, name_cells, shares
from counterfoil.estimators.panels.group_time_effects import CellEffects, effects_from_changes
from counterfoil.estimators.panels.group_time_levels import Rows, effects_from_levels
from counterfoil.estimators.panels.imputation import impute, with_placebos
from counterfoil.estimators.panels.panel_design import AdoptionDesign, PanelData
from counterfoil.estimators.panels.staggered_fit import Aggregate, StaggeredFit
from counterfoil.estimators.panels.staggered_sample import StaggeredSample, draw_staggered
from counterfoil.estimators.panels.thin_cells import thin
from counterfoil.estimators.spec import OwnRules


class StaggeredDiD(AdoptionDesign):
    """Effect of a programme that units joined in different periods.

    Examples
    --------
    >>> from counterfoil.datasets import Panel
    >>> import pandas as pd
    >>> rows = [(unit, year) for unit in range(6) for year in (2019, 2020, 2021)]
    >>> frame = pd.DataFrame(rows, columns=["town", "year"])
    >>> frame["joined"] = frame["town"].map({0: 2020, 1: 2020, 2: 2020})
    >>> frame["jobs"] = frame["town"] % 3 + frame["year"] - 2019.0 + 2.0 * (frame["year"] >= frame["joined"])
    >>> fit = StaggeredDiD(outcome="jobs", first_treated="joined").fit(Panel.from_frame(frame, unit="town", period="year"))
    >>> fit.total().values, fit.cells.terms
    (array([2.]), ('ATT(2020, 2020)', 'ATT(2020, 2021)'))
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "staggered_did", "first_treated": "joined", "comparison": "not_yet", "aggregate": "group"}
            ]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a staggered design measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["staggered_did"] = "staggered_did"
    method: Literal["doubly_robust", "outcome_regression", "weighting", "imputation"] = Field(
        "doubly_robust",
        description="How units with the same covariates are compared: by a model of their changes (outcome_regression), by "
        "weighting them (weighting), by both, which is right when either is (doubly_robust); or by predicting each treated "
        "unit's untreated outcome from all untreated rows (imputation).",
    )
    comparison: Literal["never", "not_yet"] = Field(
        "never",
        description="With whom treated units are compared: those never treated, or also those not treated yet.",
    )
    anticipation: int = Field(
        0, ge=0, description="For how many periods before their treatment units may already react to it."
    )
    base: Literal["varying", "universal"] = Field(
        "varying",
        description="What changes before treatment are counted from: the period before each (varying), or the last period "
        "before treatment (universal). Effects after treatment are the same.",
    )
    aggregate: Aggregate = Field(
        "simple",
        description="Which average is the gain: over treated units and periods (simple), over cohorts of each one's own "
        "average (group), over periods (calendar), or over times since treatment began (event_time).",
    )
    balance: int | None = Field(
        None,
        ge=0,
        description="With event_time: use only cohorts that are seen for as many periods after treatment began, and no later "
        "period, so that the same units stand behind each.",
    )
    leads: int = Field(
        0,
        ge=0,
        description="With imputation: how many periods before treatment are imputed too, as if it had begun earlier, to see "
        "whether trends were parallel.",
    )
    sampling: Literal["panel", "complete", "cross_sections"] = Field(
        "panel",
        description="Who is compared over time: units measured in both periods (panel), only units measured in every period "
        "(complete), or the different people whom each period has (cross_sections).",
    )
    overlap: Literal["refuse", "leave_out"] = Field(
        "refuse",
        description="What to do about a cohort and period that the covariates leave without a comparison: refuse, or leave "
        "it out of the average and say so.",
    )

    @model_validator(mode="after")
    def _fits_together(self) -> "StaggeredDiD":
        if self.balance is not None and self.aggregate != "event_time":
            raise ValueError("`balance` needs `aggregate: event_time`")
        if self.leads and self.method != "imputation":
            raise ValueError("`leads` belong to imputation; other methods show every period before treatment")
        if self.method == "imputation":
            if self.comparison != "not_yet":
                raise ValueError("imputation learns from every untreated row; write `comparison: not_yet`")
            if self.base != "varying" or self.sampling == "cross_sections":
                raise ValueError("imputation has no base period and needs units that are followed over time")
        return self

    def fit(self, data: PanelData) -> StaggeredFit:
        """Estimate every group-time effect.

        Parameters
        ----------
        data : Study, Panel, or DataFrame whose index has two levels, unit and period

        Returns
        -------
        StaggeredFit

        Raises
        ------
        DataError
            When a column is missing, blank or no first treated period.
        IdentificationError
            IDENT-001 without a treated unit, IDENT-029 when nobody can be compared with, IDENT-037 when treatment ends,
            IDENT-006 when an arm of one cluster meets another of one.
        ContractError
            CONTRACT-016 when the error type ignores the clusters that there are, or needs some and there are none.
        EstimationError
            EST-001 when the error type is not defined, EST-033 when covariates leave a cell without a comparison.
        """
        return staggered(self, data)[0]


def staggered(spec: StaggeredDiD, data: PanelData, outcomes: Sequence[str] = ()) -> tuple[StaggeredFit, ...]:
    """Fit several outcomes at once, sharing all work that does not depend on the outcome.

    Parameters
    ----------
    spec : StaggeredDiD
    data : Study, Panel, or DataFrame whose index has two levels, unit and period
    outcomes : sequence of str
        Measured in the same rows; the spec's own outcome when omitted. A row that lacks one of them is treated as the
        spec's policy for missing values says.

    Returns
    -------
    tuple of StaggeredFit
        One an outcome; `stack` joins their totals.

    Raises
    ------
    CounterfoilError
        As `StaggeredDiD.fit`.
    """
    sample = draw_staggered(spec, data, outcomes)
    found = estimable(spec, sample, _read(spec, sample))
    return tuple(fitted(spec, sample, name, effects) for name, effects in zip(sample.outcomes, found, strict=True))


def _read(spec: StaggeredDiD, sample: StaggeredSample) -> list[FloatArray]:
    return sample.long() if spec.sampling == "cross_sections" else sample.wide()


def estimable(spec: StaggeredDiD, sample: StaggeredSample, outcomes: Sequence[FloatArray]) -> tuple[CellEffects, ...]:
    """Return the effects of all cells that have a comparison, refusing what cannot be estimated.

    Parameters
    ----------
    spec : StaggeredDiD
    sample : StaggeredSample
    outcomes : sequence of ndarray
        In the order of the cohorts, (n, T) each; rows that are used where each period has people of its own.

    Raises
    ------
    CounterfoilError
        IDENT-029 and EST-033.
    """
    cells = [cell for cell in sample.cells if cell.comparison]
    if not any(cell.after for cell in cells):
        what = "in no treated period of a cohort is there anybody to compare it with"
        raise refusal("IDENT-029", what, "comparison", "add units that are treated later, or never, or earlier periods")
    found = _effects(spec, sample, cells, outcomes)
    failures = found[0].failures
    if failures and spec.overlap == "refuse":
        names = name_cells([cell for cell, _ in failures], sample.cohorts, sample.panel.timeline)
        what = "; ".join(f"{name}: {why}" for name, (_, why) in list(zip(names, failures, strict=True))[:6])
        raise refusal("EST-033", f"{len(failures)} cells have no comparison: {what}", "covariates")
    if not any(cell.after for cell in found[0].cells):
        raise refusal("IDENT-029", "no treated cell is left with a comparison", "comparison")
    return found


def _effects(
    spec: StaggeredDiD, sample: StaggeredSample, cells: Sequence[Cell], outcomes: Sequence[FloatArray]
) -> tuple[CellEffects, ...]:
    weights, x = sample.units.weights, sample.x
    if spec.method == "imputation":
        found = impute(cells, sample.cohorts, outcomes, sample.measured, x, weights)
        leads = lead_cells(sample.cohorts, sample.panel.timeline, spec.anticipation, spec.leads)
        if not leads:
            return found
        second = impute((*cells, *leads), sample.cohorts, outcomes, sample.measured, x, weights)
        return tuple(with_placebos(one, other, leads) for one, other in zip(found, second, strict=True))
    if spec.sampling == "cross_sections":
        rows = Rows(sample.unit_of_row, sample.period_of_row)
        return effects_from_levels(cells, sample.cohorts, outcomes, rows, x, weights, spec.method)
    return effects_from_changes(cells, sample.cohorts, outcomes, sample.measured, x, weights, spec.method)


def fitted(spec: StaggeredDiD, sample: StaggeredSample, outcome: str, effects: CellEffects) -> StaggeredFit:
    """Return the fit of one outcome, with whatever a reader must know of it."""
    imputed = spec.method == "imputation"
    cohorts, weights = sample.cohorts, sample.units.weights
    share = shares(cohorts, weights)[[cell.cohort for cell in effects.cells]]
    failed = [cell for cell, _ in effects.failures]
    warnings = [*sample.warnings, *thin(effects, cohorts), *_unmeasured(sample)]
    if failed:
        why = " or ".join(dict.fromkeys(reason for _, reason in effects.failures))
        warnings += cells_left_out(failed, name_cells(failed, cohorts, sample.panel.timeline), why)
    if effects.trimmed:
        what = f"in a cell up to {shown(effects.trimmed)} comparison units get no weight: units like them were nearly all treated"
        warnings.append(Problem("EST-004", what, "covariates"))
    return StaggeredFit(
        effects=effects,
        cohorts=cohorts,
        line=sample.panel.timeline,
        units=sample.units,
        mass=share if effects.mass is None else effects.mass,
        estimated=not imputed,
        aggregate=spec.aggregate,
        balance=spec.balance,
        base="all" if imputed else spec.base,
        anticipation=spec.anticipation,
        error_type=sample.error_type,
        outcome=outcome,
        method=spec.method,
        warnings=tuple(warnings),
        diagnostics={
            **sample.counts,
            "cells": len(effects.cells),
            "cells_left_out": len([cell for cell in sample.cells if cell not in set(effects.cells)]),
        },
    )


def _unmeasured(sample: StaggeredSample) -> tuple[Problem, ...]:
    """Return the warning that treated units are in no cell, because they were never measured before treatment."""
    held, cohorts = sample.measured, sample.cohorts
    if held is None:
        return ()
    before = sample.panel.times < np.append(cohorts.starts, np.inf)[cohorts.of_unit][:, None]
    lost = int((~(held & before).any(axis=1)).sum())
    what = f"{shown(lost)} units were never measured before their treatment, and are in no cell"
    return (Problem("IDENT-031", what, "group-time cells"),) if lost else ()
