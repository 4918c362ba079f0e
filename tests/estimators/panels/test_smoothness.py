"""Fixed-length intervals: digits of two packages, worst biases by linear programs, and lengths that nothing beats."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog, minimize
from scipy.special import ndtr, ndtri

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.folded_normal import folded_normal_quantile
from counterfoil.estimators.panels.relative_magnitudes import changes
from counterfoil.estimators.panels.smoothness import _knots, fixed_length, smoothness

REFERENCE = Path(__file__).parents[2] / "reference"


def published(name: str) -> tuple[dict[str, Any], FloatArray, FloatArray]:
    read = json.loads((REFERENCE / f"{name}.json").read_text())
    return read, np.array(read["values"]), np.array(read["covariance"])


def problem(seed: int, pre: int, post: int) -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(pre + post, pre + post + 3)) * rng.uniform(0.3, 3.0, pre + post)[:, None]
    return root @ root.T / (pre + post), rng.normal(size=post)


def worst_bias(weights: FloatArray, pre: int, post: int, limit: float) -> float:
    bends = changes(pre, post, order=2)
    program = linprog(
        -weights, A_ub=np.vstack([bends, -bends]), b_ub=np.full(2 * len(bends), limit), bounds=(None, None)
    )
    return float(-program.fun)


def test_folded_normal() -> None:
    bias = np.array([0.0, 0.3, 2.0, 7.9, 8.1, 1e6])
    found = folded_normal_quantile(bias, 0.9)
    np.testing.assert_allclose(ndtr(found - bias) - ndtr(-found - bias), 0.9, atol=1e-9)


def test_benzarti_carloni_as_r_prints_it() -> None:
    # R simulates the quantile of the folded normal with a million draws, which moves the ends by up to 0.0001, and
    # searches the error on a grid, which moves the centre where the length is flat.
    read, values, covariance = published("benzarti_carloni")
    limits = np.array([float(limit) for limit in read["smoothness"]])
    found = smoothness(values, covariance, 4, np.array([1.0, 0, 0, 0]), limits)
    printed = np.array(list(read["smoothness"].values()))
    np.testing.assert_allclose(found, printed, atol=0.001)
    np.testing.assert_allclose(np.diff(found), np.diff(printed), rtol=0.0015)


def test_medicaid_as_r_prints_it() -> None:
    read, values, covariance = published("medicaid_expansion")
    np.testing.assert_allclose(values, read["stata_effects"], atol=6e-8)
    np.testing.assert_allclose(np.sqrt(np.diagonal(covariance)), read["stata_errors"], atol=6e-7)
    limits = np.array([float(limit) for limit in read["smoothness"]])
    found = smoothness(values, covariance, 5, np.array([1.0, 0.0]), limits)
    np.testing.assert_allclose(found, np.array(list(read["smoothness"].values())), atol=0.0005)


def test_agrees_with_diff_diff() -> None:
    stored = json.loads((REFERENCE / "honest.json").read_text())["smoothness"]
    _, values, covariance = published("benzarti_carloni")
    for case in stored:
        found = fixed_length(values, covariance, 4, np.array(case["weights"]), case["limit"]).interval
        assert found == pytest.approx(case["interval"], abs=2e-5)
        assert found[1] - found[0] <= (case["interval"][1] - case["interval"][0]) * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_no_weights_give_a_shorter_interval(seed: int) -> None:
    pre, post, limit = 2 + seed, 1 + seed % 4, 0.2
    covariance, weights = problem(seed, pre, post)
    found = fixed_length(np.zeros(pre + post), covariance, pre, weights, limit)
    assert found.bias == pytest.approx(worst_bias(found.weights, pre, post, limit), abs=1e-7)
    assert found.std_error == pytest.approx(np.sqrt(found.weights @ covariance @ found.weights))
    distance = np.arange(pre, 0, -1.0)
    kink = np.array([[max(k - j, 0.0) for k in distance] for j in range(1, pre)])
    fixed = found.bias / limit - np.abs(kink @ found.weights[:pre]).sum()

    def length(given: FloatArray) -> float:
        row = np.concatenate([given[:pre], weights])
        error = np.sqrt(row @ covariance @ row)
        return float(error * folded_normal_quantile(limit * (fixed + given[pre:].sum()) / error))

    start = np.r_[np.zeros(pre - 1), weights @ np.arange(1, post + 1)]
    best = minimize(
        length,
        np.r_[start, np.abs(kink @ start) + 0.1],
        method="SLSQP",
        constraints=[
            {"type": "eq", "fun": lambda given: distance @ given[:pre] - weights @ np.arange(1, post + 1)},
            {"type": "ineq", "fun": lambda given: given[pre:] - kink @ given[:pre]},
            {"type": "ineq", "fun": lambda given: given[pre:] + kink @ given[:pre]},
        ],
        options={"maxiter": 1000, "ftol": 1e-12},
    )
    assert found.interval[1] == pytest.approx(best.fun, rel=1e-6)


def test_one_sided_is_the_least_excess() -> None:
    covariance, weights = problem(3, 4, 2)
    lower = fixed_length(np.zeros(6), covariance, 4, weights, 0.1, side="lower")
    upper = fixed_length(np.zeros(6), covariance, 4, weights, 0.1, side="upper")
    assert lower.interval[0] == pytest.approx(-(lower.bias + ndtri(0.95) * lower.std_error))
    assert upper.interval == pytest.approx((-np.inf, -lower.interval[0]))
    both = fixed_length(np.zeros(6), covariance, 4, weights, 0.1)
    assert lower.interval[0] > both.interval[0]
    assert -lower.interval[0] <= both.bias + ndtri(0.95) * both.std_error + 1e-12


def test_a_straight_trend_is_taken_out() -> None:
    values = np.array([-0.3, -0.2, -0.1, 0.1 + 1.0, 0.2 + 1.0])
    found = fixed_length(values, 0.01 * np.eye(5), 3, np.array([0.5, 0.5]), 0.0)
    assert found.bias == 0.0
    assert np.mean(found.interval) == pytest.approx(1.0)


def test_one_earlier_period_leaves_no_choice() -> None:
    found = fixed_length(np.array([0.2, 1.0]), 0.01 * np.eye(2), 1, np.ones(1), 0.1)
    assert found.weights == pytest.approx([1.0, 1.0])
    assert found.bias == pytest.approx(0.1)


def test_a_covariance_that_weighs_nothing_is_refused() -> None:
    with pytest.raises(CounterfoilError, match="EST-035"):
        fixed_length(np.zeros(5), np.ones((5, 5)), 4, np.ones(1), 0.1)
    with pytest.raises(CounterfoilError, match="EST-035"):
        _knots(np.diag([1.0, -1.0]), np.ones(2))
