"""Published games, brute force over orders of arrival, and agreement with the rules of the package."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from counterfoil.attribution import (
    Banzhaf,
    Shapley,
    banzhaf_values,
    dividends,
    excess,
    rule_named,
    rule_values,
    shapley_values,
    stable,
)
from counterfoil.attribution.game import BLOCK
from counterfoil.errors import AttributionError

FloatArray = NDArray[np.float64]


def game(players: int, worth: Callable[[set[int]], float]) -> FloatArray:
    return np.array([worth({j for j in range(players) if mask >> j & 1}) for mask in range(1 << players)], dtype=float)


GLOVE = game(3, lambda s: float(0 in s and len(s) > 1))
VOTING = game(3, lambda s: float(sum((50, 49, 1)[j] for j in s) >= 51))
AIRPORT = game(3, lambda s: float(max((j + 1 for j in s), default=0)))
TABLE = np.array([0, 0.3, 0.2, 0.7, 0.1, 0.3, 0.3, 1.0])


def random_game(players: int, seed: int = 0) -> FloatArray:
    return np.random.default_rng(seed).normal(size=1 << players)


@pytest.mark.parametrize(
    ("v", "expected"),
    [
        (GLOVE, (2 / 3, 1 / 6, 1 / 6)),
        (VOTING, (2 / 3, 1 / 6, 1 / 6)),
        (AIRPORT, (1 / 3, 5 / 6, 11 / 6)),
        (TABLE, (0.45, 0.40, 0.15)),
    ],
)
def test_published_shapley_values(v: FloatArray, expected: tuple[float, ...]) -> None:
    assert shapley_values(v) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("players", [1, 2, 5, BLOCK, BLOCK + 2])
def test_everybody_needed_is_paid_alike(players: int) -> None:
    unanimity = np.zeros(1 << players)
    unanimity[-1] = 1.0
    np.testing.assert_allclose(shapley_values(unanimity), 1 / players, rtol=1e-11)
    np.testing.assert_allclose(banzhaf_values(unanimity), 0.5 ** (players - 1), rtol=1e-11)


def test_who_splits_in_two_gains() -> None:
    """Unanimity of two, one of whom signs as two: a third each, two thirds for the side that split."""
    assert shapley_values(game(3, lambda s: float(len(s) == 3))) == pytest.approx([1 / 3] * 3, abs=1e-15)


def test_additive_and_pairs() -> None:
    rng = np.random.default_rng(4)
    own, pair = rng.normal(size=6), np.triu(rng.normal(size=(6, 6)), 1)
    v = game(6, lambda s: sum(own[j] for j in s) + sum(pair[j, k] for j, k in itertools.combinations(sorted(s), 2)))
    expected = own + (pair + pair.T).sum(axis=1) / 2
    np.testing.assert_allclose(shapley_values(v), expected, atol=1e-12)
    np.testing.assert_allclose(banzhaf_values(v), expected, atol=1e-12)


NAMES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("rule", "terms", "record", "expected"),
    [
        ("shapley", {}, None, (0.45, 0.40, 0.15)),
        ("banzhaf", {}, None, (0.425, 0.375, 0.125)),
        ("last_in", {}, None, (0.7, 0.7, 0.3)),
        ("first_in", {}, None, (0.3, 0.2, 0.1)),
        ("order_of_service", {}, (2.0, 3.0, 1.0), (0.2, 0.7, 0.1)),
        ("equal_split", {}, None, (1 / 3, 1 / 3, 1 / 3)),
        ("dose_split", {}, (2.0, 1.0, 1.0), (0.5, 0.25, 0.25)),
        ("weighted_shapley", {}, (2.0, 1.0, 1.0), (31 / 60, 41 / 120, 17 / 120)),
        ("owen", {"unions": [["a", "b"]]}, None, (0.425, 0.375, 0.2)),
        ("stage_respecting", {"stages": [["a"], ["b", "c"]]}, None, (0.3, 0.55, 0.15)),
    ],
)
def test_rule_table(rule: str, terms: dict[str, Any], record: Any, expected: tuple[float, ...]) -> None:
    credits = rule_values(TABLE + 7.0, rule_named(rule, NAMES, **terms), record)
    assert credits == pytest.approx(expected, abs=1e-12)
    if rule == "banzhaf":
        assert banzhaf_values(TABLE) == pytest.approx(expected, abs=1e-12)


worths = st.integers(1, 6).flatmap(
    lambda players: arrays(np.float64, 1 << players, elements=st.floats(-1e3, 1e3, allow_subnormal=False))
)


@settings(deadline=None, max_examples=40)
@given(worths)
def test_brute_force_over_orders_and_coalitions(v: FloatArray) -> None:
    players = len(v).bit_length() - 1
    shapley, banzhaf = np.zeros(players), np.zeros(players)
    orders = list(itertools.permutations(range(players)))
    for order in orders:
        mask = 0
        for j in order:
            shapley[j] += (v[mask | 1 << j] - v[mask]) / len(orders)
            mask |= 1 << j
    for j in range(players):
        others = [mask for mask in range(len(v)) if not mask >> j & 1]
        banzhaf[j] = np.mean([v[mask | 1 << j] - v[mask] for mask in others])
    scale = 1e-12 * (1 + np.abs(v).max())
    np.testing.assert_allclose(shapley_values(v), shapley, atol=scale)
    np.testing.assert_allclose(banzhaf_values(v), banzhaf, atol=scale)


@settings(deadline=None, max_examples=40)
@given(worths)
def test_dividends_add_up_to_every_coalition(v: FloatArray) -> None:
    found = dividends(v)
    masks = np.arange(len(v))
    inside = (masks[:, None] & masks) == masks
    np.testing.assert_allclose(inside @ found, v - v[0], atol=1e-11 * (1 + np.abs(v).max()))
    players = len(v).bit_length() - 1
    member = masks[:, None] >> np.arange(players) & 1
    equal_parts = (found / np.maximum(member.sum(axis=1), 1)) @ member
    np.testing.assert_allclose(shapley_values(v), equal_parts, atol=1e-11 * (1 + np.abs(v).max()))


@pytest.mark.parametrize("players", [1, 4, 9])
def test_equals_the_rules_for_one_person_with_all_providers(players: int) -> None:
    v = random_game(players)
    np.testing.assert_allclose(shapley_values(v), Shapley().weights(range(players)) @ v, atol=1e-13)
    np.testing.assert_allclose(banzhaf_values(v), Banzhaf().weights(range(players)) @ v, atol=1e-13)


def test_tables_of_several_blocks_equal_the_plain_formula() -> None:
    """More players than one block holds: every bit, low and high, must be read from the right place."""
    players = BLOCK + 2
    v = random_game(players)
    size = np.bitwise_count(np.arange(1 << players)).astype(int)
    chance = 1 / (
        players * np.array([float(np.prod([(players - 1 - i) / (i + 1) for i in range(r)])) for r in range(players)])
    )
    joining, leaving = np.append(0.0, chance)[size] * v, np.append(chance, 0.0)[size] * v
    plain = [
        joining.reshape(-1, 2, 1 << j)[:, 1].sum() - leaving.reshape(-1, 2, 1 << j)[:, 0].sum() for j in range(players)
    ]
    np.testing.assert_allclose(shapley_values(v), plain, atol=1e-12)
    change = v - v[0]
    for j in range(players):
        change.reshape(-1, 2, 1 << j)[:, 1] -= change.reshape(-1, 2, 1 << j)[:, 0]
    np.testing.assert_allclose(dividends(v), change, atol=1e-9)


def test_efficiency_null_player_symmetry_and_additivity() -> None:
    v, other = random_game(7, 1), random_game(7, 2)
    assert shapley_values(v).sum() == pytest.approx(v[-1] - v[0], abs=1e-12)
    with_null = np.concatenate([v, v])
    np.testing.assert_allclose(shapley_values(with_null), [*shapley_values(v), 0.0], atol=1e-12)
    by_size = np.random.default_rng(3).normal(size=8)[np.bitwise_count(np.arange(128))]
    assert np.ptp(shapley_values(by_size)) <= 1e-14
    np.testing.assert_allclose(shapley_values(v + 2 * other), shapley_values(v) + 2 * shapley_values(other), atol=1e-12)


def test_worth_of_nobody_is_taken_away_and_inputs_are_kept() -> None:
    v = random_game(6)
    before = v.copy()
    for function in (shapley_values, banzhaf_values, dividends):
        np.testing.assert_allclose(function(v + 1e6), function(v), atol=1e-8)
    assert excess(v + 5.0, np.ones(6))[0] == 0.0
    assert (v == before).all()
    assert shapley_values([0, 1, 1, 3]).tolist() == [1.5, 1.5]


def test_excess_equals_its_definition() -> None:
    v, credits = random_game(5), np.arange(5.0)
    expected = [credits[[j for j in range(5) if mask >> j & 1]].sum() - (v[mask] - v[0]) for mask in range(32)]
    np.testing.assert_allclose(excess(v, credits), expected, atol=1e-12)


def test_synergy_is_stable_under_shapley_and_substitutes_never() -> None:
    convex = game(5, lambda s: len(s) ** 2)
    assert stable(convex, shapley_values(convex))
    assert not stable(convex, shapley_values(convex) + np.eye(5)[4])  # pays out more than there is
    assert not stable(GLOVE, shapley_values(GLOVE))
    assert stable(GLOVE, [1, 0, 0])
    majority = game(3, lambda s: float(len(s) >= 2))
    splits = np.random.default_rng(0).dirichlet(np.ones(3), size=200)
    assert not any(stable(majority, split) for split in splits)


@pytest.mark.parametrize(
    "table",
    [[], [1.0], [0.0, 1.0, 2.0], np.zeros((2, 2)), [0.0, np.nan], [0.0, np.inf], [0.0, 1e300], ["0", "1"], [0j, 1j]],
)
def test_a_table_that_is_no_game_is_refused(table: Any) -> None:
    for function in (shapley_values, banzhaf_values, dividends, lambda v: excess(v, [1.0])):
        with pytest.raises(AttributionError) as caught:
            function(table)
        assert caught.value.codes == ("ATTR-007",)


def test_refusals_of_rules() -> None:
    cases: list[tuple[str, Callable[[], Any]]] = [
        ("ATTR-002", lambda: rule_values(TABLE, "dose_split")),
        ("ATTR-004", lambda: rule_values(random_game(13), "shapley")),
        ("ATTR-007", lambda: rule_values(TABLE, "dose_split", record=[1.0, 2.0])),
        ("ATTR-007", lambda: stable(TABLE, [1.0, 2.0])),
        ("ATTR-007", lambda: excess(TABLE, [1.0, 2.0, np.nan])),
    ]
    for code, run in cases:
        with pytest.raises(AttributionError) as caught:
            run()
        assert caught.value.codes == (code,)
