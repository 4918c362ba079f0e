from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.money.amounts import exact, largest_remainder, multiply, round_money
from counterfoil.attribution.money.currency import MINOR_DIGITS, decimals_beyond, smallest_unit
from counterfoil.attribution.payment.projection import project_credits
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.errors import ContractError, PaymentError

CENT = Decimal("0.01")
weights = st.lists(st.decimals(0, 1_000, places=6), min_size=1, max_size=9).filter(lambda parts: sum(parts) > 0)


@given(st.integers(0, 10**14), weights)
def test_parts_sum_to_the_total_and_miss_their_quota_by_less_than_a_unit(units: int, parts: list[Decimal]) -> None:
    total = units * CENT
    shares = largest_remainder(total, parts, CENT)
    assert sum(shares) == total
    whole = sum(map(Fraction, parts))
    for share, weight in zip(shares, parts, strict=True):
        assert abs(Fraction(share) - Fraction(total) * Fraction(weight) / whole) < Fraction(CENT)
        assert share >= 0
        assert weight > 0 or share == 0


@given(st.integers(0, 10**9), weights, st.integers(1, 10**6))
def test_scaling_the_weights_changes_nothing(units: int, parts: list[Decimal], scale: int) -> None:
    scaled = [part * scale for part in parts]
    assert largest_remainder(units * CENT, parts, CENT) == largest_remainder(units * CENT, scaled, CENT)


def test_ties_go_to_the_earlier_part() -> None:
    assert largest_remainder(Decimal("0.01"), [Decimal(1)] * 2, CENT) == (Decimal("0.01"), Decimal("0.00"))


def test_nothing_to_divide_by_is_refused() -> None:
    for parts in ([Decimal(0)], [Decimal(2), Decimal(-1)]):
        with pytest.raises(PaymentError):
            largest_remainder(Decimal(1), parts, CENT)


@given(st.floats(-1e12, 1e12, allow_nan=False))
def test_exact_keeps_twelve_digits(value: float) -> None:
    assert float(exact(value)) == pytest.approx(value, rel=1e-11, abs=1e-300)
    assert len(exact(value).as_tuple().digits) <= 12


def test_exact_refuses_what_is_no_number() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(PaymentError) as caught:
            exact(value)
        assert caught.value.codes == ("PAY-003",)


def test_a_sum_that_floats_get_wrong() -> None:
    assert multiply(Decimal("0.07"), 3, Decimal("100.00")) == Decimal(21)
    assert round_money(Decimal("0.125"), CENT, "half_even") == Decimal("0.12")
    assert round_money(Decimal("0.125"), CENT, "half_up") == Decimal("0.13")
    assert round_money(Decimal("0.129"), CENT, "down") == Decimal("0.12")


def test_currencies() -> None:
    assert len(MINOR_DIGITS) > 150
    assert smallest_unit("KWD") == Decimal("0.001")
    assert decimals_beyond(Decimal("1.001"), "USD")
    assert not decimals_beyond(Decimal("1.10"), "USD")
    assert not decimals_beyond(Decimal("1E+5"), "JPY")
    with pytest.raises(ContractError):
        smallest_unit("XYZ")


def test_projection_vectors() -> None:
    found = project_credits([Decimal("0.30"), Decimal("0.20"), Decimal("-0.05")])
    assert found == (Decimal("0.275"), Decimal("0.175"), Decimal(0))
    found = project_credits([Decimal("0.25"), Decimal("0.25"), Decimal("-0.10")])
    assert found == (Decimal("0.20"), Decimal("0.20"), Decimal(0))


@given(st.lists(st.decimals(-100, 100, places=4), min_size=1, max_size=8).filter(lambda credits: sum(credits) > 0))
def test_projection_keeps_the_sum_and_pays_nobody_more_than_its_credit(credits: list[Decimal]) -> None:
    paid = project_credits(credits)
    with localcontext(prec=60):
        assert abs(sum(paid, Decimal(0)) - sum(credits, Decimal(0))) < Decimal("1e-40")
        gaps = [credit - pay for pay, credit in zip(paid, credits, strict=True) if pay > 0]
        lowered = {gap.quantize(Decimal("1e-30")) for gap in gaps}
    assert all(0 <= pay <= max(credit, Decimal(0)) for pay, credit in zip(paid, credits, strict=True))
    assert len(lowered) == 1  # one constant, shared by all who are paid


def test_a_loss_cannot_be_divided() -> None:
    with pytest.raises(PaymentError):
        project_credits([Decimal(-1), Decimal("0.5")])


def test_a_float_is_no_amount() -> None:
    with pytest.raises(ValidationError, match="does not hold cents"):
        UnitPrice.model_validate({"effect": "jobs", "per": "person", "price": 40.1})
