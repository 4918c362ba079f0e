"""Randomization inference: exact small cases, public p-values, and an inversion held against a scan of effects."""

from itertools import combinations, permutations
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from causaldata import ri
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment
from counterfoil.estimators.trials.lottery import Lottery
from counterfoil.estimators.trials.randomization import randomization_inference, randomize
from counterfoil.estimators.trials.randomization_plot import plot_randomization

mpl.use("Agg")


@pytest.fixture(scope="module")
def eight() -> tuple[np.ndarray, np.ndarray]:
    frame = ri.load_pandas().data
    return frame["y"].to_numpy(dtype=float), frame["d"].to_numpy(dtype=int)


def test_all_seventy_assignments(eight: tuple[np.ndarray, np.ndarray]) -> None:
    outcome, assigned = eight
    two = randomize(outcome, assigned)
    one = randomize(outcome, assigned, alternative="greater")
    assert two.exact
    assert len(two.distribution) == 70
    assert two.observed[0] == 1.0
    assert two.p_values[0] == pytest.approx(60 / 70)
    assert one.p_values[0] == pytest.approx(30 / 70)
    listed = np.array([[person in chosen for person in range(8)] for chosen in combinations(range(8), 4)], dtype=int)
    assert randomize(outcome, assigned, assignments=listed).p_values[0] == two.p_values[0]


def test_nsw_difference_in_means(nsw: Study) -> None:
    """20,000 draws: p = .0051 (own reference; tolerance .0015)."""
    test = randomization_inference(Experiment(), nsw, draws=20_000, seed=1)
    assert test.observed[0] == pytest.approx(1794.3424, abs=5e-5)
    assert test.p_values[0] == pytest.approx(0.0051, abs=0.0015)
    assert not test.exact
    low, high = test.interval()
    assert low == pytest.approx(475.6, abs=120)
    assert high == pytest.approx(3113.1, abs=120)
    again = randomization_inference(Experiment(), nsw, draws=20_000, seed=1)
    assert np.array_equal(test.distribution, again.distribution)


def test_malawi_is_as_rare_as_draws_allow() -> None:
    """Cunningham, Mixtape: p = .001 of 1,000 draws, none of which comes near; the observed one is counted."""
    rng = np.random.default_rng(0)
    got, incentive = np.repeat([0, 1, 0, 1], [412, 211, 466, 1745]), np.repeat([0, 1], [623, 2211])
    test = randomize(got, incentive, draws=999, seed=int(rng.integers(9)))
    assert test.observed[0] == pytest.approx(0.4505519, abs=5e-8)
    assert test.p_values[0] == 0.001


@pytest.mark.parametrize("statistic", ["difference", "studentized"])
@pytest.mark.parametrize("alternative", ["two-sided", "greater", "less"])
@pytest.mark.parametrize("covariate", [False, True])
def test_the_interval_is_the_set_of_effects_not_rejected(statistic: Any, alternative: Any, covariate: bool) -> None:
    rng = np.random.default_rng(4)
    assigned = rng.permutation(np.repeat([0, 1], [14, 9]))
    x = rng.normal(size=(23, 2))
    outcome = x[:, 0] + 0.7 * assigned + rng.normal(size=23)
    test = randomize(
        outcome, assigned, covariates=x if covariate else None, statistic=statistic, alternative=alternative, draws=499
    )
    low, high = test.interval(0.9)
    for effect in np.linspace(-4, 5, 181):
        if min(abs(effect - low), abs(effect - high)) > 1e-6:
            assert (test.p_value_at(effect) > 0.1) == (low < effect < high), effect
    assert low <= test.estimate <= high
    assert test.p_value_at(0.0) == test.p_values[0]


def test_a_test_of_an_effect_is_a_test_of_outcomes_less_it() -> None:
    rng = np.random.default_rng(7)
    assigned = np.repeat([0, 1], [9, 11])
    outcome = rng.normal(size=20) + assigned
    for statistic in ("difference", "studentized"):
        whole = randomize(outcome, assigned, statistic=statistic, draws=299)
        less = randomize(outcome - 0.6 * assigned, assigned, statistic=statistic, draws=299)
        assert whole.p_value_at(0.6) == less.p_values[0]


def test_few_assignments_reject_nothing() -> None:
    test = randomize([1.0, 2.0, 9.0, 8.0], [0, 0, 1, 1])
    assert test.exact
    assert test.p_values[0] == pytest.approx(2 / 6)
    assert test.interval().tolist() == [-np.inf, np.inf]
    assert np.isfinite(test.interval(0.6)).all()


def by_hand(outcome: np.ndarray, arms: np.ndarray, block: np.ndarray) -> float:
    """Return the difference in means, averaged over blocks by size."""
    total = 0.0
    for group in np.unique(block):
        here = block == group
        difference = outcome[here & (arms == 1)].mean() - outcome[here & (arms == 0)].mean()
        total += here.mean() * difference
    return float(total)


