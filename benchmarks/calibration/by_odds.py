"""A comparison in the fewest lines, for what is asked of any: the untreated weighted by their odds of treatment."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.compared import ComparisonFit, as_estimate
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign, Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.score import Score, fit_score
from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ByOdds:
    """A comparison that is made and not yet measured."""

    sample: ComparisonSample
    score: Score
    balancing: FloatArray
    estimand: Estimand = "att"

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the sample has to say."""
        return self.sample.warnings


class Weighted(ComparisonDesign):
    """The effect on the treated, each untreated person counting as often as their odds of treatment say."""

    estimand: Literal["att"] = "att"

    def fit(self, data: Study | pd.DataFrame) -> ComparisonFit:
        """Compare and measure; the chances are taken as known in the error."""
        sample = draw_comparison(self, data)
        score = fit_score(sample.codes, sample.adjusting.values)
        odds = score.chance[:, 1] / score.chance[:, 0]
        columns = []
        influence = []
        values = []
        outcome = sample.study.outcome(self.outcome, self.period)
        for code in sample.arms.chosen:
            there, absent = sample.of(code), sample.of(0)
            weight = np.where(absent, odds, there * 1.0)
            means = [np.average(outcome[who], weights=weight[who]) for who in (there, absent)]
            values.append(means[0] - means[1])
            n = sample.n
            influence.append(
                n * weight * there * (outcome - means[0]) / weight[there].sum()
                - n * weight * absent * (outcome - means[1]) / weight[absent].sum()
            )
            columns.append(weight)
        made = ByOdds(sample, score, np.column_stack(columns))
        effects = as_estimate(
            sample,
            "att",
            np.array(values),
            np.column_stack(influence),
            outcome=self.outcome or sample.study.outcome_names[0],
            parameters=0,
            warnings=(),
        )
        return ComparisonFit(made, effects)
