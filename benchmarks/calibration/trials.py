"""Rows for arms, pairs, earlier outcomes, randomization inference and contamination bias."""

from functools import partial
from typing import Any, Final

import numpy as np
import pandas as pd

from calibration.case import CHANCE, REPORTED, Case, Draw, measured
from counterfoil.datasets import Study
from counterfoil.estimators import Experiment
from counterfoil.estimators.trials.arm_weights import ESTIMATORS, contamination_bias
from counterfoil.estimators.trials.pairs import similar_pairs_error
from counterfoil.estimators.trials.randomization import randomize

FloatArray = np.ndarray[Any, np.dtype[np.float64]]


def arms(seed: int, **terms: Any) -> Draw:
    """Fit three arms of unequal size and variance against a control, with effects that bend with a covariate."""
    rng = np.random.default_rng(seed)
    size = 240
    arm, age = rng.permutation(np.repeat(np.arange(4), [80, 40, 50, 70])), rng.normal(size=size)
    own = np.column_stack([np.zeros(size), 1 + age, 0.5 - age, 2 + 0 * age])
    y = age + own[np.arange(size), arm] + rng.normal(size=size) * (1 + 0.5 * arm)
    frame = pd.DataFrame({"assigned": arm, "age": age, "y": y})
    spec = Experiment.model_validate({"outcome": "y", "control": 0, **terms})
    return measured(spec.fit(frame), own.mean(axis=0)[1:])


