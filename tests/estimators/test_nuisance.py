"""Cross-fitted nuisances: folds, predictions that never saw the person, the credits made of them, refusals."""

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from counterfoil.attribution import Shapley
from counterfoil.errors import EstimationError
from counterfoil.estimators import Contribution, functional
from counterfoil.estimators.chain import chain_propensity
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.folds import folds
from counterfoil.estimators.kernel import membership
from counterfoil.estimators.learner import OutcomeLearner, PropensityLearner
from counterfoil.estimators.learning import learn_classes, learn_outcome
from counterfoil.estimators.nuisance import CrossFit, cross_fit

NAMES = ("north", "south")
PATTERNS = membership(2)
LINEAR, LOGIT = OutcomeLearner(name="linear"), PropensityLearner(name="logit")
SMALL = {"n_estimators": 10}


def drawn(size: int = 600, seed: int = 0) -> dict[str, Any]:
    """Two providers of whom people with a low x have more; the second helps those with a high x."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(size, 2))
    first = rng.random(size) < 1 / (1 + np.exp(0.2 + 0.6 * x[:, 0]))
    second = rng.random(size) < 1 / (1 + np.exp(0.4 + 0.4 * x[:, 0] - 0.8 * first))
    outcome = 1 + x[:, 0] + 0.5 * first + 0.3 * second * (1 + x[:, 1]) + 0.4 * first * second + rng.normal(size=size)
    exposure = np.column_stack([first, second])
    return {
        "outcome": outcome, "exposure": exposure, "pattern": exposure @ np.array([1, 2]), "patterns": PATTERNS,
        "covariates": x, "weights": np.ones(size), "clusters": None, "outcome_learner": LINEAR,
        "propensity_learner": LOGIT, "seed": 3,
    }  # fmt: skip


def fitted(**terms: Any) -> CrossFit:
    return cross_fit(**{**drawn(), **terms})


def credit(fit: CrossFit, pattern: np.ndarray, outcome: FloatArray) -> FloatArray:
    """Return u_ij of Shapley's rule, person by person and set by set: the reference for whoever uses the nuisances."""
    u = np.zeros((len(outcome), 2))
    sets = [frozenset(np.flatnonzero(row).tolist()) for row in PATTERNS]
    weight: dict[tuple[int, frozenset[int], frozenset[int]], float] = {}
    for a in sets:
        members = tuple(sorted(a))
        table = Shapley().weights(members, None)
        for mask in range(1 << len(members)):
            b = frozenset(member for place, member in enumerate(members) if mask >> place & 1)
            for place, j in enumerate(members):
                weight[j, b, a] = float(table[place, mask])
    for i, own in enumerate(pattern.tolist()):
        residual = outcome[i] - fit.means[i, own]
        for j in range(2):
            plug_in = sum(weight.get((j, b, sets[own]), 0.0) * fit.means[i, k] for k, b in enumerate(sets))
            alpha = sum(
                weight.get((j, sets[own], larger), 0.0) * fit.propensity[i, k] / fit.propensity[i, own]
                for k, larger in enumerate(sets)
                if larger >= sets[own]
            )
            u[i, j] = plug_in + alpha * residual
    return u


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 5), st.integers(8, 40), st.integers(0, 99))
def test_folds_keep_clusters_whole_and_sizes_balanced(n_folds: int, n_clusters: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    clusters = rng.permutation(np.repeat(np.arange(n_clusters), rng.integers(1, 6, n_clusters)))
    fold = folds(np.zeros(len(clusters), dtype=np.intp), clusters, n_folds, seed)
    assert all(len(np.unique(fold[clusters == g])) == 1 for g in range(n_clusters))
    sizes = np.bincount(fold, minlength=n_folds)
    assert sizes.min() > 0
    assert np.ptp(sizes) <= np.bincount(clusters).max()


def test_folds_spread_patterns_evenly_and_follow_the_seed() -> None:
    pattern = np.random.default_rng(1).choice(4, size=403, p=[0.7, 0.2, 0.08, 0.02])
    fold = folds(pattern, None, 5, seed=1)
    table = np.array([np.bincount(fold[pattern == code], minlength=5) for code in range(4)])
    assert np.ptp(table, axis=1).max() <= 1
    np.testing.assert_array_equal(fold, folds(pattern, None, 5, seed=1))
    assert (fold != folds(pattern, None, 5, seed=2)).any()
    clusters = np.arange(403) // 4
    by_cluster = [folds(pattern, clusters, 5, seed) for seed in range(6)]
    assert all((one != other).any() for one, other in pairwise(by_cluster))


def test_patterns_of_two_people_are_in_every_training_set() -> None:
    pattern = np.repeat([0, 1, 2], [50, 2, 2])
    for seed in range(20):
        fold = folds(pattern, None, 5, seed)
        assert len(set(fold[50:52])) == len(set(fold[52:])) == 2


@pytest.mark.parametrize(
    ("outcomes", "chances"),
    [
        (LINEAR, LOGIT),
        (OutcomeLearner(name="gradient_boosting"), PropensityLearner(name="gradient_boosting", params={"max_iter": 5})),
        (OutcomeLearner(name="random_forest", params={**SMALL}), PropensityLearner(name="random_forest", params={**SMALL})),
    ],
    ids=lambda learner: learner.name,
)  # fmt: skip
def test_nobody_s_prediction_saw_the_own_outcome(outcomes: OutcomeLearner, chances: PropensityLearner) -> None:
    data = {**drawn(300), "outcome_learner": outcomes, "propensity_learner": chances}
    before = cross_fit(**data)
    after = cross_fit(**{**data, "outcome": np.where(np.arange(300) == 17, 1e3, data["outcome"])})
    same_fold = before.fold == before.fold[17]
    np.testing.assert_array_equal(after.means[same_fold], before.means[same_fold])
    assert (after.means[~same_fold] != before.means[~same_fold]).any(axis=1).any()
    np.testing.assert_array_equal(after.propensity, before.propensity)
    np.testing.assert_allclose(before.propensity.sum(axis=1), 1.0, atol=1e-12)
    again = cross_fit(**data)
    np.testing.assert_array_equal(again.means, before.means)
    other = cross_fit(**{**data, "seed": 4})
    assert (other.means != before.means).any()


def test_a_cluster_s_predictions_do_not_see_the_cluster() -> None:
    clusters = np.arange(600) % 30
    data = {**drawn(), "clusters": clusters}
    before = cross_fit(**data)
    after = cross_fit(**{**data, "outcome": data["outcome"] + 50.0 * (clusters == 4)})
    np.testing.assert_array_equal(after.means[clusters == 4], before.means[clusters == 4])
    leaky = cross_fit(**{**data, "clusters": None, "outcome": data["outcome"] + 50.0 * (clusters == 4)})
    assert (leaky.means[clusters == 4] != fitted().means[clusters == 4]).any()


def test_linear_and_logit_are_close_to_the_parametric_path() -> None:
    data = drawn(4_000, seed=5)
    fit = cross_fit(**data)
    frame = pd.DataFrame(data["exposure"].astype(int), columns=list(NAMES)).assign(
        y=data["outcome"], x1=data["covariates"][:, 0], x2=data["covariates"][:, 1]
    )
    spec = Contribution(
        outcome="y", providers=NAMES, covariates=("x1", "x2"), design="unconfounded", effects_by_covariates=True,
        target="population",
    )  # fmt: skip
    theirs = functional(spec.fit(frame), Shapley())
    u = credit(fit, data["pattern"], data["outcome"])
    assert np.abs((u.mean(axis=0) - theirs.values) / theirs.std_error).max() < 0.15
    np.testing.assert_allclose(u.std(axis=0, ddof=1) / math.sqrt(len(u)), theirs.std_error, rtol=0.03)


def test_credits_of_an_efficient_rule_add_up_person_by_person() -> None:
    """Methods 3.1, fact 2, which holds whatever the nuisances are."""
    data = drawn()
    for chances in (LOGIT, PropensityLearner(name="random_forest", params={**SMALL})):
        fit = cross_fit(**{**data, "propensity_learner": chances})
        pattern, outcome = data["pattern"], data["outcome"]
        alone = (pattern == 0) * (outcome - fit.means[:, 0]) / np.where(pattern == 0, fit.propensity[:, 0], 1.0)
        total = credit(fit, pattern, outcome).sum(axis=1)
        np.testing.assert_allclose(total, outcome - fit.means[:, 0] - alone, atol=1e-9)


def test_cross_fitting_is_the_fold_by_fold_regression() -> None:
    data = drawn()
    fit = cross_fit(**data)
    x, bits = data["covariates"], data["exposure"].astype(float)

    def columns(a: FloatArray) -> FloatArray:
        bent = np.hstack([a[:, [0]] * x, a[:, [1]] * x])
        return np.column_stack([np.ones(len(a)), a, x, a[:, 0] * a[:, 1], bent])

    for number in range(5):
        out, seen = fit.fold == number, fit.fold != number
        slopes = sm.OLS(data["outcome"][seen], columns(bits)[seen]).fit().params
        logit = sm.MNLogit(data["pattern"][seen], sm.add_constant(x[seen])).fit(disp=0, tol=1e-12)
        for code, row in enumerate(PATTERNS):
            design = columns(np.tile(row.astype(float), (len(x), 1)))
            np.testing.assert_allclose(fit.means[out, code], design[out] @ slopes, atol=1e-9)
        np.testing.assert_allclose(fit.propensity[out], logit.predict(sm.add_constant(x[out])), atol=1e-6)


@pytest.mark.parametrize("name", ["linear", "ridge", "lasso", "elastic_net"])
def test_linear_learners_do_not_depend_on_units(name: str) -> None:
    data, learner = drawn(), OutcomeLearner(name=name)
    plain = cross_fit(**{**data, "outcome_learner": learner})
    scale = np.array([1e3, 1e-3])
    other = cross_fit(
        **{**data, "outcome_learner": learner, "covariates": data["covariates"] * scale, "outcome": 5 + 1e4 * data["outcome"]}
    )  # fmt: skip
    np.testing.assert_allclose((other.means - 5) / 1e4, plain.means, atol=1e-6)


def test_weights_count_people() -> None:
    data = drawn(200)
    x, y, pattern = data["covariates"], data["outcome"], data["pattern"]
    weights = np.random.default_rng(2).integers(1, 4, len(x))
    many = np.repeat(np.arange(len(x)), weights)
    weighted = learn_outcome(LINEAR, x, y, weights.astype(float), 0)(x)
    np.testing.assert_allclose(weighted, learn_outcome(LINEAR, x[many], y[many], np.ones(len(many)), 0)(x), atol=1e-9)
    chances = learn_classes(LOGIT, x, pattern, 4, weights.astype(float), 0)(x)
    repeated = learn_classes(LOGIT, x[many], pattern[many], 4, np.ones(len(many)), 0)(x)
    np.testing.assert_allclose(chances, repeated, atol=1e-5)
    assert np.abs(chances - learn_classes(LOGIT, x, pattern, 4, np.ones(len(x)), 0)(x)).max() > 1e-3


def test_without_covariates_chances_are_frequencies_of_the_others() -> None:
    data = {**drawn(), "covariates": np.empty((600, 0))}
    for chances in (LOGIT, PropensityLearner(name="random_forest")):
        fit = cross_fit(**{**data, "propensity_learner": chances})
        seen = fit.fold != 0
        expected = np.bincount(data["pattern"][seen], minlength=4) / seen.sum()
        np.testing.assert_allclose(fit.propensity[~seen], np.tile(expected, ((~seen).sum(), 1)), atol=1e-12)


def test_a_single_pattern_is_certain() -> None:
    both = np.ones((40, 2), dtype=bool)
    fit = fitted(
        outcome=np.arange(40.0), exposure=both, pattern=np.zeros(40, dtype=int), patterns=both[:1],
        covariates=np.empty((40, 0)), weights=np.ones(40),
    )  # fmt: skip
    assert (fit.propensity == 1).all()
    expected = np.arange(40.0)[fit.fold != 0].mean()
    np.testing.assert_allclose(fit.means[fit.fold == 0], expected)


def test_a_chain_is_a_logit_a_provider() -> None:
    data = drawn()
    x, exposure = data["covariates"], data["exposure"]
    first = sm.Logit(exposure[:, 0], sm.add_constant(x)).fit(disp=0, tol=1e-12)
    second = sm.Logit(exposure[:, 1], sm.add_constant(np.column_stack([x, exposure[:, 0]]))).fit(disp=0, tol=1e-12)
    p = first.predict(sm.add_constant(x))
    q = [second.predict(np.column_stack([np.ones(len(x)), x, np.full(len(x), b)])) for b in (0.0, 1.0)]
    brute = np.column_stack([(1 - p) * (1 - q[0]), p * (1 - q[1]), (1 - p) * q[0], p * q[1]])
    np.testing.assert_allclose(chain_propensity(exposure, PATTERNS, x, np.ones(len(x))), brute, atol=1e-7)
    some = chain_propensity(exposure, PATTERNS[:3], x, np.ones(len(x)), new=x[:9])
    np.testing.assert_allclose(some, brute[:9, :3] / brute[:9, :3].sum(axis=1, keepdims=True), atol=1e-7)


def test_a_chain_gives_a_chance_to_a_pattern_that_one_person_had() -> None:
    data = drawn()
    keep = (data["pattern"] != 3) | (np.cumsum(data["pattern"] == 3) == 1)
    rare = {name: value[keep] if name in {"outcome", "exposure", "pattern", "covariates", "weights"} else value for name, value in data.items()}  # fmt: skip
    with pytest.raises(EstimationError, match=r"provider 0 \+ provider 1 \(<11 people\)"):
        cross_fit(**rare)
    with pytest.raises(EstimationError, match=r"north \+ south"):
        cross_fit(**rare, providers=NAMES)
    forest = PropensityLearner(name="random_forest", params={"min_samples_leaf": 20})
    fit = cross_fit(**{**rare, "propensity_learner": forest}, chain=True)
    np.testing.assert_allclose(fit.propensity.sum(axis=1), 1.0, atol=1e-12)
    assert fit.propensity[:, 3].max() > 0


def code(run: Callable[[], object]) -> str:
    with pytest.raises(EstimationError) as caught:
        run()
    return caught.value.codes[0]


def test_refusals() -> None:
    data = drawn()
    separating = np.column_stack([data["covariates"], data["pattern"] == 3])
    uneven = data["weights"] + (np.arange(600) % 2)
    assert code(lambda: fitted(clusters=np.arange(600) % 4)) == "EST-013"
    assert code(lambda: fitted(n_folds=1)) == "EST-013"
    assert code(lambda: fitted(clusters=np.where(data["pattern"] == 3, 0, 1 + np.arange(600) % 20))) == "EST-013"
    assert code(lambda: fitted(covariates=separating)) == "EST-002"
    assert code(lambda: fitted(propensity_learner=PropensityLearner(name="logit", params={"max_iter": 1}))) == "EST-002"
    assert code(lambda: fitted(outcome_learner=OutcomeLearner(name="lasso", params={"max_iter": 1}))) == "EST-013"
    assert code(lambda: fitted(outcome_learner=OutcomeLearner(name="ridge", params={"alphas": "many"}))) == "EST-013"
    neighbours = OutcomeLearner.model_validate(KNeighborsRegressor())
    assert fitted(outcome_learner=neighbours).means.shape == (600, 4)
    assert code(lambda: fitted(outcome_learner=neighbours, weights=uneven)) == "EST-013"
    wide = np.random.default_rng(0).normal(size=(600, 200))
    assert code(lambda: fitted(covariates=wide)) == "EST-003"
    assert code(lambda: learn_outcome(neighbours, np.array([[1.0], [np.nan]]), np.ones(2), np.ones(2), 0)) == "EST-013"


def test_no_refusal_shows_what_a_foreign_error_says() -> None:
    with pytest.raises(EstimationError) as caught:
        fitted(propensity_learner=PropensityLearner.model_validate(KNeighborsClassifier(n_neighbors=77_310)))
    assert "77310" not in str(caught.value)
