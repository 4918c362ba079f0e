"""A test by randomization, and its inversion: which constant effects the lottery does not speak against.

If assignment changed everybody's outcome by τ, then outcomes less τ for those assigned are the same under every assignment,
and the statistic of each is known. A linear statistic turns each assignment into the range of effects that it speaks for,
so that the ends of the interval are order statistics of those ranges and nothing is searched for.

Sources: as in ``counterfoil.estimators.trials.randomization``; Imbens and Rubin (2015), section 5.7, for the inversion.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.trials.inversion import confidence_end
from counterfoil.estimators.trials.lottery_statistic import (
    TIED,
    Alternative,
    Statistic,
    extreme_ones,
    sided,
    statistic_of,
)
from counterfoil.estimators.trials.randomization_plot import plot_randomization


@dataclass(frozen=True, slots=True, eq=False)
class RandomizationTest:
    """A test by randomization of one effect, or of several arms' effects together.

    Parameters
    ----------
    terms : tuple of str
        Whose effects, K of them.
    observed : ndarray, shape (K,)
        The statistic as it came out.
    distribution : ndarray, shape (n_assignments, K)
        The statistic under every assignment, or under drawn ones and, first, the observed one, if nobody was affected.
    parts : ndarray, shape (n_assignments, 5), or None
        Of one effect: the difference of the outcome and that of observed assignment, and their variances and covariance.
    observed_parts : ndarray, shape (5,), or None
    statistic, alternative : str
    exact : bool
        Whether every assignment was counted; they were drawn otherwise.
    drawn_by : str
        What the lottery drew, in words.

    Examples
    --------
    >>> from counterfoil.estimators.trials.randomization import randomize
    >>> found = randomize([3.0, 1.0, 0.0, 0.0], [1, 1, 0, 0])
    >>> found.exact, len(found.distribution), round(float(found.p_values[0]), 4)
    (True, 6, 0.3333)
    """

    terms: tuple[str, ...]
    observed: FloatArray
    distribution: FloatArray
    parts: FloatArray | None
    observed_parts: FloatArray | None
    statistic: Statistic
    alternative: Alternative
    exact: bool
    drawn_by: str

    @property
    def extreme(self) -> NDArray[np.bool_]:
        """Which assignments give a statistic at least as extreme as the observed one, shape (n_assignments, K)."""
        return extreme_ones(self.distribution, self.observed, self.alternative)

    @property
    def p_values(self) -> FloatArray:
        """How often they do, shape (K,)."""
        return np.asarray(self.extreme.mean(axis=0))

    @property
    def joint_p_value(self) -> float:
        """How often the largest of the K statistics is at least the largest observed one: a test of no effect of any arm."""
        largest = sided(self.distribution, self.alternative).max(axis=1)
        return float(extreme_ones(largest, sided(self.observed, self.alternative).max(), "greater").mean())

    @property
    def estimate(self) -> float:
        """The constant effect that makes the statistic zero, in the outcome's units.

        Raises
        ------
        EstimationError
            EST-022 when there are several effects.
        """
        observed = self._one()[1]
        return float(observed[0] / observed[1])

    def p_value_at(self, effect: float) -> float:
        """Return the p-value of the sharp null that assignment changed everybody's outcome by ``effect``.

        Raises
        ------
        EstimationError
            EST-022 when there are several effects.
        """
        parts, observed = self._one()
        found = statistic_of(parts, self.statistic, effect), statistic_of(observed, self.statistic, effect)
        return float(extreme_ones(found[0], found[1], self.alternative).mean())

    def interval(self, conf_level: float = 0.95) -> FloatArray:
        """Return the constant effects that the test does not reject, shape (2,): its lowest and highest.

        Infinite where no effect is rejected: fewer assignments than the level needs, or a one-sided test.

        Raises
        ------
        EstimationError
            EST-022 when there are several effects.
        """
        self._one()
        if self.alternative != "two-sided":
            limit = self._limit(conf_level, -1 if self.alternative == "greater" else 1)
            return np.array([limit, np.inf] if self.alternative == "greater" else [-np.inf, limit])
        return np.array([self._limit(conf_level, side) for side in (-1, 1)])

    def _limit(self, conf_level: float, side: int) -> float:
        """Return how far below (−1) or above (1) the estimate an effect is not rejected."""
        if self.statistic == "difference":
            return self._ranked(1.0 - conf_level, side)
        return self._searched(conf_level, side)

    def _ranked(self, level: float, side: int) -> float:
        """Return the limit for a statistic that is linear in the effect: each draw speaks for a range of effects."""
        parts, observed = self._one()
        ends = []
        for sign in (1.0, -1.0) if self.alternative == "two-sided" else (1.0,):
            slope = observed[1] - sign * parts[:, 1]
            # A draw as close to the observed assignment as that is itself, or its mirror, speaks for every effect.
            bounded = slope > TIED
            gap = observed[0] - sign * parts[:, 0]
            ends.append(np.where(bounded, side * gap / np.where(bounded, slope, 1.0), np.inf))
        reach = np.sort(np.max(ends, axis=0))[::-1]
        rank = int(np.floor(level * len(reach) + 1e-9))
        return float(side * reach[rank])

    def _searched(self, conf_level: float, side: int) -> float:
        """Return the limit by doubling and halving, for a statistic that is not linear in the effect."""
        observed = self._one()[1]
        centre = self.estimate
        variance = observed[2] - 2 * centre * observed[3] + centre**2 * observed[4]
        step = float(np.sqrt(max(variance, 0.0))) / observed[1] or 1e-12
        return confidence_end(self.p_value_at, centre, step, conf_level, side)

    def _one(self) -> tuple[FloatArray, FloatArray]:
        if self.parts is None or self.observed_parts is None:
            raise refusal("EST-022", f"the test is of {len(self.terms)} arms together", "estimator")
        return self.parts, self.observed_parts

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row an effect: term, statistic, p_value; for one effect also estimate, conf_low, conf_high."""
        frame = pd.DataFrame({"term": self.terms, "statistic": self.observed, "p_value": self.p_values})
        if self.parts is not None:
            low, high = self.interval(conf_level)
            frame = frame.assign(estimate=self.estimate, conf_low=low, conf_high=high)
        frame.attrs = {"conf_level": conf_level, "statistic": self.statistic, "exact": self.exact}
        return frame

    def plot(self, ax: Any = None) -> Any:
        """Draw the distribution and where the observed statistic lies in it; return the matplotlib Axes."""
        return plot_randomization(self, ax)

    @property
    def header(self) -> str:
        """What was done, in a line."""
        count = f"all {len(self.distribution):,}" if self.exact else f"{len(self.distribution):,} drawn"
        return f"randomization test, {self.statistic}, {self.alternative}: {count} assignments of {self.drawn_by}"

    def __repr__(self) -> str:
        table = self.tidy().to_string(index=False, float_format=lambda x: f"{x:.6g}")
        joint = f"\njoint p-value {self.joint_p_value:.6g}" if len(self.terms) > 1 else ""
        return f"{self.header}\n{table}{joint}"
