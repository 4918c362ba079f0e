"""Conditions: across metrics and periods, nested, and on what is not known yet."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.attribution.counting import Cell, Quantity
from counterfoil.attribution.payment import Condition, Priced, Settlement
from counterfoil.attribution.payment.condition import holds
from counterfoil.attribution.payment.moment import Moment

Pay = Callable[..., Settlement]
YEARS = ("y1", "y2", "y3")


def starts(only_if: dict[str, Any]) -> dict[str, Any]:
    return {"quantity": "starts", "price": "3120.00", "to": "ceo", "only_if": only_if}


@pytest.mark.parametrize(("fall", "due"), [(None, 0), ("7.99", 0), ("8", 3_120), ("-8", 0)])
def test_new_york_pays_for_starts_only_if_recidivism_fell(pay: Pay, fall: str | None, due: int) -> None:
    known = {} if fall is None else {"recidivism": fall}
    assert (
        pay([starts({"effect": "recidivism", "at_least": "8"})], quantities={"starts": 1}, effects=known).total == due
    )


def test_peterborough_pays_on_any_cohort_from_10_or_all_from_7_5(pay: Pay) -> None:
    either = {"any": [{"effect": "one", "at_least": "10"}, {"effect": "all", "at_least": "7.5"}]}
    for known, due in (({"one": "8.387"}, 0), ({"one": "8.387", "all": "9.0"}, 1), ({"one": "10"}, 1)):
        bonus = {"bonus": "1.00", "to": "p", "only_if": either}
        assert pay([bonus], effects=known).total == due


def test_a_gain_once_known_holds_later_and_a_count_is_of_its_own_period(pay: Pay) -> None:
    counted = {"starts": dict.fromkeys(YEARS, 1), "complaints": {"y1": 3, "y2": 0}}
    due = pay([starts({"effect": "e", "above": "0"})], quantities=counted, effects={"e": {"y2": 1}}, periods=YEARS)
    assert [int(amount) for amount in due.by_period().values()] == [0, 3_120, 3_120]
    guard = pay([starts({"quantity": "complaints", "below": "3"})], quantities=counted, periods=YEARS)
    assert [int(amount) for amount in guard.by_period().values()] == [0, 3_120, 3_120]  # nothing counted is none
    reported = Quantity((Cell(Decimal(3), "y1"),), complete=False)
    asked = Condition(quantity="complaints", below=Decimal(3))
    assert not holds(asked, Moment("y3", YEARS, {"complaints": reported}, {}))[0]  # nothing reported is not known


def test_a_rate_in_a_condition_is_of_the_period_or_of_the_sums() -> None:
    cells = tuple(Cell(Decimal(n), period) for period, n in (("y1", 60), ("y2", 30)))
    parts = tuple(Cell(Decimal(n), period) for period, n in (("y1", 6_000), ("y2", 9_000)))
    base = tuple(Cell(Decimal(n), period) for period, n in (("y1", 100), ("y2", 300)))
    rate = {"rate": Quantity(cells, parts=parts, base=base)}
    asked = Condition(quantity="rate", at_least=Decimal("37.5"))
    assert not holds(asked, Moment("y2", ("y1", "y2"), rate, {}))[0]
    assert holds(asked, Moment("y2", ("y1", "y2"), rate, {}, cumulative=True))[0]
    assert not holds(asked, Moment("y3", YEARS, rate, {}))[0]  # nothing is known of the third year


def test_a_hundred_conditions_inside_each_other() -> None:
    asked = Condition(effect="e", at_least=Decimal(1))
    for number in range(100):
        asked = Condition.model_validate({"all" if number % 2 else "any": (asked,)})
    assert holds(asked, Moment("", ("",), {}, {"e": [Priced(Decimal(1), "", True)]}))[0]
    assert asked.names() == (("effect", "e"),)
