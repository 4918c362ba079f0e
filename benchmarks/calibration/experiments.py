"""Rows for experiments: lotteries by person, by block and by village."""

from typing import Any

import numpy as np
import pandas as pd

from calibration.case import REPORTED, Case, Draw, measured
from counterfoil.estimators import Experiment, stack


def lottery(seed: int, size: int = 200, effect: float = 1.0) -> tuple[pd.DataFrame, float]:
    """Draw a lottery with unequal variances, six blocks of unequal chance, a covariate, and an effect that bends with it."""
    rng = np.random.default_rng(seed)
    block = np.arange(size) % 6
    age = rng.normal(size=size)
    assigned = np.zeros(size, dtype=int)
    for group in range(6):
        people = rng.permutation(np.flatnonzero(block == group))
        assigned[people[: round(len(people) * (0.3 + 0.08 * group))]] = 1
    own = effect * (1 + 0.5 * age)
    outcome = 0.5 * block + age + assigned * own + rng.normal(size=size) * (1 + assigned)
    return pd.DataFrame({"assigned": assigned, "block": block, "age": age, "y": outcome}), float(own.mean())


def villages(seed: int, groups: int, size: int = 12, effect: float = 0.5) -> pd.DataFrame:
    """Draw a lottery over villages whose people share fortunes."""
    rng = np.random.default_rng(seed)
    village = np.repeat(np.arange(groups), size)
    assigned = (rng.permutation(groups) < groups // 2)[village].astype(int)
    outcome = effect * assigned + 0.5 * rng.normal(size=groups)[village] + rng.normal(size=groups * size)
    return pd.DataFrame({"assigned": assigned, "village": village, "y": outcome})


def experiment(seed: int, **terms: Any) -> Draw:
    """Fit the lottery."""
    frame, truth = lottery(seed)
    return measured(
        Experiment.model_validate({"outcome": "y", "blocks": "block", **terms}).fit(frame), np.array([truth])
    )


def by_village(seed: int, groups: int, vcov: str = "CR1") -> Draw:
    """Fit the village lottery."""
    return measured(
        Experiment.model_validate({"outcome": "y", "cluster": "village", "vcov": vcov}).fit(villages(seed, groups)),
        np.array([0.5]),
    )


def weighted(seed: int) -> Draw:
    """Fit a lottery whose people count unequally; the truth is the weighted mean of their effects."""
    rng = np.random.default_rng(seed)
    size = 300
    weight, age, assigned = rng.uniform(0.5, 3.0, size), rng.normal(size=size), rng.integers(0, 2, size)
    own = 1 + 0.4 * weight
    frame = pd.DataFrame({"assigned": assigned, "age": age, "w": weight})
    frame["y"] = age + assigned * own + rng.normal(size=size) * (1 + assigned)
    truth = np.array([np.average(own, weights=weight)])
    return measured(Experiment(outcome="y", weights="w", covariates=("age",)).fit(frame), truth)


def joined(seed: int) -> Draw:
    """Join the effect on everybody and on the young, who are among them; the truth is their difference, nothing."""
    frame, _ = lottery(seed, size=400)
    frame["y"] = frame["age"] + frame["assigned"] + np.random.default_rng(seed + 1).normal(size=len(frame))
    blocks = [Experiment(outcome="y").fit(part) for part in (frame, frame[frame["age"] < 0])]
    difference = stack(blocks, ["all", "young"]).contrast([[1.0, -1.0]], ["difference"])
    return measured(difference, np.zeros(1))


def future(seed: int, **terms: Any) -> Draw:
    """Fit a lottery for future people: effects bend with a skewed covariate, so that their mean varies between samples."""
    rng = np.random.default_rng(seed)
    size, towns = 600, 40
    town = rng.integers(0, towns, size)
    age = rng.exponential(size=size) - 1 + ("cluster" in terms) * rng.normal(size=towns)[town]
    arm = rng.permutation(np.resize([0, 1, 2], towns))[town] if "cluster" in terms else rng.permutation(size) % 3
    weight = np.where(rng.random(size) < 0.5, 1.0, 3.0)
    outcome = age + (arm == 1) * (1 + 1.5 * age) + (arm == 2) * (2 - age) + rng.normal(size=size)
    frame = pd.DataFrame({"arm": arm, "age": age, "town": town, "w": weight, "y": outcome})
    asked = {"outcome": "y", "assigned": "arm", "control": 0, "arm": 1, "covariates": ("age",), "target": "population"}
    return measured(Experiment.model_validate({**asked, **terms}).fit(frame), np.array([1.0]))


EFFECT = "effect of assignment"
FUTURE = "effect of assignment on future people"
CASES: tuple[Case, ...] = (
    Case("experiment, blocks, HC2", EFFECT, experiment),
    Case("experiment, blocks, classical", EFFECT, lambda s: experiment(s, vcov="classical"), REPORTED),
    Case("experiment, Lin-adjusted, HC2", EFFECT, lambda s: experiment(s, covariates=("age",))),
    Case("experiment, 30 villages, CR1", EFFECT, lambda s: by_village(s, 30)),
    Case("experiment, 10 villages, CR1", EFFECT, lambda s: by_village(s, 10), REPORTED),
    Case("experiment, 10 villages, CR2", EFFECT, lambda s: by_village(s, 10, "CR2")),
    Case("experiment, weighted, Lin-adjusted, HC2", EFFECT, weighted),
    Case("experiment, three arms, population, HC2", FUTURE, future),
    Case("experiment, three arms, population, additive, HC2", FUTURE, lambda s: future(s, adjustment="additive")),
    Case("experiment, three arms, population, weighted, HC2", FUTURE, lambda s: future(s, weights="w")),
    Case("experiment, three arms, population, 40 towns, CR2", FUTURE, lambda s: future(s, cluster="town", vcov="CR2")),
    Case("experiments joined by person", "difference of overlapping groups", joined),
)