def test_blocks_by_hand() -> None:
    """Every order of the labels inside a block is as likely as any other."""
    rng = np.random.default_rng(2)
    block, arms = np.array([1, 0, 1, 0, 1, 0, 1]), np.array([1, 0, 0, 1, 1, 0, 0])
    outcome = rng.normal(size=7)
    test = randomize(outcome, arms, blocks=block)
    one, other = (np.flatnonzero(block == group) for group in (0, 1))
    found = []
    for first in set(permutations(arms[one])):
        for second in set(permutations(arms[other])):
            drawn = arms.copy()
            drawn[one], drawn[other] = first, second
            found.append(by_hand(outcome, drawn, block))
    assert len(test.distribution) == len(found) == 3 * 6
    assert np.sort(test.distribution[:, 0]) == pytest.approx(np.sort(found))
    assert test.observed[0] == pytest.approx(by_hand(outcome, arms, block))


def test_clusters_are_drawn_whole() -> None:
    rng = np.random.default_rng(3)
    size = np.array([3, 5, 2, 4, 6])
    village = np.repeat(np.arange(5), size)
    assigned = np.isin(village, (1, 4)).astype(int)
    outcome = rng.normal(size=20)
    test = randomize(outcome, assigned, clusters=village)
    found = []
    for chosen in combinations(range(5), 2):
        drawn = np.isin(village, chosen)
        found.append(outcome[drawn].mean() - outcome[~drawn].mean())
    assert np.sort(test.distribution[:, 0]) == pytest.approx(np.sort(found))
    frame = pd.DataFrame({"village": village, "assigned": assigned, "y": outcome})
    spec = Experiment(outcome="y", cluster="village")
    assert randomization_inference(spec, frame).p_values == pytest.approx(test.p_values)
    by_person = randomization_inference(spec, frame, drawn="people", draws=99)
    assert by_person.drawn_by == "20 people"
    mixed = frame.assign(assigned=np.arange(20) % 2)
    assert randomization_inference(spec, mixed, draws=99).drawn_by == "20 people"


def test_pairs_are_flipped() -> None:
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"pair": np.arange(16) // 2, "assigned": np.arange(16) % 2, "y": rng.normal(size=16)})
    test = randomization_inference(Experiment(outcome="y", pairs="pair"), frame)
    difference = frame["y"].to_numpy()[1::2] - frame["y"].to_numpy()[::2]
    signs = np.array([[1 - 2 * (mask >> k & 1) for k in range(8)] for mask in range(256)])
    assert np.sort(test.distribution[:, 0]) == pytest.approx(np.sort((signs * difference).mean(axis=1)))


def test_one_arm_of_several_leaves_the_others_alone() -> None:
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"arm": ["none"] * 4 + ["a"] * 3 + ["b"] * 5, "y": rng.normal(size=12)})
    terms = {"outcome": "y", "assigned": "arm", "control": "none"}
    one = randomization_inference(Experiment.model_validate({**terms, "arm": "a"}), frame)
    assert len(one.distribution) == 35
    changed = frame.assign(y=np.where(frame["arm"] == "b", 1e3, frame["y"]))
    assert randomization_inference(Experiment.model_validate({**terms, "arm": "a"}), changed).p_values == one.p_values
    all_arms = randomization_inference(Experiment.model_validate(terms), frame, statistic="studentized", draws=999)
    assert all_arms.terms == ("a", "b")
    assert all_arms.p_values.max() <= 1
    assert all_arms.joint_p_value >= all_arms.p_values.min() - 1e-12
    with pytest.raises(CounterfoilError) as caught:
        all_arms.interval()
    assert caught.value.codes == ("EST-022",)
    assert "joint p-value" in repr(all_arms)


def test_arms_without_any_spread_are_the_most_extreme() -> None:
    """A studentized difference without any error is infinitely far out, and does not blur the others."""
    outcome, assigned = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], [0, 0, 0, 1, 1, 1]
    test = randomize(outcome, assigned, statistic="studentized")
    assert test.extreme.sum() == 2
    middle = randomize(outcome, [0, 0, 1, 0, 1, 1], statistic="studentized")
    assert middle.extreme.sum() == 20
    none = randomize([2.0] * 6, assigned, statistic="studentized")
    assert none.p_values[0] == 1.0


def test_weights_and_studentized_by_hand() -> None:
    rng = np.random.default_rng(12)
    assigned, weight, outcome = rng.permutation(np.repeat([0, 1], 10)), rng.uniform(0.5, 2, 20), rng.normal(size=20)
    weighted = randomize(outcome, assigned, weights=weight, draws=99)
    expected = np.average(outcome[assigned == 1], weights=weight[assigned == 1])
    expected -= np.average(outcome[assigned == 0], weights=weight[assigned == 0])
    assert weighted.observed[0] == pytest.approx(expected)
    plain = randomize(outcome, assigned, statistic="studentized", draws=99)
    error = sum(outcome[assigned == arm].var(ddof=1) / 10 for arm in (0, 1)) ** 0.5
    assert plain.observed[0] == pytest.approx((outcome[assigned == 1].mean() - outcome[assigned == 0].mean()) / error)


