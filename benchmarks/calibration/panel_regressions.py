"""Rows for regressions on panels: two groups, several fixed effects, event studies, and few clusters."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from calibration.case import REPORTED, Case, Draw, FloatArray, measured
from counterfoil.datasets import Panel
from counterfoil.estimators.panels.difference_in_differences import DifferenceInDifferences
from counterfoil.estimators.panels.event_study_regression import EventStudyRegression
from counterfoil.estimators.panels.two_way_fixed_effects import TwoWayFixedEffects

YEARS = 8


def drifting(rng: np.random.Generator, size: int, periods: int = YEARS, keep: float = 0.6) -> FloatArray:
    """Draw shocks that fade slowly, (size, periods), with variance one."""
    shocks = rng.normal(size=(size, periods))
    for period in range(1, periods):
        shocks[:, period] = keep * shocks[:, period - 1] + np.sqrt(1 - keep**2) * shocks[:, period]
    return shocks


def towns(seed: int, clusters: int, treated: int | None = None, size: int = 5, effect: float = 0.5) -> Panel:
    """Draw places in clusters whose shocks fade slowly; half of the clusters (or ``treated``) begin together in year 4.

    Clusters are of unequal size, and a control moves with the outcome and with treatment.
    """
    rng = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(clusters), size + np.arange(clusters) % 5)
    count = clusters // 2 if treated is None else treated
    on = np.outer(rng.permutation(clusters) < count, np.arange(YEARS) >= 4)[cluster].astype(float)
    control = 0.3 * on + rng.normal(size=on.shape)
    level = rng.normal(size=len(cluster))[:, None] + 0.7 * drifting(rng, clusters)[cluster] + np.arange(YEARS) * 0.2
    outcome = level + effect * on + 0.5 * control + drifting(rng, len(cluster))
    frame = pd.DataFrame(
        {"unit": np.repeat(np.arange(len(cluster)), YEARS), "year": np.tile(np.arange(YEARS), len(cluster))}
    )
    frame = frame.assign(y=outcome.ravel(), on=on.ravel(), x=control.ravel(), town=np.repeat(cluster, YEARS))
    return Panel.from_frame(frame, unit="unit", period="year")


def two_way(seed: int, clusters: int, treated: int | None = None, **terms: Any) -> Draw:
    """Fit places in clusters."""
    spec = TwoWayFixedEffects(outcome="y", regressors=("on",), controls=("x",), cluster="town", **terms)
    return measured(spec.fit(towns(seed, clusters, treated)).total(), np.array([0.5]))


def people(seed: int, size: int = 60, lost: float = 0.15) -> pd.DataFrame:
    """Draw people in years, of whom a third is served from year 4 on; some rows are not measured."""
    rng = np.random.default_rng(seed)
    group, poor = (np.arange(size) % 3 == 0).astype(int), np.arange(size) // 3 % 2
    year = np.arange(YEARS)
    since = np.outer(group, np.where(year >= 4, year - 3, 0)).astype(float)
    x = rng.normal(size=size)
    outcome = (
        rng.normal(size=(size, 1)) + 0.2 * year + np.outer(x, 0.1 * year) + drifting(rng, size) * (1 + group[:, None])
    )
    frame = pd.DataFrame({"unit": np.repeat(np.arange(size), YEARS), "year": np.tile(year, size)})
    for name, column in {"group": group, "poor": poor, "x": x}.items():
        frame[name] = np.repeat(column, YEARS)
    frame = frame.assign(since=since.ravel(), base=outcome.ravel(), began=np.where(frame["group"] == 1, 4, 99))
    return frame[rng.random(len(frame)) >= lost]


def by_group(seed: int, triple: bool = False, **terms: Any) -> Draw:
    """Fit a difference in differences whose effect is one in every period."""
    frame = people(seed, 120 if triple else 60)
    reached = frame["group"] * (frame["poor"] if triple else 1) * (frame["year"] >= 4)
    drift = 0.1 * frame["year"] * frame["poor"] + 0.2 * frame["year"] * frame["group"] if triple else 0.0
    panel = Panel.from_frame(frame.assign(y=frame["base"] + reached + drift), unit="unit", period="year")
    asked = {"outcome": "y", "group": "group", "after": "4", **({"subgroup": "poor"} if triple else {}), **terms}
    return measured(DifferenceInDifferences.model_validate(asked).fit(panel), np.ones(1))


def surveyed(seed: int) -> Draw:
    """Fit repeated surveys of different people, of unequal variances."""
    rng = np.random.default_rng(seed)
    size = 300
    group, late, age = rng.random(size) < 0.3, rng.random(size) < 0.4, rng.normal(size=size)
    y = age + 0.5 * group + 0.3 * late + group * late + rng.normal(size=size) * (1 + group + late)
    frame = pd.DataFrame(
        {"row": np.arange(size), "year": late.astype(int), "group": group.astype(int), "age": age, "y": y}
    )
    panel = Panel.from_frame(frame, unit="row", period="year")
    spec = DifferenceInDifferences(outcome="y", group="group", after="1", covariates=("age",), vcov="HC2")
    return measured(spec.fit(panel), np.ones(1))


def by_event_time(seed: int) -> Draw:
    """Fit an event study of effects that grow, binned from four periods before on; the joint band is of all of them."""
    frame = people(seed, 120)
    frame = frame.assign(y=frame["base"] + 0.3 * frame["since"])
    spec = EventStudyRegression(outcome="y", first_treated="began", covariates=("x",))
    study = spec.fit(Panel.from_frame(frame, unit="unit", period="year"))
    return measured(study.estimate, np.array([0.3 * (time + 1) if time >= 0 else 0.0 for time in study.times]))


EFFECT = "effect on the treated"
FEW = (8, 15, 30)
CASES: tuple[Case, ...] = (
    Case("difference in differences, 60 people by 8, unbalanced, CR1", EFFECT, by_group),
    Case(
        "difference in differences, covariate by period, CR2",
        EFFECT,
        lambda s: by_group(s, covariates=("x",), vcov="CR2"),
    ),
    Case("difference in differences, rows taken for people, HC1", EFFECT, lambda s: by_group(s, vcov="HC1"), REPORTED),
    Case("difference in differences, repeated surveys, HC2", EFFECT, surveyed),
    Case("triple difference, 120 people by 8, unbalanced, CR1", EFFECT, lambda s: by_group(s, triple=True)),
    *(Case(f"two-way, {g} clusters, CR1", EFFECT, partial(two_way, clusters=g), REPORTED) for g in FEW),
    *(Case(f"two-way, {g} clusters, CR2", EFFECT, partial(two_way, clusters=g, vcov="CR2")) for g in FEW),
    Case("two-way, one treated cluster of 15, CR1", EFFECT, lambda s: two_way(s, 15, 1), REPORTED),
    Case("two-way, one treated cluster of 15, CR2", EFFECT, lambda s: two_way(s, 15, 1, vcov="CR2"), REPORTED),
    Case("event study, 120 people by 8, 7 event times", "effects by event time", by_event_time),
)
