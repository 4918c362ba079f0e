"""Marginal structural models: treatment over several periods, each decided in the light of what came before.

Where a covariate is affected by earlier treatment and leads to later treatment, a regression that adjusts for it takes away a part of
the effect, and one that does not is confounded. Weights by the chance of each period's treatment given the history do neither.

Estimand: the average effect, on everybody, of treatment in all periods over treatment in none. It needs that in every period people
with the same history differ in treatment by chance only, and that every history leaves some chance of going on as before.

Sources: Robins, Hernán and Brumback (2000), Epidemiology 11(5); Hernán and Robins (2020), *Causal Inference: What If*, chapter 21.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.adjusting import adjusting
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.overlap import weak_overlap
from counterfoil.estimators.comparisons.score import fit_score
from counterfoil.estimators.spec import OwnRules
from counterfoil.estimators.weighting.longitudinal_weights import LongitudinalWeights, PeriodScore
from counterfoil.estimators.weighting.weighting import ERRORS


class LongitudinalWeighting(ComparisonDesign):
    """Effect of always having a programme over never, where it was decided period by period.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"coached": rng.integers(0, 2, 4000)})
    >>> frame["idle"] = (rng.random(4000) < 0.6 - 0.3 * frame["coached"]).astype(int)
    >>> frame["coached_again"] = (rng.random(4000) < 0.3 + 0.4 * frame["idle"]).astype(int)
    >>> frame["wage"] = frame["coached"] + frame["coached_again"] - frame["idle"] + rng.normal(size=4000)
    >>> design = LongitudinalWeighting(outcome="wage", treated=("coached", "coached_again"), before=((), ("idle",)))
    >>> gain = design.fit(frame).total()
    >>> gain.values.round(2), gain.std_error.round(2)
    (array([2.23]), array([0.05]))
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "longitudinal_weighting",
                    "treated": ["trained", "trained_again"],
                    "before": [[], ["still_out"]],
                }
            ]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "weighting measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["longitudinal_weighting"] = "longitudinal_weighting"
    treated: str | tuple[str, ...] | None = Field(
        None, description="Columns of people, one a period in order of time: 1 = treated in it, 0 = not."
    )
    before: tuple[tuple[str, ...], ...] = Field(
        (),
        description="For each period the columns measured before its treatment and after the treatment before; `covariates` are "
        "those from before the programme, and count in every period.",
    )
    estimand: Literal["ate"] = Field("ate", description="Whose average effect: everybody's.")
    score: Literal["logit", "probit"] = Field(
        "logit", description="How the chance of being treated is modelled, in every period, from the history up to it."
    )
    model: Literal["always_or_never", "linear"] = Field(
        "always_or_never",
        description="`always_or_never` compares people treated in all periods with people treated in none; `linear` takes every "
        "period to add the same, and uses everybody.",
    )

    @model_validator(mode="after")
    def _periods_fit(self) -> "LongitudinalWeighting":
        if len(self.treated_columns) < 2:
            raise ValueError(
                "`treated` lists two or more columns in order of time; of one period use `kind: weighting`"
            )
        if self.arm is not None:
            raise ValueError("`arm` has no meaning here: always being treated is compared with never")
        if self.before and len(self.before) != len(self.treated_columns):
            raise ValueError(
                f"`before` has {len(self.before)} lists for {len(self.treated_columns)} periods; a list may be empty"
            )
        named = [name for names in self.before for name in names]
        every = [*named, *self.covariates, *self.treated_columns]
        if len(set(every)) < len(every):
            raise ValueError("a column is named twice among `treated`, `covariates` and `before`")
        return self

    def columns(self) -> tuple[str, ...]:
        """Return the columns of people that the design uses, apart from covariates."""
        later = () if self.missing_covariates == "indicator" else tuple(name for names in self.before for name in names)
        return (*super().columns(), *later)

    def build(self, data: Study | pd.DataFrame) -> LongitudinalWeights:
        """Make the weights; no outcome is read.

        Parameters
        ----------
        data : Study or DataFrame
            A frame's index is the person id.

        Raises
        ------
        DataError, IdentificationError, EstimationError
            As `draw_comparison`; IDENT-001 or IDENT-019 when nobody was never, or always, treated; EST-001 for an error type that
            weighting does not have; EST-002 when a history tells for certain who is treated next.
        """
        treated = tuple(self.treated_columns)
        first = self.before[0] if self.before else ()
        always = " + ".join(treated)
        sample = draw_comparison(
            self.model_copy(update={"arm": always, "covariates": (*self.covariates, *first)}), data
        )
        if sample.error_type not in ERRORS:
            what = f"{sample.error_type} errors are not defined for weighting"
            raise refusal("EST-001", what, "estimator, vcov", f"use {', '.join(ERRORS)}")
        periods = tuple(self._period(sample, treated, number) for number in range(len(treated)))
        made = LongitudinalWeights(sample, periods, self.model, self.outcome, self.period)
        # What is adjusted for may stand in `before` alone, which the sample does not know of.
        said = [problem for problem in sample.warnings if problem.code != "EST-006" or not any(self.before)]
        warnings = (*said, *weak_overlap(sample, made.balancing, None, "ate"))
        return replace(made, warnings=tuple(dict.fromkeys(warnings)))

    def fit(self, data: Study | pd.DataFrame) -> ComparisonFit:
        """Make the weights and measure the effect.

        Parameters
        ----------
        data : Study or DataFrame

        Raises
        ------
        DataError, IdentificationError, EstimationError
            As `build`, and when people lack an outcome.
        """
        made = self.build(data)
        return ComparisonFit(made, made.effect(), self.period)

    def _period(self, sample: ComparisonSample, treated: tuple[str, ...], number: int) -> PeriodScore:
        """Fit one period's chances to those whose treatment was not settled by their last one."""
        study = sample.study
        taken = np.asarray(study.arm(treated[number]), dtype=np.intp)
        unsettled = np.ones(sample.n, dtype=bool)
        if number:
            last = study.arm(treated[number - 1])
            for value in (False, True):
                group = last == value
                if group.any() and np.ptp(taken[group]) == 0 and taken[group][0] == value:
                    unsettled &= ~group
        if not unsettled.any():
            return PeriodScore(treated[number], unsettled, taken, None)
        names = (*self.covariates, *(name for names in self.before[: number + 1] for name in names), *treated[:number])
        found = adjusting(study.subset(unsettled), names, self.squares, self.missing_covariates == "indicator")
        score = fit_score(taken[unsettled], found.values, sample.weights[unsettled], self.score)
        return PeriodScore(treated[number], unsettled, taken, score)
