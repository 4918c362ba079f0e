"""Simulated studies that several subjects share, with their truths: three providers, ten providers, twins over a hub.

The truths of the three and of the ten providers are known to the digits written; the others follow by quadrature.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.case import FloatArray
from counterfoil.attribution import Shapley
from counterfoil.estimators.kernel import membership

THREE = ("a", "b", "c")
PATTERNS = membership(3).astype(np.intp)
THREE_TRUTH = np.array([0.275712, 0.212208, -0.012650])
SITES_TRUTH = np.array([0.279, 0.210, -0.014])
HARM_TRUTH = np.array([0.2959, 0.2122, -0.0755])
WEAK = 0.15

TEN = tuple(f"p{j}" for j in range(10))
TEN_OWN = np.array([0.0896, -0.0149, 0.2003, 0.3341, 0.4772, 0.2719, 0.1395, 0.0930, 0.3997, 0.5770])
TEN_PAIRS = {
    (0, 1): -0.3083, (0, 2): -0.2396, (0, 3): 0.4000, (1, 9): -0.0433, (2, 3): -0.0761, (2, 4): -0.2620, (2, 5): -0.0990,
    (3, 8): -0.0584, (4, 5): -0.2101, (4, 6): 0.3622, (5, 9): -0.0912, (6, 8): 0.2417, (6, 9): -0.0902,
}  # fmt: skip
TEN_TRUTH = np.array([0.0111, -0.0179, 0.0276, 0.0929, 0.1187, 0.0540, 0.0564, 0.0244, 0.1117, 0.1424])
TRIPLE_TRUTH = np.array([0.0163, -0.0127, 0.0328, *TEN_TRUTH[3:]])
TRIPLE = 0.5

Effect = Callable[[Any, Any, Any, Any], Any]
"""From the three providers' indicators and x2 to what they add."""


