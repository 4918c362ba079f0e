"""Model learner: cross-fitted predictions behind the same influence function."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import RULES, Shapley, attribute
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution
from counterfoil.estimators.support import support


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x, served = rng.normal(size=900), rng.random((900, 2)) < 0.5
    y = np.sin(2 * x) + served @ [0.5, 0.3] + 0.4 * served.all(axis=1) + 0.5 * rng.normal(size=900)
    data = pd.DataFrame(served.astype(int), columns=["a", "b"])
    return data.assign(x=x, y=y, site=np.arange(900) % 60)


def fit(frame: pd.DataFrame, **terms: Any) -> Any:
    learning = {
        "outcome": {"name": "gradient_boosting", "params": {"max_iter": 60}},
        "splits": 2,
        **terms.pop("learning", {}),
    }
    base = {"outcome": "y", "providers": ("a", "b"), "covariates": ("x",), "design": "unconfounded", "model": "learner"}
    return Contribution.model_validate({**base, "target": "population", "learning": learning, **terms}).fit(frame)


def test_credits_add_up_and_are_near_the_truth(frame: pd.DataFrame) -> None:
    found = fit(frame)
    shares = attribute(found)
    assert shares.credits.values.sum() == pytest.approx(shares.total.values[0], abs=1e-12)
    assert np.abs((shares.credits.values - [0.35, 0.25]) / shares.credits.std_error).max() < 3
    # A curved baseline costs a straight line precision, and a learner that sees the curve none.
    straight = attribute(fit(frame, model="saturated")).credits
    assert (shares.credits.std_error < straight.std_error).all()
    ledger = support(found, Shapley())
    np.testing.assert_allclose(ledger.tidy()["estimate"], shares.credits.values, atol=1e-12)
    assert ledger.fraction().tolist() == [1.0, 1.0]


def test_influence_values_are_averaged_over_splits(frame: pd.DataFrame) -> None:
    both = attribute(fit(frame)).credits
    one, other = (attribute(fit(frame, learning={"splits": 1, "seed": seed})).credits for seed in (0, 1))
    np.testing.assert_allclose(both.values, (one.values + other.values) / 2, atol=1e-13)
    np.testing.assert_allclose(both.scores(), (one.scores() + other.scores()) / 2, atol=1e-12)


def test_the_same_seed_gives_the_same_credits_and_clusters_stay_whole(frame: pd.DataFrame) -> None:
    one, same = (attribute(fit(frame, cluster="site")).credits for _ in range(2))
    assert one.values.tolist() == same.values.tolist()
    assert one.error_type == "CR1"
    assert one.error_types == ("CR0", "CR1")


def test_efficient_rules_share_a_total(frame: pd.DataFrame) -> None:
    found = fit(frame, learning={"splits": 1})
    for rule in ("shapley", "equal_split", "owen"):
        assert rule in RULES
        assert attribute(found, rule).credits.values.sum() == pytest.approx(found.total().values[0], abs=1e-12)


def test_what_it_refuses(frame: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="complete outcomes"):
        fit(frame, missing="weight")
    alone = (frame["a"] == 1) & (frame["b"] == 0)
    with pytest.raises(CounterfoilError) as caught:
        attribute(fit(frame[~alone]))
    assert caught.value.codes == ("IDENT-002",)
