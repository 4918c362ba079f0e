"""Conservation over random contracts: money is neither made nor lost, caps hold, nobody is paid below zero."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.payment import Cap, Clause, Priced, Settlement, Split, UnitPrice, settle
from counterfoil.errors import CounterfoilError, PaymentError

PARTIES = ("a", "b", "c", "d")
money = st.decimals(0, 100_000, places=2)


def unit_price(effect: str, price: Decimal) -> UnitPrice:
    return UnitPrice(effect=effect, per="person", price=price)


@st.composite
def from_another(draw: st.DrawFn) -> dict[str, object]:
    """Draw terms of a split whose credits are another effect's, with an agreed split; or none."""
    if not draw(st.booleans()):
        return {}
    first = draw(st.decimals(0, 1, places=3))
    return {"credits_from": "parts", "otherwise": {"b": first, "d": 1 - first}}


@st.composite
def contracts(draw: st.DrawFn) -> Settlement:
    names = draw(st.lists(st.sampled_from(["jobs", "homes", "reading"]), min_size=1, max_size=3, unique=True))
    effects, splits, clauses = {}, {}, []
    for name in names:
        credits = {party: draw(st.decimals(-20, 50, places=5)) for party in PARTIES}
        whole = sum(credits.values(), Decimal(0))
        quantity = whole * draw(st.integers(1, 3_000))
        terms = draw(from_another())
        if terms:  # another design fixes the pot, whatever the credits sum to
            quantity = draw(st.decimals(-10, 10_000, places=3))
        effects[name] = Priced(quantity, "drawn", draw(st.booleans()), credits)
        carve_outs = {"backbone": draw(st.decimals(0, 1, places=3))} if draw(st.booleans()) else {}
        weights = draw(st.sampled_from(["identity", "precision"]))
        root = np.random.default_rng(draw(st.integers(0, 99))).normal(size=(len(PARTIES), draw(st.integers(1, 6))))
        effects[name] = replace(effects[name], covariance=(root @ root.T).tolist())
        splits[name] = Split.model_validate(
            {"rule": "shapley", "carve_outs": carve_outs, "projection_weights": weights, **terms}
        )
        clauses.append(unit_price(name, draw(money)))
    caps: list[Clause] = [Cap(cap=draw(money), scope="contract")] if draw(st.booleans()) else []
    if draw(st.booleans()):
        caps.append(Cap(cap=draw(money), scope="effect", effect=names[0]))
    return settle([*clauses, *caps], effects, splits, currency="USD", payer="city")


@given(contracts())
def test_lines_sum_to_the_last_step_of_each_pot_and_nobody_pays_in(due: Settlement) -> None:
    last = {}
    for step in due.steps:
        last[step.pot] = step.amount
    for clause, amount in last.items():
        assert sum(line.amount for line in due.lines if line.clause == clause) == amount
    assert due.total == sum(due.by_party().values())
    assert all(line.amount >= 0 for line in due.lines)
    assert all(line.amount == line.amount.quantize(Decimal("0.01")) for line in due.lines)


@given(st.lists(st.tuples(money, st.decimals(0, 500, places=3)), min_size=1, max_size=4), money, money)
def test_caps_are_never_exceeded_and_only_lower(
    pots: list[tuple[Decimal, Decimal]], cap: Decimal, inner: Decimal
) -> None:
    effects = {f"e{k}": Priced(quantity, "drawn", True) for k, (_, quantity) in enumerate(pots)}
    clauses: list[Clause] = [
        UnitPrice(effect=f"e{k}", per="person", price=price, to="a") for k, (price, _) in enumerate(pots)
    ]
    free = settle(clauses, effects, {}, currency="EUR", payer="city")
    capped = settle(
        [*clauses, Cap(cap=inner, scope="effect", effect="e0"), Cap(cap=cap, scope="contract")],
        effects, {}, currency="EUR", payer="city",
    )  # fmt: skip
    assert capped.total == min(cap, free.total - free.lines[0].amount + min(inner, free.lines[0].amount))
    assert capped.lines[0].amount <= min(inner, free.lines[0].amount)


