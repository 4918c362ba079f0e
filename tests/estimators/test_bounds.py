"""Bounds: the published vectors, brute force over all completions, and intervals that know about noise and kinks."""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.stats import norm

from counterfoil.attribution import EqualSplit, Fixed, Shapley, rule_named
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.bounds import bounds
from counterfoil.estimators.cells import Cells
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.imbens_manski import imbens_manski
from counterfoil.estimators.partial_game import PartialGame, extremes, least_slack, limits_of, pattern_bounds
from counterfoil.estimators.shape import Shape, shape_rows

THREE, TWO = Shapley().weights((0, 1, 2)), Shapley().weights((0, 1))
CHAIN = {0: 0.2, 1: 0.3, 7: 0.6}


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((), [[-13 / 30, 17 / 30], [-5 / 12, 3 / 4], [-5 / 12, 3 / 4]]),
        (("monotone",), [[1 / 30, 0.3], [0, 0.35], [0, 0.35]]),
        (("monotone", "submodular"), [[1 / 30, 0.1], [0, 0.35], [0, 0.35]]),
        (("monotone", "supermodular"), [[0.1, 0.25], [0, 0.3], [0, 0.3]]),
    ],
    ids=["T8a", "T8b", "T8c", "T8d"],
)
def test_three_providers_with_a_chain_of_known_cells(shape: Any, expected: Any) -> None:
    found = pattern_bounds(THREE, CHAIN, shape=shape, outcome_range=(0, 1))
    np.testing.assert_allclose(found, expected, atol=1e-9)


@pytest.mark.parametrize(("shape", "expected"), [(("monotone",), [0, 0.3]), ((), [-0.35, 0.65])], ids=["mono", "none"])
def test_twins_t8e(shape: Any, expected: Any) -> None:
    found = pattern_bounds(TWO, {0: 0.2, 3: 0.5}, shape=shape, outcome_range=(0, 1))
    np.testing.assert_allclose(found, [expected] * 2, atol=1e-9)


def test_a_contradicted_shape_is_refused_by_name_t8f() -> None:
    with pytest.raises(CounterfoilError, match="shape rejected: the data contradict monotone") as caught:
        pattern_bounds(TWO, {0: 0.2, 1: 0.5, 3: 0.4}, shape=["monotone"], outcome_range=(0, 1))
    assert caught.value.codes == ("IDENT-012",)
    assert np.isfinite(pattern_bounds(TWO, {0: 0.2, 1: 0.5, 3: 0.4}, outcome_range=(0, 1))).all()


def test_nothing_to_limit_a_cell_is_refused() -> None:
    with pytest.raises(CounterfoilError) as caught:
        pattern_bounds(TWO, {0: 0.2, 3: 0.5})
    assert caught.value.codes == ("IDENT-013",)


