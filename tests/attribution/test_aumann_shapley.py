"""The closed form, the quadrature, their agreement with Shapley, and every way in which an integral can fail."""

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from counterfoil.attribution import aumann_shapley, monomial_shares, shapley_values
from counterfoil.errors import CounterfoilError

FloatArray = NDArray[np.float64]
DOSES = np.array([[1.0, 1.0, 2.0], [3.0, 0.5, 0.0], [0.0, 0.0, 0.0], [0.2, 7.0, 1.0]])


def test_monomial_of_powers_two_and_three() -> None:
    assert monomial_shares([2, 3]).tolist() == [0.4, 0.6]
    assert monomial_shares([[1, 0], [1, 1], [0, 0]]).tolist() == [[1, 0], [0.5, 0.5], [0, 0]]
    with pytest.raises(ValueError, match="zero or more"):
        monomial_shares([1, -1])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 4), min_size=3, max_size=3))
def test_quadrature_equals_the_closed_form(powers: list[int]) -> None:
    def f(doses: FloatArray) -> FloatArray:
        return np.asarray((doses**powers).prod(axis=1))

    gain = f(DOSES) - f(np.zeros_like(DOSES))
    expected = monomial_shares(powers) * gain[:, None]
    np.testing.assert_allclose(aumann_shapley(f, DOSES), expected, atol=1e-8 * (1 + np.abs(gain).max()))


def smooth(doses: FloatArray) -> FloatArray:
    return np.asarray(np.log1p(doses.sum(axis=1)) + doses[:, 0] * np.exp(-doses[:, 1]) + 1e3)


def steepness(doses: FloatArray) -> FloatArray:
    slope = np.repeat(1 / (1 + doses.sum(axis=1, keepdims=True)), 3, axis=1)
    slope[:, 0] += np.exp(-doses[:, 1])
    slope[:, 1] -= doses[:, 0] * np.exp(-doses[:, 1])
    return slope


def test_credits_sum_to_the_gain_and_a_gradient_only_sharpens() -> None:
    by_differences = aumann_shapley(smooth, DOSES)
    exact = aumann_shapley(smooth, DOSES, steepness)
    gain = smooth(DOSES) - smooth(np.zeros_like(DOSES))
    np.testing.assert_allclose(exact.sum(axis=1), gain, atol=1e-11)
    np.testing.assert_allclose(by_differences, exact, atol=1e-6)
    assert (exact[DOSES == 0] == 0).all()


def test_logarithm_of_a_sum_is_split_by_dose() -> None:
    """Where only the sum of doses counts, credit is proportional to dose: cost sharing at average prices."""
    credits = aumann_shapley(lambda doses: np.log1p(doses.sum(axis=1)), DOSES)
    part = DOSES / np.maximum(DOSES.sum(axis=1, keepdims=True), 1e-300)
    np.testing.assert_allclose(credits, part * np.log1p(DOSES.sum(axis=1, keepdims=True)), atol=1e-8)


def test_units_of_doses_do_not_matter() -> None:
    unit = np.array([60.0, 1e-3, 7.0])
    rescaled = aumann_shapley(lambda doses: smooth(doses / unit), DOSES * unit)
    np.testing.assert_allclose(rescaled, aumann_shapley(smooth, DOSES), atol=1e-6)


def test_multilinear_at_zero_and_one_is_shapley() -> None:
    rng = np.random.default_rng(5)
    players = 4
    masks = [np.flatnonzero([mask >> j & 1 for j in range(players)]) for mask in range(1 << players)]
    dividend = rng.normal(size=1 << players)

    def f(doses: FloatArray) -> FloatArray:
        return np.asarray(sum(dividend[m] * doses[:, masks[m]].prod(axis=1) for m in range(1 << players)))

    corners = np.array(list(itertools.product((0.0, 1.0), repeat=players)))[:, ::-1]
    v = f(corners)
    np.testing.assert_allclose(aumann_shapley(f, np.ones((1, players)))[0], shapley_values(v), atol=1e-8)


def root(doses: FloatArray) -> FloatArray:
    return np.asarray(np.sqrt(np.abs(doses[:, 0] - 0.37)) * (doses[:, 0] > 0.37))


@pytest.mark.parametrize(
    ("f", "gradient", "message"),
    [
        (lambda d: np.maximum(d[:, 0] - 0.37, 0.0), None, "disagree"),
        (root, None, "disagree"),
        (lambda d: (d[:, 0] > 0.37).astype(float), None, "do not sum"),
        (lambda d: d[:, 0] ** 2, lambda d: np.zeros_like(d), "do not sum"),
        (lambda d: np.log(d[:, 0]), None, "not finite"),
        (lambda d: d[:, 0] ** 2, lambda d: np.full_like(d, np.nan), "not finite"),
    ],
)
def test_a_function_that_bends_or_jumps_is_refused(f: Any, gradient: Any, message: str) -> None:
    with pytest.raises(CounterfoilError, match=message) as caught, np.errstate(divide="ignore"):
        aumann_shapley(f, [[1.0, 1.0], [2.0, 1.0]], gradient)
    assert caught.value.codes == ("ATTR-008",)


@pytest.mark.parametrize("dose", [-1.0, np.nan, np.inf])
def test_doses_that_are_none_are_refused(dose: float) -> None:
    with pytest.raises(CounterfoilError) as caught:
        aumann_shapley(smooth, [[1.0, 1.0, dose]])
    assert caught.value.codes == ("DATA-017",)


def test_shapes_are_checked() -> None:
    with pytest.raises(ValueError, match="one number a person"):
        aumann_shapley(lambda doses: doses, DOSES)
    with pytest.raises(ValueError, match="gradient has shape"):
        aumann_shapley(smooth, DOSES, lambda doses: doses[:, :1])
