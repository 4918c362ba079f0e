"""Axioms as properties, public vectors, and two independent implementations of every rule."""

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from counterfoil.attribution import RULES, DoseSplit, EqualSplit, Shapley, rule_named
from counterfoil.errors import AttributionError
from counterfoil.estimators.kernel import GrandTotal, Kernel, membership, popcount

FloatArray = NDArray[np.float64]
ABC = tuple("abcdef")
TERMS: dict[str, dict[str, Any]] = {
    "owen": {"unions": [["a", "b"], ["c", "e"]]},
    "stage_respecting": {"stages": [["c"], ["a", "b"]]},
    "fixed": {"fractions": {"a": "0.6", "b": "0.3", "f": "0.1"}},
    "plurality": {"ties": "contract_order"},
}
EFFECT_BASED = (
    "shapley",
    "owen",
    "weighted_shapley",
    "order_of_service",
    "stage_respecting",
    "last_in",
    "first_in",
    "banzhaf",
)
SYMMETRIC = ("shapley", "last_in", "first_in", "banzhaf", "equal_split")


def made(name: str) -> Kernel:
    return rule_named(name, ABC, **TERMS.get(name, {}))


def doses(size: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).uniform(0.5, 9.0, size=(1, size))


def table(rule: Kernel, size: int) -> FloatArray:
    """Weights (size, 2^size) of one person with all of `size` providers."""
    weights = rule.weights(tuple(range(size)), doses(size) if rule.needs else None)
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
    rule = made(name)
    subsets = np.arange(1, 1 << size)
    shares = rule.dividend_shares(tuple(range(size)), subsets, doses(size) if rule.needs else None)
    shares = shares.reshape(shares.shape[-2:])
    inside = (subsets[:, None] & np.arange(1 << size)) == np.arange(1 << size)
    sign = (-1.0) ** (popcount(subsets)[:, None] - popcount(np.arange(1 << size)))
    np.testing.assert_allclose(table(rule, size), shares @ (inside * sign), atol=1e-12)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("size", range(1, 7))
def test_weights_sum_to_zero_and_efficient_rules_pay_out_the_gain(name: str, size: int) -> None:
    rule = made(name)
    weights = table(rule, size)
    np.testing.assert_allclose(weights.sum(axis=1), 0, atol=1e-12)
    assert weights.shape == (len(rule.rows(6, tuple(range(size)))), 1 << size)
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
    assert abs(value(made(name), game[without])[0]) < 1e-9


@given(games, st.sampled_from(SYMMETRIC))
def test_symmetry(game: FloatArray, name: str) -> None:
    """Two providers that always do the same are credited alike."""
    size = int(math.log2(len(game)))
    if size < 2:
        return
    mask = np.arange(len(game))
    swapped = mask & ~3 | (mask & 1) << 1 | (mask & 2) >> 1
    credits = value(made(name), game + game[swapped])
    assert credits[0] == pytest.approx(credits[1], abs=1e-9)


@given(games, games)
def test_additivity(first: FloatArray, second: FloatArray) -> None:
    if len(first) == len(second):
        for rule in map(made, RULES):
            np.testing.assert_allclose(value(rule, first + second), value(rule, first) + value(rule, second), atol=1e-8)


def test_an_equal_split_pays_null_players() -> None:
    assert value(EqualSplit(), np.array([0.0, 1.0, 0.0, 1.0])).tolist() == [0.5, 0.5]


GAME = np.array([0, 0.3, 0.2, 0.7, 0.1, 0.3, 0.3, 1.0])


@pytest.mark.parametrize(
    ("name", "terms", "record", "expected"),
    [
        ("shapley", {}, None, [0.45, 0.40, 0.15]),
        ("banzhaf", {}, None, [0.425, 0.375, 0.125]),
        ("last_in", {}, None, [0.7, 0.7, 0.3]),
        ("first_in", {}, None, [0.3, 0.2, 0.1]),
        ("order_of_service", {}, [2.0, 3.0, 1.0], [0.2, 0.7, 0.1]),
        ("equal_split", {}, None, [1 / 3] * 3),
        ("dose_split", {}, [2.0, 1.0, 1.0], [0.5, 0.25, 0.25]),
        ("plurality", {}, [2.0, 1.0, 1.0], [1.0, 0.0, 0.0]),
        ("fixed", {"fractions": {"a": "0.6", "b": "0.3", "c": "0.1"}}, None, [0.6, 0.3, 0.1]),
        ("weighted_shapley", {}, [2.0, 1.0, 1.0], [31 / 60, 41 / 120, 17 / 120]),
        ("owen", {"unions": [["a", "b"]]}, None, [0.425, 0.375, 0.2]),
        ("stage_respecting", {"stages": [["a"], ["b", "c"]]}, None, [0.3, 0.55, 0.15]),
    ],
)
def test_rule_table(name: str, terms: dict[str, Any], record: list[float] | None, expected: list[float]) -> None:
    rule = rule_named(name, "abc", **terms)
    weights = rule.weights((0, 1, 2), None if record is None else np.array([record]))
    np.testing.assert_allclose(weights.reshape(3, 8) @ GAME, expected, atol=1e-12)


