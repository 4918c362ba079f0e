"""Partners who were taken, not chosen: found before outcomes, and told of in the outcome's units after."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.estimators.matching.matched import Matched
from counterfoil.estimators.matching.matching import Matching


def people(share: float, seed: int = 3, n: int = 400) -> pd.DataFrame:
    """Return people of whom nobody gains, treated by need and, of `share` of them, in all."""
    rng = np.random.default_rng(seed)
    need, age = rng.normal(size=(2, n))
    chance = share * 2 / (1 + np.exp(-0.8 * need))
    treated = (rng.random(n) < np.minimum(chance, 1)).astype(int)
    return pd.DataFrame({"t": treated, "need": need, "age": age, "y": need + age + rng.normal(size=n)})


def built(frame: pd.DataFrame, **terms: Any) -> Matched:
    return Matching.model_validate({"treated": "t", "outcome": "y", "covariates": ("need", "age"), **terms}).build(
        frame
    )


def told(problems: Any) -> list[str]:
    return [problem.what for problem in problems if problem.code == "EST-056"]


@pytest.mark.parametrize("terms", [{}, {"method": "optimal"}, {"distance": "mahalanobis"}, {"estimand": "atc"}])
def test_an_interval_that_misses_for_want_of_choice_is_told_of(terms: dict[str, Any]) -> None:
    made = built(people(0.5), **terms)
    effect = made.effect()
    low, high = effect.interval()[0]
    assert not low <= 0 <= high
    assert "still differ by" in told(made.warnings)[0]
    assert "'need'" in told(made.warnings)[0]
    assert "would move the effect" in told(effect.warnings)[1]
    adjusted = built(people(0.5), **terms, bias_adjustment=True).effect()
    assert effect.diagnostics["moved_by_adjusting"] == pytest.approx(adjusted.values[0] - effect.values[0], rel=1e-9)
    low, high = adjusted.interval()[0]
    assert low <= 0 <= high
    assert not told(adjusted.warnings)


@pytest.mark.parametrize(
    ("share", "terms"),
    [(0.15, {}), (0.5, {"replace": True}), (0.5, {"method": "full"}), (0.5, {"caliper": 0.02})],
)
def test_where_partners_were_chosen_nothing_is_told(share: float, terms: dict[str, Any]) -> None:
    assert not told(built(people(share), **terms).effect().warnings)


def test_an_adjustment_of_one_covariate_leaves_the_other_to_be_told() -> None:
    assert not told(built(people(0.5), bias_adjustment=("need",)).warnings)
    assert told(built(people(0.5), bias_adjustment=("age",)).warnings)
