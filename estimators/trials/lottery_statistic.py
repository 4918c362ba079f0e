"""Statistics of a lottery, for many assignments at a time: a difference of means, alone or over its own error.

Outcome and observed assignment are summed over each unit once; an assignment then costs one product of a matrix. What is
kept of it is enough to test any constant effect. The error of a difference is that between the units of an arm, with the
mean as a ratio of sums where units are clusters of unequal size.

Sources: Neyman (1923); Wu and Ding (2021), Journal of the American Statistical Association 116(536); Middleton and Aronow
(2015), Statistics, Politics and Policy 6, for clusters.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.trials.lottery import Codes, Drawn, Lottery

Statistic = Literal["difference", "studentized"]
Alternative = Literal["two-sided", "greater", "less"]

TIED: Final = 1e-9
"""Statistics closer than this, relative to the observed one, are the same."""


@dataclass(frozen=True, slots=True, eq=False)
class UnitSums:
    """Sums over each unit's people that every statistic is made of, and the lottery's blocks."""

    features: FloatArray
    bounds: list[tuple[int, int]]
    shares: FloatArray

    @classmethod
    def of(cls, responses: FloatArray, mass: FloatArray, unit: Codes, lottery: Lottery) -> "UnitSums":
        """Sum responses (n, 2) over units; features are one, size, two sums, and their products with size and each other."""
        count = len(lottery.arms)
        size = np.bincount(unit, weights=mass, minlength=count)
        y, w = (np.bincount(unit, weights=mass * column, minlength=count) for column in responses.T)
        features = np.column_stack([np.ones(count), size, y, w, size**2, size * y, size * w, y**2, y * w, w**2])
        shares = np.array([size[first:last].sum() for first, last in lottery.bounds])
        return cls(features, lottery.bounds, shares / shares.sum())

    def parts(self, drawn: Drawn, arm: int, statistic: Statistic) -> FloatArray:
        """Return the differences of both responses and, studentized, their covariance (n_drawn, 5), summed over blocks."""
        found = np.zeros((len(drawn), 5))
        used = slice(None) if statistic == "studentized" else slice(0, 4)
        for (first, last), share in zip(self.bounds, self.shares, strict=True):
            for code, sign in ((arm, 1.0), (0, -1.0)):
                here = (drawn[:, first:last] == code).astype(np.float64)
                sums = (here @ self.features[first:last, used]).T
                if not sums[1].all():
                    raise refusal("EST-021", "an assignment leaves an arm empty", "assignments")
                y, w = sums[2] / sums[1], sums[3] / sums[1]
                found[:, 0] += sign * share * y
                found[:, 1] += sign * share * w
                if statistic == "studentized":
                    if (sums[0] < 2).any():
                        what = "a single unit in an arm of a block, which a studentized statistic cannot use"
                        raise refusal("EST-001", what, fix="ask for the statistic `difference`")
                    squares = (
                        sums[7] - 2 * y * sums[5] + y**2 * sums[4],
                        sums[8] - y * sums[6] - w * sums[5] + y * w * sums[4],
                        sums[9] - 2 * w * sums[6] + w**2 * sums[4],
                    )
                    scale = share**2 * sums[0] / ((sums[0] - 1) * sums[1] ** 2)
                    found[:, 2:] += (scale * np.array(squares)).T
        return found


def statistic_of(parts: FloatArray, statistic: Statistic, effect: float) -> FloatArray:
    """Return the statistic of outcomes less an effect of observed assignment, from parts (..., 5)."""
    difference = parts[..., 0] - effect * parts[..., 1]
    if statistic == "difference":
        return np.asarray(difference)
    variance = parts[..., 2] - 2 * effect * parts[..., 3] + effect**2 * parts[..., 4]
    return np.asarray(difference / np.sqrt(np.maximum(variance, 1e-300)))


def sided(values: FloatArray, alternative: Alternative) -> FloatArray:
    """Return statistics so that larger ones speak against no effect."""
    return np.abs(values) if alternative == "two-sided" else values if alternative == "greater" else -values


def extreme_ones(distribution: FloatArray, observed: FloatArray, alternative: Alternative) -> NDArray[np.bool_]:
    """Mark statistics at least as extreme as the observed one; rounding error makes no difference."""
    found, limit = sided(distribution, alternative), sided(np.asarray(observed), alternative)
    slack = TIED * np.maximum(np.abs(limit), np.median(np.abs(distribution), axis=0))
    return np.asarray(found >= limit - slack)
