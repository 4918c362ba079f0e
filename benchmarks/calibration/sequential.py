"""Rows for credit that includes referrals, where enrolment responds to progress."""

from typing import Any

import numpy as np
import pandas as pd

from calibration.case import REPORTED, Case, Draw, measured
from counterfoil.attribution import attribute
from counterfoil.estimators import Contribution
from counterfoil.estimators.sequential import SequentialContribution

TRUTH = np.array([0.3946, 0.1708])
"""By 4.8e7 draws; the total is .5654."""


def in_stages(seed: int, size: int = 3_000) -> pd.DataFrame:
    """Draw two providers in stages; people who made progress at the first enrol less at the second."""
    rng = np.random.default_rng(seed)
    x, hidden, noise, shock = rng.normal(size=(4, size))
    first = rng.random(size) < 1 / (1 + np.exp(0.2 + 0.5 * x))
    progress = 0.5 * x + 0.6 * first + 0.7 * hidden + 0.5 * shock
    second = rng.random(size) < 1 / (1 + np.exp(0.6 - 1.6 * first + 0.8 * progress))
    outcome = 1 + x + 0.5 * first + 0.3 * second + 0.3 * (first & second) + 0.4 * progress + 0.7 * hidden + noise
    columns = {"first": first.astype(int), "second": second.astype(int), "x": x, "progress": progress, "y": outcome}
    return pd.DataFrame(columns)


def sequential(seed: int, **terms: Any) -> Draw:
    """Fit the stages with progress named."""
    spec = {"outcome": "y", "stages": (("first",), ("second",)), "covariates": ("x",), "progress": (("progress",),)}
    fit = SequentialContribution.model_validate({**spec, **terms}).fit(in_stages(seed))
    return measured(fit.credits(), TRUTH)


def static(seed: int) -> Draw:
    """Fit the same people as if enrolment did not respond to progress."""
    spec = Contribution(
        outcome="y", providers=("first", "second"), covariates=("x",), effects_by_covariates=True, target="population"
    )
    return measured(attribute(spec.fit(in_stages(seed))).credits, TRUTH)


CASES: tuple[Case, ...] = (
    Case("enrolment responds to progress, sequential", "Shapley credits with referrals", sequential, design="B8"),
    Case(
        "enrolment responds to progress, sequential, additive (the pair is left to the chances of enrolment)",
        "Shapley credits with referrals",
        lambda s: sequential(s, model="additive", effects_by_history=False),
        REPORTED,
        design="B8",
    ),
    Case("enrolment responds to progress, static", "Shapley credits with referrals", static, REPORTED, design="B8"),
)
