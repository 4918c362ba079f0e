"""An event-study regression equals dummies, bins its ends as declared, and refuses what is not determined."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from pydantic import ValidationError

from counterfoil.datasets import Panel
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.panels.event_study_regression import EventStudyRegression
from counterfoil.estimators.trials.regression import solve


def staggered(seed: int, kept: float = 1.0, never: bool = True) -> pd.DataFrame:
    """Draw 40 units over ten years that begin in year 4 or 6 or never; effects grow by 0.5 a year."""
    rng = np.random.default_rng(seed)
    unit, year = np.repeat(np.arange(40), 10), np.tile(np.arange(10), 40)
    began = np.array([4, 6, 0 if never else 5])[unit % 3]
    since = np.where(began > 0, year - began, -1)
    y = rng.normal(size=40)[unit] + 0.3 * year + np.where(since >= 0, 0.5 * (since + 1), 0.0)
    frame = pd.DataFrame({"unit": unit, "year": year, "began": began, "since": since})
    frame["y"] = y + rng.normal(0, 0.3, len(y))
    frame["on"] = (since >= 0).astype("int8")
    return frame[rng.random(len(frame)) < kept]


def as_panel(frame: pd.DataFrame) -> Panel:
    return Panel.from_frame(frame, unit="unit", period="year")


SPEC = EventStudyRegression(outcome="y", first_treated="began")


@pytest.mark.filterwarnings("ignore:The design matrix is rank-deficient")  # by the dummies of units
@pytest.mark.parametrize("kept", [1.0, 0.85])
def test_equals_dummies_with_binned_ends(kept: float) -> None:
    frame = staggered(1, kept)
    study = SPEC.model_copy(update={"earliest": -4, "latest": 3}).fit(as_panel(frame))
    assert study.times == (-4, -3, -2, 0, 1, 2, 3)
    assert study.estimate.terms == ("-4 or earlier", "-3", "-2", "0", "1", "2", "3 or later")
    frame["event"] = np.where(frame["began"] > 0, frame["since"].clip(-4, 3), -1)
    fit = smf.ols("y ~ C(event, Treatment(-1)) + C(unit) + C(year)", frame).fit(
        cov_type="cluster", cov_kwds={"groups": frame["unit"], "use_correction": False}
    )
    rows = [f"C(event, Treatment(-1))[T.{time}]" for time in study.times]
    np.testing.assert_allclose(study.estimate.values, fit.params[rows], rtol=1e-8)
    np.testing.assert_allclose(
        study.estimate.using("CR0").cov(), fit.cov_params().loc[rows, rows], rtol=1e-7, atol=1e-12
    )


def test_finds_the_effects_and_one_number() -> None:
    study = SPEC.fit(as_panel(staggered(2)))
    assert study.times == (-6, -5, -4, -3, -2, 0, 1, 2, 3, 4, 5)
    truth = np.array([0.5 * (time + 1) if time >= 0 else 0.0 for time in study.times])
    assert (np.abs(study.estimate.values - truth) < 4 * study.estimate.std_error).all()
    total = study.total()
    assert total.terms == ("gain",)
    assert total.values[0] == pytest.approx(study.post.values.mean())
    assert [problem.code for problem in total.warnings] == ["EST-031"]
    assert study.joint_pretrend_test().p_value > 0.001


def test_regression_gives_the_one_number() -> None:
    panel = as_panel(staggered(2, 0.9))
    assert solve(SPEC.regression(panel)).value == pytest.approx(SPEC.fit(panel).total().values[0], rel=1e-9)


def test_a_measured_treatment_says_the_same_as_a_column() -> None:
    frame = staggered(3)
    by_measure = EventStudyRegression(outcome="y", treated="on").fit(as_panel(frame))
    np.testing.assert_allclose(by_measure.estimate.values, SPEC.fit(as_panel(frame)).estimate.values, rtol=1e-12)


def test_another_reference_moves_all_effects_by_one_number() -> None:
    panel = as_panel(staggered(4))
    one, other = SPEC.fit(panel), SPEC.model_copy(update={"reference": -3}).fit(panel)
    shift = dict(zip(one.times, one.estimate.values, strict=True))[-3]
    moved = dict(zip(other.times, other.estimate.values, strict=True))
    for time, value in zip(one.times, one.estimate.values, strict=True):
        if time != -3:
            assert moved[time] == pytest.approx(value - shift, abs=1e-9)


def test_periods_that_are_words_and_one_cohort() -> None:
    frame = staggered(5).query("began != 6").assign(when=lambda f: f["year"].map("abcdefghij".__getitem__))
    frame["first"] = np.where(frame["began"] == 4, "e", "never")
    panel = Panel.from_frame(frame, unit="unit", period="when", order=tuple("abcdefghij"))
    study = SPEC.model_copy(update={"first_treated": "first"}).fit(panel)
    assert study.times == (-4, -3, -2, 0, 1, 2, 3, 4, 5)
    assert study.estimate.warnings == ()


def test_without_never_treated_all_event_times_are_refused_and_bins_are_not() -> None:
    panel = as_panel(staggered(6, never=False))
    with pytest.raises(CounterfoilError, match="IDENT-026"):
        SPEC.fit(panel)
    study = SPEC.model_copy(update={"earliest": -3}).fit(panel)
    assert study.times[0] == -3


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"reference": -9}, "IDENT-017"),
        ({"last_period": "3"}, "IDENT-001"),
        ({"first_treated": None, "treated": "ends"}, "IDENT-037"),
        ({"first_treated": "year"}, "DATA-031"),
    ],
)
def test_refusals(change: dict[str, Any], code: str) -> None:
    frame = staggered(7).assign(ends=lambda f: ((f["since"] == 0) & (f["began"] > 0)).astype(int))
    with pytest.raises(CounterfoilError, match=code):
        SPEC.model_copy(update=change).fit(as_panel(frame))


@pytest.mark.parametrize("terms", [{"earliest": -1}, {"latest": -1}, {"reference": 0}, {"treated": "on"}])
def test_contradictions(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        EventStudyRegression(outcome="y", first_treated="began", **terms)
