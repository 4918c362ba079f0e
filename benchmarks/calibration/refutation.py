"""Rows for attempts to refute: how often they fail a sound design, and how often they see a hidden reason for the difference."""

from typing import Final

import numpy as np
import pandas as pd

from calibration.case import CHANCE, REPORTED, Case, Draw
from counterfoil.attribution import Shapley
from counterfoil.estimators import Contribution, Experiment
from counterfoil.estimators.refutation.negative_controls import NegativeControls
from counterfoil.estimators.refutation.refuters import Refuters, refute

NONE: Final = Refuters(tests=())
ADJUSTED: Final = Experiment(outcome="y", assigned="d", covariates=("x",), adjustment="additive", vcov="HC2")


def confounded(size: int, seed: int, hidden: float = 0.0) -> pd.DataFrame:
    """Draw people whose need moves treatment, outcome, and two outcomes from before.

    Parameters
    ----------
    size, seed : int
    hidden : float
        How much something that nobody recorded moves treatment (log-odds), outcome and the outcomes from before (standard
        deviations of their noise); ``later`` is a programme that comes after the outcome and reaches the same people.

    Returns
    -------
    DataFrame
        Columns x, d, later, before, earlier, y; the effect is 1.
    """
    rng = np.random.default_rng(seed)
    x, u = rng.normal(size=(2, size))
    d, later = (rng.random((2, size)) < 1 / (1 + np.exp(-0.8 * x - hidden * u))).astype(int)
    noise = rng.normal(size=(3, size))
    before, earlier = (0.7 * x + hidden * u + noise[k] for k in (0, 1))
    return pd.DataFrame(
        {"x": x, "d": d, "later": later, "before": before, "earlier": earlier, "y": d + 2 * x + hidden * u + noise[2]}
    )


def two_providers(size: int, seed: int) -> pd.DataFrame:
    """Draw people with up to two providers in 40 towns, and outcomes that both move."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.integers(0, 2, (size, 2)), columns=["north", "south"])
    return frame.assign(y=frame["north"] + 0.5 * frame["south"] + rng.normal(size=size))


def failing(seed: int, test: str, *, hidden: float = 0.0, size: int = 400) -> Draw:
    """Tell whether a test of negative controls fails."""
    declared = {"later": {"treatments": ["later"]}}.get(test, {"outcomes": ["before", "earlier"]})
    controls = NegativeControls.model_validate(declared)
    found = refute(ADJUSTED, confounded(size, seed, hidden), NONE, controls=controls).tests
    one = {"joint": found[-1]}.get(test, found[0])
    return Draw(np.array([float(not one.consistent)]), np.array([0.05]))


def repeated(seed: int, place: int = 0, *, providers: bool = False) -> Draw:
    """Tell whether a placebo treatment fails: by the mean of 40 of them, or by how often their intervals miss zero."""
    asked = Refuters(tests=("placebo_treatment",), draws=40, seed=seed % 2**31)
    if providers:
        spec = Contribution(outcome="y", providers=("north", "south"), model="additive")
        found = refute(spec, two_providers(200, seed), asked, kernel=Shapley())
    else:
        found = refute(ADJUSTED, confounded(200, seed), asked)
    return Draw(np.array([float(not found.tests[place].consistent)]), np.array([0.05]))


FAILS: Final = "part of sound designs that fail"
SEEN: Final = "part of designs with a hidden cause that fail"
SLOW: Final = "a draw is 40 fits"
CASES: tuple[Case, ...] = (
    Case("negative outcome", FAILS, lambda s: failing(s, "before"), CHANCE),
    Case("two negative outcomes, joint", FAILS, lambda s: failing(s, "joint"), CHANCE),
    # The first thousand draws are unlucky: the classical t test, whose level is exact here, rejects in 7.1% of them.
    Case("negative treatment", FAILS, lambda s: failing(s, "later"), CHANCE, draws=10_000),
    Case("placebo treatment, 40 repetitions, mean", FAILS, repeated, CHANCE),
    Case("placebo treatment, intervals that miss zero", FAILS, lambda s: repeated(s, 1), CHANCE, draws=300, fewer=SLOW),
    Case(
        "placebo treatment, one of two providers, mean",
        FAILS,
        lambda s: repeated(s, providers=True),
        CHANCE,
        draws=200,
        fewer=SLOW,
    ),
    Case(
        "negative outcome, hidden cause of half a deviation", SEEN, lambda s: failing(s, "before", hidden=0.5), REPORTED
    ),
    Case(
        "negative treatment, hidden cause of half a deviation",
        SEEN,
        lambda s: failing(s, "later", hidden=0.5),
        REPORTED,
    ),
)
