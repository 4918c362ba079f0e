"""Effects by group of people and of people most in need."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust

N = 1_500


def people(seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    need = rng.normal(size=N)
    site = rng.choice(["east", "north", "west"], N)
    served = (rng.random(N) < 1 / (1 + np.exp(0.3 - 0.5 * need))).astype(int)
    gain = 1.0 + (site == "west") + (need > 0.5)
    return pd.DataFrame({"need": need, "site": site, "t": served, "y": 2 * need + served * gain + rng.normal(size=N)})


def spec(**terms: Any) -> DoublyRobust:
    return DoublyRobust.model_validate({"outcome": "y", "treated": "t", "covariates": ("need", "site"), **terms})


LINEAR = {"outcome": {"name": "linear"}, "repeats": 2}


@pytest.mark.parametrize("terms", [{}, {"learning": LINEAR}, {"method": "ipwra"}, {"method": "regression"}])
@pytest.mark.parametrize("estimand", ["att", "ate"])
def test_groups_average_to_the_whole(terms: dict[str, Any], estimand: str) -> None:
    """With unnormalised weights the effects of groups, weighted by their target people, are the effect of all."""
    frame = people()
    built = spec(estimand=estimand, normalize=False, **terms).build(frame)
    by = built.effects_by("site")
    target = frame if estimand == "ate" else frame[frame["t"] == 1]
    shares = target["site"].value_counts(normalize=True).sort_index().to_numpy()
    assert by.terms == ("east", "north", "west")
    assert by.contrast([shares], ["all"]).values == pytest.approx(built.effect().values, abs=1e-10)


def test_simultaneous_intervals_are_wider() -> None:
    by = spec(estimand="ate").build(people()).effects_by("site")
    apart, together = by.interval(), by.interval(simultaneous=True)
    assert (np.ptp(together, axis=1) > 1.1 * np.ptp(apart, axis=1)).all()
    assert together[2, 0] < 2.0 + 1.0 * 0.31 < together[2, 1]


def test_a_threshold_of_need() -> None:
    built = spec(estimand="ate", learning={"repeats": 1}).build(people())
    found = built.effects_by_need("need", above=0.5)
    assert found.terms == ("most in need", "everybody else")
    assert found.values == pytest.approx([2.33, 1.33], abs=0.25)
    same = built.effects_by_need("need", below=0.5)
    assert same.values == pytest.approx(found.values[::-1], abs=1e-9)


@pytest.mark.parametrize("terms", [{}, {"learning": LINEAR}])
def test_the_worst_predicted_outcomes(terms: dict[str, Any]) -> None:
    """Outcomes rise with need, so that the worst quarter of high outcomes is the quarter with most of it."""
    built = spec(estimand="ate", **terms).build(people())
    found = built.effects_by_prediction("high", share=0.25)
    frame = people()
    sizes = [found.diagnostics[f"people, {name}"] for name in found.terms]
    assert sizes == pytest.approx([0.25 * N, 0.75 * N], abs=2)
    by_hand = built.effects_by_need("need", above=float(frame["need"].quantile(0.75)))
    assert found.values == pytest.approx(by_hand.values, abs=0.1)


def test_several_arms_and_groups_are_named_by_both() -> None:
    frame = people()
    frame["arm"] = np.where(frame["t"] == 0, "none", np.where(np.arange(N) % 2 == 0, "visits", "letters"))
    by = spec(treated="arm", control="none").build(frame).effects_by("site")
    assert by.terms[:2] == ("east: letters", "east: visits")
    assert len(by.terms) == 6


def test_small_groups_are_left_out() -> None:
    frame = people()
    frame.loc[frame.index[:12], "site"] = "tiny"
    by = spec(estimand="ate").build(frame).effects_by("site")
    assert by.terms == ("east", "north", "west")
    assert by.diagnostics["groups_left_out"] == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda built: built.effects_by("t"),
        lambda built: built.effects_by("need"),
        lambda built: built.effects_by_need("need", above=3.2),
        lambda built: built.effects_by_prediction("low", share=0.001),
    ],
)
def test_groups_that_cannot_be_shown_are_refused(ask: Any) -> None:
    with pytest.raises(CounterfoilError) as caught:
        ask(spec().build(people()))
    assert "EST-009" in caught.value.codes


def test_a_threshold_needs_one_side_and_a_number() -> None:
    built = spec().build(people())
    with pytest.raises(ValueError, match="above"):
        built.effects_by_need("need")
    with pytest.raises(CounterfoilError) as caught:
        built.effects_by_need("site", above=1.0)
    assert "DATA-013" in caught.value.codes
