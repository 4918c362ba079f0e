"""Cases of learned nuisances: methods B1 with learners of each kind, and B11, one nuisance or both misspecified.

    python benchmarks/calibrate_learners.py 200 gradient_boosting

prints the rows whose name holds the text, and each RMSE against that of the oracle with the true nuisances;
``designs`` instead of a name prints how far one fit, and a fit a pattern, are off the true outcome surface.
"""

import sys
from functools import partial
from itertools import product

import numpy as np
import pandas as pd
from calibrate import (
    MISSPECIFIED,
    THREE,
    THREE_TRUTH,
    Case,
    Draw,
    FloatArray,
    line,
    measured,
    seed_of,
    summarize,
    three_providers,
)
from numpy.typing import NDArray

from counterfoil.attribution import Shapley
from counterfoil.estimators import Estimate
from counterfoil.estimators.folds import folds
from counterfoil.estimators.kernel import membership
from counterfoil.estimators.learner import OUTCOMES, OutcomeLearner, PropensityLearner
from counterfoil.estimators.learning import learn_outcome
from counterfoil.estimators.nuisance import cross_fit
from counterfoil.estimators.surface import OVERLAP_FLOOR

PATTERNS = membership(3)
COVARIATES = ["x1", "x2"]


def kernel_table() -> FloatArray:
    """Return κ_j(b; a) of Shapley's rule for the eight patterns, (provider, b, a)."""
    table = np.zeros((3, 8, 8))
    for a, row in enumerate(PATTERNS):
        members = np.flatnonzero(row)
        masks = membership(len(members)) @ (1 << members) if len(members) else np.zeros(1, dtype=int)
        table[np.ix_(members, masks, [a])] = Shapley().weights(tuple(members.tolist()), None)[:, :, None]
    return table


KERNEL = kernel_table()


def scores(means: FloatArray, propensity: FloatArray, pattern: NDArray[np.intp], outcome: FloatArray) -> FloatArray:
    """Return u_ij (n, 3) of the augmented credits; the own chance is floored as in the surface."""
    people = np.arange(len(pattern))
    own = np.maximum(propensity[people, pattern], OVERLAP_FLOOR / len(PATTERNS))
    chances = np.array(propensity)
    chances[people, pattern] = own
    weight = np.einsum("jia,ia->ij", KERNEL[:, pattern, :], chances / own[:, None])
    residual = outcome - means[people, pattern]
    return np.asarray(np.einsum("jbi,ib->ij", KERNEL[:, :, pattern], means) + weight * residual[:, None])


def true_means(x: FloatArray) -> FloatArray:
    """Return m(b, x) of B1, (n, 8)."""
    a, b, c = PATTERNS.T.astype(np.float64)
    effect = 0.5 * a + 0.3 * b * (1 + 0.5 * x[:, [1]]) + 0.4 * a * b - 0.2 * a * c + 0.2 * a * b * c
    return np.asarray(1 + x[:, [0]] + 0.5 * x[:, [1]] + effect)


def true_propensity(x: FloatArray) -> FloatArray:
    """Return π of B1, (n, 8)."""
    a, b, _ = PATTERNS.T.astype(np.float64)
    chance = np.exp(-(0.35 + 0.3 * x[:, [0]]) * PATTERNS.sum(axis=1) + 0.3 * b * x[:, [1]] + 0.5 * a * b)
    return np.asarray(chance / chance.sum(axis=1, keepdims=True))


def parts(frame: pd.DataFrame) -> tuple[FloatArray, NDArray[np.intp], FloatArray]:
    """Return covariates, pattern and outcome."""
    return frame[COVARIATES].to_numpy(), frame[list(THREE)].to_numpy() @ [1, 2, 4], frame["y"].to_numpy()


def held(u: FloatArray) -> Draw:
    """Hold credits with influence values u against the truth; the error has the factor n/(n − 1)."""
    return measured(
        Estimate(
            terms=THREE, values=u.mean(axis=0), influence=u - u.mean(axis=0), ids=np.arange(len(u)), error_type="HC1",
            parameters=1, target="population", outcome="y", estimand="gain", people=len(u), population="people",
        ),
        THREE_TRUTH,
    )  # fmt: skip


def oracle(seed: int, size: int = 2_000) -> FloatArray:
    """Return u of the true nuisances."""
    x, pattern, outcome = parts(three_providers(seed, size=size))
    return scores(true_means(x), true_propensity(x), pattern, outcome)


def learned(seed: int, outcome_learner: str, propensity_learner: str, splits: int = 5, chain: bool = False) -> Draw:
    """Cross-fit B1 with learners, and average influence values over the splits."""
    x, pattern, outcome = parts(three_providers(seed))
    u = np.zeros((len(outcome), 3))
    for split in range(splits):
        fit = cross_fit(
            outcome, PATTERNS[pattern], pattern, PATTERNS, x, np.ones(len(outcome)), None,
            OutcomeLearner(name=outcome_learner), PropensityLearner(name=propensity_learner),
            seed=split, chain=chain,
        )  # fmt: skip
        u += scores(fit.means, fit.propensity, pattern, outcome) / splits
    return held(u)


