"""The joint test by hand and its size, placebos that ought to fail and do, and rosters shuffled within sites."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import f as f_distribution

from counterfoil.attribution import Shapley
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, Estimate
from counterfoil.estimators.joint_test import joint_test
from counterfoil.estimators.permuted_rosters import permuted_rosters, shuffled
from counterfoil.estimators.placebo import placebo

NAMES = ("a", "b")


def drawn(seed: int, size: int = 600, need: float = 0.0) -> pd.DataFrame:
    """Two services; with ``need``, people who did badly before are served more."""
    rng = np.random.default_rng(seed)
    before = rng.normal(size=size)
    site = rng.integers(0, 6, size)
    served = rng.random((size, 2)) < 1 / (1 + np.exp(need * before + 0.3 * (site - 2.5)))[:, None]
    after = before + 0.4 * site + served @ [0.5, 0.2] + rng.normal(size=size)
    return pd.DataFrame(
        {
            "a": served[:, 0] * 1,
            "b": served[:, 1] * 1,
            "before": before,
            "after": after,
            "site": [f"s{k}" for k in site],
        }
    )


def study(frame: pd.DataFrame) -> Study:
    return Study.from_frame(frame, providers=NAMES, outcomes=["before", "after"])


def spec(**terms: object) -> Contribution:
    return Contribution.model_validate({"outcome": "after", "providers": NAMES, **terms})


def test_the_joint_test_is_the_wald_test_of_a_peer() -> None:
    """One provider at a time and both: the additive model without covariates is a regression of its own."""
    frame = drawn(1)
    credits = spec(model="additive").fit(frame).apply(Shapley())
    peer = sm.OLS(frame["after"], sm.add_constant(frame[list(NAMES)])).fit(cov_type="HC1")
    wald = peer.wald_test(np.eye(3)[1:], use_f=False, scalar=True)
    statistic, rank, p_value = joint_test(credits)
    assert rank == 2
    assert statistic == pytest.approx(wald.statistic, rel=1e-9)
    assert p_value == pytest.approx(wald.pvalue, rel=1e-6)


def test_by_cluster_it_is_hotelling() -> None:
    """The mean of G cluster means has an exact T² law; its textbook formula is computed by hand."""
    rng = np.random.default_rng(2)
    values = rng.normal(size=(12, 3)) + 0.5
    estimate = Estimate(
        terms=("a", "b", "c"), values=values.mean(axis=0), error_type="CR1", outcome="y", estimand="e", people=12,
        population="p", influence=values - values.mean(axis=0), ids=np.arange(12), clusters=np.arange(12), parameters=1,
    )  # fmt: skip
    t_squared = 12 * values.mean(axis=0) @ np.linalg.solve(np.cov(values.T), values.mean(axis=0))
    expected = f_distribution.sf(t_squared * (12 - 3) / (3 * 11), 3, 12 - 3)
    _, rank, p_value = joint_test(estimate)
    assert rank == 3
    # CR1 has (n−1)/(n−k) beside G/(G−1); with one parameter it is one.
    assert p_value == pytest.approx(expected, rel=1e-9)


def test_a_singular_covariance_is_tested_in_its_rank() -> None:
    one = Estimate.published([2.0], [1.0], terms=["a"], outcome="y", estimand="e", people=9)
    twice = one.contrast([[1.0], [3.0]], ["a", "b"])
    assert joint_test(twice)[1] == 1
    assert joint_test(twice) == pytest.approx(joint_test(one), rel=1e-9)


def test_a_design_that_holds_passes_and_one_that_does_not_fails() -> None:
    fair, needy = drawn(3), drawn(3, need=1.0)
    passed = placebo(spec(covariates=("site",)).fit(study(fair)), Shapley(), study(fair), "before")
    failed = placebo(spec(covariates=("site",)).fit(study(needy)), Shapley(), study(needy), "before")
    assert passed.p_value > 0.05
    assert failed.p_value < 1e-4
    frame = failed.tidy()
    assert frame["term"].tolist() == ["placebo", "placebo", "joint"]
    assert frame["p_value"].iloc[-1] == failed.p_value
    assert "p = 0.000" in failed.summary()


def test_an_earlier_period_of_the_same_outcome_is_a_placebo() -> None:
    frame = drawn(8, need=1.0)
    both = study(frame)
    assert both.outcomes is not None
    names = both.outcomes["outcome"].astype(str)
    outcomes = both.outcomes.assign(person=both.outcomes["person"].astype(int), outcome="test", period=names)
    panel = Study.from_tables(both.people, services=both.services, outcomes=outcomes)
    fit = Contribution(outcome="test", period="after", providers=NAMES, covariates=("site",)).fit(panel)
    found = placebo(fit, Shapley(), panel, "test", "before")
    by_name = placebo(spec(covariates=("site",)).fit(both), Shapley(), both, "before")
    np.testing.assert_array_equal(found.credits.values, by_name.credits.values)


def test_size_of_the_placebo_over_draws() -> None:
    draws = 100
    rejected = 0
    for seed in range(draws):
        frame = drawn(1_000 + seed, 300)
        rejected += placebo(spec(covariates=("site",)).fit(frame), Shapley(), frame, "before").p_value < 0.05
    assert abs(rejected / draws - 0.05) <= 3 * np.sqrt(0.05 * 0.95 / draws)


def test_shuffling_keeps_every_group_and_every_record() -> None:
    before = study(drawn(4))
    after = shuffled(before, "site", 7)
    was, now = before.roster(NAMES).exposure, after.roster(NAMES).exposure
    assert (was != now).any()
    sites = before.column("site").to_numpy()
    for site in set(sites):
        counts = [np.unique(table[sites == site] @ [1, 2], return_counts=True) for table in (was, now)]
        np.testing.assert_array_equal(counts[0], counts[1])
    np.testing.assert_array_equal(shuffled(before, "site", 7).roster(NAMES).exposure, now)
    assert (shuffled(before, "site", 8).roster(NAMES).exposure != now).any()
    np.testing.assert_array_equal(before.roster(NAMES).exposure, was)
    assert before.services is not None
    assert after.services is not None
    assert len(after.services) == len(before.services)


def test_shuffled_rosters_centre_every_credit_on_zero() -> None:
    """A quick run of the calibration's thousand; without the sites in the model the centre is off, as it must be."""
    fixed = study(drawn(5, need=1.0))
    held = permuted_rosters(spec(covariates=("site",)), fixed, Shapley(), "site", 80, 1)
    table = held.tidy()
    assert table["statistic"][:2].abs().max() < 3.5
    assert (table["size"] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 80)).all()
    ignored = permuted_rosters(spec(), fixed, Shapley(), "site", 40, 1)
    assert ignored.tidy()["statistic"][:2].abs().max() > 8
    true = spec(covariates=("site",)).fit(fixed).apply(Shapley())
    assert np.abs(true.values - held.values.mean(axis=0)).max() > 5 * held.values.std(axis=0).max() / np.sqrt(80)


