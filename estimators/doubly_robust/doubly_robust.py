"""Doubly robust effects: a model of the outcome and one of who was treated, right when either is.

``aipw`` augments outcome predictions by what they missed, weighted by the inverse chance of the person's group (Robins, Rotnitzky
and Zhao 1994); ``ipwra`` fits the outcome model with those weights instead (Wooldridge 2007, Journal of Econometrics 141); with
``regression`` the outcome model alone stands for what would have been (standardisation, or g-computation; Robins 1986), and is not
doubly robust. Without ``learning`` the models are linear, and logit or probit, on everybody, and the error counts their estimation;
with it they are learners and cross-fitted.
"""

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.overlap import weak_overlap
from counterfoil.estimators.comparisons.score import Score, fit_score
from counterfoil.estimators.doubly_robust.arm_regression import outcome_design
from counterfoil.estimators.doubly_robust.chances import floor_said, floored, refuse_no_overlap, trim_said
from counterfoil.estimators.doubly_robust.cross_fitted import CrossFitted, Division, divide
from counterfoil.estimators.doubly_robust.cross_fitting import CrossFitting
from counterfoil.estimators.doubly_robust.parametric import Parametric, parametric
from counterfoil.estimators.doubly_robust.potential import sides_of
from counterfoil.estimators.doubly_robust.robust_comparison import RobustComparison, balancing_weights
from counterfoil.estimators.spec import OwnRules


