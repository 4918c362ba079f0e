"""Prices over time: rates that compound, and factors for each period."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from counterfoil.attribution.payment import Escalator, Settlement
from counterfoil.attribution.payment.escalator import escalated

Pay = Callable[..., Settlement]
YEARS = ("y1", "y2", "y3", "y4")


@pytest.mark.parametrize(("cumulative", "claw_back"), [(False, False), (True, False), (True, True)])
def test_chicago_raises_its_price_by_one_per_cent_a_year(pay: Pay, cumulative: bool, claw_back: bool) -> None:
    terms = [{"quantity": "years", "price": "9100.00", "to": "p", "escalator": {"rate": "0.01"}}]
    counted = {"years": dict.fromkeys(YEARS, 1)}
    due = pay(terms, quantities=counted, periods=YEARS, cumulative=cumulative, claw_back=claw_back)
    assert [str(amount) for amount in due.by_period().values()] == ["9100.00", "9191.00", "9282.91", "9375.74"]


def test_a_price_does_not_rise_before_the_period_since_which_it_rises(pay: Pay) -> None:
    terms = [{"quantity": "q", "price": "100.00", "to": "p", "escalator": {"rate": "0.10", "since": "y3"}}]
    due = pay(terms, quantities={"q": dict.fromkeys(YEARS, 1)}, periods=YEARS)
    assert [str(amount) for amount in due.by_period().values()] == ["100.00", "100.00", "100.00", "110.00"]


def test_a_fee_tapers_to_nothing(pay: Pay) -> None:
    taper = {"factors": {"y2": "0.75", "y3": "0.5", "y4": "0"}}
    terms = [{"quantity": "q", "price": "400.00", "to": "p", "escalator": taper, "discount": "0.1"}]
    due = pay(terms, quantities={"q": dict.fromkeys(YEARS, 1)}, periods=YEARS)
    assert [str(amount) for amount in due.by_period().values()] == ["360.00", "270.00", "180.00", "0.00"]


def test_a_falling_price_never_turns_negative() -> None:
    factor, _ = escalated(Escalator(rate=Decimal("-0.5")), "y4", YEARS)
    assert factor == Decimal("0.125")