@given(games, st.integers(0, 99))
def test_weighted_shapley_is_the_average_over_orders_drawn_from_the_end(game: FloatArray, seed: int) -> None:
    """The last to arrive is drawn in proportion to dose, then the one before it, and so on (Kalai and Samet 1987)."""
    size = int(math.log2(len(game)))
    dose = doses(size, seed)[0]
    credits = np.zeros(size)
    for order in itertools.permutations(range(size)):
        chance, before, left = 1.0, 0, dose.sum()
        for j in reversed(order):
            chance *= dose[j] / left
            left -= dose[j]
        for j in order:
            credits[j] += chance * (game[before | 1 << j] - game[before])
            before |= 1 << j
    weights = rule_named("weighted_shapley").weights(tuple(range(size)), dose[None, :])[0]
    np.testing.assert_allclose(weights @ game, credits, atol=1e-8)


@given(games)
def test_owen_is_the_average_over_orders_that_keep_unions_together(game: FloatArray) -> None:
    size = int(math.log2(len(game)))
    union = [0, 0, 1, 2, 1][:size]
    credits, count = np.zeros(size), 0
    for order in itertools.permutations(range(size)):
        seen = [union[j] for j in order]
        if any(seen[k] != seen[k - 1] and seen[k] in seen[: k - 1] for k in range(1, size)):
            continue
        count, before = count + 1, 0
        for j in order:
            credits[j] += game[before | 1 << j] - game[before]
            before |= 1 << j
    np.testing.assert_allclose(value(made("owen"), game), credits / count, atol=1e-8)


def test_a_provider_split_in_two_keeps_its_total_under_owen_and_not_under_shapley() -> None:
    whole = np.array([0.0, 3.0, 2.0, 7.0])  # a and b
    halves = np.array([whole[(mask & 3 > 0) | (mask >> 2 & 1) << 1] for mask in range(8)])  # a1, a2, b
    owen = rule_named("owen", ["a1", "a2", "b"], unions=[["a1", "a2"]]).weights((0, 1, 2), None) @ halves
    shapley = Shapley().weights((0, 1)) @ whole
    np.testing.assert_allclose([owen[:2].sum(), owen[2]], shapley, atol=1e-12)
    assert abs((Shapley().weights((0, 1, 2)) @ halves)[2] - shapley[1]) > 0.1


def test_ties_and_terms() -> None:
    tie = np.array([[2.0, 2.0, 1.0]])
    assert rule_named("plurality", ties="equal").dividend_shares((0, 1, 2), np.array([7]), tie).ravel().tolist() == [
        0.5,
        0.5,
        0.0,
    ]
    assert rule_named("plurality", ties="contract_order").weights((0, 1, 2), tie)[0, :, -1].tolist() == [1.0, 0.0, 0.0]
    bad: list[tuple[str, dict[str, Any]]] = [
        ("plurality", {"ties": "dice"}), ("shapley", {"unions": []}), ("owen", {"unions": [["a"], ["a"]]}),
        ("owen", {"unions": [[]]}), ("owen", {"unions": [["z"]]}), ("fixed", {"fractions": {"a": "0.9"}}), ("fixed", {}),
        ("fixed", {"fractions": {"a": "1.5", "b": "-0.5"}}), ("stage_respecting", {"unions": [["a"]]}),
    ]  # fmt: skip
    for name, terms in bad:
        with pytest.raises(AttributionError) as caught:
            rule_named(name, ABC, **terms)
        assert caught.value.codes == ("ATTR-005",)
    same_day = np.array([[5.0, 5.0]])
    np.testing.assert_allclose(rule_named("order_of_service").weights((0, 1), same_day)[0], Shapley().weights((0, 1)))


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
    for name in RULES:
        rule = made(name)
        assert isinstance(rule, Kernel)
        assert rule.name == name
        assert rule_named(rule) is rule
    with pytest.raises(AttributionError, match="did you mean 'shapley'"):
        rule_named("shaply")
