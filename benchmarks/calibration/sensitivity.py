"""Rows for sensitivity: bounds hold a hidden cause of the strength that they are told, and tests keep their size at it."""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import pandas as pd

from calibration.case import CHANCE, SETS, UNBIASED, Case, Draw, FloatArray
from counterfoil.attribution import Shapley
from counterfoil.errors import Problem
from counterfoil.estimators import Contribution, omitted_variable
from counterfoil.estimators.comparisons.compared import ComparisonFit, as_estimate
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign, Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.score import Score, fit_score
from counterfoil.estimators.sensitivity.coefficient_stability import coefficient_stability
from counterfoil.estimators.sensitivity.linear_confounder import linear_confounder
from counterfoil.estimators.sensitivity.matched_sets import set_bounds
from counterfoil.estimators.sensitivity.omitted_confounder import omitted_confounder, regression_residuals
from counterfoil.estimators.sensitivity.rosenbaum_bounds import rosenbaum_bounds

# A linear hidden cause: d = .5x + .6z + noise, y = d + x + .7z + noise, everything standard normal.
LINEAR: Final = (0.7**2 * (1 - 0.36 / 1.36), 0.36 / 1.36)
"""What it explains of the outcome given treatment (variance, beside noise of 1), and of the treatment (part)."""


def by_regression(seed: int, size: int = 300) -> Draw:
    """Regress without the hidden cause; the interval is of every estimate that a cause of its strength would leave."""
    rng = np.random.default_rng(seed)
    x, z, own, noise = rng.normal(size=(4, size))
    d = 0.5 * x + 0.6 * z + own
    found = linear_confounder(pd.DataFrame({"y": d + x + 0.7 * z + noise, "d": d, "x": x}), "y", "d", ["x"])
    r2_outcome, r2_treatment = LINEAR[0] / (LINEAR[0] + 1), LINEAR[1]
    ends = [found.adjusted(r2_outcome, r2_treatment, away=away) for away in (False, True)]
    low, high = min(v - 1.968 * e for v, e in ends), max(v + 1.968 * e for v, e in ends)
    return Draw(np.array([ends[0][0]]), np.ones(1), np.array([low <= 1 <= high]), np.array([ends[0][1]]))


CELLS: Final = np.array([(x, z) for x in (0, 1) for z in (0, 1)])
"""A measured cause and a hidden one, each there for half of the people."""


def chance(x: FloatArray, z: FloatArray) -> FloatArray:
    """Return the chance of being treated."""
    return np.asarray(0.25 + 0.15 * x + 0.25 * z)


def mean(d: FloatArray, x: FloatArray, z: FloatArray) -> FloatArray:
    """Return the mean outcome."""
    return np.asarray(0.5 + d * (1 + 0.3 * z) + 0.8 * x + 0.9 * z)


@cache
def strengths(estimand: Estimand) -> tuple[float, float, float]:
    """Return the hidden cause's two parts of variance in the population, and the effect; noise has variance 1."""
    x, z = CELLS.T.astype(float)
    long = chance(x, z)
    short = np.repeat([long[:2].mean(), long[2:].mean()], 2)
    tilt = {"att": long, "ate": np.ones(4)}[estimand]
    whole = tilt.mean()
    effect = float((tilt * (mean(np.ones(4), x, z) - mean(np.zeros(4), x, z))).mean() / whole)
    # Mean squares of α over treated and untreated, in each cell.
    squares = []
    for pi in (long, short):
        own = {"att": pi, "ate": np.ones(4)}[estimand] / whole
        squares.append(float((own**2 / (pi * (1 - pi))).mean()))
    hidden = 0.0
    for d in (0.0, 1.0):
        there = long if d else 1 - long
        level = mean(np.full(4, d), x, z)
        for pair in (slice(0, 2), slice(2, 4)):
            centre = np.average(level[pair], weights=there[pair])
            hidden += float((there[pair] * (level[pair] - centre) ** 2).sum() / 4)
    return hidden / (hidden + 1), 1 - squares[1] / squares[0], effect


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A comparison by weights."""

    sample: ComparisonSample
    estimand: Estimand
    score: Score
    balancing: FloatArray
    warnings: tuple[Problem, ...] = ()


def by_weights(seed: int, estimand: Estimand, size: int = 600) -> Draw:
    """Weight without the hidden cause, augmented by a regression; the interval has the bound of its strength at both ends."""
    rng = np.random.default_rng(seed)
    x, z = rng.integers(0, 2, (2, size)).astype(float)
    d = (rng.random(size) < chance(x, z)).astype(float)
    frame = pd.DataFrame({"d": d.astype(int), "x": x, "y": mean(d, x, z) + rng.normal(size=size)})
    sample = draw_comparison(ComparisonDesign(treated="d", outcome="y", covariates=("x",)), frame)
    score = fit_score(sample.codes, sample.adjusting.values)
    treated, pi, y = sample.codes == 1, score.treated, frame["y"].to_numpy()
    tilt = pi if estimand == "att" else np.ones(size)
    balancing = tilt / np.where(treated, pi, 1 - pi)
    alpha = np.where(treated, balancing, -balancing) / tilt.mean()
    # Augmented: means by group and covariate, which the saturated regression gives.
    levels = [np.array([y[(sample.codes == g) & (x == v)].mean() for v in (0, 1)])[x.astype(int)] for g in (0, 1)]
    gap = levels[1] - levels[0]
    weight = {"att": treated / treated.mean(), "ate": np.ones(size)}[estimand]
    value = float((weight * gap).mean())
    left = regression_residuals(y, sample.codes, sample.adjusting.values, sample.weights)
    influence = weight * (gap - value) + alpha * left
    effects = as_estimate(
        sample,
        estimand,
        np.array([value]),
        influence[:, None],
        outcome="y",
        parameters=4,
        warnings=(),
        riesz=alpha[:, None],
    )
    r2_outcome, r2_treatment, truth = strengths(estimand)
    found = omitted_confounder(ComparisonFit(Made(sample, estimand, score, balancing[:, None]), effects))
    low, high = found.under(r2_outcome, r2_treatment)[0]
    return Draw(np.array([(low + high) / 2]), np.array([truth]), np.array([low <= truth <= high]))


def order_of_two(seed: int, size: int = 500) -> Draw:
    """Credit two providers of equal effect, one of whom serves those whom a hidden cause helps; the truth is no difference."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, size))
    a = (rng.random(size) < 0.5 + 0.25 * np.sign(z)).astype(int)
    b = (rng.random(size) < 0.5 + 0.1 * np.sign(x)).astype(int)
    y = a + b + 0.6 * x + 0.5 * np.sign(z) + rng.normal(size=size)
    spec = Contribution(
        outcome="y",
        providers=("a", "b"),
        design="unconfounded",
        covariates=("x",),
        model="additive",
        target="population",
    )
    fit = spec.fit(pd.DataFrame({"a": a, "b": b, "x": x, "y": y}))
    found = omitted_variable(fit, Shapley())
    place = found.terms.index("a - b")
    # Given a, the hidden cause has variance 1 − .5²; the part of a's variance that it decides is .25, of b's none. The weights
    # of the difference are those of a and of b, of equal variance but for the little that x explains of b.
    spread_a, spread_b = 0.25, 0.25 - 0.02 / np.pi
    kept_a = spread_a - 0.0625
    short, long = 0.25 / spread_a + 0.25 / spread_b, 0.25 / kept_a + 0.25 / spread_b
    low, high = found.under(0.25 * 0.75 / (0.25 * 0.75 + 1), 1 - short / long)[place]
    return Draw(np.array([(low + high) / 2]), np.zeros(1), np.array([low <= 0 <= high]))


