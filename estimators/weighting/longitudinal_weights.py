"""Weights of people whose treatment was decided period by period, and the effect of always being treated over never.

A person's weight is 1/Π_t P(own treatment in t | own history up to t). Under ``always_or_never`` the effect is the difference of two
weighted means. Under ``linear`` every period adds the same: the outcome is regressed on the number of periods treated, with weights
that are stabilized by the share of people with the same course of treatment, and the effect is all periods' slope.
Errors count the estimation of every period's chances, and of the shares.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.compared import as_estimate
from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.overlap import effective_size
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray, factor, sandwich
from counterfoil.estimators.estimate import Estimate

MEANS: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class PeriodScore:
    """Chances of treatment in one period.

    Parameters
    ----------
    name : str
        The treatment's column.
    open : ndarray of bool, shape (n,)
        Whose treatment was not settled by their last one.
    taken : ndarray of int, shape (n,)
    score : Score or None
        Of those for whom it was open; None where it was for nobody.
    """

    name: str
    open: NDArray[np.bool_]
    taken: NDArray[np.intp]
    score: Score | None

    @property
    def own(self) -> FloatArray:
        """Chance of the treatment that each person had, shape (n,); one where it was settled."""
        found = np.ones(len(self.open))
        if self.score is not None:
            found[self.open] = np.take_along_axis(self.score.chance, self.taken[self.open, None], axis=1)[:, 0]
        return found

    def through(self, gradient: FloatArray) -> FloatArray:
        """Return what the chances' estimation adds to the influence of a value, shape (n,).

        Parameters
        ----------
        gradient : ndarray, shape (n,)
            How the value depends on each person's chance of their own treatment, times n.
        """
        found = np.zeros(len(self.open))
        if self.score is not None:
            slope = np.zeros((*self.score.chance.shape, 1))
            np.put_along_axis(slope[:, :, 0], self.taken[self.open, None], gradient[self.open, None], axis=1)
            found[self.open] = self.score.through(slope)[:, 0]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class LongitudinalWeights:
    """Weights over several periods of treatment; satisfies `Compared`.

    Parameters
    ----------
    sample : ComparisonSample
        Its groups are the courses of treatment: code 0 for never, the chosen one for always.
    periods : tuple of PeriodScore
        In order of time.
    model : {"always_or_never", "linear"}
    outcome, period : str or None
        What `effect` measures unless told otherwise.
    warnings : tuple of Problem
    """

    sample: ComparisonSample
    periods: tuple[PeriodScore, ...]
    model: Literal["always_or_never", "linear"]
    outcome: str | None
    period: str | None
    warnings: tuple[Problem, ...] = ()

    @property
    def estimand(self) -> Estimand:
        """Everybody's average effect."""
        return "ate"

    @property
    def score(self) -> Score | None:
        """None: there is one a period, in ``periods``."""
        return None

    @property
    def inverse(self) -> FloatArray:
        """One over the chance of each person's own course of treatment, shape (n,)."""
        return np.asarray(1.0 / np.prod([period.own for period in self.periods], axis=0))

    @property
    def stabilized(self) -> FloatArray:
        """The same times the share of everybody who had that course, shape (n,)."""
        return np.asarray(self.inverse * self._shares[self.sample.codes])

    @property
    def balancing(self) -> FloatArray:
        """Weights (n, 1) of those always and of those never treated, observation weights included; else 0."""
        used = np.zeros(self.sample.n)
        for _, member in self._sides():
            used[member] = (self.inverse * self.sample.weights)[member]
        return used[:, None]

    def effect(self, outcome: str | None = None, period: str | None = None) -> Estimate:
        """Return the effect on an outcome of always being treated over never: one term, ``gain``.

        Parameters
        ----------
        outcome, period : str, optional
            As the design names them when omitted.
        """
        sample = self.sample
        asked, when = outcome or self.outcome, period or self.period
        values = sample.study.outcome(asked, when)
        gain, riesz, residual, shares = self._linear(values) if self.model == "linear" else self._means(values)
        direct = riesz * residual
        # A weight is one over its chances, so that its derivative by a chance is itself over that chance, negative.
        chances = sum(period.through(-direct / period.own) for period in self.periods)
        influence = (direct + chances + shares)[:, None]
        known = factor(
            sample.error_type, sample.n, MEANS, sample.n if sample.clusters is None else int(sample.clusters.max()) + 1
        )
        error = float(np.sqrt(sandwich(direct[:, None], sample.clusters)[0, 0] * known))
        return as_estimate(
            sample,
            self.estimand,
            np.array([gain]),
            influence,
            outcome=asked or sample.study.outcome_names[0],
            parameters=MEANS + sum(period.score.parameters for period in self.periods if period.score is not None),
            warnings=self.warnings,
            terms=("gain",),
            riesz=riesz[:, None],
            diagnostics={**self.counts(), "std_error_known": [error]},
        )

    def counts(self) -> dict[str, Any]:
        """Return sizes and the range of the weights."""
        own = {name: self.inverse[member] for name, member in self._sides()}
        every = np.concatenate(list(own.values()))
        return {
            "model": self.model,
            "effective_sizes": {
                name: float(effective_size((self.inverse * self.sample.weights)[member, None])[0])
                for name, member in self._sides()
            },
            "smallest_weight": float(every.min()),
            "largest_weight": float(every.max()),
            "largest_stabilized_weight": float(self.stabilized.max()),
        }

    @property
    def _shares(self) -> FloatArray:
        weights = self.sample.weights
        return np.asarray(np.bincount(self.sample.codes, weights=weights) / weights.sum())

    def _sides(self) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        yield "always", self.sample.of(self.sample.arms.chosen[0])
        yield "never", self.sample.of(0)

    def _means(self, values: FloatArray) -> tuple[float, FloatArray, FloatArray, FloatArray]:
        """Return the gain, each person's weight in it times n, residuals, and what the shares add: nothing."""
        n = self.sample.n
        gain, riesz, residual = 0.0, np.zeros(n), np.zeros(n)
        weight = self.balancing[:, 0]
        for sign, (_, member) in zip((1.0, -1.0), self._sides(), strict=True):
            mean = float(np.average(values[member], weights=weight[member]))
            gain += sign * mean
            riesz[member] = sign * n * weight[member] / weight[member].sum()
            residual[member] = values[member] - mean
        return gain, riesz, residual, np.zeros(n)

    def _linear(self, values: FloatArray) -> tuple[float, FloatArray, FloatArray, FloatArray]:
        """Return the same of a regression on the number of periods treated."""
        sample, n = self.sample, self.sample.n
        weight = self.stabilized * sample.weights
        treated = np.sum([period.taken for period in self.periods], axis=0).astype(np.float64)
        centred = treated - np.average(treated, weights=weight)
        riesz = len(self.periods) * n * weight * centred / (weight @ centred**2)
        mean = float(np.average(values, weights=weight))
        gain = float(riesz @ values / n)
        residual = values - mean - gain / len(self.periods) * centred
        moved = np.bincount(sample.codes, weights=riesz * residual) / n
        shares = sample.weights * (moved / self._shares)[sample.codes] - moved.sum()
        return gain, riesz, residual, shares
