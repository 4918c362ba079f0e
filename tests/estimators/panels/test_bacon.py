"""The decomposition of a two-way regression: published weights, any panel's coefficient, and its picture."""

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from causaldata import castle as castle_file
from hypothesis import given, settings
from hypothesis import strategies as st

from counterfoil.datasets import Panel
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.panels.bacon import goodman_bacon
from counterfoil.estimators.panels.staggered_did import StaggeredDiD

mpl.use("Agg")
REFERENCE = Path(__file__).parents[2] / "reference"
SPEC = StaggeredDiD(outcome="y", first_treated="g")


def states() -> pd.DataFrame:
    file = castle_file.load_pandas().data[["sid", "year", "post", "l_homicide"]].astype(np.float64)
    first = file[file["post"] == 1].groupby("sid")["year"].min() - 1
    return file.assign(law=file["sid"].map(first))


def test_castle_doctrine_at_the_published_weights() -> None:
    panel = Panel.from_frame(states(), unit="sid", period="year")
    found = goodman_bacon(StaggeredDiD(outcome="l_homicide", first_treated="law"), panel)
    kinds = found.by_kind()
    np.testing.assert_allclose(kinds["weight"], [0.908339, 0.059763, 0.031898], atol=5e-7)
    np.testing.assert_allclose(kinds["estimate"], [0.0879625, -0.005542, 0.070321], atol=1e-6)
    assert len(found.comparisons) == 25
    assert found.two_way == pytest.approx(0.0818116, abs=5e-8)


def test_timing_off_by_one_has_other_weights() -> None:
    panel = Panel.from_frame(states(), unit="sid", period="year")
    found = goodman_bacon(StaggeredDiD(outcome="l_homicide", treated="post"), panel)
    np.testing.assert_allclose(found.by_kind()["weight"], [0.898809, 0.077079, 0.024112], atol=5e-7)
    assert found.two_way == pytest.approx(0.0693984, abs=5e-8)


def test_comparisons_are_those_of_diff_diff() -> None:
    stored = json.loads((REFERENCE / "staggered_panel.json").read_text())["diff-diff"]["bacon"]
    long = pd.read_csv(REFERENCE / "staggered_panel.csv")
    fixed = [name for name in long if not name.startswith("y")]
    long = long.melt(fixed, var_name="period", value_name="y")
    found = goodman_bacon(SPEC, Panel.from_frame(long.assign(period=long["period"].str[1:].astype(int)), unit="unit", period="period"))  # fmt: skip
    ours = {
        (row.treated, row.comparison.replace("never treated", "never_treated")): (row.weight, row.estimate)
        for row in found.comparisons.itertuples()
    }
    assert len(ours) == len(stored["comparisons"])
    for _, treated, other, weight, estimate in stored["comparisons"]:
        assert ours[f"{treated:g}", other] == pytest.approx((weight, estimate), abs=1e-12)


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_weights_sum_to_one_and_reproduce_the_regression(seed: int, weighted: bool, always: bool) -> None:
    """Whatever the cohorts, always treated among them; the regression is on dummies of units and periods."""
    rng = np.random.default_rng(seed)
    units, periods = int(rng.integers(4, 14)), int(rng.integers(3, 7))
    choices = [*range(1 if always else 2, periods + 1), 99]
    first = rng.choice(choices, units)
    first[:2] = [2, 99]
    w = rng.uniform(0.5, 2.0, units) if weighted else np.ones(units)
    frame = pd.DataFrame({"unit": np.repeat(np.arange(units), periods), "t": np.tile(np.arange(1, periods + 1), units)})
    frame["g"], frame["w"] = np.repeat(first, periods), np.repeat(w, periods)
    frame["y"] = rng.normal(size=len(frame))
    spec = SPEC.model_copy(update={"weights": "w" if weighted else None})
    found = goodman_bacon(spec, Panel.from_frame(frame, unit="unit", period="t"))
    design = np.column_stack(
        [frame["t"] >= frame["g"], pd.get_dummies(frame["unit"]), pd.get_dummies(frame["t"]).iloc[:, 1:]]
    ).astype(float)
    root = np.sqrt(frame["w"].to_numpy())
    coefficient = np.linalg.lstsq(design * root[:, None], frame["y"].to_numpy() * root, rcond=None)[0][0]
    assert found.comparisons["weight"].min() > 0
    assert found.comparisons["weight"].sum() == pytest.approx(1.0)
    assert found.two_way == pytest.approx(coefficient, abs=1e-9)


def test_units_with_gaps_are_left_out_and_counted() -> None:
    frame = states()
    panel = Panel.from_frame(frame[(frame["sid"] != 7) | (frame["year"] != 2004)], unit="sid", period="year")
    found = goodman_bacon(StaggeredDiD(outcome="l_homicide", first_treated="law"), panel)
    assert found.counts["people_used"] == 49
    assert [problem.code for problem in found.warnings] == ["DATA-033", "EST-007"]


def test_one_cohort_and_nobody_else_is_refused() -> None:
    frame = states().assign(law=2005.0)
    with pytest.raises(CounterfoilError, match="IDENT-001"):
        goodman_bacon(
            StaggeredDiD(outcome="l_homicide", first_treated="law"), Panel.from_frame(frame, unit="sid", period="year")
        )


def test_the_picture_names_every_kind_and_takes_axes() -> None:
    import matplotlib.pyplot as plt

    panel = Panel.from_frame(states(), unit="sid", period="year")
    ax = plt.subplots()[1]
    found = goodman_bacon(StaggeredDiD(outcome="l_homicide", first_treated="law"), panel)
    assert found.plot(ax) is ax
    words = [text.get_text() for text in ax.get_legend().get_texts()]
    assert words[0] == "treated vs never treated (91%)"
    assert found.plot() is not ax
    plt.close("all")
