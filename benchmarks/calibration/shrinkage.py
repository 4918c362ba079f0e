"""Rows for shrunk credits: many providers with small rosters, whose effects are drawn anew in every draw.

A row holds n Σ_j q_j² (error_j)² of the shrunk and of the restored credits against ratio² times the same of the raw
credits, and the share of providers that their robust interval missed against .05.
"""

from functools import partial

import numpy as np
import pandas as pd

from calibration.case import AT_MOST, DRAWS, Case, Draw, FloatArray
from counterfoil.attribution import Shapley
from counterfoil.estimators import Contribution, shrink


def small_rosters(seed: int, providers: int, size: int, prior: str) -> tuple[pd.DataFrame, FloatArray]:
    """Draw people, and the effects of the providers from a normal or a two-point prior of mean .2 and deviation .12."""
    rng = np.random.default_rng(seed)
    if prior == "normal":
        effect = rng.normal(0.2, 0.12, providers)
    else:
        effect = 0.2 + np.where(rng.random(providers) < 0.1, 0.36, -0.04)
    chance, x = rng.uniform(0.01, 0.12, providers), rng.normal(size=size)
    logit = np.log(chance / (1 - chance)) + 0.3 * x[:, None]
    served = rng.random((size, providers)) < 1 / (1 + np.exp(-logit))
    frame = pd.DataFrame(served.astype(int), columns=[f"p{j:03d}" for j in range(providers)])
    return frame.assign(x=x, y=x + served @ effect + rng.normal(size=size)), effect


def losses(seed: int, providers: int, size: int, prior: str) -> FloatArray:
    """Return the losses of raw, shrunk and restored credits, and the share missed by robust intervals."""
    frame, effect = small_rosters(seed, providers, size, prior)
    spec = Contribution(
        outcome="y",
        providers=tuple(frame.columns[:providers]),
        covariates=("x",),
        design="unconfounded",
        model="additive",
    )
    found = shrink(spec.fit(frame), Shapley())
    weight = size * found.served**2
    squares = [weight @ (tau - effect) ** 2 for tau in (found.raw.values, found.shrunk, found.restored)]
    low, high = found.intervals.T
    return np.array([*squares, np.mean((effect < low) | (effect > high))])


def shrinkage(seed: int, providers: int = 50, size: int = 4_000, prior: str = "normal", ratio: float = 0.92) -> Draw:
    """Hold the losses against the bound that the raw credits set, and the robust intervals' misses against .05."""
    raw, shrunk, restored, robust = losses(seed, providers, size, prior)
    return Draw(np.array([shrunk, restored, robust]), np.array([ratio**2 * raw, ratio**2 * raw, 0.05]))


QUANTITY = "loss of shrunk and of restored credits within {:.2f}² of the raw loss; robust misses within .05"
SHAPES: dict[str, tuple[int, int, str, float, int]] = {
    "50 small providers, normal prior": (50, 4_000, "normal", 0.92, DRAWS),
    "50 small providers, two-point prior": (50, 4_000, "two-point", 0.92, DRAWS),
    "100 small providers, 20,000 people": (100, 20_000, "normal", 1.00, 40),
}


CASES: tuple[Case, ...] = tuple(
    Case(
        name,
        QUANTITY.format(ratio),
        partial(shrinkage, providers=providers, size=size, prior=prior, ratio=ratio),
        AT_MOST,
        design="B4",
        draws=draws,
        fewer="" if draws == DRAWS else "8 s a draw",
    )
    for name, (providers, size, prior, ratio, draws) in SHAPES.items()
)