def test_same_seed_same_shuffles() -> None:
    fixed = study(drawn(6, 200))
    one, other, third = (permuted_rosters(spec(), fixed, Shapley(), "site", 3, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.values, other.values)
    assert (one.values != third.values).any()


def code(call: object) -> str:
    with pytest.raises(CounterfoilError) as caught:
        call()  # type: ignore[operator]
    return caught.value.codes[0]


def test_refusals() -> None:
    frame = drawn(7)
    fit = spec().fit(frame)
    assert code(lambda: placebo(fit, Shapley(), frame, "after")) == "EST-014"
    assert code(lambda: placebo(fit, Shapley(), frame.assign(before=1.0), "before")) == "EST-015"
    assert code(lambda: placebo(fit, Shapley(), study(frame), "after", period="2020")) == "EST-014"
    assert code(lambda: placebo(fit, Shapley(), study(frame), "earlier")) == "DATA-015"
    own = study(frame.assign(person=range(len(frame))).set_index("person").assign(cell=frame["a"] + 2 * frame["b"]))
    assert code(lambda: shuffled(own, "cell", 1)) == "EST-014"
    few = spec(cluster="site").fit(frame[frame["site"].isin(["s1", "s2"])]).apply(Shapley())
    assert code(lambda: joint_test(few)) == "EST-015"
    with pytest.raises(ValueError, match="two or more"):
        permuted_rosters(spec(), study(frame), Shapley(), "site", 1, 1)
