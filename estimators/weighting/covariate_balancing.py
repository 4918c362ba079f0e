"""Covariate balancing propensity score: chances of a logit chosen so that the weights made of them balance exactly.

The logit is that of maximum likelihood, its coefficients are not: they solve as many balancing conditions as there are
coefficients (the just-identified score). For the effect on the treated, Σ ω { 1[g] − 1[0] π_g/π_0 } x = 0 for every group g; for the
untreated, Σ ω { 1[g] π_0/π_g − 1[0] } x = 0; for everybody, Σ ω { 1[g]/π_g − 1[0]/π_0 } x = 0. The first two are solved by entropy
balancing's weights: the methods then differ in name only.

Sources: Imai and Ratkovic (2014), JRSS B 76(1), sections 2.2 and 4.1 (several groups); Zhao and Percival (2017) for the identity.
"""

from typing import Final

import numpy as np
from scipy.special import softmax

from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score, fit_score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.weighting.entropy_tilt import entropy_tilt

STEPS: Final = 100
SOLVED: Final = 1e-12
"""Average condition, in standard deviations, below which it counts as met."""


def covariate_balancing_score(sample: ComparisonSample, estimand: Estimand) -> Score:
    """Return the chances whose weights balance, with what their estimation adds to an error.

    Parameters
    ----------
    sample : ComparisonSample
    estimand : str
        att, atc or ate.

    Raises
    ------
    IdentificationError
        IDENT-039 where no weights balance, for the treated or the untreated.
    EstimationError
        EST-002 where no chances balance, for everybody.

    Examples
    --------
    >>> import pandas as pd
    >>> from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
    >>> from counterfoil.estimators.comparisons.comparison_sample import draw_comparison
    >>> people = pd.DataFrame({"y": 0.0, "a": [0, 0, 0, 1, 1], "age": [20, 30, 40, 30, 38]})
    >>> sample = draw_comparison(ComparisonDesign(outcome="y", treated="a", covariates=("age",)), people)
    >>> score = covariate_balancing_score(sample, "att")
    >>> odds = score.treated[:3] / (1 - score.treated[:3])
    >>> float(np.average([20, 30, 40], weights=odds).round(9))
    34.0
    """
    values = sample.adjusting.values
    columns = np.column_stack([np.ones(sample.n), (values - values.mean(axis=0)) / values.std(axis=0)])
    if estimand == "ate":
        slopes = _solved(sample, columns)
    else:
        slopes = np.column_stack(
            [_tilted(sample, columns, code, estimand) for code in range(1, len(sample.arms.labels))]
        )
    chance = _chances(columns, slopes)
    residual, jacobian = _conditions(sample, columns, chance, estimand)
    # `through` applies the transpose: away from a maximum of anything the conditions' derivative is not symmetric.
    bread = np.asarray(-np.linalg.inv(jacobian).T, dtype=np.float64)
    slope = chance[:, 1] * chance[:, 0] if chance.shape[1] == 2 else None
    return Score(chance, columns, slope, residual, bread)


def _chances(columns: FloatArray, slopes: FloatArray) -> FloatArray:
    return np.asarray(softmax(np.column_stack([np.zeros(len(columns)), columns @ slopes]), axis=1))


def _conditions(
    sample: ComparisonSample, columns: FloatArray, chance: FloatArray, estimand: str
) -> tuple[FloatArray, FloatArray]:
    """Return each person's part (n, G-1), to be times columns, and the conditions' derivative by the coefficients."""
    weights, q, count = sample.weights, columns.shape[1], chance.shape[1] - 1
    member = sample.codes[:, None] == np.arange(count + 1)
    own = weights[:, None] * member
    if estimand == "att":
        part = own[:, 1:] - own[:, [0]] * chance[:, 1:] / chance[:, [0]]
    elif estimand == "atc":
        part = own[:, 1:] * chance[:, [0]] / chance[:, 1:] - own[:, [0]]
    else:
        part = own[:, 1:] / chance[:, 1:] - own[:, [0]] / chance[:, [0]]
    jacobian = np.zeros((q * count, q * count))
    for k in range(count):
        for h in range(count):
            if estimand == "att":
                curve = -own[:, 0] * chance[:, k + 1] / chance[:, 0] * (k == h)
            elif estimand == "atc":
                curve = -own[:, k + 1] * chance[:, 0] / chance[:, k + 1] * (k == h)
            else:
                odds = chance[:, h + 1] - (k == h)
                curve = own[:, k + 1] * odds / chance[:, k + 1] - own[:, 0] * chance[:, h + 1] / chance[:, 0]
            if k == h or estimand == "ate":
                block = (columns * curve[:, None]).T @ columns
                jacobian[k * q : (k + 1) * q, h * q : (h + 1) * q] = block
    return part, jacobian


def _tilted(sample: ComparisonSample, columns: FloatArray, code: int, estimand: str) -> FloatArray:
    """Return a group's coefficients from the tilt that makes one group like the other."""
    treated, control = sample.of(code), sample.of(0)
    source, target = (control, treated) if estimand == "att" else (treated, control)
    labels = (sample.arms.labels[0], sample.arms.labels[code])
    tilt = entropy_tilt(
        columns[:, 1:],
        sample.weights,
        source,
        target,
        sample.adjusting.names,
        labels if estimand == "att" else labels[::-1],
    )
    used = tilt.balancing > 0
    odds = np.log(tilt.balancing[used]) * (1.0 if estimand == "att" else -1.0)
    if not used[source].all():
        what = "some people could only have weight zero, which no chance between 0 and 1 gives"
        raise refusal(
            "IDENT-039", what, "people", "use `method: entropy`, or leave out the covariate that only one group has"
        )
    return np.asarray(np.linalg.lstsq(columns[used], odds, rcond=None)[0])


def _solved(sample: ComparisonSample, columns: FloatArray) -> FloatArray:
    """Solve the conditions for everybody by damped Newton steps from maximum likelihood, shape (q, G-1)."""
    start = fit_score(sample.codes, sample.adjusting.values, sample.weights)
    slopes = np.linalg.lstsq(columns, np.log(start.chance[:, 1:] / start.chance[:, [0]]), rcond=None)[0]
    part, jacobian = _conditions(sample, columns, start.chance, "ate")
    now = columns.T @ part
    for _ in range(STEPS):
        step = -np.linalg.solve(jacobian, now.T.ravel()).reshape(now.shape[1], -1).T
        size = 1.0
        while size > 1e-10:
            chance = _chances(columns, slopes + size * step)
            with np.errstate(all="ignore"):
                part, jacobian = _conditions(sample, columns, chance, "ate")
            new = columns.T @ part
            if np.isfinite(new).all() and np.linalg.norm(new) <= (1 - 1e-4 * size) * np.linalg.norm(now):
                break
            if np.abs(now).max() < SOLVED * sample.n:
                return np.asarray(slopes)
            size /= 2
        slopes, now = slopes + size * step, new
    if not np.abs(now).max() < SOLVED * sample.n:
        raise refusal("EST-002", "no chances of treatment balance everybody's covariates")
    return np.asarray(slopes)
