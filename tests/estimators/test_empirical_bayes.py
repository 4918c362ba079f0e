"""Prior, posterior and restored total against closed forms, statsmodels, and conditioning by brute force."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import empirical_bayes
from counterfoil.estimators.empirical_bayes import (
    Prior,
    fit_prior,
    normal_intervals,
    posterior,
    restore_total,
    robust_intervals,
)


def drawn(seed: int, size: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates whose errors are correlated, and their covariance."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(size, size)) * 0.3
    covariance = root @ root.T / size + np.diag(rng.uniform(0.02, 0.3, size))
    return rng.multivariate_normal(rng.normal(0.5, 0.8, size), covariance), covariance


def test_with_equal_errors_it_is_james_stein() -> None:
    """Shrinkage 1 − (K − 1) se² / Σ(τ̂ − mean)², exactly; the positive part when that is negative."""
    tau, se2 = np.array([0.1, 0.9, 1.7, -0.4, 2.2]), 0.3
    prior = fit_prior(tau, np.full(5, se2))
    ours, _ = posterior(tau, se2 * np.eye(5), prior.mu, prior.omega2)
    gap = tau - tau.mean()
    np.testing.assert_allclose(ours, tau.mean() + (1 - 4 * se2 / (gap @ gap)) * gap, rtol=1e-12)
    alike = fit_prior(tau, np.full(5, 5.0))
    assert alike.omega2 == 0
    assert posterior(tau, 5.0 * np.eye(5), alike.mu, 0.0)[0] == pytest.approx(np.full(5, tau.mean()), rel=1e-15)


def test_with_equal_errors_the_prior_is_that_of_a_meta_analysis() -> None:
    tau = np.random.default_rng(3).normal(1.0, 0.7, 30)
    theirs = combine_effects(tau, np.full(30, 0.2), method_re="iterated", atol=1e-14)
    ours = fit_prior(tau, np.full(30, 0.2))
    assert ours.mu == pytest.approx(theirs.mean_effect_re, rel=1e-12)
    assert ours.omega2 == pytest.approx(theirs.tau2, rel=1e-8)


def test_it_is_the_random_intercept_model_of_statsmodels() -> None:
    """People served by one provider each, equally many: REML variances and BLUPs are ours with Λ = σ̂²/m."""
    rng = np.random.default_rng(8)
    provider = np.repeat(np.arange(25), 20)
    y = rng.normal(0.4, 0.5, 25)[provider] + rng.normal(size=500)
    theirs = smf.mixedlm("y ~ 1", pd.DataFrame({"y": y, "provider": provider}), groups="provider").fit(
        method="bfgs", gtol=1e-10
    )
    tau = np.array([y[provider == j].mean() for j in range(25)])
    within = ((y - tau[provider]) ** 2).sum() / (500 - 25)
    prior = fit_prior(tau, np.full(25, within / 20))
    mean, _ = posterior(tau, within / 20 * np.eye(25), prior.mu, prior.omega2)
    assert prior.mu == pytest.approx(theirs.fe_params.iloc[0], rel=1e-8)
    assert prior.omega2 == pytest.approx(theirs.cov_re.iloc[0, 0], rel=1e-8)
    blup = [theirs.fe_params.iloc[0] + theirs.random_effects[j].iloc[0] for j in range(25)]
    np.testing.assert_allclose(mean, blup, rtol=1e-8)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_the_prior_is_a_fixed_point_and_follows_the_scale(seed: int) -> None:
    tau, covariance = drawn(seed)
    variance = np.diagonal(covariance)
    prior = fit_prior(tau, variance)
    precision = 1 / (prior.omega2 + variance)
    assert prior.mu == pytest.approx((precision * tau).sum() / precision.sum(), rel=1e-10)
    excess = (tau - prior.mu) ** 2 * 12 / 11 - variance
    assert prior.omega2 == pytest.approx(max(0.0, (precision**2 * excess).sum() / (precision**2).sum()), abs=1e-11)
    scaled = fit_prior(1_000 * tau + 5, 1e6 * variance)
    assert scaled.mu == pytest.approx(1_000 * prior.mu + 5, rel=1e-9)
    assert scaled.omega2 == pytest.approx(1e6 * prior.omega2, rel=1e-8, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 5.0))
def test_posterior_and_restored_total_are_gaussian_conditioning(seed: int, omega2: float) -> None:
    tau, covariance = drawn(seed)
    share = np.random.default_rng(seed + 1).uniform(0.01, 0.4, 12)
    mean, gamma = posterior(tau, covariance, 0.5, omega2)
    both = np.linalg.inv(omega2 * np.eye(12) + covariance)
    np.testing.assert_allclose(mean, 0.5 + omega2 * both @ (tau - 0.5), atol=1e-10)
    np.testing.assert_allclose(gamma, omega2 * np.eye(12) - omega2**2 * both, atol=1e-10)
    restored = restore_total(mean, gamma, share, 2.0)
    assert share @ restored == pytest.approx(2.0, abs=1e-12)
    # An observation of the total with almost no error, by the information form.
    sharp = 1e-9
    information = np.eye(12) / omega2 + np.linalg.inv(covariance) + np.outer(share, share) / sharp
    told = np.full(12, 0.5) / omega2 + np.linalg.solve(covariance, tau) + share * 2.0 / sharp
    np.testing.assert_allclose(restored, np.linalg.solve(information, told), atol=1e-5)


def test_a_direction_without_error_is_not_shrunk() -> None:
    tau, covariance = np.array([1.0, 3.0, 2.0]), np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    mean, gamma = posterior(tau, covariance, 0.0, 0.5)
    assert mean[0] + mean[1] == pytest.approx(4.0, abs=1e-12)
    assert mean[2] == pytest.approx(2.0, abs=1e-12)
    assert np.abs(gamma @ [1.0, 1.0, 0.0]).max() < 1e-12
    known = np.array([0.2, 0.2, 0.1])
    # The total has no error either, and no room to be restored along: nothing is to be moved, and nothing is.
    np.testing.assert_allclose(restore_total(mean, gamma, known, float(known @ tau)), mean, atol=1e-12)


def test_robust_intervals_cover_the_worst_prior_on_average_and_normal_ones_do_not() -> None:
    """Three points, most at nothing: with ω² = se² = 1 a bias equals the effect, and cv(1) is tight."""
    rng = np.random.default_rng(5)
    size, apart = 200_000, 13.6979  # the point at which a ray touches the chance of a miss when cv = cv(1) = 3.259
    truth = np.sqrt(apart) * rng.choice([-1, 0, 1], size, p=[0.5 / apart, 1 - 1 / apart, 0.5 / apart])
    tau = truth + rng.normal(size=size)
    low, high = robust_intervals(tau, np.ones(size), Prior(0.0, 1.0, 0.0, 1)).T
    assert ((low <= truth) & (truth <= high)).mean() == pytest.approx(0.95, abs=0.003)
    assert (np.abs(tau / 2 - truth) <= 1.96 * np.sqrt(0.5)).mean() < 0.94


def test_normal_intervals_are_those_of_the_posterior() -> None:
    found = normal_intervals(np.array([1.0, 2.0]), np.diag([4.0, 0.0]), 0.9)
    np.testing.assert_allclose(found, [[1 - 2 * 1.6448536269514722, 1 + 2 * 1.6448536269514722], [2.0, 2.0]])


def test_intervals_keep_a_width_where_providers_look_alike() -> None:
    prior = fit_prior(np.array([1.0, 1.01, 0.99, 1.0]), np.full(4, 0.5))
    assert prior.omega2 == 0
    assert prior.assumed == pytest.approx(2 * 0.5 / 4)
    low, high = robust_intervals(np.ones(4), np.full(4, 0.5), prior).T
    assert (high - low > np.sqrt(0.5)).all()


# Whole steps of the iteration swing between two values here: one precise provider stands apart.
SWINGING = (
    np.array([-0.79, -0.84, -0.85, -0.55, -0.11, -0.24, -0.16, -0.85, 0.97, 0.87]),
    np.array([0.66, 3.40, 0.52, 0.97, 0.88, 1.30, 0.77, 1.16, 0.11, 3.20]),
)


def test_the_prior_settles_where_whole_steps_would_swing() -> None:
    tau, variance = SWINGING
    prior = fit_prior(tau, variance)
    precision = 1 / (prior.omega2 + variance)
    excess = (tau - precision @ tau / precision.sum()) ** 2 * 10 / 9 - variance
    assert prior.omega2 == pytest.approx((precision**2 @ excess) / (precision**2).sum(), rel=1e-10)
    assert 0 < prior.omega2 < 1


def test_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CounterfoilError, match="2 providers have an effect") as caught:
        fit_prior(np.array([1.0, 2.0]), np.array([0.1, 0.1]))
    assert caught.value.codes == ("EST-010",)
    monkeypatch.setattr(empirical_bayes, "ROUNDS", 3)
    with pytest.raises(CounterfoilError, match="does not settle within 3 rounds") as caught:
        fit_prior(*SWINGING)
    assert caught.value.codes == ("EST-010",)
