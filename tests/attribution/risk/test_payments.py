"""Draws settled exactly: what they sum to, how often each tier is reached, and that the seed alone decides."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from counterfoil.attribution.payment import Cap, Curve, Inputs, Priced, Split, StepTable, UnitPrice, exact, settle
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.risk import draw_payments, standings
from counterfoil.errors import CounterfoilError

RIKERS = StepTable.model_validate(
    {
        "name": "reduction",
        "effect": "reduction",
        "to": "mdrc",
        "steps": [{"from": "8.5", "pays": "4800000.00"}, {"from": "10", "pays": "9600000.00"}],
    }
)
DENVER = Curve.model_validate(
    {
        "effect": "reduction",
        "to": "mdrc",
        "curve": [
            {"from": "20", "amount": "3200000.00", "per_unit": "160000.00"},
            {"from": "30", "amount": "4800000.00", "per_unit": "38000.00"},
            {"from": "65", "amount": "6130000.00"},
        ],
    }
)


def inputs_of(
    clauses: Sequence[Any], effects: Mapping[str, Priced], splits: Mapping[str, Split] | None = None
) -> Inputs:
    found = settle(clauses, effects, splits or {}, currency="USD", payer="city").inputs
    assert found is not None
    return found


def published(value: float) -> Priced:
    return Priced(exact(value), "drawn", True)


def draws(mean: float, error: float, size: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, error, size)


def test_chance_of_each_step_is_the_normal_probability_of_its_stretch() -> None:
    values = draws(9.0, 1.0, 5_000)
    paid = draw_payments(
        inputs_of([RIKERS], {"reduction": published(9.0)}), lambda k: {"reduction": [published(values[k])]}, 5_000
    )
    stated = [ndtr(-0.5), ndtr(1.0) - ndtr(-0.5), ndtr(-1.0)]
    assert list(paid.chances.values()) == pytest.approx(stated, abs=0.02)
    assert sum(paid.chances.values()) == pytest.approx(1.0)
    assert [one.name for one in paid.chances] == ["below 8.5", "from 8.5", "from 10"]
    assert paid.nothing_due == pytest.approx(stated[0], abs=0.02)
    assert paid.mean == pytest.approx(4.8e6 * stated[1] + 9.6e6 * stated[2], abs=3 * paid.std_error)
    assert set(np.unique(paid.totals)) == {0.0, 4.8e6, 9.6e6}


def test_each_draw_is_what_the_exact_engine_pays() -> None:
    values = draws(30.0, 15.0, 200)
    inputs = inputs_of([DENVER], {"reduction": published(30.0)})
    paid = draw_payments(inputs, lambda k: {"reduction": [published(values[k])]}, 200)
    for value, total in zip(values, paid.totals, strict=True):
        due = settle([DENVER], {"reduction": published(value)}, {}, currency="USD", payer="city").total
        assert float(due) == total


def test_parties_payers_and_prices_sum_to_the_total_in_every_draw() -> None:
    values = draws(0.05, 0.03, 300)
    price = UnitPrice(name="jobs", effect="jobs", per="person", price=Decimal("1000.00"))
    cap = Cap(cap=Decimal("3000.00"), scope="contract")
    split = {"jobs": Split(rule="shapley", carve_outs={"hub": Decimal("0.1")})}

    def at(value: float) -> Priced:
        credits = {"north": exact(value * 0.7), "south": exact(value * 0.3)}
        return Priced(exact(value * 50), "drawn", True, credits, gain=exact(value), people=50)

    paid = draw_payments(inputs_of([price, cap], {"jobs": at(0.05)}, split), lambda k: {"jobs": [at(values[k])]}, 300)
    for parts in (paid.parties, paid.payers, paid.clauses):
        assert np.sum(list(parts.values()), axis=0) == pytest.approx(paid.totals)
    assert list(paid.parties) == ["hub", "north", "south"]
    assert paid.totals.max() == 3000.0
    assert paid.tidy()["term"].tolist() == ["total", "party", "party", "party", "payer", "payment"]
    assert "Expected payment" in paid.summary()


def test_conditions_and_gates_have_chances_of_their_own() -> None:
    bonus = Bonus.model_validate(
        {
            "bonus": "100.00",
            "to": "spv",
            "only_if": {"all": [{"effect": "a", "at_least": "0"}, {"effect": "b", "above": "0"}, {"gate": "a"}]},
        }
    )
    price = UnitPrice(effect="a", per="unit", price=Decimal("1.00"), to="spv")
    values = np.random.default_rng(4).normal(0, 1, (4_000, 2))

    def at(number: int) -> dict[str, list[Priced]]:
        a, b = values[number]
        return {"a": [Priced(exact(a), "drawn", bool(a > 1))], "b": [published(b)]}

    inputs = inputs_of([bonus, price], {name: known[0] for name, known in at(0).items()})
    paid = draw_payments(inputs, at, 4_000, gated=("a",))
    chances = {(one.kind, one.name): chance for one, chance in paid.chances.items()}
    whole = next(chance for (kind, name), chance in chances.items() if kind == "condition" and " and " in name)
    assert whole == pytest.approx(((values[:, 0] > 1) & (values[:, 1] > 0)).mean())
    assert chances["condition", "the gain in b is above 0"] == pytest.approx((values[:, 1] > 0).mean())
    assert chances["gate", "a"] == pytest.approx((values[:, 0] > 1).mean())


def test_draws_that_cannot_be_settled_are_counted_and_not_paid_as_nothing() -> None:
    price = UnitPrice(effect="jobs", per="person", price=Decimal("1.00"))
    shared = {"jobs": Split(rule="shapley")}

    def at(number: int) -> dict[str, list[Priced]]:
        credit = Decimal(1) if number % 4 else Decimal(0)
        return {"jobs": [Priced(Decimal(100), "drawn", True, {"north": credit})]}

    paid = draw_payments(inputs_of([price], {"jobs": at(1)["jobs"][0]}, shared), at, 400)
    assert dict(paid.refused) == {"PAY-001": 100}
    assert (paid.size, paid.mean) == (300, 100.0)
    assert "PAY-001" in paid.summary()
    with pytest.raises(CounterfoilError, match="PAY-001"):
        draw_payments(inputs_of([price], {"jobs": at(1)["jobs"][0]}, shared), lambda _: at(0), 400)


def test_two_thousand_draws_take_seconds_and_report_their_progress() -> None:
    values = draws(9.0, 1.0, 2_000)
    done: list[int] = []
    start = time.perf_counter()
    draw_payments(
        inputs_of([RIKERS], {"reduction": published(9.0)}),
        lambda k: {"reduction": [published(values[k])]},
        2_000,
        progress=done.append,
    )
    assert time.perf_counter() - start < 5
    assert done == list(range(1, 2_001))


def test_few_draws_are_refused() -> None:
    with pytest.raises(CounterfoilError, match="PAY-016"):
        draw_payments(inputs_of([RIKERS], {"reduction": published(9.0)}), lambda _: {}, 99)


def test_a_tier_is_told_for_quantities_too() -> None:
    from counterfoil.attribution.counting import Cell, Quantity

    card = UnitPrice(name="days", quantity="days", price=Decimal("1.00"), at_least=Decimal(10), to="spv")
    inputs = settle(
        [card], {}, {}, currency="USD", payer="city", quantities={"days": Quantity((Cell(Decimal(9)),))}
    ).inputs
    assert inputs is not None
    assert [(one.name, on) for one, on in standings(inputs)] == [("below 10", True), ("from 10", False)]


PROBE = """
import numpy as np
from counterfoil.attribution.risk import standard_draws
print(repr(standard_draws(np.array([[1.0, 0.4], [0.4, 1.0]]), 3, seed=7).tolist()))
"""


def test_the_seed_alone_decides_in_every_process() -> None:
    runs = {
        subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, env=env).stdout
        for env in ({"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2"})
    }
    assert len(runs) == 1
