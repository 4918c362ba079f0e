"""Rows for weighting: chances, entropy balancing and balancing chances; groups, clusters, poor overlap, several periods."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.case import REPORTED, Case, Draw, measured
from counterfoil.estimators import Experiment
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting
from counterfoil.estimators.weighting.weighting import Weighting

Array = NDArray[np.float64]
GOOD = 0.5
POOR = 1.5
KEPT = (0.2, 0.8)
SAMPLED = 3_600


def chance(x: Array, steep: float) -> Array:
    """Return the chance of being treated, shape (n,), of people with two covariates."""
    return np.asarray(1 / (1 + np.exp(0.3 - steep * (x[:, 0] - 0.8 * x[:, 1]))))


def effect(x: Array) -> Array:
    """Return each person's effect: it bends with a covariate that leads to treatment, so that estimands differ."""
    return np.asarray(1 + 0.5 * x[:, 0])


@cache
def truth(estimand: str, steep: float) -> float:
    """Return the average effect on a population, by a sum over a fine grid of both covariates."""
    line = np.linspace(-7, 7, 701)
    x = np.column_stack([side.ravel() for side in np.meshgrid(line, line)])
    p = chance(x, steep)
    shape = {
        "att": p,
        "atc": 1 - p,
        "ate": np.ones_like(p),
        "ato": p * (1 - p),
        "atm": np.minimum(p, 1 - p),
        "trimmed": ((p >= KEPT[0]) & (p <= KEPT[1])).astype(float),
    }[estimand]
    return float(np.average(effect(x), weights=shape * np.exp(-(x**2).sum(axis=1) / 2)))


def people(seed: int, steep: float, size: int = 400, bend: float = 0.5, town: bool = False) -> pd.DataFrame:
    """Draw people whose outcome bends with a covariate, which a logit of the right form does not mind."""
    rng = np.random.default_rng(seed)
    towns = rng.integers(0, 50, size)
    shared = rng.normal(size=(50, 2))[towns] * (0.6 * town)
    x = rng.normal(size=(size, 2)) * np.sqrt(1 - 0.36 * town) + shared
    treated = (rng.random(size) < chance(x, steep)).astype(int)
    outcome = x @ [1.0, 0.5] + bend * x[:, 0] ** 2 + treated * effect(x) + rng.normal(size=size) * (1 + 0.5 * treated)
    outcome += 0.6 * town * rng.normal(size=50)[towns]
    return pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "treated": treated, "town": towns, "y": outcome})


def weighted(
    seed: int, estimand: str = "att", steep: float = GOOD, bend: float = 0.5, size: int = 400, **terms: Any
) -> Draw:
    """Weight the people drawn."""
    spec = {"outcome": "y", "treated": "treated", "covariates": ("a", "b"), "estimand": estimand, **terms}
    frame = people(seed, steep, size, bend, "cluster" in terms)
    found = Weighting.model_validate(spec).fit(frame).effects
    return measured(found, np.array([truth("trimmed" if "trim" in terms else estimand, steep)]))


def sampled(seed: int, method: str) -> Draw:
    """Weight people of whom some were less likely to be in the study, by how likely."""
    rng = np.random.default_rng(seed)
    # With few people the ratio of weighted sums is off by about 17 over their number, which 1,000 draws would show.
    frame = people(seed, GOOD, SAMPLED)
    kept = 1 / (1 + np.exp(-frame["a"]))
    frame = frame.assign(w=1 / kept)[rng.random(SAMPLED) < kept].reset_index(drop=True)
    spec = {"outcome": "y", "treated": "treated", "covariates": ("a", "b"), "weights": "w", "method": method}
    return measured(Weighting.model_validate(spec).fit(frame).effects, np.array([truth("att", GOOD)]))


def three(seed: int, estimand: str, method: str, size: int = 700) -> Draw:
    """Weight two programmes against the same untreated people."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    group = (rng.random((size, 1)) > shares(x).cumsum(axis=1)).sum(axis=1)
    outcome = x @ [1.0, 0.5] + (group == 1) * (1 + x[:, 0]) + (group == 2) * (2 - x[:, 1]) + rng.normal(size=size)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "group": np.array(["none", "p", "q"])[group], "y": outcome})
    spec = {"outcome": "y", "treated": "group", "control": "none", "covariates": ("a", "b")}
    found = Weighting.model_validate({**spec, "estimand": estimand, "method": method}).fit(frame).effects
    return measured(found, truth_of_three(estimand))


def shares(x: Array) -> Array:
    """Return the chances of three groups, shape (n, 3)."""
    odds = np.exp(np.column_stack([np.zeros(len(x)), 0.5 * x[:, 0] - 0.2, 0.4 * x[:, 1] - 0.4 * x[:, 0]]))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


@cache
def truth_of_three(estimand: str) -> Array:
    """Return both programmes' effects on their own people, or on everybody."""
    line = np.linspace(-7, 7, 701)
    x = np.column_stack([side.ravel() for side in np.meshgrid(line, line)])
    normal, found = np.exp(-(x**2).sum(axis=1) / 2), shares(x)
    own = (1 + x[:, 0], 2 - x[:, 1])
    shape = [found[:, g + 1] if estimand == "att" else np.ones(len(x)) for g in range(2)]
    return np.array([np.average(own[g], weights=shape[g] * normal) for g in range(2)])


