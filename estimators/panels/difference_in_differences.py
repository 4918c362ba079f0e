"""Difference in differences: how much more the treated group changed than the comparison group.

Estimand: the average effect on the treated group in the periods from ``after`` on. It needs parallel trends: without the
programme both groups would have changed by as much, given covariates; and no effect before ``after``, nor on the
comparison group. With ``subgroup`` (a triple difference) the gap between the two groups' changes is compared between a part
that the programme reaches and one that it does not, and what must be alike is that gap.

In a panel each unit is held against its own past (effects of units and periods); where every unit has one row, as in
repeated surveys, groups are (effects of groups and periods). Both are one regression. All treated units begin in one period,
so that no treated unit serves as a control and no weight is negative; for units that begin at different times see
``two_way_fixed_effects`` and what it warns of.

Sources: Card and Krueger (1994), American Economic Review 84(4); Gruber (1994), American Economic Review 84(3), for the
triple difference; Wooldridge, *Introductory Econometrics*, sections 13.2 and 13.4.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from counterfoil.datasets.panel import Panel
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.panel_design import PanelData, draw_panel
from counterfoil.estimators.panels.panel_model import Model, regression_of_model
from counterfoil.estimators.panels.panel_regression import fit_model
from counterfoil.estimators.panels.regression_design import RegressionDesign, adjustment
from counterfoil.estimators.spec import OwnRules
from counterfoil.estimators.trials.regression import Regression


class DifferenceInDifferences(RegressionDesign):
    """How much more one group changed than another from one period on.

    Examples
    --------
    >>> import pandas as pd
    >>> means = {"unit": [1, 1, 2, 2, 3, 3, 4, 4], "year": [0, 1] * 4, "north": [1] * 4 + [0] * 4}
    >>> long = pd.DataFrame({**means, "jobs": [2.0, 5.0, 3.0, 7.0, 4.0, 5.0, 1.0, 2.5]})
    >>> panel = Panel.from_frame(long, unit="unit", period="year")
    >>> DifferenceInDifferences(outcome="jobs", group="north", after="1").fit(panel).values
    array([2.25])
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "difference_in_differences", "group": "north", "after": "2023", "last_period": "2023"}
            ]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a difference in differences measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["difference_in_differences"] = "difference_in_differences"
    group: str = Field(description="Column of people (or places): 1 = in the group that gets the programme, 0 = not.")
    after: str = Field(description="The first period with the programme; it and all later periods count as after.")
    subgroup: str | None = Field(
        None,
        description="For a triple difference, a column of people: 1 = in the part of both groups that the programme can "
        "reach, 0 = in the part that shares their fortunes but cannot be reached.",
    )

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        return (self.group, *filter(None, (self.subgroup,)), *super().columns())

    def fit(self, data: PanelData) -> Estimate:
        """Estimate the effect on the treated group.

        Parameters
        ----------
        data : Study, Panel, or DataFrame whose index has two levels, unit and period
            A panel whose units have one row each is a repeated cross-section.

        Returns
        -------
        Estimate
            One term, ``gain``, in the outcome's units per treated unit and period. In a panel its ``riesz`` weighs a unit's
            change from before to after, so that a planned error asks for the standard deviation of changes. Where there are as many parameters as
            rows, as in four means, its error is not known (EST-003 among its warnings).

        Raises
        ------
        DataError
            DATA-013 for a group that is not 0 or 1, DATA-031 for one that changes, DATA-032 for an unknown period, and as
            `draw_panel`.
        IdentificationError
            IDENT-027 when a cell is empty, IDENT-026 when controls explain the treatment, IDENT-006 with one cluster an arm.
        ContractError
            CONTRACT-016 when the error type ignores the clusters that there are, or needs some and each unit has one row.
        EstimationError
            EST-001 when the error type is not defined.
        """
        return fit_model(self, self.model(data)).estimate

    def by_period(self, data: PanelData) -> EventStudy:
        """Return the same comparison in every period, as changes since the last period before ``after``.

        Raises
        ------
        CounterfoilError
            As `fit`.
        """
        model = self.model(data)
        panel = model.sample.panel
        steps = (panel.times - panel.times[panel.timeline.at(self.after)]) / panel.timeline.step
        used = np.flatnonzero(np.bincount(panel.period, minlength=len(steps)))
        reference = used[steps[used] < 0].max()
        kept = [int(period) for period in used if period != reference]
        inside = self._reached(panel)[panel.unit]
        wanted = np.empty((panel.n_rows, len(kept)), order="F")
        for place, period in enumerate(kept):
            wanted[:, place] = inside * (panel.period == period)
        labels = tuple(panel.periods[period] for period in kept)
        each = replace(model, wanted=wanted, terms=labels, late=None)
        times = tuple(round(float(steps[period])) for period in kept)
        return EventStudy(times, fit_model(self, each).estimate, round(float(steps[reference])), behind=each.behind)

    def regression(self, data: PanelData) -> Regression:
        """Return the regression as plain arrays, for inference that refits it.

        Raises
        ------
        CounterfoilError
            As `fit`, and CONTRACT-016 without clusters where each unit has one row.
        """
        return regression_of_model(self, self.model(data))

    def _reached(self, panel: Panel) -> FloatArray:
        """Return 1 for units that the programme reaches from ``after`` on, shape (n_units,)."""
        inside = panel.arm(self.group)
        return (inside if self.subgroup is None else inside & panel.arm(self.subgroup)).astype(np.float64)

    def model(self, data: PanelData, *, outcome: Literal["needed", "none"] = "needed") -> Model:
        """Return the regression that the design asks for; with ``outcome="none"`` no outcome is read."""
        groups = tuple(filter(None, (self.group, self.subgroup)))
        sample = draw_panel(self, data, self.controls, groups, outcome=outcome, window=self.window)
        panel = sample.panel
        at = panel.timeline.at(self.after)
        late = panel.period >= at
        arms = np.array([panel.arm(name) for name in groups])
        check_cells(groups, arms[:, panel.unit], late, self.after)
        by_unit = panel.n_rows > panel.n_units
        codes = arms.astype(np.int64)
        # Levels of groups in each period; with one group, a level of periods for both.
        crossing = codes if self.subgroup else codes[:1] * 0
        others = [panel.period * len(groups) + code[panel.unit] for code in crossing]
        if not by_unit:
            others.append(np.ravel_multi_index(tuple(codes), (2,) * len(codes))[panel.unit])
        reached = self._reached(panel)
        treated = reached[panel.unit] * late
        controls, names = adjustment(self, sample, by_unit)
        word = "triple difference" if self.subgroup else "difference in differences"
        return Model(
            sample=sample,
            by_unit=by_unit,
            others=tuple(others),
            wanted=treated[:, None],
            terms=("gain",),
            controls=controls,
            control_names=names,
            treated=reached > 0,
            together=True,
            estimand=f"effect on the treated group per period ({word})",
            people=int(np.count_nonzero(np.bincount(panel.unit[treated > 0]))),
            population=f"{self.level} of the treated group in periods from {self.after} on",
            late=late if by_unit else None,
        )


def check_cells(names: tuple[str, ...], arms: NDArray[np.bool_], late: NDArray[np.bool_], after: str) -> None:
    """Refuse a comparison of which a cell holds no row.

    Parameters
    ----------
    names : tuple of str
        The columns that make groups.
    arms : ndarray of bool, shape (len(names), n_rows)
    late : ndarray of bool, shape (n_rows,)
        From ``after`` on.
    after : str

    Raises
    ------
    IdentificationError
        IDENT-027.
    """
    for cell in np.ndindex(*(2,) * (len(names) + 1)):
        rows = late == cell[-1]
        for arm, side in zip(arms, cell, strict=False):
            rows = rows & (arm == side)
        if not rows.any():
            words = ", ".join(f"{name} = {side}" for name, side in zip(names, cell, strict=False))
            when = f"from {after} on" if cell[-1] else f"before {after}"
            raise refusal("IDENT-027", f"no row {when} with {words}", "estimator")
