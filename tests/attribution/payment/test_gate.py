import pytest

from counterfoil.attribution.payment import Gate, apply_gate
from counterfoil.datasets import Study
from counterfoil.estimators import Experiment


def test_rossi_opens_one_sided_and_shuts_two_sided_with_hc3(rossi: Study) -> None:
    result = apply_gate(Gate(), Experiment().fit(rossi), "lower")
    assert result.passes
    assert result.margin == pytest.approx(0.0136, abs=5e-5)
    assert [(test.error_type, test.bound) for test in result.reversals] == [("HC3", "two_sided")]
    assert len(result.others) == 9


@pytest.mark.parametrize(("vcov", "passes"), [("HC0", True), ("classical", True), ("HC2", True), ("HC3", False)])
def test_rossi_two_sided(rossi: Study, vcov: str, passes: bool) -> None:
    total = Experiment.model_validate({"vcov": vcov}).fit(rossi)
    assert apply_gate(Gate(bound="two_sided"), total, "lower").passes is passes


def test_direction_decides_what_a_gain_is(rossi: Study) -> None:
    assert not apply_gate(Gate(), Experiment().fit(rossi), "higher").passes


def test_minimum_must_be_exceeded(nsw: Study) -> None:
    total = Experiment().fit(nsw)
    lower = apply_gate(Gate(), total, "higher").decided.lower
    assert apply_gate(Gate(total_above=lower - 1e-6), total, "higher").passes
    assert not apply_gate(Gate(total_above=lower), total, "higher").passes
