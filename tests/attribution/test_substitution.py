"""Substitution: brute force over every choice of every absent provider's clients."""

import itertools
from functools import reduce
from operator import or_

import numpy as np
import pytest

from counterfoil.attribution import Shapley, rule_named
from counterfoil.attribution.substitution import CAUTION, substituted_game, substitution_credits

RNG = np.random.default_rng(12)
PATTERNS = np.array([0b000, 0b011, 0b101, 0b111])
MASS = np.array([0.4, 0.3, 0.2, 0.1])
MEANS = RNG.normal(size=(4, 8))
GOES = np.array([[0, 0.5, 0.3], [0.2, 0, 0.8], [0.1, 0.4, 0]])


def test_the_game_is_the_mean_over_all_choices() -> None:
    expected = np.zeros(8)
    for coalition, (row, pattern) in itertools.product(range(8), enumerate(PATTERNS.tolist())):
        absent = [j for j in range(3) if pattern >> j & 1 and not coalition >> j & 1]
        for choice in itertools.product([None, 0, 1, 2], repeat=len(absent)):
            chances = [1 - GOES[j].sum() if k is None else GOES[j, k] for j, k in zip(absent, choice, strict=True)]
            gained = reduce(or_, (1 << k for k in choice if k is not None), 0)
            expected[coalition] += MASS[row] * np.prod(chances) * MEANS[row, pattern & coalition | gained & coalition]
    np.testing.assert_allclose(substituted_game(PATTERNS, MASS, MEANS, GOES), expected - expected[0], atol=1e-12)


def test_without_substitution_it_is_the_packages_own_game_and_credits_always_sum_to_the_gain() -> None:
    credits = substitution_credits(PATTERNS, MASS, MEANS, GOES, Shapley())
    own = np.zeros(3)
    for pattern, share, mean in zip(PATTERNS.tolist(), MASS, MEANS, strict=True):
        members = tuple(j for j in range(3) if pattern >> j & 1)
        sets = [sum(1 << members[r] for r in range(len(members)) if b >> r & 1) for b in range(1 << len(members))]
        own[list(members)] += share * Shapley().weights(members) @ mean[sets]
    np.testing.assert_allclose(credits[0], own, atol=1e-12)
    gain = (MASS * (MEANS[range(4), PATTERNS] - MEANS[:, 0])).sum()
    np.testing.assert_allclose(credits.sum(axis=1), gain, atol=1e-12)
    np.testing.assert_allclose(substitution_credits(PATTERNS, MASS, MEANS, GOES, Shapley(), [1.0])[0],
                               Shapley().weights((0, 1, 2)) @ substituted_game(PATTERNS, MASS, MEANS, GOES), atol=1e-12)  # fmt: skip


def test_a_provider_that_served_nobody_earns_credit_only_by_substitution() -> None:
    credits = substitution_credits(
        np.array([0b01]), np.ones(1), np.array([[0, 0.4, 0.3, 0.5]]), GOES[:2, :2], Shapley()
    )
    assert credits[0, 1] == 0
    assert credits[1, 1] > 0
    assert "never served" in CAUTION


def test_refusals() -> None:
    for goes, message in ((GOES[:2], "are"), (GOES + np.eye(3), "chances"), (GOES * 2, "chances"), (-GOES, "chances")):
        with pytest.raises(ValueError, match=message):
            substituted_game(PATTERNS, MASS, MEANS, goes)
    with pytest.raises(ValueError, match="looks at 'dose'"):
        substitution_credits(PATTERNS, MASS, MEANS, GOES, rule_named("dose_split"))
