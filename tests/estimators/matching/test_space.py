"""Neighbours by several covariates: every pair is that of a search through everybody."""

import numpy as np
import pytest
from numpy.typing import NDArray

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.matching import space
from counterfoil.estimators.matching.line import grid

Floats = NDArray[np.float64]


def people(n: int, digits: int, seed: int = 2) -> tuple[Floats, NDArray[np.bool_]]:
    rng = np.random.default_rng(seed)
    place = rng.normal(size=(n, 3))
    return np.round(place, digits), rng.random(n) < 1 / (1 + np.exp(0.5 - place[:, 0]))


@pytest.mark.parametrize("n", [40, 3_000])
@pytest.mark.parametrize("digits", [0, 1, 12])
@pytest.mark.parametrize("caliper", [None, 0.1])
@pytest.mark.parametrize("rounds", [1, 2])
def test_greedy_pairs(n: int, digits: int, caliper: float | None, rounds: int) -> None:
    place, treated = people(n, digits)
    keys, limit = grid(place[:, 0], None, caliper)
    window = None if caliper is None else (keys[treated], keys[~treated], limit)
    focal, partners = place[treated], place[~treated]
    order = np.random.default_rng(n).permutation(len(focal))
    chooser, chosen, _ = space.greedy(focal, partners, rounds, order, window)
    free, turn, wanted = np.ones(len(partners), dtype=bool), order.tolist(), []
    for _ in range(rounds):
        had = []
        for person in turn:
            far = np.rint(space.squared(focal[[person]], partners) * space.FINEST)
            near = free if window is None else free & (np.abs(window[1] - window[0][person]) <= limit)
            if near.any():
                best = int(np.where(near, far, np.inf).argmin())
                free[best] = False
                wanted.append((person, best))
                had.append(person)
        turn = had
    assert list(zip(chooser.tolist(), chosen.tolist(), strict=True)) == wanted


@pytest.mark.parametrize("digits", [0, 1, 12])
@pytest.mark.parametrize("caliper", [None, 0.1])
@pytest.mark.parametrize("count", [1, 4])
def test_neighbours_used_again_with_ties(digits: int, caliper: float | None, count: int) -> None:
    place, treated = people(1_000, digits)
    keys, limit = grid(place[:, 0], None, caliper)
    window = None if caliper is None else (keys[treated], keys[~treated], limit)
    focal, partners = place[treated], place[~treated]
    sizes, chosen, _ = space.neighbours(focal, partners, count, 1, window)
    first = 0
    for person in range(len(focal)):
        far = ((partners - focal[person]) ** 2).sum(axis=1)
        if window is not None:
            far = np.where(np.abs(window[1] - window[0][person]) <= limit, far, np.inf)
        last = np.sort(far[np.isfinite(far)])[:count]
        wanted = np.flatnonzero(far <= last[-1] + space.TIE) if len(last) else np.empty(0)
        assert chosen[first : first + sizes[person]].tolist() == wanted.tolist()
        first += sizes[person]


def test_distances_are_held_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    place, treated = people(600, 12)
    keys, limit = grid(place[:, 0], None, 0.2)
    window = (keys[treated], keys[~treated], limit)
    whole = space.neighbours(place[treated], place[~treated], 2, 1, window)
    monkeypatch.setattr(space, "ROWS", 50)
    parts = space.neighbours(place[treated], place[~treated], 2, 1, window)
    assert all((one == other).all() for one, other in zip(whole, parts, strict=True))


def test_more_tied_pairs_than_memory_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "MOST_ROWS", 99)
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        space.neighbours(np.zeros((10, 2)), np.zeros((10, 2)))
