"""Pairs of least total distance: held against dense assignment and every permutation, with calipers, blocks and ties."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from counterfoil.estimators.matching.candidates import Candidates, Side, nearest_candidates
from counterfoil.estimators.matching.optimal_pairs import optimal_pairs, total_distance
from counterfoil.estimators.matching.ratio_limits import Limits, limited_matching, within_limits

FAR = 1e6


def sides(seed: int, rows: int, columns: int, dimensions: int = 1, coarse: bool = False) -> tuple[Side, Side]:
    rng = np.random.default_rng(seed)
    points = [rng.normal(size=(count, dimensions)) for count in (rows, columns)]
    if coarse:
        points = [np.round(2 * side) for side in points]
    one, other = (Side(side, rng.integers(0, 2, len(side)), side[:, :1]) for side in points)
    return one, other


def allowed(focal: Side, partner: Side, caliper: float) -> np.ndarray:
    """Return distances of those who may be matched, and one beyond all others elsewhere."""
    assert focal.blocks is not None
    assert partner.blocks is not None
    distance = np.asarray(cdist(focal.points, partner.points))
    distance[np.abs(focal.points[:, :1] - partner.points[:, :1].T) > caliper] = FAR
    distance[focal.blocks[:, None] != partner.blocks] = FAR
    return distance


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9), st.integers(1, 3), st.booleans())
def test_pairs_are_the_most_and_the_cheapest_that_there_are(
    seed: int, rows: int, columns: int, dimensions: int, coarse: bool
) -> None:
    focal, partner = sides(seed, rows, columns, dimensions, coarse)
    near = nearest_candidates(focal, partner, np.array([0.8]))
    chosen = optimal_pairs(near)
    dense = allowed(focal, partner, 0.8)
    i, j = linear_sum_assignment(dense)
    there = dense[i, j] < FAR
    assert len(chosen) == there.sum()
    assert total_distance(near, chosen) == pytest.approx(dense[i, j][there].sum(), abs=1e-8)
    assert len(set(near.partner[chosen].tolist())) == len(chosen)


@pytest.mark.parametrize("seed", range(5))
def test_pairs_beat_every_permutation(seed: int) -> None:
    focal, partner = sides(seed, 5, 6, 2)
    near = nearest_candidates(Side(focal.points), Side(partner.points))
    distance = cdist(focal.points, partner.points)
    best = min(distance[range(5), list(order)].sum() for order in permutations(range(6), 5))
    assert total_distance(near, optimal_pairs(near)) == pytest.approx(best)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 6), st.integers(2, 14), st.integers(2, 3))
def test_several_partners_are_a_cheapest_flow(seed: int, rows: int, columns: int, ratio: int) -> None:
    focal, partner = sides(seed, rows, columns)
    near = nearest_candidates(Side(focal.points), Side(partner.points), ratio=ratio)
    if columns < rows * ratio:
        return
    chosen = optimal_pairs(near, ratio)
    assert (np.bincount(near.focal[chosen], minlength=rows) == ratio).all()
    flow = within_limits(near, Limits((ratio, ratio), (0, 1)))[0]
    assert total_distance(near, chosen) == pytest.approx(total_distance(near, flow))


def test_people_come_before_second_partners() -> None:
    """Two focal people share two partners, one of whom the second alone cannot reach: each gets one."""
    near = Candidates(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([0.1, 0.1, 9.0]), (2, 2))
    chosen = optimal_pairs(near, 2)
    assert near.focal[chosen].tolist() == [0, 1]
    assert near.partner[chosen].tolist() == [0, 1]


@pytest.mark.parametrize("ratio", [1, 3])
def test_the_nearest_few_suffice(ratio: int) -> None:
    focal, partner = sides(3, 12, 90, 3)
    focal, partner = Side(focal.points + 2), Side(partner.points)
    few, every = (nearest_candidates(focal, partner, ratio=count) for count in (ratio, 90))
    assert len(few.focal) == 12 * 12 * ratio < len(every.focal)
    assert few.complete
    totals = [total_distance(near, optimal_pairs(near, ratio)) for near in (few, every)]
    assert totals[0] == pytest.approx(totals[1])


def test_a_list_that_is_cut_says_so_and_still_matches_everybody() -> None:
    focal, partner = sides(3, 100, 400)
    one, other = Side(focal.points + 2), Side(partner.points)
    cut, every = (nearest_candidates(one, other, most=most) for most in (3_000, 40_000))
    assert (cut.complete, every.complete) == (False, True)
    chosen = optimal_pairs(cut)
    assert len(chosen) == 100
    best = total_distance(every, optimal_pairs(every))
    assert best <= total_distance(cut, chosen) < 1.5 * best


def test_a_variable_number_of_partners_beats_a_fixed_one() -> None:
    focal, partner = sides(8, 20, 60, 2)
    one, other = Side(focal.points + 1), Side(partner.points)
    near = nearest_candidates(one, other, ratio=5)
    fixed, varying = optimal_pairs(near, 2), within_limits(near, Limits((1, 5), (0, 1), total=40))[0]
    assert len(fixed) == len(varying) == 40
    assert total_distance(near, varying) < total_distance(near, fixed)
    many = np.bincount(near.focal[varying], minlength=20)
    assert many.min() >= 1
    assert many.max() <= 5


@pytest.mark.parametrize("limits", [Limits((1, 4), (0, 1), 120), Limits((1, 5), (1, 5))])
def test_pairs_taken_in_by_their_prices_make_the_best_match_of_all(limits: Limits) -> None:
    focal, partner = sides(9, 60, 200)
    one, other = Side(focal.points + 1), Side(partner.points)
    near, chosen = limited_matching(one, other, None, limits, first=500)
    every, best = limited_matching(one, other, None, limits)
    assert near.complete
    assert len(near.focal) < len(every.focal) == 12_000
    assert total_distance(near, chosen) == pytest.approx(total_distance(every, best), rel=1e-6)


def test_optimal_pairs_are_never_further_in_sum_than_greedy_ones() -> None:
    for seed in range(20):
        focal, partner = sides(seed, 15, 25)
        distance = cdist(focal.points, partner.points)
        greedy, free = 0.0, np.ones(25, dtype=bool)
        for row in distance:
            j = int(np.argmin(np.where(free, row, np.inf)))
            greedy, free[j] = greedy + row[j], False
        near = nearest_candidates(Side(focal.points), Side(partner.points))
        assert total_distance(near, optimal_pairs(near)) <= greedy + 1e-8


def test_nobody_near_is_no_match() -> None:
    near = nearest_candidates(
        Side(np.zeros((2, 1)), marks=np.zeros((2, 1))), Side(np.ones((3, 1)), marks=np.ones((3, 1))), np.array([0.5])
    )
    assert len(optimal_pairs(near)) == 0