@pytest.mark.parametrize("shape", [(), ("monotone",), ("submodular",), ("monotone", "supermodular")])
def test_extremes_are_those_of_every_completion_on_a_grid(shape: Any) -> None:
    """Cells 1, 2 and 5 of three providers are unknown; all else and every limit lies on the grid, and so do the ends."""
    known = {0: 0.0, 3: 0.5, 4: 0.1, 6: 0.5, 7: 0.6}
    grid = np.linspace(0, 0.6, 13)
    games = np.array(list(itertools.product(grid, repeat=3)))
    full = np.empty((len(games), 8))
    full[:, list(known)] = list(known.values())
    full[:, [1, 2, 5]] = games
    sets = [frozenset(j for j in range(3) if b >> j & 1) for b in range(8)]
    position = {members: mask for mask, members in enumerate(sets)}
    keep = np.ones(len(games), dtype=bool)
    for b, k in itertools.product(sets, range(3)):
        if "monotone" in shape:
            keep &= full[:, position[b | {k}]] - full[:, position[b]] >= -1e-12
        for other in range(3):
            if len(b | {k, other}) == len(b) + 2:
                gain = full[:, position[b | {k}]] + full[:, position[b | {other}]]
                both = full[:, position[b | {k, other}]] + full[:, position[b]]
                keep &= ("submodular" not in shape) | (gain - both >= -1e-12)
                keep &= ("supermodular" not in shape) | (gain - both <= 1e-12)
    if not keep.any():
        with pytest.raises(CounterfoilError):
            pattern_bounds(THREE, known, shape=shape, outcome_range=(0, 0.6))
        return
    credits = full[keep] @ THREE.T
    found = pattern_bounds(THREE, known, shape=shape, outcome_range=(0, 0.6))
    np.testing.assert_allclose(found, np.column_stack([credits.min(axis=0), credits.max(axis=0)]), atol=1e-9)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_a_monotone_game_lies_within_its_own_bounds(seed: int, players: int) -> None:
    rng = np.random.default_rng(seed)
    dividends = rng.random(1 << players) * (rng.random(1 << players) < 0.6)  # non-negative: monotone and supermodular
    masks = np.arange(1 << players)
    game = ((masks[:, None] & masks) == masks).astype(float) @ dividends
    known = {int(b): game[b] for b in rng.permutation(masks)[: rng.integers(1, len(masks) + 1)]}
    weights = Shapley().weights(tuple(range(players)))
    shapes: list[list[Shape]] = [[], ["monotone"], ["monotone", "supermodular"]]
    ends = [pattern_bounds(weights, known, shape=shape, outcome_range=(0, game[-1] + 1)) for shape in shapes]
    credits = weights @ game
    for found in ends:
        assert (found[:, 0] <= credits + 1e-8).all()
        assert (credits <= found[:, 1] + 1e-8).all()
    for wide, narrow in itertools.pairwise(ends):
        assert (wide[:, 0] <= narrow[:, 0] + 1e-8).all()
        assert (narrow[:, 1] <= wide[:, 1] + 1e-8).all()


def test_draws_solved_together_are_those_solved_apart() -> None:
    rng = np.random.default_rng(3)
    known = np.array([1, 0, 1, 0, 0, 1, 0, 1], dtype=bool)
    values = rng.normal(size=(int(known.sum()), 12)) + 0.3 * np.arange(4)[:, None]
    rows = shape_rows(3, ["monotone"])
    game = PartialGame(rows, known, values, limits_of((-4, 4), np.ones(12)))
    slack = least_slack(game)
    assert 0 < (slack > 0).sum() < 12
    together = extremes(game, THREE, slack)
    for draw in range(12):
        one = PartialGame(rows, known, values[:, [draw]], limits_of((-4, 4), np.ones(1)))
        np.testing.assert_allclose(least_slack(one), slack[draw], atol=1e-9)
        np.testing.assert_allclose(extremes(one, THREE, slack[[draw]])[:, :, 0], together[:, :, draw], atol=1e-7)


@pytest.mark.parametrize("limits", [(-0.5, 1.5), (-9.0, 1.7)])
def test_holes_that_no_inequality_ties_together_are_solved_like_any_other(limits: tuple[float, float]) -> None:
    """Cells 1, 2 and 7 of three providers, two steps apart or more: against scipy, one programme at a time."""
    rng = np.random.default_rng(9)
    known = np.array([1, 0, 0, 1, 1, 1, 1, 0], dtype=bool)
    values = 0.2 * rng.normal(size=(5, 20)) + np.array([0.0, 0.4, 0.3, 0.6, 0.5])[:, None]
    rows = shape_rows(3, ["monotone"])
    game = PartialGame(rows, known, values, limits_of(limits, np.ones(20)))
    slack = least_slack(game)
    assert 0 < (slack > 0).sum() < 20
    ends = extremes(game, THREE, slack)
    box = [limits] * 3
    for draw in range(20):
        right = rows[:, known] @ values[:, draw]
        found = linprog(
            [0, 0, 0, 1], -np.column_stack([rows[:, ~known], np.ones(len(rows))]), right, bounds=[*box, (0, None)]
        )
        assert slack[draw] == pytest.approx(found.fun, abs=1e-9)
        for j, sign in itertools.product(range(3), (1, -1)):
            weight = sign * THREE[j]
            found = linprog(weight[~known], -rows[:, ~known], right + slack[draw] + 1e-12, bounds=box)
            assert sign * (found.fun + weight[known] @ values[:, draw]) == pytest.approx(
                ends[j, int(sign < 0), draw], abs=1e-7
            )


