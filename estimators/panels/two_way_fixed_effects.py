"""Two-way fixed effects: a regression on treatments measured over time, with effects of units, of periods and of more.

Estimand: the coefficient on each regressor. It is the effect of one unit more of it if that effect is the same for all units
and at all times, and without it outcomes would have moved in parallel given the controls. Where effects differ, it is a
weighted sum of them whose weights can be negative as soon as units begin at different times; the share is stated (EST-031).

It takes what a difference in differences by groups cannot: treatments that end, doses, several treatments at once, and
fixed effects such as ``region by period``, which compare units within a region in the same period only. The difference in
differences of two groups is its own kind because it is declared by other facts: who, and from when.

Sources: Goodman-Bacon (2021), Journal of Econometrics 225(2); de Chaisemartin and D'Haultfoeuille (2020), American Economic
Review 110(9); Wooldridge, *Introductory Econometrics*, chapter 14.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.panel import Panel
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.panels.negative_weights import NegativeWeights, negative_weights
from counterfoil.estimators.panels.panel_design import PanelData, draw_panel
from counterfoil.estimators.panels.panel_model import Model, regression_of_model
from counterfoil.estimators.panels.panel_regression import fit_model
from counterfoil.estimators.panels.regression_design import FixedEffectsDesign, adjustment, effect_codes
from counterfoil.estimators.spec import OwnRules
from counterfoil.estimators.trials.regression import Regression


class TwoWayFixedEffects(FixedEffectsDesign):
    """Effects of treatments measured over time, with fixed effects.

    Examples
    --------
    >>> long = pd.DataFrame({"unit": [1, 1, 2, 2, 3, 3], "year": [0, 1] * 3, "law": [0, 1, 0, 0, 0, 0]})
    >>> panel = Panel.from_frame(long.assign(y=[1.0, 4.0, 2.0, 3.0, 2.0, 3.5]), unit="unit", period="year")
    >>> TwoWayFixedEffects(outcome="y", regressors=("law",)).fit(panel).total().values.round(6)
    array([1.75])
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "two_way_fixed_effects",
                    "regressors": ["in_programme"],
                    "controls": ["sick_days"],
                    "fixed_effects": ["unit", "region by period"],
                }
            ]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a regression on treatments measured over time has no credits by provider to split by"
    )

    kind: Literal["two_way_fixed_effects"] = "two_way_fixed_effects"
    regressors: tuple[str, ...] = Field(
        min_length=1,
        description="Measures over time (of places: indicators): first the treatment that is paid for, then others whose effects are reported too.",
    )
    treatment: Literal["binary", "dose"] = Field(
        "binary",
        description="Whether the first regressor is 1 while a unit is treated and 0 otherwise, or how much of it there is, "
        "such as the fraction of a year that a law was in force.",
    )

    @model_validator(mode="after")
    def _uses_a_column_once(self) -> "TwoWayFixedEffects":
        named = (*self.regressors, *self.controls)
        if len(set(named)) < len(named):
            raise ValueError("`regressors` and `controls` name a measure twice")
        return self

    def fit(self, data: PanelData) -> "TwoWayFit":
        """Estimate the effects of the regressors.

        Parameters
        ----------
        data : Study, Panel, or DataFrame whose index has two levels, unit and period

        Returns
        -------
        TwoWayFit
            Whose ``total()`` is the first regressor's effect.

        Raises
        ------
        DataError
            DATA-013 for a binary treatment that is neither 0 nor 1, and as `draw_panel`.
        IdentificationError
            IDENT-026 when fixed effects and controls explain a regressor, IDENT-006 with too few clusters.
        ContractError
            CONTRACT-016 when the error type ignores the clusters that there are, or needs some and each unit has one row.
        EstimationError
            EST-001 when the error type is not defined.
        """
        model = self.model(data)
        fitted = fit_model(self, model)
        bread, at = fitted.regression.bread, fitted.asked[0]
        left = fitted.regression.columns @ (bread[:, at] / bread[at, at])
        weighed = negative_weights(model.wanted[:, 0], left, fitted.weights)
        begun = adoption_warnings(model.wanted[:, 0], model.sample.panel, weighed)
        found = fitted.estimate
        return TwoWayFit(replace(found, warnings=(*found.warnings, *begun)), weighed)

    def regression(self, data: PanelData) -> Regression:
        """Return the regression as plain arrays, for inference on the first regressor that refits it.

        Raises
        ------
        CounterfoilError
            As `fit`.
        """
        return regression_of_model(self, self.model(data))

    def model(self, data: PanelData, *, outcome: Literal["needed", "none"] = "needed") -> Model:
        """Return the regression that the design asks for; with ``outcome="none"`` no outcome is read."""
        columns = self.effect_columns()
        sample = draw_panel(self, data, (*self.regressors, *self.controls), outcome=outcome, window=self.window)
        panel = sample.panel
        by_unit, others = effect_codes(self.fixed_effects, panel)
        wanted = np.empty((panel.n_rows, len(self.regressors)), order="F")
        for place, name in enumerate(self.regressors):
            wanted[:, place] = sample.panel.varying(name)
        first = wanted[:, 0]
        if self.treatment == "binary" and (wrong := int(((first != 0) & (first != 1)).sum())):
            what = f"column '{self.regressors[0]}' is neither 0 nor 1 in {wrong:,} rows"
            fix = "say `treatment: dose`, or declare from when a partly treated period counts as treated"
            raise refusal("DATA-013", what, panel.name, fix)
        controls, names = adjustment(self, sample, by_unit)
        began = starts(first != 0, panel)
        treated = began < len(panel.periods)
        within = " and ".join(self.fixed_effects) or "nothing"
        dose = " of one more" if self.treatment == "dose" else ""
        return Model(
            sample=sample,
            by_unit=by_unit,
            others=others,
            wanted=wanted,
            terms=self.regressors,
            controls=controls,
            control_names=names,
            treated=treated,
            together=bool(np.count_nonzero(np.bincount(began[treated])) < 2),
            estimand=f"effect{dose} per period (regression with fixed effects of {within})",
            people=int(treated.sum()),
            population=f"{self.level} while treated, weighted as the regression does",
            diagnostics={"fixed effect columns": len(columns)} if columns else {},
        )