def fit_a_pattern(seed: int, learner: OutcomeLearner) -> FloatArray:
    """Return m̂ (n, 8) of a fit a pattern, out of fold: the road not taken in `cross_fit`."""
    x, pattern, outcome = parts(three_providers(seed))
    fold = folds(pattern, None, 5, seed)
    means = np.empty((len(outcome), 8))
    for number, code in product(range(5), range(8)):
        out, seen = fold == number, (fold != number) & (pattern == code)
        means[out, code] = learn_outcome(learner, x[seen], outcome[seen], np.ones(seen.sum()), seed)(x[out])
    return means


def one_fit(seed: int, learner: OutcomeLearner) -> FloatArray:
    """Return m̂ (n, 8) of the one fit of `cross_fit`."""
    x, pattern, outcome = parts(three_providers(seed))
    logit = PropensityLearner(name="logit")
    ones = np.ones(len(outcome))
    return cross_fit(outcome, PATTERNS[pattern], pattern, PATTERNS, x, ones, None, learner, logit, seed=seed).means


def compare_designs(draws: int) -> None:
    """Print the root mean squared error of m̂ against m, for one fit and for a fit a pattern."""
    for name in OUTCOMES:
        for way in (one_fit, fit_a_pattern):
            gaps = [
                way(seed, OutcomeLearner(name=name)) - true_means(parts(three_providers(seed))[0])
                for seed in range(draws)
            ]
            sys.stdout.write(f"{name:20} {way.__name__:15} {np.sqrt(np.mean(np.square(gaps))):.4f}\n")
            sys.stdout.flush()


def misspecified(seed: int, means_right: bool, propensity_right: bool) -> Draw:
    """B11: pattern means without covariates for m, pattern frequencies for π, where they are not right."""
    x, pattern, outcome = parts(three_providers(seed, size=4_000))
    counts = np.bincount(pattern, minlength=8)
    flat = np.bincount(pattern, weights=outcome, minlength=8) / counts
    means = true_means(x) if means_right else np.tile(flat, (len(outcome), 1))
    chances = true_propensity(x) if propensity_right else np.tile(counts / len(outcome), (len(outcome), 1))
    return held(scores(means, chances, pattern, outcome))


def learner_case(outcome_learner: str, propensity_learner: str, **terms: int) -> Case:
    """Return the case of a pair of learners."""
    how = "".join(f", {key} {value}" for key, value in terms.items())
    run = partial(learned, outcome_learner=outcome_learner, propensity_learner=propensity_learner, **terms)
    name = f"three providers, cross-fitted {outcome_learner} and {propensity_learner}{how}"
    return Case(name, "Shapley credits", run, slack=0.005)


LEARNER_CASES: tuple[Case, ...] = (
    learner_case("linear", "logit"),
    learner_case("gradient_boosting", "gradient_boosting"),
    learner_case("random_forest", "random_forest"),
    Case(
        "three providers, wrong outcome model, right propensity", "Shapley credits",
        partial(misspecified, means_right=False, propensity_right=True), slack=0.005,
    ),
    Case(
        "three providers, right outcome model, wrong propensity", "Shapley credits",
        partial(misspecified, means_right=True, propensity_right=False), slack=0.005,
    ),
    Case(
        "three providers, both models wrong", "Shapley credits",
        partial(misspecified, means_right=False, propensity_right=False), MISSPECIFIED,
    ),
)  # fmt: skip
OTHERS: tuple[Case, ...] = (
    *(learner_case(name, "logit") for name in ("ridge", "lasso", "elastic_net", "gradient_boosting", "random_forest")),
    learner_case("linear", "gradient_boosting"),
    learner_case("linear", "random_forest"),
    learner_case("linear", "logit", chain=True),
    *(learner_case(name, name, splits=1) for name in ("gradient_boosting", "random_forest")),
)
"""Pairs measured when the defaults were chosen; printed on request, not part of the table."""


def main() -> None:
    """Print the rows asked for."""
    draws, text = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    if text == "designs":
        compare_designs(draws)
        return
    for case in (*LEARNER_CASES, *OTHERS):
        if text not in case.name:
            continue
        seeds = [seed_of(case, number) for number in range(draws)]
        found = [case.run(seed) for seed in seeds]
        size = 4_000 if "model" in case.name else 2_000
        best = np.array([oracle(seed, size).mean(axis=0) for seed in seeds]) - THREE_TRUTH
        gaps = np.array([draw.values for draw in found]) - THREE_TRUTH
        rmse = [np.sqrt((gap**2).mean(axis=0)) for gap in (gaps, best)]
        sys.stdout.write(
            f"{line(summarize(case, found))}\n    RMSE {rmse[0].round(4)}, of oracle's {rmse[0] / rmse[1]}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
