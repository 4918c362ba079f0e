from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.fees import Fees, FeesPaid, pay_fees
from counterfoil.errors import PaymentError

CENT = Decimal("0.01")
TERMS: dict[str, Any] = {
    "prime": "ceo",
    "fees": {
        "north": {"amount": "1000.00"},
        "south": {"fraction": "0.10"},
        "east": {"each": "starts", "price": "31.20"},
    },
    "bonus_pool": {"share": "0.05", "among": ["north", "south"], "by": {"north": "0.60", "south": "0.40"}},
}
COUNTS = {"starts": Decimal(100)}


def pay(receipts: str, **changes: Any) -> FeesPaid:
    return pay_fees(Fees.model_validate(TERMS | changes), Decimal(receipts), COUNTS, CENT)


def paid(result: FeesPaid) -> list[tuple[str, str, str]]:
    return [(line.to, line.kind, str(line.amount)) for line in result.lines]


def test_the_prime_keeps_what_fees_and_bonuses_leave() -> None:
    result = pay("10000.00")
    assert paid(result) == [
        ("north", "fee", "1000.00"), ("south", "fee", "1000.00"), ("east", "fee", "3120.00"),
        ("north", "bonus", "300.00"), ("south", "bonus", "200.00"), ("ceo", "kept", "4380.00"),
    ]  # fmt: skip
    assert (result.borne, result.unpaid, result.note) == (Decimal("0.00"), Decimal(0), "")


def test_without_outcomes_the_prime_bears_the_fees() -> None:
    result = pay("0.00")
    assert paid(result) == [("north", "fee", "1000.00"), ("east", "fee", "3120.00")]
    assert result.borne == Decimal("4120.00")
    assert result.note == "ceo bears 4,120.00 of 4,120.00 in fees that receipts of 0.00 do not cover"


def test_limited_fees_are_lowered_in_proportion() -> None:
    result = pay("2000.00", limited_to_receipts=True)
    assert paid(result) == [("north", "fee", "462.96"), ("south", "fee", "92.59"), ("east", "fee", "1444.45")]
    assert result.unpaid == Decimal("2320.00")
    assert "not paid 2,320.00 of 4,320.00" in result.note
    assert all("lowered in proportion" in line.reason for line in result.lines)


def test_the_bonus_pool_is_never_at_the_expense_of_fees() -> None:
    result = pay("4600.00")
    fees = [line.amount for line in result.lines if line.kind == "fee"]
    bonuses = [line.amount for line in result.lines if line.kind == "bonus"]
    assert [sum(fees), sum(bonuses), result.borne] == [Decimal("4580.00"), Decimal("20.00"), 0]


@given(st.integers(0, 10**9), st.booleans(), st.integers(0, 10**6), st.sampled_from(["0", "0.333", "1"]))
def test_what_goes_out_is_what_came_in_and_what_the_prime_adds(
    cents: int, limited: bool, count: int, share: str
) -> None:
    pool = {"share": share, "among": ["north", "south", "west"]}
    terms = Fees.model_validate(TERMS | {"limited_to_receipts": limited, "bonus_pool": pool})
    result = pay_fees(terms, cents * CENT, {"starts": Decimal(count)}, CENT)
    assert sum(line.amount for line in result.lines) == cents * CENT + result.borne
    assert all(line.amount > 0 and line.reason for line in result.lines)
    assert not (limited and result.borne)
    assert not (result.borne and any(line.kind != "fee" for line in result.lines))


def test_refusals() -> None:
    for receipts in ("-1.00", "0.001"):
        with pytest.raises(PaymentError, match="PAY-015"):
            pay(receipts)
    with pytest.raises(PaymentError, match=r"PAY-015.*'starts', which is not known"):
        pay_fees(Fees.model_validate(TERMS), Decimal(0), {}, CENT)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"prime": "north"}, "by itself"),
        ({"fees": {"north": {}}}, "should state"),
        ({"fees": {"north": {"amount": "1.00", "fraction": "0.1"}}}, "should state"),
        ({"fees": {"north": {"each": "starts"}}}, "with its `price`"),
        ({"fees": {"north": {"fraction": "0.6"}, "south": {"fraction": "0.6"}}}, "sum to more than one"),
        ({"bonus_pool": {"share": "0.1", "among": ["north", "north"]}}, "twice"),
        ({"bonus_pool": {"share": "0.1", "among": ["north"], "by": {"south": "1"}}}, "each party under `among`"),
        ({"bonus_pool": {"share": "0.1", "among": ["north"], "by": {"north": "0.9"}}}, "sum to one"),
        ({"bonus_pool": {"share": "0.1", "among": ["ceo"]}}, "by itself"),
    ],
)
def test_terms_that_contradict_themselves_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Fees.model_validate(TERMS | changes)


def test_the_clause_says_itself() -> None:
    assert Fees.model_validate(TERMS).sentence(Words("USD")) == (
        "ceo receives the outcome payments and pays, whether or not outcomes come, 1,000.00 USD to north, 10% of what it receives "
        "to south and 31.20 USD for each unit of starts to east. 5% of the receipts, if the fees leave as much, is shared: 60% of "
        "it to north and 40% of it to south."
    )
