"""`missing_covariates: indicator`, end to end: nobody is lost, marks are adjusted for, and what it cannot do is shown."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.balance_table import balance_table
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import draw_comparison

Maker = Callable[..., Any]


def people(n: int = 3_000, seed: int = 6) -> pd.DataFrame:
    """Return people whose need is often unknown, and of whom those with need were chosen."""
    rng = np.random.default_rng(seed)
    need = rng.normal(size=n)
    chosen = rng.random(n) < 1 / (1 + np.exp(-need))
    words = pd.Series(np.array(["north", "south"])[rng.integers(0, 2, n)]).mask(rng.random(n) < 0.2)
    seen = np.where(rng.random(n) < 0.3, np.nan, need)
    return pd.DataFrame({"t": chosen.astype(int), "need": seen, "true": need, "site": words, "y": need + chosen})


def spec(**terms: Any) -> ComparisonDesign:
    asked = {"outcome": "y", "treated": "t", "covariates": ("need", "site"), "missing_covariates": "indicator"}
    return ComparisonDesign.model_validate({**asked, **terms})


def test_nobody_is_lost_and_the_marks_are_balanced(by_score: Maker) -> None:
    data = people()
    before = data.copy()
    made = by_score(spec(squares=("need",)), data, "ato")
    assert made.sample.counts["people_used"] == len(data)
    names = ("need", "need squared", "need not recorded", "site=not recorded", "site=south")
    assert made.sample.adjusting.names == names
    rows = balance_table(made).tidy().set_index("covariate")
    assert set(rows.index) == {*names, "site=north"}
    assert rows["smd_after"].abs().max() < 1e-6
    assert rows.loc["need not recorded", "treated_before"] == pytest.approx(
        data.loc[data["t"] == 1, "need"].isna().mean()
    )
    pd.testing.assert_frame_equal(data, before)


def test_what_was_not_recorded_is_not_balanced(by_score: Maker) -> None:
    """People with blanks still differ in what their blanks hide: the bias of the method, in what it was meant to remove."""
    data = people()
    made = by_score(spec(), data, "ato")
    order = made.sample.study.ids.astype(int)
    true = data["true"].to_numpy()[order]
    marked = data["need"].isna().to_numpy()[order]
    rows = balance_table(made, functions={"true": true, "true, where blank": np.where(marked, true, 0.0)}).tidy()
    found = rows.set_index("covariate")["smd_after"]
    assert found["true"] > 0.1
    assert found["true, where blank"] > 0.1
    weights = made.balancing[:, 0]
    outcome = made.sample.study.outcome("y")
    groups = [np.average(outcome[made.sample.of(code)], weights=weights[made.sample.of(code)]) for code in (0, 1)]
    assert groups[1] - groups[0] > 1.1  # the effect is 1


def test_the_three_policies_differ_in_whom_they_keep() -> None:
    data = people(300)
    with pytest.raises(CounterfoilError, match="DATA-014"):
        draw_comparison(spec(missing_covariates="refuse"), data)
    dropped = draw_comparison(spec(missing_covariates="refuse", missing="drop"), data)
    assert dropped.n == int(data[["need", "site"]].notna().all(axis=1).sum())
    assert any(problem.code == "EST-007" for problem in dropped.warnings)
    marked = draw_comparison(spec(), data)
    assert marked.n == 300
    assert not any(problem.code == "EST-007" for problem in marked.warnings)


def test_with_nothing_missing_the_indicator_changes_nothing(by_score: Maker) -> None:
    study = cf.datasets.load("nsw")
    terms = {"treated": "assigned", "covariates": ("age", "re75", "black"), "outcome": "earnings"}
    made = [by_score(ComparisonDesign(**terms, missing_covariates=policy), study) for policy in ("refuse", "indicator")]
    assert np.array_equal(made[0].sample.adjusting.values, made[1].sample.adjusting.values)
    assert np.array_equal(made[0].balancing, made[1].balancing)


def test_people_without_an_outcome_are_left_out_and_those_without_a_covariate_are_not() -> None:
    data = people(200).assign(y=lambda frame: frame["y"].where(frame.index > 3))
    drawn = draw_comparison(spec(missing="drop"), data)
    assert drawn.n == 196
    assert drawn.counts["outcome y"] == 4
    assert "need not recorded" in drawn.adjusting.names
