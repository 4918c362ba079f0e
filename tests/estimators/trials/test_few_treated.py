"""One community against two gives an honest, wide answer; each method is what its paper defines; counts choose."""

import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t, ttest_ind

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment, smallest_detectable
from counterfoil.estimators.trials.cluster_means import ClusterMeans
from counterfoil.estimators.trials.cluster_permutation import Permutation
from counterfoil.estimators.trials.cluster_residuals import variance_by_size
from counterfoil.estimators.trials.few_treated import few_treated
from counterfoil.estimators.trials.means_of_clusters import cluster_means


def towns(treated: int, control: int, seed: int = 0, size: int = 5, effect: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    town = np.repeat(np.arange(treated + control), size)
    outcome = rng.normal(size=treated + control)[town] + rng.normal(size=len(town)) + effect * (town < treated)
    return pd.DataFrame({"town": town, "assigned": (town < treated).astype(int), "y": outcome})


SPEC = ClusterMeans(outcome="y", cluster="town")


def test_one_community_against_two() -> None:
    frame = towns(1, 2)
    means = frame.groupby("town")["y"].mean().to_numpy()
    found = SPEC.fit(frame)
    error = np.std(means[1:], ddof=1) * math.sqrt(1.5)
    assert found.values[0] == pytest.approx(means[0] - means[1:].mean())
    assert found.std_error[0] == pytest.approx(error)
    assert found.df == 1
    assert found.critical() == pytest.approx(12.706, abs=5e-4)
    assert [problem.code for problem in found.warnings] == ["EST-025"]
    people = Experiment(outcome="y").fit(frame)
    assert found.std_error[0] * found.critical() > 3 * people.std_error[0] * people.critical()


def test_no_error_by_person_or_cluster_can_be_had_instead() -> None:
    found = SPEC.fit(towns(1, 2))
    for other in ("HC1", "CR0", "CR1"):
        with pytest.raises(CounterfoilError, match="EST-001"):
            found.using(other)


def test_an_experiment_still_refuses_a_clustered_error_and_points_here() -> None:
    with pytest.raises(CounterfoilError, match=r"(?s)IDENT-006.*cluster_means"):
        Experiment(outcome="y", cluster="town").fit(towns(1, 5))


def test_an_experiment_with_two_treated_clusters_warns() -> None:
    assert "EST-025" in [p.code for p in Experiment(outcome="y", cluster="town").fit(towns(2, 8)).warnings]
    assert not Experiment(outcome="y", cluster="town").fit(towns(3, 8)).warnings


@pytest.mark.parametrize(("spread", "equal"), [("alike", True), ("by_arm", False)])
def test_means_of_clusters_are_a_t_test(spread: Any, equal: bool) -> None:
    frame = towns(4, 6, seed=3)
    means = frame.groupby("town")["y"].mean().to_numpy()
    found = ClusterMeans(outcome="y", cluster="town", spread=spread).fit(frame)
    known = ttest_ind(means[:4], means[4:], equal_var=equal)
    assert found.tidy()["statistic"][0] == pytest.approx(known.statistic)
    assert found.df == (8 if equal else 3)
    if equal:
        assert found.tidy()["p_value"][0] == pytest.approx(known.pvalue)


def test_the_influence_is_of_the_difference_in_means() -> None:
    frame = towns(4, 6, seed=3)
    found = SPEC.fit(frame)
    sums = np.bincount(frame["town"], weights=found.influence[:, 0])  # type: ignore[index]
    means = frame.groupby("town")["y"].mean().to_numpy()
    expected = np.concatenate([(means[:4] - means[:4].mean()) / 4, -(means[4:] - means[4:].mean()) / 6])
    np.testing.assert_allclose(sums / len(frame), expected, atol=1e-12)


def test_within_slopes_are_those_of_cluster_dummies() -> None:
    frame = towns(3, 7, seed=1).assign(age=lambda d: np.random.default_rng(2).normal(size=len(d)) + d["town"])
    frame["y"] += 2 * frame["age"]
    dummies = np.eye(10)[frame["town"]]
    slope = np.linalg.lstsq(np.column_stack([frame["age"], dummies]), frame["y"], rcond=None)[0][0]
    means = (frame["y"] - slope * frame["age"]).groupby(frame["town"]).mean().to_numpy()
    found = ClusterMeans(outcome="y", cluster="town", covariates=("age",)).fit(frame)
    assert found.values[0] == pytest.approx(means[:3].mean() - means[3:].mean())
    level = frame.assign(rural=frame["town"] % 2)
    flat = ClusterMeans(outcome="y", cluster="town", covariates=("age", "rural")).fit(level)
    assert flat.values[0] == pytest.approx(found.values[0])
    assert "EST-005" in [problem.code for problem in flat.warnings]


def test_more_spread_allowed_is_a_wider_interval_and_zero_enters_at_the_breakdown() -> None:
    frame = towns(1, 9, effect=6.0)
    found = few_treated(SPEC, frame, "t_alike")
    assert found.breakdown is not None
    at, below = (ClusterMeans(outcome="y", cluster="town", spread_ratio=found.breakdown * f) for f in (1.0, 0.99))
    assert at.fit(frame).interval()[0, 0] == pytest.approx(0, abs=1e-9)
    assert below.fit(frame).interval()[0, 0] > 0


@pytest.mark.parametrize(
    ("treated", "control", "method"),
    [(1, 2, "t_alike"), (1, 18, "t_alike"), (1, 19, "permutation"), (2, 4, "t_by_arm"), (4, 4, "permutation")],
)
def test_counts_choose_the_method(treated: int, control: int, method: str) -> None:
    found = few_treated(SPEC, towns(treated, control))
    assert found.method == method
    assert str(treated) in found.why
    assert found.tidy().attrs["assumption"] == found.assumption


def test_permutation_by_hand() -> None:
    frame = towns(3, 5, seed=4)
    means = frame.groupby("town")["y"].mean().to_numpy()
    for null in (0.0, 0.8):
        plain = means - null * (np.arange(8) < 3)
        every = [abs(plain[list(c)].mean() - np.delete(plain, c).mean()) for c in itertools.combinations(range(8), 3)]
        expected = np.mean(np.array(every) >= every[0] - 1e-12)
        assert Permutation.of(cluster_means(SPEC, frame), 9_999, 0).p_value(null) == pytest.approx(expected)


@given(st.integers(0, 40), st.sampled_from([(1, 25), (4, 6), (2, 12)]), st.sampled_from(["permutation", "residuals"]))
def test_intervals_hold_the_effects_that_are_not_rejected(seed: int, counts: tuple[int, int], method: Any) -> None:
    if method == "residuals" and counts[1] < 10:
        return
    frame = towns(*counts, seed=seed)
    found = few_treated(SPEC, frame, method, draws=299, seed=seed)
    assert found.conf_low <= found.value <= found.conf_high
    shifted = few_treated(SPEC, frame.assign(y=frame["y"] + 2.5 * frame["assigned"]), method, draws=299, seed=seed)
    assert shifted.conf_low == pytest.approx(found.conf_low + 2.5, abs=1e-6)
    assert (found.p_value <= 0.05) == (found.conf_low > 0 or found.conf_high < 0)


def test_small_treated_town_among_large_ones_is_less_sure() -> None:
    """A treated cluster of five people varies more than untreated ones of five hundred; size must say so."""
    rng = np.random.default_rng(0)
    sizes = np.concatenate([[5], np.where(np.arange(30) % 2, 5, 500)])
    town = np.repeat(np.arange(31), sizes)
    frame = pd.DataFrame({"town": town, "assigned": (town == 0).astype(int), "y": rng.normal(size=len(town))})
    by_size = few_treated(SPEC, frame, "residuals", draws=999)
    plain = few_treated(SPEC, frame, "permutation")
    assert by_size.conf_high - by_size.conf_low > plain.conf_high - plain.conf_low


def test_variance_never_negative() -> None:
    sizes = np.array([1.0, 2, 3, 4, 50, 60])
    assert (variance_by_size(np.array([0.1, 0.1, 0.1, 0.1, 5, -5]), sizes) > 0).all()


def test_single_cluster_of_control() -> None:
    frame = towns(6, 1)
    found = few_treated(SPEC, frame)
    means = frame.groupby("town")["y"].mean().to_numpy()
    error = np.std(means[:6], ddof=1) * math.sqrt(1 + 1 / 6)
    assert found.p_value == pytest.approx(2 * t.sf(abs(found.value) / error, 5))


@pytest.mark.parametrize(
    ("counts", "method"), [((1, 1), "auto"), ((1, 5), "t_by_arm"), ((2, 9), "residuals")], ids=["1:1", "single", "few"]
)
def test_too_few_for_the_method(counts: tuple[int, int], method: Any) -> None:
    with pytest.raises(CounterfoilError, match="IDENT-022"):
        few_treated(SPEC, towns(*counts), method)


def test_mixed_clusters_blocks_and_none() -> None:
    frame = towns(2, 4)
    mixed = frame.assign(assigned=np.arange(len(frame)) % 2)
    with pytest.raises(CounterfoilError, match="IDENT-022"):
        SPEC.fit(mixed)
    with pytest.raises(CounterfoilError, match="IDENT-022"):
        few_treated(Experiment(outcome="y", cluster="town", blocks="assigned"), frame)
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        ClusterMeans(outcome="y").fit(frame)
    with pytest.raises(CounterfoilError, match="IDENT-001"):
        SPEC.fit(frame.assign(assigned=1))
    with pytest.raises(CounterfoilError, match="IDENT-022"):
        ClusterMeans(outcome="y", cluster="town", spread="by_arm").fit(towns(1, 4))


def test_power_before_outcomes_counts_clusters_not_people() -> None:
    small, large = (SPEC.fit(towns(3, 6, size=size)) for size in (5, 500))
    alike = [smallest_detectable(found, found.critical(), icc=0.5)[0] for found in (small, large)]
    assert alike[1] > 0.8 * alike[0]


@pytest.mark.parametrize("method", ["permutation", "residuals"])
@pytest.mark.parametrize("level", [0.0, 0.3])
def test_clusters_that_do_not_differ_within_an_arm_are_refused(method: Any, level: float) -> None:
    frame = towns(5, 12)
    frame["y"] = level + 0.7 * frame["assigned"]
    with pytest.raises(CounterfoilError, match="EST-015"):
        few_treated(SPEC, frame, method)
