"""Rows for learned nuisances, and for one nuisance or both misspecified."""

from functools import partial
from itertools import product

import numpy as np

from calibration.case import AT_MOST, DRAWS, REPORTED, Case, Draw, FloatArray, measured
from calibration.contributions import estimate_of
from calibration.designs import PATTERNS, THREE_TRUTH, parts, scores, three_providers, true_means, true_propensity
from counterfoil.estimators.folds import folds
from counterfoil.estimators.learner import OutcomeLearner, PropensityLearner
from counterfoil.estimators.learning import learn_outcome
from counterfoil.estimators.nuisance import CrossFit, cross_fit
from counterfoil.estimators.surface import OVERLAP_FLOOR


def fitted(seed: int, split: int, outcome: OutcomeLearner, propensity: PropensityLearner) -> CrossFit:
    """Cross-fit three providers once."""
    x, pattern, y = parts(three_providers(seed))
    return cross_fit(
        y, PATTERNS[pattern] == 1, pattern, PATTERNS == 1, x, np.ones(len(y)), None, outcome, propensity, seed=split
    )


def learned(seed: int, outcome: str, propensity: str, splits: int = 5) -> Draw:
    """Cross-fit with learners, and average influence values over the splits."""
    _, pattern, y = parts(three_providers(seed))
    learners = OutcomeLearner(name=outcome), PropensityLearner(name=propensity)
    u = np.zeros((len(y), 3))
    for split in range(splits):
        fit = fitted(seed, split, *learners)
        u += scores(fit.means, fit.propensity, pattern, y, OVERLAP_FLOOR / len(PATTERNS)) / splits
    return measured(estimate_of(u), THREE_TRUTH)


def fit_a_pattern(seed: int, learner: OutcomeLearner) -> FloatArray:
    """Return m̂ (n, 8) of a fit a pattern, out of fold: the road not taken in `cross_fit`."""
    x, pattern, outcome = parts(three_providers(seed))
    fold = folds(pattern, None, 5, 0)
    means = np.empty((len(outcome), 8))
    for number, code in product(range(5), range(8)):
        out, seen = fold == number, (fold != number) & (pattern == code)
        means[out, code] = learn_outcome(learner, x[seen], outcome[seen], np.ones(seen.sum()), 0)(x[out])
    return means


def one_fit(seed: int, name: str) -> Draw:
    """Hold the mean squared error of m̂ by one fit of all patterns against that of a fit a pattern."""
    learner, truth = OutcomeLearner(name=name), true_means(parts(three_providers(seed))[0])
    ways = fitted(seed, 0, learner, PropensityLearner(name="logit")).means, fit_a_pattern(seed, learner)
    one, each = (np.array([np.mean((means - truth) ** 2)]) for means in ways)
    return Draw(one, each)


def misspecified(seed: int, means_right: bool, propensity_right: bool) -> Draw:
    """Take pattern means without covariates for m, and pattern frequencies for π, where they are not right."""
    x, pattern, outcome = parts(three_providers(seed, size=4_000))
    counts = np.bincount(pattern, minlength=8)
    flat = np.bincount(pattern, weights=outcome, minlength=8) / counts
    means = true_means(x) if means_right else np.tile(flat, (len(outcome), 1))
    chances = true_propensity(x) if propensity_right else np.tile(counts / len(outcome), (len(outcome), 1))
    return measured(estimate_of(scores(means, chances, pattern, outcome)), THREE_TRUTH)


COST = {"linear": (DRAWS, ""), "gradient_boosting": (60, "4 s a draw"), "random_forest": (40, "9 s a draw")}


def learner_case(outcome: str, propensity: str) -> Case:
    """Return the case of a pair of learners."""
    draws, fewer = COST[outcome]
    run = partial(learned, outcome=outcome, propensity=propensity)
    name = f"three providers, cross-fitted {outcome} and {propensity}"
    return Case(name, "Shapley credits", run, slack=0.005, design="B1", draws=draws, fewer=fewer)


def one_fit_case(name: str) -> Case:
    """Return the case of one fit for all patterns."""
    draws, fewer = COST[name]
    title = f"three providers, {name}, one fit for all patterns"
    what = "squared error of m, within that of a fit a pattern"
    return Case(title, what, partial(one_fit, name=name), AT_MOST, design="B1", draws=draws, fewer=fewer)


CASES: tuple[Case, ...] = (
    learner_case("linear", "logit"),
    learner_case("gradient_boosting", "gradient_boosting"),
    learner_case("random_forest", "random_forest"),
    one_fit_case("linear"),
    Case(
        "three providers, wrong outcome model, right propensity", "Shapley credits",
        partial(misspecified, means_right=False, propensity_right=True), slack=0.005, design="B11",
    ),
    Case(
        "three providers, right outcome model, wrong propensity", "Shapley credits",
        partial(misspecified, means_right=True, propensity_right=False), slack=0.005, design="B11",
    ),
    Case(
        "three providers, both models wrong", "Shapley credits",
        partial(misspecified, means_right=False, propensity_right=False), REPORTED, design="B11",
    ),
)  # fmt: skip
