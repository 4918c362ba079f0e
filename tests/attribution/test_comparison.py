"""Width by hand, zero in an additive game, roster rules apart, and rules left out with their reason."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import RULES, attribute
from counterfoil.attribution.comparison import EFFECT_BASED, ROSTER, rule_width
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    served = rng.random((1_200, 3)) < 0.5
    data = pd.DataFrame(served.astype(int), columns=list(NAMES)).assign(dose=rng.integers(1, 9, 1_200))
    return data.assign(y=served @ [0.5, 0.3, 0.1] + 0.6 * served[:, :2].all(axis=1) + rng.normal(size=1_200))


def spec(model: str = "saturated") -> Contribution:
    return Contribution.model_validate({"outcome": "y", "providers": NAMES, "model": model})


def with_doses(frame: pd.DataFrame) -> Study:
    return Study.from_frame(frame, providers=NAMES, outcomes=["y"], doses=dict.fromkeys(NAMES, "dose"))


def test_width_is_largest_less_smallest_of_the_effect_based_rules(frame: pd.DataFrame) -> None:
    fit = spec().fit(with_doses(frame))
    found = rule_width(fit, unions=[["a", "b"]], stages=[["a"], ["b", "c"]], ties="equal")
    assert found.left_out == {"order_of_service": "ATTR-002"}
    by_hand = {
        name: attribute(fit, name).credits.values
        for name in ("shapley", "weighted_shapley", "last_in", "first_in", "banzhaf")
    }
    by_hand["owen"] = attribute(fit, "owen", unions=[["a", "b"]]).credits.values
    by_hand["stage_respecting"] = attribute(fit, "stage_respecting", stages=[["a"], ["b", "c"]]).credits.values
    table = np.array(list(by_hand.values()))
    np.testing.assert_allclose(found.width, table.max(axis=0) - table.min(axis=0), rtol=1e-12)
    assert list(found.roster) == list(ROSTER)
    assert found.width["a"] > 0.1
    frame_out = found.tidy()
    assert frame_out["provider"].tolist() == list(NAMES)
    assert list(frame_out)[-1] == "width"


def test_an_additive_game_has_no_width_and_roster_rules_still_differ(frame: pd.DataFrame) -> None:
    found = rule_width(spec("additive").fit(with_doses(frame)), ties="equal")
    np.testing.assert_allclose(found.width, 0.0, atol=1e-12)
    assert (found.roster["equal_split"] - found.credits["shapley"]).abs().max() > 0.05


def test_no_width_does_not_prove_an_additive_game() -> None:
    """Two pairs of opposite joint effect cancel for the provider in both."""
    rows = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)] * 8
    data = pd.DataFrame(rows, columns=list(NAMES))
    data["y"] = data["a"] + 0.4 * data["a"] * data["b"] - 0.4 * data["a"] * data["c"] + 0.1 * np.tile([1, -1], 32)
    data["y"] = data["y"].where(data.index % 16 < 8, data["y"] + 0.1)
    found = rule_width(spec().fit(data))
    assert found.width["a"] == pytest.approx(0, abs=1e-12)
    assert found.width["b"] > 0.05


def test_rules_that_cannot_be_applied_are_named(frame: pd.DataFrame) -> None:
    found = rule_width(spec().fit(frame))
    assert found.left_out["owen"] == "no unions given"
    assert (
        found.left_out["weighted_shapley"] == found.left_out["dose_split"] == found.left_out["plurality"] == "ATTR-002"
    )
    assert "ATTR-002" in found.summary()
    tied = rule_width(spec().fit(with_doses(frame.assign(dose=1))))
    assert tied.left_out["plurality"] == "ATTR-006"
    pair = (frame["a"] == 0) & frame[["b", "c"]].all(axis=1)
    short = rule_width(spec().fit(frame[~pair]))
    assert short.left_out["shapley"] == short.left_out["last_in"] == "IDENT-002"
    assert list(short.effect_based) == ["first_in"]
    assert list(short.roster) == ["equal_split"]


def test_refusals(frame: pd.DataFrame) -> None:
    served = frame[list(NAMES)].any(axis=1)
    with pytest.raises(CounterfoilError) as caught:
        rule_width(spec().fit(frame[served]))
    assert caught.value.codes == ("IDENT-004",)
    with pytest.raises(TypeError, match="terms are unions, stages, ties"):
        rule_width(spec().fit(frame), union=[["a"]])
    with pytest.raises(CounterfoilError) as caught:
        rule_width(spec().fit(frame), unions=[["a", "z"]])
    assert caught.value.codes == ("ATTR-005",)


def test_every_rule_is_effect_based_or_of_the_roster_or_agreed() -> None:
    assert {*EFFECT_BASED, *ROSTER, "fixed"} == set(RULES)
