"""Full matching: stars that hold everybody, at a total distance that a linear programme and every cover agree on."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.estimators.matching.candidates import Candidates, Side, cover_candidates, near_candidates
from counterfoil.estimators.matching.full_matching import full_matching, star_codes, stars
from counterfoil.estimators.matching.optimal_pairs import total_distance
from counterfoil.estimators.matching.ratio_limits import Limits, within_limits


def sides(seed: int, rows: int, columns: int, dimensions: int, coarse: bool = False) -> tuple[Side, Side]:
    rng = np.random.default_rng(seed)
    points = [rng.normal(size=(count, dimensions)) for count in (rows, columns)]
    one, other = (Side(np.round(2 * side) if coarse else side) for side in points)
    return one, other


def assert_stars(near: Candidates, chosen: np.ndarray) -> None:
    loads = [np.bincount(side[chosen]) for side in (near.focal, near.partner)]
    several = [load[side[chosen]] > 1 for load, side in zip(loads, (near.focal, near.partner), strict=True)]
    assert not (several[0] & several[1]).any()


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 8), st.integers(1, 8), st.integers(1, 3), st.booleans())
def test_a_full_matching_is_the_cheapest_cover(
    seed: int, rows: int, columns: int, dimensions: int, coarse: bool
) -> None:
    focal, partner = sides(seed, rows, columns, dimensions, coarse)
    near, every = cover_candidates(focal, partner), near_candidates(focal, partner)
    chosen = full_matching(near)
    programme = within_limits(every, Limits((1, columns), (1, rows)))[0]
    assert total_distance(near, chosen) == pytest.approx(total_distance(every, programme), abs=1e-7)
    assert_stars(near, chosen)
    codes = star_codes(near, chosen)
    assert min(side.min() for side in codes) == 0
    assert set(codes[0].tolist()) == set(codes[1].tolist())


@pytest.mark.parametrize("seed", range(6))
def test_no_set_of_pairs_covers_everybody_for_less(seed: int) -> None:
    focal, partner = sides(seed, 3, 4, 2)
    near = near_candidates(focal, partner)
    covers = [
        near.distance[list(edges)].sum()
        for count in range(4, 8)
        for edges in combinations(range(12), count)
        if len(set(near.focal[list(edges)])) == 3 and len(set(near.partner[list(edges)])) == 4
    ]
    assert total_distance(near, full_matching(near)) == pytest.approx(min(covers))


@pytest.mark.parametrize("limit", [2, 3])
def test_limits_are_kept_and_cost_something(limit: int) -> None:
    focal, partner = sides(4, 20, 35, 1)
    near = near_candidates(Side(focal.points + 1), partner)
    free, bound = full_matching(near), stars(near, within_limits(near, Limits((1, limit), (1, limit)))[0])
    for side, size in zip((near.focal, near.partner), near.size, strict=True):
        load = np.bincount(side[bound], minlength=size)
        assert load.min() == 1
        assert load.max() <= limit
    assert_stars(near, bound)
    assert total_distance(near, free) < total_distance(near, bound)


def test_limits_that_leave_somebody_out_leave_out_as_few_as_can_be() -> None:
    near = near_candidates(Side(np.zeros((1, 1))), Side(np.arange(5.0)[:, None]))
    chosen = within_limits(near, Limits((1, 3), (1, 3)))[0]
    assert near.partner[chosen].tolist() == [0, 1, 2]


def test_people_alike_in_everything_are_spread_over_sets() -> None:
    near = cover_candidates(Side(np.zeros((10, 1))), Side(np.zeros((30, 1))))
    sizes = [np.bincount(codes) for codes in star_codes(near, full_matching(near))]
    assert sizes[0].tolist() == [1] * 10
    assert sizes[1].tolist() == [3] * 10


def test_a_caliper_leaves_people_in_no_set() -> None:
    one, other = (Side(points, marks=points) for points in (np.array([[0.0], [9.0]]), np.array([[0.1], [0.2]])))
    near = cover_candidates(one, other, np.array([0.5]))
    codes = star_codes(near, full_matching(near))
    assert [side.tolist() for side in codes] == [[0, -1], [0, 0]]


def test_one_block_never_meets_another() -> None:
    rng = np.random.default_rng(5)
    one, other = (Side(rng.normal(size=(count, 1)), rng.integers(0, 3, count)) for count in (30, 40))
    near = cover_candidates(one, other)
    chosen = full_matching(near)
    assert one.blocks is not None
    assert other.blocks is not None
    assert (one.blocks[near.focal[chosen]] == other.blocks[near.partner[chosen]]).all()
