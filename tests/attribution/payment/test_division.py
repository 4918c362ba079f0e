"""How the price of a count is divided: minimum parts, another quantity, and the credits of an effect."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.counting import Cell
from counterfoil.attribution.payment import Division, Priced, Settlement, Split
from counterfoil.attribution.payment.division import lifted, parts_by_weight
from counterfoil.errors import PaymentError

Pay = Callable[..., Settlement]
NAMES = ("a", "b", "c")


def divided(pay: Pay, split: dict[str, Any], amount: str = "100.00", **terms: Any) -> dict[str, str]:
    clause = {"quantity": "q", "price": amount, "split": split}
    due = pay([clause], quantities={"q": 1, **terms.pop("quantities", {})}, **terms)
    return {party: str(part) for party, part in due.by_party().items()}


def test_a_minimum_above_ones_share_is_taken_from_the_others_in_proportion(pay: Pay) -> None:
    split = {"fractions": {"a": "0.6", "b": "0.3", "c": "0.1"}, "minimum": {"c": "0.4"}}
    assert divided(pay, split) == {"a": "40.00", "b": "20.00", "c": "40.00"}
    split = {"fractions": {"a": "1"}, "minimum": {"b": "0.25"}, "carve_outs": {"hub": "0.2"}}
    assert divided(pay, split) == {"hub": "20.00", "a": "60.00", "b": "20.00"}


def test_hours_divide_an_amount_and_none_divide_nothing(pay: Pay) -> None:
    hours = [Cell(Decimal(n), provider=name) for name, n in zip(NAMES, (6, 3, 0), strict=True)]
    assert divided(pay, {"by_quantity": "hours"}, quantities={"hours": hours}) == {
        "a": "66.67",
        "b": "33.33",
        "c": "0.00",
    }
    for nothing in ([], [Cell(Decimal(0), provider="a")], [Cell(Decimal(5))]):
        with pytest.raises(PaymentError) as caught:
            divided(pay, {"by_quantity": "hours"}, quantities={"hours": nothing})
        assert caught.value.codes == ("PAY-001",)
        assert set(divided(pay, {"by_quantity": "hours"}, "0.00", quantities={"hours": nothing}).values()) <= {"0.00"}


@pytest.mark.parametrize("credits", [{"a": "1", "b": "-1"}, {"a": "-2", "b": "1"}, {"a": "0", "b": "0"}])
def test_an_effect_without_a_gain_divides_nothing_unless_the_contract_says_how(
    pay: Pay, credits: dict[str, str]
) -> None:
    effect = Priced(Decimal(5), "drawn", True, {name: Decimal(credit) for name, credit in credits.items()})
    split = {"credits_from": "e"}
    with pytest.raises(PaymentError) as caught:
        divided(pay, split, effects={"e": effect})
    assert caught.value.codes == ("PAY-001",)
    assert divided(pay, split, "0.00", effects={"e": effect}) == {"a": "0.00", "b": "0.00"}
    agreed = Split(rule="shapley", credits_from="model", otherwise={"a": Decimal("0.3"), "b": Decimal("0.7")})
    assert divided(pay, split, effects={"e": effect}, splits={"e": agreed}) == {"a": "30.00", "b": "70.00"}


def test_an_effect_that_is_not_known_yet_divides_nothing(pay: Pay) -> None:
    with pytest.raises(PaymentError) as caught:
        divided(pay, {"credits_from": "e"}, effects={})
    assert caught.value.codes == ("PAY-004",)


@pytest.mark.parametrize(
    "terms",
    [{}, {"equally": ["a", "a"]}, {"fractions": {"a": "0.5", "b": "0.4"}}, {"equally": ["a"], "carve_outs": {"h": "1.1"}},
     {"equally": ["a"], "minimum": {"a": "0.6", "b": "0.6"}}, {"equally": ["a"], "credits_from": "e"}],
)  # fmt: skip
def test_parts_that_do_not_sum_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Division.model_validate(terms)


@given(
    st.decimals(0, 10_000, places=2),
    st.lists(st.integers(0, 9), min_size=3, max_size=3).filter(any),
    st.lists(st.decimals(0, "0.3", places=3), min_size=3, max_size=3),
    st.decimals(0, 1, places=3),
)
def test_parts_sum_and_reach_their_minimum(
    amount: Decimal, weights: list[int], least: list[Decimal], carved: Decimal
) -> None:
    minimum: dict[str, Decimal] = dict(zip(NAMES, least, strict=True))
    terms = Division(equally=NAMES, minimum=minimum, carve_outs={"hub": carved})
    parts = parts_by_weight(amount, terms, dict(zip(NAMES, map(Decimal, weights), strict=True)), Decimal("0.01"), "")
    assert sum(part for part, _ in parts.values()) == amount
    left = amount - parts["hub"][0]
    assert all(Decimal(parts[name][0]) > left * part - Decimal("0.01") for name, part in minimum.items())
    for name, part in zip(NAMES, least, strict=True):
        assert parts[name][0] > left * part - Decimal("0.01")
    shares = lifted(dict(zip(NAMES, (Decimal(w) / sum(weights) for w in weights), strict=True)), minimum)
    assert abs(sum(shares.values(), Decimal(-1))) < Decimal("1e-20")
