"""Sets of people alike: bins, merged words, blanks, quantiles of the score, and sets that lack a group."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.errors import ContractError
from counterfoil.estimators.matching.coarsened_exact import merged, value_codes
from counterfoil.estimators.matching.cuts import bin_codes
from counterfoil.estimators.matching.matches import Strata
from counterfoil.estimators.matching.strata import joint_codes, set_sizes, thin_sets, with_both_groups
from counterfoil.estimators.matching.subclassification import joined, subclasses


@pytest.mark.parametrize(("rule", "name"), [("sturges", "sturges"), ("freedman_diaconis", "fd")])
def test_bins_are_numpys(rule: str, name: str) -> None:
    values = np.random.default_rng(0).normal(size=500)
    edges = np.histogram_bin_edges(values, bins=name)
    found = bin_codes(pd.Series(values), rule)  # type: ignore[arg-type]
    assert np.bincount(found)[1:].tolist() == np.histogram(values, edges)[0].tolist()


def test_quartiles_hold_a_quarter_each() -> None:
    values = pd.Series(np.random.default_rng(1).normal(size=400))
    assert np.abs(np.bincount(bin_codes(values, "quartiles"))[1:] - 100).max() <= 1


def test_blanks_have_a_bin_of_their_own() -> None:
    assert bin_codes(pd.Series([1.0, np.nan, 3.0]), (2.0,)).tolist() == [1, 0, 2]
    assert value_codes(pd.Series(["b", None, "a"])).tolist() == [2, 0, 1]


@pytest.mark.parametrize("cut", ["sturges", "freedman_diaconis", "quartiles", 4])
def test_a_constant_is_one_bin(cut: object) -> None:
    assert len(set(bin_codes(pd.Series([5.0] * 20), cut).tolist())) == 1  # type: ignore[arg-type]


def test_far_values_make_no_more_bins_than_people() -> None:
    values = pd.Series([*np.linspace(0, 1, 50), 1e12])
    assert bin_codes(values, "freedman_diaconis").max() <= 51


def test_a_word_that_is_not_there_is_refused() -> None:
    with pytest.raises(ContractError, match=r"CONTRACT-016.*did you mean 'north'"):
        merged(pd.Series(["north", "south"]), {"cold": ("norht",)}, "site")


def test_many_columns_of_many_levels_stay_apart() -> None:
    rng = np.random.default_rng(2)
    columns = [rng.integers(0, 50, 300).astype(np.intp) for _ in range(30)]
    codes = joint_codes(columns, 300)
    assert len(np.unique(codes)) == len(np.unique(np.column_stack(columns), axis=0))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_every_set_holds_both_groups(seed: int, many: int) -> None:
    rng = np.random.default_rng(seed)
    codes, group = rng.integers(0, many, 12), rng.integers(0, 2, 12)
    sets = with_both_groups(codes, group)
    assert (sets[[len(set(group[codes == code])) < 2 for code in codes]] == -1).all()
    strata = Strata(sets, group, group == 1, np.ones(12))
    if (sets >= 0).any():
        assert set_sizes(strata).min() >= 1
    whole = joined(np.unique(codes, return_inverse=True)[1], group)
    if 0 < group.sum() < 12:
        assert (with_both_groups(whole, group) == whole).all()


def test_sets_on_few_people_are_told_of() -> None:
    group = np.array([1] + [0] * 20 + [1, 0])
    sets = np.array([0] * 21 + [1, 1])
    problems = thin_sets(Strata(sets, group, group == 1, np.ones(23)))
    assert [problem.code for problem in problems] == ["EST-004"]
    assert "1 of them on a single person" in problems[0].what
    assert thin_sets(Strata(np.zeros(40, dtype=np.intp), np.arange(40) % 2, np.ones(40, dtype=bool), np.ones(40))) == ()


def test_quantiles_are_of_the_focal_people() -> None:
    rng = np.random.default_rng(3)
    score, focal = rng.random(1_000), np.arange(1_000) < 200
    sets = subclasses(score, focal, 5)
    assert np.bincount(sets[focal]).tolist() == [40] * 5
    assert (np.diff(sets[np.argsort(score)]) >= 0).all()


def test_equal_scores_are_in_one_set() -> None:
    score = np.repeat([0.2, 0.5], 50)
    assert subclasses(score + np.tile([0.0, 1e-16], 50), np.ones(100, dtype=bool), 5).tolist() == [0] * 50 + [1] * 50