@dataclass(frozen=True, slots=True, eq=False)
class TwoWayFit:
    """A fitted regression on treatments measured over time.

    Parameters
    ----------
    effects : Estimate
        One term a regressor, in the outcome's units per unit of the regressor.
    weights : NegativeWeights
        How the first regressor's coefficient weighs the effects in it.
    """

    effects: Estimate
    weights: NegativeWeights

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Whatever a reader must know before using the effects."""
        return self.effects.warnings

    def total(self) -> Estimate:
        """Return the first regressor's effect, as the one term ``gain``."""
        return self.effects.contrast(np.eye(len(self.effects.terms))[:1], ["gain"])

    def tidy(self, conf_level: float = 0.95, *, simultaneous: bool = False) -> pd.DataFrame:
        """Return one row a regressor, in the columns of the house vocabulary."""
        return self.effects.tidy(conf_level, simultaneous=simultaneous)

    def __repr__(self) -> str:
        return repr(self.effects)

    def _repr_html_(self) -> str:
        return self.effects._repr_html_()


def starts(on: NDArray[np.bool_], panel: Panel) -> NDArray[np.intp]:
    """Return the first treated period of each unit, shape (n_units,); the number of periods for a unit without one.

    Parameters
    ----------
    on : ndarray of bool, shape (n_rows,)
    panel : Panel
    """
    began = np.full(panel.n_units, len(panel.periods), dtype=np.intp)
    rows = np.flatnonzero(on)
    first = rows[np.diff(panel.unit[rows], prepend=-1) > 0]
    began[panel.unit[first]] = panel.period[first]
    return began


def adoption_warnings(treatment: FloatArray, panel: Panel, weighed: NegativeWeights) -> list[Problem]:
    """Say when treated units serve as controls, with the share of negative weights, and when treatment ends.

    Parameters
    ----------
    treatment : ndarray, shape (n_rows,)
    panel : Panel
    weighed : NegativeWeights
    """
    on = treatment != 0
    ended = on[:-1] & ~on[1:] & (panel.unit[:-1] == panel.unit[1:])
    found: list[Problem] = []
    if ended.any():
        units = len(np.unique(panel.unit[:-1][ended]))
        what = f"treatment ends for {units:,} of {panel.n_units:,} units; the model takes its effect to end with it"
        found.append(Problem("IDENT-037", what, "estimator"))
    began = starts(on, panel)
    count = np.count_nonzero(np.bincount(began, minlength=len(panel.periods))[: len(panel.periods)])
    # People of whom each has one row do not begin; what is compared with what shows in the weights alone.
    staggered = count > 1 and panel.n_rows > panel.n_units
    if staggered or weighed.negative_rows:
        begin = f"units begin in {count} periods, and " if staggered else ""
        what = (
            f"{begin}treated units serve as controls; {weighed.negative_rows:,} of {weighed.treated_rows:,} treated rows "
            f"enter with a negative weight, {abs(weighed.total):.3g} in all against {1 - weighed.total:.3g} positive"
        )
        found.append(Problem("EST-031", what, "estimator"))
    return found
