"""Cross-fitted AIPW: chances and outcomes predicted from people in other folds, over repeated divisions of the people.

For each division the effect is the mean of augmented predictions (`potential`), and everybody's influence values are averaged over
divisions. Predictions need no part in the error: out of fold, their mistakes multiply. Source: Chernozhukov, Chetverikov, Demirer,
Duflo, Hansen, Newey and Robins (2018), definition 3.1 and theorem 5.1; Chiang, Kato, Ma and Sasaki (2022), Journal of Business and
Economic Statistics 40, for clusters.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.doubly_robust.cross_fitting import CrossFitting
from counterfoil.estimators.doubly_robust.fold_blocks import FoldBlocks, fold_blocks
from counterfoil.estimators.doubly_robust.fold_logit import fold_logit
from counterfoil.estimators.doubly_robust.fold_regression import fold_regression
from counterfoil.estimators.doubly_robust.potential import Mean, Side, augmented_mean, mean_of_own
from counterfoil.estimators.folds import folds
from counterfoil.estimators.learner import Learner
from counterfoil.estimators.learning import learn_classes, learn_outcome


@dataclass(frozen=True, slots=True, eq=False)
class Division:
    """One division of the people, and the chances predicted in it.

    Parameters
    ----------
    fold : ndarray of int, shape (n,)
    chance : ndarray, shape (n, G)
        Not floored.
    seed : int
    """

    fold: NDArray[np.intp]
    chance: FloatArray
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class CrossFitted:
    """Means by side, made of a sample and chances predicted out of fold; outcomes are predicted when they are handed in.

    Parameters
    ----------
    sample : ComparisonSample
    learning : CrossFitting
    divisions : tuple of Division
        With chances as used: floored where that is declared.
    normalize : bool
    sides : tuple of Side
    """

    sample: ComparisonSample
    learning: CrossFitting
    divisions: tuple[Division, ...]
    normalize: bool
    sides: tuple[Side, ...]

    @property
    def parameters(self) -> int:
        """One mean a side; what learners fit is not counted."""
        return len(self.sides)

    def given(self, side: Side) -> FloatArray:
        """Return weights (n,) that make a side's group like its target people, averaged over divisions; they sum to theirs."""
        sample = self.sample
        total = float(side.wanted(sample.codes, sample.weights).sum())
        found = np.zeros(sample.n)
        for division in self.divisions:
            given = side.given(sample.codes, sample.weights, division.chance)
            found += given * ((total / float(given.sum())) if self.normalize else 1.0)
        return found / len(self.divisions)

    def riesz(self, side: Side) -> FloatArray:
        """Return weights of people's residuals, times n, shape (n,), before outcomes are read."""
        sample = self.sample
        wanted = side.wanted(sample.codes, sample.weights)
        return np.asarray((wanted if side.own else self.given(side)) * (sample.n / float(wanted.sum())))

    def means(
        self, outcomes: FloatArray, members: Sequence[FloatArray | None]
    ) -> tuple[list[list[Mean]], tuple[Problem, ...]]:
        """Return, for every group of people in ``members`` (weights of 0 and 1; None for all), each side's mean of outcomes.

        Values and influence values are averages over the divisions.
        """
        sample, count = self.sample, len(self.divisions)
        groups = tuple(sorted({side.arm for side in self.sides if not side.own}))
        found: list[list[list[Mean]]] = [[[] for _ in self.sides] for _ in members]
        problems: list[Problem] = []
        for division in self.divisions:
            predicted, said = predicted_outcomes(sample, self.learning, division, outcomes, groups)
            problems += said
            for row, member in enumerate(members):
                weights = sample.weights if member is None else sample.weights * member
                for column, side in enumerate(self.sides):
                    wanted = side.wanted(sample.codes, weights)
                    if side.own:
                        mean = mean_of_own(wanted, outcomes)
                    else:
                        given = side.given(sample.codes, weights, division.chance)
                        there = predicted[:, groups.index(side.arm)]
                        mean = augmented_mean(wanted, given, outcomes, there, self.normalize)
                    found[row][column].append(mean)
        averaged = [[_average(parts, count) for parts in row] for row in found]
        return averaged, tuple(dict.fromkeys(problems))