class DoublyRobust(ComparisonDesign):
    """A request for effects of people treated, against people who were not, by models of the outcome and of who was treated.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> need = rng.normal(size=2_000)
    >>> served = rng.random(2_000) < 1 / (1 + np.exp(1 - need))
    >>> people = pd.DataFrame({"need": need, "served": served.astype(int), "days": 5 - 2 * need + served + rng.normal(size=2_000)})
    >>> spec = DoublyRobust(outcome="days", treated="served", covariates=("need",))
    >>> spec.fit(people).total().values.round(1)
    array([1.])
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"kind": "doubly_robust", "treated": "trained", "covariates": ["worked_before"]},
                {
                    "kind": "doubly_robust",
                    "method": "regression",
                    "treated": "arm",
                    "control": "usual care",
                    "arm": "visits",
                    "covariates": ["site"],
                    "interactions": [],
                },
            ]
        },
    )
    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a doubly robust comparison measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["doubly_robust"] = "doubly_robust"
    method: Literal["aipw", "ipwra", "regression"] = Field(
        "aipw",
        description="`aipw`: predicted outcomes, corrected by what they missed, weighted by chances; `ipwra`: outcome models fitted "
        "with those weights; `regression`: outcome models alone.",
    )
    estimand: Literal["att", "atc", "ate"] = Field(
        "att", description="Whose effect: of the treated (att), of the untreated (atc), or of everybody (ate)."
    )
    score: Literal["logit", "probit"] = Field(
        "logit",
        description="How the chance of being treated is modelled; with `learning` its `propensity` is used instead.",
    )
    interactions: tuple[str, ...] | None = Field(
        None,
        description="Columns whose slopes differ between groups in one common outcome model; when omitted each group has an outcome "
        "model of its own. An empty list gives common slopes.",
    )
    normalize: bool = Field(
        True,
        description="Whether `aipw` divides a group's weights by their own sum (steadier where chances are small).",
    )
    learning: CrossFitting | None = Field(
        None,
        description="Learners that predict outcomes and chances, cross-fitted; when omitted, linear outcome models and `score`.",
    )
    floor: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="Chances below it count as it, and above one less it as that; none when omitted.",
    )
    trim: float | None = Field(
        None,
        gt=0,
        lt=0.5,
        description="People with a chance of any group below it are left out, and the effect is of the others; nobody when omitted.",
    )

    @model_validator(mode="after")
    def _parts_fit(self) -> "DoublyRobust":
        if self.learning is not None and self.method != "aipw":
            raise ValueError(f"`learning` is for method aipw; errors of {self.method} need linear outcome models")
        if self.learning is not None and (self.interactions is not None or self.score != "logit"):
            raise ValueError("`interactions` and `score` are for models without `learning`")
        if self.interactions is not None and self.method == "ipwra":
            raise ValueError("`interactions` is for methods aipw and regression; ipwra fits each group by itself")
        if self.vcov not in {None, "HC0", "HC1", "CR0", "CR1"}:
            raise ValueError(f"vcov {self.vcov} is not defined for doubly robust comparisons; use HC0, HC1, CR0 or CR1")
        if self.method == "regression" and (self.floor is not None or self.trim is not None):
            raise ValueError("method regression has no chances to floor or trim")
        return self

    def build(self, data: Study | pd.DataFrame) -> RobustComparison:
        """Return whom it compares and with what weights; outcomes are not read.

        Raises
        ------
        DataError, IdentificationError, EstimationError
            As `draw_comparison`; IDENT-040 without overlap; EST-002 and EST-013 when chances cannot be fitted; EST-003 and
            EST-049 when a group is too small or too uniform for its outcome model.
        """
        study = self.study_of(data)
        sample, score, divisions, said = self._with_chances(draw_comparison(self, study))
        sides, contrasts = sides_of(self.estimand, sample.arms.chosen)
        raw = [division.chance for division in divisions] or ([] if score is None else [score.chance])
        counts, problems = floor_said(raw, self.floor) if raw else ({}, ())
        used = [floored(chance, self.floor) for chance in raw]
        refuse_no_overlap(sample, sides, used)
        engine: Parametric | CrossFitted
        if self.learning is not None:
            made = tuple(replace(division, chance=chance) for division, chance in zip(divisions, used, strict=True))
            engine = CrossFitted(sample, self.learning, made, self.normalize, sides)
        else:
            design = outcome_design(sample, self.interactions)
            chance = used[0] if used else None
            engine = parametric(sample, score, chance, design, self.method, self.normalize, sides)
        balancing = balancing_weights(engine, contrasts)
        return RobustComparison(
            spec=self,
            sample=sample,
            estimand=self.estimand,
            score=score,
            balancing=balancing,
            engine=engine,
            contrasts=contrasts,
            whom="" if self.trim is None else f"with a chance of every group of at least {self.trim:g}",
            measured=study.outcomes is not None,
            warnings=(*sample.warnings, *said, *problems, *weak_overlap(sample, balancing, score, self.estimand)),
            diagnostics=counts,
        )

    def _with_chances(
        self, drawn: ComparisonSample
    ) -> tuple[ComparisonSample, Score | None, tuple[Division, ...], tuple[Problem, ...]]:
        """Return the people who stay, their chances, and EST-048 where people were left out."""
        score, divisions = self._chances(drawn)
        if self.trim is None or score is None:
            return drawn, score, divisions, ()
        stays = score.chance.min(axis=1) >= self.trim
        count = int((~stays).sum())
        if not count:
            return drawn, score, divisions, ()
        fewer = draw_comparison(self, drawn.study.subset(stays))
        counts = {**drawn.counts, **fewer.counts, "people_in": drawn.counts["people_in"], "left out by `trim`": count}
        # The losses for other reasons happened before, and are not found again.
        warnings = tuple(dict.fromkeys((*drawn.warnings, *fewer.warnings)))
        kept = replace(fewer, counts=counts, warnings=warnings)
        return kept, *self._chances(kept), (trim_said(count, self.trim),)

    def _chances(self, sample: ComparisonSample) -> tuple[Score | None, tuple[Division, ...]]:
        if self.method == "regression":
            return None, ()
        if self.learning is None:
            return fit_score(sample.codes, sample.adjusting.values, sample.weights, self.score), ()
        divisions = tuple(divide(sample, self.learning, repeat) for repeat in range(self.learning.repeats))
        return Score(np.asarray(sum(division.chance for division in divisions) / len(divisions))), divisions

    def fit(self, data: Study | pd.DataFrame) -> ComparisonFit:
        """Return the comparison and its effects on the outcome."""
        comparison = self.build(data)
        return ComparisonFit(comparison, comparison.effect(), self.period)
