"""What a test of earlier trends could have seen, and what a trend that it missed would do to the effect.

A study passes when no placebo effect before the services is significant (``individual``), or when they are not significantly
different from zero together (``joint``). For a difference in trends that is a straight line through the reference period,
the slope that such a test detects with a given chance, and the bias that this slope means for the average effect:
on average, and among studies that passed the test, which are a selection.

Placebo effects are taken to be normal with their estimated covariance; the joint test has the reference distribution of
`joint_test`, and its mean among studies that passed is that of a normal vector in an ellipsoid.

Source: Roth (2022), "Pretest with caution: event-study estimates after testing for parallel trends", American Economic
Review: Insights 4(3), propositions 1 and 2; Genz (1992), Journal of Computational and Graphical Statistics 1(2), for the
probability of a box.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import chdtri, chndtr, fdtri, ncfdtr, ndtr, ndtri

from counterfoil.datasets.display import titled_table
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import MANY
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.joint_covariance import hold_nonsingular

POINTS: Final = 2**13
"""Points of the fixed lattice; probabilities are exact to about 1e-5."""
DOUBLINGS: Final = 60
FALSE_ALARM: Final = 0.8
"""The power at which a test is usually called adequate."""

PreTest = Literal["individual", "joint"]


class Passing(NamedTuple):
    """Chance that the placebo effects pass the test, and their mean among studies that passed, (k,)."""

    probability: float
    mean: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class PretrendPower:
    """Slopes that a test of earlier trends detects with given chances, and what they would do to the average effect.

    Parameters
    ----------
    test : {"individual", "joint"}
    conf_level : float
        One less the level of the test.
    passed : bool
        Whether this study passed.
    size : float
        Chance of failing the test when trends are parallel.
    powers, slopes : tuple of float
        Chance of detecting each slope; slopes in the outcome's units a period, taken as positive.
    biases, biases_passed : tuple of float
        Bias of the average effect at each slope: on average, and among studies that passed.
    estimate : float
        The average effect that was measured.
    outcome : str
    warnings : tuple of Problem
        EST-037.
    """

    test: PreTest
    conf_level: float
    passed: bool
    size: float
    powers: tuple[float, ...]
    slopes: tuple[float, ...]
    biases: tuple[float, ...]
    biases_passed: tuple[float, ...]
    estimate: float
    outcome: str
    warnings: tuple[Problem, ...] = ()

    def tidy(self) -> pd.DataFrame:
        """Return one row a power: outcome, term, power, slope, bias, bias among studies that passed."""
        return pd.DataFrame(
            {
                "outcome": self.outcome,
                "term": "gain",
                "power": self.powers,
                "slope": self.slopes,
                "bias": self.biases,
                "bias_passed": self.biases_passed,
            }
        )

    @property
    def sentence(self) -> str:
        """What the test could have seen, for the largest power asked."""
        power, slope, bias = self.powers[-1], self.slopes[-1], self.biases_passed[-1]
        return (
            f"Earlier trends {'passed' if self.passed else 'failed'} the test; it detects with a chance of {100 * power:.0f}% "
            f"a trend of {slope:.4g} a period, which would by itself make {bias:.4g} of the effect of {self.estimate:.4g} "
            f"on {self.outcome} in a study that passed."
        )

    def __repr__(self) -> str:
        return f"{self.sentence}\n{self.tidy().to_string(index=False, float_format=lambda x: f'{x:.6g}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self.sentence)


def pretrend_power(
    study: EventStudy,
    powers: Sequence[float] = (0.5, 0.8),
    *,
    test: PreTest = "individual",
    weights: Sequence[float] | None = None,
    conf_level: float = 0.95,
) -> PretrendPower:
    """Return the slopes that a test of earlier trends detects with these chances, and the bias they mean.

    Parameters
    ----------
    study : EventStudy
        With a common reference.
    powers : sequence of float
        Ascending, above the test's size and below one.
    test : {"individual", "joint"}
    weights : sequence of float, optional
        Of the event times from 0, made to sum to one; those of the gain when omitted, see `EventStudy`.
    conf_level : float

    Raises
    ------
    IdentificationError
        IDENT-017 without a period before the reference, IDENT-033 without a common reference.
    EstimationError
        EST-015 when the placebo effects cannot be tested together, EST-035 when the joint covariance is singular.

    Examples
    --------
    >>> from counterfoil.estimators import Estimate
    >>> effects = Estimate.published([0.0, 0.5], [0.1, 0.1], terms=["-2", "0"], outcome="y", estimand="ATT", people=90)
    >>> found = pretrend_power(EventStudy((-2, 0), effects), [0.8])
    >>> round(found.slopes[0], 4)
    0.2802
    """
    if study.reference is None:
        raise refusal("IDENT-033", "the event study has no common reference to count a trend from", "event study")
    joint_test(study.pre)
    cov = study.estimate.cov()
    hold_nonsingular(cov)
    size = 1.0 - passing(study, np.zeros(len(study.pre_times)), test=test, conf_level=conf_level).probability
    asked = tuple(float(power) for power in powers)
    if not asked or min(asked) <= size or max(asked) >= 1.0:
        raise ValueError(f"powers lie between the test's size, {size:.3g}, and one")
    distance = np.array(study.times, dtype=np.float64) - study.reference
    row = study.average_weights(weights)
    before = [study.times.index(time) for time in study.pre_times]
    # What a deviation of the placebo effects from their mean tells of the deviation of the average.
    carry = np.linalg.solve(cov[np.ix_(before, before)], cov[before] @ row)
    unit, ahead = distance[before], float(row @ distance)
    slopes = tuple(_slope(study, unit, power, test, conf_level) for power in asked)
    shifts = [passing(study, slope * unit, test=test, conf_level=conf_level).mean - slope * unit for slope in slopes]
    biases = tuple(slope * ahead for slope in slopes)
    passed_biases = tuple(bias + float(carry @ shift) for bias, shift in zip(biases, shifts, strict=True))
    average = study.average(weights)
    estimate = float(average.values[0])
    passed = _passes(study, test, conf_level)
    enough = [abs(bias) for power, bias in zip(asked, biases, strict=True) if power <= FALSE_ALARM]
    warned: tuple[Problem, ...] = ()
    if passed and enough and enough[-1] >= abs(estimate):
        what = f"a trend that the test misses with a chance of {1 - max(p for p in asked if p <= FALSE_ALARM):.0%} makes up the effect"
        warned = (Problem("EST-037", what, "event study"),)
    return PretrendPower(
        test, conf_level, passed, size, asked, slopes, biases, passed_biases, estimate, str(average.outcome), warned
    )


def passing(study: EventStudy, trend: FloatArray, *, test: PreTest = "individual", conf_level: float = 0.95) -> Passing:
    """Return the chance of passing, and the placebo effects' mean among studies that passed, under any violation.

    Parameters
    ----------
    study : EventStudy
    trend : ndarray, shape (k,)
        The difference in trends at each of `pre_times`.
    test : {"individual", "joint"}
    conf_level : float
    """
    pre = study.pre
    covariance = pre.cov()
    if test == "individual":
        return _box(trend, covariance, pre.critical(conf_level) * pre.std_error)
    k, distance = len(trend), float(trend @ np.linalg.solve(covariance, trend))
    df = pre.df if pre.clusters is not None or pre.degrees is not None else MANY
    if df >= MANY:
        critical = float(chdtri(k, 1.0 - conf_level))
        probability, longer = (float(chndtr(critical, dimensions, distance)) for dimensions in (k, k + 2))
    else:
        left = df - k + 1
        critical = float(fdtri(k, left, conf_level))
        probability = float(ncfdtr(k, left, distance, critical))
        longer = float(ncfdtr(k + 2, left, distance, critical * k / (k + 2)))
    return Passing(probability, trend * longer / probability)


def _passes(study: EventStudy, test: PreTest, conf_level: float) -> bool:
    if test == "joint":
        return bool(study.joint_pretrend_test().p_value > 1.0 - conf_level)
    pre = study.pre
    return bool((np.abs(pre.values) <= pre.critical(conf_level) * pre.std_error).all())


def _slope(study: EventStudy, unit: FloatArray, power: float, test: PreTest, conf_level: float) -> float:
    """Return the slope at which the test fails with this chance."""
    from scipy.optimize import brentq

    def short(slope: float) -> float:
        return power - 1.0 + passing(study, slope * unit, test=test, conf_level=conf_level).probability

    high = float((study.pre.std_error / np.abs(unit)).min())
    for _ in range(DOUBLINGS):
        if short(high) < 0:
            break
        high *= 2.0
    return float(brentq(short, 0.0, high, rtol=1e-8))


def _box(mean: FloatArray, covariance: FloatArray, half: FloatArray) -> Passing:
    """Return the chance that a normal vector lies in the box ±half, and its mean given that it does (Genz's transformation)."""
    root = np.linalg.cholesky(covariance)
    # A Richtmyer lattice: fractional parts of multiples of square roots of primes, folded so that it is periodic.
    steps = np.sqrt(_primes(len(mean)))
    uniform = np.abs(2.0 * ((np.arange(1, POINTS + 1)[:, None] * steps) % 1.0) - 1.0)
    drawn, depth = np.zeros((POINTS, len(mean))), np.zeros(POINTS)
    for place in range(len(mean)):
        centre = mean[place] + drawn[:, :place] @ root[place, :place]
        low, high = ((side * half[place] - centre) / root[place, place] for side in (-1.0, 1.0))
        # In the upper tail probabilities are taken from above, where they do not round to one.
        flip = low > 0
        low, high = np.where(flip, -high, low), np.where(flip, -low, high)
        bottom, inside = ndtr(low), ndtr(high) - ndtr(low)
        inside = np.maximum(inside, np.finfo(float).tiny)
        point = np.clip(ndtri(bottom + uniform[:, place] * inside), low, high)
        drawn[:, place] = np.where(flip, -point, point)
        depth += np.log(inside)
    weight = np.exp(depth - depth.max())
    probability = float(np.exp(depth.max()) * weight.mean())
    return Passing(probability, np.asarray(mean + root @ (weight @ drawn) / weight.sum()))


def _primes(count: int) -> FloatArray:
    found: list[int] = []
    candidate = 2
    while len(found) < count:
        if all(candidate % prime for prime in found):
            found.append(candidate)
        candidate += 1
    return np.array(found, dtype=np.float64)
