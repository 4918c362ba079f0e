"""The contract reference: its examples are read and settled, its amounts are those of a hand calculation, no key is missing."""

import re
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

import counterfoil as cf
from counterfoil.assumptions import AssumedEffect, AssumedQuantity, Assumptions, Enrolment, Scenario
from counterfoil.attribution.gains.any_gate import TOLD_BY
from counterfoil.attribution.payment.clauses import CLAUSES
from counterfoil.contract import Contract
from counterfoil.reported import Figure, read_reported
from counterfoil.source import read_source

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
BUILD = run_path(str(FOLDER / "build.py"))
PAGE = (FOLDER.parent / "contract.md").read_text("utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
ALONE: dict[str, Any] = {
    "AssumedEffect": AssumedEffect,
    "AssumedQuantity": AssumedQuantity,
    "Assumptions": Assumptions,
    "Enrolment": Enrolment,
    "Figure": Figure,
    "Scenario": Scenario,
}
"""Terms of files other than the contract."""

SPECS = [name for name in BUILD["specs"]() if name not in ("Contract", "Reported file")]

BY_PROVIDER = (
    "Due: 6,000.00 from city to north in y1; 2,000.00 from city to south in y1; "
    "4,000.00 from city to north in y2; 4,000.00 from city to south in y2."
)

# Worked out by hand from the frame: 40 and 60 homes; a fall of 8.4 (std error 3) for 500 people; 4.2 days for 300.
COMES_TO = {
    "UnitPrice": [
        "Due: 604.80 in y1; 907.20 in y2.",  # 40 and 60 x 15.12
        "Due: 36,900.00 in y1; 25,350.00 in y2.",  # 30 x 1,200 + 12 x 75; 20 x 1,200 + 18 x 75
        "Due: 15,750.00 in y2.",  # 4.2 x 300 x 12.50
        "Due: 1,344,000.00 in y2.",  # 8.4 x 160,000
        "Due: 0.00 in y1; 1,000.00 in y2.",  # (60 - 50) x 100
        "Due: 4,000.00 in y1; 6,600.00 in y2.",
        BY_PROVIDER,
    ],
    "Band of a unit price": ["Due: 4,000.00 in y1; 5,800.00 in y2."],  # 50 x 100 + 10 x 80
    "StepTable": [
        "Due: 250,000.00 in y2.",
        "Due: 0.00 in y1; 60,000.00 in y2.",
    ],  # 40 is not above 40; 3 % of 2,000,000
    "Curve": ["Due: 168,000.00 in y2."],  # 100,000 + 3.4 x 20,000
    "SlidingScale": ["Due: 680,000.00 in y2."],  # 3.4 / 5
    "Scale": ["Due: 880,000.00 in y2."],  # 600,000 + 0.7 x 400,000
    "Bonus": ["Due: 50,000.00 in y2.", "Due: 20,000.00 in y1; 0.00 in y2."],
    "SavingsShare": [
        "Due: 200,000.00 in y1; 375,000.00 in y2."
    ],  # half of 1,000,000 in all, a quarter of the next 300,000
    "Grant": ["Due: 40,000.00 in y1; 30,000.00 in y2."],
    "PresentValue": ["Due: 112,065.48 in y1; 168,098.22 in y2."],  # 40,000 (1/1.035 + 1/1.035^2 + 1/1.035^3)
    "Escalator": ["Due: 40,000.00 in y1; 61,800.00 in y2.", "Due: 40,000.00 in y1; 63,600.00 in y2."],
    "Cap": [
        "Due: 40,000.00 in y1; 50,000.00 in y2.",
        "Due: 40,000.00 in y1; 50,000.00 in y2.",  # 5,000 unused
        "Due: 40,000.00 in y1; 55,000.00 in y2.",
        "Due: 28,000.00 in y1; 42,000.00 in y2.",  # 700 a home
        "Due: 40,000.00 from city to north in y1; 10,000.00 from city to north in y2; 50,000.00 from state to north in y2.",
    ],
    "Floor": ["Due: 45,000.00 in y1; 60,000.00 in y2.", "Due: 40,000.00 in y1; 80,000.00 in y2."],
    "Settling": ["Due: 10,000.00 in y1; 40,000.00 in y2."],
    "Amendment": ["Due: 40,000.00 in y1; 66,000.00 in y2.", "Due: 40,000.00 in y1; 45,000.00 in y2."],
    "Net": ["It counts 36 in y1; 51.3 in y2."],  # 0.9 x 40; 0.9 x (60 - 3)
    "Deductions": ["It counts 32.4 in y1; 48.6 in y2."],
    "Ratio": ["It counts 55 in y1; 61 in y2.", "It counts 55 in y1; 58 in y2."],
    "Count": [
        "It counts 4 in y1; 1 in y2.",  # 1, 2, 3, 6 first had a job in y1, 4 in y2; the job of 5 was rejected
        "It counts 3 in y1; 2 in y2.",  # families f1, f2, f5; f1, f3
        "It counts 545 in y1; 665 in y2.",  # 365 + 200 - 20; 365 + 300
        "It counts 3 in y1.",
    ],
    "Requires": ["It counts 500 in y2."],  # beyond 365 days: 365 of person 1, 135 of person 2
    "Within": ["It counts 1 in y1."],  # 45 days after training; the other is 185 days after
    "Reversal": ["It counts 3 in y1; 1 in y2."],  # person 3 lost the job after 41 days
    "Dose": ["It counts 2 in y1; 1 in y2."],  # 12, 15 and 10 hours
    "Audit": ["It counts 3.6 in y1; 0.9 in y2."],
    "Ladder": ["It counts 4 in y1, start; 3 in y1, stay; 1 in y2, start."],
    "Breadth": ["It counts 3 in y1, 1; 2 in y1, 2; 1 in y1, 3."],
    "Stock": ["It counts 2 in y1; 4 in y2."],  # 2 and 6; then 1 and 4 too
    "Blend": ["A gain of 4.4 over 400 people."],
    "Index": ["A gain of 80.4 over 300 people."],
    "Pool": ["A gain of 7 over 500 people."],
    "RoundEffect": ["A gain of 8 over 500 people."],
    "Completion": ["A gain of 8.82 over 500 people."],
    "Experiment": [
        "A gain of 6 over 4 people.",  # 17 - 11
        "A gain of 6 over 4 people.",
        "A gain of 50 over 4 people.",  # pairs differ by 60, 20, 60 and 60, and before by -20, 10, -20 and 30: by 0 on average
    ],
    "ClusterMeans": ["A gain of 6 over 4 people."],  # (18 + 16)/2 - (12 + 10)/2
    "InstrumentalVariable": ["A gain of 8 over 3 people."],  # 6 / (4/4 - 1/4); 3 of 4 moved
    "Matching": [
        "A gain of 4.66667 over 3 people.",  # 20 - 14, 16 - 12 and 14 - 10
        "A gain of 3.5 over 4 people.",  # (20 + 16 + 14 - 3 x 14 + 18 - 12)/4
        "A gain of 5 over 4 people.",  # (3 x (50/3 - 13) + 1 x (18 - 9))/4
    ],
    "Weighting": ["A gain of 5 over 4 people.", "A gain of 5 over 8 people."],  # 18 - 13 and 14 - 9
    "LongitudinalWeighting": ["A gain of 6 over 8 people."],  # (16 + 18)/2 - (14 + 8)/2
    "DoublyRobust": ["A gain of 5 over 4 people.", "A gain of 7 over 2 people."],  # 18 - 11 in the east
    # Without the programme all gain a day a year; with it 2 more in the first year and 4 in the second.
    "DifferenceInDifferences": ["A gain of 2 over 3 people."],
    "EventStudyRegression": ["A gain of 3 over 6 people."],  # (2 + 4)/2
    "StaggeredDiD": ["A gain of 2.5 over 6 people."],  # joined in 2023: (2 + 4)/2; in 2024: 2
    "FixedBaseline": ["A gain of 2 over 8 people."],  # 14 - 12
    "Risk": ["A gain of 1.64 over 8 people."],  # 14 - 12 x 1.03
    "Gate": ["A gain of 8.4 over 500 people; the gate is open."],  # 8.4 - 1.645 x 3 > 0
}


def settled(name: str, example: Any) -> str:
    terms = BUILD["hosted"](name, example)
    said = BUILD["comes_to"](BUILD["settled"](BUILD["framed"](terms)), terms)
    return str(said)


@pytest.mark.parametrize("name", SPECS)
def test_every_term_has_an_example_that_is_read(name: str) -> None:
    examples = BUILD["examples"](name)
    assert examples
    for example in examples:
        if name in ALONE:
            ALONE[name].model_validate(example)
        else:
            Contract.model_validate(BUILD["framed"](BUILD["hosted"](name, example)))


@pytest.mark.parametrize("name", COMES_TO)
def test_examples_come_to_what_a_hand_calculation_does(name: str) -> None:
    assert [settled(name, example) for example in BUILD["examples"](name)] == COMES_TO[name]


@pytest.mark.parametrize("name", [name for name in SPECS if name in BUILD["HOSTS"] and name not in BUILD["ONLY_READ"]])
def test_no_example_is_refused_and_the_page_says_what_each_comes_to(name: str) -> None:
    for example in BUILD["examples"](name):
        said = settled(name, example)
        assert "refused" not in said
        assert said in PAGE


DESIGNS = {
    name: (folder, periods)
    for folder, periods, kinds in (
        ("small_study", (), ("Experiment", "Attrition", "ClusterMeans", "InstrumentalVariable", "FixedBaseline")),
        ("small_study", (), ("Matching", "Weighting", "LongitudinalWeighting", "DoublyRobust")),
        ("small_study", (), ("CausalGraph", "NegativeControls")),
        (
            "small_years",
            ("2021", "2022", "2023", "2024"),
            ("DifferenceInDifferences", "EventStudyRegression", "TwoWayFixedEffects", "StaggeredDiD"),
        ),
        (
            "small_years",
            tuple(f"{year}-Q{quarter}" for year in (2022, 2023, 2024) for quarter in (1, 2, 3, 4)),
            ("SyntheticControl", "InterruptedTimeSeries"),
        ),
    )
    for name in kinds
}


@pytest.mark.parametrize("name", DESIGNS)
def test_every_design_is_checked_before_outcomes(name: str) -> None:
    folder, periods = DESIGNS[name]
    study = cf.read_study(FOLDER / folder, outcomes=False)
    for example in BUILD["examples"](name):
        terms = BUILD["hosted"](name, example)
        (effect,) = terms["effects"].values()
        effect["planning"] = {"std_dev": 4}
        if periods:
            effect["estimator"] = effect["estimator"] | {"periods": periods}
        found = cf.check(Contract.model_validate(BUILD["framed"](terms)), study)
        assert not found.refused
        assert "can be answered" in found.summary()


def test_an_effect_on_places_is_what_the_fit_says_where_the_study_has_outcomes_of_people_too() -> None:
    terms = BUILD["hosted"]("SyntheticControl", {"kind": "staggered_did", "first_treated": "since", "level": "places"})
    contract = Contract.model_validate(BUILD["framed"](terms))
    study = cf.read_study(FOLDER / "small_years")
    found = cf.evaluate(contract, study).effects["crime"].total
    assert found is not None
    # Harbour less the mean of the others is 4.84 in 2023-Q4, and -0.20, 0.88, 1.22 and 0.66 in 2024.
    assert found.values == pytest.approx([-4.2])


@pytest.mark.parametrize("block", range(len(BLOCKS)))
def test_every_block_of_the_page_goes_through_the_reader(block: int, tmp_path: Path) -> None:
    text = BLOCKS[block]
    written = tmp_path / "block.yaml"
    written.write_text(text, "utf-8")
    terms = read_source(written).data
    counts = terms.get("quantities", {}).values()
    if "reported" in terms:
        read_reported(written)
    elif set(terms) <= set(Contract.model_fields) and all(isinstance(count, dict) for count in counts):
        whole = terms if "name" in terms else BUILD["framed"](terms)
        written.write_text("\n".join(f"{key}: {BUILD['flow'](value)}" for key, value in whole.items()), "utf-8")
        assert cf.read_contract(written).currency
    else:
        fitting = [spec for spec in ALONE.values() if set(terms) <= set(spec.model_fields)]
        assert fitting
        assert fitting[0].model_validate(terms)


@pytest.mark.parametrize(
    ("name", "due"),
    [
        ("first", {"charity": "600000.00"}),
        ("partners", {"prime": "80000.00"}),
        ("cumulative", {"hub": "5610.00", "north": "35343.00", "south": "15147.00"}),
        ("waterfall", {"agency": "39000.00"}),
    ],
)
def test_whole_contracts_settle_to_the_stated_amount(name: str, due: dict[str, str]) -> None:
    found = BUILD["whole"](name)
    assert found.settlement is not None
    assert {party: str(amount) for party, amount in found.settlement.by_party().items()} == due
    assert f"> {found.verdict}" in PAGE


@pytest.mark.parametrize("name", [*SPECS, "Contract", "Reported file"])
def test_every_key_stands_on_the_page(name: str) -> None:
    definition = BUILD["specs"]()[name]
    section = PAGE if name in ("Contract", "Reported file") else _section(f"#### {name}")
    for common, (spec, said) in BUILD["COMMON"].items():
        if said in section and section != PAGE:
            section += "".join(BUILD["DIRECTIVES"]["common"](common))
            assert set(spec.model_fields) <= set(definition["properties"])
    for key in definition["properties"]:
        assert f"| `{key}` |" in section, f"{name}: {key}"


def _section(heading: str) -> str:
    assert PAGE.count(f"{heading}\n") == 1, heading
    return PAGE.partition(f"{heading}\n")[2].partition("\n#### ")[0]


def test_every_clause_kind_and_gate_has_an_example() -> None:
    text = "\n".join(BLOCKS)
    kinds = {
        definition["properties"]["kind"]["const"]
        for definition in BUILD["specs"]().values()
        if "const" in definition["properties"].get("kind", {})
    }
    for kind in kinds:
        assert f"kind: {kind}" in text, kind
    for key in {*CLAUSES, *TOLD_BY} - {"permutation"}:
        assert re.search(rf"\b{key}: ", text), key


def test_every_clause_has_a_section_on_the_page_of_payments() -> None:
    sections = re.findall("^## (.*)$", (FOLDER.parent / "payment.md").read_text("utf-8"), flags=re.MULTILINE)
    for spec in CLAUSES.values():
        assert spec.__module__.rpartition(".")[2].replace("_", " ").capitalize() in sections


def test_no_directive_is_left_on_the_page() -> None:
    assert "{{" not in PAGE
