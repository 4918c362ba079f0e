"""A redline shows every sentence that differs, both versions can be read from it, and money on the same facts."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import counterfoil as cf
from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.attribution.payment.settling import settle
from counterfoil.contract import Contract
from counterfoil.description import described
from counterfoil.redlining import Redline, compare_versions, marked, redline
from counterfoil.reported import Reported

TERMS: dict[str, Any] = {
    "counterfoil": "1",
    "name": "Homes",
    "currency": "USD",
    "parties": {"north": {"role": "provider"}, "south": {"role": "provider"}, "city": {"role": "outcome_payer"}},
    "quantities": {"homes": {"kind": "reported"}, "visits": {"kind": "reported"}},
    "payments": [
        {"name": "beds", "quantity": "homes", "price": "15.12", "to": "north"},
        {"quantity": "visits", "price": "2.00", "to": "south"},
        {"cap": "400.00", "scope": "contract"},
    ],
}


def version(**payments: Any) -> Contract:
    """The contract with clauses changed, by their number, or others put in their place."""
    clauses = [payments.get(f"clause_{number}", clause) for number, clause in enumerate(TERMS["payments"], start=1)]
    terms = TERMS | {key: value for key, value in payments.items() if not key.startswith("clause_")}
    return Contract.model_validate({**terms, "payments": [clause for clause in clauses if clause is not None]})


def settled(contract: Contract) -> Settlement:
    counts = {"homes": Quantity((Cell(Decimal(10)),)), "visits": Quantity((Cell(Decimal(5)),))}
    return settle(contract.payments, {}, {}, currency=contract.currency, payer="city", quantities=counts)


def compared(new: Contract) -> Redline:
    old = version()
    return compare_versions(old, new, settled(old), settled(new))


DEARER = {"name": "beds", "quantity": "homes", "price": "16.00", "to": "north"}


def test_a_changed_price_shows_word_by_word_with_the_money() -> None:
    found = compared(version(clause_1=DEARER))
    (change,) = found.changes
    assert (change.section, change.kind, change.numbers) == ("When and how much is due", "changed", (1, 1))
    assert [(mark, text) for mark, text in change.words if mark != "same"] == [("removed", "15.12"), ("added", "16.00")]
    assert found.money is not None
    assert [(row.party, str(row.old), str(row.new), str(row.difference)) for row in found.money] == [
        ("north", "151.20", "160.00", "8.80"),
        ("south", "10.00", "10.00", "0.00"),
        ("total", "161.20", "170.00", "8.80"),
    ]
    assert "[-15.12-]{+16.00+} USD" in found.summary()
    assert "  north: 151.20 becomes 160.00 (+8.80)" in found.summary()


def test_a_clause_left_out_is_removed_and_the_others_stay_though_their_numbers_move() -> None:
    found = compared(version(clause_1=None))
    assert [(change.kind, change.numbers) for change in found.changes] == [("removed", (1, None))]
    assert found.money is not None
    assert [str(row.new) for row in found.money] == ["0.00", "10.00", "10.00"]


def test_a_new_party_receives_from_nothing() -> None:
    found = compared(version(clause_2={"quantity": "visits", "price": "2.00", "to": "hub"}))
    assert found.money is not None
    assert [(row.party, str(row.difference)) for row in found.money] == [
        ("north", "0.00"), ("south", "-10.00"), ("hub", "10.00"), ("total", "0.00"),
    ]  # fmt: skip


def test_the_order_of_limits_is_a_difference() -> None:
    period = {"cap": "300.00", "scope": "period"}
    contract = {"cap": "400.00", "scope": "contract"}
    one, other = version(clause_2=period, clause_3=contract), version(clause_2=contract, clause_3=period)
    assert {change.kind for change in compare_versions(one, other).changes} == {"removed", "added"}


def test_the_same_contract_twice_has_no_difference() -> None:
    found = compared(version())
    assert found.changes == ()
    assert found.money is not None
    assert all(row.difference == 0 for row in found.money)
    assert found.summary().startswith("No sentence differs.")


def test_both_versions_can_be_read_from_the_changes() -> None:
    old, new = version(), version(clause_1=DEARER, clause_3=None, name="Homes again", rounding="down")
    found = compare_versions(old, new)
    for contract, side in ((old, "old"), (new, "new")):
        sentences = {sentence.text for part in described(contract).values() for sentence in part} | {contract.name}
        assert {getattr(change, side) for change in found.changes} - {""} <= sentences
    was = [sentence.text for part in described(old).values() for sentence in part]
    will = [sentence.text for part in described(new).values() for sentence in part]
    assert set(was) - set(will) <= {change.old for change in found.changes}
    assert set(will) - set(was) <= {change.new for change in found.changes}


@given(st.text(max_size=40), st.text(max_size=40))
def test_marked_words_are_both_sentences(old: str, new: str) -> None:
    words = marked(old, new)
    assert "".join(text for mark, text in words if mark != "added") == old
    assert "".join(text for mark, text in words if mark != "removed") == new


def test_names_are_escaped_in_html() -> None:
    nasty = {"north": {"role": "provider", "name": "<script>alert(1)</script>"}}
    found = compared(version(parties=TERMS["parties"] | nasty)).html()
    assert "<script>" not in found
    assert "&lt;script&gt;" in found
    assert "<ins>" in found
    money = compared(version(clause_2={"quantity": "visits", "price": "2.00", "to": "<b>"})).html()
    assert "<td>&lt;b&gt;</td>" in money


def test_plain_data_holds_money_as_text() -> None:
    found = json.loads(json.dumps(compared(version(clause_1=DEARER)).to_dict()))
    assert found["money"][0] == {"party": "north", "old": "151.20", "new": "160.00", "difference": "8.80"}
    assert found["changes"][0]["kind"] == "changed"
    assert ["removed", "15.12"] in found["changes"][0]["words"]


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        (None, None, "No facts were given"),
        (None, settled(version()), "The old version does not give an answer"),
        (settled(version()), None, "The new version does not give an answer"),
        (settled(version()), settled(version(currency="GBP")), "pay in USD and in GBP"),
    ],
)
def test_money_that_cannot_be_compared_says_why(before: Settlement | None, after: Settlement | None, why: str) -> None:
    found = compare_versions(version(), version(), before, after)
    assert found.money is None
    assert why in found.note
    assert why in found.summary()


def test_two_versions_on_the_same_reported_facts() -> None:
    rows = [{"quantity": "homes", "value": "10"}, {"quantity": "visits", "value": "5"}]
    facts = Reported.model_validate({"counterfoil": "1", "reported": rows})
    found = redline(version(), version(clause_1=DEARER), reported=facts)
    assert found.money is not None
    assert [(row.party, str(row.difference)) for row in found.money] == [
        ("north", "8.80"), ("south", "0.00"), ("total", "8.80"),
    ]  # fmt: skip


def test_two_versions_on_the_same_study() -> None:
    old = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    price, cap = old.payments
    new = old.model_copy(update={"payments": (price.model_copy(update={"price": Decimal("41.00")}), cap)})
    found = redline(old, new, cf.datasets.load("rice"))
    assert found.money is not None
    assert [(row.party, str(row.old)) for row in found.money] == [
        ("default", "2917.29"), ("intensive", "72.98"), ("total", "2990.27"),
    ]  # fmt: skip
    assert found.money[-1].difference > 0
    assert "[-40.00-]{+41.00+} USD for each unit of rise in takeup" in found.summary()
