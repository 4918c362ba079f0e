"""Chances and amounts at stated true effects: the closed form against draws, and draws against published vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from counterfoil.attribution.gains import PointGate, Prior, ProbabilityGate, PValueGate, hold_gate
from counterfoil.attribution.payment import Cap, Gate, Inputs, Priced, UnitPrice, exact, settle
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.risk import (
    around_estimates,
    correlations,
    draw_payments,
    gate_cutoff,
    linear_price,
    operate_by_draws,
    operate_by_formula,
    tidy_operating,
)
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate, Experiment

GATES = (
    Gate(),
    Gate(total_above=0.3, bound="two_sided"),
    PointGate(at_least=Decimal("0.5")),
    PValueGate(p_below=Decimal("0.05"), sides="one"),
    PValueGate(p_below=Decimal("0.05"), sides="two", above=Decimal("0.1")),
    ProbabilityGate(probability=Decimal("0.9"), prior="flat"),
    ProbabilityGate(probability=Decimal("0.9"), prior=Prior(mean=Decimal("0.2"), std_dev=Decimal("0.8"))),
)


def estimate(value: float, error: float = 1.0, df: float = np.inf) -> Estimate:
    return Estimate.published([value], [error], terms=["gain"], outcome="y", estimand="ITT", people=50, df=df)


@dataclass
class Assumed:
    """An effect that is held against its gate wherever its estimate comes out."""

    gate: Any
    total: Estimate
    better: Any = "higher"

    def at(self, value: float, credits: Sequence[float] | None = None) -> Priced:
        assert credits is None
        gain = value if self.better == "higher" else -value
        passes = hold_gate(self.gate, estimate(value, float(self.total.std_error[0])), self.better).passes
        return Priced(exact(gain * 50), "drawn", passes, gain=exact(gain), people=50)


def priced(*more: Any, to: str = "spv") -> Inputs:
    price = UnitPrice(effect="jobs", per="person", price=Decimal("100.00"), to=to)
    known = {"jobs": Priced(Decimal(50), "1 x 50", True, gain=Decimal(1), people=50)}
    found = settle([price, *more], known, {}, currency="USD", payer="city").inputs
    assert found is not None
    return found


@pytest.mark.parametrize(("gate", "better"), [*((gate, "higher") for gate in GATES), (GATES[1], "lower")])
def test_closed_form_agrees_with_settled_draws(gate: Any, better: Any) -> None:
    error, sign = 0.4, 1.0 if better == "higher" else -1.0
    effect = Assumed(gate, estimate(0.0, error), better)
    cutoff = gate_cutoff(gate, estimate(0.0, error), better)
    gains = [0.0, 0.66]
    stated = operate_by_formula("jobs", gains, error, cutoff=cutoff, price=100.0, people=50)
    drawn = operate_by_draws(
        priced(), {"jobs": effect}, [{"jobs": sign * gain} for gain in gains], {"jobs": error}, np.eye(1), 1_500, 5,
        better={"jobs": better},
    )  # fmt: skip
    for one, other in zip(stated, drawn, strict=True):
        assert other.true_gain == one.true_gain
        assert other.pay_chance == pytest.approx(one.pay_chance, abs=0.04)
        assert other.expected_payment == pytest.approx(one.expected_payment, abs=4 * other.payment_error + 1)
        assert (one.false_pay is None) == (other.false_pay is None) == (one.true_gain > 0)
        assert (one.false_no_pay is None) == (one.true_gain <= 0)


def test_a_gate_turns_at_its_cutoff() -> None:
    for gate in GATES:
        for better, sign in (("higher", 1.0), ("lower", -1.0)):
            edge = gate_cutoff(gate, estimate(3.0, 0.4), better)  # type: ignore[arg-type]
            for step, passes in ((-1e-6, False), (1e-6, True)):
                held = hold_gate(gate, estimate(sign * (edge + step), 0.4), better)  # type: ignore[arg-type]
                assert held.passes is passes


def test_published_vectors_of_the_exaggeration_of_what_passes() -> None:
    """At 1.64 standard errors half pass and exaggerate by 1.49; at 2.49 four fifths, by 1.14."""
    at_half, at_power = operate_by_formula("jobs", [1.64, 2.49], 1.0, cutoff=1.645, price=1.0)
    assert at_half.pay_chance == pytest.approx(0.5, abs=0.005)
    assert at_half.exaggeration == pytest.approx(1.49, abs=0.005)
    assert at_power.false_no_pay == pytest.approx(0.2, abs=0.005)
    assert at_power.exaggeration == pytest.approx(1.14, abs=0.005)


def test_a_false_payment_is_one_for_a_gain_below_the_agreed_minimum() -> None:
    low, high = operate_by_formula("jobs", [0.5, 0.6], 0.2, cutoff=0.3, price=1.0, minimum=0.5)
    assert low.false_pay == low.pay_chance
    assert low.false_no_pay is None
    assert high.false_pay is None
    assert high.false_no_pay == 1 - high.pay_chance


def test_correlation_decides_how_often_two_triggers_hold_together() -> None:
    both = Bonus.model_validate(
        {
            "bonus": "100.00",
            "to": "spv",
            "only_if": {"all": [{"effect": "a", "above": "0"}, {"effect": "b", "above": "0"}]},
        }
    )
    known = {name: Priced(Decimal(1), "found", True) for name in "ab"}
    inputs = settle([both], known, {}, currency="USD", payer="city").inputs
    assert inputs is not None
    effects = {name: Assumed(PointGate(above=Decimal(0)), estimate(0.0)) for name in "ab"}
    for value in (-0.5, 0.0, 0.8):
        rows = operate_by_draws(
            inputs, effects, [{"a": 0.0, "b": 0.0}], {"a": 1.0, "b": 1.0},
            correlations(["a", "b"], {("a", "b"): value}), 1_500, 2,
        )  # fmt: skip
        orthant = 0.25 + np.arcsin(value) / (2 * np.pi)
        assert [row.pay_chance for row in rows] == [pytest.approx(orthant, abs=0.035)] * 2
    assert tidy_operating(rows, "USD")["how"].tolist() == ["simulation"] * 2


def test_correlations_that_cannot_be_are_refused() -> None:
    with pytest.raises(CounterfoilError, match="PAY-017"):
        correlations(["a", "b"], {})
    with pytest.raises(CounterfoilError, match="PAY-017"):
        correlations(["a", "b", "c"], {("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9})


def test_no_standard_error_no_table() -> None:
    with pytest.raises(CounterfoilError, match="PAY-016"):
        operate_by_formula("jobs", [1.0], 0.0, cutoff=0.0, price=1.0)


def test_only_a_bare_price_of_every_unit_has_the_closed_form() -> None:
    assert linear_price(priced(), "jobs") is not None
    assert linear_price(priced(), "other") is None
    assert linear_price(priced(Cap(cap=Decimal("10.00"), scope="contract")), "jobs") is None


def test_draws_around_an_estimate_pay_on_average_what_the_estimate_pays() -> None:
    """A linear price far from zero: the mean of the payments is the payment of the mean."""
    rng = np.random.default_rng(3)
    treated = rng.permutation(400) < 200
    frame = {"assigned": treated.astype(float), "y": 2.0 * treated + rng.normal(size=400)}
    import pandas as pd

    total = Experiment(outcome="y").fit(pd.DataFrame(frame))
    effect = Assumed(PointGate(above=Decimal(0)), total)
    paid = draw_payments(priced(), around_estimates({"jobs": effect}, 2_000, 9), 2_000)
    assert paid.mean == pytest.approx(100 * 50 * float(total.values[0]), abs=4 * paid.std_error)
    assert paid.std_dev == pytest.approx(100 * 50 * float(total.std_error[0]), rel=0.06)
    again = draw_payments(priced(), around_estimates({"jobs": effect}, 2_000, 9), 2_000)
    assert (again.totals == paid.totals).all()


def test_effects_that_share_nobody_are_drawn_apart_only_when_that_is_stated() -> None:
    effects = {name: Assumed(PointGate(above=Decimal(0)), estimate(1.0)) for name in "ab"}
    with pytest.raises(CounterfoilError, match="PAY-017"):
        around_estimates(effects, 100, 1)
    draw = around_estimates(effects, 4_000, 1, independent=True)
    values = np.array([[float(draw(k)[name][0].level) for name in "ab"] for k in range(4_000)])
    assert abs(np.corrcoef(values.T)[0, 1]) < 0.05
