"""A settlement is recorded with all that it follows from: settled again from its own record, it is the same."""

import copy
import json
from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.ledger.record import differences, from_record, rederive, to_record
from counterfoil.attribution.payment.clauses import CLAUSES
from counterfoil.attribution.payment.settlement import Inputs, Settlement
from counterfoil.attribution.payment.settling import settle
from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.payment.trace import Priced
from counterfoil.errors import CounterfoilError, PaymentError

D = Decimal


def clause(terms: dict[str, Any]) -> Any:
    return next(spec for key, spec in CLAUSES.items() if key in terms).model_validate(terms)


def money(least: int = 0, most: int = 500_000) -> st.SearchStrategy[str]:
    return st.integers(least, most).map(lambda cents: f"{cents // 100}.{cents % 100:02}")


def fraction() -> st.SearchStrategy[Decimal]:
    return st.integers(1, 99).map(lambda percent: D(percent) / 100)


SOURCES = st.sampled_from([{"quantity": "homes"}, {"effect": "jail"}])
CONDITIONS = st.sampled_from(
    [
        {"effect": "jail", "at_least": "2"},
        {"quantity": "homes", "above": "3", "at_most": "40"},
        {"gate": "jail"},
        {"any": [{"quantity": "rate", "below": "80"}, {"effect": "jail", "above": "1"}]},
    ]
)
DIVISIONS = st.one_of(
    st.just({"equally": ["north", "south"]}),
    st.just({"by_quantity": "hours", "carve_outs": {"hub": "0.05"}}),
    st.just({"credits_from": "jail", "minimum": {"south": "0.2"}}),
    fraction().map(lambda part: {"fractions": {"north": str(part), "south": str(1 - part)}}),
)


def extras(draw: st.DrawFn) -> dict[str, Any]:
    """Terms that every price may have."""
    found: dict[str, Any] = {}
    if draw(st.booleans()):
        found["only_if"] = draw(CONDITIONS)
    if draw(st.booleans()):
        found["escalator"] = draw(st.sampled_from([{"rate": "0.015"}, {"factors": {"y2": "1.06"}}]))
    if draw(st.booleans()):
        found["discount"] = str(draw(fraction()))
    if draw(st.booleans()):
        found["rounding"] = draw(st.sampled_from(["half_even", "down", "half_up"]))
    return found | (draw(st.sampled_from([{"to": "north"}, {"split": draw(DIVISIONS)}])))


@st.composite
def priced(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["price", "prices", "steps", "curve", "sliding", "bonus", "savings_share"]))
    more = extras(draw)
    source = draw(SOURCES)
    if kind == "price":
        per = {"per": draw(st.sampled_from(["person", "unit"]))} if "effect" in source else {}
        bands: dict[str, Any] = draw(
            st.sampled_from([{}, {"bands": [{"beyond": "5", "price": "0.50"}]}, {"at_least": "2"}])
        )
        return {"name": "priced", **source, "price": draw(money()), **per, **bands, **more}
    if kind == "prices":
        prices = {"job": draw(money()), "school": draw(money())}
        return {"quantity": "cards", "by": "rung", "prices": prices, **more}
    if kind == "steps":
        first, second = draw(money()), draw(money())
        return {**source, "steps": [{"from": "2", "pays": first}, {"from": "6.5", "pays": second}], **more}
    if kind == "curve":
        pieces = [{"from": "1", "amount": draw(money())}, {"from": "5", "amount": "7.00", "per_unit": draw(money())}]
        return {**source, "curve": pieces, **more}
    if kind == "sliding":
        return {**source, "sliding": {"lower": "1", "upper": "9", "amount": draw(money())}, **more}
    if kind == "savings_share" and kind in CLAUSES:
        return {**source, "savings_share": "0.5", "until": "3.00", "then": "0.25", **more}
    return {"bonus": draw(money()), **more, "only_if": draw(CONDITIONS)}


