"""A gate that allows for trends that differ is stricter the more it allows for, and needs effects by period."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.gains import PValueGate, RobustGate, hold_gate, hold_robust, needs_design
from counterfoil.attribution.gains.own_test import OwnTest
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.gate import Gate
from counterfoil.attribution.risk import gate_cutoff
from counterfoil.errors import EstimationError, PaymentError
from counterfoil.estimators import Estimate
from counterfoil.estimators.panels.event_study import EventStudy


def study(shift: float = 0.0, sign: float = 1.0) -> EventStudy:
    values = np.array([0.1, -0.1, 1.0 + shift, 1.2 + shift]) * sign
    found = Estimate.published(
        values, [0.1, 0.1, 0.14, 0.16], terms=["-3", "-2", "0", "1"], outcome="y", estimand="ATT", people=90
    )
    return EventStudy((-3, -2, 0, 1), found)


def gate(limit: str, above: str = "0", **terms: object) -> RobustGate:
    return RobustGate.model_validate({"relative_magnitudes": limit, "above": above, **terms})


def test_at_no_violation_it_is_the_lower_bound_of_the_average() -> None:
    average = study().average()
    bound = Gate(total_above=0.0, bound="one_sided", conf_level=0.95)
    plain = hold_gate(bound, average, "higher")
    assert hold_robust(gate("0"), study(), "higher").tested == pytest.approx(plain.tested, abs=1e-6)


@given(st.floats(0, 2), st.floats(0, 2))
def test_allowing_for_more_never_opens_it(one: float, other: float) -> None:
    low, high = sorted((one, other))
    first, second = (hold_robust(gate(f"{limit:.4f}"), study(), "higher").tested for limit in (low, high))
    assert second <= first + 1e-9


def test_the_line_moves_with_the_effects() -> None:
    near, far = (hold_robust(gate("0.5"), study(shift), "higher").tested for shift in (0.0, 0.7))
    assert far - near == pytest.approx(0.7, abs=1e-6)


def test_where_lower_is_better_a_fall_is_the_gain() -> None:
    assert hold_robust(gate("0.5"), study(sign=-1.0), "lower").tested == pytest.approx(
        hold_robust(gate("0.5"), study(), "higher").tested, abs=1e-9
    )


def test_it_says_what_it_allows_for() -> None:
    said = RobustGate(smoothness=Decimal("0.2"), above=Decimal(3)).sentence(Words("USD"), "jobs")
    assert said.endswith("is above 3 even if a difference of trends bends by up to 0.2 a period.")
    with pytest.raises(ValidationError, match="either"):
        RobustGate()


def test_it_needs_effects_by_period_and_turns_at_no_assumed_gain() -> None:
    with pytest.raises(EstimationError, match="EST-041"):
        hold_gate(gate("1"), study().average(), "higher")
    with pytest.raises(PaymentError, match="PAY-018"):
        gate_cutoff(gate("1"), study().average(), "higher")


def test_a_p_value_of_the_designs_own_decides_where_it_is_asked_for() -> None:
    asked = PValueGate.model_validate({"p_below": "0.05", "sides": "two", "test": "permutation"})
    total = study().average()
    assert needs_design(asked)
    assert not needs_design(PValueGate.model_validate({"p_below": "0.05", "sides": "two"}))
    with pytest.raises(EstimationError, match="by permutation of the lottery"):
        hold_gate(asked, total, "higher")
    held = hold_gate(asked, total, "higher", own_test=OwnTest(0.04, 0.2))
    assert (held.passes, held.tested, held.margin) == (True, 0.04, 0.2)
    assert not hold_gate(asked, total, "higher", own_test=OwnTest(0.06, -0.1)).passes
    # A harm never passes, however unusual it is.
    assert not hold_gate(asked, total, "lower", own_test=OwnTest(0.001, None)).passes
