from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.savings_share import SavingsShare, savings_payment

CENT = Decimal("0.01")
TERMS: dict[str, Any] = {"savings_share": "0.50", "until": "1000000.00", "then": "0.25", "quantity": "savings"}
cents = st.integers(0, 10**12).map(lambda number: number * CENT)
terms = st.builds(
    lambda first, until, then: SavingsShare(quantity="savings", savings_share=first / Decimal(1000), until=until, then=then / Decimal(1000)),
    st.integers(1, 1000).map(Decimal), cents, st.integers(0, 1000).map(Decimal),
)  # fmt: skip


@pytest.mark.parametrize(
    ("so_far", "now", "due"),
    [("0", "1999999.98", "999999.99"), ("0", "2000000", "1000000.00"), ("1800000", "600000", "200000.00"),
     ("2400000", "400000", "100000.00"), ("0", "0", "0.00"), ("0", "0.03", "0.02"), ("0.03", "0.03", "0.01")],
)  # fmt: skip
def test_a_period_that_crosses_the_amount_is_split(so_far: str, now: str, due: str) -> None:
    assert savings_payment(Decimal(so_far), Decimal(now), SavingsShare.model_validate(TERMS), CENT) == Decimal(due)


@given(terms, st.lists(cents, min_size=1, max_size=6))
def test_several_periods_sum_to_one(clause: SavingsShare, savings: list[Decimal]) -> None:
    so_far, paid = Decimal(0), Decimal(0)
    for now in savings:
        paid += savings_payment(so_far, now, clause, CENT)
        so_far += now
    assert paid == savings_payment(Decimal(0), so_far, clause, CENT)


@given(terms, cents, cents)
def test_more_savings_pay_more_and_never_more_than_is_saved(clause: SavingsShare, one: Decimal, more: Decimal) -> None:
    less, larger = (savings_payment(Decimal(0), savings, clause, CENT) for savings in (one, one + more))
    assert 0 <= less <= larger <= one + more
    assert savings_payment(one + more, -more, clause, CENT) == less - larger


def test_what_contradicts_itself_is_refused_and_nothing_beyond_is_said() -> None:
    for wrong in ({"savings_share": "0"}, {"then": "1.1"}, {"effect": "jail"}):
        with pytest.raises(ValidationError):
            SavingsShare.model_validate(TERMS | wrong)
    said = SavingsShare.model_validate(TERMS | {"then": "0"}).sentence(Words("USD"))
    assert said.endswith("until 1,000,000.00 USD has been paid, and nothing beyond that.")