def usual(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Add effects that bend with a covariate, pairs and a triple; the third does harm beside the first."""
    return 0.5 * a + 0.3 * b * (1 + 0.5 * x2) + 0.4 * a * b - 0.2 * a * c + 0.2 * a * b * c


def weak(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Add so little that the total is seldom significant."""
    return WEAK * usual(a, b, c, x2)


def nothing(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Add nothing, whoever serves."""
    return 0.0 * (a + b + c + x2)


def harmful(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Let the third provider do harm to everybody it serves."""
    return usual(a, b, c, x2) - 0.2 * c + 0.2 * a * c


def helpful(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Let everybody help, whoever else is there."""
    return 0.5 * a + 0.3 * b + 0.4 * a * b + 0.1 * c + 0.2 * a * b * c + 0.0 * x2


def idle_alone(a: Any, b: Any, c: Any, x2: Any) -> Any:
    """Let the second provider do nothing alone, so that the true credits lie on the ends of their bounds."""
    return 0.5 * a + 0.3 * b * (a | c) + 0.4 * a * b + 0.1 * c + 0.2 * a * b * c + 0.0 * x2


def effects(x2: FloatArray, effect: Effect = usual) -> FloatArray:
    """Return the effect of each pattern, (..., 8)."""
    a, b, c = PATTERNS.T
    return np.asarray(effect(a, b, c, x2[..., None]))


def log_weights(x1: FloatArray, x2: FloatArray, hidden: FloatArray | float = 0.0, strength: float = 0.0) -> FloatArray:
    """Return the logarithm of each pattern's weight, (..., 8), for covariates and hidden factor of any one shape."""
    a, b = PATTERNS[:, 0], PATTERNS[:, 1]
    load = (0.35 + 0.3 * x1 - strength * hidden)[..., None] * PATTERNS.sum(axis=1)
    return np.asarray(-load + 0.3 * b * x2[..., None] + 0.5 * a * b)


def chances(log_weight: FloatArray) -> FloatArray:
    """Return probabilities from logarithms of weights, over the last axis."""
    weight = np.exp(log_weight - log_weight.max(axis=-1, keepdims=True))
    return np.asarray(weight / weight.sum(axis=-1, keepdims=True))


def three_providers(
    seed: int, size: int = 2_000, sites: int = 0, effect: Effect = usual, hidden: tuple[float, float] = (0.0, 0.0)
) -> pd.DataFrame:
    """Draw three providers of whom needy people have more.

    With ``sites``, exposure and outcome share a site's fortunes. With ``hidden``, a factor moves exposure and outcome by
    so much; it is the column ``hidden``, which no fit may name.
    """
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    factor = rng.normal(size=size) if any(hidden) else np.zeros(size)
    log_weight = log_weights(x[:, 0], x[:, 1], factor, hidden[0])
    site = np.arange(size) % max(sites, 1)
    if sites:
        log_weight += (1.5 * rng.normal(size=(sites, 3)) @ PATTERNS.T)[site]
    pattern = (rng.random((size, 1)) > chances(log_weight).cumsum(axis=1)).sum(axis=1).clip(0, 7)
    shock = np.sqrt(0.05 / 0.95) * rng.normal(size=max(sites, 1))[site] * bool(sites)
    a, b, c = PATTERNS[pattern].T
    mean = 1 + x[:, 0] + 0.5 * x[:, 1] + effect(a, b, c, x[:, 1]) + hidden[1] * factor
    frame = pd.DataFrame(PATTERNS[pattern], columns=list(THREE))
    outcome = mean + shock + rng.normal(size=size)
    return frame.assign(x1=x[:, 0], x2=x[:, 1], site=site, hidden=factor, y=outcome)


def parts(frame: pd.DataFrame) -> tuple[FloatArray, NDArray[np.intp], FloatArray]:
    """Return covariates (n, 2), pattern (n,) and outcome (n,) of three providers."""
    return frame[["x1", "x2"]].to_numpy(), frame[list(THREE)].to_numpy() @ [1, 2, 4], frame["y"].to_numpy()


def true_means(x: FloatArray) -> FloatArray:
    """Return m(b, x) of the three providers, (n, 8)."""
    return np.asarray((1 + x[:, 0] + 0.5 * x[:, 1])[:, None] + effects(x[:, 1]))


def true_propensity(x: FloatArray) -> FloatArray:
    """Return π(b, x) of the three providers, (n, 8)."""
    return chances(log_weights(x[:, 0], x[:, 1]))


@cache
def kernel_table() -> FloatArray:
    """Return Shapley's weights for each own pattern, pattern compared with, and provider, (8, 8, 3)."""
    table = np.zeros((8, 8, 3))
    for own in range(1, 8):
        members = np.flatnonzero(PATTERNS[own])
        sets = membership(len(members)) @ (1 << members)
        table[own][np.ix_(sets, members)] = Shapley().weights(tuple(members.tolist()), None).T
    return table


def scores(
    means: FloatArray, propensity: FloatArray, pattern: NDArray[np.intp], outcome: FloatArray, floor: float = 0.0
) -> FloatArray:
    """Return u_ij (n, 3) of the augmented credits for given nuisances (n, 8); the own chance is at least the floor."""
    people = np.arange(len(pattern))
    chance = np.array(propensity)
    chance[people, pattern] = np.maximum(chance[people, pattern], floor)
    weight = np.einsum("aij,ia->ij", kernel_table()[:, pattern], chance / chance[people, pattern][:, None])
    fixed = np.einsum("ibj,ib->ij", kernel_table()[pattern], means)
    return np.asarray(fixed + weight * (outcome - means[people, pattern])[:, None])


def oracle(frame: pd.DataFrame) -> FloatArray:
    """Return u_ij (n, 3) of the augmented credits of three providers with the true nuisances."""
    x, pattern, outcome = parts(frame)
    return scores(true_means(x), true_propensity(x), pattern, outcome)


def credits_in(effect: Effect, mass: FloatArray) -> FloatArray:
    """Return the Shapley credits (3,) of people whose patterns have these masses, for an effect that does not bend."""
    return np.asarray(np.einsum("a,abj,b->j", mass / mass.sum(), kernel_table(), effects(np.zeros(1), effect)[0]))


def ten_providers(seed: int, size: int = 2_000, triple: float = 0.0) -> pd.DataFrame:
    """Draw ten providers at four sites who refer people to each other; own effects, thirteen pairs, perhaps a triple."""
    rng = np.random.default_rng(seed)
    x, site, served = rng.normal(size=(size, 3)), rng.integers(0, 4, size), np.zeros((size, 10))
    for j in range(10):
        logit = (
            -1.6 + (j % 4 == site) - 0.3 * x[:, 0] + 0.3 * (-1) ** j * x[:, 1] + (0.8 * served[:, j - 1] if j else 0)
        )
        served[:, j] = rng.random(size) < 1 / (1 + np.exp(-logit))
    joint = triple * served[:, :3].prod(axis=1)
    joint += sum(value * served[:, j] * served[:, k] for (j, k), value in TEN_PAIRS.items())
    outcome = 1 + x[:, 0] + 0.5 * x[:, 1] + 0.3 * (site == 1) + served @ TEN_OWN + joint + rng.normal(size=size)
    frame = pd.DataFrame(served.astype(int), columns=list(TEN))
    return frame.assign(x1=x[:, 0], x2=x[:, 1], x3=x[:, 2], site=[f"s{s}" for s in site], y=outcome)


def sigmoid_mean(intercept: float, slope: float) -> float:
    """Return E[1 / (1 + exp(−intercept − slope X))] of a standard normal X."""
    points, weights = np.polynomial.hermite_e.hermegauss(60)
    return float(weights @ (1 / (1 + np.exp(-intercept - slope * points))) / weights.sum())


TWIN_SHARE, FREE_SHARE = sigmoid_mean(-0.3, -0.4), sigmoid_mean(-0.2, 0.3)
OVER_HUB = np.array([0.4 * TWIN_SHARE, 0.3 * FREE_SHARE])
"""Credits of the twins together and of the free provider, over the hub."""


def twins(seed: int, size: int = 2_000) -> pd.DataFrame:
    """Draw twins who always serve together, one provider apart, and a hub that serves everybody."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    pair = (rng.random(size) < 1 / (1 + np.exp(0.3 + 0.4 * x[:, 0]))).astype(int)
    free = (rng.random(size) < 1 / (1 + np.exp(0.2 - 0.3 * x[:, 1]))).astype(int)
    outcome = 1 + x[:, 0] + 0.5 * x[:, 1] + 0.4 * pair + 0.3 * free + rng.normal(size=size)
    served = {"left": pair, "right": pair, "free": free, "hub": 1, "pair": pair}
    return pd.DataFrame({**served, "x1": x[:, 0], "x2": x[:, 1], "y": outcome})
