"""Gains in per cent of the reference: public figures, closed forms, and a bootstrap."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution.gains import Relative, relative_gain, relative_reduction, relative_set
from counterfoil.attribution.money.words import Words
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment, FixedBaseline, arm_means

RNG = np.random.default_rng(8)
DATA = pd.DataFrame({"assigned": np.arange(600) % 2, "age": RNG.normal(30, 8, 600), "town": np.arange(600) % 30 // 2})
DATA["days"] = np.maximum(
    RNG.gamma(2.0, 12.0, 600) * np.where(DATA["assigned"], 0.7, 1.0) + 0.3 * (DATA["age"] - 30), 0
)


def test_peterborough_divides_by_the_comparison() -> None:
    found = relative_reduction(Decimal(142), Decimal(155))
    assert round(found, 3) == Decimal("8.387")
    assert found * 155 == pytest.approx(Decimal(1300))
    assert round(100 * (Decimal(155) - 142) / 142, 3) == Decimal("9.155") != round(found, 3)
    assert relative_reduction(Decimal(10), Decimal(8)) == -25
    with pytest.raises(CounterfoilError, match="EST-015"):
        relative_reduction(Decimal(1), Decimal(0))


def test_arm_means_are_the_means_and_their_errors() -> None:
    found = arm_means(Experiment(outcome="days"), DATA)
    by_arm = DATA.groupby("assigned")["days"]
    assert found.values == pytest.approx(by_arm.mean().to_numpy()[::-1], rel=1e-12)
    assert found.std_error == pytest.approx((by_arm.std(ddof=1) / np.sqrt(by_arm.count())).to_numpy()[::-1], rel=1e-12)
    assert abs(found.cov()[0, 1]) < 1e-12 * found.cov()[0, 0]


@pytest.mark.parametrize(
    "terms", [{}, {"covariates": ("age",)}, {"blocks": "town"}, {"cluster": "town", "vcov": "CR2"}]
)
def test_the_difference_of_the_arm_means_is_the_gain(terms: dict[str, object]) -> None:
    spec = Experiment.model_validate({"outcome": "days", **terms})
    gain, means = spec.fit(DATA), arm_means(spec, DATA).contrast([[1, -1]], ["gain"])
    assert means.values == pytest.approx(gain.values, rel=1e-10)
    assert means.std_error == pytest.approx(gain.std_error, rel=1e-9)
    assert means.error_type == gain.error_type


def test_adjusted_arm_means_are_predictions_for_everybody() -> None:
    found = arm_means(Experiment(outcome="days", covariates=("age",)), DATA)
    for arm, value in zip((1, 0), found.values, strict=True):
        mine = DATA[DATA["assigned"] == arm]
        slope, level = np.polyfit(mine["age"], mine["days"], 1)
        assert value == pytest.approx(level + slope * DATA["age"].mean(), rel=1e-10)


def test_relative_gain_by_the_delta_method_in_closed_form() -> None:
    found = relative_gain(Experiment(outcome="days"), DATA)
    means = arm_means(Experiment(outcome="days"), DATA)
    (t, c), (a, b) = means.values, means.std_error
    assert found.values[0] == pytest.approx(100 * (t / c - 1), rel=1e-12)
    assert found.std_error[0] == pytest.approx(100 * np.hypot(a / c, t * b / c**2), rel=1e-7)
    assert found.values[0] < 0
    limits = relative_set(Experiment(outcome="days"), DATA)
    assert limits.bounded
    assert (limits.low, limits.high) == pytest.approx(found.interval()[0], rel=0.05)


def test_relative_gain_against_a_bootstrap() -> None:
    found = relative_gain(Experiment(outcome="days", covariates=("age",)), DATA)
    rng = np.random.default_rng(2)
    draws = []
    for _ in range(500):
        rows = rng.integers(0, 600, 600)
        draw = DATA.iloc[rows].reset_index(drop=True)
        draws.append(float(relative_gain(Experiment(outcome="days", covariates=("age",)), draw).values[0]))
    assert found.std_error[0] == pytest.approx(np.std(draws, ddof=1), rel=0.09)  # its own noise is 3%


def test_relative_to_an_agreed_baseline() -> None:
    """Savings in per cent of the benchmark: the mean's error alone, scaled."""
    study = Study.from_frame(DATA, outcomes=["days"])
    spec = FixedBaseline(baseline="benchmark", rate=Decimal(25), source="s", among="everyone")
    found = relative_gain(spec, study)
    assert found.values[0] == pytest.approx(4 * (DATA["days"].mean() - 25), rel=1e-12)
    assert found.std_error[0] == pytest.approx(4 * DATA["days"].std(ddof=1) / np.sqrt(600), rel=1e-7)
    uncertain = relative_gain(spec.model_copy(update={"std_error": Decimal(2)}), study)
    ratio = DATA["days"].mean() / 25
    assert uncertain.std_error[0] == pytest.approx(np.hypot(found.std_error[0], 100 * ratio * 2 / 25), rel=1e-6)


def test_a_reference_near_zero_is_refused() -> None:
    for shift in (DATA["days"].mean() + 5, DATA.loc[DATA["assigned"] == 0, "days"].mean() - 0.1):
        with pytest.raises(CounterfoilError, match="EST-015"):
            relative_gain(Experiment(outcome="days"), DATA.assign(days=DATA["days"] - shift))
    assert not relative_set(Experiment(outcome="days"), DATA.assign(days=DATA["days"] - shift)).bounded


def test_in_words() -> None:
    assert Relative().sentence(Words("USD"), "jail") == "jail is counted in the units of its outcome."
