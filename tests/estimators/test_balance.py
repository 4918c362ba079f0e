"""Balance by hand, zero by construction for what is in the regression, and not for what is left out."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import Shapley
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, Estimate
from counterfoil.estimators.balance import balance, weighted_difference


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2_000, 2))
    served = rng.random((2_000, 2)) < 1 / (1 + np.exp(-x @ [[0.8, 0.0], [0.0, 0.8]]))
    data = pd.DataFrame({"a": served[:, 0].astype(int), "b": served[:, 1].astype(int), "x1": x[:, 0], "x2": x[:, 1]})
    return data.assign(y=x.sum(axis=1) + served.sum(axis=1) + rng.normal(size=2_000))


def credits(frame: pd.DataFrame, *covariates: str, **terms: object) -> Estimate:
    spec = {"outcome": "y", "providers": ("a", "b"), "covariates": covariates, **terms}
    return Contribution.model_validate(spec).fit(frame).apply(Shapley())


def test_by_hand() -> None:
    # Up: (1·2 + 3·4)/4 = 3.5; down: (2·5 + 2·1)/4 = 3.
    weights, values = np.array([[1.0], [3.0], [-2.0], [-2.0]]), np.array([[2.0], [4.0], [5.0], [1.0]])
    assert weighted_difference(weights, values)[0, 0] == pytest.approx(0.5, abs=1e-15)


def test_one_provider_is_the_normalized_difference_in_means(frame: pd.DataFrame) -> None:
    fit = Contribution(outcome="y", providers=("a",)).fit(frame)
    found = balance(fit.apply(Shapley()), {"x1": frame["x1"]})["difference"][0]
    served = frame["a"] == 1
    gap = frame["x1"][served].mean() - frame["x1"][~served].mean()
    assert found == pytest.approx(gap / frame["x1"].std(ddof=0), rel=1e-10)
    assert found > 0.5


def test_what_is_in_the_regression_is_balanced_and_what_is_left_out_is_not(frame: pd.DataFrame) -> None:
    functions = {"x1": frame["x1"], "x2": frame["x2"]}
    both = balance(credits(frame, "x1", "x2"), functions)
    assert both["difference"].abs().max() < 1e-10
    assert both["balanced"].all()
    without = balance(credits(frame, "x1"), functions).set_index(["provider", "term"])
    assert abs(without.loc[("b", "x1"), "difference"]) < 1e-10
    assert without.loc[("b", "x2"), "difference"] > 0.3
    assert not without.loc[("b", "x2"), "balanced"]


def test_augmented_weights_balance_only_about(frame: pd.DataFrame) -> None:
    credit = credits(frame, "x1", "x2", design="unconfounded")
    found = balance(credit, {"x1": frame["x1"], "x1 squared": frame["x1"] ** 2})
    assert 1e-10 < found["difference"].abs().max() < 0.1


def test_refusals(frame: pd.DataFrame) -> None:
    estimate = credits(frame)
    with pytest.raises(CounterfoilError) as caught:
        balance(estimate, {"one": np.ones(2_000)})
    assert caught.value.codes == ("EST-015",)
    with pytest.raises(CounterfoilError) as caught:
        balance(estimate.contrast(np.zeros((1, 2)), ["nothing"]), {"x1": frame["x1"]})
    assert caught.value.codes == ("EST-015",)
    with pytest.raises(ValueError, match="one finite value a person"):
        balance(estimate, {"x1": frame["x1"][:10]})
    with pytest.raises(ValueError, match="no weights"):
        balance(Estimate.published([1.0], [1.0], terms=["a"], outcome="y", estimand="e", people=3), {"x1": [1, 2, 3]})
