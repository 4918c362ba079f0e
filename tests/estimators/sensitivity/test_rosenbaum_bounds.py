"""Rosenbaum's printed tables, and every hidden cause of a few pairs and sets enumerated."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.sensitivity.matched_sets import set_bounds
from counterfoil.estimators.sensitivity.rosenbaum_bounds import _walsh_from_top, critical_gamma, rosenbaum_bounds

# Lead in the blood of 33 children of workers and of 33 matched to them, micrograms a decilitre (Morton et al. 1982).
EXPOSED = np.array([
    38, 23, 41, 18, 37, 36, 23, 62, 31, 34, 24, 14, 21, 17, 16, 20, 15,
    10, 45, 39, 22, 35, 49, 48, 44, 35, 43, 39, 34, 13, 73, 25, 27,
])  # fmt: skip
CONTROL = np.array([
    16, 18, 18, 24, 19, 11, 10, 15, 16, 18, 18, 13, 19, 10, 16, 16, 24,
    13, 9, 14, 21, 19, 7, 18, 19, 12, 11, 22, 25, 16, 13, 11, 13,
])  # fmt: skip


def test_printed_bounds_of_the_signed_rank_test() -> None:
    # Rosenbaum (2002), table 4.2.
    found = rosenbaum_bounds(EXPOSED - CONTROL, [1, 2, 3, 4, 4.25, 5], distribution="normal")
    assert found.p_upper[0] < 0.0001
    assert found.p_upper[1:].round(4).tolist() == [0.0018, 0.0136, 0.0388, 0.0468, 0.0740]
    assert 4.25 < found.critical < 4.5


def test_printed_bounds_of_the_hodges_lehmann_estimate() -> None:
    # Rosenbaum (2002), table 4.3; rbounds prints the same.
    found = rosenbaum_bounds(EXPOSED - CONTROL, [1, 2, 3, 4, 5])
    assert found.effect_low.tolist() == [15, 10.25, 8, 6.5, 5]
    assert found.effect_high.tolist() == [15, 19.5, 23, 25, 26.5]


def test_bounds_of_mcnemars_test() -> None:
    # Hammond (1964) in Rosenbaum (2002), section 4.3.2: of 122 pairs in which one died of lung cancer, 110 times the smoker;
    # the book prints .1 at 6.
    died = np.concatenate([np.ones(110), -np.ones(12), np.zeros(500)])
    found = rosenbaum_bounds(died, [1, 4, 5, 6], statistic="sign")
    assert found.p_upper == pytest.approx([binom.sf(109, 122, gamma / (1 + gamma)) for gamma in (1, 4, 5, 6)], rel=1e-9)
    assert found.p_upper[3].round(1) == 0.1
    assert 5 < found.critical < 6


@pytest.mark.parametrize("gamma", [1.0, 1.7, 4.0])
def test_exact_tail_is_the_largest_over_all_hidden_causes(gamma: float) -> None:
    own = np.array([3.0, -1.0, 4.0, 1.0, -5.0, 9.0, 2.0])
    ranks = np.array([4.0, 1.5, 5.0, 1.5, 6.0, 7.0, 3.0])
    seen = ranks[own > 0].sum()
    tails = []
    for cause in itertools.product((0, 1), repeat=len(own)):
        chance = np.where(np.array(cause) == 1, gamma / (1 + gamma), 1 / (1 + gamma))
        tail = 0.0
        for signs in itertools.product((0, 1), repeat=len(own)):
            drawn = np.array(signs)
            if ranks[drawn == 1].sum() >= seen - 1e-9:
                tail += math.prod(np.where(drawn == 1, chance, 1 - chance))
        tails.append(tail)
    found = rosenbaum_bounds(own, [gamma])
    assert found.p_upper[0] == pytest.approx(max(tails), abs=1e-12)
    assert found.p_lower[0] == pytest.approx(min(tails), abs=1e-12)


def test_exact_and_normal_agree_on_many_pairs() -> None:
    own = np.random.default_rng(1).normal(0.35, 1, 150)
    both = [rosenbaum_bounds(own, [1.0, 1.3], distribution=law).p_upper for law in ("exact", "normal")]
    assert both[0] == pytest.approx(both[1], abs=0.004)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 60))
def test_bounds_widen_with_gamma_and_meet_at_one(seed: int, pairs: int) -> None:
    own = np.random.default_rng(seed).normal(0.3, 1, pairs).round(1)
    own[0] = 1.0
    for statistic in ("signed_rank", "sign"):
        found = rosenbaum_bounds(own, [1.0, 1.5, 3.0], statistic=statistic)
        assert found.p_upper[0] == found.p_lower[0]
        assert found.effect_low[0] == found.effect_high[0]
        assert (np.diff(found.p_upper) >= -1e-12).all()
        assert (np.diff(found.p_lower) <= 1e-12).all()
        assert (np.diff(found.effect_low) <= 0).all()
        assert (np.diff(found.effect_high) >= 0).all()
        assert found.effect_low[0] == pytest.approx(-rosenbaum_bounds(-own, [1.0], statistic=statistic).effect_low[0])


def test_walsh_averages_of_many_pairs_are_found_without_making_them() -> None:
    own = np.sort(np.random.default_rng(2).normal(size=1200).round(2))
    every = np.sort(((own[:, None] + own) / 2)[np.triu_indices(1200)])[::-1]
    for place in (1, 700, len(every) // 3, len(every)):
        assert _walsh_from_top(own, place) == pytest.approx(every[place - 1], abs=1e-12)


def test_critical_gamma_stands_where_the_test_ceases_to_reject() -> None:
    own = EXPOSED - CONTROL
    found = rosenbaum_bounds(own)
    assert rosenbaum_bounds(own, [found.critical]).p_upper[0] <= 0.05
    assert rosenbaum_bounds(own, [found.critical * 1.0001]).p_upper[0] > 0.05
    assert f"{found.critical:.2f} times" in found.sentence()
    assert rosenbaum_bounds(-own).critical == 0
    assert "does not reject" in rosenbaum_bounds(-own).sentence()
    assert critical_gamma(lambda _: 0.01, 0.05) == math.inf


def scored(outcome: np.ndarray, trim: float) -> np.ndarray:
    """Scores of sets in rows, by loops."""
    sets, size = outcome.shape
    gaps = [abs(row[j] - row[k]) for row in outcome for j in range(size) for k in range(size) if j != k]
    unit = np.median(gaps)
    scores = np.zeros_like(outcome)
    for i in range(sets):
        for j in range(size):
            scores[i, j] = sum(np.clip((outcome[i, j] - other) / unit, -trim, trim) for other in outcome[i]) / size
    return scores


@pytest.mark.parametrize("gamma", [1.0, 2.0, 6.0])
def test_sets_take_the_worst_of_every_hidden_cause(gamma: float) -> None:
    outcome = np.random.default_rng(3).normal(size=(6, 4)) + np.array([1.0, 0, 0, 0])
    scores = scored(outcome, 2.5)
    mean = variance = 0.0
    for row in scores:
        causes = [np.array(cause) for cause in itertools.product((0, 1), repeat=4)]
        chances = [gamma**cause / (gamma**cause).sum() for cause in causes]
        found = sorted(((chance @ row, chance @ row**2 - (chance @ row) ** 2) for chance in chances), reverse=True)
        best = [spread for centre, spread in found if centre > found[0][0] - 1e-12]
        mean, variance = mean + found[0][0], variance + max(best)
    expected = (scores[:, 0].sum() - mean) / math.sqrt(variance)
    treated = np.tile([1, 0, 0, 0], 6)
    found_sets = set_bounds(outcome.ravel(), treated, np.repeat(np.arange(6), 4), [gamma])
    assert found_sets.deviate[0] == pytest.approx(expected, abs=1e-12)


def test_sets_of_two_without_trimming_are_the_permutation_t_test() -> None:
    own = np.random.default_rng(4).normal(0.4, 1, 40)
    outcome = np.column_stack([own, np.zeros(40)]).ravel()
    found = set_bounds(outcome, np.tile([1, 0], 40), np.repeat(np.arange(40), 2), [1.0, 2.0], trim=math.inf)
    for gamma, deviate in zip((1.0, 2.0), found.deviate, strict=True):
        chance, size = gamma / (1 + gamma), np.abs(own)
        centre = ((2 * chance - 1) * size).sum()
        assert deviate == pytest.approx((own.sum() - centre) / math.sqrt((4 * chance * (1 - chance) * size**2).sum()))


def test_sets_of_several_treated_mirror_sets_of_several_untreated() -> None:
    outcome = np.random.default_rng(5).normal(size=30)
    single, sets = np.tile([1, 0, 0], 10), np.repeat(np.arange(10), 3)
    one = set_bounds(outcome, single, sets, [1.0, 2.5])
    mirrored = set_bounds(-outcome, 1 - single, sets, [1.0, 2.5])
    assert one.deviate == pytest.approx(mirrored.deviate)
    shuffled = np.random.default_rng(6).permutation(30)
    assert set_bounds(outcome[shuffled], single[shuffled], sets[shuffled], [2.5]).deviate[0] == pytest.approx(
        one.deviate[1]
    )
    assert "10 matched sets" in repr(one)


def test_an_effect_that_is_taken_off_is_tested_against() -> None:
    outcome = np.random.default_rng(7).normal(size=60) + np.tile([2.0, 0, 0], 20)
    shape = (np.tile([1, 0, 0], 20), np.repeat(np.arange(20), 3))
    assert set_bounds(outcome, *shape).critical > set_bounds(outcome, *shape, effect=1.0).critical >= 1
    assert set_bounds(outcome, *shape, effect=4.0).critical == 0


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("EST-051", lambda: rosenbaum_bounds([1.0, 2.0], [0.9])),
        ("EST-051", lambda: rosenbaum_bounds([1.0, 2.0], [math.inf])),
        ("EST-051", lambda: rosenbaum_bounds([1.0, 2.0], level=1.0)),
        ("EST-015", lambda: rosenbaum_bounds([0.0, 0.0])),
        ("DATA-014", lambda: rosenbaum_bounds([1.0, math.nan])),
        ("EST-051", lambda: set_bounds([1, 2], [1, 0], [0, 0], [0.5])),
        ("EST-015", lambda: set_bounds([1, 1, 2, 2], [1, 0, 1, 0], [0, 0, 1, 1])),
        ("IDENT-020", lambda: set_bounds([1, 2, 3, 4], [1, 1, 0, 0], [0, 0, 0, 0])),
        ("IDENT-020", lambda: set_bounds([1, 2, 3], [1, 0, 1], [0, 0, 1])),
    ],
)
def test_bad_input_is_refused(code: str, asked: object) -> None:
    with pytest.raises(CounterfoilError) as caught:
        asked()  # type: ignore[operator]
    assert caught.value.codes == (code,)


def test_plot_shows_both_ends() -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    ax = rosenbaum_bounds(EXPOSED - CONTROL).plot()
    assert len(ax.lines) == 3
    assert "unequal" in ax.get_xlabel()
