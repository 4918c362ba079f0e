"""A simulated roll-out of one programme that two designs can evaluate: lotteries within centres, and centres that open in turn.

Job centres offer a programme from different years on, and some not at all. Where a centre opens it has fewer places than
applicants, so a lottery assigns them. Days in work are measured every year. The lotteries are right by design. The
comparison of opening with other centres rests on parallel trends, which here hold but for a drift of the labour markets that
opened early: small, and known because the data are simulated.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal

YEARS: Final = tuple(range(2016, 2024))
OPENED: Final = (2019, 2019, 2019, 2020, 2020, 2020, 2021, 2021, 2021, 2021, 0, 0, 0, 0, 0, 0)
"""Year in which each centre opened; 0 for never."""
EFFECT: Final = (12.0, 18.0, 22.0, 24.0, 24.0)
"""Days a year in work that the programme adds, in its first, second, … year."""
DRIFT: Final = 0.6
"""Days by which work grows faster each year where centres opened."""


@dataclass(frozen=True, slots=True, eq=False)
class Rollout:
    """A draw of the roll-out and its truth.

    Parameters
    ----------
    study : Study
        People with ``centre``, ``age``, ``assigned`` (blank where no lottery was drawn) and ``opened`` (the first year with a
        place, blank without one); outcomes ``days`` each year, and ``days_after``, their mean over the years since opening, for
        people of the lotteries.
    effect : float
        Days a year that assignment adds, on average over a person's years since opening and over assigned people.
    """

    study: Study
    effect: float


def simulate_rollout(size: int = 960, seed: int = 2026) -> Rollout:
    """Draw applicants, lotteries and days in work.

    Parameters
    ----------
    size : int
        Applicants, equally many at each of 16 centres; at least 160.
    seed : int
        Same seed, same study.

    Examples
    --------
    >>> drawn = simulate_rollout()
    >>> drawn.study, round(drawn.effect, 1)
    (Study('rollout': 960 people, 0 providers, 2 outcomes), 18.6)
    """
    if size < 10 * len(OPENED):
        raise refusal("DATA-003", f"the roll-out needs at least {10 * len(OPENED)} applicants", "simulate_rollout")
    rng = np.random.default_rng(seed)
    each = size // len(OPENED)
    size = each * len(OPENED)
    centre = np.repeat(np.arange(len(OPENED)), each)
    opened = np.array(OPENED)[centre]
    place = np.concatenate([rng.permutation(each) < round(0.6 * each) for _ in OPENED]) & (opened > 0)
    age = np.round(rng.normal(34, 8, size).clip(18, 62)).astype(int)
    years = np.array(YEARS)
    since = years - opened[:, None]
    gained = np.where(place[:, None] & (since >= 0), np.array(EFFECT)[since.clip(0, len(EFFECT) - 1)], 0.0)
    own = 110 + 1.2 * (age - 34) + rng.normal(0, 18, size) + rng.normal(0, 6, len(OPENED))[centre]
    shock = rng.normal(0, 3, (len(OPENED), len(years)))[centre]
    trend = 2.0 * (years - years[0]) + DRIFT * (opened > 0)[:, None] * (years - years[0])
    days = own[:, None] + trend + shock + gained + rng.normal(0, 20, (size, len(years)))
    days = np.round(days).clip(0, 365)
    lottery = opened > 0
    after = np.where(since >= 0, 1.0, 0.0) * lottery[:, None]
    mean_after = (days * after).sum(axis=1)[lottery] / after.sum(axis=1)[lottery]
    treated = place & lottery
    truth = float(((gained * after).sum(axis=1)[treated] / after.sum(axis=1)[treated]).mean())
    person = np.array([f"a{number:04d}" for number in range(1, size + 1)])
    people = pd.DataFrame({
        "person": person,
        "centre": [f"centre-{number + 1:02d}" for number in centre],
        "age": age,
        "assigned": pd.array(place.astype(int), dtype="Int64"),
        "opened": pd.array(opened, dtype="Int64"),
    })  # fmt: skip
    people.loc[~lottery, "assigned"] = pd.NA
    people.loc[~place, "opened"] = pd.NA
    long = pd.DataFrame({
        "person": np.repeat(person, len(years)),
        "outcome": "days",
        "period": np.tile(years.astype(str), size),
        "value": days.ravel(),
    })  # fmt: skip
    once = pd.DataFrame({
        "person": person[lottery],
        "outcome": "days_after",
        "period": "",
        "value": mean_after.round(2),
    })  # fmt: skip
    outcomes = pd.concat([long, once], ignore_index=True)
    study = Study.from_tables(
        people, outcomes=outcomes, name="rollout", title="A programme opens centre by centre: a simulated roll-out"
    )
    return Rollout(study, truth)
