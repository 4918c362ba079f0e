from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.attribution.capital.capital import Capital
from counterfoil.attribution.capital.distribution import Distribution, Receipt
from counterfoil.attribution.capital.irr import Flow, irr
from counterfoil.attribution.capital.waterfall import distribute
from counterfoil.errors import PaymentError

CENT = Decimal("0.01")
START = date(2013, 1, 1)
RIKERS: dict[str, Any] = {
    "receiver": "mdrc",
    "drawn": [{"amount": "9600000.00", "from": "goldman"}],
    "tranches": [{"name": "senior", "investor": "goldman", "principal": "9600000.00"}],
    "guarantee": {"guarantor": "bloomberg", "share": "0.75", "of": "senior"},
}


def once(terms: dict[str, Any], amount: str) -> Distribution:
    return distribute([Receipt("final", None, Decimal(amount))], Capital.model_validate(terms), CENT)


@pytest.mark.parametrize(
    ("city_pays", "guarantor_pays"), [("0.00", "7200000.00"), ("4800000.00", "2400000.00"), ("9600000.00", "0.00")]
)
def test_rikers_guarantee_at_full_draw(city_pays: str, guarantor_pays: str) -> None:
    paid = once(RIKERS, city_pays)
    assert paid.guaranteed == Decimal(guarantor_pays)
    assert paid.paid_to("goldman") == Decimal(city_pays) + Decimal(guarantor_pays)


@given(st.integers(0, 480_000_000))
def test_rikers_lender_loses_a_quarter_up_to_the_first_step(cents: int) -> None:
    assert 1 - once(RIKERS, str(cents * CENT)).paid_to("goldman") / Decimal(9_600_000) == Decimal("0.25")


def test_a_guarantee_is_called_only_at_the_end_and_on_what_was_drawn() -> None:
    drawn = Capital.model_validate(RIKERS | {"drawn": [{"amount": "7200000.00"}]})
    nothing = [Receipt("y1", None, Decimal("0.00"))]
    assert distribute(nothing, drawn, CENT).guaranteed == Decimal("5400000.00")
    assert distribute(nothing, drawn, CENT, final=False).lines == ()
    assert distribute([], drawn, CENT).guaranteed == Decimal("5400000.00")


def test_denver_returns_all_receipts_to_the_lenders() -> None:
    loan = {"name": "loans", "investor": "lenders", "principal": "8600000.00"}
    terms = Capital.model_validate({"tranches": [loan], "rest": {"lenders": "1.00"}})
    amounts = ("3913932.96", "620978.40", "5104000.00")
    paid = distribute([Receipt(f"p{n}", None, Decimal(amount)) for n, amount in enumerate(amounts)], terms, CENT)
    assert paid.paid_for("loans") == Decimal("8600000.00")
    assert paid.paid_to("lenders") == Decimal("9638911.36")
    assert [(balance.period, balance.principal) for balance in paid.balances] == [
        ("p0", Decimal("4686067.04")), ("p1", Decimal("4065088.64")), ("p2", Decimal("0.00"))
    ]  # fmt: skip


def test_south_carolina_reinvests_everything_up_to_its_limit() -> None:
    grant = {"name": "g", "investor": "funders", "kind": "recoverable_grant", "principal": "0.00"}
    paid = once({"tranches": [grant], "rest": {"reinvest": "1.00"}}, "7500000.00")
    assert [(line.kind, line.to, line.amount) for line in paid.lines] == [
        ("reinvested", "service", Decimal("7500000.00"))
    ]


def test_chicago_pays_the_subordinate_lender_after_both_seniors() -> None:
    terms = {
        "receiver": "chicago_sib",
        "tranches": [
            {"name": "goldman", "investor": "goldman", "principal": "7500000.00", "rank": 1},
            {"name": "northern", "investor": "northern", "principal": "5500000.00", "rank": 1},
            {"name": "pritzker", "investor": "pritzker", "principal": "3900000.00", "rank": 2},
        ],
    }
    first_year = once(terms, "500000.00")
    assert [(line.to, str(line.amount)) for line in first_year.lines] == [
        ("goldman", "288461.54"), ("northern", "211538.46")
    ]  # fmt: skip
    assert once(terms, "13000001.00").paid_to("pritzker") == 1
    assert once(terms, "16900001.00").paid_to("chicago_sib") == 1


def dated(**more: Any) -> Capital:
    loan = {"name": "loan", "investor": "fund", "principal": "1000.00", "rate": "0.05"}
    drawn = [{"date": "2013-01-01", "amount": "1000.00"}]
    return Capital.model_validate({"receiver": "spv", "drawn": drawn, "tranches": [loan]} | more)


