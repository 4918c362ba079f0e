"""Nearest-neighbour matching: one partner or several, used once or again, within a caliper and exact blocks.

Used once, people choose one after another (greedy matching; Rubin 1973); who comes first, and who is taken when several are as
near, is declared, so that the order of rows changes nothing. Used again, all who tie with the last partner are kept with equal
weight (Abadie and Imbens 2006, section 2).
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching import line, space
from counterfoil.estimators.matching.matches import Matches, Pairs, Positions
from counterfoil.estimators.matching.methods import Found, Request
from counterfoil.estimators.matching.metric import BY_SCORE
from counterfoil.estimators.matching.windows import Both, Windows

Order = Literal["largest", "smallest", "data", "random"]
MANY_TIES: Final = 0.01
"""Part of the pairs decided by ids beyond which a reader is told."""
MOST_ROWS: Final = 5_000_000
"""Matched rows beyond which people on a line are held as windows, not row by row."""


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Nearest neighbours.

    Parameters
    ----------
    matches : Matches
    ties : int
        With replacement, focal people who have more partners than asked for because they tie; without, choices between equally
        near partners that were decided by position.
    """

    matches: Matches
    ties: int


def match_nearest(
    treated: NDArray[np.bool_],
    places: FloatArray,
    *,
    estimand: Literal["att", "atc", "ate"] = "att",
    ratio: int = 1,
    min_ratio: int = 1,
    replace: bool = False,
    caliper: float | None = None,
    ruler: FloatArray | None = None,
    blocks: Positions | None = None,
    order: Order = "largest",
    seed: int = 0,
) -> Neighbours:
    """Match people to their nearest neighbours in the other group.

    Parameters
    ----------
    treated : ndarray of bool, shape (n,)
    places : ndarray, shape (n,) or (n, d)
        A score in standard deviations, or whitened covariates.
    estimand : {"att", "atc", "ate"}
        Whose counterparts are wanted.
    ratio, min_ratio : int
        Partners wanted, and without how many a person stays unmatched.
    replace : bool
        Whether somebody may be partner of several.
    caliper : float, optional
        Largest distance on the ruler.
    ruler : ndarray, shape (n,), optional
        What the caliper and the order go by; the places where they are scores.
    blocks : ndarray of int, shape (n,), optional
        Codes from 0: partners are of the same block.
    order : {"largest", "smallest", "data", "random"}
        Who chooses first where partners are used once: by the ruler, by position, or by lot. Without ruler: by position.
    seed : int
        Of the lot.

    Examples
    --------
    >>> found = match_nearest(np.array([True, True, False, False]), np.array([0.0, 1.0, 0.9, 5.0]))
    >>> found.matches.rows()[0].tolist(), found.matches.rows()[1].tolist()
    ([0, 1], [3, 2])
    >>> found = match_nearest(np.array([True, True, False, False]), np.array([0.0, 1.0, 0.9, 5.0]), replace=True)
    >>> found.matches.rows()[1].tolist()
    [2, 2]
    """
    if not replace and estimand == "ate":
        raise ValueError("everybody's effect by nearest neighbours needs replace=True")
    on_line = places.ndim == 1
    ruler = places if on_line else ruler
    keys, limit = (None, 0) if ruler is None else line.grid(ruler, blocks, caliper)
    sides = {"att": (True,), "atc": (False,), "ate": (True, False)}[estimand]
    parts: list[Matches] = []
    ties = 0
    for side in sides:
        focal, partners = np.flatnonzero(treated == side), np.flatnonzero(treated != side)
        if replace and on_line and keys is not None:
            found = Windows.nearest(len(treated), keys, focal, partners, limit, ratio, min_ratio)
            ties += found.ties
            parts.append(found if found.n_rows > MOST_ROWS else found.pairs(keys))
            continue
        turn = _turn(focal, ruler, order, seed)
        if on_line and keys is not None:
            chooser, chosen, tied = line.sweep(keys[focal], keys[partners], limit, ratio, turn)
        else:
            window = None if caliper is None or keys is None else (keys, limit)
            chooser, chosen, tied = _in_space(places, focal, partners, blocks, turn, ratio, min_ratio, window, replace)
        ties += tied
        distance = _distance(places, keys, focal[chooser], partners[chosen])
        parts.append(_pairs(len(treated), focal[chooser], partners[chosen], distance, min_ratio, replace))
    return Neighbours(_joined(parts), ties)


