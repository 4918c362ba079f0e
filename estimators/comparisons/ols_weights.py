"""Whose effect a regression coefficient is: ordinary least squares weighs the treated by how many the untreated are.

The coefficient of a treatment D in a regression on D and X is a weighted average of two effects, on the treated and on the untreated,
each from regressions of the outcome on p(X), the linear projection of D on X, in each group by itself:

    β = w₁ τ₁ + (1 − w₁) τ₀,        w₁ = (1 − ρ) Var(p | D = 0) / {ρ Var(p | D = 1) + (1 − ρ) Var(p | D = 0)},    ρ = P(D = 1).

The weights are the wrong way round: the fewer people are treated, the more their effect counts. Where effects differ, the coefficient is
for nobody whom the parties named. Source: Słoczyński (2022), *Interpreting OLS estimands when treatment effects are heterogeneous*, Review
of Economics and Statistics 104(3), theorem 1.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import draw_comparison
from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True)
class OlsWeights:
    """A regression coefficient as an average of effects, in the outcome's units.

    Parameters
    ----------
    coefficient : float
        Of the treatment, in a regression on it and the covariates.
    on_treated, on_untreated : float
        Effects that it averages.
    weight_on_treated : float
        Of the effect on the treated; the rest is of the untreated.
    part_treated : float
        Part of the people who were treated: what the effect on the treated weighs in the effect on everybody.
    outcome : str
    """

    coefficient: float
    on_treated: float
    on_untreated: float
    weight_on_treated: float
    part_treated: float
    outcome: str

    @property
    def on_everybody(self) -> float:
        """Average of the two effects by the groups' sizes."""
        return self.part_treated * self.on_treated + (1 - self.part_treated) * self.on_untreated

    def tidy(self) -> pd.DataFrame:
        """Return one row a group: term, estimate, weight in the coefficient, part of the people."""
        return pd.DataFrame(
            {
                "term": ["treated", "untreated"],
                "estimate": [self.on_treated, self.on_untreated],
                "weight": [self.weight_on_treated, 1 - self.weight_on_treated],
                "part": [self.part_treated, 1 - self.part_treated],
            }
        )

    def summary(self) -> str:
        """Say whose effect the coefficient is."""
        return (
            f"the coefficient {self.coefficient:.6g} on {self.outcome} weighs the effect on the treated, {self.on_treated:.6g}, by "
            f"{self.weight_on_treated:.1%}, and that on the untreated, {self.on_untreated:.6g}, by {1 - self.weight_on_treated:.1%}; "
            f"{self.part_treated:.1%} of the people were treated"
        )

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self.summary())


def ols_weights(spec: ComparisonDesign, data: Study | pd.DataFrame) -> OlsWeights:
    """Return what a regression of the outcome on treatment and covariates averages.

    Parameters
    ----------
    spec : ComparisonDesign
        Of one treated group and the untreated; its estimand is not used.
    data : Study or DataFrame

    Raises
    ------
    CounterfoilError
        As `draw_comparison`; EST-015 where covariates do not tell who was treated at all, CONTRACT-016 for several groups.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Weighting
    >>> spec = Weighting(treated="assigned", outcome="earnings", covariates=("age", "educ"))
    >>> round(ols_weights(spec, cf.datasets.load("nsw")).weight_on_treated, 2)
    0.52
    """
    sample = draw_comparison(spec, data, two=True)
    outcome = sample.study.outcome(spec.outcome, spec.period)
    treated, weights = sample.of(1), sample.weights
    columns = np.column_stack([np.ones(sample.n), sample.adjusting.values])
    scale = np.maximum(np.abs(columns).max(axis=0), 1e-300)
    projected = columns @ (_solved(columns / scale, treated.astype(np.float64), weights) / scale)
    spread = [_variance(projected[side], weights[side]) for side in (~treated, treated)]
    if max(spread) <= 1e-24:
        raise refusal(
            "EST-015",
            "the covariates do not tell who was treated at all, so that there is nothing to weigh",
            "estimator",
        )
    part = float(weights[treated].sum() / weights.sum())
    line = np.column_stack([np.ones(sample.n), projected])
    fitted = [line @ _solved(line[side], outcome[side], weights[side]) for side in (~treated, treated)]
    gap = fitted[1] - fitted[0]
    with_treatment = np.column_stack([treated, columns / scale])
    return OlsWeights(
        coefficient=float(_solved(with_treatment, outcome, weights)[0]),
        on_treated=float(np.average(gap[treated], weights=weights[treated])),
        on_untreated=float(np.average(gap[~treated], weights=weights[~treated])),
        weight_on_treated=float((1 - part) * spread[0] / (part * spread[1] + (1 - part) * spread[0])),
        part_treated=part,
        outcome=spec.outcome or sample.study.outcome_names[0],
    )


def _solved(columns: FloatArray, values: FloatArray, weights: FloatArray) -> FloatArray:
    root = np.sqrt(weights)
    return np.asarray(np.linalg.lstsq(columns * root[:, None], values * root, rcond=None)[0])


def _variance(values: FloatArray, weights: FloatArray) -> float:
    return float(np.average((values - np.average(values, weights=weights)) ** 2, weights=weights))