def on(years: int, amount: str) -> Receipt:
    return Receipt(f"y{years}", START + timedelta(365 * years), Decimal(amount))


def test_interest_compounds_on_what_is_unpaid() -> None:
    paid = distribute([on(1, "20.00"), on(2, "0.00"), on(3, "5000.00")], dated(), CENT)
    after = {balance.period: (balance.interest, balance.principal) for balance in paid.balances}
    assert after["y1"] == (Decimal("30.00"), Decimal("1000.00"))  # 50 accrued, 20 paid
    assert after["y2"] == (Decimal("81.50"), Decimal("1000.00"))  # 1030 * 1.05 - 1000
    assert paid.paid_for("loan") == Decimal("20.00") + Decimal("1135.58")  # 1081.50 * 1.05 = 1135.575, half up
    assert paid.paid_to("spv") == Decimal("5020.00") - paid.paid_for("loan")


def test_a_loan_paid_in_full_yields_its_rate() -> None:
    paid = distribute([on(1, "300.00"), on(2, "400.00"), on(5, "5000.00")], dated(), CENT)
    moved = [Flow(START, Decimal(-1000))] + [
        Flow(line.date, line.amount) for line in paid.lines if line.to == "fund" and line.date
    ]
    assert abs(irr(moved) - Decimal("0.05")) < Decimal("0.00001")


def test_interest_last_pays_the_principal_first() -> None:
    loan = {"name": "loan", "investor": "fund", "principal": "1000.00", "rate": "0.05", "interest": "last"}
    paid = distribute([on(1, "1010.00")], dated(tranches=[loan]), CENT)
    assert [(line.kind, str(line.amount)) for line in paid.lines] == [("interest", "10.00"), ("principal", "1000.00")]


def test_money_drawn_later_is_not_owed_before() -> None:
    drawn = [{"date": "2013-01-01", "amount": "400.00"}, {"date": "2014-07-01", "amount": "600.00"}]
    loan = {"name": "loan", "investor": "fund", "principal": "1000.00"}
    paid = distribute([on(1, "500.00"), on(2, "500.00")], dated(drawn=drawn, tranches=[loan]), CENT)
    assert [(line.period, line.to, str(line.amount)) for line in paid.lines] == [
        ("y1", "fund", "400.00"), ("y1", "spv", "100.00"), ("y2", "fund", "500.00")
    ]  # fmt: skip


def test_recycled_receipts_pay_nobody_back() -> None:
    terms = dated(recycle={"share": "0.50", "until": "y1"})
    paid = distribute([on(1, "100.01"), on(2, "100.00")], terms, CENT)
    assert [(line.period, line.kind, str(line.amount)) for line in paid.lines] == [
        ("y1", "recycled", "50.00"), ("y1", "interest", "50.00"), ("y1", "principal", "0.01"),
        ("y2", "interest", "50.00"), ("y2", "principal", "50.00"),
    ]  # fmt: skip
    with pytest.raises(PaymentError, match=r"PAY-015.*recycling ends"):
        distribute([on(1, "1.00")], dated(recycle={"until": "y3"}), CENT)
    assert distribute([on(1, "1.00")], dated(recycle={"until": "y3"}), CENT, periods=["y1", "y2", "y3"]).lines


def test_the_return_limit_sends_the_excess_to_the_others() -> None:
    more = {"rest": {"fund": "0.80", "reinvest": "0.20"}, "return_limit": {"irr": "0.10"}}
    paid = distribute([on(1, "2000.00")], dated(**more), CENT)
    assert paid.paid_to("fund") == Decimal("1100.00")
    assert paid.paid_to("service") == Decimal("900.00")
    by_amount = once({"tranches": [{"name": "t", "investor": "fund", "principal": "10.00"}], "rest": {"fund": "0.5", "reinvest": "0.5"},
                      "return_limit": {"amount": "1.00"}}, "20.00")  # fmt: skip
    assert [by_amount.paid_to("fund"), by_amount.paid_to("service")] == [11, 9]


def test_each_refusal_names_what_is_missing() -> None:
    undated = Capital.model_validate(RIKERS | {"tranches": [RIKERS["tranches"][0] | {"rate": "0.05"}]})
    with pytest.raises(PaymentError, match=r"PAY-013.*'senior' bears interest"):
        distribute([on(1, "1.00")], undated, CENT)
    with pytest.raises(PaymentError, match=r"PAY-013.*no date"):
        distribute([Receipt("y1", None, Decimal("1.00"))], dated(), CENT)
    wrong = [[on(1, "-1.00")], [on(1, "0.001")], [on(2, "1.00"), on(1, "1.00")]]
    for receipts in wrong:
        with pytest.raises(PaymentError, match="PAY-015"):
            distribute(receipts, dated(), CENT)
    with pytest.raises(PaymentError, match=r"PAY-015.*which there is not"):
        distribute([on(1, "1.00")], dated(), CENT, periods=["y2"])


