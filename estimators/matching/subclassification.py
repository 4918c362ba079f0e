"""Subclassification: people are compared within sets of similar chances of being treated.

The sets end at quantiles of the score among those whose effect is wanted. Five sets remove some nine tenths of the bias that a
covariate causes (Cochran 1968), and so leave a tenth: what remains is bias and not in the error, unless outcomes are adjusted within
sets as well. A set that lacks a group is joined with the one next to it, so that nobody is lost.

Sources: Cochran (1968), *The effectiveness of adjustment by subclassification*, Biometrics 24(2); Rosenbaum and Rubin (1984),
*Reducing bias in observational studies using subclassification on the propensity score*, JASA 79(387).
"""

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.matches import Positions, Strata
from counterfoil.estimators.matching.methods import Found, Request
from counterfoil.estimators.matching.strata import joint_codes, thin_sets, with_both_groups

SAME = 10
"""Decimal places to which chances are told apart, so that people alike are never on two sides of a quantile."""


def subclassification(request: Request) -> Found:
    """Return sets of people with similar scores, within blocks.

    Parameters
    ----------
    request : Request
        With a score.
    """
    sample = request.sample
    chance = sample.weights if request.score is None else request.score.treated
    group = np.asarray(sample.codes > 0, dtype=np.intp)
    codes = np.zeros(sample.n, dtype=np.intp)
    wanted = 0
    for block in np.unique(request.blocks):
        inside = np.flatnonzero(request.blocks == block)
        if not request.focal[inside].any() or len(np.unique(group[inside])) < 2:
            continue
        own = subclasses(chance[inside], request.focal[inside], request.spec.subclasses)
        wanted += int(own.max()) + 1
        codes[inside] = joined(own, group[inside])
    joint = joint_codes([request.blocks, codes], sample.n)
    strata = Strata(with_both_groups(joint, group), group, request.focal, sample.weights)
    kept = int(strata.sets.max(initial=-1)) + 1
    warnings = thin_sets(strata)
    if kept < wanted:
        what = f"{wanted - kept:,} of {wanted:,} sets lacked a group, and each was joined with the one next to it"
        warnings = (Problem("EST-004", what, "estimator"), *warnings)
    return Found(strata, {"sets": kept, "sets_joined": wanted - kept}, warnings)


def subclasses(score: FloatArray, focal: NDArray[np.bool_], count: int) -> Positions:
    """Return the set of each person, shape (n,): 0 for the lowest scores. People with equal scores are in one.

    Parameters
    ----------
    score : ndarray, shape (n,)
    focal : ndarray of bool, shape (n,)
        Among whom quantiles are taken.
    count : int

    Examples
    --------
    >>> subclasses(np.array([0.1, 0.2, 0.3, 0.4, 0.9]), np.array([True, True, True, True, False]), 2).tolist()
    [0, 0, 1, 1, 1]
    """
    rounded = np.round(score, SAME)
    ends = np.unique(np.quantile(rounded[focal], np.arange(1, count) / count, method="inverted_cdf"))
    return np.asarray(np.unique(np.searchsorted(ends, rounded, side="left"), return_inverse=True)[1], dtype=np.intp)


def joined(sets: Positions, group: Positions) -> Positions:
    """Return sets, in order of the score, of which each holds both groups: those that do not are joined to a neighbour.

    The neighbour is the smaller one, or the one below of equal ones.

    Examples
    --------
    >>> joined(np.array([0, 0, 1, 2, 2, 2]), np.array([0, 1, 1, 0, 0, 1])).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    sizes = [[int(((sets == code) & (group == side)).sum()) for side in (0, 1)] for code in range(int(sets.max()) + 1)]
    members = [[code] for code in range(len(sizes))]
    while len(sizes) > 1 and any(0 in size for size in sizes):
        at = next(place for place, size in enumerate(sizes) if 0 in size)
        beside = [place for place in (at - 1, at + 1) if 0 <= place < len(sizes)]
        to = min(beside, key=lambda place: (sum(sizes[place]), place))
        sizes[to] = [a + b for a, b in zip(sizes[to], sizes[at], strict=True)]
        members[to] = sorted(members[to] + members[at])
        del sizes[at], members[at]
    place = np.empty(int(sets.max()) + 1, dtype=np.intp)
    for number, codes in enumerate(members):
        place[codes] = number
    return np.asarray(place[sets])