@given(
    st.lists(st.integers(0, 2), min_size=2, max_size=6).filter(lambda arms: len(set(arms)) > 1),
    st.lists(st.integers(0, 1), min_size=6, max_size=6),
)
def test_every_assignment_once(arms: list[int], blocks: list[int]) -> None:
    lottery = Lottery(np.array(arms), np.sort(np.unique(blocks[: len(arms)], return_inverse=True)[1]))
    every = lottery.every()
    assert len(every) == lottery.count == len(np.unique(every, axis=0))
    for first, last in lottery.bounds:
        assert (np.sort(every[:, first:last], axis=1) == np.sort(lottery.arms[first:last])).all()
    drawn = lottery.draw(20, np.random.default_rng(0))
    assert {tuple(row) for row in drawn} <= {tuple(row) for row in every}


def test_p_values_of_an_exact_test_are_uniform() -> None:
    """Over the lottery itself the chance of a p-value of at most a is at most a, whatever the outcomes are."""
    outcome = np.array([0.0, 0.0, 1.0, 5.0, 90.0, 2.0, 2.5, -40.0])
    every = Lottery(np.repeat([0, 1], 4), np.zeros(8, dtype=int)).every()
    found = np.array([randomize(outcome, arms).p_values[0] for arms in every])
    for level in (0.05, 0.1, 0.3, 0.5, 0.9):
        assert (found <= level + 1e-12).mean() <= level + 1e-12


def test_what_the_lottery_cannot_have_given() -> None:
    def code(*given: Any, **terms: Any) -> str:
        with pytest.raises(CounterfoilError) as caught:
            randomize(*given, **terms)
        return caught.value.codes[0]

    outcome, arms = [1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1]
    assert code(outcome, arms, clusters=[0, 0, 1, 1]) == "EST-021"
    assert code(outcome, arms, clusters=[0, 1, 0, 2], blocks=[0, 0, 1, 1]) == "EST-021"
    assert code(outcome, arms, blocks=[0, 1, 0, 1]) == "EST-021"
    assert code(outcome, arms, assignments=[[1, 0, 1, 0], [1, 1, 0, 0]]) == "EST-021"
    assert code(outcome, arms, assignments=[[0, 1, 0]]) == "EST-021"
    assert code(outcome, arms, assignments=[[0, 1, 0, 1], [1, 1, 1, 1]]) == "EST-021"
    assert code(outcome, arms, blocks=[0, 0, 1, 1], statistic="studentized") == "EST-001"
    assert code(outcome, [0, 1, 0, 1], clusters=[0, 1, 0, 1], assignments=[[0, 1, 0, 1], [1, 0, 0, 1]]) == "EST-021"
    frame = pd.DataFrame({"assigned": arms, "y": outcome})
    with pytest.raises(CounterfoilError) as caught:
        randomization_inference(Experiment(outcome="y"), frame, drawn="clusters")
    assert caught.value.codes == ("EST-021",)


def test_the_plot_shows_all_assignments(eight: tuple[np.ndarray, np.ndarray]) -> None:
    test = randomize(*eight)
    ax = plot_randomization(test)
    assert sum(patch.get_height() for patch in ax.patches) > 0
    assert "p = 0.857" in ax.texts[0].get_text()
    assert test.plot(ax) is ax
    mpl.pyplot.close("all")


def test_darwins_maize() -> None:
    """Fisher (1935), sections 17 and 21: t = 2.148, and 1,726 of 32,768 assignments are as extreme, 5.267%."""
    difference = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    frame = pd.DataFrame({"pair": np.repeat(np.arange(15), 2), "crossed": [0, 1] * 15, "height": 0.0})
    frame.loc[frame["crossed"] == 1, "height"] = np.array(difference, dtype=float)
    spec = Experiment(outcome="height", assigned="crossed", pairs="pair")
    gain = spec.fit(frame).tidy().iloc[0]
    assert gain["estimate"] == pytest.approx(20.933, abs=5e-4)
    assert gain["statistic"] == pytest.approx(2.148, abs=5e-4)
    assert gain["p_value"] == pytest.approx(0.0497, abs=5e-5)
    test = randomization_inference(spec, frame, draws=2**15)
    assert test.exact
    assert test.extreme.sum() == 1726
    assert test.p_values[0] == pytest.approx(0.05267, abs=5e-6)


@pytest.mark.parametrize("conf_level", [0.8, 0.9, 0.95])
def test_an_effect_rejected_at_exactly_the_level_is_not_in_a_studentized_interval(conf_level: float) -> None:
    arms = np.repeat([0, 1], [12, 9])
    found = randomize(np.random.default_rng(0).normal(size=21) + arms, arms, statistic="studentized", draws=999)
    low, high = found.interval(conf_level)
    inside, outside = ([found.p_value_at(end) for end in ends] for ends in ((low + 1e-6, high - 1e-6), (low, high)))
    assert min(inside) > 1.0 - conf_level + 1e-9
    assert max(outside) <= 1.0 - conf_level + 1e-9