@given(st.decimals(0, 1_000, places=6), st.decimals(0, 1_000, places=6), money)
def test_more_gain_never_pays_less(first: Decimal, second: Decimal, price: Decimal) -> None:
    totals = [
        settle([UnitPrice(effect="e", per="person", price=price, to="a")], {"e": Priced(quantity, "drawn", True)}, {},
               currency="USD", payer="city").total
        for quantity in sorted((first, second))
    ]  # fmt: skip
    assert totals[0] <= totals[1]


def test_a_shut_gate_and_a_loss_pay_nothing_and_say_so() -> None:
    credits = {"a": Decimal(1)}
    for effect, action in (
        (Priced(Decimal(10), "drawn", False, credits), "gate"),
        (Priced(Decimal(-10), "drawn", True, {"a": Decimal(-1)}), "floor"),
    ):
        due = settle(
            [unit_price("e", Decimal(5))], {"e": effect}, {"e": Split(rule="shapley")}, currency="USD", payer="p"
        )
        assert due.total == 0
        assert [line.amount for line in due.lines] == [0]
        assert action in [step.action for step in due.steps]


def test_pot_without_positive_credits_is_refused() -> None:
    effect = Priced(Decimal(10), "drawn", True, {"a": Decimal(0)})
    with pytest.raises(PaymentError):
        settle([unit_price("e", Decimal(5))], {"e": effect}, {"e": Split(rule="shapley")}, currency="USD", payer="p")


def test_clause_without_receiver_is_refused() -> None:
    with pytest.raises(CounterfoilError):
        settle([unit_price("e", Decimal(5))], {"e": Priced(Decimal(1), "drawn", True)}, {}, currency="USD", payer="p")


def test_carve_out_comes_first_and_the_rest_is_divided() -> None:
    effect = Priced(Decimal(100), "drawn", True, {"a": Decimal(3), "b": Decimal(1)})
    split = Split(rule="shapley", carve_outs={"backbone": Decimal("0.1")})
    due = settle([unit_price("e", Decimal("1.01"))], {"e": effect}, {"e": split}, currency="USD", payer="p")
    assert {party: str(amount) for party, amount in due.by_party().items()} == {
        "backbone": "10.10", "a": "68.18", "b": "22.72",
    }  # fmt: skip


def test_currency_without_minor_unit() -> None:
    effect = Priced(Decimal("10.5"), "drawn", True, {"a": Decimal(1), "b": Decimal(1)})
    due = settle([unit_price("e", Decimal(3))], {"e": effect}, {"e": Split(rule="shapley")}, currency="JPY", payer="p")
    assert [str(line.amount) for line in due.lines] == ["16", "16"]


def test_tidy_is_the_vocabulary_with_exact_money() -> None:
    effect = Priced(Decimal(100), "drawn", True, {"a": Decimal(3), "b": Decimal(1)})
    frame = settle([unit_price("e", Decimal("1.01"))], {"e": effect}, {"e": Split(rule="shapley")}, currency="USD", payer="p").tidy()  # fmt: skip
    assert list(frame.columns) == [
        "provider",
        "outcome",
        "cohort",
        "period",
        "term",
        "quantity",
        "price",
        "payment",
        "currency",
    ]
    assert all(isinstance(value, Decimal) for value in frame["payment"])


@pytest.mark.parametrize("pot", ["100.01", "100.02", "0.05", "0.01"])
@pytest.mark.parametrize("fractions", [("0.5", "0.5"), ("0.25", "0.25", "0.5"), ("0.333", "0.333")])
def test_carve_outs_and_the_rest_are_rounded_in_one_pass(pot: str, fractions: tuple[str, ...]) -> None:
    effect = Priced(Decimal(pot), "drawn", True, {"a": Decimal(1)})
    names = {f"hub{k}": Decimal(fraction) for k, fraction in enumerate(fractions)}
    due = settle([unit_price("e", Decimal(1))], {"e": effect}, {"e": Split(rule="shapley", carve_outs=names)}, currency="USD", payer="p")  # fmt: skip
    shares = {**names, "a": 1 - sum(names.values(), Decimal(0))}
    for party, amount in due.by_party().items():
        assert abs(amount - Decimal(pot) * shares[party]) < Decimal("0.01")
        assert amount == 0 or shares[party] > 0
    assert due.total == Decimal(pot)
