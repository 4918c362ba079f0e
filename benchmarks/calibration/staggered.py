"""Rows for staggered adoption: group-time averages, event studies, imputation, and few clusters."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.case import REPORTED, Case, Draw, FloatArray, measured
from counterfoil.datasets import Panel
from counterfoil.estimators.panels.staggered_did import StaggeredDiD

PERIODS = 5
COHORTS = (3, 4)
LATEST = {start: PERIODS - start for start in COHORTS}


def effect(start: NDArray[Any], period: NDArray[Any]) -> FloatArray:
    """Return the effect in a period on units first treated in another."""
    return np.asarray(np.where(period >= start, 1.0 + 0.5 * (period - start) + 0.4 * (start == 4), 0.0))


def average(share: dict[int, float]) -> float:
    """Return the effect over treated units and periods for cohorts of some sizes."""
    cells = [
        (share[start], float(effect(np.array(start), np.array(t))))
        for start in COHORTS
        for t in range(start, PERIODS + 1)
    ]
    return float(np.average([value for _, value in cells], weights=[weight for weight, _ in cells]))


def by_event_time(share: dict[int, float]) -> dict[int, float]:
    """Return the effect at each event time; nothing before."""
    found = {}
    for since in range(1 - max(COHORTS) + 1, PERIODS - min(COHORTS) + 1):
        seen = [start for start in COHORTS if 2 <= start + since <= PERIODS]
        values = [float(effect(np.array(start), np.array(start + since))) for start in seen]
        found[since] = float(np.average(values, weights=[share[start] for start in seen]))
    return found


def adopted(seed: int, size: int, drift: float) -> tuple[pd.DataFrame, dict[int, float]]:
    """Draw units whose cohort depends on need, and whose outcomes grow with it by ``drift`` a period; and cohort shares."""
    rng = np.random.default_rng(seed)
    need = rng.normal(size=size)
    score = np.column_stack([np.zeros(size), -0.6 + 0.6 * need * bool(drift), -0.4 - 0.4 * need * bool(drift)])
    chosen = (score + rng.gumbel(size=score.shape)).argmax(axis=1)
    start = np.array([99, *COHORTS])[chosen]
    time = np.arange(1, PERIODS + 1)
    y: FloatArray = 2 * rng.normal(size=(size, 1)) + 0.3 * time + drift * need[:, None] * time
    y = y + effect(start[:, None], time) + rng.normal(size=(size, PERIODS)) * (1 + 0.5 * (start[:, None] == 3))
    frame = pd.DataFrame({"unit": np.repeat(np.arange(size), PERIODS), "t": np.tile(time, size), "y": y.reshape(-1)})
    frame["g"], frame["need"] = np.repeat(start, PERIODS), np.repeat(need, PERIODS)
    return frame, {start: float((frame["g"] == start).mean()) for start in COHORTS}


def population(drift: float) -> dict[int, float]:
    """Return the cohorts' shares among all units, by quadrature over need."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    score = np.column_stack([np.zeros(40), -0.6 + 0.6 * nodes * bool(drift), -0.4 - 0.4 * nodes * bool(drift)])
    chance = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    mean = weights @ chance / weights.sum()
    return {start: float(mean[place + 1]) for place, start in enumerate(COHORTS)}


def spec_of(terms: dict[str, Any]) -> StaggeredDiD:
    """Return the design of these units with some terms."""
    return StaggeredDiD.model_validate({"outcome": "y", "first_treated": "g", **terms})


def total(seed: int, size: int = 250, drift: float = 0.0, lost: float = 0.0, **terms: Any) -> Draw:
    """Fit the average over treated units and periods."""
    frame, shares = adopted(seed, size, drift)
    rows = np.random.default_rng(seed + 1).random(len(frame)) >= lost
    fit = spec_of(terms).fit(Panel.from_frame(frame[rows], unit="unit", period="t"))
    share = shares if terms.get("method") == "imputation" else population(drift)
    return measured(fit.total(), np.array([average(share)]))


def alone(seed: int, **terms: Any) -> Draw:
    """Fit the average where each period has people of its own."""
    frame, _ = adopted(seed, 1_500, 0.4)
    frame = frame[np.random.default_rng(seed + 1).integers(0, PERIODS, len(frame)) == 0]
    frame = frame.assign(unit=np.arange(len(frame)))
    fit = spec_of({"sampling": "cross_sections", "covariates": ("need",), **terms}).fit(
        Panel.from_frame(frame, unit="unit", period="t")
    )
    return measured(fit.total(), np.array([average(population(0.4))]))


def study(seed: int, size: int = 250, drift: float = 0.0, **terms: Any) -> Draw:
    """Fit effects by event time, with intervals that hold together."""
    frame, shares = adopted(seed, size, drift)
    found = spec_of(terms).fit(Panel.from_frame(frame, unit="unit", period="t")).event_study()
    truth = by_event_time(shares if terms.get("method") == "imputation" else population(drift))
    return measured(found.estimate, np.array([truth.get(time, 0.0) for time in found.times]))


