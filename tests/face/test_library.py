"""The library of public contracts holds every published amount, with its marks, and its terms come to them."""

import math
from decimal import Decimal
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.amending import changed
from counterfoil.errors import CODES, ContractError, DataError
from counterfoil.library import answered, compare, every_figure, library, library_folder
from counterfoil.reconciliation import Settled, compared
from counterfoil.record import Case, Expected, Record, read_record
from counterfoil.source import read_source

# Contract, case, class, marks, what is expected: typed from the public figures, apart from the records.
Row = tuple[str, str, str, str, dict[str, object]]
DENVER, PETERBOROUGH, RIKERS, CHICAGO = (
    "denver-supportive-housing",
    "hmp-peterborough",
    "rikers-able",
    "chicago-cpc-year1",
)
CEO, GIRLS, WORK, FAIR = "nys-ceo", "educate-girls", "work-programme", "fair-chance-ambition"
NEWPIN, ZONE, MSSP, QEI = "newpin-nsw", "west-london-zone", "medicare-mssp", "quality-education-india"
ROWS: dict[str, list[Row]] = {
    "Denver, housing 1-4": [(DENVER, "housing, payments 1 to 4", "reconstructed", "VRD", {"total": "3913932.96"})],
    "Denver, housing 5": [(DENVER, "housing, payment 5", "reconstructed", "VRD", {"total": "620978.40"})],
    "Denver, jail": [(DENVER, "jail", "reconstructed", "VRD", {"total": "5104000.00"})],
    "Denver, total": [(DENVER, "total", "reconstructed", "V", {"total": "9638911.36", "gain": "1038911.36"})],
    "Denver, jail edges": [
        (DENVER, f"jail edge, {x}", "rule", "RC", {"total": amount})
        for x, amount in {
            "19.99": "0.00", "20": "3200000.00", "29": "4640000.00", "30": "4800000.00", "64": "6092000.00",
            "65": "6130000.00", "80": "6130000.00",
        }.items()
    ],
    "Denver, housing cap": [(DENVER, "housing cap", "rule", "IC", {"gross": "5290004.16", "total": "5290000.00"})],
    "Peterborough, cohort 1; pooled": [
        (PETERBOROUGH, "cohort 1", "decision", "V",
         {"values": {"cohort_reduction": "8.387"}, "met": {"cohort": False}, "total": "0.00"}),
        (PETERBOROUGH, "pooled", "decision", "V", {"met": {"pool": True}}),
    ],
    "Peterborough, edges": [
        (PETERBOROUGH, "cohort edge, 10.0", "rule", "C", {"met": {"cohort": True}}),
        (PETERBOROUGH, "cohort edge, 9.99", "rule", "C", {"met": {"cohort": False}}),
        (PETERBOROUGH, "pooled edge, 7.5", "rule", "C", {"met": {"pool": True}}),
        (PETERBOROUGH, "pooled edge, 7.49", "rule", "C", {"met": {"pool": False}}),
    ],
    "Rikers, realized": [(RIKERS, "realized", "decision", "V", {"total": "0.00"})],
    "Rikers, edges": [
        (RIKERS, f"edge, {x}", "rule", "RC", {"total": amount})
        for x, amount in {
            "8.49": "0.00", "8.5": "4800000.00", "9.99": "4800000.00", "10": "9600000.00", "12.5": "10272000.00",
            "19.99": "10944000.00", "20": "11712000.00", "30": "11712000.00",
        }.items()
    ],
    "Rikers, guarantee at full draw": [
        (RIKERS, f"guarantee at full draw, city pays {paid}", "rule", "D", {"guarantee": amount})
        for paid, amount in {"nothing": "7200000.00", "4.8 million": "2400000.00", "9.6 million": "0.00"}.items()
    ],
    "Chicago year 1": [
        (CHICAGO, f"year 1 with {n} children ready", "reconstructed", "VD", {"gross": gross, "total": "500000.00"})
        for n, gross in {191: "553900.00", 192: "556800.00", 193: "559700.00"}.items()
    ],
    "Chicago, edges": [
        (CHICAGO, "edge, 172 children", "rule", "C", {"total": "498800.00"}),
        (CHICAGO, "edge, 173 children", "rule", "C", {"total": "500000.00"}),
    ],
    "CEO, phase I": [(CEO, "phase 1", "decision", "V", {"total": "0.00"})],
    "CEO, phase I rule": [
        (CEO, "phase 1 rule", "rule", "RC",
         {"clauses": {"bed_days_phase_1": "3400000.00", "employment_phase_1": "360000.00", "starts_phase_1": "2184000.00"},
          "total": "5944000.00"}),
    ],
    "CEO, phase II prices": [
        (CEO, "phase 2 prices", "rule", "R",
         {"clauses": {"bed_days_phase_2": "9010.00", "employment_phase_2": "6360.00", "starts_phase_2": "3307.20"}}),
    ],
    "Educate Girls": [(GIRLS, "paid", "exact", "ID", {"values": {"achievement": "151.19"}, "total": "422000.00"})],
    "Educate Girls, weak prices": [
        (GIRLS, "weak prices at target", "rule", "R", {"gross": "313251.78"}),
        (GIRLS, "weak prices at the result", "rule", "R", {"gross": "469583.28"}),
    ],
    "Roca, blend": [
        ("massachusetts-roca", "blend", "estimate", "VC", {"values": {"incarceration": "-0.6"}, "total": "0.00"}),
    ],
    "Work Programme, full ladder": [
        (WORK, "full ladder, JSA 18-24", "rule", "V", {"total": "3810.00"}),
        (WORK, "full ladder, JSA 25+", "rule", "V", {"total": "4395.00"}),
        (WORK, "full ladder, JSA early access and ex-incapacity", "rule", "V", {"total": "6600.00"}),
        (WORK, "full ladder, ESA ex-incapacity", "rule", "R", {"total": "13720.00"}),
    ],
    "Work Programme, partial": [
        (WORK, "partial, JSA 25+, job and 5 of 13 sustainments", "rule", "C", {"total": "2675.00"}),
    ],
    "Ambition, gross": [(FAIR, "gross", "rule", "ID", {"total": "3155150.00"})],
    "Ambition, blocks": [
        (FAIR, f"block, lines {lines}", "rule", "D", {"total": amount})
        for lines, amount in {
            "1 to 3": "438900.00", "4 to 8": "1763000.00", "9 to 12": "250000.00", "13 to 17": "612500.00",
            "18 to 21": "90750.00",
        }.items()
    ],
    "Ambition, paid": [(FAIR, "paid", "recorded", "I", {"published": "2742943.00", "unexplained": "-412207.00"})],
    "Newpin, table after year 3": [
        (NEWPIN, f"table after year 3, r = {r}", "rule", "V", {"total": f"{7_000_000 * Decimal(rate):.2f}"})
        for r, rate in {"54.9": "0", "55": "0.03", "60": "0.075", "65": "0.12", "70": "0.15"}.items()
    ],
    "Newpin, reversals": [
        (NEWPIN, f"reversals, {how}", "rule", "C", {"total": f"{7_000_000 * Decimal(rate):.2f}"})
        for how, rate in {
            "without a deduction": "0.075", "removed from the restored": "0.03", "moved to the exits": "0.03",
        }.items()
    ],
    "West London Zone, ledger": [
        (ZONE, "ledger", "recorded", "ID", {"ledger": "15147230.00", "over_maximum": ("central_fund",)}),
    ],
    "West London Zone, payer maxima": [
        (ZONE, "payer maxima", "recorded", "ID", {"payer_maxima": "14445692.00", "unassigned": "1799268.00"}),
    ],
    "West London Zone, breadth": [
        (ZONE, f"breadth, a child with {k} outcome{'' if k == 1 else 's'}", "rule", "IC", {"values": {"outcomes": str(k)}})
        for k in range(4)
    ],
    "MSSP, gate": [
        (MSSP, f"gate, {n:,} people", "rule", "R", {"gates": {"savings_rate": rate}})
        for n, rate in {5_000: "3.90", 12_500: "2.85", 60_000: "2.00"}.items()
    ],
    "MSSP, sharing": [
        (MSSP, "sharing, savings of 3.5%", "rule", "RC", {"total": "2187500.00"}),
        (MSSP, "sharing, savings of 2.8%", "rule", "RC", {"total": "0.00"}),
    ],
    "MSSP, assignment": [(MSSP, "assignment", "rule", "VC", {"assigned": {"one": "first"}})],
    "South Carolina, targeting": [
        ("south-carolina-nfp", "targeting, 2,600 of 4,000", "rule", "VC", {"met": {"targeting": True}}),
        ("south-carolina-nfp", "targeting, 2,599 of 4,000", "rule", "VC", {"met": {"targeting": False}}),
    ],
    "Quality Education India": [
        (QEI, "the joint pair is credited jointly", "rule", "I", {"receives": {"pair": "1.00"}}),
        (QEI, "a split of the joint pair's gain is refused", "rule", "I", {"refused": "CONTRACT-016"}),
    ],
    "Shape Up Somerville": [
        ("shape-up-somerville", "a gate on three towns is refused", "estimate", "D", {"refused": "EST-020"}),
    ],
    "E3 Alliance": [
        ("e3-alliance", "7.5 million at 40 a day", "estimate", "D", {"values": {"revenue_at_40": "7500000.00"}, "total": "0.00"}),
        ("e3-alliance", "7.5 million at 38 a day", "estimate", "D", {"values": {"revenue_at_38": "7499984.00"}, "total": "0.00"}),
    ],
    "RTOF": [("rtof", "observed and caused", "estimate", "VD", {"values": {"net_share": "22.1", "deadweight": "476"}})],
    "Cuyahoga, realized": [("cuyahoga-pfs", "realized", "decision", "V", {"total": "0.00"})],
    "Cuyahoga, edges": [
        ("cuyahoga-pfs", "edge, 66,666 days", "rule", "RC", {"total": "4999950.00"}),
        ("cuyahoga-pfs", "edge, 66,667 days", "rule", "RC", {"total": "5000000.00"}),
    ],
}  # fmt: skip
RECORDS = {name: read_record(library_folder(name)) for name in library()}


