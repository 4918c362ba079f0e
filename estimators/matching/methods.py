"""The ways to match, by name: each takes a request and returns who is compared with whom. None sees an outcome."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.matches import Matches

if TYPE_CHECKING:
    from counterfoil.estimators.matching.matching import Matching


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What a way to match may use.

    Parameters
    ----------
    spec : Matching
    sample : ComparisonSample
        Of two groups, codes 0 and 1.
    score : Score or None
        Where the distance, the method, a caliper or the order uses one.
    places : ndarray, shape (n, d)
        Where people stand: Euclidean distance between two rows is their distance. One column, in standard deviations over
        everybody, for scores; whitened covariates otherwise.
    ruler : ndarray, shape (n,), or None
        What a caliper bounds, in standard deviations, or who chooses first goes by; None where neither is asked for.
    blocks : ndarray of int, shape (n,)
        0..B-1: people are compared within; all zero without `exact`.
    focal : ndarray of bool, shape (n,)
        Whose counterpart is wanted.
    """

    spec: "Matching"
    sample: ComparisonSample
    score: Score | None
    places: FloatArray
    ruler: FloatArray | None
    blocks: NDArray[np.intp]
    focal: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a way to match found: the matches, its own counts for diagnostics, and its own warnings.

    How many people found no partner is counted and warned of by the caller.
    """

    matches: Matches
    counts: Mapping[str, int | float] = field(default_factory=dict)
    warnings: tuple[Problem, ...] = ()


def _nearest(request: Request) -> Found:
    from counterfoil.estimators.matching.nearest import nearest

    return nearest(request)


def _optimal(request: Request) -> Found:
    from counterfoil.estimators.matching.optimal_pairs import optimal

    return optimal(request)


def _full(request: Request) -> Found:
    from counterfoil.estimators.matching.full_matching import full

    return full(request)


def _exact(request: Request) -> Found:
    from counterfoil.estimators.matching.coarsened_exact import exact

    return exact(request)


def _coarsened_exact(request: Request) -> Found:
    from counterfoil.estimators.matching.coarsened_exact import coarsened_exact

    return coarsened_exact(request)


def _subclassification(request: Request) -> Found:
    from counterfoil.estimators.matching.subclassification import subclassification

    return subclassification(request)


METHODS: Final[Mapping[str, Callable[[Request], Found]]] = {
    "nearest": _nearest,
    "optimal": _optimal,
    "full": _full,
    "exact": _exact,
    "coarsened_exact": _coarsened_exact,
    "subclassification": _subclassification,
}
"""By the name of the spec's `method`."""
NEEDS_SCORE: Final = frozenset({"subclassification"})
"""Methods that use a score whatever the distance."""
NEEDS_NO_DISTANCE: Final = frozenset({"exact", "coarsened_exact"})
"""Methods that use neither a distance nor a score."""
