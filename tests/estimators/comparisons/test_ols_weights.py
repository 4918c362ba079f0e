"""Whose effect a regression coefficient is: the published decomposition, and its identity."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.ols_weights import ols_weights
from counterfoil.estimators.weighting.weighting import Weighting

EIGHT = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def test_training_against_a_survey(nsw_cps: pd.DataFrame) -> None:
    """Słoczyński (2022): 794 as an average of 928 and -6,840, the treated weighing 98%."""
    found = ols_weights(Weighting(outcome="re78", treated="treat", covariates=EIGHT, squares=("age",)), nsw_cps)
    assert found.coefficient == pytest.approx(793.587, abs=5e-4)
    assert found.on_treated == pytest.approx(928.36, abs=5e-3)
    assert found.on_untreated == pytest.approx(-6839.53, abs=5e-3)
    assert found.on_everybody == pytest.approx(-6750.70, abs=5e-3)
    assert found.weight_on_treated == pytest.approx(0.98265, abs=5e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_coefficient_is_the_average(weighted: bool) -> None:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.normal(size=300), "z": rng.normal(size=300), "w": rng.uniform(0.5, 2, 300)})
    frame["t"] = (rng.random(300) < 1 / (1 + np.exp(1 - frame["x"]))).astype(int)
    frame["y"] = frame["x"] + frame["t"] * (1 + frame["z"]) + rng.normal(size=300)
    spec = Weighting(outcome="y", treated="t", covariates=("x", "z"), weights="w" if weighted else None)
    found = ols_weights(spec, frame)
    average = found.weight_on_treated * found.on_treated + (1 - found.weight_on_treated) * found.on_untreated
    assert found.coefficient == pytest.approx(average, rel=1e-10)
    assert found.tidy()["weight"].sum() == pytest.approx(1.0)


def test_nothing_to_weigh_is_refused() -> None:
    frame = pd.DataFrame({"x": [1.0, 2.0] * 10, "t": [0, 0, 1, 1] * 5, "y": np.arange(20.0)})
    with pytest.raises(CounterfoilError, match="EST-015"):
        ols_weights(Weighting(outcome="y", treated="t", covariates=("x",)), frame)


def test_one_of_several_groups_may_be_named() -> None:
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.normal(size=90), "g": np.array(["none", "a", "b"])[np.arange(90) % 3]})
    frame["y"] = frame["x"] + rng.normal(size=90)
    named = Weighting(outcome="y", treated="g", control="none", arm="a", covariates=("x",))
    alone = ols_weights(named, frame[frame["g"] != "b"])
    assert ols_weights(named, frame) == alone
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        ols_weights(named.model_copy(update={"arm": None}), frame)
