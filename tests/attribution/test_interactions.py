"""Pairs that reinforce each other or are redundant, held against known joint effects and the game's dividends."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution.interactions import interactions
from counterfoil.attribution.of_sets import PairInteraction
from counterfoil.estimators import Contribution


def shared(seed: int = 0, size: int = 4_000) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    served = rng.random((size, 3)) < 0.5
    joint = 0.8 * served[:, 0] * served[:, 1] - 0.7 * served[:, 1] * served[:, 2]
    frame = pd.DataFrame(served.astype(int), columns=["a", "b", "c"])
    return frame.assign(y=served @ [0.3, 0.4, 0.5] + joint + rng.normal(size=size), site=np.arange(size) % 80)


def found(**terms: Any) -> Any:
    spec = {"outcome": "y", "providers": ("a", "b", "c"), "model": "pairwise", **terms}
    return interactions(Contribution.model_validate(spec).fit(shared()))


@pytest.mark.parametrize("terms", [{}, {"model": "saturated"}, {"cluster": "site"}])
def test_reinforcing_and_redundant_pairs_are_told(terms: dict[str, str]) -> None:
    report = found(**terms)
    table = report.tidy().set_index(["provider", "other"])
    assert table.loc[("a", "b"), "verdict"] == "reinforce"
    assert table.loc[("b", "c"), "verdict"] == "redundant"
    assert table.loc[("a", "c"), "verdict"] == "cannot tell"
    truth = {("a", "b"): 0.8, ("b", "c"): -0.7, ("a", "c"): 0.0}
    for pair, value in truth.items():
        assert table.loc[pair, "conf_low"] <= value <= table.loc[pair, "conf_high"]
    assert report.p_value < 1e-6


def test_where_lower_is_better_the_words_turn() -> None:
    fit = Contribution(outcome="y", providers=("a", "b", "c"), model="pairwise").fit(shared())
    table = interactions(fit, better="lower").tidy().set_index(["provider", "other"])
    assert table.loc[("a", "b"), "verdict"] == "redundant"


def test_pairwise_interaction_is_the_pair_coefficient() -> None:
    fit = Contribution(outcome="y", providers=("a", "b", "c"), model="pairwise").fit(shared())
    report = interactions(fit)
    slopes = dict(zip(fit.surface.terms, fit.surface.slopes[:, 0], strict=True))
    np.testing.assert_allclose(report.estimate.values, [slopes[0, 1], slopes[0, 2], slopes[1, 2]], atol=1e-12)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_both_forms_agree_and_are_the_index_of_a_game(size: int) -> None:
    members = tuple(range(size))
    pairs = tuple((j, k) for j in members for k in members if j < k)
    rule = PairInteraction(pairs)
    v = np.random.default_rng(size).normal(size=1 << size)
    index = rule.weights(members) @ v
    from math import factorial

    for row, (j, k) in enumerate(pairs):
        rest = [m for m in members if m not in (j, k)]
        total = 0.0
        for mask in range(1 << len(rest)):
            s = sum(1 << rest[r] for r in range(len(rest)) if mask >> r & 1)
            count = (mask).bit_count()
            weight = factorial(count) * factorial(size - count - 2) / factorial(size - 1)
            total += weight * (v[s | 1 << j | 1 << k] - v[s | 1 << j] - v[s | 1 << k] + v[s])
        assert index[row] == pytest.approx(total, abs=1e-12)


def test_for_future_people_who_shares_whom_moves_the_fraction_too() -> None:
    # With pairs only the index per person who had both is a coefficient, whoever those people are.
    cohort, future = found(target="sample").estimate, found(target="population").estimate
    np.testing.assert_allclose(future.values, cohort.values, atol=1e-12)
    np.testing.assert_allclose(future.cov(), cohort.cov(), atol=1e-14)
