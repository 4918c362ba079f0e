"""Robust sets and breakdown values of an event study: what they stand on, what they say, and what is refused."""

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from scipy.stats import t as student

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate
from counterfoil.estimators.panels.breakdown import Breakdown, breakdown
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.honest import Restriction, robust_intervals, sensitivity
from counterfoil.estimators.panels.relative_magnitudes import relative_magnitudes
from counterfoil.estimators.panels.sensitivity_plot import plot_sensitivity

mpl.use("Agg")

REFERENCE = Path(__file__).parents[2] / "reference"
RESTRICTIONS: tuple[Restriction, ...] = ("relative_magnitudes", "smoothness", "relative_smoothness")


def published(name: str = "benzarti_carloni", sign: float = 1.0, df: float = np.inf) -> EventStudy:
    read = json.loads((REFERENCE / f"{name}.json").read_text())
    estimate = Estimate.published(
        sign * np.array(read["values"]),
        covariance=read["covariance"],
        terms=[str(time) for time in read["times"]],
        outcome="profit",
        estimand="ATT",
        people=100,
        df=df,
    )
    return EventStudy(tuple(read["times"]), estimate)


def small(times: tuple[int, ...], reference: int | None = -1, anticipation: int = 0) -> EventStudy:
    estimate = Estimate.published(
        np.ones(len(times)), np.ones(len(times)), terms=[str(t) for t in times], outcome="y", estimand="ATT", people=9
    )
    return EventStudy(times, estimate, reference, anticipation)


def test_equal_weights_are_the_default() -> None:
    study = published()
    found = robust_intervals(study, [0.5])
    np.testing.assert_allclose(found, robust_intervals(study, [0.5], weights=[2, 2, 2, 2]))
    by_hand = relative_magnitudes(study.estimate.values, study.estimate.cov(), 4, np.full(4, 0.25), np.array([0.5]))
    np.testing.assert_allclose(found, by_hand)


def test_few_degrees_of_freedom_widen_to_t() -> None:
    study = published(df=9.0)
    average = study.average([1, 0, 0, 0])
    found = robust_intervals(study, [0.0], weights=[1, 0, 0, 0])[0]
    half = float(student.ppf(0.975, 9)) * average.std_error[0]
    assert found == pytest.approx([average.values[0] - half, average.values[0] + half], abs=0.01 * half)


def test_periods_of_anticipation_have_no_weight() -> None:
    times = (-4, -3, -1, 0, 1)
    study = small(times, reference=-2, anticipation=1)
    expected = relative_magnitudes(np.ones(5), np.eye(5), 2, np.array([0.0, 0.5, 0.5]), np.array([0.5]))
    np.testing.assert_allclose(robust_intervals(study, [0.5]), expected)


@pytest.mark.parametrize("restriction", RESTRICTIONS)
def test_breakdown_is_where_the_bound_meets_the_threshold(restriction: Restriction) -> None:
    study = published()
    found = breakdown(study, [0.0, 0.1], restriction=restriction, weights=[1, 0, 0, 0])
    assert found.values[0] is not None
    assert found.values[1] is not None
    assert found.values[0] > found.values[1]
    for threshold, value in zip(found.thresholds, found.values, strict=True):
        assert value is not None
        at = robust_intervals(study, [value], restriction=restriction, weights=[1, 0, 0, 0], bound="one_sided")
        assert at[0, 0] == pytest.approx(threshold, abs=2e-3)
        assert at[0, 1] == np.inf
    assert found.holds(0.0) == (True, True)
    assert found.holds(found.values[1] + 0.01) == (True, False)


def test_medicaid_breaks_down_at_about_two() -> None:
    # R's README reads 2 off its grid, at which the two-sided bound is -0.0009.
    found = breakdown(published("medicaid_expansion"), weights=[1, 0], bound="two_sided")
    assert found.values[0] == pytest.approx(1.95, abs=0.05)


def test_lower_is_better_mirrors_higher() -> None:
    higher = breakdown(published(), [0.0, 0.1], weights=[1, 0, 0, 0])
    lower = breakdown(published(sign=-1.0), [0.0, -0.1], weights=[1, 0, 0, 0], better="lower")
    assert lower.values == pytest.approx(higher.values, abs=0.03)
    assert "is below -0.1 holds as long as" in lower.sentences[1]


def test_claims_that_never_and_always_hold() -> None:
    study = published()
    found = breakdown(study, [10.0, -1e4], weights=[1, 0, 0, 0])
    assert found.values == (None, np.inf)
    assert found.holds(0.0) == (False, True)
    assert "not shown even at M̄ = 0" in found.sentences[0]
    assert "up to M̄ = 64" in found.sentences[1]
    assert found.tidy()["breakdown"].isna().tolist() == [True, False]
    assert found.tidy()["parallel_trends"].tolist() == [False, True]


def test_the_first_failure_counts() -> None:
    # Under smoothness the bound first rises with M here, as the centre moves; a claim that fails at 0 is not shown.
    study = published()
    grid = sensitivity(study, [0.0, 0.03], restriction="smoothness", weights=[1, 0, 0, 0], bound="one_sided")
    assert grid.lines[0] < 0.16 < grid.lines[1]
    assert breakdown(study, 0.16, restriction="smoothness", weights=[1, 0, 0, 0]).values == (None,)


def test_parallel_trends_stand_beside() -> None:
    study = published()
    found = sensitivity(study, [1.0, 0.0], weights=[1, 0, 0, 0])
    assert found.limits.tolist() == [0.0, 1.0]
    assert found.parallel == pytest.approx((0.158775, 0.233147), abs=1e-6)
    one = sensitivity(study, [1.0], weights=[1, 0, 0, 0], bound="one_sided", better="lower")
    assert one.parallel[0] == -np.inf
    assert one.intervals[0, 0] == -np.inf
    assert found.tidy().columns.tolist() == ["restriction", "limit", "outcome", "term", "conf_low", "conf_high"]
    assert "95% robust two_sided sets by M̄" in repr(found)
    assert "<table" in found._repr_html_()


def test_plot_marks_thresholds_and_breakdown() -> None:
    found = breakdown(published(), [0.0, 0.1, 10.0], weights=[1, 0, 0, 0])
    ax = plot_sensitivity(found)
    texts = [text.get_text() for text in ax.texts]
    assert sum(text.startswith("M̄ = ") for text in texts) == 2
    assert found.sensitivity.plot(ax) is ax
    assert isinstance(found, Breakdown)
    assert found.plot(ax) is ax


@pytest.mark.parametrize(
    ("study", "code", "words"),
    [
        (small((-3, -2, 0), reference=None), "IDENT-033", "no common reference"),
        (small((-3, -1, 0), reference=-2), "IDENT-033", "event time -2 as its reference"),
        (small((-4, -2, 0)), "IDENT-033", "no effect at event time -3"),
        (small((0, 1)), "IDENT-017", "needs 1"),
        (small((-2,)), "IDENT-017", "no effect after"),
    ],
)
def test_event_studies_that_cannot_carry_it(study: EventStudy, code: str, words: str) -> None:
    with pytest.raises(CounterfoilError, match=words) as error:
        robust_intervals(study, [1.0])
    assert error.value.codes == (code,)


def test_other_refusals() -> None:
    with pytest.raises(CounterfoilError, match="needs 2"):
        robust_intervals(small((-2, 0)), [1.0], restriction="relative_smoothness")
    with pytest.raises(ValueError, match="not negative"):
        robust_intervals(small((-2, 0)), [-1.0])
