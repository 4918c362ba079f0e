"""Stated amounts: bonuses once a condition holds, and grants in place of other clauses."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from counterfoil.attribution.counting import Cell, Quantity
from counterfoil.attribution.payment import Settlement

Pay = Callable[..., Settlement]
YEARS = ("y1", "y2", "y3")
BONUS: dict[str, Any] = {"name": "extra", "bonus": "50.00", "to": "p", "only_if": {"effect": "e", "at_least": "5"}}


def by_year(due: Settlement) -> list[str]:
    return [str(due.by_period().get(year, "nothing")) for year in YEARS]


def test_a_targeting_bonus_is_paid_for_each_participant_from_65_per_cent_on(pay: Pay) -> None:
    terms = {"bonus": "12.00", "quantity": "mothers", "to": "p", "only_if": {"quantity": "poor", "at_least": "65"}}
    for share, due in ((64.9, "0.00"), (65, "12000.00")):
        assert str(pay([terms], quantities={"mothers": 1_000, "poor": share}).total) == due


def test_a_bonus_is_not_paid_again_when_nothing_new_is_known(pay: Pay) -> None:
    assert by_year(pay([BONUS], effects={"e": {"y2": 6}}, periods=YEARS)) == ["nothing", "50.00", "nothing"]
    again = pay([BONUS], effects={"e": {"y1": 6, "y2": 4, "y3": 5}}, periods=YEARS)
    assert by_year(again) == ["50.00", "0.00", "50.00"]


def test_a_bonus_is_paid_in_the_periods_that_it_names_only(pay: Pay) -> None:
    terms = {**BONUS, "periods": ["y2", "y3"]}
    assert by_year(pay([terms], effects={"e": {"y1": 6}}, periods=YEARS)) == ["nothing", "50.00", "50.00"]
    cumulative = pay([terms], effects={"e": {"y1": 6}}, periods=YEARS, cumulative=True)
    assert cumulative.total == 100


def test_a_bonus_whose_condition_is_not_known_yet_is_not_due(pay: Pay) -> None:
    assert pay([BONUS], effects={"e": {"y3": 6}}, periods=YEARS[:2]).total == 0


def test_a_bonus_for_each_unit_stands_under_a_limit_for_each_person(pay: Pay) -> None:
    people = tuple(Cell(Decimal(n), person=who) for who, n in enumerate((1, 2, 7)))
    counted = Quantity((Cell(Decimal(10)),), by_person=people)
    terms = {"bonus": "10.00", "quantity": "q", "to": "p", "only_if": {"quantity": "q", "at_least": "1"}}
    due = pay([terms, {"cap": "25.00", "scope": "person"}], quantities={"q": counted})
    assert str(due.total) == "55.00"  # 10, 20 and 25 in place of 70


GRANT: dict[str, Any] = {
    "grant": "80.00",
    "periods": ["y2"],
    "instead_of": ["homes"],
    "reason": "a pandemic",
    "to": "p",
}
HOMES = {"name": "homes", "quantity": "homes", "price": "10.00", "to": "p"}


def test_a_grant_stands_in_place_of_a_price_in_its_periods(pay: Pay) -> None:
    counted = {"homes": {"y1": 3, "y2": 1, "y3": 4}}
    for terms in ({}, {"cumulative": True}, {"cumulative": True, "claw_back": True}):
        assert by_year(pay([HOMES, GRANT], quantities=counted, periods=YEARS, **terms)) == ["30.00", "80.00", "40.00"]


def test_a_grant_whose_condition_does_not_hold_stands_in_place_of_nothing(pay: Pay) -> None:
    terms = {**GRANT, "only_if": {"quantity": "homes", "below": "2"}}
    for homes, due in ((1, "80.00"), (5, "50.00")):
        assert str(pay([HOMES, terms], quantities={"homes": {"y2": homes}}, periods=YEARS).total) == due
