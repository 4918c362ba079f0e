"""One direction is the t-test, chi-square and Hotelling agree with their formulas, and what cannot be tested is refused."""

import numpy as np
import pytest
from scipy.stats import f

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate
from counterfoil.estimators.joint_test import joint_test


def estimate(values: list[float], covariance: np.ndarray | None = None, df: float = 12.0) -> Estimate:
    given = np.eye(len(values)) if covariance is None else covariance
    names = [f"t{k}" for k in range(len(values))]
    return Estimate.published(values, covariance=given, terms=names, outcome="y", estimand="gain", people=50, df=df)


def test_one_value_is_the_t_test() -> None:
    one = estimate([1.7])
    assert joint_test(one).p_value == pytest.approx(one.tidy()["p_value"][0], abs=1e-12)


def test_hotelling() -> None:
    covariance = np.array([[2.0, 0.3, 0.1], [0.3, 1.0, -0.2], [0.1, -0.2, 0.5]])
    values = np.array([1.0, -0.5, 0.8])
    found = joint_test(estimate(values.tolist(), covariance))
    assert found.statistic == pytest.approx(values @ np.linalg.solve(covariance, values))
    assert found.p_value == pytest.approx(f.sf(found.statistic * 10 / (12 * 3), 3, 10))


def test_units_and_repeated_values_change_nothing() -> None:
    base = estimate([1.0, -0.5], np.array([[2.0, 0.3], [0.3, 1.0]]))
    again = base.contrast([[1e6, 0.0], [0.0, 1.0], [1e6, 1.0]], ["a", "b", "both"])
    assert joint_test(again).directions == 2
    assert joint_test(again).p_value == pytest.approx(joint_test(base).p_value, rel=1e-9)


def test_what_cannot_be_tested_is_refused() -> None:
    with pytest.raises(CounterfoilError, match="EST-015"):
        joint_test(estimate([1.0, 2.0, 3.0], df=2.0))
    with pytest.raises(CounterfoilError, match="EST-015"):
        joint_test(estimate([1.0], np.zeros((1, 1))))
