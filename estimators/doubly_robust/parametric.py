"""Regression adjustment, its inverse-probability-weighted form, and AIPW, with everything that was estimated in the error.

The influence of a mean θ that uses an outcome model and chances is the mean's own, plus what the estimation of the regression
adds (`arm_regression`), plus what the estimation of the chances adds (`Score.through`); it is the derivative of θ by each
person's weight. Sources: Newey and McFadden (1994), section 6; Wooldridge (2010), Econometric Analysis of Cross Section and
Panel Data, section 21.3.4, for the weighted form (IPWRA).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.doubly_robust.arm_regression import OutcomeDesign, OutcomeModel, outcome_model
from counterfoil.estimators.doubly_robust.potential import Mean, Side, augmented_mean, mean_of_own


@dataclass(frozen=True, slots=True, eq=False)
class Parametric:
    """Means by side, made of a sample, chances and regressions; it reads outcomes only when they are handed in.

    Parameters
    ----------
    sample : ComparisonSample
    score : Score or None
        As estimated; None for regression adjustment.
    chance : ndarray, shape (n, G), or None
        As used: floored where that is declared.
    method : {"aipw", "ipwra", "regression"}
    normalize : bool
    sides : tuple of Side
    models : tuple of OutcomeModel or None
        Of each side; None where nothing is predicted.
    """

    sample: ComparisonSample
    score: Score | None
    chance: FloatArray | None
    method: str
    normalize: bool
    sides: tuple[Side, ...]
    models: tuple[OutcomeModel | None, ...]

    @property
    def parameters(self) -> int:
        """Number of fitted coefficients, of the chances and the outcome models."""
        fitted = {id(model): len(model.kept) for model in self.models if model is not None}
        own = sum(side.own for side in self.sides)
        return sum(fitted.values()) + own + (0 if self.score is None else self.score.parameters)

    def given(self, side: Side) -> FloatArray:
        """Return weights (n,) that make a side's group like its target people and sum to theirs.

        Of regression adjustment they are those that its coefficients imply, and may be negative.
        """
        sample = self.sample
        total = float(side.wanted(sample.codes, sample.weights).sum())
        if self.chance is None:
            return self.riesz(side) * (total / sample.n)
        given = side.given(sample.codes, sample.weights, self.chance)
        return given * ((total / float(given.sum())) if self.normalize else 1.0)

    def riesz(self, side: Side) -> FloatArray:
        """Return the weight of each person's outcome in a side's mean, times n, shape (n,), before outcomes are read."""
        return self.mean(side, np.zeros((self.sample.n, 1))).riesz

    def means(
        self, outcomes: FloatArray, members: Sequence[FloatArray | None]
    ) -> tuple[list[list[Mean]], tuple[Problem, ...]]:
        """Return, for every group of people in ``members`` (weights of 0 and 1; None for all), each side's mean of outcomes."""
        return [[self.mean(side, outcomes, member) for side in self.sides] for member in members], ()

    def mean(self, side: Side, outcomes: FloatArray, member: FloatArray | None = None) -> Mean:
        """Return a side's mean of outcomes (n, o), over people marked in ``member`` (n,) where it is given."""
        sample, model = self.sample, self.models[self.sides.index(side)]
        weights = sample.weights if member is None else sample.weights * member
        wanted = side.wanted(sample.codes, weights)
        if side.own or model is None:
            return mean_of_own(wanted, outcomes)
        given = None
        if self.method == "aipw" and self.chance is not None:
            given = side.given(sample.codes, weights, self.chance)
        rows = model.rows
        coefficients = model.coefficients(outcomes)
        means = model.design.of(side.arm)[:, model.kept] @ coefficients
        found = augmented_mean(wanted, given, outcomes, means, self.normalize)
        direction = model.direction(side.arm, wanted)
        if given is not None:
            direction = direction - found.riesz @ model.design.of(side.arm)[:, model.kept] / sample.n
        pull = rows @ (model.bread @ direction)
        residual = outcomes - rows @ coefficients
        implied = sample.n * model.weights * pull
        influence = found.influence + implied[:, None] * residual
        influence += self._through(side, given, wanted, residual, pull, found)
        return Mean(found.values, influence, found.riesz + implied, found.missed)

    def _through(
        self,
        side: Side,
        given: FloatArray | None,
        wanted: FloatArray,
        residual: FloatArray,
        pull: FloatArray,
        found: Mean,
    ) -> FloatArray | float:
        """Return what the estimation of the chances adds to a side's influence, shape (n, o)."""
        if self.score is None or self.chance is None:
            return 0.0
        codes = self.sample.codes
        if given is not None:
            divisor = float(given.sum()) if self.normalize else float(wanted.sum())
            each = residual - found.missed if self.normalize else residual
            gradient = side.slopes(codes, given, self.chance)[:, :, None] * each[:, None, :] / divisor
        else:
            weights = side.given(codes, self.sample.weights, self.chance)
            gradient = side.slopes(codes, weights, self.chance)[:, :, None] * (pull[:, None] * residual)[:, None, :]
        # A floored chance does not move with the coefficients.
        gradient *= (self.chance == self.score.chance)[:, :, None]
        return self.score.through(gradient * self.sample.n)


def parametric(
    sample: ComparisonSample,
    score: Score | None,
    chance: FloatArray | None,
    design: OutcomeDesign,
    method: str,
    normalize: bool,
    sides: Sequence[Side],
) -> Parametric:
    """Return the means of a method, before outcomes are read.

    Raises
    ------
    EstimationError
        EST-003 with as many columns as a group has people, EST-049 where a group cannot tell what the others' columns do.
    """
    known: dict[object, OutcomeModel] = {}
    models: list[OutcomeModel | None] = []
    for side in sides:
        if side.own:
            models.append(None)
            continue
        key: object = "common" if design.common else side if method == "ipwra" else side.arm
        if key not in known:
            known[key] = outcome_model(
                design, _weights(sample, side, chance, design, method), _label(sample, side, design)
            )
        # Refused here, before outcomes are read, where the prediction asked for cannot be made.
        known[key].direction(side.arm, side.wanted(sample.codes, sample.weights))
        models.append(known[key])
    return Parametric(sample, score, chance, method, normalize, tuple(sides), tuple(models))


def _weights(
    sample: ComparisonSample, side: Side, chance: FloatArray | None, design: OutcomeDesign, method: str
) -> FloatArray:
    if design.common:
        return sample.weights
    if method == "ipwra" and chance is not None:
        return side.given(sample.codes, sample.weights, chance)
    inside: NDArray[np.bool_] = sample.of(side.arm)
    return np.asarray(sample.weights * inside)


def _label(sample: ComparisonSample, side: Side, design: OutcomeDesign) -> str:
    if design.common:
        return "the outcome model"
    return f"group '{sample.arms.labels[side.arm]}'"