def _average(parts: Sequence[Mean], count: int) -> Mean:
    if count == 1:
        return parts[0]
    return Mean(
        values=np.asarray(sum(part.values for part in parts) / count),
        influence=np.asarray(sum(part.influence for part in parts) / count),
        riesz=np.asarray(sum(part.riesz for part in parts) / count),
        missed=np.asarray(sum(part.missed for part in parts) / count),
    )


def plain(learner: Learner, name: str) -> bool:
    """Tell whether a learner is a listed one with its own settings, which has a short way over all folds."""
    return learner.linear and learner.name == name and not learner.params


def divide(sample: ComparisonSample, learning: CrossFitting, repeat: int) -> Division:
    """Divide the people and predict everybody's chances from the people of other folds.

    Raises
    ------
    EstimationError
        EST-002 when a covariate separates the groups, EST-013 when a group or the clusters are too few for the folds or a
        learner fails.
    """
    seed = learning.seed + repeat
    fold = folds(sample.codes, sample.clusters, learning.folds, seed)
    _refuse_rare(sample, fold)
    groups = len(sample.arms.labels)
    if plain(learning.propensity, "logit"):
        blocks = _blocks(sample, fold)
        return Division(fold, fold_logit(blocks), seed)
    chance = np.empty((sample.n, groups))
    with _one_thread():
        for number, (_, stream) in enumerate(_streams(seed, learning.folds)):
            out, seen = fold == number, fold != number
            predict = learn_classes(
                learning.propensity,
                sample.adjusting.values[seen],
                sample.codes[seen],
                groups,
                sample.weights[seen],
                stream,
            )
            chance[out] = predict(sample.adjusting.values[out])
    return Division(fold, chance, seed)


def predicted_outcomes(
    sample: ComparisonSample,
    learning: CrossFitting,
    division: Division,
    outcomes: FloatArray,
    groups: tuple[int, ...],
) -> tuple[FloatArray, tuple[Problem, ...]]:
    """Return predictions (n, len(groups), o) of outcomes (n, o) in each group, from that group's people of other folds.

    Raises
    ------
    EstimationError
        EST-003 when a linear model has as many columns as people, EST-013 when a learner fails.
    """
    fold = division.fold
    if plain(learning.outcome, "linear"):
        means, unfitted = fold_regression(_blocks(sample, fold), outcomes, groups, sample.arms.labels)
        what = (
            f"{unfitted} slopes of outcome models were left at 0: outside a fold a column is the same for a whole group"
        )
        return means, (Problem("EST-005", what, "people"),) if unfitted else ()
    means = np.empty((sample.n, len(groups), outcomes.shape[1]))
    x = sample.adjusting.values
    with _one_thread():
        for number, (stream, _) in enumerate(_streams(division.seed, learning.folds)):
            out = fold == number
            for place, group in enumerate(groups):
                seen = (fold != number) & sample.of(group)
                for column in range(outcomes.shape[1]):
                    predict = learn_outcome(
                        learning.outcome, x[seen], outcomes[seen, column], sample.weights[seen], stream
                    )
                    means[out, place, column] = predict(x[out])
    return means, ()


def _blocks(sample: ComparisonSample, fold: NDArray[np.intp]) -> FoldBlocks:
    return fold_blocks(sample.adjusting.values, sample.codes, fold, sample.weights, len(sample.arms.labels))


def _streams(seed: int, n_folds: int) -> Sequence[Sequence[int]]:
    # Halved: scikit-learn takes seeds below 2^32.
    drawn = np.random.SeedSequence(seed).generate_state(2 * n_folds).reshape(n_folds, 2) >> 1
    found: list[list[int]] = drawn.tolist()
    return found


def _one_thread() -> AbstractContextManager[Any]:
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    limits: AbstractContextManager[Any] = threadpool_limits(limits=1)
    return limits


def _refuse_rare(sample: ComparisonSample, fold: NDArray[np.intp]) -> None:
    """Refuse groups whose people all are in one fold: outside it nothing shows their chance or outcome."""
    labels = sample.arms.labels
    held = np.zeros((len(labels), int(fold.max()) + 1), dtype=bool)
    held[sample.codes, fold] = True
    counts = np.bincount(sample.codes, minlength=len(labels))
    rare = [f"'{labels[g]}' ({shown(int(counts[g]))} people)" for g in np.flatnonzero(held.sum(axis=1) < 2).tolist()]
    if rare:
        what = f"all people of {listed(rare)} are in one fold, or in one cluster"
        raise refusal("EST-013", what, "people", "use fewer folds, merge groups, or leave `learning` out")