def case_of(contract: str, name: str) -> Case:
    return next(case for case in RECORDS[contract].cases if case.name == name)


def expectation(case: Case, key: str) -> object:
    return getattr(case if key in {"published", "unexplained"} else case.expected, key)


def as_written(value: object) -> object:
    """Bring typed amounts and text to one form; digits after the point count."""
    if isinstance(value, dict):
        return {key: as_written(part) for key, part in value.items()}
    return str(value) if isinstance(value, Decimal) else value


@pytest.mark.parametrize("row", ROWS)
def test_every_published_row_is_a_case_with_its_class_and_marks(row: str) -> None:
    for contract, name, class_, marks, expected in ROWS[row]:
        case = case_of(contract, name)
        assert (case.class_, "".join(case.marks)) == (class_, marks), name
        for key, value in expected.items():
            assert as_written(expectation(case, key)) == value, (name, key)


def test_the_library_has_the_contracts_of_the_table_and_no_other() -> None:
    assert {row[0] for row in chain.from_iterable(ROWS.values())} == set(library())
    assert len(ROWS) == 39
    assert all(record.contract == name for name, record in RECORDS.items())


@pytest.mark.parametrize("name", library())
def test_every_figure_has_marks_and_a_source(name: str) -> None:
    for known in RECORDS[name].figures:
        assert len(set(known.marks)) == len(known.marks)
        if "R" in known.marks:
            assert "recalled" in known.source, known.figure
        if "I" in known.marks:
            assert "INDIGO" in known.source, known.figure
        assert "recalled" not in known.source or "R" in known.marks, known.figure
    assert every_figure([name])["source"].str.strip().ne("").all()