@st.composite
def other(draw: st.DrawFn) -> dict[str, Any]:
    part = draw(fraction())
    return draw(
        st.sampled_from(
            [
                {
                    "grant": draw(money()),
                    "to": "south",
                    "reason": "a storm",
                    "instead_of": ["priced"],
                    "periods": ["y1"],
                },
                {"payers": {"city": str(part), "state": str(1 - part)}},
                {"payers": {"city": draw(money()), "state": draw(money())}, "in_order": True, "rest": "state"},
                {"top_up": str(part), "payer": "state", "of": ["priced"]},
                {"cap": draw(money()), "scope": "contract"},
                {"cap": draw(money()), "scope": "period", "carry_over": True},
                {"cap": draw(money()), "scope": "quantity", "quantity": "homes", "excess": "carried"},
                {"cap": draw(money()), "scope": "payer", "payer": "city", "excess": "next_payer", "then": "state"},
                {"cap": draw(money()), "scope": "provider", "provider": "north"},
                {"cap": "1.25", "each": "homes", "scope": "contract"},
                {"floor": draw(money()), "scope": "period", "to": "north"},
                {"floor": draw(money()), "scope": "contract", "to": "south", "only_if": draw(CONDITIONS)},
                {"hold": str(part), "escrow": "bank", "reason": "counted twice?"},
            ]
        )
    )


@st.composite
def settlements(draw: st.DrawFn) -> Settlement:
    periods = ["", "y1", "y2", "y3"][:1] if draw(st.booleans()) else ["y1", "y2", "y3"][: draw(st.integers(1, 3))]
    number = st.integers(0, 3_000).map(lambda hundredths: D(hundredths) / 100)

    def cells(**places: Any) -> list[Cell]:
        return [Cell(draw(number), period, people=draw(st.integers(0, 30)), **places) for period in periods]

    parts, base = cells(), [Cell(amount + 1, period) for amount, period in ((draw(number), p) for p in periods)]
    ratio = [Cell(100 * part.amount / whole.amount, part.period) for part, whole in zip(parts, base, strict=True)]
    quantities = {
        "homes": Quantity(tuple(cells()), ("3 were counted twice",)),
        "cards": Quantity((*cells(rung="job"), *cells(rung="school"))),
        "hours": Quantity((*cells(provider="north"), *cells(provider="south")), complete=draw(st.booleans())),
        "rate": Quantity(tuple(ratio), parts=tuple(parts), base=tuple(base)),
    }
    known = []
    for period in periods:
        north, south = draw(st.integers(-300, 900)), draw(st.integers(-300, 900))
        credits = {"north": D(north) / 100, "south": D(south) / 100}
        gain = D(north + south) / 100
        covariance = [[0.25, 0.01], [0.01, 1 / 3]]
        known.append(Priced(gain * 40, f"{gain} x 40", draw(st.booleans()), credits, covariance, {}, gain, 40, period))
    terms = [clause(draw(priced())) for _ in range(draw(st.integers(1, 4)))]
    clauses = [*terms, *(clause(draw(other())) for _ in range(draw(st.integers(0, 4))))]
    later = draw(st.permutations(clauses))
    weights = draw(st.sampled_from(["identity", "precision"]))
    try:
        return settle(
            {period: clauses if period in ("", "y1") else later for period in periods},
            {"jail": known},
            {"jail": Split(rule="shapley", carve_outs={"hub": D("0.1")}, projection_weights=weights)},
            currency=draw(st.sampled_from(["USD", "GBP"])),
            payer="city",
            rounding=draw(st.sampled_from(["half_up", "half_even", "down"])),
            quantities=quantities,
            cumulative=draw(st.booleans()),
            claw_back=draw(st.booleans()),
            skipped=draw(st.sampled_from([(), tuple(periods[:1]) if len(periods) > 1 else ()])),
            final=draw(st.booleans()),
        )
    except CounterfoilError:
        reject()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(settlements())
