"""Rows for credits that the data do not identify: a hole in the patterns, twins, and a backbone that reached everybody.

A study in which the shape is refused by chance has no interval: it counts neither as a hit nor as a miss, and how often
that happens is a row of its own.
"""

from typing import Any

import numpy as np
import pandas as pd

from calibration.case import CHANCE, REPORTED, SETS, Case, Draw, FloatArray, measured
from calibration.designs import (
    FREE_SHARE,
    OVER_HUB,
    THREE,
    TWIN_SHARE,
    Effect,
    chances,
    credits_in,
    helpful,
    idle_alone,
    log_weights,
    nothing,
    three_providers,
    twins,
)
from counterfoil.attribution import Shapley
from counterfoil.attribution.backbone import backbone_sensitivity
from counterfoil.errors import IdentificationError
from counterfoil.estimators import Contribution
from counterfoil.estimators.bounds import bounds
from counterfoil.estimators.cells import cells_of
from counterfoil.estimators.credit_bounds import CreditBounds

HOLE = 0b010
ERROR_DRAWS = 200


def holed(seed: int, effect: Effect, size: int = 2_000) -> pd.DataFrame:
    """Draw three providers, and leave out whoever had the second one alone."""
    frame = three_providers(seed, size, effect=effect)
    return frame[frame[list(THREE)].to_numpy() @ [1, 2, 4] != HOLE]


def holed_truth(effect: Effect) -> FloatArray:
    """Return the Shapley credits of everybody outside the hole, for an effect that does not bend with x2."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    x1, x2 = np.meshgrid(points, points)
    mass = np.einsum("i,j,jia->a", weights, weights, chances(log_weights(x1, x2)))
    mass[HOLE] = 0
    return credits_in(effect, mass)


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
        return contains(monotone(holed(seed, effect), THREE, seed, **terms), truth)
    except IdentificationError:
        return Draw(truth, truth)


def rejection(frame: pd.DataFrame, seed: int, aim: float, told: bool = False) -> Draw:
    """Tell whether monotonicity is refused, or, with ``told``, at least said to be contradicted."""
    try:
        found = monotone(frame, THREE, seed, effects_by_covariates=True)
        said = told and any(problem.code == "IDENT-014" for problem in found.warnings)
    except IdentificationError as error:
        said = error.codes == ("IDENT-012",)
    return Draw(np.array([float(said)]), np.array([aim]))


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
CASES: tuple[Case, ...] = (
    Case("hole, everybody helps, regression", SET, lambda s: hole(s, helpful, **BENT), SETS, design="B7"),
    Case("hole, everybody helps, augmented", SET, lambda s: hole(s, helpful, **AUGMENTED), SETS, design="B7"),
    Case("hole, truth on the ends of the bounds", SET, lambda s: hole(s, idle_alone, **BENT), SETS, design="B7"),
    Case("hole, no effect at all (every inequality binds)", SET, lambda s: hole(s, nothing, **BENT), SETS, design="B7"),
    Case("hole, no effect at all", "monotonicity refused by chance", lambda s: rejection(holed(s, nothing), s, 0.05), CHANCE, design="B7"),
    Case("three providers, the third does harm beside the first, 2,000 people", "monotonicity refused", lambda s: rejection(three_providers(s), s, 1.0), REPORTED, design="B7"),
    Case("three providers, the third does harm beside the first, 2,000 people", "contradiction told", lambda s: rejection(three_providers(s), s, 1.0, told=True), REPORTED, design="B7"),
    Case("three providers, the third does harm beside the first, 20,000 people", "monotonicity refused", lambda s: rejection(three_providers(s, 20_000), s, 1.0), REPORTED, design="B7"),
    Case("twins and a free provider over a hub", SET, twin_bounds, SETS, design="B6"),
    Case("hub that reached everybody", "its credit at necessity 0, ½, 1", hub_bounds, SETS, design="B6"),
    Case("hub that reached everybody", "Shapley credits at necessity ½", hub_credits, design="B6"),
)  # fmt: skip
