"""Quantities made of others: Newpin's restoration rate, the refugees' deadweight, circles."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from counterfoil.attribution.counting import (
    Cell,
    Count,
    Counted,
    Deductions,
    Net,
    Quantity,
    Ratio,
    Reported,
    count,
    count_net,
    count_ratio,
    deducted,
    gross_to_net,
    in_order,
    periods_of,
)
from counterfoil.attribution.money.words import Words
from counterfoil.errors import CounterfoilError


def amount(value: str | int, group: str = "", provider: str = "") -> Quantity:
    return Quantity((Cell(Decimal(value), group=group, provider=provider),), (f"{value} counted",))


def yearly(*values: int) -> Quantity:
    return Quantity(tuple(Cell(Decimal(value), f"y{k}", people=value) for k, value in enumerate(values)))


def newpin(treatment: str | None) -> Ratio:
    terms = {} if treatment is None else {"reversed": "returned", "treatment": treatment}
    return Ratio.model_validate({"kind": "ratio", "of": "restored", "to": ["restored", "exits"], **terms})


NEWPIN = {"restored": amount(61), "exits": amount(39), "returned": amount(3)}


@pytest.mark.parametrize(
    ("treatment", "expected"), [(None, Fraction(61)), ("remove", Fraction(5800, 97)), ("move", Fraction(58))]
)
def test_reversals_at_newpin(treatment: str | None, expected: Fraction) -> None:
    rate = count_ratio(newpin(treatment), NEWPIN)
    assert abs(Fraction(rate.total) - expected) < Fraction(1, 10**28)
    assert [cell.amount for cell in rate.cells] == [rate.total]
    assert ("3 returned are taken out of restored" in " ".join(rate.notes)) == (treatment is not None)


def test_a_rate_over_periods_is_no_mean_of_rates() -> None:
    rate = count_ratio(newpin(None), {"restored": yearly(1, 30), "exits": yearly(9, 30)})
    assert [cell.amount for cell in rate.cells] == [10, 50]
    assert [cell.people for cell in rate.cells] == [10, 60]
    assert rate.within(["y0"]).total == 10
    assert round(rate.total, 25) == round(Decimal(3100) / Decimal(70), 25)


def test_a_period_without_a_base_has_no_rate() -> None:
    rate = count_ratio(newpin(None), {"restored": yearly(1, 0), "exits": yearly(9, 0)})
    assert [cell.period for cell in rate.cells] == ["y0"]
    assert rate.total == 10
    for broken in (
        lambda: rate.within(["y1"]).total,
        lambda: count_ratio(newpin(None), {"restored": amount(0), "exits": amount(0)}),
        lambda: count_ratio(newpin("remove"), {"restored": amount(3), "exits": amount(0), "returned": amount(3)}),
    ):
        with pytest.raises(CounterfoilError) as caught:
            broken()
        assert caught.value.codes == ("PAY-008",)


def test_parts_that_do_not_match_are_refused() -> None:
    rate = count_ratio(newpin(None), NEWPIN)
    for quantities in (
        {"restored": amount(3, provider="north"), "exits": amount(1)},
        {"restored": amount(3, group="x"), "exits": amount(1)},
        {"restored": rate, "exits": amount(1)},
    ):
        with pytest.raises(CounterfoilError) as caught:
            count_ratio(newpin(None), quantities)
        assert caught.value.codes == ("PAY-010",)
        with pytest.raises(CounterfoilError) as caught:
            count_net(Net(of=("restored",), less=("exits",)), quantities)
        assert caught.value.codes == ("PAY-010",)


@pytest.mark.parametrize(
    "terms",
    [
        {"reversed": "x"},
        {"treatment": "move"},
        {"to": ["exits"], "reversed": "x", "treatment": "move"},
        {"to": ["exits"] * 2},
    ],
)
def test_a_ratio_says_all_of_it(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Ratio.model_validate({"of": "restored", "to": ["restored", "exits"], **terms})


def test_net_is_by_place_and_never_below_the_floor() -> None:
    net = count_net(
        Net(of=("housed", "leased"), less=("jailed",)),
        {"housed": yearly(10, 3), "leased": yearly(1, 1), "jailed": yearly(4, 9)},
    )
    assert [(cell.period, int(cell.amount)) for cell in net.cells] == [("y0", 7), ("y1", 0)]
    assert net.notes == ("1 of 2 differences are below 0 and raised to it",)
    only = count_net(Net(of=("housed",), less=("jailed",)), {"housed": Quantity(()), "jailed": amount(3)})
    assert only.total == 0


def test_gross_deadweight_and_net_stand_side_by_side() -> None:
    """Refugees: of 611 in work, 135 would not have been without the programme; the deadweight is 476."""
    share = Decimal(476) / Decimal(611)
    both = gross_to_net(Decimal(611), Deductions(deadweight=share))
    assert (round(both.gross), round(both.deadweight), round(both.net)) == (611, 476, 135)
    net = count_net(Net(of=("work",), deduct=Deductions(deadweight=Decimal("0.779"))), {"work": amount(611)})
    assert net.notes == ("611 counted", "gross 611, deadweight 475.969 (77.9%), net 135.031")
    assert net.total == Decimal("135.031")


FRACTIONS = st.decimals(min_value=0, max_value=1, places=3)


@given(st.tuples(*[FRACTIONS] * 5), st.decimals(min_value="0.1", max_value=3, places=2), st.integers(0, 5))
def test_deductions_against_the_formula_in_fractions(parts: Any, multiplier: Decimal, years: int) -> None:
    names = ("deadweight", "leakage", "displacement", "substitution", "drop_off")
    terms = Deductions(**dict(zip(names, parts, strict=True)), multiplier=multiplier, year=1)
    expected = Fraction(1000) * Fraction(multiplier)
    for name, part in zip(names, parts, strict=True):
        expected *= (1 - Fraction(part)) ** (1 + years if name == "drop_off" else 1)
    assert Fraction(deducted(Decimal(1000), terms, years)) == expected
    assert deducted(Decimal(1000), terms, years + 1) <= deducted(Decimal(1000), terms, years)


@pytest.mark.parametrize(
    "terms", [{"leakage": "1.1"}, {"deadweight": "-0.1"}, {"multiplier": "0"}, {"year": "-1"}, {"drop_off": 0.1}]
)
def test_deductions_are_fractions(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Deductions.model_validate(terms)


def test_every_deduction_is_said() -> None:
    terms = Deductions(
        deadweight=Decimal("0.2"), leakage=Decimal("0.1"), multiplier=Decimal("1.5"), drop_off=Decimal("0.05"), year=1
    )
    said = Net(of=("work",), deduct=terms).sentence(Words("GBP"), "net")
    assert said.endswith(
        "less 20% deadweight, 10% leakage and 5% drop-off a year for 1 year, times a multiplier of 1.5."
    )


def test_quantities_are_counted_in_the_order_of_dependence() -> None:
    specs: dict[str, Counted] = {
        "rate": newpin("move"), "restored": Reported(), "exits": Net(of=("all",), less=("restored",)),
        "all": Reported(), "returned": Reported(),
    }  # fmt: skip
    done = {"restored": amount(61), "all": amount(100), "returned": amount(3)}
    for name in in_order(specs):
        done[name] = count(specs[name], name, None, periods_of({}), done)
    assert done["rate"].total == 58
    with pytest.raises(CounterfoilError) as caught:
        in_order(specs | {"all": Net(of=("rate",))})
    assert caught.value.codes == ("CONTRACT-020",)
    assert "rate" in str(caught.value)
    with pytest.raises(CounterfoilError) as caught:
        count(Count(metric="job"), "jobs", None, periods_of({}), {})
    assert caught.value.codes == ("DATA-019",)
