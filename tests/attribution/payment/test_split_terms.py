"""Terms of a split beyond its rule: minimum parts, and what becomes of negative credits."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.payment import Priced, Split, UnitPrice, settle
from counterfoil.attribution.payment.condition import Condition, holds
from counterfoil.attribution.payment.moment import Moment
from counterfoil.errors import PaymentError

PRICE = UnitPrice(effect="e", per="person", price=Decimal("1.00"))


def paid(credits: dict[str, str], **terms: object) -> dict[str, str]:
    known = {name: Decimal(credit) for name, credit in credits.items()}
    priced = Priced(sum(known.values(), Decimal(0)) * 100, "drawn", True, known)
    split = Split.model_validate({"rule": "shapley", **terms})
    due = settle([PRICE], {"e": priced}, {"e": split}, currency="USD", payer="p")
    return {party: str(amount) for party, amount in due.by_party().items()}


def test_a_minimum_part_is_paid_and_the_others_give_way_in_proportion() -> None:
    assert paid({"a": "6", "b": "3", "c": "1"}) == {"a": "600.00", "b": "300.00", "c": "100.00"}
    lifted = paid({"a": "6", "b": "3", "c": "1"}, minimum={"c": "0.25"})
    assert lifted == {"a": "500.00", "b": "250.00", "c": "250.00"}


def test_negative_credits_are_projected_lowered_in_proportion_or_refused() -> None:
    credits = {"a": "0.30", "b": "0.20", "c": "-0.05"}
    assert paid(credits) == {"a": "27.50", "b": "17.50", "c": "0.00"}
    assert paid(credits, negative="in_proportion") == {"a": "27.00", "b": "18.00", "c": "0.00"}
    with pytest.raises(PaymentError) as caught:
        paid(credits, negative="refuse")
    assert caught.value.codes == ("PAY-024",)
    assert paid({"a": "1", "b": "1"}, negative="refuse") == {"a": "100.00", "b": "100.00"}


@given(
    st.lists(st.integers(-20, 100), min_size=2, max_size=5).filter(lambda found: sum(found) > 0),
    st.sampled_from(["project", "in_proportion"]),
    st.integers(0, 20),
)
def test_parts_sum_to_the_pot_and_hold_the_minimum(credits: list[int], negative: str, least: int) -> None:
    named = {f"p{number}": str(credit) for number, credit in enumerate(credits)}
    found = paid(named, negative=negative, minimum={"p0": str(Decimal(least) / 100)})
    whole = Decimal(sum(credits)) * 100
    assert sum(map(Decimal, found.values())) == whole
    assert min(map(Decimal, found.values())) >= 0
    assert Decimal(found["p0"]) >= whole * least / 100 - Decimal("0.01")


def test_a_replication_must_lie_within_the_tolerance() -> None:
    known = {"first": [Priced(Decimal("8.4"), "", True)], "again": [Priced(Decimal("7.6"), "", True)]}
    for tolerance, met in (("0.8", True), ("0.79", False)):
        asked = Condition(effect="first", near="again", within=Decimal(tolerance))
        assert holds(asked, Moment("", ("",), {}, known))[0] is met
    unknown = Condition(effect="first", near="third", within=Decimal(1))
    assert holds(unknown, Moment("", ("",), {}, known)) == (False, "third is not known yet")