@pytest.mark.parametrize("name", library())
def test_terms_carry_no_marks_and_the_name_of_no_case(name: str) -> None:
    source = read_source(library_folder(name) / "contract.yaml")
    assert source.data["counterfoil"] == "1"
    text = (library_folder(name) / "contract.yaml").read_text("utf-8")
    assert not any(f"[{mark}" in text for mark in "VIDRC")
    assert {path.name for path in library_folder(name).iterdir()} == {"contract.yaml", "record.yaml"}


@pytest.mark.parametrize("name", library())
def test_cases_speak_of_terms_that_there_are(name: str) -> None:
    terms = read_source(library_folder(name) / "contract.yaml").data
    measured = {*terms.get("quantities", {}), *terms.get("effects", {})}
    clauses = {clause["name"] for clause in terms["payments"] if "name" in clause}
    for case in RECORDS[name].cases:
        changed(terms, case.changes)
        assert {row.quantity or row.effect for row in case.reported} <= measured
        assert {row.period for row in case.reported if row.period} <= set(terms.get("periods", {}))
        assert {*case.expected.values, *case.expected.gates} <= measured
        assert {*case.expected.clauses, *case.expected.met} <= clauses
        assert {*case.expected.receives, *case.expected.assigned.values()} <= set(terms["parties"])


