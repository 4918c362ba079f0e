"""A simulated cradle-to-career initiative with a known answer: who caused which part of the gain.

Five providers serve overlapping children and one backbone reaches everybody. Needier families are referred to more
providers, so comparing served with unserved children, or splitting raw outcomes, gives the wrong answer. One pair of
providers reinforces each other, one provider has no effect at all.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal

PROVIDERS: Final = ("home_visiting", "early_learning", "tutoring", "mentoring", "family_coaching")
BACKBONE: Final = "backbone"
OWN_EFFECT: Final = (4.0, 3.0, 2.0, 1.5, 0.0)
"""Points of readiness that each provider adds by itself; the last one adds nothing."""
PAIR: Final = (1, 2)
PAIR_EFFECT: Final = 3.0
"""Points that early learning and tutoring add when a child has both."""
SMALLEST_PATTERN: Final = 60
NEED_PER_PROVIDER: Final = 0.5
"""Standard deviations by which the mean need rises with each further provider."""


@dataclass(frozen=True, slots=True, eq=False)
class Cradle:
    """A draw of the initiative and its truth.

    Parameters
    ----------
    study : Study
        Outcome ``readiness`` in points, covariate ``need`` in standard deviations.
    credits : ndarray, shape (5,)
        True Shapley credit of each provider, in points per child of this cohort:
        the share of children it served times its own effect, plus half of the pair's joint effect.
    """

    study: Study
    credits: NDArray[np.float64]


def simulate_cradle(size: int = 4_000, seed: int = 2024, noise: float = 8.0) -> Cradle:
    """Draw children, their services and their readiness.

    Every one of the 32 patterns of providers is dealt to at least 60 children; the rest fall by chance. Given the
    pattern, need is normal with a mean that rises by half a standard deviation a provider, which makes the chance of a
    pattern given need a multinomial logit. Readiness is ``50 - 3 need + own effects + pair effect + noise``.

    Parameters
    ----------
    size : int
        Children; at least 1,920.
    seed : int
        Same seed, same study.
    noise : float
        Standard deviation of readiness around its mean, in points.

    Examples
    --------
    >>> simulate_cradle().credits.round(2)
    array([2.  , 1.87, 1.36, 0.75, 0.  ])
    """
    patterns = np.array([[bool(mask >> j & 1) for j in range(5)] for mask in range(32)])
    floor = SMALLEST_PATTERN * len(patterns)
    if size < floor:
        raise refusal("DATA-003", f"the initiative needs at least {floor:,} children", "simulate_cradle")
    rng = np.random.default_rng(seed)
    counts = SMALLEST_PATTERN + rng.multinomial(size - floor, np.full(len(patterns), 1 / len(patterns)))
    exposure = np.repeat(patterns, counts, axis=0)[rng.permutation(size)]
    need = NEED_PER_PROVIDER * exposure.sum(axis=1) + rng.normal(size=size)
    need = np.round(need - NEED_PER_PROVIDER * 2.5, 3)
    both = exposure[:, PAIR].all(axis=1)
    readiness = 50 - 3 * need + exposure @ np.array(OWN_EFFECT) + PAIR_EFFECT * both + noise * rng.normal(size=size)
    credits = exposure.mean(axis=0) * np.array(OWN_EFFECT)
    credits[list(PAIR)] += PAIR_EFFECT * both.mean() / 2
    return Cradle(_as_study(exposure, need, np.round(readiness, 2), rng), credits)


def _as_study(
    exposure: NDArray[np.bool_], need: NDArray[np.float64], readiness: NDArray[np.float64], rng: np.random.Generator
) -> Study:
    size = len(need)
    person = np.array([f"c{number:05d}" for number in range(1, size + 1)])
    child, provider = np.nonzero(np.column_stack([exposure, np.ones(size, dtype=bool)]))
    start = pd.Timestamp("2024-09-02") + pd.to_timedelta(rng.integers(0, 120, size=len(child)), unit="D")
    services = pd.DataFrame(
        {
            "person": person[child],
            "provider": np.array([*PROVIDERS, BACKBONE])[provider],
            "start": start.strftime("%Y-%m-%d"),
            "end": "2025-06-13",
            "dose": rng.integers(4, 31, size=len(child)),
        }
    )
    return Study.from_tables(
        pd.DataFrame({"person": person, "need": need}),
        services=services,
        outcomes=pd.DataFrame({"person": person, "outcome": "readiness", "value": readiness}),
        name="cradle",
        title="Cradle to career: a simulated initiative",
        window=(date(2024, 9, 2), date(2025, 6, 13)),
    )
