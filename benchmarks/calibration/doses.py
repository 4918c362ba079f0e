"""Rows for the response to doses: known polynomials, by lottery and with a confounder, by person and by site."""

from typing import Any

import numpy as np
import pandas as pd

from calibration.case import REPORTED, Case, Draw, FloatArray, measured
from counterfoil.datasets import Study
from counterfoil.estimators import DoseResponse

NAMES = ("first", "second")
HOURS = {name: f"{name}_hours" for name in NAMES}


def doses(seed: int, size: int = 600, sites: int = 0, confounded: bool = False) -> tuple[pd.DataFrame, FloatArray]:
    """Draw two overlapping services of up to ten hours; return the credits of the people drawn.

    The first bends with hours, both reinforce each other, and people with more hours vary more. With sites, people share
    their site's fortunes and its hours of the first; when confounded, needy people have more hours and worse outcomes.
    """
    rng = np.random.default_rng(seed)
    need = rng.normal(size=size)
    site = np.arange(size) % max(sites, 1)
    lean = np.clip(5 + 2 * need, 1, 9)[:, None] if confounded else np.full((size, 1), 5.0)
    hours = np.clip(lean + rng.uniform(-5, 5, size=(size, 2)), 0, 10)
    if sites:
        hours[:, 0] = rng.uniform(0, 10, size=sites)[site]
    hours *= rng.random((size, 2)) < 0.7
    first, second = hours.T
    pair = 0.05 * first * second
    shock = 0.5 * rng.normal(size=max(sites, 1))[site] * bool(sites)
    noise = rng.normal(size=size) * (1 + 0.1 * second)
    outcome = 0.6 * first - 0.04 * first**2 + 0.3 * second + pair - need + shock + noise
    truth = np.array([(0.6 * first - 0.04 * first**2 + pair / 2).mean(), (0.3 * second + pair / 2).mean()])
    served = {name: (hours[:, j] > 0).astype(int) for j, name in enumerate(NAMES)}
    given = {f"{name}_hours": hours[:, j] for j, name in enumerate(NAMES)}
    return pd.DataFrame({**served, **given, "need": need, "site": site, "y": outcome}), truth


def uniform_truth() -> FloatArray:
    """Return the credits of people yet to come: hours uniform on 0 to 10 with chance .7, and none otherwise."""
    hours, squares = 0.7 * 5, 0.7 * 100 / 3
    pair = 0.05 * hours**2
    return np.array([0.6 * hours - 0.04 * squares + pair / 2, 0.3 * hours + pair / 2])


def dose_response(seed: int, sites: int = 0, confounded: bool = False, **terms: Any) -> Draw:
    """Fit the two services."""
    frame, truth = doses(seed, sites=sites, confounded=confounded)
    study = Study.from_frame(frame, providers=NAMES, outcomes=["y"], doses=HOURS)
    spec = DoseResponse.model_validate({"degree": 2, "interactions": True, **terms})
    return measured(spec.fit(study).credits(), uniform_truth() if spec.target == "population" else truth)


CASES: tuple[Case, ...] = (
    Case("doses by lottery, degree 2 and pair", "Aumann-Shapley credits", lambda s: dose_response(s)),
    Case(
        "doses by lottery, degree 2 and pair, future people",
        "Aumann-Shapley credits",
        lambda s: dose_response(s, target="population"),
    ),
    Case(
        "doses that follow need, need named",
        "Aumann-Shapley credits",
        lambda s: dose_response(s, confounded=True, design="unconfounded", covariates=("need",), vcov="HC3"),
    ),
    Case(
        "doses by site, 40 sites, CR2",
        "Aumann-Shapley credits",
        lambda s: dose_response(s, sites=40, cluster="site", vcov="CR2", covariates=("need",)),
    ),
    Case(
        "doses that follow need, need not named",
        "Aumann-Shapley credits",
        lambda s: dose_response(s, confounded=True, design="unconfounded"),
        REPORTED,
    ),
    Case(
        "doses by lottery, a straight line (bend and pair are left out)",
        "Aumann-Shapley credits",
        lambda s: dose_response(s, degree=1, interactions=False),
        REPORTED,
    ),
)
