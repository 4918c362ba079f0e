"""Neighbours on a line: every pair is that of a search through everybody, ties and order included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from counterfoil.estimators.matching.line import grid, reach_of, sweep, windows

Ints = NDArray[np.int64]


def every_pair(focal: Ints, partners: Ints, limit: int, rounds: int, order: Ints) -> list[tuple[int, int]]:
    """Look through all free partners at every turn; the first by position of those equally near is taken."""
    free = np.ones(len(partners), dtype=bool)
    found, turn = [], order.tolist()
    for _ in range(rounds):
        had = []
        for person in turn:
            far = np.where(free, np.abs(partners - focal[person]), np.iinfo(np.int64).max)
            nearest = int(far.argmin()) if len(far) else 0
            if len(far) and far[nearest] <= limit:
                free[nearest] = False
                found.append((person, nearest))
                had.append(person)
        turn = had
    return found


def pairs(focal: Ints, partners: Ints, limit: int, rounds: int, order: Ints) -> list[tuple[int, int]]:
    chooser, chosen, _ = sweep(focal, partners, limit, rounds, order)
    return list(zip(chooser.tolist(), chosen.tolist(), strict=True))


def scores(n: int, seed: int = 5, tied: bool = False) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    place = rng.normal(size=n)
    treated = rng.random(n) < 1 / (1 + np.exp(1.0 - place))
    return np.round(place, 2) if tied else place, treated


@pytest.mark.parametrize("caliper", [0.0001, 0.2, None])
@pytest.mark.parametrize("blocks", [1, 7])
@pytest.mark.parametrize("tied", [False, True])
def test_greedy_pairs_of_20000_people(caliper: float | None, blocks: int, tied: bool) -> None:
    place, treated = scores(20_000, tied=tied)
    block = np.random.default_rng(1).integers(0, blocks, len(place))
    keys, limit = grid(place, block, caliper)
    focal, partners = keys[treated], keys[~treated]
    order = np.argsort(-place[treated], kind="stable")
    assert pairs(focal, partners, limit, 1, order) == every_pair(focal, partners, limit, 1, order)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=2, max_size=30),
    st.integers(0, 5),
    st.integers(1, 4),
)
def test_any_ties_any_order_any_ratio(people: list[tuple[int, bool]], limit: int, rounds: int) -> None:
    place = np.array([key for key, _ in people], dtype=np.int64)
    treated = np.array([group for _, group in people])
    focal, partners = place[treated], place[~treated]
    order = np.random.default_rng(len(people)).permutation(len(focal))
    assert pairs(focal, partners, limit, rounds, order) == every_pair(focal, partners, limit, rounds, order)


@pytest.mark.parametrize(("caliper", "count", "least"), [(None, 1, 1), (0.001, 3, 1), (0.05, 5, 2), (None, 5, 1)])
@pytest.mark.parametrize("tied", [False, True])
def test_neighbours_used_again(caliper: float | None, count: int, least: int, tied: bool) -> None:
    place, treated = scores(4_000, tied=tied)
    block = np.random.default_rng(1).integers(0, 3, len(place))
    keys, limit = grid(place, block, caliper)
    by_key, low, sizes = windows(keys[treated], keys[~treated], limit, count, least)
    for person, key in enumerate(keys[treated].tolist()):
        far = np.abs(keys[~treated] - key)
        wanted = np.flatnonzero(far <= min(np.partition(far, count - 1)[count - 1], limit))
        wanted = wanted if len(wanted) >= least else wanted[:0]
        assert np.sort(by_key[low[person] : low[person] + sizes[person]]).tolist() == wanted.tolist()


def test_ties_are_counted() -> None:
    """Two at one place, and two on either side."""
    assert sweep(np.array([5]), np.array([5, 5]), 9)[2] == 1
    assert sweep(np.array([5]), np.array([4, 6]), 9)[2] == 1
    assert sweep(np.array([5]), np.array([4, 7]), 9)[2] == 0


def test_blocks_never_meet_and_nothing_overflows() -> None:
    keys, limit = grid(np.array([-40.0, 40.0, -40.0, 40.0]), np.array([0, 0, 100_000, 100_000]))
    assert limit == 80 * 10**9
    assert (np.diff(np.sort(keys)) > limit).sum() == 1


def test_nobody_to_choose_from() -> None:
    nobody = np.empty(0, dtype=np.int64)
    assert [len(part) for part in sweep(np.array([1]), nobody, 9)[:2]] == [0, 0]
    assert windows(np.array([1]), nobody, 9)[2].tolist() == [0]
    assert reach_of(np.array([3]), np.array([1, 9]), 5).tolist() == [6]