def nearest(request: Request) -> Found:
    """Return nearest neighbours as a spec asks for them; see `match_nearest`."""
    spec, sample = request.spec, request.sample
    on_line = spec.distance in BY_SCORE
    found = match_nearest(
        sample.of(1),
        request.places[:, 0] if on_line else request.places,
        estimand=spec.estimand,
        ratio=spec.ratio,
        min_ratio=spec.min_ratio,
        replace=spec.replace,
        caliper=spec.caliper,
        ruler=request.ruler,
        blocks=request.blocks if spec.exact else None,
        order=spec.order,
        seed=spec.seed,
    )
    made = int(found.matches.carried(np.ones(sample.n)).astype(bool).sum())
    warnings: tuple[Problem, ...] = ()
    if not spec.replace and found.ties > MANY_TIES * max(made, 1):
        what = f"{shown(found.ties)} of {shown(made)} choices were between people equally near, and the first by id was taken"
        warnings = (Problem("EST-044", what, "estimator"),)
    return Found(found.matches, {"ties": found.ties}, warnings)


def _turn(focal: Positions, ruler: FloatArray | None, order: Order, seed: int) -> Positions:
    """Return who chooses first, as positions among the focal people."""
    if order == "random":
        return np.random.default_rng(seed).permutation(len(focal))
    if order == "data" or ruler is None:
        return np.arange(len(focal))
    # On the grid: scores that differ by rounding only choose by position.
    keys = line.grid(ruler)[0][focal]
    return np.argsort(-keys if order == "largest" else keys, kind="stable")


def _in_space(
    places: FloatArray,
    focal: Positions,
    partners: Positions,
    blocks: Positions | None,
    turn: Positions,
    ratio: int,
    min_ratio: int,
    window: tuple[line.Keys, int] | None,
    replace: bool,
) -> tuple[Positions, Positions, int]:
    """Match block by block; return positions among the focal people and the partners, and the number of ties."""
    block = np.zeros(len(places), dtype=np.intp) if blocks is None else blocks
    ranks = np.empty(len(focal), dtype=np.intp)
    ranks[turn] = np.arange(len(focal))
    choosers, chosen, ties = [np.empty(0, dtype=np.intp)], [np.empty(0, dtype=np.intp)], 0
    for own, theirs in _by_block(block[focal], block[partners]):
        a, b = focal[own], partners[theirs]
        limits = None if window is None else (window[0][a], window[0][b], window[1])
        if replace:
            sizes, near, tied = space.neighbours(places[a], places[b], ratio, min_ratio, limits)
            choosers.append(np.repeat(own, sizes))
            ties += int((tied > 0).sum())
        else:
            who, near, count = space.greedy(places[a], places[b], ratio, np.argsort(ranks[own]), limits)
            choosers.append(own[who])
            ties += count
        chosen.append(theirs[near])
    return np.concatenate(choosers), np.concatenate(chosen), ties


def _by_block(focal: Positions, partners: Positions) -> list[tuple[Positions, Positions]]:
    """Return the positions of both sides in each block that has both."""
    if not len(focal) or not len(partners):
        return []
    count = max(int(focal.max()), int(partners.max())) + 1
    parts = []
    for side in (focal, partners):
        order = np.argsort(side, kind="stable")
        parts.append(np.split(order, np.cumsum(np.bincount(side, minlength=count))[:-1]))
    return [(own, theirs) for own, theirs in zip(*parts, strict=True) if len(own) and len(theirs)]


def _distance(places: FloatArray, keys: line.Keys | None, focal: Positions, partner: Positions) -> FloatArray:
    if places.ndim == 1 and keys is not None:
        return np.asarray(np.abs(keys[focal] - keys[partner]) / line.FINEST)
    return np.asarray(np.sqrt(space.squared(places[focal], places[partner])))


def _pairs(n: int, focal: Positions, partner: Positions, distance: FloatArray, min_ratio: int, replace: bool) -> Pairs:
    """Return rows in order of position, without people who have too few partners."""
    sizes = np.bincount(focal, minlength=n)
    enough = sizes[focal] >= min_ratio
    order = np.lexsort((partner[enough], focal[enough]))
    focal, partner, distance = focal[enough][order], partner[enough][order], distance[enough][order]
    sets = None
    if not replace:
        sets = np.full(n, -1, dtype=np.intp)
        sets[focal] = sets[partner] = np.cumsum(np.r_[True, focal[1:] != focal[:-1]]) - 1 if len(focal) else focal
    return Pairs(n, focal, partner, 1.0 / sizes[focal], distance, sets)


def _joined(parts: list[Matches]) -> Matches:
    """Join the two directions in which everybody is matched."""
    if len(parts) == 1:
        return parts[0]
    if any(isinstance(part, Windows) for part in parts):
        return Both(parts[0], parts[1])
    rows = [part.rows() for part in parts]
    focal, partner, weight, distance = (np.concatenate(columns) for columns in zip(*rows, strict=True))
    order = np.lexsort((partner, focal))
    return Pairs(parts[0].n, focal[order], partner[order], weight[order], distance[order])