def test_terms_finer_than_the_currency_are_refused() -> None:
    loan = {"name": "loan", "investor": "fund", "principal": "1000.005"}
    for terms in (dated(tranches=[loan]), dated(return_limit={"amount": "0.001"})):
        with pytest.raises(PaymentError, match=r"PAY-015.*no multiple of 0.01"):
            distribute([on(1, "1.00")], terms, CENT)
    assert distribute([Receipt("y1", None, Decimal(3))], Capital.model_validate(RIKERS), Decimal(1)).lines


def test_periods_out_of_order_are_refused_without_dates_too() -> None:
    backwards = [Receipt(period, None, Decimal("1.00")) for period in ("y2", "y1")]
    with pytest.raises(PaymentError, match=r"PAY-015.*order of their periods"):
        distribute(backwards, Capital.model_validate(RIKERS), CENT, periods=["y1", "y2"])


def test_money_drawn_on_the_day_of_a_receipt_is_owed_once() -> None:
    drawn = [{"date": "2013-01-01", "amount": "500.00"}, {"date": "2014-01-01", "amount": "500.00"}]
    paid = distribute([on(1, "0.00"), on(2, "9000.00")], dated(drawn=drawn), CENT)
    first = paid.balances[0]
    assert (first.interest, first.principal) == (Decimal("25.00"), Decimal("1000.00"))
    assert paid.paid_for("loan") == Decimal("1076.25")  # 500 * 1.05 ** 2 + 500 * 1.05


def test_a_guarantee_does_not_lift_the_investors_above_their_limit() -> None:
    terms = {
        "receiver": "spv",
        "tranches": [
            {"name": "senior", "investor": "a", "principal": "100.00", "rank": 1},
            {"name": "junior", "investor": "b", "principal": "100.00", "rank": 2},
        ],
        "drawn": [{"amount": "100.00", "date": "2013-01-01"}, {"amount": "100.00", "date": "2015-01-01"}],
        "guarantee": {"guarantor": "g", "share": "1", "of": "junior"},
        "return_limit": {"amount": "20.00"},
        "rest": {"a": "0.5", "reinvest": "0.5"},
    }
    paid = distribute([on(1, "300.00")], Capital.model_validate(terms), CENT)
    assert paid.paid_to("a") == Decimal("120.00")
    assert paid.guaranteed == 0


cents = st.integers(0, 10**8).map(lambda number: number * CENT)
fractions = st.sampled_from(["0", "0.25", "0.333", "1"])


@st.composite
def stacks(draw: st.DrawFn, interest: bool = True, same_rank: bool = True) -> Capital:
    """Any terms: up to five tranches of three investors, with or without limit, guarantee, recycling and dates."""
    number = draw(st.integers(1, 5))
    ranks = draw(st.lists(st.integers(1, 3), min_size=number, max_size=number)) if same_rank else range(1, number + 1)
    tranches = [
        {
            "name": f"t{j}", "investor": draw(st.sampled_from(["a", "b", "c"])), "principal": draw(cents) + CENT,
            "rank": rank, "interest": draw(st.sampled_from(["first", "last"])),
            "rate": draw(st.sampled_from(["0.05", "0.123", None])) if interest else None,
        }
        for j, rank in enumerate(ranks)
    ]  # fmt: skip
    drawn = [
        {
            "date": START + timedelta(draw(st.integers(0, 50)) + 300 * j),
            "amount": tranche["principal"],
            "tranche": f"t{j}",
        }
        for j, tranche in enumerate(tranches)
    ]
    rest = draw(
        st.sampled_from(
            [{"reinvest": "1"}, {"a": "0.333", "spv": "0.667"}, {"a": "0.4", "b": "0.4", "reinvest": "0.2"}, {}]
        )
    )
    limit = draw(st.sampled_from([None, {"irr": "0.08"}, {"irr": "0"}, {"amount": "1000.00"}])) if interest else None
    guarantee = (
        draw(st.sampled_from([None, {"guarantor": "g", "share": draw(fractions), "of": "t0"}])) if interest else None
    )
    recycle = draw(st.sampled_from([None, {"until": "y2", "share": draw(fractions)}])) if interest else None
    return Capital.model_validate(
        {"receiver": "spv", "tranches": tranches, "drawn": drawn, "rest": rest, "return_limit": limit, "guarantee": guarantee,
         "recycle": recycle}
    )  # fmt: skip