def test_least_slack_of_a_monotone_game_is_the_steepest_descent_a_step() -> None:
    """Independently: from b down to b ∪ c over |c| steps, through cells that nobody had or not."""
    rng = np.random.default_rng(5)
    known = np.array([1, 1, 0, 1, 0, 0, 1, 1], dtype=bool)
    values = rng.normal(size=(5, 30))
    game = PartialGame(shape_rows(3, ["monotone"]), known, values, limits_of(None, np.ones(30)))
    masks = np.flatnonzero(known).tolist()
    falls = [
        (values[i] - values[j]) / (small ^ large).bit_count()
        for (i, small), (j, large) in itertools.permutations(list(enumerate(masks)), 2)
        if small & large == small
    ]
    np.testing.assert_allclose(least_slack(game), np.maximum(np.max(falls, axis=0), 0), atol=1e-8)


@pytest.mark.parametrize(("width", "error"), [(0.0, 2.0), (0.3, 1.0), (2.0, 1.0), (50.0, 0.1)])
def test_critical_value_solves_its_equation(width: float, error: float) -> None:
    c = imbens_manski(width, error, 0.9)
    assert norm.cdf(c + width / error) - norm.cdf(-c) == pytest.approx(0.9, abs=1e-9)
    assert norm.ppf(0.9) - 1e-9 <= c <= norm.ppf(0.95) + 1e-9


def published(values: Mapping[Any, float], mass: list[float], error: float) -> Cells:
    pairs = tuple(values)
    estimate = Estimate.published(
        list(values.values()),
        [error] * len(pairs),
        terms=[str(p) for p in pairs],
        outcome="y",
        estimand="",
        people=2_000,
    )
    return Cells(estimate, pairs, np.array(mass))


TWINS = {((0, 1), ()): 0.1, ((0, 1), (0, 1)): 0.25}
ONE_HOLE = {((0,), ()): 0.1, ((0,), (0,)): 0.2, ((0, 1), ()): 0.1, ((0, 1), (0,)): 0.15, ((0, 1), (0, 1)): 0.3}


def test_patterns_are_added_and_an_identified_credit_is_a_point() -> None:
    found = bounds(published(ONE_HOLE, [0.3, 0.4], 0.001), Shapley(), ["a", "b"], ["monotone"], draws=300)
    # Provider 0 has .1 for sure; then m({1}) runs from .1 to .3 and carries weight ½ for 1 and −½ for 0.
    np.testing.assert_allclose(found.low, [0.1 + 0.025 + 0.0, 0.075], atol=1e-9)
    np.testing.assert_allclose(found.high, [0.1 + 0.025 + 0.1, 0.175], atol=1e-9)
    assert found.open_cells == 1
    point = bounds(published(ONE_HOLE, [0.3, 0.4], 0.01), EqualSplit(), ["a", "b"], draws=4_000)
    np.testing.assert_array_equal(point.low, point.high)
    np.testing.assert_allclose(point.low, [0.2, 0.1], atol=1e-12)
    errors = np.array([np.sqrt(2 + 0.5), np.sqrt(0.5)]) * 0.01
    np.testing.assert_allclose(point.low_error, errors, rtol=0.05)
    np.testing.assert_allclose(point.conf_high - point.high, 1.96 * errors, rtol=0.06)
    assert found.tidy().columns.tolist()[3:5] == ["bound_low", "bound_high"]
    assert "1 combinations" in repr(found)


def test_lower_is_better_is_the_mirror_image() -> None:
    upper = bounds(published(ONE_HOLE, [0.3, 0.4], 0.01), Shapley(), ["a", "b"], ["monotone"], (0, 1), seed=4)
    mirrored = published({pair: -value for pair, value in ONE_HOLE.items()}, [0.3, 0.4], 0.01)
    lower = bounds(mirrored, Shapley(), ["a", "b"], ["monotone"], (-1, 0), "lower", seed=5)
    np.testing.assert_allclose(lower.low, -upper.high, atol=1e-12)
    np.testing.assert_allclose(lower.high, -upper.low, atol=1e-12)
    np.testing.assert_allclose(lower.low_error, upper.high_error, rtol=0.15)
    assert (lower.conf_low < lower.low).all()
    assert (lower.high < lower.conf_high).all()
    with pytest.raises(CounterfoilError, match="IDENT-012"):
        bounds(mirrored, Shapley(), ["a", "b"], ["monotone"], (-1, 0))


