"""A contract over two years: what is drawn, told and amended in the second leaves the first as it was settled."""

from decimal import Decimal
from typing import Any

import pytest

import counterfoil as cf
from counterfoil.assumptions import Assumptions
from counterfoil.attribution.payment import Cap
from counterfoil.contract import Contract
from counterfoil.description import described
from counterfoil.library import claims_study
from counterfoil.record import Case
from counterfoil.reported import Figure, Reported
from counterfoil.simulation import simulate

PUBLISHED = {"kind": "published", "design": "lottery", "estimand": "ITT", "source": "yearly report"}
TERMS: dict[str, Any] = {
    "counterfoil": "1",
    "name": "Homes and work",
    "currency": "EUR",
    "parties": {
        "city": {"role": "outcome_payer"},
        "state": {"role": "outcome_payer"},
        "north": {"role": "provider"},
        "south": {"role": "provider"},
    },
    "periods": {"y1": {}, "y2": {}},
    "quantities": {"nights": {"kind": "reported"}, "evictions": {"kind": "reported"}},
    "effects": {"shelter": {"outcome": "nights", "better": "lower", "estimator": PUBLISHED}},
    "payments": [
        {"name": "homes", "quantity": "nights", "price": "9.00", "to": "north"},
        {
            "name": "fewer", "effect": "shelter", "to": "south", "only_if": {"quantity": "evictions", "at_most": "12"},
            "curve": [{"from": "10", "amount": "0.00", "per_unit": "20000.00"}, {"from": "30", "amount": "400000.00"}],
        },
        {"payers": {"city": "0.6", "state": "0.4"}},
    ],
}  # fmt: skip
LATER = {"from": "y2", "reason": "rents rose", "changes": {"payments.homes.price": "9.54"}}


def contract(**terms: Any) -> Contract:
    return Contract.model_validate(TERMS | terms)


def known(*years: tuple[str, str]) -> Reported:
    """Years to effects, each with a standard error of 6."""
    rows: list[Figure] = []
    for year, value in years:
        rows.append(Figure(effect="shelter", period=year, value=Decimal(value), std_error=Decimal(6), people=600))
        rows += [Figure(quantity=name, period=year, value=Decimal(10)) for name in ("nights", "evictions")]
    return Reported(reported=tuple(rows))


def test_drawn_payments_hold_what_an_earlier_year_was_settled_at() -> None:
    found = cf.evaluate(contract(), reported=known(("y1", "-17.4"), ("y2", "-22")))
    drawn, settlement = found.payments(800), found.settlement
    assert drawn is not None
    assert settlement is not None
    first = 7.4 * 20_000
    assert drawn.clauses["fewer"].min() == pytest.approx(first)
    assert drawn.clauses["fewer"].max() == pytest.approx(first + 400_000)
    assert drawn.mean == pytest.approx(float(settlement.total), abs=4 * drawn.std_error + 5_000)
    assert "In y1 it was known as -17.40." in found.summary()


def test_a_year_that_is_not_settled_has_no_thresholds() -> None:
    facts = known(("y1", "-17.4"))
    found = cf.evaluate(contract(), reported=facts, until="y1")
    assert {one.period for one in found.distances()} == {"y1"}
    assert "Errors: published, normal." in found.summary()


def test_an_effect_that_nobody_has_published_yet_is_in_the_verdict() -> None:
    counts = Reported(reported=(Figure(quantity="nights", period="y1", value=Decimal(10)),))
    assert cf.evaluate(contract(), reported=counts).verdict == (
        "90.00 EUR is due from city, state: 90.00 to north. Nothing is known yet of shelter, evictions, on which payment depends."
    )


def test_a_step_that_two_payers_share_is_told_once() -> None:
    said = cf.evaluate(contract(), reported=known(("y1", "-17.4")), until="y1").summary().splitlines()
    assert sum("homes in y1, price" in line for line in said) == 1
    assert sum("homes in y1, payers" in line for line in said) == 2
    assert "  fewer in y1, price: 148,000.00 (shelter is 17.4: 0.00 and 20,000.00 for each unit beyond 10)" in said


def test_an_amendment_is_told_by_the_sentences_that_it_makes() -> None:
    added = {"cap": "400.00", "scope": "contract"}
    found = described(contract(amendments=[{**LATER, "add": [added]}]))["Changes"]
    assert [str(sentence) for sentence in found] == [
        "From y2, because rents rose, this holds: 1. (homes) 9.54 EUR is paid for each unit of nights; it is paid to north.",
        f"From y2, because rents rose, this holds: 4. {Cap.model_validate(added).sentence(contract().words)}",
    ]


