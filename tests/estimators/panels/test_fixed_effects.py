"""Effects are taken out exactly: against dummies, by either way of solving, with weights and gaps, and by count."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.panels import fixed_effects as module
from counterfoil.estimators.panels import level_counts
from counterfoil.estimators.panels.fixed_effects import fixed_effects
from counterfoil.estimators.panels.within import within


def panel(seed: int, units: int = 40, periods: int = 6, kept: float = 0.7) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    unit, period = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    keep = rng.random(len(unit)) < kept
    unit, period = unit[keep], period[keep]
    return (
        unit,
        period,
        rng.integers(0, 4, len(unit)),
        rng.uniform(0.5, 2.0, units)[unit],
        rng.normal(size=(len(unit), 2)),
    )


def by_dummies(columns: np.ndarray, codes: list[np.ndarray], weights: np.ndarray) -> tuple[np.ndarray, int]:
    dummies = np.hstack([(code[:, None] == np.unique(code)).astype(float) for code in codes])
    root = np.sqrt(weights)[:, None]
    solved = np.linalg.lstsq(dummies * root, columns * root, rcond=None)[0]
    return columns - dummies @ solved, int(np.linalg.matrix_rank(dummies))


@given(st.integers(0, 10_000), st.sampled_from([0.4, 0.8, 1.0]), st.booleans(), st.booleans())
@settings(max_examples=30, deadline=None)
def test_equals_dummies(seed: int, kept: float, weighted: bool, by_unit: bool) -> None:
    unit, period, region, weight, columns = panel(seed, kept=kept)
    weights = weight if weighted else None
    others = [period, period * 4 + region]
    effects = fixed_effects(unit, others, weights, by_unit=by_unit)
    expected, rank = by_dummies(
        columns, [*([unit] if by_unit else []), *others], weight if weighted else np.ones(len(unit))
    )
    np.testing.assert_allclose(effects.residuals(columns), expected, atol=1e-11)
    assert effects.rank == rank


@pytest.mark.parametrize("weighted", [False, True])
def test_steps_equal_the_matrix(monkeypatch: pytest.MonkeyPatch, weighted: bool) -> None:
    unit, period, region, weight, columns = panel(3)
    weights = weight if weighted else None
    solved = fixed_effects(unit, [period * 4 + region], weights)
    monkeypatch.setattr(level_counts, "DENSE", 1)
    stepped = fixed_effects(unit, [period * 4 + region], weights)
    assert stepped.inverse is None
    assert stepped.rank == solved.rank
    np.testing.assert_allclose(stepped.residuals(columns), solved.residuals(columns), atol=1e-10)
    np.testing.assert_allclose(stepped.residual(np.ones(len(unit))), 0.0, atol=1e-12)
    monkeypatch.setattr(module, "STEPS", 1)
    with pytest.raises(CounterfoilError, match="IDENT-028"):
        stepped.residuals(columns)


def test_sparse_counts_equal_plain_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    unit, period, region, _, columns = panel(4)
    plain = fixed_effects(unit, [period, region]).residuals(columns)
    monkeypatch.setattr(level_counts, "COUNTED", 0)
    np.testing.assert_allclose(fixed_effects(unit, [period, region]).residuals(columns), plain, atol=1e-12)


def test_codes_that_do_not_occur_are_no_levels() -> None:
    unit = np.repeat([0, 1, 2], 2)
    assert fixed_effects(unit, [np.tile([1, 7], 3)]).levels == (2,)


def test_nested_effects_are_not_counted_against_clusters() -> None:
    unit, period, _, _, _ = panel(5, kept=1.0)
    state = unit // 10
    effects = fixed_effects(unit, [period, state])
    assert effects.nested_in(state) == (False, True)
    assert effects.crossed(state) == 6
    assert fixed_effects(unit, []).crossed(state) == 1
    assert fixed_effects(unit, [period, period // 3]).crossed(state) == 6


def test_earlier_columns_are_kept_and_dependent_ones_named() -> None:
    unit, period, _, _, columns = panel(6)
    effects = fixed_effects(unit, [period])
    x, y = columns.T
    twice = np.column_stack([x, 2 * x + unit, unit.astype(float), x**2])
    fit = within(twice, y, effects)
    assert (fit.kept.tolist(), fit.dropped.tolist()) == ([0, 3], [1, 2])
    np.testing.assert_allclose(fit.columns.T @ fit.residuals, 0.0, atol=1e-10)
    with pytest.raises(CounterfoilError, match="IDENT-026"):
        within(twice[:, 2:3], y, effects)
