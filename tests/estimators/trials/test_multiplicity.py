"""q-values against the published search, Holm against statsmodels, Romano-Wolf against its definition and its limits."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate, Experiment, stack
from counterfoil.estimators.trials.multiplicity import adjusted, holm, null_statistics, step_down
from counterfoil.estimators.trials.sharpened_q import sharpened_q


def searched(p_values: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """Anderson's (2008) program: the smallest q of a grid, from 1 downwards, at which two stages still reject."""
    m = len(p_values)
    rank = np.empty(m)
    rank[np.argsort(p_values, kind="stable")] = np.arange(1, m + 1)
    found = np.ones(m)
    for q in np.arange(round(1 / step), -1, -1) * step:
        first = q / (1 + q)
        rejected = np.where(first * rank / m >= p_values, rank, 0).max()
        second = first * m / (m - rejected) if rejected < m else np.inf
        total = np.where(second * rank / m >= p_values, rank, 0).max() if rejected < m else m
        found[rank <= total] = q
    return found


@given(st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=12))
def test_q_values_are_those_of_the_search(p_values: list[float]) -> None:
    known, found = searched(np.array(p_values)), sharpened_q(np.array(p_values))
    assert (found <= known + 1e-9).all()
    assert (known - found <= 1e-3 + 1e-9).all()


@pytest.mark.parametrize("level", [0.05, 0.1, 0.2])
def test_q_values_reject_as_statsmodels_does(level: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        p_values = rng.beta(0.3, 1.5, size=15)
        known = multipletests(p_values, alpha=level, method="fdr_tsbky")[0]
        np.testing.assert_array_equal(sharpened_q(p_values) <= level, known)


def test_holm() -> None:
    rng = np.random.default_rng(1)
    for size in range(1, 20):
        p_values = rng.beta(0.4, 2, size=size).round(2)
        np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-12)


def outcomes(seed: int, effects: tuple[float, ...], rho: float = 0.0, size: int = 240) -> Estimate:
    rng = np.random.default_rng(seed)
    assigned = np.arange(size) % 40 < 20
    shared = rng.normal(size=size)
    frames = [
        pd.DataFrame(
            {
                "assigned": assigned.astype(int),
                "town": np.arange(size) % 40,
                "y": effect * assigned + np.sqrt(rho) * shared + np.sqrt(1 - rho) * rng.normal(size=size),
            }
        )
        for effect in effects
    ]
    fits = [Experiment(outcome="y", cluster="town").fit(frame) for frame in frames]
    return stack(fits, [f"outcome {k}" for k in range(len(effects))])


def test_one_value_keeps_its_p_value() -> None:
    table = adjusted(outcomes(1, (0.2,)), seed=1, draws=40_000)
    row = table.iloc[0]
    assert row["p_romano_wolf"] == pytest.approx(row["p_value"], abs=0.01)
    assert row["p_holm"] == row["p_value"]


def test_a_repeated_outcome_costs_nothing_with_romano_wolf() -> None:
    one = outcomes(3, (0.3,))
    many = one.contrast(np.ones((5, 1)), list("abcde"))
    assert adjusted(many, seed=1)["p_romano_wolf"].to_numpy() == pytest.approx(
        adjusted(one, seed=1)["p_romano_wolf"][0]
    )
    assert one.tidy()["p_value"][0] < 0.2
    assert adjusted(many, seed=1)["p_holm"][0] == pytest.approx(5 * adjusted(one, seed=1)["p_holm"][0])


def test_correlated_outcomes_cost_less_than_holm_says() -> None:
    table = adjusted(outcomes(3, (0.35, 0.3, 0.25, 0.2), rho=0.9), seed=1)
    assert (table["p_romano_wolf"] < table["p_holm"]).all()
    assert (table["p_romano_wolf"] >= table["p_value"] - 0.02).all()


def test_step_down_by_definition() -> None:
    rng = np.random.default_rng(0)
    statistic, null = np.abs(rng.normal(size=4)) + 0.5, np.abs(rng.normal(size=(199, 4)))
    order, floor = np.argsort(-statistic), 0.0
    found = step_down(statistic, null)
    for position, value in enumerate(order):
        left = order[position:]
        floor = max(floor, (1 + (null[:, left].max(axis=1) >= statistic[value]).sum()) / 200)
        assert found[value] == pytest.approx(floor)


def test_signs_are_drawn_by_cluster() -> None:
    estimate = outcomes(4, (0.0, 0.0))
    spread = null_statistics(estimate, 20_000, 1)[:, 0]
    # Forty clusters, so t of about 39 degrees of freedom, as the estimate's own p-value has it.
    assert np.mean(spread > estimate.critical()) == pytest.approx(0.05, abs=0.01)


def test_published_values_and_seeds() -> None:
    two = Estimate.published([2.5, 0.2], [1.0, 1.0], terms="ab", outcome="y", estimand="gain", people=9, df=8)
    table = adjusted(two, seed=3, draws=100_000)
    single = table["p_value"][0]
    assert table["p_romano_wolf"][0] == pytest.approx(1 - (1 - single) ** 2, abs=0.006)
    pd.testing.assert_frame_equal(adjusted(two, seed=3), adjusted(two, seed=3))


def test_refusals() -> None:
    exact = Estimate.published([2.5, 0.2], [1.0, 0.0], terms="ab", outcome="y", estimand="gain", people=9)
    with pytest.raises(CounterfoilError, match="EST-015"):
        adjusted(exact, seed=1)
