"""Conformal inference: are gaps after treatment larger than gaps in other periods could be?

Under the hypothesis of a gain of θ in every treated period, outcomes less θ are those without treatment in all periods. The
donors are weighed on all of them, and the mean absolute residual of the treated periods is compared with that of other blocks
of periods: the p-value is the part of shuffles of time that give as much. An interval is made of the θ that are not rejected.
It is exact if residuals come in any order with equal chance (``iid``), and nearly so for stationary ones (``moving_block``).

Source: Chernozhukov, Wüthrich and Zhu (2021), "An exact and robust conformal inference method for counterfactual and
synthetic controls", JASA 116(536), section 2 and equations 3 to 5.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from counterfoil.errors import refusal
from counterfoil.estimators.synthetic.cohorts import Cohort, Places, Plan
from counterfoil.estimators.synthetic.counterfactual import counterfactual

TIED: Final = 1e-9
DISTANCES: Final = 0.01 * 1.25 ** np.arange(52)
"""From the fitted gain, in units of how much the treated vary: where the test is tried, up to nearly a thousand."""
HALVINGS: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class ConformalTest:
    """A test of no gain, and the gains that are not rejected.

    Parameters
    ----------
    p_value : float
        Of no gain in any treated period.
    conf_level : float
    conf_low, conf_high : float
        Least and greatest constant gain that is not rejected, in the outcome's units; infinite where none is rejected.
    smallest_p_value : float
        With fewer periods than 1 / (1 − conf_level) nothing can be rejected.
    """

    p_value: float
    conf_level: float
    conf_low: float
    conf_high: float
    smallest_p_value: float

    @property
    def bounded(self) -> bool:
        """Whether the interval has two ends."""
        return math.isfinite(self.conf_low) and math.isfinite(self.conf_high)


def p_value_of(
    gain: float,
    plan: Plan,
    places: Places,
    cohort: Cohort,
    permutations: Literal["moving_block", "iid"] = "moving_block",
    draws: int = 500,
    seed: int = 0,
) -> float:
    """Return the p-value of the same gain in every treated period.

    Parameters
    ----------
    gain : float
        The hypothesis, in the outcome's units.
    plan : Plan
    places : Places
    cohort : Cohort
        Places treated from one period on.
    permutations : {"moving_block", "iid"}
    draws, seed : int
        Of permutations ``iid``.
    """
    periods = len(cohort.observed)
    without = cohort.observed - gain * (np.arange(periods) >= cohort.begins)
    donors = places.outcomes[places.donors]
    found = counterfactual(plan.method, without, donors, periods, plan.penalty, len(cohort.places))
    size = np.abs(found.gaps)
    after = periods - cohort.begins
    if permutations == "moving_block":
        twice = np.append(0.0, np.cumsum(np.append(size, size)))
        sums = (twice[after:] - twice[:-after])[:periods]
        own = sums[cohort.begins]
        return float((sums >= own * (1.0 - TIED)).mean())
    rng = np.random.default_rng(seed)
    sums = rng.permuted(np.tile(size, (draws, 1)), axis=1)[:, :after].sum(axis=1)
    return float((1 + (sums >= size[cohort.begins :].sum() * (1.0 - TIED)).sum()) / (draws + 1))


def conformal_test(
    plan: Plan,
    places: Places,
    cohort: Cohort,
    conf_level: float,
    permutations: Literal["moving_block", "iid"],
    draws: int,
    seed: int,
) -> ConformalTest:
    """Test for no gain, and invert the test for an interval of constant gains.

    Raises
    ------
    EstimationError
        EST-038 when every constant gain is rejected.
    """
    smallest = 1.0 / len(cohort.observed) if permutations == "moving_block" else 1.0 / (draws + 1)

    def p_value(gain: float) -> float:
        return p_value_of(gain, plan, places, cohort, permutations, draws, seed)

    none = p_value(0.0)
    level = 1.0 - conf_level
    if smallest > level:
        return ConformalTest(none, conf_level, -math.inf, math.inf, smallest)
    pool = places.outcomes[places.donors].mean(axis=0)
    scale = max(float(np.std(cohort.observed - pool)), abs(cohort.gain)) or 1.0
    away = scale * DISTANCES
    gains = cohort.gain + np.concatenate([-away[::-1], [0.0], away])
    accepted = np.flatnonzero([p_value(gain) > level for gain in gains])
    if not len(accepted):
        raise refusal(
            "EST-038", "every constant gain is rejected, so the comparison does not fit", "conformal inference"
        )
    ends = []
    for place, outward in ((int(accepted[0]), -1), (int(accepted[-1]), 1)):
        beyond = place + outward
        ends.append(
            _edge(p_value, float(gains[place]), float(gains[beyond]), level)
            if 0 <= beyond < len(gains)
            else outward * math.inf
        )
    return ConformalTest(none, conf_level, ends[0], ends[1], smallest)


def _edge(p_value: Callable[[float], float], inner: float, outer: float, level: float) -> float:
    """Halve the distance from the outermost accepted gain to the next one that was tried, which is rejected."""
    for _ in range(HALVINGS):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if p_value(middle) > level else (inner, middle)
    return inner
