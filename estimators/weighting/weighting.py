"""Weighting: the untreated count as much as it takes to make them, as a group, like the treated.

Estimand: by ``estimand``, the average effect on the treated, the untreated, everybody, people who could have been either (overlap
weights), or people whom one-to-one matching would keep (matching weights). It needs that people who are alike in the covariates
differ in treatment by chance only, and that nobody's covariates tell for certain which group they are in.

Weights come from chances of treatment (`score`), from entropy balancing, whose means are the target's exactly (`entropy`), or from
chances that balance (`cbps`). They are used so that they sum to one in each group (Hájek 1971). Errors count the estimation of the
weights. With several groups each is compared with the untreated, and all effects have a joint covariance.

Sources: Horvitz and Thompson (1952); Hirano, Imbens and Ridder (2003), Econometrica 71(4); Hainmueller (2012), Political Analysis
20(1); Imai and Ratkovic (2014), JRSS B 76(1); Li, Morgan and Zaslavsky (2018), JASA 113; Li and Greene (2013); Lunceford and
Davidian (2004), Statistics in Medicine 23, for the errors.
"""

from dataclasses import replace
from typing import ClassVar, Final, Literal

import numpy as np
import pandas as pd
from pydantic import ConfigDict, Field, model_validator

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.overlap import weak_overlap
from counterfoil.estimators.comparisons.score import SCORE_DESCRIPTION, Score, ScoreModel, fit_score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.folds import folds
from counterfoil.estimators.learner import PropensityLearner
from counterfoil.estimators.learning import learn_classes
from counterfoil.estimators.spec import OwnRules
from counterfoil.estimators.weighting.covariate_balancing import covariate_balancing_score
from counterfoil.estimators.weighting.entropy_tilt import Tilt, entropy_tilt
from counterfoil.estimators.weighting.rare_levels import rare_levels
from counterfoil.estimators.weighting.tilted_population import weight_of
from counterfoil.estimators.weighting.trimming import ChanceRange, trimmed
from counterfoil.estimators.weighting.weights import Weights

ERRORS: Final = ("HC0", "HC1", "CR0", "CR1")
FAR: Final = 0.25
"""Standard deviations by which weighted groups may differ from everybody before the effect is called another's."""


class Weighting(ComparisonDesign):
    """Effect of a programme by weighting people who did not have it.

    Examples
    --------
    >>> rng = np.random.default_rng(2)
    >>> frame = pd.DataFrame({"age": rng.uniform(20, 60, 800)})
    >>> frame["trained"] = (rng.random(800) < frame["age"] / 80).astype(int)
    >>> frame["wage"] = 0.2 * frame["age"] + 2 * frame["trained"] + rng.normal(size=800)
    >>> design = Weighting(outcome="wage", treated="trained", covariates=("age",), method="entropy")
    >>> fit = design.fit(frame)
    >>> fit.total().values.round(2), fit.total().std_error.round(2)
    (array([1.91]), array([0.07]))
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"kind": "weighting", "treated": "trained", "covariates": ["worked_before"], "method": "entropy"},
                {"kind": "weighting", "treated": "trained", "covariates": ["worked_before"], "estimand": "ate"},
            ]
        }
    )

    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "weighting measures one programme as a whole, so there are no credits to split by"
    )

    kind: Literal["weighting"] = "weighting"
    method: Literal["score", "entropy", "cbps"] = Field(
        "score",
        description="How weights are made: `score`, from the chance of being treated; `entropy`, the most even weights with exactly "
        "the same means of all covariates (entropy balancing); `cbps`, from chances chosen so that their weights balance "
        "exactly. For the treated and the untreated `entropy` and `cbps` are the same.",
    )
    estimand: Literal["att", "atc", "ate", "ato", "atm"] = Field(
        "att",
        description="Whose average effect: of the treated (att), the untreated (atc), everybody (ate), people who could have been "
        "either (ato, overlap weights), or people whom one-to-one matching would keep (atm). The last two are for `method: score`.",
    )
    score: ScoreModel = Field("logit", description=SCORE_DESCRIPTION)
    folds: int = Field(
        5,
        ge=2,
        description="Parts in which people are dealt when `score` is a learner: it learns from the others' people.",
    )
    seed: int = Field(0, ge=0, description="Of the dealing, and of a learner's own randomness.")
    trim: ChanceRange | Literal["crump"] | None = Field(
        None,
        description="People with extreme chances of treatment who are left out: `{below: 0.05, above: 0.95}`, or `crump` for the "
        "rule that makes the error smallest. The effect is then on those who are left, as a warning says.",
    )
    cap: float | None = Field(
        None,
        gt=1.0,
        description="The largest weight, as a multiple of its group's mean weight; larger ones are lowered to it. Groups are then "
        "less alike, as a warning says.",
    )

    @model_validator(mode="after")
    def _terms_fit(self) -> "Weighting":
        if self.method != "score" and self.estimand in ("ato", "atm"):
            raise ValueError(f"`estimand: {self.estimand}` is made of chances, by `method: score`")
        if self.method != "score" and self.score != "logit" and self.trim is None:
            raise ValueError(f"`method: {self.method}` uses `score` only to trim")
        return self

    def build(self, data: Study | pd.DataFrame) -> Weights:
        """Make the weights; no outcome is read.

        Parameters
        ----------
        data : Study or DataFrame
            A frame's index is the person id.

        Raises
        ------
        DataError, IdentificationError, EstimationError
            As `draw_comparison`; EST-001 for an error type that weighting does not have; EST-002 when a covariate tells for certain
            who was treated; IDENT-039 when no weights balance; IDENT-001 when trimming leaves nobody in a group.
        """
        sample = draw_comparison(self, data)
        if sample.error_type not in ERRORS:
            what = f"{sample.error_type} errors are not defined for weighting"
            raise refusal("EST-001", what, "estimator, vcov", f"use {', '.join(ERRORS)}")
        if self.trim is not None:
            sample = trimmed(self, sample, self.trim, self._chances(sample))
        score, tilts = None, {}
        if self.method == "entropy":
            tilts = _tilts(sample, self.estimand)
            relative = _from_tilts(sample, tilts)
        else:
            score = (
                self._chances(sample) if self.method == "score" else covariate_balancing_score(sample, self.estimand)
            )
            relative = _from_chances(sample, score, self)
        made = Weights(
            sample=sample,
            estimand=self.estimand,
            method=self.method,
            score=score,
            relative=relative,
            tilts=tilts,
            cap=self.cap,
            outcome=self.outcome,
            period=self.period,
        )
        return _warned(made)

    def fit(self, data: Study | pd.DataFrame) -> ComparisonFit:
        """Make the weights and measure the effects.

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

    def _chances(self, sample: ComparisonSample) -> Score:
        """Return chances of each group; a learner's are of people whom it did not learn from."""
        values, codes = sample.adjusting.values, sample.codes
        if not isinstance(self.score, PropensityLearner):
            return fit_score(codes, values, sample.weights, self.score)
        groups = len(sample.arms.labels)
        fold = folds(codes, sample.clusters, self.folds, self.seed)
        chance = np.empty((sample.n, groups))
        for number in range(self.folds):
            held, others = fold == number, fold != number
            learned = learn_classes(
                self.score, values[others], codes[others], groups, sample.weights[others], self.seed + number
            )
            chance[held] = learned(values[held])
        return Score(chance)


