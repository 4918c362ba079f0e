"""Clear-cut and tied ranks, twins, Tukey's constant, and coverage by simulation."""

import numpy as np
import pytest
from numpy.typing import ArrayLike
from scipy.stats import studentized_range

from counterfoil.estimators import Estimate
from counterfoil.estimators.bands import simultaneous_critical
from counterfoil.estimators.ranks import pairwise_critical, rank_sets


def published(values: ArrayLike, covariance: ArrayLike, df: float = np.inf) -> Estimate:
    terms = [f"p{j}" for j in range(np.size(values))]
    return Estimate.published(
        values, covariance=covariance, terms=terms, outcome="y", estimand="credit", people=100, df=df
    )


def sets(values: ArrayLike, covariance: ArrayLike, better: str = "higher", conf_level: float = 0.95) -> list[list[int]]:
    table = rank_sets(published(values, covariance), better, conf_level)  # type: ignore[arg-type]
    rows: list[list[int]] = table[["rank", "rank_low", "rank_high"]].to_numpy().tolist()
    return rows


def test_clear_cut() -> None:
    values, covariance = [3.0, 1.0, 2.0], 0.001 * np.eye(3)
    assert sets(values, covariance) == [[1, 1, 1], [3, 3, 3], [2, 2, 2]]
    assert sets(values, covariance, "lower") == [[3, 3, 3], [1, 1, 1], [2, 2, 2]]


def test_tied() -> None:
    assert sets([1.0, 1.0, 1.0], np.eye(3)) == [[1, 1, 3]] * 3
    assert sets([1.0, 1.1, 9.0], np.eye(3)) == [[3, 2, 3], [2, 2, 3], [1, 1, 1]]


def test_a_common_shock_does_not_blur_ranks() -> None:
    """Differences are what counts: errors that all providers share cancel."""
    shared = 100.0 * np.ones((3, 3)) + 0.001 * np.eye(3)
    assert sets([3.0, 1.0, 2.0], shared) == [[1, 1, 1], [3, 3, 3], [2, 2, 2]]


def test_twins_share_a_rank_for_certain() -> None:
    covariance = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]) * 1e-4
    assert sets([0.5, 0.5, 0.1], covariance) == [[1, 1, 2], [1, 1, 2], [3, 3, 3]]
    assert sets([0.3, 0.1, 0.2], np.zeros((3, 3))) == [[1, 1, 1], [3, 3, 3], [2, 2, 2]]


@pytest.mark.parametrize(("size", "df"), [(2, 1e9), (3, 1e9), (5, 1e9), (8, 20.0)])
def test_critical_value_is_tukeys(size: int, df: float) -> None:
    expected = studentized_range.ppf(0.95, size, df if df < 1e6 else np.inf) / np.sqrt(2)
    assert pairwise_critical(np.eye(size), df, 0.95) == pytest.approx(expected, rel=0.015)


def test_critical_value_is_that_of_the_bands_of_all_differences() -> None:
    rng = np.random.default_rng(4)
    root = rng.normal(size=(4, 4))
    covariance = root @ root.T
    rows = np.array([np.eye(4)[j] - np.eye(4)[k] for j in range(4) for k in range(j)])
    expected = simultaneous_critical(rows @ covariance @ rows.T, 30.0, 0.9)
    assert pairwise_critical(covariance, 30.0, 0.9) == pytest.approx(expected, rel=0.015)


def test_sets_hold_all_true_ranks_together() -> None:
    """95% sets over 200 draws, with two providers truly tied and correlated errors."""
    rng = np.random.default_rng(9)
    truth = np.array([0.0, 0.0, 0.15, 0.5])
    covariance = 0.01 * (0.6 * np.eye(4) + 0.4)
    root = np.linalg.cholesky(covariance)
    best, worst = 1 + (truth[None, :] > truth[:, None]).sum(axis=1), 4 - (truth[None, :] < truth[:, None]).sum(axis=1)
    draws = 200
    covered, sharp = 0, 0
    for _ in range(draws):
        found = rank_sets(published(truth + root @ rng.normal(size=4), covariance), "higher")
        # Tied providers hold every rank of the tie.
        covered += bool(((found["rank_low"] <= best) & (worst <= found["rank_high"])).all())
        sharp += int(found["rank_high"][3] == 1)
    assert covered / draws >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / draws)
    assert sharp / draws > 0.5  # and they say something: the best is known to be best more often than not


def test_naive_sets_would_not_hold_together() -> None:
    """The same draws with pointwise intervals of differences fail, so that the test above can fail."""
    rng = np.random.default_rng(9)
    wrong = 0
    for _ in range(200):
        values = rng.normal(size=6)
        wrong += bool((np.abs(values[:, None] - values) > 1.96 * np.sqrt(2)).any())
    assert wrong / 200 > 0.15


def test_refusals() -> None:
    with pytest.raises(ValueError, match="better is"):
        sets([1.0, 2.0], np.eye(2), "more")
    with pytest.raises(ValueError, match="two or more"):
        sets([1.0], np.eye(1))
