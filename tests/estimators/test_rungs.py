"""Contamination of additive credits, credits at every rung, the gain by group, and which model is chosen."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import Shapley
from counterfoil.estimators import Contribution
from counterfoil.estimators.contamination import contamination
from counterfoil.estimators.ladder import ladder
from counterfoil.estimators.subgroups import gain_by_group


def bent(seed: int = 0, size: int = 6_000) -> pd.DataFrame:
    """Draw two providers whom needy people have more of; their effects bend with need, and they reinforce each other."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size)
    served = rng.random((size, 2)) < 1 / (1 + np.exp(0.3 + 0.9 * x))[:, None]
    y = x + served[:, 0] * (0.5 - 0.5 * x) + 0.3 * served[:, 1] + 0.6 * served.all(axis=1) + rng.normal(size=size)
    band = np.where(x < 0, "low", "high")
    return pd.DataFrame(served.astype(int), columns=["a", "b"]).assign(x=x, y=y, band=band, site=np.arange(size) % 50)


def spec(**terms: Any) -> Contribution:
    base = {
        "outcome": "y",
        "providers": ("a", "b"),
        "covariates": ("x",),
        "design": "unconfounded",
        "model": "additive",
    }
    return Contribution.model_validate({**base, **terms})


def test_contamination_adds_up_and_finds_the_bias() -> None:
    frame = bent()
    found = contamination(spec().fit(frame), frame, Shapley())
    table = found.tidy().set_index("provider")
    np.testing.assert_allclose(table[["own", "from_others", "baseline"]].sum(axis=1), table["additive"], atol=1e-12)
    # The regression that contains the additive one leaves residuals that the additive weights do not see.
    assert np.abs(table["baseline"]).max() < 1e-9
    assert abs(table.loc["b", "from_others"]) > 0.01
    truth_b = (0.3 * frame["b"] + 0.3 * frame["a"] * frame["b"]).mean()
    assert abs(table.loc["b", "reference"] - truth_b) < 3 * table.loc["b", "std_error"]
    assert table.loc["b", "conf_low"] > 0 or table.loc["b", "conf_high"] < 0


def test_no_contamination_where_effects_are_alike() -> None:
    frame = bent().assign(y=lambda data: data["x"] + 0.5 * data["a"] + 0.3 * data["b"])
    found = contamination(spec().fit(frame), frame, Shapley())
    np.testing.assert_allclose(found.from_others.sum(axis=1), 0.0, atol=1e-9)
    np.testing.assert_allclose(found.difference.values, 0.0, atol=1e-9)


def test_ladder_shows_every_rung_and_what_is_refused() -> None:
    frame = bent()
    table = ladder(spec(), frame, Shapley())
    assert table["model"].drop_duplicates().tolist() == [
        "additive", "additive by covariates", "pairwise", "pairwise by covariates", "saturated", "saturated by covariates",
    ]  # fmt: skip
    assert (table["refused"] == "").all()
    one = spec(model="pairwise").fit(frame).joint(Shapley())
    np.testing.assert_array_equal(table.query("model == 'pairwise'")["estimate"], one.values)
    nobody = ladder(spec(), frame[frame[["a", "b"]].any(axis=1)], Shapley()).set_index("model")["refused"]
    assert nobody["saturated"] == "IDENT-004"


@pytest.mark.parametrize("target", ["sample", "population"])
def test_gain_by_group_is_the_gain_of_the_group(target: str) -> None:
    frame = bent()
    fit = spec(model="pairwise", effects_by_covariates=True, target=target).fit(frame)
    table = gain_by_group(fit, "band").set_index("group")
    shares = frame["band"].value_counts(normalize=True)
    assert (table["estimate"] * shares).sum() == pytest.approx(fit.total().values[0], abs=1e-12)
    own = frame["a"] * (0.5 - 0.5 * frame["x"]) + 0.3 * frame["b"] + 0.6 * frame["a"] * frame["b"]
    truth = own.groupby(frame["band"]).mean()
    assert (np.abs(table["estimate"] - truth) < 3 * table["std_error"]).all()
    unserved = 1 - frame[["a", "b"]].any(axis=1).groupby(frame["band"]).mean()
    np.testing.assert_allclose(table["unserved"], unserved)
    assert table.loc["low", "estimate"] > table.loc["high", "estimate"]


def test_gain_by_group_hides_small_groups_and_covers() -> None:
    frame = bent(size=600)
    frame.loc[frame.index[:5], "site"] = 99
    fit = Contribution(outcome="y", providers=("a", "b"), covariates=("x",), model="pairwise").fit(frame)
    table = gain_by_group(fit, "site")
    assert "99" not in table["group"].tolist()
    inside = 0
    for seed in range(60):
        drawn = bent(seed, 500)
        fit = spec(model="pairwise", effects_by_covariates=True).fit(drawn)
        found = gain_by_group(fit, "band").set_index("group")
        own = drawn["a"] * (0.5 - 0.5 * drawn["x"]) + 0.3 * drawn["b"] + 0.6 * drawn["a"] * drawn["b"]
        truth = own.groupby(drawn["band"]).mean()
        inside += bool(((found["conf_low"] <= truth) & (truth <= found["conf_high"])).all())
    assert inside >= 51  # 57 expected


def test_auto_says_which_model_and_why() -> None:
    frame = bent()
    fit = spec(model="auto").fit(frame)
    assert fit.choice.model == "saturated"
    assert "25 people or more" in fit.choice.why
    few = frame.drop(index=frame.index[(frame["a"] == 1) & (frame["b"] == 0)][10:])
    thin = spec(model="auto").fit(few)
    assert thin.choice.model == "pairwise"
    assert "fewer than 25" in thin.choice.why
    alone = spec(model="auto").fit(frame.assign(b=lambda data: data["b"] * (1 - data["a"])))
    assert alone.choice.model == "saturated"
    # Outcomes have no say in it.
    assert spec(model="auto").fit(few.assign(y=0.0)).choice == thin.choice
