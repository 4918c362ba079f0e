"""Cumulative settlement: everything so far, less what was due before."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from counterfoil.attribution.counting import Cell
from counterfoil.attribution.payment import Settlement

Pay = Callable[..., Settlement]
TWO = ("y1", "y2")


def fall(name: str, to: str, first: str, second: str) -> tuple[dict[str, Any], dict[str, dict[str, str]]]:
    return {"effect": name, "per": "unit", "price": "1.00", "to": to}, {name: {"y1": first, "y2": second}}


@pytest.mark.parametrize(("claw_back", "second"), [(True, "-60.00"), (False, "0.00")])
def test_a_gain_that_shrinks_is_clawed_back_only_if_agreed(pay: Pay, claw_back: bool, second: str) -> None:
    terms, known = fall("e", "p", "100", "40")
    due = pay([terms], effects=known, periods=TWO, cumulative=True, claw_back=claw_back)
    assert [str(amount) for amount in due.by_period().values()] == ["100.00", second]


@pytest.mark.parametrize(
    ("scope", "receivers"), [({"scope": "provider", "provider": "n"}, ("n", "n", "s")), ({"scope": "payer", "payer": "a"}, ("n", "n", "n"))]
)  # fmt: skip
def test_nothing_taken_back_breaks_no_limit(pay: Pay, scope: dict[str, str], receivers: tuple[str, ...]) -> None:
    names, gains = ("one", "two", "three"), (("100", "0"), ("0", "100"), ("0", "100"))
    payers = ("a", "a", "b")
    clauses: list[dict[str, Any]] = []
    known: dict[str, dict[str, str]] = {}
    for name, to, payer, (first, second) in zip(names, receivers, payers, gains, strict=True):
        terms, effect = fall(name, to, first, second)
        clauses.append({**terms, "payer": payer})
        known |= effect
    due = pay([*clauses, {"cap": "100.00", **scope}], effects=known, periods=TWO, cumulative=True)
    sums = due.by_party() if "provider" in scope else due.by_payer()
    assert sums[scope.get("provider", scope.get("payer", ""))] == 100
    assert due.total == 200


def test_lines_of_several_periods_say_their_whole_quantity(pay: Pay) -> None:
    cells = [Cell(Decimal(3), "y1"), Cell(Decimal(4), "y2")]
    due = pay([{"quantity": "q", "price": "1.00", "to": "p"}], quantities={"q": cells}, periods=TWO, cumulative=True)
    assert [(str(line.quantity), str(line.amount)) for line in due.lines] == [("3", "3.00"), ("7", "4.00")]
