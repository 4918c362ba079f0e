"""People's weights, made without outcomes, and the effect that they measure, with what making them adds to its error.

An effect is a difference of two weighted means, each with weights that sum to one, so that a constant added to the outcome changes
nothing. Its influence is n w (y − mean)/Σw of either side, plus what the estimation of the weights adds: through the chances
(`Score.through`), or through entropy balancing's equations, the target's means among them (`Tilt.through`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

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
from counterfoil.estimators.weighting.entropy_tilt import Tilt
from counterfoil.estimators.weighting.tilted_population import slope_of

MEANS: Final = 2
"""Weighted means behind one effect."""


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Weights of a comparison; satisfies `Compared`.

    Parameters
    ----------
    sample : ComparisonSample
    estimand : str
    method : str
    score : Score or None
        None for entropy balancing.
    relative : ndarray, shape (n, k)
        Weights before observation weights and caps, one column a term: of the term's group and of the untreated; else 0.
    tilts : mapping of (int, int) to Tilt
        By group and term, where entropy balancing made the weights.
    cap : float or None
        The largest weight, in means of its group.
    outcome, period : str or None
        What `effect` measures unless told otherwise.
    warnings : tuple of Problem
    """

    sample: ComparisonSample
    estimand: Estimand
    method: str
    score: Score | None
    relative: FloatArray
    tilts: Mapping[tuple[int, int], Tilt]
    cap: float | None
    outcome: str | None
    period: str | None
    warnings: tuple[Problem, ...] = ()

    @property
    def sides(self) -> tuple[tuple[int, int], ...]:
        """Group and term of each weighted mean: treated before untreated, term by term."""
        return tuple((side, j) for j, code in enumerate(self.sample.arms.chosen) for side in (code, 0))

    @property
    def balancing(self) -> FloatArray:
        """Weights (n, k), capped as declared and with observation weights."""
        used = self.relative.copy()
        for side, j in self.sides:
            member = self.sample.of(side)
            used[member, j] = np.minimum(used[member, j], self._limit(member, j))
        return np.asarray(used * self.sample.weights[:, None])

    @property
    def capped(self) -> NDArray[np.bool_]:
        """Mark weights that were lowered, shape (n, k)."""
        return np.asarray(self.relative * self.sample.weights[:, None] > self.balancing * (1 + 1e-12))

    @property
    def stabilized(self) -> FloatArray:
        """Weights (n, k) times the share of everybody who is in a person's group; effects are the same with them."""
        shares = np.bincount(self.sample.codes, weights=self.sample.weights) / self.sample.weights.sum()
        return np.asarray(self.balancing * shares[self.sample.codes][:, None])

    def effective_sizes(self) -> dict[str, dict[str, float]]:
        """Return for each term how many people of each group its weights are worth (Kish 1965)."""
        labels = self.sample.arms.labels
        found: dict[str, dict[str, float]] = {term: {} for term in self.sample.terms}
        balancing = self.balancing
        for side, j in self.sides:
            own = balancing[self.sample.of(side), j]
            found[self.sample.terms[j]][labels[side]] = float(effective_size(own[:, None])[0])
        return found

    def imbalance(self) -> FloatArray:
        """Return differences of weighted means, (p, k), in standard deviations of those whose effect it is (pooled if both)."""
        values, balancing = self.sample.adjusting.values, self.balancing
        gaps = np.empty((values.shape[1], balancing.shape[1]))
        for j, code in enumerate(self.sample.arms.chosen):
            groups = [values[self.sample.of(side)] for side in (code, 0)]
            means = [
                np.average(group, axis=0, weights=balancing[self.sample.of(side), j])
                for side, group in zip((code, 0), groups, strict=True)
            ]
            variances = [group.var(axis=0, ddof=1) if len(group) > 1 else np.zeros(group.shape[1]) for group in groups]
            asked = {"att": variances[:1], "atc": variances[1:]}.get(self.estimand, variances)
            spread = np.sqrt(np.mean(asked, axis=0))
            gaps[:, j] = (means[0] - means[1]) / np.where(spread > 0, spread, values.std(axis=0))
        return gaps

    def distance(self) -> float:
        """Return how far weighted groups are from everybody's means, for everybody's effect: the largest, in their deviations."""
        values, weights = self.sample.adjusting.values, self.sample.weights
        if self.estimand != "ate" or not values.shape[1]:
            return 0.0
        balancing, target = self.balancing, np.average(values, axis=0, weights=weights)
        means = [
            np.average(values[self.sample.of(side)], axis=0, weights=balancing[self.sample.of(side), j])
            for side, j in self.sides
        ]
        return float((np.abs(np.array(means) - target) / values.std(axis=0)).max())

    def effect(self, outcome: str | None = None, period: str | None = None) -> Estimate:
        """Return the effects on an outcome: one term a group that is compared with the untreated.

        Parameters
        ----------
        outcome, period : str, optional
            As the design names them when omitted.
        """
        sample = self.sample
        asked, when = outcome or self.outcome, period or self.period
        values = sample.study.outcome(asked, when)
        balancing, capped = self.balancing, self.capped
        n, k = balancing.shape
        estimates, riesz, direct, through = np.zeros(k), np.zeros((n, k)), np.zeros((n, k)), np.zeros((n, k))
        slopes = None if self.score is None else np.zeros((*self.score.chance.shape, k))
        for side, j in self.sides:
            member = sample.of(side)
            sign = -1.0 if side == 0 else 1.0
            weight = balancing[member, j]
            mean = float(np.average(values[member], weights=weight))
            estimates[j] += sign * mean
            riesz[member, j] = sign * n * weight / weight.sum()
            direct[member, j] = riesz[member, j] * (values[member] - mean)
            gradient = np.zeros(n)
            gradient[member] = sign * n * sample.weights[member] * (values[member] - mean) / weight.sum()
            gradient, limit = self._uncapped(gradient, member, capped[:, j], self.relative[:, j])
            through[:, j] += limit
            if (side, j) in self.tilts:
                through[:, j] += self.tilts[side, j].through(gradient)
            elif self.score is not None and slopes is not None:
                code = sample.arms.chosen[j]
                slope = slope_of(self.score.chance[member], side, code, self.estimand)
                slopes[member, :, j] += gradient[member, None] * slope
        if self.score is not None and slopes is not None:
            through += self.score.through(slopes)
        parameters = MEANS * k + (self.score.parameters if self.score else sum(len(t.bread) for t in self._distinct()))
        known = factor(
            sample.error_type, n, MEANS * k, n if sample.clusters is None else int(sample.clusters.max()) + 1
        )
        made = as_estimate(
            sample,
            self.estimand,
            estimates,
            direct + through,
            outcome=asked or sample.study.outcome_names[0],
            parameters=parameters,
            warnings=self.warnings,
            riesz=riesz,
            diagnostics={
                **self.counts(),
                "std_error_known": np.sqrt(np.diagonal(sandwich(direct, sample.clusters)) * known).tolist(),
            },
        )
        if self.estimand in ("ato", "atm"):
            made = replace(made, people=self._counted())
        if not sample.counts.get("trimmed", 0):
            return made
        return replace(made, population=f"{made.population}, but for those left out for their chance of treatment")

    def counts(self) -> dict[str, Any]:
        """Return what a reader wants to know of the weights: sizes, range, balance, and how many were capped or have none."""
        balancing = self.balancing
        there = np.zeros(balancing.shape, dtype=bool)
        for side, j in self.sides:
            there[self.sample.of(side), j] = True
        return {
            "method": self.method,
            "effective_sizes": self.effective_sizes(),
            "smallest_weight": float(balancing[there].min()),
            "largest_weight": float(balancing[there].max()),
            "without_weight": int((there & (balancing <= 0)).sum()),
            "capped": int(self.capped.sum()),
            "largest_imbalance": float(np.abs(self.imbalance()).max(initial=0.0)),
            **({"largest_distance": self.distance()} if self.estimand == "ate" else {}),
        }

    def _counted(self) -> int:
        """Return how many people overlap or matching weights leave, nobody counted as more than one.

        Their effect says nothing of people who have no weight, so that a price per person is not theirs.
        """
        return max(1, round(float((self.relative.max(axis=1) * self.sample.weights).sum())))

    def _distinct(self) -> tuple[Tilt, ...]:
        return tuple({id(tilt): tilt for tilt in self.tilts.values()}.values())

    def _limit(self, member: NDArray[np.bool_], j: int) -> float:
        if self.cap is None:
            return np.inf
        return self.cap * float(np.average(self.relative[member, j], weights=self.sample.weights[member]))

    def _uncapped(
        self, gradient: FloatArray, member: NDArray[np.bool_], capped: NDArray[np.bool_], relative: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return the gradient by weights before the cap, and what the cap adds to the influence: it follows a mean of weights."""
        lowered = member & capped
        if self.cap is None or not lowered.any():
            return gradient, np.zeros_like(gradient)
        weights = self.sample.weights
        moved = self.cap * gradient[lowered].sum() * np.where(member, weights, 0.0) / weights[member].sum()
        mean = float(np.average(relative[member], weights=weights[member]))
        return np.where(lowered, 0.0, gradient) + moved, moved * (relative - mean)