def test_a_difference_that_nothing_explains_is_stored_and_no_other() -> None:
    left = {
        (name, case.name): case.unexplained
        for name, record in RECORDS.items()
        for case in record.cases
        if case.unexplained
    }
    assert left == {
        (FAIR, "paid"): Decimal("-412207.00"),
        (RIKERS, "guarantee as it was paid"): Decimal("600000.00"),
    }


def test_arithmetic_of_derived_figures() -> None:
    assert round(100 * (1 - 142 / 155), 3) == 8.387
    assert math.comb(3, 1) == 3  # three towns can be treated in three ways, so no permutation has p below 1/3
    assert Decimal(258858) * Decimal("15.12") == Decimal("3913932.96")
    assert Decimal(41070) * Decimal("15.12") == Decimal("620978.40")
    assert Decimal(197368) * 38 < 7_500_000 < Decimal(197369) * 38
    assert round(135 / 0.221) == 611
    worst = max(
        abs(9.6e6 * (1 + rate / 100) ** 4 - paid)
        for rate, paid in (
            (0, 9.6e6),
            (1.2, 10.08e6),
            (1.5, 10.176e6),
            (1.9, 10.368e6),
            (3.3, 10.944e6),
            (5.1, 11.712e6),
        )
    )
    assert worst < 17_400


def test_limits_by_payer_and_the_ledger_need_no_settlement() -> None:
    terms = read_source(library_folder("west") / "contract.yaml").data
    for name in ("ledger", "payer maxima"):
        case = case_of(ZONE, name)
        rows = list(compared(case, answered(terms, case)))
        assert rows
        assert all(row.agrees for row in rows)


def test_a_ledger_within_every_maximum_is_told_apart() -> None:
    terms = read_source(library_folder("west") / "contract.yaml").data
    case = case_of(ZONE, "ledger").model_copy(update={"ledger": case_of(ZONE, "ledger").ledger[:2]})
    wrong = {row.what for row in compared(case, answered(terms, case)) if not row.agrees}
    assert wrong == {"ledger", "over maximum"}


def test_effects_agree_at_the_digits_written_and_money_to_the_cent() -> None:
    case = case_of(PETERBOROUGH, "cohort 1")
    near = Settled(
        amounts={"total": Decimal("0.00")}, values={"cohort_reduction": Decimal("8.38709677")}, met={"cohort": False}
    )
    assert all(row.agrees for row in compared(case, near))
    far = Settled(
        amounts={"total": Decimal("0.01")}, values={"cohort_reduction": Decimal("8.3885")}, met={"cohort": True}
    )
    assert not any(row.agrees for row in compared(case, far))
    assert not any(row.agrees for row in compared(case, Settled()))


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("denver", DENVER),
        ("peterborough", PETERBOROUGH),
        ("roca", "massachusetts-roca"),
        (ZONE, ZONE),
        ("rtof", "rtof"),
    ],
)
def test_a_word_of_the_name_is_enough(short: str, name: str) -> None:
    assert library_folder(short).name == name