def pairs(seed: int, gamma: float, count: int, **terms: object) -> Draw:
    """Draw pairs without effect whose hidden cause decides who has the higher outcome, at the true odds, and test them."""
    rng = np.random.default_rng(seed)
    own = np.abs(rng.standard_t(4, count)) * np.where(rng.random(count) < gamma / (1 + gamma), 1, -1)
    found = rosenbaum_bounds(own, [gamma], **terms)  # type: ignore[arg-type]
    return Draw(np.array([float(found.p_upper[0] <= 0.05)]), np.array([0.05]))


def sets(seed: int, gamma: float, count: int = 150) -> Draw:
    """Draw sets of four without effect, in which the highest one, two or three have a hidden cause, whichever tells most."""
    rng = np.random.default_rng(seed)
    outcome = np.sort(rng.standard_t(4, (count, 4)), axis=1)
    odds = np.where(np.arange(4) < np.array([[1], [2], [3]]), 1.0, gamma)
    chances = odds / odds.sum(axis=1, keepdims=True)
    worst = chances[(np.clip(outcome, -2, 2) @ chances.T).argmax(axis=1)]
    drawn = (rng.random(count)[:, None] > np.cumsum(worst, axis=1)).sum(axis=1)
    treated = np.zeros((count, 4))
    treated[np.arange(count), drawn] = 1
    found = set_bounds(outcome.ravel(), treated.ravel(), np.repeat(np.arange(count), 4), [gamma])
    return Draw(np.array([float(found.p_upper[0] <= 0.05)]), np.array([0.05]))


def stability(seed: int, size: int = 4_000) -> Draw:
    """Select on hidden causes as much as on measured ones, and take the bias off at the true R² of everything."""
    rng = np.random.default_rng(seed)
    x, z, own, noise = rng.normal(size=(4, size))
    d = 0.5 * x + 0.5 * z + own
    found = coefficient_stability(pd.DataFrame({"y": d + x + z + noise, "d": d, "x": x}), "y", "d", ["x"])
    whole = 1.5 + 2 + 1 + 2 * (0.5 + 0.5)
    return Draw(np.array([found.beta(1.0, 1 - 1 / whole)]), np.ones(1))


HIDDEN: Final = "effect under a hidden cause of known strength"
SIZE: Final = "rejects at odds that are true"
CASES: tuple[Case, ...] = (
    Case("sensitivity, linear regression", HIDDEN, by_regression, SETS),
    Case("sensitivity, weights with regression, treated", HIDDEN, lambda s: by_weights(s, "att"), SETS),
    Case("sensitivity, weights with regression, everybody", HIDDEN, lambda s: by_weights(s, "ate"), SETS),
    Case("sensitivity, difference of two credits", "difference under a hidden cause", order_of_two, SETS),
    Case("sensitivity, 60 pairs, signed rank, exact, gamma 2", SIZE, lambda s: pairs(s, 2.0, 60), CHANCE),
    Case("sensitivity, 400 pairs, signed rank, normal, gamma 1.5", SIZE, lambda s: pairs(s, 1.5, 400), CHANCE),
    Case("sensitivity, 100 pairs, sign test, gamma 3", SIZE, lambda s: pairs(s, 3.0, 100, statistic="sign"), CHANCE),
    Case("sensitivity, 150 sets of four, M-statistic, gamma 2", SIZE, lambda s: sets(s, 2.0), CHANCE),
    Case("sensitivity, equal selection (Oster)", "bias-adjusted coefficient", stability, UNBIASED, slack=0.005),
)
