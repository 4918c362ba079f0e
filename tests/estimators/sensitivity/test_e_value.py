"""Printed E-values, and the bound that they invert."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.sensitivity.e_value import e_value, of_difference, of_ratio, of_risks


def test_printed_e_values() -> None:
    # VanderWeele and Ding (2017): infant feeding and death, and the leukemia example.
    feeding = of_ratio(3.9, 1.8, 8.7)
    assert (round(feeding.estimate, 2), round(feeding.limit, 1)) == (7.26, 3.0)
    leukemia = of_ratio(0.80, 0.71, 0.91)
    assert (round(leukemia.estimate, 2), round(leukemia.limit, 2)) == (1.81, 1.43)
    # Hammond and Horn (1958) in Ding and VanderWeele (2016).
    smoking = of_ratio(10.73, 8.02, 14.36)
    assert (round(smoking.estimate, 2), round(smoking.limit, 2)) == (20.95, 15.52)


@given(st.floats(1.001, 50))
def test_e_value_meets_the_bounding_factor_of_ding_and_vanderweele(ratio: float) -> None:
    strength = e_value(ratio)
    assert strength**2 / (2 * strength - 1) == pytest.approx(ratio)
    assert e_value(1 / ratio) == pytest.approx(strength)
    assert e_value(ratio, truth=ratio) == 1


def test_measures_become_risk_ratios() -> None:
    assert of_ratio(4, 4, 4, "odds_rare").ratio == 4
    assert of_ratio(4, 4, 4, "odds_common").ratio == 2
    assert of_ratio(4, 4, 4, "hazard_rare").ratio == 4
    assert of_ratio(1, 1, 1, "hazard_common").ratio == pytest.approx(1)
    assert of_ratio(4, 4, 4, "hazard_common").ratio == pytest.approx((1 - 0.5**2) / (1 - 0.5**0.5))
    found = of_difference(2.0, 1.0, 4.0)
    assert found.ratio == pytest.approx(math.exp(0.455))
    # The rule 1.78 = 0.91 x 1.96 of the source.
    assert found.high / found.ratio == pytest.approx(math.exp(1.78 * 0.25), rel=2e-3)
    assert of_difference(-2.0, 1.0, 4.0).estimate == pytest.approx(found.estimate)


def test_an_interval_that_holds_no_effect_needs_nothing() -> None:
    found = of_ratio(1.2, 0.9, 1.6)
    assert found.limit == 1
    assert "holds no effect as it is" in found.sentence()
    assert "15.52" in of_ratio(10.73, 8.02, 14.36).sentence()


def test_risks_meet_their_own_bound() -> None:
    cases, people = (397, 51), (397 + 78557, 51 + 108778)
    found = of_risks(cases, people)
    ratio = cases[0] / people[0] / (cases[1] / people[1])
    assert found.ratio == pytest.approx(ratio)
    assert found.estimate == pytest.approx(e_value(ratio))
    assert 1 < found.limit < found.estimate
    factor = found.limit**2 / (2 * found.limit - 1)
    part = people[0] / sum(people)
    p1, p0 = cases[0] / people[0], cases[1] / people[1]
    blend, gap = part + (1 - part) / factor, p1 - p0 * factor
    variance = (p1 * (1 - p1) / people[0] + p0 * (1 - p0) / people[1] * factor**2) * blend**2
    variance += (gap * (1 - 1 / factor)) ** 2 * part * (1 - part) / sum(people)
    assert gap * blend - 1.959964 * math.sqrt(variance) == pytest.approx(0, abs=1e-9)
    assert of_risks(cases, people, truth=0.001).estimate < found.estimate
    assert of_risks((12, 10), (50, 50)).limit == 1


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("EST-051", lambda: e_value(0)),
        ("EST-051", lambda: of_ratio(2, 2.5, 3)),
        ("EST-051", lambda: of_difference(1, 1, 0)),
        ("EST-051", lambda: of_risks((5, 9), (10, 10))),
        ("EST-051", lambda: of_risks((11, 9), (10, 10))),
        ("EST-015", lambda: of_risks((5, 0), (10, 10))),
    ],
)
def test_bad_input_is_refused(code: str, asked: object) -> None:
    with pytest.raises(CounterfoilError) as caught:
        asked()  # type: ignore[operator]
    assert caught.value.codes == (code,)