def bands(seed: int) -> Draw:
    """Hold the multiplier bootstrap's bands over all cells against the truth; only jointly."""
    frame, _ = adopted(seed, 250, 0.0)
    fit = spec_of({}).fit(Panel.from_frame(frame, unit="unit", period="t"))
    found = fit.bands(size=499, seed=seed)
    start, time = found["cohort"].astype(float).to_numpy(), found["period"].astype(float).to_numpy()
    truth = effect(start, time)
    inside = (found["conf_low"] <= truth) & (truth <= found["conf_high"])
    return Draw(fit.effects.values[:1], truth[:1], np.array([inside.all()]), fit.std_error[:1])


def clustered(seed: int, groups: int, treated: NDArray[np.intp], size: int = 8, **terms: Any) -> Draw:
    """Fit an average where whole clusters join together and share their fortunes; no effect."""
    rng = np.random.default_rng(seed)
    start = np.full(groups, 99)
    start[rng.permutation(groups)[: len(treated)]] = treated
    cluster = np.repeat(np.arange(groups), size)
    shock = np.cumsum(0.4 * rng.normal(size=(groups, PERIODS)), axis=1)
    y = rng.normal(size=(groups * size, 1)) + shock[cluster] + rng.normal(size=(groups * size, PERIODS))
    frame = pd.DataFrame({"unit": np.repeat(np.arange(groups * size), PERIODS)})
    frame["t"], frame["y"] = np.tile(np.arange(1, PERIODS + 1), groups * size), y.reshape(-1)
    frame["g"], frame["c"] = np.repeat(start[cluster], PERIODS), np.repeat(cluster, PERIODS)
    panel = Panel.from_frame(frame, unit="unit", period="t")
    return measured(spec_of({"cluster": "c", **terms}).fit(panel).total(), np.zeros(1))


def half(groups: int) -> NDArray[np.intp]:
    """Return cohorts for half the clusters."""
    return np.resize(np.array(COHORTS), groups // 2)


NEED: dict[str, Any] = {"covariates": ("need",), "drift": 0.4}
SIMPLE = "average effect on the treated"
EVENTS = "effects by event time"
CASES: tuple[Case, ...] = (
    Case("staggered, never treated", SIMPLE, total),
    Case("staggered, not yet treated", SIMPLE, lambda s: total(s, comparison="not_yet")),
    Case("staggered, doubly robust, trends by need", SIMPLE, lambda s: total(s, **NEED)),
    Case("staggered, outcome regression, trends by need", SIMPLE, lambda s: total(s, method="outcome_regression", **NEED)),
    Case("staggered, weighting, trends by need", SIMPLE, lambda s: total(s, size=600, method="weighting", **NEED)),
    Case("staggered, trends by need, need left out", SIMPLE, lambda s: total(s, drift=0.4), REPORTED),
    Case("staggered, by cohort then units", SIMPLE, lambda s: _grouped(s)),
    Case("staggered, a tenth of rows lost", SIMPLE, lambda s: total(s, lost=0.1)),
    Case("staggered, cross-sections, doubly robust", SIMPLE, alone),
    Case("staggered, imputation", SIMPLE, lambda s: total(s, method="imputation", comparison="not_yet")),
    Case("staggered, imputation, trends by need", SIMPLE, lambda s: total(s, method="imputation", comparison="not_yet", **NEED)),
    Case("staggered, no covariates", EVENTS, study),
    Case("staggered, doubly robust, trends by need", EVENTS, lambda s: study(s, size=400, **NEED)),
    Case("staggered, universal base, not yet treated", EVENTS, lambda s: study(s, base="universal", comparison="not_yet")),
    Case("staggered, imputation", EVENTS, lambda s: study(s, method="imputation", comparison="not_yet")),
    Case(
        "staggered, imputation with a placebo",
        EVENTS,
        lambda s: study(s, method="imputation", comparison="not_yet", leads=1),
    ),
    Case("staggered, multiplier bands over all cells", "all cells together", bands),
    Case("staggered, 30 clusters, CR1", SIMPLE, lambda s: clustered(s, 30, half(30))),
    Case("staggered, 15 clusters, CR1", SIMPLE, lambda s: clustered(s, 15, half(15))),
    Case("staggered, 8 clusters, CR1", SIMPLE, lambda s: clustered(s, 8, half(8))),
    Case("staggered, 1 of 20 clusters treated, CR1", SIMPLE, lambda s: clustered(s, 20, np.array([3])), REPORTED),
    Case(
        "staggered, imputation, 30 clusters, CR1", SIMPLE,
        lambda s: clustered(s, 30, half(30), method="imputation", comparison="not_yet"),
    ),
)  # fmt: skip


def _grouped(seed: int) -> Draw:
    frame, _ = adopted(seed, 250, 0.0)
    found = spec_of({"aggregate": "group"}).fit(Panel.from_frame(frame, unit="unit", period="t")).total()
    share = population(0.0)
    means = [np.mean([effect(np.array(start), np.array(t)) for t in range(start, PERIODS + 1)]) for start in COHORTS]
    return measured(found, np.array([np.average(means, weights=[share[start] for start in COHORTS])]))