def coached(seed: int, size: int = 800, equal: bool = False) -> pd.DataFrame:
    """Draw two periods in which idle people are coached and coaching makes them less idle."""
    rng = np.random.default_rng(seed)
    first = rng.normal(size=size)
    one = (rng.random(size) < 1 / (1 + np.exp(-0.6 * first))).astype(int)
    still = 0.5 * first - 0.6 * one + rng.normal(size=size)
    two = (rng.random(size) < 1 / (1 + np.exp(0.2 - 0.6 * still - 0.5 * one))).astype(int)
    wage = (0.4 if equal else 1.0) * one + two - first - still + rng.normal(size=size)
    return pd.DataFrame({"idle": first, "one": one, "still": still, "two": two, "y": wage})


def periods(seed: int, model: str) -> Draw:
    """Weight always against never: a year of coaching adds what it does at once, and 0.6 through being less idle."""
    spec = {"outcome": "y", "treated": ("one", "two"), "before": (("idle",), ("still",)), "model": model}
    frame = coached(seed, equal=model == "linear")
    found = LongitudinalWeighting.model_validate(spec).fit(frame).effects
    return measured(found, np.array([2.0 if model == "linear" else 2.6]))


def static(seed: int) -> Draw:
    """Regress on always being treated among people always or never treated, adjusted for all covariates at once."""
    frame = coached(seed)
    ends = frame[frame["one"] == frame["two"]].reset_index(drop=True)
    spec = {"outcome": "y", "assigned": "one", "control": 0, "covariates": ("idle", "still"), "adjustment": "additive"}
    return measured(Experiment.model_validate(spec).fit(ends), np.array([2.6]))


WHAT = {
    "att": "effect on the treated",
    "atc": "effect on the untreated",
    "ate": "effect on everybody",
    "ato": "effect on people who could have been either",
    "atm": "effect on people whom matching would keep",
}
ALWAYS = "effect of always over never"
BOTH = "effects of two programmes"
CASES: tuple[Case, ...] = (
    *(Case("weighting, logit", what, lambda s, e=e: weighted(s, e)) for e, what in WHAT.items()),  # type: ignore[misc]
    Case(
        "weighting, probit",
        WHAT["ate"],
        lambda s: weighted(s, "ate", score="probit"),
        slack=0.02,
        draws=300,
        fewer="a fit by statsmodels takes 50 ms",
    ),
    Case("weighting, entropy", WHAT["att"], lambda s: weighted(s, "att", method="entropy")),
    Case("weighting, entropy", WHAT["atc"], lambda s: weighted(s, "atc", method="entropy")),
    Case("weighting, entropy, linear outcome", WHAT["ate"], lambda s: weighted(s, "ate", bend=0.0, method="entropy")),
    Case("weighting, balancing chances", WHAT["ate"], lambda s: weighted(s, "ate", method="cbps")),
    Case(
        "weighting, logit, trimmed",
        "effect on people whose chance is between .2 and .8",
        lambda s: weighted(s, "ate", trim={"below": KEPT[0], "above": KEPT[1]}, size=1_000),
    ),
    Case("weighting, logit, weighted people", WHAT["att"], lambda s: sampled(s, "score")),
    Case("weighting, entropy, weighted people", WHAT["att"], lambda s: sampled(s, "entropy")),
    Case("weighting, logit, 50 towns, CR1", WHAT["att"], lambda s: weighted(s, "att", size=600, cluster="town")),
    Case(
        "weighting, entropy, 50 towns, CR1",
        WHAT["att"],
        lambda s: weighted(s, "att", size=600, cluster="town", method="entropy"),
    ),
    Case("weighting, logit, three groups", BOTH, lambda s: three(s, "ate", "score")),
    Case("weighting, logit, three groups", f"{BOTH} on their own people", lambda s: three(s, "att", "score")),
    Case("weighting, entropy, three groups", f"{BOTH} on their own people", lambda s: three(s, "att", "entropy")),
    Case("weighting, balancing chances, three groups", BOTH, lambda s: three(s, "ate", "cbps")),
    *(
        Case("weighting, logit, poor overlap", WHAT[e], lambda s, e=e: weighted(s, e, POOR), REPORTED)  # type: ignore[misc]
        for e in ("att", "ate")
    ),
    Case(
        "weighting, entropy, poor overlap", WHAT["att"], lambda s: weighted(s, "att", POOR, method="entropy"), REPORTED
    ),
    Case("weighting, logit, poor overlap", WHAT["ato"], lambda s: weighted(s, "ato", POOR)),
    Case("weighting over two periods", ALWAYS, lambda s: periods(s, "always_or_never")),
    Case("weighting over two periods, linear", ALWAYS, lambda s: periods(s, "linear")),
    Case("regression on two periods at once", ALWAYS, static, REPORTED),
)