def test_a_contradiction_beyond_chance_is_refused_and_one_within_it_is_told() -> None:
    falls = {((0, 1), ()): 0.3, ((0, 1), (0, 1)): 0.25}
    with pytest.raises(CounterfoilError, match="contradict monotone") as caught:
        bounds(published(falls, [0.5], 0.005), Shapley(), ["a", "b"], ["monotone"])
    assert caught.value.codes == ("IDENT-012",)
    with pytest.raises(CounterfoilError, match="contradict monotone"):
        bounds(published(falls, [0.5], 0.0), Shapley(), ["a", "b"], ["monotone"])
    within = bounds(published(falls, [0.5], 0.1), Shapley(), ["a", "b"], ["monotone"])
    assert [problem.code for problem in within.warnings] == ["IDENT-014"]
    assert within.shape_p_value is not None
    assert within.shape_p_value > 0.05
    assert (within.low <= -0.025 + 1e-9).all()  # the two share a loss of .05: the slack admits it
    assert bounds(published(TWINS, [0.5], 0.01), Shapley(), ["a", "b"], ["monotone"]).warnings == ()


def test_a_kink_moves_the_bound_outward() -> None:
    """m({0}) is limited from above by two equal cells; the smaller of two noisy numbers is too small on average."""
    known: dict[Any, float] = {
        ((0, 1, 2), b): v for b, v in {(): 0.0, (0, 1): 0.3, (0, 2): 0.3, (0, 1, 2): 0.6}.items()
    }
    kink = bounds(published(known, [1.0], 0.02), Shapley(), "abc", ["monotone"], draws=400)
    apart = bounds(
        published({**known, ((0, 1, 2), (0, 2)): 0.5}, [1.0], 0.02), Shapley(), "abc", ["monotone"], draws=400
    )
    outward = [float(f.conf_high[0] - f.high[0] - 1.645 * f.high_error[0]) for f in (kink, apart)]
    assert outward[0] > 0.001
    assert abs(outward[1]) < 1e-5


def test_seeds_give_the_same_digits() -> None:
    cells = published(ONE_HOLE, [0.3, 0.4], 0.01)
    one, same, other = (bounds(cells, Shapley(), ["a", "b"], ["monotone"], seed=s, draws=50) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.conf_low, same.conf_low)
    assert (one.conf_low != other.conf_low).any()


def test_a_provider_may_be_credited_from_people_it_never_served() -> None:
    found = bounds(published(ONE_HOLE, [0.3, 0.4], 0.0), Fixed((0.5, 0.5)), ["a", "b"])
    np.testing.assert_allclose(found.low, [0.15, 0.15], atol=1e-12)


def test_refusals() -> None:
    cells = published(TWINS, [0.5], 0.01)
    with pytest.raises(CounterfoilError, match="looks at 'dose'") as caught:
        bounds(cells, rule_named("dose_split"), ["a", "b"])
    assert caught.value.codes == ("IDENT-013",)
    with pytest.raises(CounterfoilError, match="neither a range nor a shape"):
        bounds(cells, Shapley(), ["a", "b"])
    nine = tuple(range(9))
    with pytest.raises(CounterfoilError) as caught:
        bounds(published({(nine, nine): 1.0}, [1.0], 0.1), Shapley(), [str(j) for j in nine])
    assert caught.value.codes == ("ATTR-004",)
    with pytest.raises(ValueError, match="outcome_range does not hold"):
        bounds(cells, Shapley(), ["a", "b"], outcome_range=(0, 0.4))
    with pytest.raises(ValueError, match="from low to high"):
        bounds(cells, Shapley(), ["a", "b"], outcome_range=(1, 1))
    with pytest.raises(ValueError, match="better is"):
        bounds(cells, Shapley(), ["a", "b"], better="up")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="shape holds"):
        shape_rows(2, ["convex"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="own cell"):
        published({((0, 1), ()): 0.1}, [0.5], 0.01)
