"""Exact balance wherever weights exist, and a refusal that names the covariates wherever they do not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from counterfoil.errors import CounterfoilError, IdentificationError
from counterfoil.estimators.weighting.entropy_tilt import entropy_tilt

SOURCE = 60
Array = NDArray[Any]
NAMES = ("a", "b", "c")


def drawn(seed: int, shift: float) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(SOURCE + 25, 3)) * [1.0, 100.0, 0.01] + [0.0, 5e3, 1.0]
    columns[SOURCE:] += shift * np.array([1.0, -60.0, 0.005])
    return columns, rng.uniform(0.5, 2, len(columns)), np.arange(len(columns)) < SOURCE


def inside(columns: Array, weights: Array, source: Array) -> bool:
    """Tell by a linear program whether the target's means are strictly inside the hull of the source."""
    mean = np.average(columns[~source], axis=0, weights=weights[~source])
    scaled = (columns[source] - mean) / columns.std(axis=0)
    equations = np.vstack([np.hstack([scaled, np.zeros((SOURCE, 1))]).T[:3], np.append(np.ones(SOURCE), 0.0)[:SOURCE]])
    found = linprog(
        np.append(np.zeros(SOURCE), -1.0),
        A_ub=np.column_stack([-np.eye(SOURCE), np.ones(SOURCE)]),
        b_ub=np.zeros(SOURCE),
        A_eq=np.column_stack([equations, np.zeros(4)]),
        b_eq=[0, 0, 0, 1],
        bounds=[*[(0, None)] * SOURCE, (None, None)],
    )
    return bool(found.success and -found.fun > 1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 4.0))
def test_balance_is_reached_where_and_only_where_it_can_be(seed: int, shift: float) -> None:
    columns, weights, source = drawn(seed, shift)
    try:
        tilt = entropy_tilt(columns, weights, source, ~source, NAMES)
    except IdentificationError:
        assert not inside(columns, weights, source)
        return
    assert inside(columns, weights, source)
    used = tilt.balancing * weights
    gap = np.average(columns, axis=0, weights=used) - np.average(columns[~source], axis=0, weights=weights[~source])
    assert np.abs(gap / columns.std(axis=0)).max() < 1e-9
    assert used.sum() == pytest.approx(weights[~source].sum())
    assert (tilt.balancing[source] > 0).all()
    assert not tilt.balancing[~source].any()


def test_the_weights_are_the_most_even_ones() -> None:
    """Any other weights with the same means have a larger entropy relative to observation weights (Hainmueller 2012, eq. 3)."""
    columns, weights, source = drawn(3, 0.5)
    share = entropy_tilt(columns, weights, source, ~source, NAMES).balancing[source] * weights[source]
    share, base = share / share.sum(), weights[source] / weights[source].sum()
    held = np.column_stack([np.ones(SOURCE), (columns / columns.std(axis=0))[source]])
    free = np.linalg.svd(held.T)[2][4:]  # moves of the weights that leave their sum and means as they are
    divergence = float((share * np.log(share / base)).sum())
    rng = np.random.default_rng(1)
    for _ in range(50):
        move = rng.normal(size=len(free)) @ free
        other = share + 0.1 * share.min() / np.abs(move).max() * move
        assert (other * np.log(other / base)).sum() > divergence


def test_what_cannot_be_balanced_is_named() -> None:
    columns, weights, source = drawn(1, 0.0)
    columns[~source, 1] += 5e3
    with pytest.raises(CounterfoilError, match="in b\n"):
        entropy_tilt(columns, weights, source, ~source, NAMES)


def test_together_impossible_is_named_together() -> None:
    """Each mean lies within its column's range, and both together outside of the hull."""
    line = np.linspace(-1, 1, 50)
    columns = np.vstack(
        [np.column_stack([line, line + 0.01 * np.sin(40 * line), np.cos(9 * line)]), [[0.5, -0.5, 0.0]]]
    )
    source = np.arange(51) < 50
    with pytest.raises(CounterfoilError, match="in a, b together"):
        entropy_tilt(columns, np.ones(51), source, ~source, NAMES)


def test_none_of_the_named_can_be_spared() -> None:
    """Of six columns as many are named as the conflict needs: with any one of them left out, the others are balanced."""
    rng = np.random.default_rng(4)
    columns = rng.normal(size=(80, 6))
    source = np.arange(80) < 60
    columns[~source, 1:4] += 1.4
    names = tuple("abcdef")
    with pytest.raises(CounterfoilError) as caught:
        entropy_tilt(columns, np.ones(80), source, ~source, names)
    words = str(caught.value).split(" in ")[1].split(" together")[0].split(", ")
    left = [names.index(word) for word in words]
    assert 1 < len(left) < 6
    for column in left:
        fewer = [other for other in left if other != column]
        entropy_tilt(columns[:, fewer], np.ones(80), source, ~source, tuple(words[:-1]))


def test_people_whom_nobody_of_the_target_is_like_have_weight_zero() -> None:
    rng = np.random.default_rng(0)
    columns = np.column_stack([rng.normal(size=200), np.arange(200) % 4 == 0]).astype(float)
    source = np.arange(200) < 150
    columns[~source, 1] = 0.0
    tilt = entropy_tilt(columns, np.ones(200), source, ~source, ("age", "north"))
    assert not tilt.balancing[source & (columns[:, 1] == 1)].any()
    assert np.average(columns[:, 0], weights=tilt.balancing) == pytest.approx(columns[~source, 0].mean(), abs=1e-12)


def test_columns_that_depend_on_each_other_in_the_source_are_balanced_if_they_can_be() -> None:
    rng = np.random.default_rng(0)
    columns = rng.normal(size=(120, 2))
    source = np.arange(120) < 80
    columns[source, 1] = columns[source, 0]
    with pytest.raises(CounterfoilError, match="IDENT-039"):
        entropy_tilt(columns, np.ones(120), source, ~source, ("a", "b"))
    columns[~source, 1] += columns[~source, 0].mean() - columns[~source, 1].mean()
    tilt = entropy_tilt(columns, np.ones(120), source, ~source, ("a", "b"))
    assert np.average(columns, axis=0, weights=tilt.balancing) == pytest.approx(columns[~source].mean(axis=0), abs=1e-9)