receipt_lists = st.lists(cents, min_size=2, max_size=4).map(
    lambda amounts: [Receipt(f"y{n + 1}", START + timedelta(365 * (n + 1)), amount) for n, amount in enumerate(amounts)]
)


@given(stacks(), receipt_lists)
def test_what_goes_out_is_what_came_in(terms: Capital, receipts: list[Receipt]) -> None:
    paid = distribute(receipts, terms, CENT)
    assert sum(line.amount for line in paid.lines) == paid.received + paid.guaranteed
    for receipt in receipts:
        out = [line.amount for line in paid.lines if line.period == receipt.period and line.kind != "guarantee"]
        assert sum(out) == receipt.amount
    assert all(line.amount > 0 and line.amount % CENT == 0 and line.reason for line in paid.lines)
    assert all(balance.interest >= 0 and balance.principal >= 0 for balance in paid.balances)


@given(stacks(), receipt_lists)
def test_a_junior_tranche_gets_nothing_before_the_senior_is_whole(terms: Capital, receipts: list[Receipt]) -> None:
    paid = distribute(receipts, terms, CENT)
    ranks = {tranche.name: tranche.rank for tranche in terms.tranches}
    for receipt in receipts:
        got = [
            ranks[line.tranche]
            for line in paid.lines
            if line.period == receipt.period and line.tranche and line.kind != "guarantee"
        ]
        short = [ranks[b.tranche] for b in paid.balances if b.period == receipt.period and b.interest + b.principal > 0]
        assert not got or not short or max(got) <= min(short)


@given(stacks(), receipt_lists)
def test_the_investors_return_stays_within_the_limit(terms: Capital, receipts: list[Receipt]) -> None:
    if terms.return_limit is None:
        return
    paid = distribute(receipts, terms, CENT)
    got = [line for line in paid.lines if line.to in terms.investors]
    for receipt in receipts:
        drawn = [
            (draw.date, draw.amount) for draw in terms.drawn if draw.date and receipt.date and draw.date <= receipt.date
        ]
        so_far = [Flow(day, -amount) for day, amount in drawn]
        so_far += [
            Flow(line.date, line.amount) for line in got if line.date and receipt.date and line.date <= receipt.date
        ]
        paid_now = any(line.period == receipt.period for line in got)
        if terms.return_limit.amount is not None and paid_now:
            assert sum(flow.amount for flow in so_far) <= terms.return_limit.amount
        elif terms.return_limit.irr is not None and paid_now:
            grown = [flow.amount * (1 + terms.return_limit.irr) ** (Decimal((receipt.date - flow.date).days) / 365)
                     for flow in so_far if receipt.date]  # fmt: skip
            assert sum(grown) <= Decimal("1e-15")


@given(stacks(), cents, st.integers(1, 100))
def test_a_larger_receipt_never_gives_anybody_less(terms: Capital, amount: Decimal, more: int) -> None:
    day = START + timedelta(3000)
    less, larger = (
        distribute([Receipt("y2", day, a)], terms, CENT, final=False) for a in (amount, amount + more * CENT)
    )
    for party in ("a", "b", "c", "spv", "service"):
        assert larger.paid_to(party) >= less.paid_to(party)


@given(stacks(interest=False, same_rank=False), receipt_lists, st.integers(0, 3), cents)
def test_larger_receipts_in_any_period_never_give_an_investor_less(
    terms: Capital, receipts: list[Receipt], which: int, more: Decimal
) -> None:
    undated = [Receipt(receipt.period, None, receipt.amount) for receipt in receipts]
    raised = list(undated)
    at = which % len(raised)
    raised[at] = Receipt(raised[at].period, None, raised[at].amount + more)
    before, after = distribute(undated, terms, CENT), distribute(raised, terms, CENT)
    assert all(after.paid_for(tranche.name) >= before.paid_for(tranche.name) for tranche in terms.tranches)


@given(stacks(interest=False, same_rank=False), receipt_lists)
def test_several_payments_add_up_to_one(terms: Capital, receipts: list[Receipt]) -> None:
    parts = distribute([Receipt(receipt.period, None, receipt.amount) for receipt in receipts], terms, CENT)
    whole = distribute([Receipt("y9", None, parts.received)], terms, CENT)
    assert all(parts.paid_for(tranche.name) == whole.paid_for(tranche.name) for tranche in terms.tranches)
