"""Shrunk credits of a fit: they divide the gain that was measured, and each step is the formula's."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import Shapley, rule_named
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, ContributionFit, ShrunkCredits, shrink
from counterfoil.estimators.empirical_bayes import fit_prior, posterior, restore_total

NAMES = tuple(f"p{j}" for j in range(6))


def people(spread: float = 0.4, size: int = 900, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    served = rng.random((size, 6)) < rng.uniform(0.05, 0.3, 6)
    own, x = rng.normal(0.5, spread, 6), rng.normal(size=size)
    y = x + served @ own + 0.5 * (served[:, 0] & served[:, 1]) * (spread > 0) + rng.normal(size=size)
    frame = pd.DataFrame(served.astype(int), columns=list(NAMES))
    return frame.assign(x=x, w=rng.uniform(0.5, 2.0, size), site=rng.integers(0, 30, size), y=y)


def fitted(frame: pd.DataFrame, **terms: Any) -> ContributionFit:
    spec = {"outcome": "y", "providers": NAMES, "covariates": ("x",), "model": "additive", **terms}
    return Contribution.model_validate(spec).fit(frame)


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"model": "pairwise", "min_pair": 5},
        {"weights": "w"},
        {"cluster": "site"},
        {"target": "population"},
        {"scope": "everyone"},
        {"design": "unconfounded", "vcov": "HC3"},
    ],
    ids=str,
)
def test_credits_sum_to_the_total(terms: dict[str, Any]) -> None:
    fit = fitted(people(), **terms)
    found = shrink(fit, Shapley())
    assert list(found.credits) == list(NAMES)
    assert sum(found.credits.values()) == pytest.approx(fit.total().values[0], abs=1e-12)
    raw = fit.apply(Shapley()).values
    assert found.served * found.raw.values == pytest.approx(raw, rel=1e-12)
    assert found.prior.omega2 > 0
    assert np.ptp(found.restored) < np.ptp(found.raw.values)


def test_each_step_is_the_formula() -> None:
    frame = people()
    fit = fitted(frame)
    found = shrink(fit, Shapley())
    tau, covariance = found.raw.values, fit.per_served(Shapley()).cov()
    prior = fit_prior(tau, np.diagonal(covariance))
    mean, gamma = posterior(tau, covariance, prior.mu, prior.omega2)
    share = frame[list(NAMES)].to_numpy().mean(axis=0)
    np.testing.assert_allclose(found.shrunk, mean, rtol=1e-12)
    np.testing.assert_allclose(found.restored, restore_total(mean, gamma, share, share @ tau), rtol=1e-12)
    tidy = found.tidy()
    np.testing.assert_allclose(tidy["std_error"], share * np.sqrt(np.diagonal(gamma)), rtol=1e-10)
    inside = (tidy["conf_low"] < share * mean) & (share * mean < tidy["conf_high"])
    assert inside.all()


def test_the_table_says_what_its_intervals_are() -> None:
    found = shrink(fitted(people()), Shapley(), conf_level=0.9)
    tidy = found.tidy()
    assert tidy.columns[:7].tolist() == [
        "provider", "outcome", "term", "estimate", "std_error", "conf_low", "conf_high",
    ]  # fmt: skip
    assert tidy["estimate"].tolist() == list(found.credits.values())
    assert tidy.attrs["mu"] == found.prior.mu
    for text in (repr(found), found._repr_html_()):
        assert "90% intervals cover on average over providers, not for each" in text
        assert "not centred on the restored credits" in text
    wider = shrink(fitted(people()), Shapley(), conf_level=0.99).intervals
    assert (np.ptp(wider, axis=1) > np.ptp(found.intervals, axis=1)).all()
    normal = found.normal_intervals()
    np.testing.assert_allclose(normal.mean(axis=1), found.shrunk, rtol=1e-10)
    assert (np.ptp(normal, axis=1) < np.ptp(shrink(fitted(people()), Shapley(), 0.9).intervals, axis=1)).all()


def alike() -> ShrunkCredits:
    for seed in range(20):
        found = shrink(fitted(people(spread=0.0, seed=seed)), Shapley())
        if found.prior.omega2 == 0:
            return found
    raise AssertionError("no draw of equal effects looks equal")


def test_providers_that_look_alike_get_one_effect_and_the_total_is_still_restored() -> None:
    found = alike()
    assert found.shrunk == pytest.approx(np.full(6, found.prior.mu), rel=1e-12)
    assert sum(found.credits.values()) == pytest.approx(found.total, abs=1e-12)
    # The difference is spread along q, as with Γ = I.
    np.testing.assert_allclose(
        (found.restored - found.prior.mu) / found.served,
        found.restored[0] / found.served[0] - found.prior.mu / found.served[0],
        rtol=1e-6,
    )
    assert (np.ptp(found.intervals, axis=1) > 0).all()
    assert "no more than chance" in repr(found)


def test_a_provider_without_error_keeps_its_effect() -> None:
    rule = rule_named("fixed", NAMES, fractions={"p0": "0.4", "p1": "0.3", "p2": "0.2", "p3": "0.1"})
    found = shrink(fitted(people()), rule)
    assert [found.credits[name] for name in ("p4", "p5")] == [0.0, 0.0]
    assert found.intervals[4].tolist() == [0.0, 0.0]
    assert sum(found.credits.values()) == pytest.approx(found.total, abs=1e-12)


def test_perfectly_correlated_effects_are_handled() -> None:
    """A fixed split makes every credit a multiple of the total: Λ has rank one."""
    rule = rule_named(
        "fixed", NAMES, fractions=dict(zip(NAMES, ("0.3", "0.2", "0.2", "0.1", "0.1", "0.1"), strict=True))
    )
    found = shrink(fitted(people()), rule)
    assert np.linalg.matrix_rank(found.raw.cov(), tol=1e-9) == 1
    assert sum(found.credits.values()) == pytest.approx(found.total, abs=1e-12)
    assert np.isfinite(found.intervals).all()


def test_refusals() -> None:
    with pytest.raises(CounterfoilError, match="do not sum to the gain") as caught:
        shrink(fitted(people()), rule_named("last_in"))
    assert caught.value.codes == ("EST-010",)
    with pytest.raises(CounterfoilError, match="2 providers") as caught:
        shrink(fitted(people(), providers=NAMES[:2]), Shapley())
    assert caught.value.codes == ("EST-010",)


def test_shrinkage_is_closer_to_the_truth_than_raw_credits() -> None:
    """Small rosters, effects that differ little: on average over providers the loss falls by a third or more."""
    raw = shrunk = 0.0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        served, own = rng.random((700, 15)) < 0.05, rng.normal(0.3, 0.1, 15)
        frame = pd.DataFrame(served.astype(int), columns=[f"p{j}" for j in range(15)])
        frame["y"] = served @ own + rng.normal(size=700)
        fit = Contribution(outcome="y", providers=tuple(frame.columns[:15]), model="additive").fit(frame)
        found = shrink(fit, Shapley())
        raw += float((found.served**2 * (found.raw.values - own) ** 2).sum())
        shrunk += float((found.served**2 * (found.restored - own) ** 2).sum())
    assert shrunk < 0.67 * raw
