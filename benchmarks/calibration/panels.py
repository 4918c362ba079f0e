"""Rows for panels: three overlapping providers, staggered entry, person effects and parallel trends."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration.case import CHANCE, REPORTED, Case, Draw, FloatArray, measured
from counterfoil.attribution import Shapley, attribute
from counterfoil.datasets import Study
from counterfoil.estimators import PanelContribution

PANEL = ("north", "south", "west")
PANEL_PERIODS = {"2019": "2019-01-01", "2020": "2020-01-01", "2021": "2021-01-01", "2022": "2022-01-01"}
PANEL_OWN = np.array([1.0, 0.5, -0.3])
PANEL_PAIR = 0.8
LAST = len(PANEL_PERIODS)


def staggered(
    seed: int, size: int = 1_500, drift: float = 0.0, bend: float = 0.0, sites: int = 0
) -> tuple[NDArray[np.intp], FloatArray, pd.DataFrame]:
    """Draw when each provider began with each person (n, 3), the outcome in every period (n, 4), and people's columns.

    People who enter early start higher. Effects grow with time since entry and bend with need; north and south reinforce
    each other. With ``drift``, needy people's outcomes grow faster and needy people are served sooner and by more.
    With ``sites``, a site's people enter together and share its fortunes in each period.
    """
    rng = np.random.default_rng(seed)
    site = np.arange(size) % sites if sites else np.arange(size)
    need = rng.normal(size=size)
    push = rng.gumbel(size=(size, 3)) + 0.5 * np.outer(need, [1.0, 0.5, -1.0]) * bool(drift)
    entry = np.array([1, 2, LAST])[push.argmax(axis=1)]
    if sites:
        entry = np.array([1, 2, LAST])[rng.permutation(sites) % 3][site]
    first = rng.random((size, 3)) < 1 / (1 + np.exp(-0.4 * need * bool(drift)))[:, None]
    first[np.arange(size), rng.integers(0, 3, size)] = True
    later = np.where(rng.random((size, 3)) < 0.3, entry[:, None] + 1, LAST)
    began = np.minimum(np.where(first, entry[:, None], later), LAST)
    levels = 2.0 * rng.normal(size=(size, 1)) - 1.0 * entry[:, None] + np.array([0.0, 0.7, -0.4, 1.5])
    levels = levels + drift * np.outer(need, np.arange(LAST)) + rng.normal(size=(size, LAST))
    if sites:
        levels += 0.3 * rng.normal(size=(sites, LAST))[site]
    for period in range(1, LAST):
        levels[:, period] += panel_credits(began, need * bend, period).sum(axis=1)
    return began.astype(np.intp), levels, pd.DataFrame({"need": need, "site": [f"s{code}" for code in site]})


def panel_credits(began: NDArray[np.intp], bend: FloatArray, period: int) -> FloatArray:
    """Return each person's Shapley credits in a period, (n, 3)."""
    active = began <= period
    since = np.where(active.any(axis=1), 1.0 + 0.5 * (period - began.min(axis=1)), 0.0) * (1.0 + 0.5 * bend)
    both = (active[:, 0] & active[:, 1])[:, None] * np.array([0.5, 0.5, 0.0]) * PANEL_PAIR
    return np.asarray(since[:, None] * (active * PANEL_OWN + both))


def panel_study(began: NDArray[np.intp], levels: FloatArray, people: pd.DataFrame) -> Study:
    """Make the three tables."""
    ids = np.arange(len(began))
    who, which = np.nonzero(began < LAST)
    labels = np.array(list(PANEL_PERIODS))
    services = pd.DataFrame({"person": ids[who], "provider": np.array(PANEL)[which]})
    services["start"] = [f"{label}-06-01" for label in labels[began[who, which]]]
    outcomes = pd.DataFrame({"person": np.repeat(ids, LAST), "outcome": "score", "period": np.tile(labels, len(ids))})
    outcomes["value"] = levels.reshape(-1)
    return Study.from_tables(people.assign(person=ids), services=services, outcomes=outcomes)


def panel(
    seed: int,
    drift: float = 0.0,
    bend: float = 0.0,
    sites: int = 0,
    late: bool = False,
    size: int = 1_500,
    periods: int = LAST,
    **terms: Any,
) -> Draw:
    """Fit a staggered panel; the truth is each provider's credit in the mean period, for the people drawn."""
    began, levels, people = staggered(seed, size, drift, bend, sites)
    need = people["need"].to_numpy() * bend
    truth = np.mean([panel_credits(began, need, period).mean(axis=0) for period in range(1, periods)], axis=0)
    dated = np.where(began < LAST, began + 1, LAST) if late else began
    days = list(PANEL_PERIODS.items())
    calendar = {"periods": dict(days[:periods]), "until": days[periods][1] if periods < LAST else None}
    fit = PanelContribution.model_validate({"providers": PANEL, **calendar, **terms}).fit(
        panel_study(dated, levels, people)
    )
    return measured(attribute(fit).credits, truth)


def earlier_trends(seed: int) -> Draw:
    """Test earlier trends where they are parallel; the truth is the five per cent that the test allows."""
    fit = PanelContribution.model_validate({"providers": PANEL, "periods": PANEL_PERIODS}).fit(
        panel_study(*staggered(seed))
    )
    found = fit.pretrends(Shapley()).diagnostics["p_value"] < 0.05
    return Draw(np.array([float(found)]), np.array([0.05]))


ADJUSTED: dict[str, Any] = {"covariates": ("need",), "effects_by_covariates": True}
DRIFT: dict[str, Any] = {"drift": 0.6, "bend": 1.0, "periods": 3}
SMALL: dict[str, Any] = {"model": "pairwise", "min_pair": 5}
WHAT = "Shapley credits, mean period"
CASES: tuple[Case, ...] = (
    Case("panel, three cohorts, never served", WHAT, panel),
    Case("panel, three cohorts, not yet served", WHAT, lambda s: panel(s, comparison="not_yet")),
    Case("panel, pairwise", WHAT, lambda s: panel(s, model="pairwise")),
    Case("panel, 500 people, pairwise", WHAT, lambda s: panel(s, size=500, **SMALL)),
    Case("panel, trends by need, doubly robust", WHAT, lambda s: panel(s, size=4_000, **DRIFT, **ADJUSTED)),
    Case(
        "panel, trends by need, doubly robust, cells of twenty people",
        WHAT,
        lambda s: panel(s, **DRIFT, **ADJUSTED),
        REPORTED,
    ),
    Case(
        "panel, trends by need, need left out",
        WHAT,
        lambda s: panel(s, **DRIFT),
        REPORTED,
    ),
    Case("panel, 60 sites that enter together", WHAT, lambda s: panel(s, sites=60, cluster="site")),
    Case("panel, 60 sites, sites ignored", WHAT, lambda s: panel(s, sites=60), REPORTED),
    Case("panel, services dated a period late", WHAT, lambda s: panel(s, late=True), REPORTED),
    Case("panel, earlier trends parallel", "test finds a difference", earlier_trends, CHANCE),
)
