"""What becomes of the payments: a prime's fees before its capital, and an early end."""

from decimal import Decimal
from typing import Any

import pytest

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.errors import CounterfoilError
from counterfoil.reported import Reported

TERMS: dict[str, Any] = {
    "counterfoil": 1,
    "name": "Homes",
    "currency": "USD",
    "parties": {
        "city": {"role": "outcome_payer"},
        "north": {"role": "provider"},
        "partner": {"role": "provider"},
        "bank": {"role": "investor"},
    },
    "periods": {
        "y1": {"from": "2024-01-01", "to": "2024-12-31"},
        "y2": {"from": "2025-01-01", "to": "2025-12-31"},
    },
    "quantities": {"homes": {"kind": "reported"}},
    "payments": [
        {"quantity": "homes", "price": "1000.00", "to": "north"},
        {"fees": {"partner": {"fraction": "0.80"}}, "prime": "north"},
    ],
    "capital": [
        {
            "receiver": "north",
            "drawn": [{"date": "2024-01-01", "amount": "5000.00"}],
            "tranches": [{"name": "loan", "investor": "bank", "principal": "5000.00"}],
            "early_termination": [{"from_year": 1, "share": "0.50"}],
        }
    ],
}


def told(**homes: str) -> Reported:
    rows = [{"quantity": "homes", "period": period, "value": value} for period, value in homes.items()]
    return Reported.model_validate({"reported": rows})


def onward(**changes: Any) -> Any:
    evaluation = cf.evaluate(Contract.model_validate(TERMS | changes), reported=told(y1="3", y2="2"))
    assert evaluation.onward is not None
    return evaluation


def test_capital_is_returned_from_what_the_prime_keeps() -> None:
    found = onward().onward
    assert [line.amount for made in found.fees for line in made.paid.lines if line.to == "partner"] == [2400, 1600]
    assert found.distributions[0].received == Decimal("1000.00")
    assert found.distributions[0].paid_to("bank") == Decimal("1000.00")


def test_a_contract_that_was_ended_settles_no_later_period_and_returns_what_was_agreed() -> None:
    evaluation = onward(settlement={"ended": "2025-01-01"}, payments=TERMS["payments"][:1])
    assert evaluation.settlement.total == Decimal("5000.00")
    evaluation = onward(settlement={"ended": "2024-12-31"}, payments=TERMS["payments"][:1])
    assert evaluation.settlement.total == Decimal("3000.00")
    ((name, found),) = evaluation.onward.ended
    assert (name, found.amount) == ("loan", Decimal("0.00"))
    later = {"periods": {"y1": {}, "y2": {}}, "settlement": {"ended": "2025-06-30"}, "payments": TERMS["payments"][:1]}
    evaluation = cf.evaluate(Contract.model_validate(TERMS | later), reported=told(y1="1"))
    assert evaluation.onward is not None
    assert evaluation.onward.ended[0][1].amount == Decimal("1500.00")
    assert "1,500.00 is still to be returned" in evaluation.summary()


def test_an_end_without_dates_of_draws_is_refused() -> None:
    capital = [{**TERMS["capital"][0], "drawn": []}]
    terms = TERMS | {"capital": capital, "settlement": {"ended": "2024-12-31"}}
    evaluation = cf.evaluate(Contract.model_validate(terms), reported=told(y1="1"))
    assert [problem.code for problem in evaluation.refused] == ["PAY-013"]


@pytest.mark.parametrize(
    ("changes", "code", "said"),
    [
        ({"amendments": [{"from": "y9", "reason": "x"}]}, "CONTRACT-010", "no period 'y9'"),
        (
            {"amendments": [{"from": "y2", "reason": "x", "changes": {"payments.homez.price": "1.00"}}]},
            "CONTRACT-010",
            "no term stands at 'payments.homez.price'",
        ),
        (
            {"amendments": [{"from": "y2", "reason": "x", "changes": {"payments.0.price": "1.001"}}]},
            "CONTRACT-012",
            "as amended: `price` has more than",
        ),
        (
            {"amendments": [{"from": "y2", "reason": "x", "changes": {"payments.0.price": "one"}}]},
            "CONTRACT-016",
            "the amended term at payments.0",
        ),
        (
            {
                "capital": [
                    {**TERMS["capital"][0], "tranches": [{"name": "l", "investor": "bank", "principal": "5000.001"}]}
                ]
            },
            "CONTRACT-012",
            "`principal` has more than the 2 decimals",
        ),
        ({"capital": [{**TERMS["capital"][0], "receiver": "nroth"}]}, "CONTRACT-010", "did you mean 'north'"),
    ],
)
def test_amendments_and_capital_are_checked_before_anything_is_computed(
    changes: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(CounterfoilError) as caught:
        cf.evaluate(Contract.model_validate(TERMS | changes), reported=told(y1="1"))
    assert any(problem.code == code and said in problem.what for problem in caught.value.problems), str(caught.value)


def test_what_is_clawed_back_is_held_against_later_receipts_of_capital() -> None:
    design = {"kind": "published", "design": "lottery", "estimand": "ITT", "source": "report"}
    effects = {"gain": {"outcome": "days", "better": "higher", "estimator": design}}
    paid = [{"effect": "gain", "to": "north", "curve": [{"from": "0", "amount": "0.00", "per_unit": "1000.00"}]}]
    terms = TERMS | {"effects": effects, "payments": paid, "quantities": {}}
    terms |= {"settlement": {"basis": "cumulative", "claw_back": True}}
    rows = [{"effect": "gain", "period": "y1", "value": "4"}, {"effect": "gain", "period": "y2", "value": "3"}]
    evaluation = cf.evaluate(Contract.model_validate(terms), reported=Reported.model_validate({"reported": rows}))
    assert evaluation.settlement is not None
    assert [str(line.amount) for line in evaluation.settlement.lines] == ["4000.00", "-1000.00"]
    assert evaluation.onward is not None
    assert evaluation.onward.distributions[0].received == Decimal("4000.00")


def test_what_a_limit_carries_beyond_the_last_period_is_told() -> None:
    payments = [TERMS["payments"][0], {"cap": "2500.00", "scope": "period", "excess": "carried"}]
    evaluation = cf.evaluate(Contract.model_validate(TERMS | {"payments": payments}), reported=told(y1="3", y2="3"))
    assert evaluation.settlement is not None
    assert evaluation.settlement.total == Decimal("5000.00")
    unpaid = [step.amount for step in evaluation.settlement.steps if step.action == "unpaid"]
    assert sum(unpaid) == Decimal("1000.00")
