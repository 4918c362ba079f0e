"""Calibrate shrunk credits: many providers with small rosters, whose effects are drawn anew in every draw.

``PYTHONPATH=benchmarks python benchmarks/calibrate_effects.py --draws 300`` prints the ratios of the losses themselves.

A row of target ``at most`` holds values against bounds: it is met when no mean of ``values − truth`` exceeds zero by
three Monte Carlo errors. Here the values are n Σ_j q_j² (error_j)² of the shrunk and of the restored credits, beside a
bound of ratio² times the same of the raw credits, and the share of providers that their robust interval missed,
beside .05.
"""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
import pandas as pd
from calibrate import Case, Draw, FloatArray, seed_of

from counterfoil.attribution import Shapley
from counterfoil.estimators import Contribution, shrink

AT_MOST = "at most"


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
    """Return the losses of raw, shrunk and restored credits, and the share missed by robust and by normal intervals."""
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
    missed = [
        np.mean((effect < low) | (effect > high)) for low, high in (found.intervals.T, found.normal_intervals().T)
    ]
    return np.array([*squares, *missed])


def shrinkage(seed: int, providers: int = 50, size: int = 4_000, prior: str = "normal", ratio: float = 0.92) -> Draw:
    """Hold the losses against the bound that the raw credits set, and the robust intervals' misses against .05."""
    raw, shrunk, restored, robust, _ = losses(seed, providers, size, prior)
    return Draw(np.array([shrunk, restored, robust]), np.array([ratio**2 * raw, ratio**2 * raw, 0.05]))


def met(draws: list[Draw]) -> bool:
    """Tell whether no mean exceeds its bound by three Monte Carlo errors."""
    gaps = np.array([draw.values - draw.truth for draw in draws])
    return bool((gaps.mean(axis=0) <= 3 * gaps.std(axis=0, ddof=1) / np.sqrt(len(draws))).all())


QUANTITY = "loss of shrunk and of restored credits less {:.2f}² of the raw loss; robust misses less .05"
SHAPES: dict[str, tuple[int, int, str, float]] = {
    "50 small providers, normal prior": (50, 4_000, "normal", 0.92),
    "50 small providers, two-point prior": (50, 4_000, "two-point", 0.92),
    "100 small providers, 20,000 people": (100, 20_000, "normal", 1.00),
}


CASES: tuple[Case, ...] = tuple(
    Case(
        name,
        QUANTITY.format(ratio),
        partial(shrinkage, providers=providers, size=size, prior=prior, ratio=ratio),
        AT_MOST,
    )
    for name, (providers, size, prior, ratio) in SHAPES.items()
)


def _one(task: tuple[str, int]) -> FloatArray:
    name, number = task
    providers, size, prior, _ = SHAPES[name]
    case = next(case for case in CASES if case.name == name)
    return losses(seed_of(case, number), providers, size, prior)


def main() -> None:
    """Write root-mean-square ratios with Monte Carlo errors, and average coverage, to standard output."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=300)
    parser.add_argument("--large-draws", type=int, default=40)
    asked = parser.parse_args()
    with ProcessPoolExecutor(max_workers=2) as pool:
        for name, shape in SHAPES.items():
            draws = asked.draws if shape[0] == 50 else asked.large_draws
            table = np.array(list(pool.map(_one, [(name, number) for number in range(draws)], chunksize=5)))
            mean = table.mean(axis=0)
            root = np.sqrt(draws)
            parts = [f"{name}, {draws} draws"]
            for column, label in ((1, "shrunk"), (2, "restored")):
                ratio = np.sqrt(mean[column] / mean[0])
                # Delta method for the root of a ratio of means.
                error = (table[:, column] - ratio**2 * table[:, 0]).std(ddof=1) / root / (2 * ratio * mean[0])
                parts.append(f"{label}/raw {ratio:.3f} ({error:.3f})")
            for column, label in ((3, "robust"), (4, "normal")):
                error = table[:, column].std(ddof=1) / root
                parts.append(f"{label} average coverage {1 - mean[column]:.4f} ({error:.4f})")
            sys.stdout.write("; ".join(parts) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