def matched(seed: int, spread: float = 0.0) -> tuple[pd.DataFrame, FloatArray]:
    """Draw thirty pairs alike in a score, with effects that differ by it."""
    rng = np.random.default_rng(seed)
    score = np.sort(rng.normal(size=60))
    first = rng.integers(0, 2, 30)
    assigned = np.column_stack([first, 1 - first]).ravel()
    age = score + 0.5 * rng.normal(size=60)
    y = 2 * score + age + assigned * (1 + spread * score) + rng.normal(size=60)
    frame = pd.DataFrame({"assigned": assigned, "pair": np.arange(60) // 2, "age": age, "y": y})
    return frame, np.asarray(np.where(assigned == 1, y, -y).reshape(30, 2).sum(axis=1), dtype=np.float64)


def pairs(seed: int, **terms: Any) -> Draw:
    """Fit the pairs."""
    spec = Experiment.model_validate({"outcome": "y", "pairs": "pair", **terms})
    return measured(spec.fit(matched(seed)[0]), np.ones(1))


def similar_pairs(seed: int) -> Draw:
    """Take pairs next to each other as alike; people are drawn from a population in which effects differ."""
    _, differences = matched(seed, spread=2.0)
    value, error = differences.mean(), similar_pairs_error(differences, np.arange(30))
    return Draw(np.array([value]), np.ones(1), np.array([abs(value - 1) <= 2.045 * error]), np.array([error]))


def earlier(seed: int) -> Draw:
    """Adjust for the same outcome a year before."""
    rng = np.random.default_rng(seed)
    size = 160
    level, assigned = rng.normal(size=size), rng.permutation(np.repeat([0, 1], [100, 60]))
    own = 1 + 0.5 * level
    before, after = level + 0.5 * rng.normal(size=size), level + assigned * own + rng.normal(size=size) * 0.7
    people = pd.DataFrame({"person": np.arange(size), "assigned": assigned})
    long = [people[["person"]].assign(outcome="y", period=p, value=v) for p, v in (("1", before), ("2", after))]
    study = Study.from_tables(people, outcomes=pd.concat(long))
    return measured(Experiment(period="2", before=("1",)).fit(study), np.array([own.mean()]))


def rejects(seed: int, **terms: Any) -> Draw:
    """Test at 5% a lottery without effect; the value is whether it was rejected, the truth 5%."""
    rng = np.random.default_rng(seed)
    x, assigned, block = rng.normal(size=(48, 2)), rng.permutation(np.repeat([0, 1], [32, 16])), np.arange(48) // 12
    outcome = x[:, 0] + rng.exponential(size=48) ** 2
    if terms.pop("blocked", False):
        assigned = np.concatenate([rng.permutation(np.repeat([0, 1], [8, 4])) for _ in range(4)])
        terms["blocks"] = block
        outcome = outcome + block
    if terms.pop("clustered", False):
        assigned = (rng.permutation(12) < 5)[np.arange(48) // 4].astype(int)
        terms["clusters"] = np.arange(48) // 4
        outcome = outcome + rng.normal(size=12)[np.arange(48) // 4]
    if terms.pop("adjusted", False):
        terms["covariates"] = x
    test = randomize(outcome, assigned, draws=199, seed=seed % 2**31, **terms)
    return Draw(np.array([float(test.p_values[0] <= 0.05)]), np.array([0.05]))


def weak_null(seed: int, statistic: Any) -> Draw:
    """Test at 5% a lottery whose effects vary around nothing, with a small, noisier arm."""
    rng = np.random.default_rng(seed)
    assigned = rng.permutation(np.repeat([0, 1], [100, 30]))
    own = 2 * rng.normal(size=130)
    outcome = rng.normal(size=130) + assigned * (own - own.mean())
    test = randomize(outcome, assigned, draws=199, seed=seed % 2**31, statistic=statistic)
    return Draw(np.array([float(test.p_values[0] <= 0.05)]), np.array([0.05]))


def inverted(seed: int, statistic: Any) -> Draw:
    """Invert the test of a constant effect of one."""
    rng = np.random.default_rng(seed)
    x, assigned = rng.normal(size=(60, 2)), rng.permutation(np.repeat([0, 1], [36, 24]))
    outcome = x[:, 0] + assigned + rng.standard_t(4, size=60)
    test = randomize(outcome, assigned, covariates=x, draws=399, seed=seed % 2**31, statistic=statistic)
    low, high = test.interval()
    return Draw(np.array([test.estimate]), np.ones(1), np.array([low <= 1 <= high]))


CHANCES: Final = np.array([[0.5, 0.3, 0.2], [0.2, 0.6, 0.2], [0.3, 0.1, 0.6], [0.3, 0.3, 0.4]])
EFFECTS: Final = np.array([[0.0, 0.0, 0.0], [0.0, 1.0, 2.0], [0.0, 2.0, 0.0], [0.0, 3.0, 1.0]])


def true_values() -> FloatArray:
    """Return what the five estimators estimate of two arms in four blocks of equal size, shape (5, 2)."""
    chance, effect = CHANCES[:, 1:], EFFECTS[:, 1:]
    spread = np.mean([np.diag(p) - np.outer(p, p) for p in chance], axis=0)
    inverse = np.linalg.inv(spread)
    weights = np.einsum("km,gmj->gkj", inverse, [np.diag(p) - np.outer(p, p) for p in chance]) / 4
    pl = np.einsum("gkj,gj->k", weights, effect)
    own = np.einsum("gkk,gk->k", weights, effect)
    one = CHANCES[:, [0]] * chance / (CHANCES[:, [0]] + chance)
    common = 1 / (1 / CHANCES).sum(axis=1)
    return np.array(
        [pl, own, effect.mean(axis=0), (one * effect).sum(axis=0) / one.sum(axis=0), common @ effect / common.sum()]
    )


TRUTH: Final = true_values()


def contaminated(seed: int, name: str) -> Draw:
    """Fit two arms whose chances and effects differ by block."""
    rng = np.random.default_rng(seed)
    block = rng.integers(0, 4, 800)
    arm = (rng.random((800, 1)) > CHANCES[block].cumsum(axis=1)).sum(axis=1).clip(0, 2)
    frame = pd.DataFrame({"assigned": arm, "block": block, "y": block + EFFECTS[block, arm] + rng.normal(size=800)})
    found = contamination_bias(Experiment(outcome="y", control="0", blocks="block"), frame)
    place = ESTIMATORS.index(name)
    return measured(found.joint.select([2 * place, 2 * place + 1]), TRUTH[place])


EFFECT, SIZE = "effect of assignment", "rejections at 5%"
CASES: tuple[Case, ...] = (
    Case("three arms and a control, HC2", "effects of the arms", arms),
    Case("three arms and a control, Lin-adjusted, HC2", "effects of the arms", lambda s: arms(s, covariates=["age"])),
    Case("30 matched pairs, CR2", EFFECT, pairs),
    Case("30 matched pairs, adjusted, CR2", EFFECT, lambda s: pairs(s, covariates=["age"])),
    Case("30 matched pairs, as if unmatched, HC2", EFFECT, lambda s: pairs(s, pairs=None), REPORTED),
    Case("30 matched pairs, neighbours alike", "effect in the population", similar_pairs),
    Case("experiment, earlier outcome, HC2", EFFECT, earlier),
    Case("randomization test, difference", SIZE, rejects, CHANCE),
    Case("randomization test, studentized, covariates", SIZE, lambda s: rejects(s, statistic="studentized", adjusted=True), CHANCE),
    Case("randomization test, blocks", SIZE, lambda s: rejects(s, blocked=True), CHANCE),
    Case("randomization test, 12 villages", SIZE, lambda s: rejects(s, clustered=True), CHANCE),
    Case("randomization test, effects vary around nothing, studentized", SIZE, lambda s: weak_null(s, "studentized"), CHANCE),
    Case("randomization test, effects vary around nothing, difference", SIZE, lambda s: weak_null(s, "difference"), REPORTED),
    Case("randomization interval, difference, covariates", "constant effect", lambda s: inverted(s, "difference")),
    Case("randomization interval, studentized, covariates", "constant effect", lambda s: inverted(s, "studentized")),
    *(
        Case(f"two arms in four blocks of unequal chances, {name}", "effects of the arms", partial(contaminated, name=name))
        for name in ESTIMATORS
    ),
)  # fmt: skip
