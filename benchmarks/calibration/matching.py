"""Rows for matching: nearest neighbours used once and again, with and without bias adjustment, under good and poor overlap."""

from typing import Any

import numpy as np
import pandas as pd

from calibration.case import REPORTED, Case, Draw, measured
from counterfoil.estimators.matching.matching import Matching

INDEX = np.array([0.5, -0.4, 0.0])
"""How the log-odds of treatment rise with three covariates; three times as much where overlap is poor."""


def people(seed: int, poor: bool = False, towns: int = 0, few: bool = False) -> pd.DataFrame:
    """Draw people of whom a third, or few, are treated; outcomes bend with the first covariate, on which the effect depends."""
    size = 1_200 if few else 600
    rng = np.random.default_rng(seed)
    place = rng.normal(size=(size, 3))
    index = place @ (INDEX * (3.0 if poor else 1.0)) - (3.0 if few else 1.0)
    treated = (rng.random(size) < 1 / (1 + np.exp(-index))).astype(int)
    town = np.arange(size) % max(towns, 1)
    own = 1.0 + 0.5 * place[:, 0]
    outcome = place @ [1.0, 0.5, 1.5] + 0.2 * place[:, 0] ** 2 + treated * own + rng.normal(size=size) * (1 + treated)
    if towns:
        outcome = outcome + 0.6 * rng.normal(size=towns)[town]
    return pd.DataFrame({"t": treated, "town": town, "y": outcome, **dict(zip("abc", place.T, strict=True))})


def truth(estimand: str, poor: bool, few: bool = False) -> float:
    """Return the mean effect on future people of a group: 1 + E[a | group] / 2, by quadrature over the index."""
    slopes = INDEX * (3.0 if poor else 1.0)
    length = float(np.linalg.norm(slopes))
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    chance = 1 / (1 + np.exp((3.0 if few else 1.0) - length * nodes))
    share = {"att": chance, "atc": 1 - chance, "ate": np.ones(len(nodes))}[estimand]
    return float(1.0 + 0.5 * slopes[0] / length * (weights @ (share * nodes)) / (weights @ share))


def matched(seed: int, poor: bool = False, towns: int = 0, few: bool = False, **terms: Any) -> Draw:
    """Match and measure; the truth is that of everybody asked for, whoever found a partner."""
    asked = {"treated": "t", "outcome": "y", "covariates": ("a", "b", "c"), "estimand": "att", **terms}
    effect = Matching.model_validate(asked).fit(people(seed, poor, towns, few)).total()
    return measured(effect, np.array([truth(asked["estimand"], poor, few)]))


TREATED = "effect on the treated"
NEAR: dict[str, Any] = {"distance": "mahalanobis", "replace": True}
CASES: tuple[Case, ...] = (
    Case("matching by score, again, Abadie-Imbens", TREATED, lambda s: matched(s, replace=True)),
    Case("matching by score, again, scores HC0", TREATED, lambda s: matched(s, replace=True, errors="scores")),
    Case("matching by score, again, three partners", TREATED, lambda s: matched(s, replace=True, ratio=3)),
    Case(
        "matching by score, again, Abadie-Imbens",
        "effect on everybody",
        lambda s: matched(s, replace=True, estimand="ate"),
    ),
    Case("matching by Mahalanobis, again", TREATED, lambda s: matched(s, **NEAR), REPORTED),
    Case(
        "matching by Mahalanobis, again, bias-adjusted by lines",
        TREATED,
        lambda s: matched(s, **NEAR, bias_adjustment=True),
        REPORTED,
    ),
    Case(
        "matching by Mahalanobis, again, bias-adjusted with squares",
        TREATED,
        lambda s: matched(s, **NEAR, bias_adjustment=True, squares=("a",)),
    ),
    Case("matching by score, once, caliper, by set", TREATED, lambda s: matched(s, caliper=0.2), REPORTED),
    Case("matching by score, once, of many, by set", TREATED, lambda s: matched(s, few=True), REPORTED),
    Case(
        "matching by score, once, of many, scores HC0",
        TREATED,
        lambda s: matched(s, few=True, errors="scores"),
    ),
    Case(
        "matching by Mahalanobis, once, of many, bias-adjusted, by set",
        TREATED,
        lambda s: matched(s, few=True, distance="mahalanobis", bias_adjustment=True),
    ),
    Case(
        "matching by score, again, 40 towns, scores CR1",
        TREATED,
        lambda s: matched(s, towns=40, replace=True, cluster="town"),
    ),
    Case("matching by score, again, poor overlap", TREATED, lambda s: matched(s, True, replace=True), REPORTED),
    Case(
        "matching by Mahalanobis, again, bias-adjusted, poor overlap",
        TREATED,
        lambda s: matched(s, True, **NEAR, bias_adjustment=True),
        REPORTED,
    ),
    Case("matching by score, once, caliper, poor overlap", TREATED, lambda s: matched(s, True, caliper=0.2), REPORTED),
)