def test_an_unknown_name_is_refused_with_a_suggestion() -> None:
    with pytest.raises(DataError, match="did you mean 'denver'") as caught:
        library_folder("denvr")
    assert caught.value.codes == ("DATA-018",)


def test_a_change_that_leads_nowhere_is_refused() -> None:
    terms = {"payments": [{"cap": "1.00"}]}
    for path in ("payments.4.cap", "effects.jail.round", "payments.first.cap"):
        with pytest.raises(ContractError) as caught:
            changed(terms, {path: "2.00"})
        assert caught.value.codes == ("CONTRACT-010",)
    assert terms == {"payments": [{"cap": "1.00"}]}


RECORD = (library_folder("rtof") / "record.yaml").read_text("utf-8")


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("marks: [V, D]", "marks: [V, X]", "CONTRACT-007", "marks"),
        ("marks: [D], source: \"611", "source: \"611", "CONTRACT-005", "marks"),
        (", source: \"611 - 135; 611 / 135\"", "", "CONTRACT-005", "source"),
        ("class: estimate", "class: certain", "CONTRACT-007", "class"),
        ("{quantity: employed, value: \"611\"}", "{value: \"611\"}", "CONTRACT-016", "quantity or an effect"),
        ("expected: {values: {net_share: \"22.1\", deadweight: \"476\"}, total: \"0.00\"}", "expected: {refused: nothing}",
         "CONTRACT-007", "refused"),
        ("total: \"0.00\"}", "total: \"0.00\"}\n    published: \"5.00\"", "CONTRACT-016", "unexplained"),
        ("exercises:", "exercise:", "CONTRACT-004", "exercises"),
    ],
)  # fmt: skip
def test_a_record_that_lacks_something_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, code: str, line: str
) -> None:
    assert old in RECORD
    (tmp_path / "record.yaml").write_text(RECORD.replace(old, new), "utf-8")
    with pytest.raises(ContractError) as caught:
        read_record(tmp_path)
    assert code in caught.value.codes
    assert line in str(caught.value)
    assert "record.yaml, line" in str(caught.value)


def test_what_is_not_said_is_not_expected() -> None:
    assert Expected(total=Decimal("1.00")).model_fields_set == {"total"}
    with pytest.raises(ValueError, match="expects something"):
        Expected()


def test_two_providers_who_always_work_together_cannot_be_told_apart() -> None:
    """The joint pair of Quality Education India: even a study of the two could not divide what they caused."""
    rng = np.random.default_rng(4)
    served = rng.random(200) < 0.5
    study = cf.Study.from_frame(
        pd.DataFrame(
            {"person": np.arange(200), "pratham": served, "initiatives": served, "learning": rng.normal(served, 1.0)}
        ),
        person="person",
        providers=["pratham", "initiatives"],
        outcomes=["learning"],
    )
    found = cf.estimators.Contribution(outcome="learning", design="randomized", model="additive")
    with pytest.raises(cf.errors.IdentificationError) as caught:
        cf.attribute(found.fit(study))
    assert caught.value.codes == ("IDENT-003",)


@pytest.mark.parametrize("name", library())
def test_the_terms_come_to_every_expectation(name: str) -> None:
    comparison = compare(name)
    assert {row.expected for row in comparison.rows if row.what == "refusal"} <= set(CODES)
    wrong = [(row.case.name, row.what, row.expected, row.computed) for row in comparison.rows if not row.agrees]
    assert not wrong
    assert isinstance(comparison.record, Record)
    assert comparison.agrees
    table = comparison.tidy()
    assert table["agrees"].all()
    assert set(table["class"]) == {case.class_ for case in comparison.record.cases}
