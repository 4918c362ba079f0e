"""Draws for credits that the data do not identify: a hole in the patterns, twins, and a backbone that reached everybody.

Truths follow from the patterns' shares, by Gauss–Hermite quadrature. A study in which the
shape is refused by chance has no interval: it counts neither as a hit nor as a miss, and how often that happens is a row
of its own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from calibrate import MISSPECIFIED, THREE, Case, Draw, FloatArray, measured

from counterfoil.attribution import Shapley
from counterfoil.attribution.backbone import backbone_sensitivity
from counterfoil.errors import IdentificationError
from counterfoil.estimators import Contribution
from counterfoil.estimators.bounds import bounds
from counterfoil.estimators.cells import cells_of
from counterfoil.estimators.credit_bounds import CreditBounds

PATTERNS = np.array([[mask >> j & 1 for j in range(3)] for mask in range(8)])
HOLE = 0b010
ERROR_DRAWS = 200

Effect = Callable[[Any, Any, Any, Any], Any]
"""From the three providers' indicators and x2 to what they add."""


def helpful(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Let everybody help, whoever else is there."""
    return 0.5 * a + 0.3 * b + 0.4 * a * b + 0.1 * c + 0.2 * a * b * c + 0.0 * x2


def idle_alone(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Let the second provider do nothing alone, so that the true credits lie on the ends of their bounds."""
    return 0.5 * a + 0.3 * b * (a | c) + 0.4 * a * b + 0.1 * c + 0.2 * a * b * c + 0.0 * x2


def nothing(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Let nobody do anything: every bound is zero, and every inequality of the shape binds."""
    return 0.0 * (a + b + c + x2)


def harmful(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Play the game of the three-provider cases, in which the third does harm beside the first."""
    return 0.5 * a + 0.3 * b * (1 + 0.5 * x2) + 0.4 * a * b - 0.2 * a * c + 0.2 * a * b * c


def chances(x: FloatArray) -> FloatArray:
    """Return the chance of each pattern given two covariates, shape (n, 8)."""
    log_weight = -(0.35 + 0.3 * x[:, [0]]) * PATTERNS.sum(axis=1) + 0.3 * PATTERNS[:, 1] * x[:, [1]]
    chance = np.exp(log_weight + 0.5 * PATTERNS[:, 0] * PATTERNS[:, 1])
    return np.asarray(chance / chance.sum(axis=1, keepdims=True))


def holed(seed: int, effect: Effect, size: int, hole: bool) -> pd.DataFrame:
    """Draw three providers; with a hole, whoever had the second one alone is not in the study."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    mask = (rng.random((size, 1)) > chances(x).cumsum(axis=1)).sum(axis=1).clip(0, 7)
    a, b, c = PATTERNS[mask].T
    outcome = 1 + x[:, 0] + 0.5 * x[:, 1] + effect(a, b, c, x[:, 1]) + rng.normal(size=size)
    frame = pd.DataFrame({"a": a, "b": b, "c": c, "x1": x[:, 0], "x2": x[:, 1], "y": outcome})
    return frame[mask != HOLE] if hole else frame


def holed_truth(effect: Effect) -> FloatArray:
    """Return the Shapley credits of everybody outside the hole, for an effect that does not bend with x2."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    grid = np.array(np.meshgrid(points, points)).reshape(2, -1).T
    mass = np.outer(weights, weights).ravel() / (2 * np.pi) @ chances(grid)
    mass[HOLE] = 0
    game = effect(*PATTERNS.T, 0.0)
    credits = np.zeros(3)
    for mask, share in enumerate(mass / mass.sum()):
        members = np.flatnonzero(PATTERNS[mask])
        inside = (np.arange(1 << len(members))[:, None] >> np.arange(len(members)) & 1) @ (1 << members)
        credits[members] += share * Shapley().weights(tuple(members.tolist())) @ game[inside]
    return credits


def monotone(frame: pd.DataFrame, providers: tuple[str, ...], seed: int, **terms: Any) -> CreditBounds:
    """Fit the saturated model for future people and bound Shapley's credits by monotonicity alone."""
    spec = {"outcome": "y", "providers": providers, "covariates": ("x1", "x2"), "target": "population", **terms}
    fit = Contribution.model_validate(spec).fit(frame)
    cells = cells_of(fit.surface, fit.roster, frame["y"].to_numpy(), population=True, outcome="y")
    return bounds(cells, Shapley(), providers, ["monotone"], draws=ERROR_DRAWS, seed=seed)


def contains(found: CreditBounds, truth: FloatArray) -> Draw:
    """Hold the intervals against the truth; the value is the middle of the bounds."""
    return Draw((found.low + found.high) / 2, truth, (found.conf_low <= truth) & (truth <= found.conf_high))


def hole(seed: int, effect: Effect, **terms: Any) -> Draw:
    """Bound credits where nobody had the second provider alone."""
    truth = holed_truth(effect)
    try:
        return contains(monotone(holed(seed, effect, 2_000, True), THREE, seed, **terms), truth)
    except IdentificationError:
        return Draw(truth, truth)


def rejection(seed: int, effect: Effect, size: int, aim: float, told: bool = False, with_hole: bool = False) -> Draw:
    """Tell whether monotonicity is refused, or, with ``told``, at least said to be contradicted."""
    try:
        found = monotone(holed(seed, effect, size, with_hole), THREE, seed, effects_by_covariates=True)
        said = told and any(problem.code == "IDENT-014" for problem in found.warnings)
    except IdentificationError as error:
        said = error.codes == ("IDENT-012",)
    return Draw(np.array([float(said)]), np.array([aim]))


def sigmoid_mean(intercept: float, slope: float) -> float:
    """Return E[1 / (1 + exp(−intercept − slope X))] of a standard normal X."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    return float(weights @ (1 / (1 + np.exp(-intercept - slope * points))) / weights.sum())


TWIN_SHARE, FREE_SHARE = sigmoid_mean(-0.3, -0.4), sigmoid_mean(-0.2, 0.3)
OVER_HUB = np.array([0.4 * TWIN_SHARE, 0.3 * FREE_SHARE])


def twins(seed: int, size: int = 2_000) -> pd.DataFrame:
    """Draw twins who always serve together, one provider apart, and a hub that serves everybody and is left out."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    pair = (rng.random(size) < 1 / (1 + np.exp(0.3 + 0.4 * x[:, 0]))).astype(int)
    free = (rng.random(size) < 1 / (1 + np.exp(0.2 - 0.3 * x[:, 1]))).astype(int)
    outcome = 1 + x[:, 0] + 0.5 * x[:, 1] + 0.4 * pair + 0.3 * free + rng.normal(size=size)
    data = {"left": pair, "right": pair, "pair": pair, "free": free, "x1": x[:, 0], "x2": x[:, 1], "y": outcome}
    return pd.DataFrame(data)


def twin_bounds(seed: int) -> Draw:
    """Bound the twins' credits and the free provider's; inside the pair the truth is .25 and .15."""
    truth = np.array([0.25 * TWIN_SHARE, 0.15 * TWIN_SHARE, 0.3 * FREE_SHARE])
    try:
        return contains(monotone(twins(seed), ("left", "right", "free"), seed), truth)
    except IdentificationError:
        return Draw(truth, truth)


def hub_fit(seed: int) -> Any:
    """Fit what the pair and the free provider added to the hub."""
    terms = {"outcome": "y", "providers": ("pair", "free"), "covariates": ("x1", "x2"), "target": "population"}
    return Contribution.model_validate(terms).fit(twins(seed))


def hub_bounds(seed: int) -> Draw:
    """Hold the hub's interval against its credit at necessities 0, ½ and 1."""
    found = backbone_sensitivity(hub_fit(seed), [1.0], backbone="hub")
    truth = np.array([0.0, 0.5, 1.0]) * OVER_HUB.sum() / 2
    low, high = found.interval()
    # Under monotonicity the lower end is known to be zero; rounding error must not hide that.
    return Draw(np.full(3, found.bounds.values.mean()), truth, (low - 1e-12 <= truth) & (truth <= high))


def hub_credits(seed: int) -> Draw:
    """Hold the credits at necessity ½ against the truth."""
    found = backbone_sensitivity(hub_fit(seed), [0.5], backbone="hub")
    return measured(found.credits[0], np.array([*(0.75 * OVER_HUB), 0.25 * OVER_HUB.sum()]))


BENT = {"effects_by_covariates": True}
AUGMENTED = {**BENT, "design": "unconfounded"}
SET = "credits within monotone bounds"
BOUNDS_CASES: tuple[Case, ...] = (
    Case("hole, everybody helps, regression", SET, lambda s: hole(s, helpful, **BENT), "sets"),
    Case("hole, everybody helps, augmented", SET, lambda s: hole(s, helpful, **AUGMENTED), "sets"),
    Case("hole, truth on the ends of the bounds", SET, lambda s: hole(s, idle_alone, **BENT), "sets"),
    Case("hole, no effect at all (every inequality binds)", SET, lambda s: hole(s, nothing, **BENT), "sets"),
    Case("hole, no effect at all", "monotonicity refused by chance", lambda s: rejection(s, nothing, 2_000, 0.05, with_hole=True), "at most .05"),
    Case("three providers, one does harm, 2,000 people", "monotonicity refused", lambda s: rejection(s, harmful, 2_000, 1.0), MISSPECIFIED),
    Case("three providers, one does harm, 2,000 people", "contradiction told", lambda s: rejection(s, harmful, 2_000, 1.0, told=True), MISSPECIFIED),
    Case("three providers, one does harm, 20,000 people", "monotonicity refused", lambda s: rejection(s, harmful, 20_000, 1.0), MISSPECIFIED),
    Case("twins and a free provider over a hub", SET, twin_bounds, "sets"),
    Case("hub that reached everybody", "its credit at necessity 0, ½, 1", hub_bounds, "sets"),
    Case("hub that reached everybody", "Shapley credits at necessity ½", hub_credits),
)  # fmt: skip
