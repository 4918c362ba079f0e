"""Step tables: Rikers Island, and the returns of the Newpin bond."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.payment import Settlement, StepTable
from counterfoil.attribution.payment.step_table import step_reached

Pay = Callable[..., Settlement]
RIKERS = {"8.5": 4_800_000, "10": 9_600_000, "11": 10_080_000, "12": 10_176_000, "12.5": 10_272_000, "13": 10_368_000,
          "16": 10_944_000, "20": 11_712_000}  # fmt: skip
TABLE = {"effect": "fall", "to": "mdrc", "steps": [{"from": x, "pays": f"{pays}.00"} for x, pays in RIKERS.items()]}
NEWPIN = {
    "quantity": "rate", "to": "investors", "of": "7000000.00", "steps": [
        {"from": "55", "to": "60", "rate": "0.03"}, {"from": "60", "to": "65", "rate": "0.075"},
        {"from": "65", "to": "70", "rate": "0.12"}, {"from": "70", "rate": "0.15"},
    ],
}  # fmt: skip


@pytest.mark.parametrize(("fall", "due"), [("0", 0), ("8.4999", 0), ("-3", 0), *RIKERS.items(), ("30", 11_712_000)])
def test_rikers_pays_from_each_threshold_on(pay: Pay, fall: str, due: int) -> None:
    assert pay([TABLE], effects={"fall": fall}).total == due


def test_a_threshold_may_have_to_be_exceeded(pay: Pay) -> None:
    assert pay([{**TABLE, "reached": "above"}], effects={"fall": "10"}).total == 4_800_000


@pytest.mark.parametrize(
    ("rate", "due"), [("54.99", "0.00"), ("61", "525000.00"), ("59.79", "210000.00"), ("58", "210000.00"), ("70", "1050000.00")]
)  # fmt: skip
def test_newpin_returns_a_rate_on_capital(pay: Pay, rate: str, due: str) -> None:
    assert str(pay([NEWPIN], quantities={"rate": rate}).total) == due


def test_newpin_returns_at_least_five_per_cent_in_the_first_three_years(pay: Pay) -> None:
    years = ("y1", "y2", "y3", "y4")
    floor = {"floor": "350000.00", "scope": "period", "periods": years[:3]}
    due = pay([NEWPIN, floor], quantities={"rate": dict.fromkeys(years, "58")}, periods=years)
    assert [str(amount) for amount in due.by_period().values()] == ["350000.00"] * 3 + ["210000.00"]


@pytest.mark.parametrize(
    "second", [{"from": "8.5", "pays": "1.00"}, {"from": "9", "pays": "1.00"}, {"from": "11", "pays": "1.00"}]
)
def test_steps_that_overlap_or_leave_a_gap_are_refused(second: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match=r"overlap|gap"):
        StepTable.model_validate({"effect": "e", "steps": [{"from": "8.5", "to": "10", "pays": "1.00"}, second]})


@given(st.decimals(0, 40, places=3), st.decimals(0, 40, places=3))
def test_more_gain_is_never_on_a_lower_step(one: Decimal, other: Decimal) -> None:
    table = StepTable.model_validate(TABLE)
    low, high = (step_reached(table, value) for value in sorted((one, other)))
    assert low is None or (high is not None and high.start >= low.start)
