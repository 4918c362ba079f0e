"""Whether the two groups have people in common to compare: how far a few people carry a whole group's weight.

A comparison is weak where a group's weights make it as small as a handful of people (effective size (Σw)²/Σw², Kish 1965), where
one person carries a large part of it, or where people to be compared have scores that nobody of the other group has.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray

FEW: Final = 30
"""Effective people of a group below which a comparison is called weak, where the group has more."""
HEAVY: Final = 0.05
"""Part of a group's weight beyond which one person carries too much of it."""
OUTSIDE: Final = 0.01
"""Part of the people to be compared that may have scores beyond the other group's."""


def effective_size(weights: FloatArray) -> FloatArray:
    """Return (Σw)²/Σw² of each column of weights (n, k), shape (k,); zero where all weights are.

    Examples
    --------
    >>> effective_size(np.array([[1.0, 4.0], [1.0, 0.0], [1.0, 0.0], [1.0, 4.0]])).tolist()
    [4.0, 2.0]
    """
    return np.asarray(weights.sum(axis=0) ** 2 / np.maximum((weights**2).sum(axis=0), 1e-300))


def weak_overlap(
    sample: ComparisonSample, balancing: FloatArray, score: Score | None, estimand: Estimand
) -> tuple[Problem, ...]:
    """Return EST-004 for every sign of weak overlap, with counts and without anybody's weight.

    Parameters
    ----------
    sample : ComparisonSample
    balancing : ndarray, shape (n, k)
        Weights of each term's two groups.
    score : Score or None
    estimand : str
        Whose scores ought to have neighbours in the other group: of the treated, the untreated, or both.
    """
    found: list[str] = []
    for column, code, term in zip(balancing.T, sample.arms.chosen, sample.terms, strict=True):
        words = ("the untreated", "the treated" if term == "gain" else term)
        members = (sample.of(0), sample.of(code))
        for who, member in zip(words, members, strict=True):
            found += _thin(column[member], who)
        if score is not None:
            found += _beyond(score, code, members, words, estimand)
    return tuple(Problem("EST-004", what, "estimator") for what in dict.fromkeys(found))


def _thin(weights: FloatArray, who: str) -> Iterator[str]:
    size = float(effective_size(weights[:, None])[0])
    if size < min(FEW, len(weights) / 2):
        yield f"with their weights {who} count as {shown(round(size))} people of {shown(len(weights))}"
    heavy = int((weights > HEAVY * weights.sum()).sum())
    if heavy and len(weights) > 2 / HEAVY:
        many = f"{shown(heavy)} of {who} carry" if heavy > 1 else f"one of {who} carries"
        yield f"{many} more than {HEAVY:.0%} of the weight of {shown(len(weights))} people each"


def _beyond(
    score: Score, code: int, members: tuple[NDArray[np.bool_], NDArray[np.bool_]], words: tuple[str, str], estimand: str
) -> Iterator[str]:
    chance = score.chance[:, code] / (score.chance[:, code] + score.chance[:, 0])
    ranges = [(chance[member].min(), chance[member].max()) for member in members]
    asked = {"att": (1,), "atc": (0,), "ate": (0, 1)}.get(estimand, ())
    for side in asked:
        low, high = ranges[1 - side]
        own = chance[members[side]]
        outside = int(((own < low) | (own > high)).sum())
        if outside > OUTSIDE * len(own):
            yield f"{shown(outside)} of {words[side]} have a chance of treatment that none of {words[1 - side]} has"
