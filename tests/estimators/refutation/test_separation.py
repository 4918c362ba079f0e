"""The criterion for adjusting, against regressions in linear systems with random arrows: right where it says so, and only there."""

from itertools import chain, combinations

import numpy as np
import pytest
from numpy.typing import NDArray

from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.separation import carries, moves_alone, separated

NAMES = "abcdef"


def system(seed: int) -> tuple[CausalGraph, NDArray[np.float64], NDArray[np.float64]]:
    """Draw a graph, its arrows' strengths (child, parent), and the covariance of what it makes of independent noise."""
    rng = np.random.default_rng(seed)
    size = len(NAMES)
    there = np.tril(rng.random((size, size)) < 0.45, -1)
    there[-1, 0] |= not there.any()
    strength = np.where(there, rng.uniform(0.5, 1.5, there.shape) * rng.choice([-1.0, 1.0], there.shape), 0.0)
    mixing = np.linalg.inv(np.eye(size) - strength)
    order = rng.permutation(size)
    names = [NAMES[k] for k in order]
    edges = tuple(f"{names[j]} -> {names[i]}" for i, j in np.argwhere(there))
    place = [names.index(name) for name in NAMES]
    cov = mixing @ np.diag(rng.uniform(0.5, 2.0, size)) @ mixing.T
    return CausalGraph(edges=edges), strength[np.ix_(place, place)], cov[np.ix_(place, place)]


def subsets(names: list[str]) -> list[tuple[str, ...]]:
    return list(chain.from_iterable(combinations(names, k) for k in range(len(names) + 1)))


def effect_of_setting(strength: NDArray[np.float64], treated: list[int], outcome: int) -> NDArray[np.float64]:
    """Return the effect of setting several at once: what moves them is cut."""
    cut = strength.copy()
    cut[treated] = 0.0
    return np.asarray(np.linalg.inv(np.eye(len(cut)) - cut)[outcome, treated])


@pytest.mark.parametrize("count", [1, 2])
def test_adjusting_gives_the_effect_exactly_where_the_criterion_holds(count: int) -> None:
    held = failed = 0
    for seed in range(360):
        graph, strength, cov = system(seed)
        *treated, outcome = np.random.default_rng(seed + 999).permutation(len(NAMES))[: count + 1].tolist()
        names = [NAMES[k] for k in treated]
        if not {*names, NAMES[outcome]} <= set(graph.names) or any(
            NAMES[outcome] not in graph.downstream(name) for name in names
        ):
            continue
        truth = effect_of_setting(strength, treated, outcome)
        for given in subsets([name for name in graph.names if name not in {*names, NAMES[outcome]}]):
            columns = [*treated, *(NAMES.index(name) for name in given)]
            found = np.linalg.solve(cov[np.ix_(columns, columns)], cov[columns, outcome])[:count]
            right = bool(np.abs(found - truth).max() < 1e-8)
            assert carries(graph, names, NAMES[outcome], given) == right, (seed, names, given)
            held, failed = held + right, failed + (not right)
    assert min(held, failed) > 100


def test_separation_is_zero_partial_correlation() -> None:
    told = 0
    for seed in range(40):
        graph, _, cov = system(seed)
        names = list(graph.names)
        for one, other in combinations(names, 2):
            for given in subsets([name for name in names if name not in {one, other}])[:12]:
                columns = [NAMES.index(name) for name in (one, other, *given)]
                precision = np.linalg.inv(cov[np.ix_(columns, columns)])
                apart = abs(precision[0, 1]) < 1e-9
                assert separated(graph, [one], [other], given) == apart
                told += apart
    assert told > 50


def test_instruments() -> None:
    graph = CausalGraph(edges=("z -> d -> y", "u -> d", "u -> y", "w -> z", "w -> y", "d -> m"), unobserved=("u",))
    assert not moves_alone(graph, "z", "d", "y")
    assert moves_alone(graph, "z", "d", "y", ("w",))
    assert not moves_alone(graph, "z", "d", "y", ("w", "m"))
    assert not moves_alone(graph, "u", "d", "y")
    assert not moves_alone(CausalGraph(edges=("d -> y", "z -> w")), "z", "d", "y")
