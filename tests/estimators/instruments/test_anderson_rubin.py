"""The set against plain inversion of the test on a grid, its shapes, and the error types."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f as f_distribution

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.instruments.anderson_rubin import AndersonRubinSet, anderson_rubin_set
from counterfoil.estimators.instruments.instrumental_variable import InstrumentalVariable


def statistic(effect: float, reduced: FloatArray, first: FloatArray, covariance: FloatArray) -> float:
    """The test as its definition has it."""
    size = len(first)
    turn = np.hstack([np.eye(size), -effect * np.eye(size)])
    gap = reduced - effect * first
    return float(gap @ np.linalg.inv(turn @ covariance @ turn.T) @ gap) / size


def random_case(seed: int, size: int, strength: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(2 * size, 3 * size))
    first = strength * rng.normal(size=size)
    return 0.7 * first + rng.normal(size=size), first, root @ root.T / (3 * size)


@given(st.integers(0, 10_000), st.sampled_from([1, 2, 3, 5, 15]), st.sampled_from([0.0, 1.0, 3.0, 30.0]))
def test_set_is_where_the_test_does_not_reject(seed: int, size: int, strength: float) -> None:
    reduced, first, covariance = random_case(seed, size, strength)
    found = anderson_rubin_set(reduced, first, covariance, 0.9, 60.0, "HC1")
    critical = f_distribution.ppf(0.9, size, 60)
    for effect in np.tan(np.linspace(-1.57, 1.57, 401)):
        gap = statistic(float(effect), reduced, first, covariance) - critical
        if abs(gap) > 1e-6:
            assert (float(effect) in found) == (gap < 0)
    for end in np.ravel(found.pieces):
        if np.isfinite(end) and abs(end) < 1e4:
            assert statistic(float(end), reduced, first, covariance) == pytest.approx(critical, rel=1e-6)
    assert found.p_value == pytest.approx(
        f_distribution.sf(statistic(0.0, reduced, first, covariance), size, 60), rel=1e-8
    )


def simple(reduced: float, first: float, correlation: float = 0.0) -> AndersonRubinSet:
    covariance = np.array([[1.0, correlation], [correlation, 1.0]])
    return anderson_rubin_set(np.array([reduced]), np.array([first]), covariance, 0.95, 1e6, "HC1")


def test_shapes() -> None:
    assert simple(10.0, 10.0).shape == "interval"
    assert simple(10.0, 10.0).bounded
    assert simple(0.1, 0.1).pieces == ((-np.inf, np.inf),)
    rays = simple(5.0, 1.0)
    assert rays.shape == "two rays"
    assert not rays.bounded
    assert 0.0 not in rays
    assert 1e9 in rays
    torn = anderson_rubin_set(np.array([10.0, -10.0]), np.array([10.0, 10.0]), np.eye(4), 0.95, 1e6, "HC1")
    assert torn.shape == "empty"
    assert torn.bounded
    assert 0.0 not in torn
    # With unequal covariances two instruments that disagree may each keep their own piece.
    uneven = np.diag([0.01, 2.0, 2.0, 0.01])
    pieces = anderson_rubin_set(np.array([10.0, -10.0]), np.array([10.0, 1.0]), uneven, 0.95, 1e6, "HC1")
    assert all(
        statistic(x, np.array([10.0, -10.0]), np.array([10.0, 1.0]), uneven) <= 3.01 for x in np.ravel(pieces.pieces)
    )


def test_sentences() -> None:
    assert simple(10.0, 10.0).sentence().startswith("the 95% Anderson-Rubin set is 0.")
    assert "every number" in simple(0.1, 0.1).sentence()
    assert simple(5.0, 1.0).sentence().count("or above") == 1
    torn = anderson_rubin_set(np.array([10.0, -10.0]), np.array([10.0, 10.0]), np.eye(4), 0.95, 1e6, "HC1")
    assert "no effect agrees" in torn.sentence()


def village_lottery(seed: int, size: int = 300, push: float = 0.5) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    village = rng.integers(0, 12, size)
    frame = pd.DataFrame({"assigned": rng.integers(0, 2, size), "letters": rng.normal(size=size), "village": village})
    taste = rng.normal(size=size) + rng.normal(size=12)[village]
    frame["took_part"] = (push * (frame["assigned"] + 0.3 * frame["letters"]) + taste > 0.3).astype(int)
    return frame.assign(age=rng.normal(size=size), wage=frame["took_part"] + taste + rng.normal(size=size))


def test_classical_form_is_the_test_of_instruments_in_a_regression() -> None:
    import statsmodels.api as sm

    frame = village_lottery(3)
    found = InstrumentalVariable(
        outcome="wage", received="took_part", instrument=("assigned", "letters"), covariates=("age",)
    ).fit(frame)
    design = sm.add_constant(frame[["assigned", "letters", "age"]])
    for end in found.anderson_rubin(vcov="classical").pieces[0]:
        peer = sm.OLS(frame["wage"] - end * frame["took_part"], design).fit()
        assert float(peer.f_test("assigned = 0, letters = 0").pvalue) == pytest.approx(0.05, rel=1e-6)
    for end in np.ravel(found.anderson_rubin().pieces):
        peer = sm.OLS(frame["wage"] - end * frame["took_part"], design).fit(cov_type="HC1", use_t=True)
        assert float(peer.f_test("assigned = 0, letters = 0").pvalue) == pytest.approx(0.05, rel=1e-6)


def test_clustered_forms() -> None:
    import statsmodels.api as sm

    from counterfoil.estimators.experiment import Experiment

    frame = village_lottery(4)
    terms = {"outcome": "wage", "received": "took_part", "cluster": "village"}
    found = InstrumentalVariable.model_validate(terms).fit(frame)
    for end in found.anderson_rubin().pieces[0]:
        groups = {"groups": frame["village"]}
        peer = sm.OLS(frame["wage"] - end * frame["took_part"], sm.add_constant(frame["assigned"])).fit(
            cov_type="cluster", cov_kwds=groups, use_t=True
        )
        assert float(peer.pvalues["assigned"]) == pytest.approx(0.05, rel=1e-6)
    # With CR2 the test at each end is that of the lottery on outcome less effect times treatment, at its own degrees of freedom.
    for end in found.anderson_rubin(vcov="CR2").pieces[0]:
        left = frame.assign(left=frame["wage"] - end * frame["took_part"])
        experiment = Experiment(outcome="left", cluster="village", vcov="CR2").fit(left)
        assert abs(experiment.values[0] / experiment.std_error[0]) == pytest.approx(experiment.critical(), rel=1e-6)


def test_refusals() -> None:
    frame = village_lottery(5)
    both = InstrumentalVariable(
        outcome="wage", received="took_part", instrument=("assigned", "letters"), cluster="village"
    ).fit(frame)
    with pytest.raises(CounterfoilError, match="EST-029"):
        both.anderson_rubin(vcov="CR2")
    with pytest.raises(CounterfoilError, match="EST-001"):
        both.anderson_rubin(vcov="HC1")
    few = InstrumentalVariable(
        outcome="wage", received="took_part", instrument=("assigned", "letters"), cluster="half"
    ).fit(frame.assign(half=frame["village"] % 2))
    with pytest.raises(CounterfoilError, match="EST-029"):
        few.anderson_rubin()
