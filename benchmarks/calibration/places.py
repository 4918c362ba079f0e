"""Rows for few treated places: synthetic controls, synthetic difference-in-differences, interrupted time series."""

from functools import partial

import numpy as np
import pandas as pd

from calibration.case import CHANCE, REPORTED, SETS, Case, Draw, measured
from counterfoil.datasets import Panel
from counterfoil.errors import EstimationError
from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl

EFFECT = 1.0


def places(seed: int, treated: int, donors: int, periods: int, after: int, *, spread: float = 1.0) -> Panel:
    """Draw places with levels, two common factors and autocorrelated noise; the first ones are treated at the end.

    ``spread`` scales how far treated places' loadings lie from the donors' average, as selection on the factors would.
    """
    rng = np.random.default_rng(seed)
    n = treated + donors
    factors = np.cumsum(rng.normal(size=(2, periods)), axis=1) * 0.5
    loadings = rng.uniform(size=(n, 2))
    loadings[:treated] += 0.2 * (spread - 1.0)
    noise = rng.normal(size=(n, periods))
    for period in range(1, periods):
        noise[:, period] = 0.4 * noise[:, period - 1] + np.sqrt(1 - 0.16) * noise[:, period]
    outcome = rng.normal(size=(n, 1)) + loadings @ factors + 0.5 * noise
    outcome[:treated, periods - after :] += EFFECT
    frame = pd.DataFrame({"place": np.repeat(np.arange(n), periods), "period": np.tile(np.arange(1, periods + 1), n)})
    frame["y"] = outcome.ravel()
    frame["since"] = np.where(frame["place"] < treated, periods - after + 1, 0)
    return Panel.from_frame(frame, unit="place", period="period")


def several(seed: int, inference: str, method: str = "synthetic_did", spread: float = 1.0) -> Draw:
    """Estimate the gain of eight treated places of thirty-two."""
    spec = SyntheticControl.model_validate(
        {"outcome": "y", "first_treated": "since", "method": method, "inference": inference, "draws": 100, "seed": seed}
    )
    return measured(spec.fit(places(seed, 8, 24, 16, 5, spread=spread)).total(), np.array([EFFECT]))


def one(seed: int) -> Draw:
    """Estimate the gain of one place, which varies as the donors do, with their variance."""
    spec = SyntheticControl(outcome="y", first_treated="since", method="synthetic_did", inference="placebo_variance")
    return measured(spec.fit(places(seed, 1, 24, 16, 5)).total(), np.array([EFFECT]))


def by_rank(seed: int) -> Draw:
    """Test for a gain of nothing by the rank of the ratio of gaps among nineteen donors."""
    panel = places(seed, 1, 19, 16, 5)
    frame = panel.frame.copy()
    frame["y"] -= EFFECT * ((frame["place"] == 0) & (frame["period"] > 11))
    fit = SyntheticControl(outcome="y", first_treated="since").fit(
        Panel.from_frame(frame, unit="place", period="period")
    )
    return Draw(np.array([float(fit.placebo().p_value <= 0.05)]), np.array([0.05]))


def mixture(seed: int) -> Panel:
    """Draw a place that is an average of donors plus noise, as conformal inference supposes; periods are a multiple of 20."""
    rng = np.random.default_rng(seed)
    donors = rng.normal(size=(12, 1)) + np.cumsum(rng.normal(size=(12, 40)), axis=1) * 0.5
    own = donors[:3].mean(axis=0) + rng.normal(size=40)
    own[34:] += EFFECT
    frame = pd.DataFrame({"place": np.repeat(np.arange(13), 40), "period": np.tile(np.arange(1, 41), 13)})
    frame["y"] = np.vstack([own[None, :], donors]).ravel()
    frame["since"] = np.where(frame["place"] == 0, 35, 0)
    return Panel.from_frame(frame, unit="place", period="period")


def conformal(seed: int) -> Draw:
    """Invert the conformal test for the interval of a constant gain."""
    fit = SyntheticControl(outcome="y", first_treated="since", inference="conformal").fit(mixture(seed))
    try:
        found = fit.conformal()
    except EstimationError:  # every constant gain is rejected: a miss
        return Draw(fit.total().values, np.array([EFFECT]), np.array([False]))
    return Draw(fit.total().values, np.array([EFFECT]), np.array([found.conf_low <= EFFECT <= found.conf_high]))


def series(seed: int, periods: int, rho: float, errors: str = "reml", control: bool = False) -> Draw:
    """Fit a series with a trend, autocorrelated noise, and a change of level and slope at its middle."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(2, periods))
    noise[:, 0] /= np.sqrt(1 - rho**2)
    for period in range(1, periods):
        noise[:, period] += rho * noise[:, period - 1]
    time, middle = np.arange(periods), periods // 2
    since = np.maximum(time - middle, 0.0)
    own = 5 + 0.1 * time - 2.0 * (time >= middle) - 0.05 * since + noise[0]
    rows = [own, 3 + 0.2 * time + noise[1]] if control else [own]
    if control:
        shock = 3.0 * (time >= middle)
        rows = [row + shock for row in rows]
    frame = pd.DataFrame({"place": np.repeat(np.arange(len(rows)), periods), "period": np.tile(time, len(rows))})
    frame["y"] = np.concatenate(rows)
    frame["served"] = 1 - frame["place"]
    spec = InterruptedTimeSeries.model_validate(
        {"outcome": "y", "starts": str(middle), "errors": errors, "assigned": "served" if control else None}
    )
    truth = -2.0 - 0.05 * since[middle:].mean()
    return measured(spec.fit(Panel.from_frame(frame, unit="place", period="period")).total(), np.array([truth]))


GAIN = "average gain of treated places"
LINE = "average difference from the trend"
CASES: tuple[Case, ...] = (
    Case("synthetic DiD, 8 of 32 places, jackknife", GAIN, lambda s: several(s, "jackknife")),
    Case("synthetic DiD, 8 of 32 places, bootstrap", GAIN, lambda s: several(s, "bootstrap")),
    Case(
        "synthetic DiD, 8 of 32 places, beyond donors, jackknife",
        GAIN,
        lambda s: several(s, "jackknife", spread=3.0),
        REPORTED,
    ),
    Case("synthetic control, 8 of 32 places, bootstrap", GAIN, lambda s: several(s, "bootstrap", "synthetic_control")),
    Case("synthetic DiD, 1 of 25 places, placebo variance", GAIN, one),
    Case("synthetic control, 1 of 20 places", "placebo test finds a gain of nothing", by_rank, CHANCE),
    Case("synthetic control, 40 periods, conformal interval", GAIN, conformal, SETS),
    *(
        Case(
            f"interrupted time series, {periods} periods, ρ = {rho}, REML",
            LINE,
            partial(series, periods=periods, rho=rho),
        )
        for periods in (24, 48)
        for rho in (0.3, 0.6)
    ),
    Case(
        "interrupted time series with control, 24 periods, ρ = 0.3, REML",
        LINE,
        lambda s: series(s, 24, 0.3, control=True),
    ),
    Case(
        "interrupted time series, 48 periods, ρ = 0.3, Newey-West",
        LINE,
        lambda s: series(s, 48, 0.3, "newey_west"),
        REPORTED,
    ),
)