def test_a_settlement_settled_again_from_its_own_record_equals_itself(due: Settlement) -> None:
    record = json.loads(json.dumps(to_record(due)))
    assert differences(record) == []
    assert from_record(record) == due
    again = rederive(record)
    assert again == due
    assert json.loads(json.dumps(to_record(again))) == record


def known_terms() -> list[dict[str, Any]]:
    """One clause of every kind."""
    found: list[dict[str, Any]] = [
        {"name": "homes", "quantity": "homes", "price": "15.12", "to": "north"},
        {"quantity": "cards", "by": "rung", "prices": {"job": "30.00"}, "split": {"equally": ["north", "south"]}},
        {"effect": "jail", "steps": [{"from": "2", "to": "5", "pays": "100.00"}, {"from": "5", "pays": "300.00"}]},
        {"effect": "jail", "curve": [{"from": "1", "amount": "7.00", "per_unit": "0.00"}], "to": "north"},
        {"quantity": "homes", "sliding": {"lower": "1", "upper": "9", "amount": "50.00"}, "to": "south"},
        {"bonus": "5.00", "only_if": {"gate": "jail"}, "to": "south"},
        {"grant": "9.00", "to": "south", "reason": "a storm"},
        {"payers": {"city": "0.25", "state": "0.75"}},
        {"top_up": "0.1", "payer": "state", "of": ["homes"]},
        {"cap": "200.00", "scope": "contract"},
        {"floor": "1.00", "scope": "contract"},
        {"hold": "0.5", "escrow": "bank", "reason": "counted twice?"},
        {"quantity": "homes", "savings_share": "0.5", "until": "3.00", "then": "0.25", "to": "north"},
        {"fees": {"south": {"amount": "1.00"}}, "prime": "north"},
    ]
    return [terms for terms in found if any(key in CLAUSES for key in terms)]


def settled(extra: tuple[dict[str, Any], ...] = (), quantities: dict[str, Quantity] | None = None) -> Settlement:
    credits = {"north": D("0.03"), "south": D("0.05")}
    return settle(
        [clause(terms) for terms in (*known_terms(), *extra)],
        {"jail": Priced(D("3.2"), "0.08 x 40 people", True, credits, people=40)},
        {"jail": Split(rule="shapley")},
        currency="USD",
        payer="city",
        quantities=quantities
        or {"homes": Quantity((Cell(D(3), people=3),)), "cards": Quantity((Cell(D(2), rung="job", people=2),))},
    )


def test_every_kind_of_clause_is_recorded_and_settled_again() -> None:
    assert {type(clause(terms)) for terms in known_terms()} == set(CLAUSES.values())
    record = json.loads(json.dumps(to_record(settled())))
    assert differences(record) == []
    assert [terms.get("discount") for terms in record["clauses"][""]] == [None] * len(record["clauses"][""])
    assert record["clauses"][""][3]["curve"] == [{"from": "1", "amount": "7.00", "per_unit": "0.00"}]


def cent(record: dict[str, Any]) -> None:
    record["lines"][0]["amount"] = str(D(record["lines"][0]["amount"]) + D("0.01"))


def swapped(record: dict[str, Any]) -> None:
    record["lines"][0], record["lines"][1] = record["lines"][1], record["lines"][0]


def swapped_steps(record: dict[str, Any]) -> None:
    record["steps"].reverse()


def swapped_clauses(record: dict[str, Any]) -> None:
    terms = record["clauses"][""]
    terms[0], terms[1] = terms[1], terms[0]


FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a cent of a line": cent,
    "a line left out": lambda record: record["lines"].pop(),
    "a line written twice": lambda record: record["lines"].append(record["lines"][-1]),
    "two lines in another order": swapped,
    "steps in another order": swapped_steps,
    "a step left out": lambda record: record["steps"].pop(2),
    "a reason": lambda record: record["steps"][0].update(reason="agreed otherwise"),
    "who receives it": lambda record: record["lines"][0].update(provider="south"),
    "a price": lambda record: record["clauses"][""][0].update(price="15.13"),
    "two clauses in another order": swapped_clauses,
    "the rounding": lambda record: record.update(rounding="down"),
    "a count": lambda record: record["quantities"]["homes"]["cells"][0].update(amount="4"),
    "a credit": lambda record: record["effects"]["jail"][0]["credits"].update(north="0.04"),
    "a gate": lambda record: record["effects"]["jail"][0].update(gate_passes=False),
    "a limit": lambda record: record["clauses"][""][9].update(cap="199.99"),
    "who pays": lambda record: record["clauses"][""][8].update(payer="city"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_a_record_is_found(fault: str) -> None:
    record = json.loads(json.dumps(to_record(settled())))
    broken = copy.deepcopy(record)
    FAULTS[fault](broken)
    found = differences(broken)
    assert found, fault
    assert differences(record) == []


def test_every_field_that_a_settlement_follows_from_is_recorded() -> None:
    """A field that is added to what a settlement follows from, and is not recorded, would be lost in silence."""
    record = to_record(settled())
    assert {field.name for field in fields(Inputs)} <= set(record)
    assert {field.name for field in fields(Quantity)} == {"cells", "notes", "complete", "by_person", "parts", "base"}


def test_the_difference_is_named() -> None:
    record = to_record(settled())
    cent(record)
    stated = record["lines"][0]["amount"]
    said = f"line 1: amount is '{stated}' in the record, and '{D(stated) - D('0.01')}' settled again"
    assert differences(record) == [said]


def test_nobody_is_written_down_and_a_limit_for_each_person_needs_people() -> None:
    people = tuple(Cell(D(1), person=person) for person in (3, 3, 8))
    homes = Quantity((Cell(D(3), people=2),), by_person=people)
    cards = Quantity((Cell(D(2), rung="job"),), by_person=(Cell(D(2), rung="job", person=5),))
    terms = [
        {"quantity": "homes", "price": "15.12", "to": "north"},
        {"cap": "20.00", "scope": "person"},
    ]
    due = settle(
        [clause(each) for each in terms],
        {},
        {},
        currency="USD",
        payer="city",
        quantities={"homes": homes, "cards": cards},
    )
    record = json.loads(json.dumps(to_record(due)))
    assert record["needs_people"] == ["homes"]
    assert "by_person" not in json.dumps(record)
    assert '"person"' not in json.dumps(record["quantities"])
    with pytest.raises(PaymentError, match="PAY-020"):
        rederive(record)
    assert differences(record, {"homes": homes}) == []


def test_numbers_with_an_exponent_come_back_as_they_were() -> None:
    thousand = clause({"bonus": "1", "only_if": {"gate": "jail"}, "to": "north"}).model_copy(
        update={"bonus": D("1E+3")}
    )
    due = settle(
        [thousand], {"jail": Priced(D("1E-9"), "tiny", True, gain=D("1E-9"))}, {}, currency="JPY", payer="city"
    )
    record = json.loads(json.dumps(to_record(due)))
    assert differences(record) == []
    assert [step.reason for step in rederive(record).steps] == [step.reason for step in due.steps]


@pytest.mark.parametrize(
    "change",
    [
        {"ledger": 2},
        {"rounding": "up"},
        {"periods": ["y1"]},
        {"clauses": {"": [{"unheard_of": "1"}]}},
        {"lines": [{"amount": 5.0}]},
        {"lines": [{"amount": "five"}]},
        {"quantities": {"homes": {}}},
    ],
)
def test_a_record_that_cannot_be_read_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(PaymentError, match="PAY-022"):
        from_record(to_record(settled()) | change)
    with pytest.raises(PaymentError, match="PAY-022"):
        to_record(Settlement("USD", (), ()))
