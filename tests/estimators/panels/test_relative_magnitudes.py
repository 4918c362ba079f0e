"""Sets under relative magnitudes: the digits of the R package, the linear programs that they replace, and symmetries."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.special import ndtri
from scipy.stats import truncnorm

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.conditional_test import rejects
from counterfoil.estimators.panels.relative_magnitudes import Side, _vertices, changes, relative_magnitudes

REFERENCE = Path(__file__).parents[2] / "reference"
FIRST = np.array([1.0, 0.0, 0.0, 0.0])


def published(name: str) -> tuple[dict[str, Any], FloatArray, FloatArray]:
    read = json.loads((REFERENCE / f"{name}.json").read_text())
    return read, np.array(read["values"]), np.array(read["covariance"])


def problem(seed: int, pre: int, post: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(pre + post, pre + post + 2))
    return rng.normal(size=pre + post), root @ root.T / (pre + post), rng.normal(size=post)


def test_benzarti_carloni_as_r_prints_it() -> None:
    # R accepts points of a grid with steps of 0.00076, and simulates the first stage, which is exact here.
    read, values, covariance = published("benzarti_carloni")
    limits = np.array([0.5, 1.0, 1.5, 2.0])
    found = relative_magnitudes(values, covariance, 4, FIRST, limits)
    printed = np.array(list(read["relative_magnitudes"].values()))
    np.testing.assert_allclose(found[:3], printed[:3], atol=0.0009)
    assert found[3, 0] == pytest.approx(printed[3, 0], abs=0.0009)
    # R's grid ends at twenty standard errors, short of the set; this one has no grid to end.
    assert printed[3, 1] == pytest.approx(20 * np.sqrt(covariance[4, 4]), rel=1e-4)
    assert found[3, 1] > 0.42


@pytest.mark.parametrize(
    ("key", "weights"), [("relative_magnitudes", [1.0, 0.0]), ("relative_magnitudes_average", [0.5, 0.5])]
)
def test_medicaid_as_r_and_stata_print_it(key: str, weights: list[float]) -> None:
    read, values, covariance = published("medicaid_expansion")
    limits = np.array([float(limit) for limit in read[key]])
    found = relative_magnitudes(values, covariance, 5, np.array(weights), limits)
    np.testing.assert_allclose(found, np.array(list(read[key].values())), atol=0.0012)


def test_without_violations_it_is_the_ordinary_interval() -> None:
    read, values, covariance = published("benzarti_carloni")
    np.testing.assert_allclose(
        relative_magnitudes(values, covariance, 4, FIRST, np.zeros(1))[0], read["original"], atol=1e-7
    )
    error = np.sqrt(covariance[4, 4])
    lower = relative_magnitudes(values, covariance, 4, FIRST, np.zeros(1), side="lower")
    assert lower[0, 0] == pytest.approx(values[4] - ndtri(0.95) * error, abs=1e-5 * error)
    assert lower[0, 1] == np.inf


@dataclass(frozen=True)
class Program:
    """The inequalities for one sign of the largest change, with nuisance effects, as linear programs."""

    values: FloatArray
    covariance: FloatArray
    weights: FloatArray
    bounds: FloatArray

    def eta(self, values: FloatArray, theta: float) -> float:
        """Min η: bounds·(values − effects) ≤ η·errors over effects with weighted sum θ."""
        post = self.bounds[:, -len(self.weights) :]
        error = np.sqrt(np.diagonal(self.bounds @ self.covariance @ self.bounds.T))
        nuisance = np.linalg.svd(self.weights[None, :])[2][1:].T
        moments = self.bounds @ values - post @ (self.weights / (self.weights @ self.weights) * theta)
        cost = np.r_[1.0, np.zeros(nuisance.shape[1])]
        rows = -np.column_stack([error, post @ nuisance])
        return float(linprog(cost, A_ub=rows, b_ub=-moments, bounds=(None, None)).fun)

    def lower_truncation(self, best: FloatArray, slope: float, theta: float, eta: float) -> float:
        """Smallest c at which the moment ``best`` would still be the largest, by bisection."""
        move = self.covariance @ best / (best @ self.covariance @ best)
        rest = self.values - move * (best @ self.values)

        def consistent(c: float) -> bool:
            return self.eta(rest + move * (c + slope * theta), theta) <= c + 1e-9

        low, high = -60.0, eta
        if consistent(low):
            return -np.inf
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (low, middle) if consistent(middle) else (middle, high)
        return high


@pytest.mark.parametrize("order", [1, 2])
def test_vertices_solve_the_linear_program(order: int) -> None:
    alpha, critical, compared = 0.05, 8.0, 0
    level = 0.9 * alpha / (1 - 0.1 * alpha)
    for seed in range(4):
        values, covariance, weights = problem(seed, 4, 3)
        steps = changes(4, 3, order)
        before, after = steps[:-3], steps[-3:]
        largest = before[seed % len(before)]
        sums = np.asarray(np.linalg.solve(after[:, 4:].T, weights), dtype=np.float64)
        pieces = _vertices(after, sums, covariance, 0.7, largest, "both")
        for sign, (rows, slopes) in zip((1.0, -1.0), pieces, strict=True):
            bounds = np.vstack([side * after - 0.7 * sign * largest for side in (1.0, -1.0)])
            program = Program(values, covariance, weights, bounds)
            for theta in (-2.0, 0.0, 1.0):
                moments = rows @ values - slopes * theta
                eta, best = float(moments.max()), int(moments.argmax())
                assert eta == pytest.approx(program.eta(values, theta), abs=1e-8)
                low = program.lower_truncation(rows[best], slopes[best], theta, eta)
                scale = float(np.sqrt(rows[best] @ covariance @ rows[best]))
                cut = max(0.0, float(truncnorm.ppf(1 - level, low / scale, critical / scale, scale=scale)))
                if abs(eta - cut) > 1e-4:
                    spread = rows @ covariance @ rows.T
                    verdict = rejects(np.array([theta]), rows @ values, slopes, spread, critical, alpha)
                    assert bool(verdict[0]) == (eta > cut)
                    compared += 1
    assert compared >= 20


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.floats(-3, 3), scale=st.floats(0.1, 5))
def test_units_and_constant_effects(seed: int, shift: float, scale: float) -> None:
    values, covariance, weights = problem(seed, 3, 2)
    limits = np.array([0.5])
    base = relative_magnitudes(values, covariance, 3, weights, limits)
    moved = values + np.r_[np.zeros(3), np.full(2, shift)]
    np.testing.assert_allclose(
        relative_magnitudes(moved, covariance, 3, weights, limits), base + shift * weights.sum(), atol=1e-4
    )
    np.testing.assert_allclose(
        relative_magnitudes(scale * values, scale**2 * covariance, 3, weights, limits), scale * base, atol=1e-4 * scale
    )


def test_other_direction_mirrors_the_set() -> None:
    values, covariance, weights = problem(5, 4, 3)
    limits = np.array([0.3, 1.0])
    width = float(np.sqrt(weights @ covariance[4:, 4:] @ weights))
    sides: tuple[tuple[Side, Side], ...] = (("both", "both"), ("lower", "upper"))
    for side, other in sides:
        base = relative_magnitudes(values, covariance, 4, weights, limits, side=side)
        mirror = relative_magnitudes(-values, covariance, 4, weights, limits, side=other)
        finite = np.isfinite(base)
        np.testing.assert_allclose(-mirror[:, ::-1][finite], base[finite], atol=1e-5 * width)


def test_sets_grow_with_the_violation() -> None:
    values, covariance, weights = problem(7, 4, 3)
    found = relative_magnitudes(values, covariance, 4, np.abs(weights), np.array([0.0, 0.5, 1.0, 2.0]))
    assert (np.diff(found[:, 0]) < 0).all()
    assert (np.diff(found[:, 1]) > 0).all()


def test_a_straight_trend_passes_under_relative_smoothness() -> None:
    values = np.array([-0.4, -0.3, -0.2, -0.1, 0.1, 0.2])
    found = relative_magnitudes(values, 1e-6 * np.eye(6), 4, np.array([0.5, 0.5]), np.array([0.5]), order=2)
    assert found[0] == pytest.approx([0.0, 0.0], abs=0.03)
    strict = relative_magnitudes(values, 1e-6 * np.eye(6), 4, np.array([0.5, 0.5]), np.array([0.5]))
    assert strict[0] == pytest.approx([0.075, 0.225], abs=0.01)


def test_a_singular_covariance_is_refused() -> None:
    with pytest.raises(CounterfoilError, match="EST-035"):
        relative_magnitudes(np.zeros(3), np.ones((3, 3)), 2, np.ones(1), np.zeros(1))
