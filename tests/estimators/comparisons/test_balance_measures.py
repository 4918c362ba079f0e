"""Measures of balance against scipy, numpy, replication of people, and sums written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ks_2samp, norm

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.balance import weighted_difference
from counterfoil.estimators.comparisons.balance_measures import Balance, balance_of
from counterfoil.estimators.comparisons.set_weights import weights_of_sets

FIGURES = ("smd", "variance_ratio", "ks", "overlap")


def people(seed: int, n: int = 90) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    treated = rng.random(n) < 0.4
    treated[:2] = True, False
    columns = np.column_stack(
        [rng.normal(size=n) + treated, rng.integers(0, 6, n), rng.integers(0, 2, n), np.maximum(rng.normal(size=n), 0)]
    )
    return columns, treated, rng.integers(0, 4, n) + 1.0 * (np.arange(n) < 2)


def figures(found: Balance) -> NDArray[np.float64]:
    parts = [getattr(stage, name) for stage in (found.before, found.after) for name in FIGURES]
    return np.asarray(np.nan_to_num(np.array(parts), nan=-1.0))


@pytest.mark.parametrize("seed", range(5))
def test_distances_and_variances_without_weights_are_those_of_scipy_and_numpy(seed: int) -> None:
    columns, treated, _ = people(seed)
    found = balance_of(columns, treated, unit_of="treated").before
    for j, column in enumerate(columns.T):
        assert found.ks[j] == pytest.approx(ks_2samp(column[treated], column[~treated]).statistic, abs=1e-12)
        spread = column[treated].std(ddof=1)
        assert found.smd[j] == pytest.approx((column[treated].mean() - column[~treated].mean()) / spread, abs=1e-12)
        if j != 2:
            ratio = column[treated].var(ddof=1) / column[~treated].var(ddof=1)
            assert found.variance_ratio[j] == pytest.approx(ratio)
    assert np.isnan(found.variance_ratio[2])


@pytest.mark.parametrize("seed", range(5))
def test_whole_weights_are_people_counted_several_times(seed: int) -> None:
    columns, treated, weights = people(seed)
    found = balance_of(columns, treated, weights).after
    times = weights.astype(int)
    many, side = np.repeat(columns, times, axis=0), np.repeat(treated, times)
    for j, column in enumerate(many.T):
        assert found.ks[j] == pytest.approx(ks_2samp(column[side], column[~side]).statistic, abs=1e-12)
        assert found.treated[j] == pytest.approx(column[side].mean())
        if j != 2:
            parts = []
            for group in (True, False):
                own = times[treated == group] / times[treated == group].sum()
                parts.append(column[side == group].var() / (1 - own @ own))
            assert found.variance_ratio[j] == pytest.approx(parts[0] / parts[1])


def test_the_share_in_common_is_that_of_the_distributions() -> None:
    rng = np.random.default_rng(2)
    n = 200_000
    treated = np.arange(n) < n // 2
    for shift in (0.0, 0.5, 1.0, 3.0):
        column = rng.normal(size=n) + shift * treated
        # Two normal distributions a shift apart have 2Φ(−shift/2) in common; cutting into tenths can only hide a little.
        exact = 2 * norm.cdf(-shift / 2)
        found = balance_of(column[:, None], treated).before.overlap[0]
        assert exact - 0.005 < found < exact + 0.02


@pytest.mark.parametrize("seed", range(4))
def test_the_share_in_common_counted_part_by_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 600
    treated = rng.random(n) < 0.4
    column, weights = np.round(rng.normal(size=n) + treated, 1), rng.random(n)
    found = balance_of(column[:, None], treated, weights)
    # Tenths of both groups together, each counting a half: the smallest value up to which there is that much.
    below = [(np.mean(column[treated] <= at) + np.mean(column[~treated] <= at)) / 2 for at in np.unique(column)]
    cuts = np.unique(column)[[int(np.argmax(np.array(below) >= k / 10 - 1e-9)) for k in range(1, 10)]]
    part = np.searchsorted(cuts, column)
    for stage, weight in ((found.before, np.ones(n)), (found.after, weights)):
        shares = [
            [weight[side & (part == k)].sum() / weight[side].sum() for k in range(10)] for side in (treated, ~treated)
        ]
        assert stage.overlap[0] == pytest.approx(np.minimum(*np.array(shares)).sum())


def test_nothing_in_common() -> None:
    column = np.concatenate([np.arange(50.0), 100 + np.arange(50.0)])
    found = balance_of(column[:, None], np.arange(100) < 50)
    assert (found.before.overlap[0], found.before.ks[0]) == pytest.approx((0.0, 1.0))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-6, 1e9), st.floats(-1e3, 1e3))
def test_neither_units_nor_the_order_of_rows_matter(seed: int, scale: float, shift: float) -> None:
    columns, treated, weights = people(seed)
    columns = columns[:, [0, 1, 3]]
    order = np.random.default_rng(seed).permutation(len(treated))
    expected = figures(balance_of(columns, treated, weights))
    moved = balance_of(scale * (columns[order] + shift), treated[order], weights[order] * scale)
    assert figures(moved) == pytest.approx(expected, rel=1e-6, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_swapping_the_groups_turns_the_sign(seed: int) -> None:
    columns, treated, weights = people(seed)
    one, other = balance_of(columns, treated, weights), balance_of(columns, ~treated, weights)
    assert np.allclose(one.after.smd, -other.after.smd)
    assert np.allclose(one.after.ks, other.after.ks)
    assert np.allclose(one.after.overlap, other.after.overlap)


def test_small_integers_do_not_overflow() -> None:
    ages = np.tile(np.array([100, 120, 90, 110], dtype="int8"), 10)[:, None]
    treated = np.arange(40) % 4 < 2
    assert np.array_equal(figures(balance_of(ages, treated)), figures(balance_of(ages.astype(float), treated)))


def test_a_far_origin_costs_no_digits() -> None:
    columns, treated, weights = people(1)
    far = balance_of(columns[:, :1] + 1e9, treated, weights)
    assert far.after.smd == pytest.approx(balance_of(columns[:, :1], treated, weights).after.smd, rel=1e-6)


def test_the_unit_of_a_group_with_one_value_is_another_and_named() -> None:
    treated = np.arange(40) < 20
    only = np.where(treated, 1.0, np.arange(40) % 2)
    split, same = np.where(treated, 3.0, 4.0), np.full(40, 7.1)
    found = balance_of(np.column_stack([only, split, same]), treated, unit_of="treated")
    assert found.unit_of == ("pooled", "everybody", "none")
    assert found.before.smd[2] == 0.0
    assert np.isfinite(found.before.smd).all()


def test_weights_of_sets_are_those_of_subclasses() -> None:
    sets = np.array([0, 0, 0, 1, 1, 1, 1, -1])
    treated = np.array([1, 0, 0, 1, 1, 1, 0, 0], dtype=bool)
    assert weights_of_sets(sets, treated).tolist() == [1, 0.5, 0.5, 1, 1, 1, 3, 0]
    assert weights_of_sets(sets, treated, "atc").tolist() == [2, 1, 1, 1 / 3, 1 / 3, 1 / 3, 1, 0]
    assert weights_of_sets(sets, treated, "ate").tolist() == [3, 1.5, 1.5, 4 / 3, 4 / 3, 4 / 3, 4, 0]
    exact = np.column_stack([sets * 2.5])
    assert balance_of(exact, treated, weights_of_sets(sets, treated)).after.smd[0] == pytest.approx(0.0, abs=1e-12)


def test_weights_of_a_credit_have_the_balance_of_credits() -> None:
    columns, treated, weights = people(3)
    riesz = np.where(treated, 1.0, -1.0) * (weights + 0.5)
    found = balance_of(columns, riesz > 0, np.abs(riesz)).after
    assert weighted_difference(riesz[:, None], columns)[0] == pytest.approx(found.treated - found.untreated)


def test_nobody_of_a_group_is_refused() -> None:
    columns, treated, weights = people(4)
    for wrong in (np.where(treated, 0, weights), np.where(treated, weights, 0)):
        with pytest.raises(CounterfoilError, match="EST-015"):
            balance_of(columns, treated, wrong)
    with pytest.raises(CounterfoilError, match="EST-015"):
        weights_of_sets([0, 0, 1], [True, True, False])


@pytest.mark.parametrize(
    "arguments",
    [
        (np.ones((3, 1)), [True, False]),
        (np.array([[np.nan], [1.0]]), [True, False]),
        (np.ones((2, 1)), [True, False], [-1.0, 1.0]),
        (np.ones((2, 1)), [True, False], [np.inf, 1.0]),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments: tuple[NDArray[np.float64], list[bool]]) -> None:
    with pytest.raises(ValueError):
        balance_of(*arguments)
