"""Cross-fitted nuisances: nobody's prediction comes from a fit that saw the person's own outcome or own cluster.

m(b, X) = E[Y | A = b, X] is one fit on all patterns, with the providers among its columns, not a fit a pattern. On
three providers with effects that bend (methods B1, 2,000 people, four draws) the root mean squared error of one fit
against a fit a pattern is .11 against .13 for the linear learner, .24 against .46 for boosted trees and .35 against .42
for a forest (`one_fit` of `benchmarks/calibration/learners.py`), and one fit needs no minimum of people in a pattern. What
it smooths away, the augmentation puts back.

Source: Chernozhukov and others (2018), definition 3.1; their DML2 is what the mean of influence values gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import listed, refusal
from counterfoil.estimators.chain import chain_propensity
from counterfoil.estimators.folds import folds
from counterfoil.estimators.learner import OutcomeLearner, PropensityLearner
from counterfoil.estimators.learning import learn_classes, learn_outcome

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class CrossFit:
    """Nuisances of one random split.

    Parameters
    ----------
    means : ndarray, shape (n, P)
        Predicted outcome of each person under each pattern, in the outcome's units.
    propensity : ndarray, shape (n, P)
        Predicted chance of each pattern; rows sum to one. Not floored.
    fold : ndarray of int, shape (n,)
        The fold whose people's outcomes the person's predictions did not see.
    """

    means: FloatArray
    propensity: FloatArray
    fold: IntArray


def cross_fit(
    outcome: FloatArray,
    exposure: BoolArray,
    pattern: IntArray,
    patterns: BoolArray,
    covariates: FloatArray,
    weights: FloatArray,
    clusters: IntArray | None,
    outcome_learner: OutcomeLearner,
    propensity_learner: PropensityLearner,
    *,
    n_folds: int = 5,
    seed: int,
    chain: bool = False,
    providers: Sequence[str] | None = None,
) -> CrossFit:
    """Predict every person's outcome under every pattern, and the chance of every pattern, out of fold.

    Parameters
    ----------
    outcome : ndarray, shape (n,)
    exposure : ndarray of bool, shape (n, K)
    pattern : ndarray of int, shape (n,)
        Row of `patterns` that each person had.
    patterns : ndarray of bool, shape (P, K)
        Each held by somebody.
    covariates : ndarray, shape (n, p)
        Without an intercept; p may be 0, and chances are then frequencies.
    weights : ndarray, shape (n,)
        Positive observation weights.
    clusters : ndarray of int, shape (n,), or None
        Never split between folds.
    outcome_learner : OutcomeLearner
        Listed linear learners also see pairs of providers that somebody had and providers by covariates; the others
        find what they need of those.
    propensity_learner : PropensityLearner
    n_folds : int
    seed : int
        Of the split and of the learners.
    chain : bool
        Whether the chance of a pattern is a chain over providers; see `chain_propensity`. For many patterns.
    providers : sequence of str, optional
        What refusals call the providers; their numbers when omitted.

    Raises
    ------
    EstimationError
        EST-002 when a logit has no solution, EST-003 when `linear` has more parameters than people, EST-013 when a
        pattern is absent outside some fold and is not chained, when there are too few people or clusters for the folds,
        or when a learner fails.

    References
    ----------
    Chernozhukov, Chetverikov, Demirer, Duflo, Hansen, Newey and Robins (2018), Double/debiased machine learning for
    treatment and structural parameters, The Econometrics Journal 21.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> patterns = np.array([[False], [True]])
    >>> pattern = rng.integers(0, 2, 400)
    >>> outcome = 1.0 + pattern + 0.1 * rng.normal(size=400)
    >>> found = cross_fit(
    ...     outcome, patterns[pattern], pattern, patterns, np.empty((400, 0)), np.ones(400), None,
    ...     OutcomeLearner(name="linear"), PropensityLearner(name="logit"), seed=1,
    ... )
    >>> found.means.mean(axis=0).round(1), found.propensity.sum(axis=1).round(12).max()
    (array([1., 2.]), np.float64(1.0))
    """
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    fold = folds(pattern, clusters, n_folds, seed)
    if not chain:
        _refuse_rare(pattern, patterns, fold, n_folds, providers)
    means, chances = np.empty((len(pattern), len(patterns))), np.empty((len(pattern), len(patterns)))
    centred = covariates - np.average(covariates, axis=0, weights=weights)
    pairs = _pairs(patterns) if outcome_learner.linear else None
    own = _design(exposure, centred, pairs)
    # Halved: a chain counts up from its seed, and scikit-learn takes seeds below 2^32.
    streams = np.random.SeedSequence(seed).generate_state(2 * n_folds).reshape(n_folds, 2)
    # One thread, after scikit-learn is there to be told: idle threads of a busy machine wait for each other, and sums
    # in another order differ in their last digits.
    with threadpool_limits(limits=1):
        for number, (outcome_seed, propensity_seed) in enumerate((streams >> 1).tolist()):
            out, seen = np.flatnonzero(fold == number), np.flatnonzero(fold != number)
            predict = learn_outcome(outcome_learner, own[seen], outcome[seen], weights[seen], outcome_seed)
            for column, row in enumerate(patterns):
                everybody = np.broadcast_to(row, (len(out), len(row)))
                means[out, column] = predict(_design(everybody, centred[out], pairs))
            if chain:
                chances[out] = chain_propensity(
                    exposure[seen], patterns, centred[seen], weights[seen],
                    new=centred[out], learner=propensity_learner, seed=propensity_seed,
                )  # fmt: skip
            else:
                chance = learn_classes(
                    propensity_learner, centred[seen], pattern[seen], len(patterns), weights[seen], propensity_seed
                )
                chances[out] = chance(centred[out])
    return CrossFit(means, chances, fold)


def _pairs(patterns: BoolArray) -> list[tuple[int, int]]:
    together = patterns.astype(np.float64).T @ patterns
    return [pair for pair in combinations(range(patterns.shape[1]), 2) if together[pair] > 0]


def _design(exposure: BoolArray, covariates: FloatArray, pairs: list[tuple[int, int]] | None) -> FloatArray:
    """Return providers and covariates and, with `pairs`, those pairs and providers by covariates."""
    bits = exposure.astype(np.float64)
    if pairs is None:
        return np.hstack([bits, covariates])
    first, second = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    bent = (bits[:, :, None] * covariates[:, None, :]).reshape(len(bits), -1)
    return np.hstack([bits, covariates, bits[:, first] * bits[:, second], bent])


def _refuse_rare(
    pattern: IntArray, patterns: BoolArray, fold: IntArray, n_folds: int, providers: Sequence[str] | None
) -> None:
    """Refuse patterns whose people all are in one fold: outside it nothing shows their chance."""
    held = np.zeros((len(patterns), n_folds), dtype=bool)
    held[pattern, fold] = True
    counts = np.bincount(pattern, minlength=len(patterns))
    names = [f"provider {j}" for j in range(patterns.shape[1])] if providers is None else list(providers)
    rare = [
        f"{' + '.join(names[j] for j in np.flatnonzero(patterns[row])) or 'no provider at all'} "
        f"({shown(int(counts[row]))} people)"
        for row in np.flatnonzero(held.sum(axis=1) < 2)
    ]
    if rare and len(patterns) > 1:
        raise refusal("EST-013", f"too few people, or in one cluster only, had exactly: {listed(rare)}", "services")
