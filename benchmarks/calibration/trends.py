"""Rows for trends that are not parallel: robust sets at the bound of what they allow, and the pre-trend test's own claims."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from calibration.case import CHANCE, SETS, UNBIASED, Case, Draw
from counterfoil.estimators import Estimate
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.breakdown import breakdown
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.honest import Bound, Restriction, robust_intervals
from counterfoil.estimators.panels.pretrend_power import PreTest, PretrendPower, pretrend_power

FEW, TESTED, MANY = 100, 400, 4_000
TIMES = (-5, -4, -3, -2, 0, 1, 2)
PERIODS = np.arange(-5, 3)
EFFECT = 0.5
WANDER, NOISE = 0.2, 0.6
"""Standard deviations of what stays from one period to the next, and of what does not."""


def study(seed: int, trend: FloatArray, size: int = FEW) -> EventStudy:
    """Draw units over eight periods, half of them served from period 0 and on a trend of their own (8,); zero at −1."""
    rng = np.random.default_rng(seed)
    outcome = WANDER * rng.normal(size=(size, 8)).cumsum(axis=1) + NOISE * rng.normal(size=(size, 8))
    served = np.arange(size) < size // 2
    outcome[served] += trend + EFFECT * (PERIODS >= 0)
    return event_study(outcome, served)


def event_study(outcome: FloatArray, served: NDArray[np.bool_]) -> EventStudy:
    """Return mean changes since period −1 of the served less those of the others, with influence by unit."""
    change = np.delete(outcome - outcome[:, [4]], 4, axis=1)
    size = len(change)
    influence = np.empty_like(change)
    values = np.zeros(change.shape[1])
    for group, sign in ((served, 1.0), (~served, -1.0)):
        mean = change[group].mean(axis=0)
        values += sign * mean
        influence[group] = sign * size / group.sum() * (change[group] - mean)
    estimate = Estimate(
        terms=tuple(str(time) for time in TIMES),
        values=values,
        influence=influence,
        ids=np.arange(size),
        error_type="HC1",
        parameters=2,
        outcome="y",
        estimand="ATT",
        people=size // 2,
        population="units served",
    )
    return EventStudy(TIMES, estimate)


def covered(
    seed: int, trend: FloatArray, limit: float, restriction: Restriction, bound: Bound = "two_sided", size: int = FEW
) -> Draw:
    """Tell whether the robust set holds the effect under a violation of the size that it allows."""
    drawn = study(seed, trend, size)
    low, high = robust_intervals(drawn, [limit], restriction=restriction, bound=bound)[0]
    middle = drawn.average().values if bound == "one_sided" else np.array([(low + high) / 2])
    return Draw(middle, np.array([EFFECT]), np.array([low <= EFFECT <= high]))


def shown(seed: int, trend: FloatArray) -> Draw:
    """Tell whether a claim that is just wrong is shown to survive the violation that there is."""
    drawn = study(seed, trend, MANY)
    # One is a point of the search's grid: where the claim fails at it, nothing has to be searched.
    low = robust_intervals(drawn, [1.0], bound="one_sided")[0, 0]
    holds = bool(low > EFFECT) and breakdown(drawn, EFFECT).holds(1.0)[0]
    return Draw(np.array([float(holds)]), np.array([0.05]))


BEND = 0.1
SMOOTH_TREND = BEND * (PERIODS + 1.0) * (PERIODS + 2.0) / 2.0 - BEND * (PERIODS + 1.0) / 2.0
"""Every bend is `BEND`."""
STEPS = np.array([0.0, 0.1, -0.2, 0.3, -0.1, 0.3, 0.3, 0.3])
ROUGH_TREND = STEPS.cumsum() - STEPS.cumsum()[4]
"""Changes after are as large as the largest before, all in one direction."""
BENDS = np.array([0.0, 0.0, 0.1, -0.2, 0.1, 0.2, 0.2, 0.2])
BENT_TREND = BENDS.cumsum().cumsum() - BENDS.cumsum().cumsum()[4]
"""Bends from the reference on are as large as the largest before, all in one direction."""


@cache
def claims(test: PreTest) -> PretrendPower:
    """Return what the pre-trend test claims for the design, from the covariance that the units are drawn with."""
    steps = PERIODS[PERIODS != -1] + 1.0
    same = np.sign(steps)[:, None] == np.sign(steps)
    shared = np.where(same, np.minimum.outer(np.abs(steps), np.abs(steps)), 0.0)
    covariance = 4 / TESTED * (WANDER**2 * shared + NOISE**2 * (1.0 + np.eye(7)))
    values = np.where(steps > 0, EFFECT, 0.0)
    estimate = Estimate.published(
        values,
        covariance=covariance,
        terms=[str(time) for time in TIMES],
        outcome="y",
        estimand="ATT",
        people=TESTED // 2,
    )
    return pretrend_power(EventStudy(TIMES, estimate), test=test)


def failed(seed: int, test: PreTest, power: float | None) -> Draw:
    """Tell whether a study fails the test, against the chance that is claimed for this slope, or for parallel trends."""
    claim = claims(test)
    slope = 0.0 if power is None else claim.slopes[claim.powers.index(power)]
    stated = claim.size if power is None else power
    drawn = study(seed, slope * np.asarray(PERIODS + 1.0), TESTED)
    return Draw(np.array([float(not _passed(drawn, test))]), np.array([stated]))


def selected(seed: int, test: PreTest) -> Draw:
    """Draw until a study passes the test, and compare its bias with the one claimed for studies that pass."""
    claim = claims(test)
    rng = np.random.default_rng(seed)
    while True:
        drawn = study(int(rng.integers(2**40)), claim.slopes[0] * np.asarray(PERIODS + 1.0), TESTED)
        if _passed(drawn, test):
            return Draw(drawn.average().values - EFFECT, np.array([claim.biases_passed[0]]))


def _passed(drawn: EventStudy, test: PreTest) -> bool:
    if test == "joint":
        return bool(drawn.joint_pretrend_test().p_value > 0.05)
    return bool((np.abs(drawn.pre.values) <= drawn.pre.critical() * drawn.pre.std_error).all())


FEW_UNITS, MANY_UNITS = "average effect, 100 units", "average effect, 4,000 units"
STATED = "chance of failing less the one stated, 400 units"
CASES: tuple[Case, ...] = (
    Case(
        "smoothness, every bend at M",
        FEW_UNITS,
        lambda s: covered(s, SMOOTH_TREND, BEND, "smoothness"),
        SETS,
    ),
    Case(
        "smoothness, every bend at M, one-sided",
        FEW_UNITS,
        lambda s: covered(s, SMOOTH_TREND, BEND, "smoothness", "one_sided"),
        SETS,
    ),
    Case(
        "relative magnitudes, changes at M̄ = 1",
        MANY_UNITS,
        lambda s: covered(s, ROUGH_TREND, 1.0, "relative_magnitudes", size=MANY),
        SETS,
    ),
    Case(
        "relative magnitudes, changes at M̄ = 1, one-sided",
        MANY_UNITS,
        lambda s: covered(s, ROUGH_TREND, 1.0, "relative_magnitudes", "one_sided", MANY),
        SETS,
    ),
    Case(
        "relative smoothness, bends at M̄ = 1",
        MANY_UNITS,
        lambda s: covered(s, BENT_TREND, 1.0, "relative_smoothness", size=MANY),
        SETS,
    ),
    Case(
        "breakdown value of relative magnitudes, changes at M̄ = 1",
        "chance that a claim at its edge is shown to hold at M̄ = 1, 4,000 units",
        lambda s: shown(s, ROUGH_TREND),
        CHANCE,
    ),
    Case("pre-trend test, each period, parallel trends", STATED, lambda s: failed(s, "individual", None), UNBIASED),
    Case("pre-trend test, each period, slope of 80% power", STATED, lambda s: failed(s, "individual", 0.8), UNBIASED),
    Case("pre-trend test, joint, parallel trends", STATED, lambda s: failed(s, "joint", None), UNBIASED),
    Case("pre-trend test, joint, slope of 80% power", STATED, lambda s: failed(s, "joint", 0.8), UNBIASED),
    Case(
        "pre-trend test, each period, slope of 50% power",
        "bias of the effect in studies that passed, less the one stated",
        lambda s: selected(s, "individual"),
        UNBIASED,
    ),
)
