"""Axioms as properties, public vectors, and two independent implementations of every rule."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from counterfoil.attribution import RULES, DoseSplit, EqualSplit, LastIn, Shapley, rule_named
from counterfoil.errors import AttributionError
from counterfoil.estimators.kernel import GrandTotal, Kernel, membership, popcount

FloatArray = NDArray[np.float64]
EFFECT_BASED = ("shapley", "last_in")


def doses(size: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform(0.5, 9.0, size=(1, size))


def table(rule: Kernel, size: int) -> FloatArray:
    """Weights (size, 2^size) of one person with all of `size` providers."""
    weights = rule.weights(tuple(range(size)), doses(size) if rule.needs_dose else None)
    return weights.reshape(weights.shape[-2:])


def dividends(game: FloatArray) -> FloatArray:
    found = game.copy()
    for mask in range(len(game)):
        subsets = [sub for sub in range(mask) if sub & mask == sub]
        found[mask] = game[mask] - sum(found[sub] for sub in subsets)
    return found


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", range(1, 7))
def test_kernel_and_dividend_forms_agree(name: str, size: int) -> None:
    rule = RULES[name]()
    subsets = np.arange(1, 1 << size)
    shares = rule.dividend_shares(tuple(range(size)), subsets, doses(size) if rule.needs_dose else None)
    shares = shares.reshape(shares.shape[-2:])
    inside = (subsets[:, None] & np.arange(1 << size)) == np.arange(1 << size)
    sign = (-1.0) ** (popcount(subsets)[:, None] - popcount(np.arange(1 << size)))
    np.testing.assert_allclose(table(rule, size), shares @ (inside * sign), atol=1e-12)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", range(1, 7))
def test_weights_sum_to_zero_and_efficient_rules_pay_out_the_gain(name: str, size: int) -> None:
    rule = RULES[name]()
    weights = table(rule, size)
    np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-12)
    if rule.efficient:
        np.testing.assert_allclose(weights.sum(axis=0), GrandTotal().weights(tuple(range(size)))[0], atol=1e-12)


games = st.integers(1, 5).flatmap(
    lambda size: arrays(np.float64, 1 << size, elements=st.floats(-100, 100, allow_subnormal=False))
)


def value(rule: Kernel, game: FloatArray) -> FloatArray:
    return np.asarray(table(rule, int(math.log2(len(game)))) @ game)


@given(games)
def test_shapley_is_the_average_over_all_orders(game: FloatArray) -> None:
    size = int(math.log2(len(game)))
    credits = np.zeros(size)
    for order in itertools.permutations(range(size)):
        before = 0
        for j in order:
            credits[j] += game[before | 1 << j] - game[before]
            before |= 1 << j
    np.testing.assert_allclose(value(Shapley(), game), credits / math.factorial(size), atol=1e-9)


@given(games, st.sampled_from(EFFECT_BASED))
def test_null_player(game: FloatArray, name: str) -> None:
    """A provider that changes nothing is credited with nothing by rules that look at effects."""
    without = np.arange(len(game)) & ~1
    assert abs(value(RULES[name](), game[without])[0]) < 1e-9


@given(games, st.sampled_from(["shapley", "last_in", "equal_split"]))
def test_symmetry(game: FloatArray, name: str) -> None:
    """Two providers that always do the same are credited alike."""
    size = int(math.log2(len(game)))
    if size < 2:
        return
    mask = np.arange(len(game))
    swapped = mask & ~3 | (mask & 1) << 1 | (mask & 2) >> 1
    credits = value(RULES[name](), game + game[swapped])
    assert credits[0] == pytest.approx(credits[1], abs=1e-9)


@given(games, games)
def test_additivity(first: FloatArray, second: FloatArray) -> None:
    if len(first) == len(second):
        for make in RULES.values():
            np.testing.assert_allclose(
                value(make(), first + second), value(make(), first) + value(make(), second), atol=1e-8
            )


def test_an_equal_split_pays_null_players() -> None:
    assert value(EqualSplit(), np.array([0.0, 1.0, 0.0, 1.0])).tolist() == [0.5, 0.5]


GAME = np.array([0, 0.3, 0.2, 0.7, 0.1, 0.3, 0.3, 1.0])


def test_rule_table() -> None:
    np.testing.assert_allclose(value(Shapley(), GAME), [0.45, 0.40, 0.15], atol=1e-12)
    np.testing.assert_allclose(value(LastIn(), GAME), [0.7, 0.7, 0.3], atol=1e-12)
    np.testing.assert_allclose(value(EqualSplit(), GAME), [1 / 3] * 3, atol=1e-12)
    dose = np.array([[2.0, 1.0, 1.0]])
    np.testing.assert_allclose(DoseSplit().weights((0, 1, 2), dose)[0] @ GAME, [0.5, 0.25, 0.25], atol=1e-12)


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        ([0, 0, 0, 1, 0, 1, 0, 1], [2 / 3, 1 / 6, 1 / 6]),  # gloves (one left, two right); voting (50, 49, 1, quota 51)
        ([0, 1, 2, 2, 3, 3, 3, 3], [1 / 3, 5 / 6, 11 / 6]),  # airport costs 1, 2, 3
        ([0, 0, 0, 0, 0, 0, 0, 1], [1 / 3] * 3),  # unanimity
    ],
)
def test_public_vectors(game: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(value(Shapley(), np.array(game, dtype=float)), expected, atol=1e-12)


def test_effects_and_pairs_give_half_of_each_pair() -> None:
    rng = np.random.default_rng(1)
    size = 6
    own, pairs = rng.normal(size=size), np.triu(rng.normal(size=(size, size)), 1)
    inside = membership(size).astype(float)
    game = inside @ own + np.einsum("bj,jk,bk->b", inside, pairs, inside)
    np.testing.assert_allclose(value(Shapley(), game), own + (pairs + pairs.T).sum(axis=1) / 2, atol=1e-12)


def test_no_dose_at_all_is_split_equally() -> None:
    assert DoseSplit().dividend_shares((0, 1), np.array([1]), np.zeros((1, 2))).tolist() == [[[0.5], [0.5]]]


def test_rules_are_kernels_and_names_are_canonical() -> None:
    for name, make in RULES.items():
        rule = make()
        assert isinstance(rule, Kernel)
        assert rule.name == name
        assert rule_named(rule) is rule
    with pytest.raises(AttributionError, match="did you mean 'shapley'"):
        rule_named("shaply")
