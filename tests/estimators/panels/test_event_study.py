"""An event study splits into before and after, keeps its joint covariance, and draws what it says."""

import math
from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pytest
from scipy.stats import chi2

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate
from counterfoil.estimators.panels.event_study import EventStudy, plot_event_study

mpl.use("Agg")

TIMES = (-4, -3, -2, 0, 1, 2)
VALUES = np.array([0.3, -0.1, 0.2, 1.0, 2.0, 4.0])


def root() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(6, 6)) * 0.2 + 0.3 * np.eye(6)


def study(anticipation: int = 0, reference: int | None = -1) -> EventStudy:
    estimate = Estimate.published(
        VALUES, covariance=root() @ root().T, terms=[str(t) for t in TIMES], outcome="y", estimand="ATT", people=80
    )
    return EventStudy(TIMES, estimate, reference, anticipation)


def test_before_and_after() -> None:
    found = study()
    assert found.pre.terms == ("-4", "-3", "-2")
    assert found.post.values.tolist() == [1.0, 2.0, 4.0]
    np.testing.assert_allclose(found.pre.cov(), (root() @ root().T)[:3, :3])


def test_average_and_its_error() -> None:
    row = np.array([0, 0, 0, 1, 1, 1]) / 3
    found = study().average()
    assert found.terms == ("gain",)
    assert found.values[0] == pytest.approx(7 / 3)
    assert found.std_error[0] == pytest.approx(math.sqrt(row @ root() @ root().T @ row))
    assert study().average([1, 1, 2]).values[0] == pytest.approx(11 / 4)


def test_average_keeps_influence_by_person() -> None:
    scores = np.random.default_rng(2).normal(size=(40, 6))
    people = Estimate(
        terms=tuple(str(t) for t in TIMES),
        values=VALUES,
        influence=scores - scores.mean(axis=0),
        ids=np.arange(40),
        error_type="HC0",
        outcome="y",
        estimand="ATT",
        people=20,
        population="people served",
    )
    averaged = EventStudy(TIMES, people).average()
    assert averaged.influence is not None
    np.testing.assert_allclose(averaged.influence[:, 0], (scores - scores.mean(axis=0))[:, 3:].mean(axis=1))


def test_pretrend_test_is_wald() -> None:
    test = study().joint_pretrend_test()
    wald = VALUES[:3] @ np.linalg.solve((root() @ root().T)[:3, :3], VALUES[:3])
    assert test.statistic == pytest.approx(wald)
    assert test.p_value == pytest.approx(chi2.sf(wald, 3))


def test_anticipation_belongs_to_neither_side() -> None:
    found = study(anticipation=2, reference=None)
    assert found.pre_times == (-4, -3)
    assert found.post_times == (0, 1, 2)


def test_tidy_and_repr() -> None:
    frame = study().tidy()
    assert frame.columns[0] == "event_time"
    assert frame["event_time"].tolist() == list(TIMES)
    assert frame.attrs["reference"] == -1
    wide = study().tidy(simultaneous=True)
    assert (wide["conf_high"] > frame["conf_high"]).all()
    assert "changes since event time -1" in repr(study())
    assert "<table" in study()._repr_html_()


def test_plot_shows_every_time_the_reference_and_the_band() -> None:
    ax = plot_event_study(study())
    assert ax.get_legend_handles_labels()[1] == ["all together (sup-t)", "before the services", "after", "reference"]
    points = sorted(float(x) for line in ax.lines[2:] for x in line.get_xdata())
    assert points == [-4, -3, -2, -1, 0, 1, 2]
    assert study().plot(ax, simultaneous=False) is ax


def test_refusals() -> None:
    short = EventStudy((0,), Estimate.published([1.0], [1.0], terms=["0"], outcome="y", estimand="ATT", people=9))
    with pytest.raises(CounterfoilError, match="IDENT-017"):
        short.joint_pretrend_test()
    early = EventStudy((-2,), Estimate.published([1.0], [1.0], terms=["-2"], outcome="y", estimand="ATT", people=9))
    asks: tuple[Callable[[], object], ...] = (lambda: early.post, early.average)
    for ask in asks:
        with pytest.raises(CounterfoilError, match="IDENT-017"):
            ask()
    with pytest.raises(ValueError, match="3 finite weights"):
        study().average([1.0, 2.0])
    with pytest.raises(ValueError, match="reference"):
        study(reference=0)
    with pytest.raises(ValueError, match="ascending"):
        EventStudy((1, 0), study().post.contrast(np.eye(3)[:2], ["1", "0"]))
