"""Rows for matching in sets: exact strata, coarsened strata, subclasses, full matching and optimal pairs, with good and poor overlap."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss

from calibration.case import REPORTED, SMOOTH, Case, Draw, measured
from counterfoil.estimators.matching.matching import Matching

GOOD, POOR = 0.5, 1.5
"""Slopes of the log-odds of being treated on a covariate of standard deviation 1."""
OFFSET = -1.5
LEVELS = np.array([0.15, 0.35, 0.55, 0.75])
"""Chances of being treated in four sets of equal size."""


def chance(x: Any, slope: float) -> Any:
    """Return the chance of being treated."""
    return 1 / (1 + np.exp(-(OFFSET + slope * x)))


def effect_on_treated(slope: float) -> float:
    """Return the mean of 1 + x/2 over the treated, by quadrature over a normal x."""
    nodes, weights = hermegauss(80)
    part = weights * chance(nodes, slope)
    return float(1 + 0.5 * (part @ nodes) / part.sum())


TRUTH = {slope: effect_on_treated(slope) for slope in (GOOD, POOR)}


def levels(seed: int, size: int = 300, **terms: Any) -> Draw:
    """Draw people of four sets with unequal chances and effects, and outcomes more spread among the treated."""
    rng = np.random.default_rng(seed)
    level, site = rng.integers(0, 4, size), rng.integers(0, 2, size)
    treated = (rng.random(size) < LEVELS[level]).astype(int)
    outcome = level + site + treated * (1 + 0.5 * level) + rng.normal(size=size) * (1 + treated)
    data = pd.DataFrame({"y": outcome, "t": treated, "level": level, "site": site, "town": rng.integers(0, 40, size)})
    share = {"att": LEVELS, "atc": 1 - LEVELS, "ate": np.ones(4)}[terms.get("estimand", "att")]
    asked = {"outcome": "y", "treated": "t", "covariates": ("level", "site"), "method": "exact", **terms}
    truth = 1 + 0.5 * float(share @ np.arange(4) / share.sum())
    return measured(Matching.model_validate(asked).fit(data).total(), np.array([truth]))


def line(seed: int, slope: float, size: int = 300, **terms: Any) -> Draw:
    """Draw people along a covariate, which moves outcomes, effects, and chances of being treated."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size)
    treated = (rng.random(size) < chance(x, slope)).astype(int)
    outcome = 2 * x + treated * (1 + 0.5 * x) + rng.normal(size=size) * (1 + 0.5 * treated)
    data = pd.DataFrame({"y": outcome, "t": treated, "x": x})
    asked = {"outcome": "y", "treated": "t", "covariates": ("x",), **terms}
    return measured(Matching.model_validate(asked).fit(data).total(), np.array([TRUTH[slope]]))


ATT, ATE, ATC = "effect on the treated", "effect on everybody", "effect on the untreated"
BINS = {"method": "coarsened_exact", "cutpoints": {"x": tuple(np.arange(-2, 2.1, 0.5).tolist())}}
FIVE = {"method": "subclassification"}


def by_line(what: str, terms: dict[str, Any], plain: str, adjusted: str, overlap: str, slope: float) -> list[Case]:
    """Return a row without adjustment and one with it."""
    return [
        Case(f"{what}, {overlap}", ATT, lambda s: line(s, slope, **terms), plain),
        Case(f"{what}, adjusted, {overlap}", ATT, lambda s: line(s, slope, **terms, bias_adjustment=True), adjusted),
    ]


CASES: tuple[Case, ...] = (
    Case("exact sets, HC2", ATT, levels),
    Case("exact sets, HC2", ATC, lambda s: levels(s, estimand="atc")),
    Case("exact sets, HC2", ATE, lambda s: levels(s, estimand="ate")),
    Case("exact sets of few people, HC2", ATT, lambda s: levels(s, size=80)),
    Case("exact sets, 40 towns, CR1", ATT, lambda s: levels(s, cluster="town")),
    *by_line("bins of half a standard deviation", BINS, REPORTED, SMOOTH, "good overlap", GOOD),
    *by_line("bins of half a standard deviation", BINS, REPORTED, REPORTED, "poor overlap", POOR),
    *by_line("five subclasses", FIVE, REPORTED, SMOOTH, "good overlap", GOOD),
    *by_line("five subclasses", FIVE, REPORTED, REPORTED, "poor overlap", POOR),
    *by_line("optimal pairs", {"method": "optimal"}, REPORTED, SMOOTH, "good overlap", GOOD),
    *by_line("optimal pairs", {"method": "optimal"}, REPORTED, SMOOTH, "poor overlap", POOR),
    *by_line("full matching", {"method": "full"}, REPORTED, SMOOTH, "good overlap", GOOD),
    *by_line("full matching", {"method": "full"}, REPORTED, SMOOTH, "poor overlap", POOR),
)