def _tilts(sample: ComparisonSample, estimand: str) -> dict[tuple[int, int], Tilt]:
    """Return entropy balancing's weights by group and term; a group's for everybody serve all its terms."""
    found: dict[tuple[int, int], Tilt] = {}
    labels, values = sample.arms.labels, sample.adjusting
    made: dict[int, Tilt] = {}
    for j, code in enumerate(sample.arms.chosen):
        if estimand == "ate":
            everybody = np.ones(sample.n, dtype=bool)
            for side in (code, 0):
                if side not in made:
                    who = (labels[side], "everybody")
                    made[side] = entropy_tilt(
                        values.values, sample.weights, sample.of(side), everybody, values.names, who
                    )
                found[side, j] = made[side]
            continue
        source, target = (0, code) if estimand == "att" else (code, 0)
        found[source, j] = entropy_tilt(
            values.values,
            sample.weights,
            sample.of(source),
            sample.of(target),
            values.names,
            (labels[source], labels[target]),
        )
    return found


def _from_tilts(sample: ComparisonSample, tilts: dict[tuple[int, int], Tilt]) -> FloatArray:
    relative = np.zeros((sample.n, len(sample.arms.chosen)))
    for j, code in enumerate(sample.arms.chosen):
        for side in (code, 0):
            member = sample.of(side)
            relative[member, j] = tilts[side, j].balancing[member] if (side, j) in tilts else 1.0
    return relative


def _from_chances(sample: ComparisonSample, score: Score, spec: Weighting) -> FloatArray:
    relative = np.zeros((sample.n, len(sample.arms.chosen)))
    for j, code in enumerate(sample.arms.chosen):
        for side in (code, 0):
            member = sample.of(side)
            relative[member, j] = weight_of(score.chance[member], side, code, spec.estimand)
            lost = int((~np.isfinite(relative[member, j])).sum())
            if lost or relative[member, j].sum() <= 0:
                what = f"{shown(lost)} people of {sample.arms.labels[side]} had, it is estimated, no chance to be in their group"
                what = (
                    what
                    if lost
                    else f"nobody of {sample.arms.labels[side]} had, it is estimated, a chance to be compared"
                )
                raise refusal("EST-002", what, "people")
    return relative


def _warned(made: Weights) -> Weights:
    """Return the weights with what a reader must know of them."""
    sample = made.sample
    found = [
        *sample.warnings,
        *weak_overlap(sample, made.balancing, made.score, made.estimand),
        *rare_levels(sample, made.estimand),
    ]
    if (gap := made.distance()) > FAR:
        what = f"with their weights the groups still differ from everybody, by up to {gap:.2g} standard deviations"
        found.append(Problem("EST-004", what, "estimator"))
    if made.cap is not None and (many := int(made.capped.any(axis=1).sum())):
        what = f"{shown(many)} weights were lowered to {made.cap:g} times their group's mean, as declared"
        found.append(Problem("EST-046", what, "estimator, cap"))
    if made.score is not None and made.score.known:
        found.append(Problem("EST-047", "chances of treatment come from a learner", "estimator, score"))
    return replace(made, warnings=tuple(dict.fromkeys(found)))
