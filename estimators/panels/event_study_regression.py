"""An event study by regression: one coefficient an event time, with fixed effects and one reference period.

Estimand: the change of treated units since the reference event time, beyond that of units not treated then, by periods
since each began. It needs parallel trends, no anticipation before the reference, and, where units begin at different times,
effects that are alike between those that begin early and late: otherwise each coefficient also holds effects of other event
times (Sun and Abraham 2021), which is said (EST-031); effects by cohort do not have that fault. Without units that are
never treated not all event times are determined (Borusyak, Jaravel and Spiess 2024, section 3.2): bin the ends, or it is
refused.

Sources: Freyaldenhoven, Hansen, Pérez and Shapiro (2021), NBER working paper 29170; Schmidheiny and Siegloch (2023),
Journal of Applied Econometrics 38(5), for binned ends.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.panel_design import AdoptionDesign, PanelData, draw_panel
from counterfoil.estimators.panels.panel_model import Model, regression_of_model
from counterfoil.estimators.panels.panel_regression import fit_model
from counterfoil.estimators.panels.regression_design import FixedEffectsDesign, adjustment, effect_codes
from counterfoil.estimators.spec import OwnRules
from counterfoil.estimators.trials.regression import Regression


class EventStudyRegression(FixedEffectsDesign, AdoptionDesign):
    """Effects by periods since each unit began, by one regression.

    Examples
    --------
    >>> from counterfoil.datasets import Panel
    >>> import pandas as pd
    >>> years = {"unit": np.repeat([1, 2, 3], 3), "year": [0, 1, 2] * 3, "began": np.repeat(["1", "1", ""], 3)}
    >>> long = pd.DataFrame({**years, "y": [1.0, 4, 6, 2, 3, 5, 2, 3, 4]})
    >>> panel = Panel.from_frame(long, unit="unit", period="year")
    >>> EventStudyRegression(outcome="y", first_treated="began").fit(panel).estimate.values.round(6)
    array([1., 2.])
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "event_study", "first_treated": "joined", "earliest": -2, "latest": 1}]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "an event study measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["event_study"] = "event_study"
    reference: int = Field(
        -1,
        lt=0,
        description="The period that all effects are changes since, counted from each unit's first treated period, which is 0; "
        "-1 is the period before.",
    )
    earliest: int | None = Field(
        None,
        description="Periods up to this one, counted likewise, share one effect; every one has its own when left out.",
    )
    latest: int | None = Field(
        None,
        description="Periods from this one on, counted likewise, share one effect; every one has its own when left out.",
    )

    @model_validator(mode="after")
    def _ends_hold_the_reference(self) -> "EventStudyRegression":
        if self.earliest is not None and self.earliest >= self.reference:
            raise ValueError("`earliest` must lie before `reference`")
        if self.latest is not None and self.latest < 0:
            raise ValueError("`latest` must not lie before 0, the first treated period")
        return self

    def fit(self, data: PanelData) -> EventStudy:
        """Estimate the effects by event time.

        Parameters
        ----------
        data : Study, Panel, or DataFrame whose index has two levels, unit and period

        Returns
        -------
        EventStudy
            One term an event time, in the outcome's units; ``total()`` is the mean of those from 0 on.

        Raises
        ------
        DataError
            DATA-013 and DATA-032 when it is not known who was treated when, and as `draw_panel`.
        IdentificationError
            IDENT-026 when event times are not told apart, IDENT-017 when no treated unit has the reference, IDENT-001 when
            nobody is treated, IDENT-006 with too few clusters, IDENT-037 when treatment ends.
        ContractError
            CONTRACT-016 when the error type ignores the clusters that there are, or needs some and each unit has one row.
        EstimationError
            EST-001 when the error type is not defined.
        """
        times, model = self.model(data)
        return EventStudy(times, fit_model(self, model).estimate, self.reference, behind=model.behind)

    def regression(self, data: PanelData) -> Regression:
        """Return the regression as plain arrays, for inference on ``total()`` that refits it.

        Raises
        ------
        CounterfoilError
            As `fit`.
        """
        times, model = self.model(data)
        after = np.array([float(time >= 0) for time in times])
        return regression_of_model(self, model, after / after.sum())

    def model(self, data: PanelData, *, outcome: Literal["needed", "none"] = "needed") -> tuple[tuple[int, ...], Model]:
        """Return event times and the regression that the design asks for; with ``outcome="none"`` no outcome is read.

        Units that begin after the periods used are not treated in them.
        """
        sample = draw_panel(self, data, (*self.varying(), *self.controls), outcome=outcome, window=self.window)
        panel = sample.panel
        began = self.adoption(panel)
        first, last = panel.times[panel.period.min()], panel.times[panel.period.max()]
        treated = began <= last
        if not treated.any():
            raise refusal("IDENT-001", "no unit is treated in the periods used", panel.name)
        by_unit, others = effect_codes(self.fixed_effects, panel)
        since = (panel.times[panel.period] - began[panel.unit]) / panel.timeline.step
        event = np.where(treated[panel.unit], np.round(np.where(np.isfinite(since), since, 0.0)), self.reference)
        event = event.astype(np.int64)
        low, high = int(event.min()), int(event.max())
        if not (treated[panel.unit] & (event == self.reference)).any():
            what = f"no treated unit was measured at event time {self.reference}, the reference"
            raise refusal("IDENT-017", what, "estimator", "choose another `reference`")
        low = low if self.earliest is None else max(low, self.earliest)
        high = high if self.latest is None else min(high, self.latest)
        event = np.clip(event, low, high)
        times = tuple(low + int(k) for k in np.flatnonzero(np.bincount(event - low)) if low + int(k) != self.reference)
        wanted = np.empty((panel.n_rows, len(times)), order="F")
        for place, time in enumerate(times):
            wanted[:, place] = event == time
        controls, names = adjustment(self, sample, by_unit)
        starts = np.unique(began[treated])
        always = int((began <= first).sum())
        model = Model(
            sample=sample,
            by_unit=by_unit,
            others=others,
            wanted=wanted,
            terms=tuple(self._named(time, low, high) for time in times),
            controls=controls,
            control_names=names,
            treated=treated,
            together=len(starts) < 2,
            estimand="effect by periods since the beginning (event-study regression)",
            people=int(treated.sum()),
            population=f"{self.level} that are treated, by periods since they began",
            diagnostics={"cohorts": len(starts), "treated in every period": always},
        )
        if len(starts) > 1:
            what = (
                f"units begin in {len(starts)} periods: where effects differ between them, each event time also holds "
                "effects of others"
            )
            model = replace(model, warnings=(Problem("EST-031", what, "estimator"),))
        return times, model

    def _named(self, time: int, low: int, high: int) -> str:
        if time == low and self.earliest == low:
            return f"{time} or earlier"
        return f"{time} or later" if time == high and self.latest == high else str(time)
