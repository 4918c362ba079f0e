"""When a comparison is told to be weak: case 13, thresholds, small counts, and no noise where groups are alike."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample, draw_comparison
from counterfoil.estimators.comparisons.overlap import (
    Overlap,
    Side,
    chance_against,
    effective_size,
    measure_overlap,
    weak_overlap,
)
from counterfoil.estimators.comparisons.score import Score

Maker = Callable[..., Any]


def sample_of(treated: int, untreated: int, **columns: Any) -> ComparisonSample:
    """Return a comparison of so many people, the treated first."""
    n = treated + untreated
    data = pd.DataFrame(
        {"t": (np.arange(n) < treated).astype(int), "x": np.random.default_rng(0).normal(size=n), "y": 0.0, **columns}
    )
    weights = "w" if "w" in columns else None
    return draw_comparison(ComparisonDesign(outcome="y", treated="t", covariates=("x",), weights=weights), data)


def score_of(chance: NDArray[np.float64]) -> Score:
    return Score(np.column_stack([1 - chance, chance]))


def told(sample: ComparisonSample, weights: Any, score: Score | None = None, estimand: Any = "att") -> list[str]:
    return [problem.what for problem in weak_overlap(sample, np.asarray(weights)[:, None], score, estimand)]


def side(**changes: Any) -> Side:
    usual: dict[str, Any] = {
        "term": "gain",
        "who": "the untreated",
        "people": 400,
        "used": 400,
        "before": 400.0,
        "effective": 400.0,
        "heaviest_before": 0.0025,
        "heaviest": 0.0025,
        "outside": 0,
        "asked": True,
    }
    return Side(**{**usual, **changes})


def signs(untreated: Side, treated: Side) -> list[str]:
    return [problem.what for problem in Overlap((untreated, treated), "ate").problems()]


def test_case_13_warns_for_everybody_and_not_for_the_treated(
    by_score: Maker, nsw_cps: pd.DataFrame, nsw_cps_spec: ComparisonDesign
) -> None:
    found = {}
    for estimand in ("att", "ate", "atc", "ato", "atm"):
        made = by_score(nsw_cps_spec, nsw_cps, estimand)
        found[estimand] = weak_overlap(made.sample, made.balancing, made.score, estimand)
        if estimand == "ate":
            assert (1 / made.score.treated[made.sample.codes == 1]).max() == pytest.approx(1954, abs=0.5)
    assert {name for name, problems in found.items() if problems} == {"ate", "atc"}
    words = [problem.what for problem in found["ate"]]
    assert len(words) == 3
    assert "the treated count as 10.3 people of 185" in words[0]
    assert "22% of the weight of the treated" in words[1]
    assert words[2].startswith("9,895 of the untreated (15,992 people)")
    assert {problem.code for problem in found["ate"]} == {"EST-004"}


def test_the_effective_size_counts_where_both_groups_have_twice_as_many() -> None:
    treated = side(who="the treated")
    assert signs(side(effective=30.0), treated) == []
    assert len(signs(side(effective=29.9), treated)) == 1
    # Twenty treated people matched one to one have twenty partners: few people, and no weak overlap.
    twenty = side(who="the treated", people=20, used=20, before=20.0, effective=20.0, heaviest=0.05)
    assert signs(side(effective=20.0, used=20, heaviest=0.05), twenty) == []
    assert len(signs(side(effective=9.0, used=20, heaviest=0.11), twenty)) == 1


def test_one_person_carries_too_much() -> None:
    treated = side(who="the treated")
    assert signs(side(heaviest=0.05), treated) == []
    assert signs(side(heaviest=0.051), treated) == ["one person carries 5% of the weight of the untreated (400 people)"]
    # What a declared observation weight carries before is not the comparison's.
    assert signs(side(heaviest=0.15, heaviest_before=0.1), treated) == []
    small = side(who="the treated", people=15, used=15, before=15.0, effective=15.0, heaviest=1 / 15)
    assert signs(side(heaviest=1 / 15, effective=15.0, used=15), small) == []


def test_people_beyond_the_other_groups_chances() -> None:
    treated = side(who="the treated", people=1000, used=1000, before=1000.0, effective=1000.0)
    large = side(people=10_000, used=10_000, before=1e4, effective=1e4)
    assert signs(large, replace(treated, outside=10)) == []
    assert len(signs(large, replace(treated, outside=11))) == 1
    assert signs(large, replace(treated, outside=11, asked=False)) == []
    # Beyond the extremes of a hundred people are six in a hundred others by chance alone, now and then.
    assert signs(side(people=100), replace(treated, outside=60)) == []
    assert len(signs(side(people=100), replace(treated, outside=61))) == 1
    # One or two people say nothing.
    assert signs(large, side(who="the treated", people=50, outside=2)) == []
    assert len(signs(large, side(who="the treated", people=50, outside=3))) == 1


def test_small_counts_are_hidden() -> None:
    few = side(who="the treated", people=60, used=6, before=60.0, effective=5.3, heaviest=0.4, outside=7)
    words = " ".join(signs(side(), few))
    assert "<11 people of 60" in words
    assert "more than 5% of the weight" in words
    assert "5.3" not in words
    assert "40%" not in words
    table = Overlap((side(), few), "ate").tidy()
    assert table.loc[1, ["people", "outside"]].tolist() == ["60", "<11"]
    assert table.loc[1, ["effective", "largest_share"]].isna().all()
    assert "<11" in Overlap((side(), few), "ate")._repr_html_().replace("&lt;", "<")


@pytest.mark.parametrize(("treated", "untreated"), [(40, 40), (40, 800), (400, 60)])
def test_groups_that_are_alike_are_seldom_called_weak(treated: int, untreated: int) -> None:
    sample = sample_of(treated, untreated)
    rng = np.random.default_rng(5)
    alarms = 0
    for _ in range(200):
        chance = rng.uniform(0.3, 0.7, sample.n)
        alarms += bool(told(sample, np.ones(sample.n), score_of(chance), "att"))
    assert alarms <= 200 * 0.05


def test_groups_apart_are_called_weak() -> None:
    sample = sample_of(60, 400)
    chance = np.where(sample.codes == 1, 0.7, 0.2) + np.linspace(0, 0.1, sample.n)
    assert any(
        "have a chance of treatment that none of the untreated has" in word
        for word in told(sample, np.ones(460), score_of(chance))
    )
    assert not told(sample, np.ones(460), score_of(chance), "ato")
    weights = np.where(sample.codes == 1, 1.0, 1e-4)
    weights[[100, 101, 102]] = 20.0
    assert len(told(sample, weights)) == 2


def test_observation_weights_alone_are_no_weak_overlap() -> None:
    rng = np.random.default_rng(1)
    sample = sample_of(300, 300, w=np.exp(2 * rng.normal(size=600)))
    assert effective_size(sample.weights[:, None])[0] < 100
    assert told(sample, sample.weights) == []


def test_facts_are_those_of_the_weights() -> None:
    sample = sample_of(30, 50)
    weights = np.where(sample.codes == 1, 1.0, np.arange(80.0) % 4)
    chance = np.linspace(0.2, 0.8, 80)
    found = measure_overlap(sample, weights[:, None], score_of(chance), "att")
    none, treated = found.sides
    own = weights[sample.codes == 0]
    assert (none.people, none.used) == (50, int((own > 0).sum()))
    assert none.effective == pytest.approx(own.sum() ** 2 / (own**2).sum())
    assert none.heaviest == pytest.approx(own.max() / own.sum())
    assert (none.outside, treated.outside) == (50, 30)
    assert (none.asked, treated.asked) == (False, True)
    assert found.tidy()["group"].tolist() == ["the untreated", "the treated"]
    assert repr(found).startswith("overlap for the average effect on the treated")
    without = measure_overlap(sample, weights[:, None], None, "att")
    assert set(without.tidy()["outside"]) == {""}


def test_every_group_of_several_is_held_against_the_untreated(by_score: Maker) -> None:
    rng = np.random.default_rng(2)
    age = rng.normal(size=900)
    group = np.array(["none", "a", "b"])[
        (np.column_stack([0 * age, 4 * age, 0 * age]) + rng.gumbel(size=(900, 3))).argmax(axis=1)
    ]
    data = pd.DataFrame({"g": group, "age": age, "y": 0.0})
    made = by_score(ComparisonDesign(outcome="y", treated="g", control="none", covariates=("age",)), data, "ate")
    words = " ".join(problem.what for problem in weak_overlap(made.sample, made.balancing, made.score, "ate"))
    assert " a " in f"{words} "
    assert set(measure_overlap(made.sample, made.balancing, made.score, "ate").tidy()["term"]) == {"a", "b"}


def test_chances_of_nothing_divide_by_nothing() -> None:
    chance = np.array([[0.0, 0.0, 1.0], [0.5, 0.25, 0.25]])
    assert chance_against(Score(chance), 1) == pytest.approx([0.0, 1 / 3])
