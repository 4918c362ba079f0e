"""Distances to thresholds, and that the change in money is what a new settlement comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.counting import Cell, Quantity
from counterfoil.attribution.gains import hold_gate
from counterfoil.attribution.payment import Cap, Curve, Gate, Priced, Settlement, StepTable, UnitPrice, exact, settle
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.risk import GateEdge, distances, gate_edge, tidy_distances
from counterfoil.estimators import Estimate

STEPS = [{"from": "8.5", "pays": "4800000.00"}, {"from": "10", "pays": "9600000.00"}]


def due(clauses: list[Any], value: str = "0", **more: Any) -> Settlement:
    known = {"fall": Priced(Decimal(value), "found", True)}
    return settle(clauses, known, {}, currency="GBP", payer="ministry", **more)


def found(settlement: Settlement, **more: Any) -> dict[tuple[str, str], tuple[str, str]]:
    assert settlement.inputs is not None
    return {
        (one.kind, one.direction): (f"{one.distance.normalize():f}", str(one.change))
        for one in distances(settlement.inputs, **more)
    }


def test_peterborough_was_one_point_six_short_of_the_whole_amount() -> None:
    """The cohort measured 8.4%, the trigger stood at 10%."""
    trigger = {"effect": "fall", "at_least": "10"}
    bonus = Bonus.model_validate({"bonus": "5000000.00", "to": "partnership", "only_if": trigger})
    assert found(due([bonus], "8.4")) == {("condition", "up"): ("1.6", "5000000.00")}


def test_between_two_steps_both_ways() -> None:
    table = StepTable.model_validate({"effect": "fall", "to": "spv", "steps": STEPS})
    assert found(due([table], "9")) == {
        ("step", "up"): ("1", "4800000.00"),
        ("step", "down"): ("0.5", "-4800000.00"),
    }


def test_a_value_on_a_threshold_belongs_to_the_side_that_the_contract_says() -> None:
    at_least = StepTable.model_validate({"effect": "fall", "to": "spv", "steps": STEPS})
    above = at_least.model_copy(update={"reached": "above"})
    assert found(due([at_least], "10")) == {("step", "down"): ("0", "-4800000.00")}
    assert found(due([above], "10"))["step", "up"] == ("0", "4800000.00")


def test_a_limit_that_binds_leaves_nothing_to_gain() -> None:
    table = StepTable.model_validate({"effect": "fall", "to": "spv", "steps": STEPS})
    cap = Cap(cap=Decimal("4800000.00"), scope="contract")
    assert found(due([table, cap], "9"))["step", "up"] == ("1", "0.00")


@given(st.decimals(0, 80, places=3))
def test_reaching_the_next_piece_of_denvers_curve_changes_what_a_new_settlement_says(value: Decimal) -> None:
    pieces = [
        {"from": "20", "amount": "3200000.00", "per_unit": "160000.00"},
        {"from": "30", "amount": "4800000.00", "per_unit": "38000.00"},
        {"from": "65", "amount": "6130000.00"},
    ]
    curve = Curve.model_validate({"effect": "fall", "to": "spv", "curve": pieces})
    now = due([curve], str(value))
    assert now.inputs is not None
    for one in distances(now.inputs):
        assert one.distance == abs(one.threshold - value)
        if one.direction == "up":
            assert one.threshold > value
            assert one.change == due([curve], str(one.threshold)).total - now.total
        else:
            assert one.threshold <= value
            assert one.change is not None
            assert one.change <= 0


def test_a_unit_price_over_people_moves_with_the_people() -> None:
    price = UnitPrice.model_validate(
        {"effect": "jobs", "per": "person", "price": "100.00", "at_least": "0.06", "to": "spv"}
    )
    known = {"jobs": Priced(Decimal("2.5"), "0.05 x 50", True, gain=Decimal("0.05"), people=50)}
    assert found(settle([price], known, {}, currency="USD", payer="city")) == {("minimum", "up"): ("0.01", "300.00")}


def test_quantities_and_ratios_have_distances_too() -> None:
    homes = UnitPrice.model_validate({"quantity": "homes", "price": "10.00", "at_least": "20", "to": "spv"})
    counted = {"homes": Quantity((Cell(Decimal(8), group="a"), Cell(Decimal(9), group="b")))}
    assert found(due([homes], quantities=counted)) == {("minimum", "up"): ("3", "200.00")}
    rate = StepTable.model_validate({"quantity": "rate", "to": "spv", "steps": [{"from": "61", "pays": "5.00"}]})
    parts, base = (Cell(Decimal(6000)),), (Cell(Decimal(100)),)
    ratio = {"rate": Quantity((Cell(Decimal(60)),), parts=parts, base=base)}
    assert found(due([rate], quantities=ratio)) == {("step", "up"): ("1", "5.00")}


def test_a_shut_gate_has_an_edge_and_a_price() -> None:
    price = UnitPrice(effect="fall", per="unit", price=Decimal("100.00"), to="spv")
    shut = {"fall": Priced(Decimal("1.5"), "found", False)}
    settlement = settle([price], shut, {}, currency="USD", payer="city")
    edge = GateEdge(Decimal("1.645"), Priced(Decimal("1.645"), "at the edge", True))
    assert found(settlement, gates={"fall": edge}) == {("gate", "up"): ("0.145", "164.50")}


@dataclass
class Measured:
    """A fall in an outcome, measured with a standard error of 1 and priced behind a gate."""

    total: Estimate

    def at(self, value: float, credits: Sequence[float] | None = None) -> Priced:  # noqa: ARG002
        there = estimate(value)
        return Priced(exact(-value), "drawn", hold_gate(Gate(), there, "lower").passes)


def estimate(value: float) -> Estimate:
    return Estimate.published([value], [1.0], terms=["gain"], outcome="jail", estimand="ITT", people=9)


@pytest.mark.parametrize(("value", "direction", "change"), [(-1.5, "up", "164.49"), (-2.0, "down", "-200.00")])
def test_the_edge_of_a_gate_is_where_its_bound_turns(value: float, direction: str, change: str) -> None:
    price = UnitPrice(effect="fall", per="unit", price=Decimal("100.00"), to="spv")
    effect = Measured(estimate(value))
    edge = gate_edge(effect, Gate(), "lower")
    assert float(edge.value) == pytest.approx(1.6449, abs=1e-4)
    settlement = settle([price], {"fall": effect.at(value)}, {}, currency="USD", payer="city")
    ((key, (distance, money)),) = found(settlement, gates={"fall": edge}).items()
    assert key == ("gate", direction)
    assert float(distance) == pytest.approx(abs(-value - 1.6449), abs=1e-4)
    assert money == change


def test_a_change_that_could_not_be_settled_is_not_told() -> None:
    """A limit for each person needs records, and a total that was moved has none."""
    homes = UnitPrice.model_validate({"quantity": "homes", "price": "10.00", "at_least": "3", "to": "spv"})
    person = Cap.model_validate({"cap": "5.00", "scope": "person"})
    cells = tuple(Cell(Decimal(1), person=number) for number in range(2))
    counted = {"homes": Quantity((Cell(Decimal(2)),), by_person=cells)}
    settlement = due([homes, person], quantities=counted)
    assert settlement.inputs is not None
    table = tidy_distances(distances(settlement.inputs))
    assert table["change"].tolist() == [None]
    assert table["threshold"].tolist() == [Decimal(3)]


@pytest.mark.parametrize("value", ["1", "99"])
def test_a_price_the_same_for_every_unit_has_no_threshold(value: str) -> None:
    assert found(due([UnitPrice(effect="fall", per="unit", price=Decimal("1.00"), to="spv")], value)) == {}
