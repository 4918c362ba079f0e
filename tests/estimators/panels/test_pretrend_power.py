"""The power of a pre-trend test: one period by hand, several by simulation, and what a passed test selects."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.pretrend_power import PreTest, passing, pretrend_power

REFERENCE = Path(__file__).parents[2] / "reference"
DRAWS = 400_000


def published(df: float = np.inf) -> EventStudy:
    read = json.loads((REFERENCE / "benzarti_carloni.json").read_text())
    estimate = Estimate.published(
        read["values"],
        covariance=read["covariance"],
        terms=[str(time) for time in read["times"]],
        outcome="profit",
        estimand="ATT",
        people=100,
        df=df,
    )
    return EventStudy(tuple(read["times"]), estimate)


def two(effect: float) -> EventStudy:
    covariance = np.array([[0.01, 0.006], [0.006, 0.02]])
    estimate = Estimate.published(
        [0.05, effect], covariance=covariance, terms=["-2", "0"], outcome="y", estimand="ATT", people=90
    )
    return EventStudy((-2, 0), estimate)


@pytest.mark.parametrize("test", ["individual", "joint"])
def test_one_period_by_hand(test: PreTest) -> None:
    found = pretrend_power(two(0.5), [0.8], test=test)
    slope, cut = found.slopes[0], ndtri(0.975)
    low, high = -cut + slope / 0.1, cut + slope / 0.1
    passed = ndtr(high) - ndtr(low)
    assert 1 - passed == pytest.approx(0.8, abs=1e-4)
    assert found.size == pytest.approx(0.05, abs=1e-4)
    # Mean of the placebo effect (−slope on average) among those that passed, and what it carries to the effect.
    density = [np.exp(-(edge**2) / 2) / np.sqrt(2 * np.pi) for edge in (low, high)]
    mean = -slope + 0.1 * (density[0] - density[1]) / passed
    assert found.biases == pytest.approx((slope,))
    assert found.biases_passed[0] == pytest.approx(slope + 0.6 * (mean + slope), rel=1e-3)


@pytest.mark.parametrize("test", ["individual", "joint"])
def test_several_periods_by_simulation(test: PreTest) -> None:
    study = published()
    found = pretrend_power(study, test=test)
    covariance, distance = study.estimate.cov(), np.array(study.times) + 1.0
    drawn = np.random.default_rng(3).multivariate_normal(found.slopes[0] * distance, covariance, DRAWS)
    if test == "individual":
        passed = (np.abs(drawn[:, :4]) <= ndtri(0.975) * np.sqrt(np.diagonal(covariance)[:4])).all(axis=1)
    else:
        passed = np.einsum("ij,jk,ik->i", drawn[:, :4], np.linalg.inv(covariance[:4, :4]), drawn[:, :4]) <= 9.487729
    assert 1 - passed.mean() == pytest.approx(0.5, abs=0.003)
    assert drawn[passed][:, 4:].mean() == pytest.approx(found.biases_passed[0], abs=2e-4)
    assert drawn[:, 4:].mean() == pytest.approx(found.biases[0], abs=2e-4)


def test_slopes_agree_with_diff_diff() -> None:
    # Its box probability for single periods is simulated to about 1e-4.
    study = published()
    for case in json.loads((REFERENCE / "honest.json").read_text())["slopes"]:
        found = pretrend_power(study, [case["power"]], test=case["test"])
        assert found.slopes[0] == pytest.approx(case["slope"], rel=1e-3 if case["test"] == "individual" else 1e-6)


def test_any_violation() -> None:
    study = published()
    bend = np.array([0.05, 0.0, -0.05, 0.02])
    found = passing(study, bend)
    drawn = np.random.default_rng(5).multivariate_normal(bend, study.pre.cov(), DRAWS)
    kept = drawn[(np.abs(drawn) <= ndtri(0.975) * study.pre.std_error).all(axis=1)]
    assert found.probability == pytest.approx(len(kept) / DRAWS, abs=0.003)
    np.testing.assert_allclose(found.mean, kept.mean(axis=0), atol=3e-4)


def test_far_violations_do_not_pass() -> None:
    study = published()
    far = passing(study, np.full(4, 1.0))
    assert 0.0 <= far.probability < 1e-12
    assert np.isfinite(far.mean).all()
    assert (np.abs(far.mean) <= 1.05 * ndtri(0.975) * study.pre.std_error).all()


def test_few_degrees_of_freedom_pass_more() -> None:
    tests: tuple[PreTest, ...] = ("individual", "joint")
    for test in tests:
        wide = pretrend_power(published(df=8.0), [0.8], test=test)
        assert wide.slopes[0] > pretrend_power(published(), [0.8], test=test).slopes[0]


def test_warns_when_a_missed_trend_is_the_whole_effect() -> None:
    weak = pretrend_power(two(0.2))
    assert [problem.code for problem in weak.warnings] == ["EST-037"]
    assert "with a chance of 20%" in weak.warnings[0].what
    assert pretrend_power(two(0.5)).warnings == ()
    assert "passed the test" in weak.sentence
    assert published().joint_pretrend_test().p_value < 0.05
    assert not pretrend_power(published(), test="joint").passed


def test_tidy_and_repr() -> None:
    found = pretrend_power(two(0.5))
    assert found.tidy().columns.tolist() == ["outcome", "term", "power", "slope", "bias", "bias_passed"]
    assert "80%" in repr(found)
    assert "<table" in found._repr_html_()


def test_refusals() -> None:
    varying = EventStudy((-2, 0), two(0.5).estimate, reference=None)
    with pytest.raises(CounterfoilError, match="IDENT-033"):
        pretrend_power(varying)
    with pytest.raises(CounterfoilError, match="IDENT-017"):
        pretrend_power(EventStudy((0,), two(0.5).post))
    twins = Estimate.published(
        [0.1, 0.1, 1.0], covariance=np.ones((3, 3)), terms=["-3", "-2", "0"], outcome="y", estimand="ATT", people=9
    )
    with pytest.raises(CounterfoilError, match="EST-035"):
        pretrend_power(EventStudy((-3, -2, 0), twins))
    for powers in ((), (0.01,), (1.0,)):
        with pytest.raises(ValueError, match="powers lie between"):
            pretrend_power(two(0.5), powers)
