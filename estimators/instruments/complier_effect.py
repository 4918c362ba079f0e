"""The effect on compliers by weights: two estimands that are easily taken for one.

``linear``: the coefficient on treatment in the linear model of outcome, treatment and covariates that fits compliers best, by
least squares with Abadie's weights κ. ``ratio``: the difference in mean outcomes by instrument over the difference in
treatment, people weighted by the inverse chance of their instrument, normalized. Without covariates both are the two-stage
least squares coefficient. With covariates they may lie far from each other and from it: each averages the effects of
different people differently, and leans on the model of the instrument. Sources: Abadie (2003), section 4.2; Słoczyński,
Uysal and Wooldridge (2022), *Abadie's kappa and weighting estimators of the local average treatment effect*, section 3.
"""

from typing import Literal

import numpy as np

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.instruments.compliers import kappa
from counterfoil.estimators.instruments.instrument_model import Chance

Form = Literal["linear", "ratio"]


def complier_effect_influence(
    outcome: FloatArray,
    received: FloatArray,
    instrument: FloatArray,
    covariates: FloatArray,
    chance: Chance,
    weights: FloatArray,
    form: Form,
) -> tuple[float, FloatArray]:
    """Return the effect and its influence (n,), the estimation of the instrument's chance included."""
    if form == "linear":
        return _linear(outcome, received, instrument, covariates, chance, weights)
    return _ratio(outcome, received, instrument, chance, weights)


def _linear(
    outcome: FloatArray,
    received: FloatArray,
    instrument: FloatArray,
    covariates: FloatArray,
    chance: Chance,
    weights: FloatArray,
) -> tuple[float, FloatArray]:
    n = len(outcome)
    scale = covariates.std(axis=0)
    scaled = (covariates - covariates.mean(axis=0))[:, scale > 0] / scale[scale > 0]
    design = np.column_stack([received, np.ones(n), scaled])
    weight, slope = kappa(instrument, received, chance.chance)
    bread = np.linalg.inv((design * (weights * weight)[:, None]).T @ design / n)
    coefficients = bread @ (design.T @ (weights * weight * outcome) / n)
    residuals = outcome - design @ coefficients
    moments = (weights * weight * residuals)[:, None] * design
    through = chance.correction((weights * slope * residuals)[:, None] * design)
    return float(coefficients[0]), (moments + through) @ bread[0]


def _ratio(
    outcome: FloatArray, received: FloatArray, instrument: FloatArray, chance: Chance, weights: FloatArray
) -> tuple[float, FloatArray]:
    on, on_slope = instrument / chance.chance, -instrument / chance.chance**2
    off, off_slope = (1.0 - instrument) / (1.0 - chance.chance), (1.0 - instrument) / (1.0 - chance.chance) ** 2
    moved = np.average(received, weights=weights * on) - np.average(received, weights=weights * off)
    value = (np.average(outcome, weights=weights * on) - np.average(outcome, weights=weights * off)) / moved
    influence = np.zeros(len(outcome))
    for sign, arm, slope in ((1.0, on, on_slope), (-1.0, off, off_slope)):
        gap = outcome - value * received
        gap = gap - np.average(gap, weights=weights * arm)
        through = chance.correction((weights * slope * gap)[:, None])[:, 0]
        influence += sign * (weights * arm * gap + through) / float(np.mean(weights * arm))
    return float(value), influence / moved
