"""Cliffs against graduated tables: the closed form against draws and against integration, and Peterborough."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from counterfoil.attribution.payment import Curve, SlidingScale, StepTable, UnitPrice
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.risk import cliff_cost, graduate, knots_of, paid_at, tidy_cliffs
from counterfoil.attribution.risk.cliff import jumps, moments_of
from counterfoil.errors import CounterfoilError

COHORT = Bonus.model_validate({"bonus": "5000000.00", "only_if": {"effect": "fall", "at_least": "10"}})
RIKERS = StepTable.model_validate(
    {
        "effect": "fall",
        "steps": [
            {"from": "8.5", "pays": "4800000.00"},
            {"from": "10", "pays": "9600000.00"},
            {"from": "20", "pays": "11712000.00"},
        ],
    }
)
DENVER = Curve.model_validate(
    {
        "effect": "fall",
        "curve": [
            {"from": "20", "amount": "3200000.00", "per_unit": "160000.00"},
            {"from": "30", "amount": "4800000.00", "per_unit": "38000.00"},
            {"from": "65", "amount": "6130000.00"},
        ],
    }
)


def test_peterborough_at_what_was_measured() -> None:
    """8.4% against a trigger of 10%: nothing was due, and a line from nothing would have paid 84% of the amount."""
    knots = knots_of(COHORT)
    assert paid_at(knots, Decimal("8.4")) == 0
    assert paid_at(graduate(knots), Decimal("8.4")) == Decimal(4200000)
    found = cliff_cost(COHORT, 8.4, 3.0, within=1.6)
    assert found.expected == pytest.approx(5e6 * norm.sf(1.6 / 3))
    assert found.near == pytest.approx(norm.cdf(3.2 / 3) - norm.cdf(0.0))
    assert found.cost > 2e6
    assert found.added_spread > 0


@pytest.mark.parametrize("clause", [COHORT, RIKERS, DENVER], ids=["bonus", "steps", "curve"])
def test_the_graduated_table_pays_the_same_at_the_thresholds_and_never_jumps(clause: Any) -> None:
    knots = knots_of(clause)
    line = graduate(knots)
    for knot in knots:
        assert paid_at(line, knot.value) == pytest.approx(knot.amount)
    assert jumps(knots)
    assert jumps(line) == ()


def test_denver_jumps_once() -> None:
    assert jumps(knots_of(DENVER)) == (Decimal(20),)


@given(st.floats(-20, 80), st.floats(0.05, 30))
def test_moments_are_those_of_numerical_integration(true_gain: float, error: float) -> None:
    knots = knots_of(DENVER)
    low, high = true_gain - 10 * error, true_gain + 10 * error
    points = [low, *(edge for edge in (20.0, 30.0, 65.0) if low < edge < high), high]

    def integral(power: int) -> float:
        def paid(x: float) -> float:
            return float(paid_at(knots, Decimal(x))) ** power * float(norm.pdf(x, true_gain, error))

        return float(sum(quad(paid, start, end)[0] for start, end in pairwise(points)))

    mean, spread = moments_of(knots, true_gain, error)
    assert mean == pytest.approx(integral(1), rel=1e-5, abs=1.0)
    assert spread**2 + mean**2 == pytest.approx(integral(2), rel=1e-5, abs=1e6)


@pytest.mark.parametrize("clause", [RIKERS, DENVER], ids=["steps", "curve"])
def test_moments_are_those_of_draws(clause: Any) -> None:
    drawn = np.random.default_rng(2).normal(19.0, 8.0, 200_000)
    knots = knots_of(clause)
    starts = np.array([float(knot.value) for knot in knots])
    place = np.searchsorted(starts, drawn, side="right") - 1
    slopes, amounts = (np.array([float(getattr(knot, name)) for knot in knots]) for name in ("per_unit", "amount"))
    paid = np.where(place < 0, 0.0, amounts[place] + slopes[place] * (drawn - starts[place]))
    found = cliff_cost(clause, 19.0, 8.0)
    assert found.expected == pytest.approx(paid.mean(), rel=0.01)
    assert found.std_dev == pytest.approx(paid.std(), rel=0.01)


def test_a_discount_and_people_scale_the_amounts() -> None:
    price = UnitPrice.model_validate(
        {"effect": "jobs", "per": "person", "price": "10.00", "at_least": "2", "discount": "0.1"}
    )
    (knot,) = knots_of(price, people=50)
    assert (knot.amount, knot.per_unit) == (Decimal(900), Decimal(450))


def test_what_has_no_cliff_is_refused() -> None:
    scale = SlidingScale.model_validate(
        {"effect": "fall", "sliding": {"lower": "5", "upper": "10", "amount": "100.00"}}
    )
    for clause in (scale, UnitPrice(effect="fall", per="unit", price=Decimal("1.00"))):
        with pytest.raises(CounterfoilError, match="PAY-018"):
            cliff_cost(clause, 8.0, 1.0)
    with pytest.raises(CounterfoilError, match="PAY-018"):
        cliff_cost(COHORT, 8.0, 1.0, begins=Decimal(10))
    with pytest.raises(CounterfoilError, match="PAY-016"):
        cliff_cost(COHORT, 8.0, 0.0)


def test_table_has_one_row_a_true_gain() -> None:
    table = tidy_cliffs([cliff_cost(RIKERS, gain, 2.0) for gain in (0.0, 9.0, 15.0)])
    assert table["true_gain"].tolist() == [0.0, 9.0, 15.0]
    assert (table["cost"] == table["graduated"] - table["expected"]).all()
