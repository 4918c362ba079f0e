from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.capital.irr import Flow, growth, irr, largest_payment_within_irr, npv
from counterfoil.errors import PaymentError

CENT = Decimal("0.01")
START = date(2013, 1, 1)


def flows(*pairs: tuple[int, str]) -> list[Flow]:
    return [Flow(START + timedelta(days), Decimal(amount)) for days, amount in pairs]


@pytest.mark.parametrize(
    ("reduction", "city_pays", "published"),
    [("10%", "9600000", "0"), ("11%", "10080000", "1.2"), ("12%", "10176000", "1.5"), ("13%", "10368000", "1.9"),
     ("16%", "10944000", "3.3"), ("20%", "11712000", "5.1")],
)  # fmt: skip
def test_rikers_published_returns_over_four_years(reduction: str, city_pays: str, published: str) -> None:
    rate = irr(flows((0, "-9600000"), (4 * 365, city_pays)))
    assert abs(100 * rate - Decimal(published)) < Decimal("0.06"), reduction


def test_the_rate_of_a_known_growth_comes_back_to_twenty_digits() -> None:
    assert irr(flows((0, "-100"), (730, "132.25"))) == Decimal("0.15")
    assert irr(flows((0, "-100"), (365, "50"))) == Decimal("-0.5")
    assert irr(flows((0, "-100"), (100, "60"), (200, "40"))) == 0


def test_several_flows_agree_with_the_roots_of_a_polynomial() -> None:
    amounts = [-1000, -500, 300, 700, 900]
    roots = np.roots(amounts[::-1])
    factor = next(root.real for root in roots if abs(root.imag) < 1e-12 and root.real > 0)
    rate = irr([Flow(START + timedelta(365 * year), Decimal(amount)) for year, amount in enumerate(amounts)])
    assert float(rate) == pytest.approx(1 / factor - 1, rel=1e-12)


def test_two_rates_are_refused_and_one_of_several_sign_changes_is_found() -> None:
    pump = flows((0, "-1600"), (365, "10000"), (730, "-10000"))  # Lorie and Savage: 25% and 400%
    assert npv(pump, Decimal("0.25")) == npv(pump, Decimal(4)) == 0
    with pytest.raises(PaymentError, match=r"PAY-014.*2 rates"):
        irr(pump)
    with pytest.raises(PaymentError, match=r"PAY-014.*no rate"):
        irr(flows((0, "-100"), (365, "100"), (730, "-100")))
    with pytest.raises(PaymentError, match=r"PAY-014.*3 rates"):
        irr(flows((0, "-100000"), (365, "360000"), (730, "-431000"), (1095, "171600")))  # 10%, 20% and 30%
    with pytest.raises(PaymentError, match=r"PAY-014.*too close"):
        irr(flows((0, "-100"), (365, "220"), (730, "-121")))  # 10% twice
    assert irr(flows((0, "-100"), (365, "120"), (500, "-1"), (730, "1"))) > 0


def test_money_one_way_and_rates_that_discount_nothing_are_refused() -> None:
    for one_way in ([], flows((0, "-100")), flows((0, "-100"), (0, "120"))):
        with pytest.raises(PaymentError, match="PAY-014"):
            irr(one_way)
    with pytest.raises(PaymentError, match="PAY-014"):
        npv(flows((0, "-100")), Decimal(-1))


amounts = st.integers(1, 10**10).map(lambda cents: cents * CENT)
days = st.integers(0, 4000)
rates = st.integers(0, 5000).map(lambda points: Decimal(points) / 10_000)


@given(st.lists(st.tuples(days, amounts), min_size=1, max_size=4), st.integers(1, 4000), amounts)
def test_the_rate_makes_the_value_zero(drawn: list[tuple[int, Decimal]], later: int, back: Decimal) -> None:
    last = max(day for day, _ in drawn) + later
    moved = [*(Flow(START + timedelta(day), -amount) for day, amount in drawn), Flow(START + timedelta(last), back)]
    rate = irr(moved)
    step = max(abs(rate), 1 + rate) * Decimal("1e-12")
    if rate - step > -1:
        assert npv(moved, rate - step) >= 0 >= npv(moved, rate + step)


@given(st.lists(st.tuples(days, amounts), min_size=1, max_size=4), st.integers(1, 4000), rates)
def test_the_largest_payment_keeps_the_limit_and_a_cent_more_breaks_it(
    drawn: list[tuple[int, Decimal]], later: int, limit: Decimal
) -> None:
    on = START + timedelta(max(day for day, _ in drawn) + later)
    put_up = [Flow(START + timedelta(day), -amount) for day, amount in drawn]
    most = largest_payment_within_irr(put_up, on, limit, CENT)
    assert most % CENT == 0
    assert irr([*put_up, Flow(on, most)]) <= limit
    assert irr([*put_up, Flow(on, most + CENT)]) > limit


@given(st.tuples(days, amounts), amounts, st.integers(1, 900), st.integers(1, 900), rates)
def test_payments_so_far_lower_the_largest_payment(
    drawn: tuple[int, Decimal], paid: Decimal, first: int, second: int, limit: Decimal
) -> None:
    put_up = [Flow(START + timedelta(drawn[0]), -drawn[1])]
    early = put_up[0].date + timedelta(first)
    on = early + timedelta(second)
    with_it = largest_payment_within_irr([*put_up, Flow(early, paid)], on, limit, CENT)
    without = largest_payment_within_irr(put_up, on, limit, CENT)
    assert 0 <= with_it <= without
    assert with_it == 0 or abs(without - with_it - paid * growth(limit, second)) <= CENT


def test_educate_girls_limit_of_fifteen_percent_and_flows_after_the_payment() -> None:
    lent = flows((0, "-277000.00"))
    assert largest_payment_within_irr(lent, START + timedelta(3 * 365), Decimal("0.15"), CENT) == Decimal("421282.37")
    with pytest.raises(PaymentError, match="PAY-015"):
        largest_payment_within_irr(lent, START - timedelta(1), Decimal("0.15"), CENT)