def test_a_second_amendment_is_told_against_the_first() -> None:
    years: dict[str, Any] = {"y1": {}, "y2": {}, "y3": {}}
    back = {"from": "y3", "reason": "rents fell", "changes": {"payments.homes.price": "9.00"}}
    found = [str(sentence) for sentence in described(contract(periods=years, amendments=[LATER, back]))["Changes"]]
    assert [said.partition(" EUR")[0] for said in found] == [
        "From y2, because rents rose, this holds: 1. (homes) 9.54",
        "From y3, because rents fell, this holds: 1. (homes) 9.00",
    ]


def test_a_redline_shows_who_pays_where_there_are_several() -> None:
    limit = {"cap": "50000.00", "scope": "payer", "payer": "state", "excess": "next_payer", "then": "city"}
    new = contract(payments=[*TERMS["payments"], limit])
    found = cf.redline(contract(), new, reported=known(("y1", "-17.4")))
    assert [(row.party, str(row.old), str(row.new)) for row in found.paid] == [
        ("city", "88854.00", "98090.00"),
        ("state", "59236.00", "50000.00"),
    ]
    assert "  paid by state: 59,236.00 becomes 50,000.00 (-9,236.00)" in found.summary()
    assert "<td>paid by city</td>" in found.html()
    assert found.to_dict()["paid"][0]["difference"] == "9236.00"
    assert cf.redline(new, new).paid == ()


def test_a_redline_says_why_there_is_no_answer() -> None:
    gated = {"shelter": TERMS["effects"]["shelter"] | {"gate": {"conf_level": "0.95"}}}
    bare = Reported(reported=(Figure(effect="shelter", period="y1", value=Decimal(-17)),))
    found = cf.redline(contract(), contract(effects=gated), reported=bare)
    assert found.note.startswith(
        "The new version does not give an answer on these facts, so no money is compared. EST-018"
    )


def test_an_amount_changes_as_a_whole() -> None:
    dearer = [TERMS["payments"][0] | {"price": "1009.00"}, *TERMS["payments"][1:]]
    assert (
        "[-9.00-]{+1,009.00+} EUR is paid for each unit of nights; it"
        in cf.redline(contract(), contract(payments=dearer)).summary()
    )


def assigned() -> Contract:
    jobs = {"kind": "count", "metric": "job", "assign": {"by": "claim", "otherwise": "nobody"}}
    paid = [{"name": "work", "quantity": "jobs", "price": "2500.00", "payer": "city"}]
    return contract(quantities={"jobs": jobs}, effects={}, payments=paid, periods={})


def test_what_is_counted_for_a_provider_is_paid_to_it() -> None:
    said = "it is paid to the provider that it belongs to."
    assert str(described(assigned())["When and how much is due"][1]).endswith(said)
    claims = [{"person": "a", "metric": "job", "date": "2024-03-01", "provider": "south"}]
    case = {"name": "one job", "class": "rule", "marks": ["C"], "claims": claims, "expected": {"total": "2500.00"}}
    settlement = cf.evaluate(assigned(), claims_study(Case.model_validate(case))).settlement
    assert settlement is not None
    assert settlement.by_party() == {"south": Decimal(2500)}


def test_a_simulation_says_what_is_not_assumed_and_what_jumps() -> None:
    steps = {"name": "fewer", "effect": "shelter", "to": "south", "steps": [{"from": "20", "pays": "200000.00"}]}
    terms = contract(payments=[steps, {"payers": {"city": "1"}}])
    effect = {"true": ["0", "-20"], "std_error": "7", "period": "y1"}
    found = simulate(terms, Assumptions.model_validate({"effects": {"shelter": effect}}), size=200)
    assert "Nothing is assumed for y2, so that" in found.summary()
    assert "a true gain of 0 is none worth paying for" in found.summary()
    table = found.cliffs()
    assert table[["scenario", "clause"]].to_numpy().tolist() == [["shelter 0", "fewer"], ["shelter -20", "fewer"]]
    assert table["expected"].tolist() == [one.cliffs["fewer"].expected for one in found.scenarios]
    assert table["expected"][1] == pytest.approx(100_000)
    smooth = simulate(contract(), Assumptions.model_validate({"effects": {"shelter": effect}, "quantities": {
        name: {"value": "1", "period": "y2"} for name in ("nights", "evictions")}}), size=100)  # fmt: skip
    assert smooth.cliffs().empty
    assert "Nothing is assumed" not in smooth.summary()
