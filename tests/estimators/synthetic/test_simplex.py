"""Simplex weights meet the conditions of an optimum, agree with a general solver, and say when others fit as well."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from counterfoil.estimators.synthetic.simplex import simplex_weights


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 25), st.sampled_from([0.0, 0.0, 0.3, 50.0]))
def test_no_feasible_direction_improves(seed: int, donors: int, rows: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(rows, donors)) * 10 ** rng.uniform(-3, 4) + rng.normal() * 100 * rng.integers(0, 2)
    if donors > 2 and seed % 3 == 0:
        columns[:, 1] = columns[:, 0]
    target = columns @ rng.dirichlet(np.full(donors, 0.3)) + rng.integers(0, 2) * rng.normal(size=rows)
    found = simplex_weights(columns, target, ridge)
    assert abs(found.weights.sum() - 1) < 1e-12
    assert found.weights.min() >= 0
    gradient = columns.T @ (columns @ found.weights - target) + ridge * found.weights
    scale = max(((columns - target[:, None]) ** 2).sum(axis=0).max(), 1e-300) + ridge
    assert gradient.min() - found.weights @ gradient >= -1e-8 * scale
    assert found.violation <= 1e-8


@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_a_general_solver_finds_nothing_better(ridge: float) -> None:
    rng = np.random.default_rng(3)
    columns, target = rng.normal(size=(12, 7)), rng.normal(size=12)

    def loss(weights: np.ndarray) -> float:
        return float(((columns @ weights - target) ** 2).sum() + ridge * weights @ weights)

    other = minimize(
        loss,
        np.full(7, 1 / 7),
        bounds=[(0, 1)] * 7,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        tol=1e-12,
    )
    found = simplex_weights(columns, target, ridge)
    assert found.unique
    assert loss(found.weights) <= other.fun + 1e-9
    np.testing.assert_allclose(found.weights, other.x, atol=1e-5)


def test_other_weights_that_fit_as_well_are_told() -> None:
    assert not simplex_weights(np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([1.5])).unique
    assert simplex_weights(np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([1.5]), ridge=0.1).unique
    assert simplex_weights(np.array([[0.0, 1.0, 2.0, 3.0]]), np.array([9.0])).weights.tolist() == [0, 0, 0, 1]
