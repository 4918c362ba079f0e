import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.payment import Gate, gate_operating

CRITICAL = 1.645


@pytest.mark.parametrize(("true_gain", "chance", "ratio"), [(1.64, 0.50, 1.49), (2.49, 0.80, 1.14)])
def test_published_vectors(true_gain: float, chance: float, ratio: float) -> None:
    for std_error in (1.0, 0.013):
        found = gate_operating(true_gain * std_error, std_error, CRITICAL)
        assert found.pay_chance == pytest.approx(chance, abs=0.005)
        assert found.exaggeration == pytest.approx(ratio, abs=0.005)


@pytest.mark.parametrize("minimum", [0.0, 0.4, -3.0])
@pytest.mark.parametrize("true_gain", [-0.5, 0.0, 0.3, 2.0])
def test_against_draws(true_gain: float, minimum: float) -> None:
    std_error, price, people = 0.7, 12.5, 300
    drawn = true_gain + std_error * np.random.default_rng(3).standard_normal(400_000)
    paid = (drawn - CRITICAL * std_error > minimum) & (drawn > 0)
    found = gate_operating(true_gain, std_error, CRITICAL, minimum)
    assert found.pay_chance == pytest.approx(paid.mean(), abs=0.003)
    assert found.estimate_if_paid == pytest.approx(drawn[paid].mean(), abs=0.02)
    assert found.expected_payment(price, people) == pytest.approx(price * people * (drawn * paid).mean(), abs=12)
    assert (found.exaggeration is None) == (true_gain <= 0)


@given(st.floats(-50, 50), st.floats(1e-6, 1e3), st.floats(0, 10))
def test_bounds_hold_far_out(true_gain: float, std_error: float, minimum: float) -> None:
    found = gate_operating(true_gain, std_error, CRITICAL, minimum)
    assert 0 <= found.pay_chance <= 1
    assert found.estimate_if_paid >= max(true_gain, minimum + CRITICAL * std_error) - 1e-6 * (1 + abs(true_gain))
    assert found.expected_estimate >= 0


def test_no_error_is_no_operating_characteristic() -> None:
    for std_error in (0.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="standard error"):
            gate_operating(1.0, std_error, CRITICAL)


def test_looks_share_the_error_level() -> None:
    assert Gate().level == 0.95
    assert Gate(looks=5).level == pytest.approx(0.99)
    assert Gate(conf_level=0.9, looks=2).level == pytest.approx(0.95)
