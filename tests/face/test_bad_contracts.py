"""One file with many faults: every fault at once, where it stands, and nothing false of the rest."""

import re
from pathlib import Path

import pytest

import counterfoil as cf
from counterfoil.errors import ContractError

GOOD = """\
counterfoil: 1
name: Homes and jobs
currency: USD
parties:
  north: {role: provider}
  south: {role: provider}
  city:  {role: outcome_payer}
  state: {role: outcome_payer}
periods:
  y1: {from: 2020-01-01, to: 2020-12-31}
  y2: {from: 2021-01-01, to: 2021-12-31}
quantities:
  homes: {kind: reported}
  jobs:  {kind: reported, rungs: [start, stay]}
  back:  {kind: reported}
  net:   {kind: net, of: [homes], less: [back]}
  rate:  {kind: ratio, of: homes, to: [homes, back]}
effects:
  jail:
    outcome: days
    better: lower
    estimator: {kind: experiment}
    gate: {total_above: 0}
payments:
  - {name: housing, quantity: net, price: "15.12", split: {equally: [north, south]}}
  - {name: work, quantity: jobs, by: rung, prices: {start: "400.00", stay: "1200.00"}, to: north}
  - {name: jail, effect: jail, steps: [{from: "8.5", pays: "10.00"}, {from: "10", pays: "20.00"}], to: south}
  - {name: extra, bonus: "50.00", to: north, only_if: {quantity: rate, at_least: "55"}}
  - {payers: {city: "0.5", state: "0.5"}}
  - {cap: "900.00", scope: payer, payer: city, excess: next_payer, then: state}
  - {cap: "500.00", scope: quantity, quantity: net}
"""


def problems(folder: Path, text: str) -> list[tuple[str, int, str]]:
    path = folder / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ContractError) as caught:
        cf.read_contract(path)
    return [
        (problem.code, int(re.findall(r"line (\d+)", problem.where)[0]), problem.what)
        for problem in caught.value.problems
    ]


def test_the_good_contract_is_read(tmp_path: Path) -> None:
    path = tmp_path / "contract.yaml"
    path.write_text(GOOD, encoding="utf-8")
    assert cf.read_contract(path).name == "Homes and jobs"


FAULTS = [
    ("currency: USD", "curency: USD", "CONTRACT-004", 3, "did you mean 'currency'"),
    ("to: 2020-12-31", "to: 2021-06-30", "CONTRACT-016", 11, "'y1' and 'y2' overlap"),
    ("less: [back]", "less: [bakc]", "CONTRACT-010", 16, "did you mean 'back'"),
    ("of: homes, to: [homes, back]", "of: rate, to: [rate]", "CONTRACT-020", 17, "rate -> rate"),
    ("better: lower", "better: lowr", "CONTRACT-007", 21, "did you mean 'lower'"),
    ('"15.12"', '"15.125"', "CONTRACT-012", 25, "more than the 2 decimals"),
    ("equally: [north, south]", "equally: [north, suoth]", "CONTRACT-010", 25, "did you mean 'south'"),
    ("stay: \"1200.00\"", "stya: \"1200.00\"", "CONTRACT-010", 26, "did you mean 'stay'"),
    ('{from: "10", pays', '{from: "8.5", pays', "CONTRACT-016", 27, "overlap"),
    ('"50.00"', '"50.00 GBP"', "CONTRACT-023", 28, "names a currency"),
    ('"50.00"', '"£50"', "CONTRACT-023", 28, "names a currency"),
    ('state: "0.5"}}', 'state: "0.4"}}', "CONTRACT-016", 29, "sum to 0.9 and not to 1"),
    ("then: state", "then: sate", "CONTRACT-010", 30, "did you mean 'state'"),
    ("scope: quantity, quantity: net", "scope: payment, payment: hosing", "CONTRACT-010", 31, "did you mean 'housing'"),
    ("scope: quantity, quantity: net", "scope: quantity, quantity: back", "CONTRACT-016", 31, "nothing is paid for 'back'"),
    ("name: work", "name: housing", "CONTRACT-016", 25, "two clauses are named 'housing'"),
    ("name: extra", "name: rate", "CONTRACT-016", 28, "also a quantity or effect"),
    ("only_if: {quantity: rate, at_least: \"55\"}", "only_if: {gate: jial}", "CONTRACT-010", 28, "did you mean 'jail'"),
    ("only_if:", "onlyif:", "CONTRACT-004", 28, "did you mean 'only_if'"),
    ("    gate: {total_above: 0}\n", "    gate:\n", "CONTRACT-005", 23, "`gate` has no value"),
    ('{cap: "500.00", scope: quantity, quantity: net}', '{floor: "9.00", scope: contract, to: north}', "CONTRACT-018", 31, "from_payer"),
    ('{cap: "500.00", scope: quantity, quantity: net}', '{cap: "5.00", scope: payer, payer: state, excess: next_payer, then: city}', "CONTRACT-016", 31, "stands before this one"),
    ('{payers: {city: "0.5", state: "0.5"}}', '{payers: {city: "9.999"}, in_order: true, rest: state}', "CONTRACT-012", 29, "decimals"),
    ("name: Homes and jobs\n", "", "CONTRACT-005", 1, "`name` is missing"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "line", "said"), FAULTS)
def test_each_fault_is_told_where_it_stands_and_nothing_else(
    tmp_path: Path, old: str, new: str, code: str, line: int, said: str
) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert (code, line) in [(each, at) for each, at, _ in found]
    assert any(said in what for _, _, what in found)
    # A misspelt key is unknown, and the one that was meant is missing; a name given twice is told at both.
    twice = code == "CONTRACT-004" or "two clauses" in said
    assert len(found) == 1 + twice, found


def test_twelve_faults_of_one_file_come_at_once_in_its_order(tmp_path: Path) -> None:
    text, used = GOOD, set()
    expected = []
    for old, new, code, line, said in FAULTS[:14]:
        if line in used or old not in text:
            continue
        used.add(line)
        text = text.replace(old, new, 1)
        expected.append((code, line, said))
    found = problems(tmp_path, text)
    assert len(expected) >= 10
    assert [line for _, line, _ in found] == sorted(line for _, line, _ in found)
    for code, line, said in expected:
        assert any((each, at) == (code, line) and said in what for each, at, what in found), (code, line, said)
    assert len(found) <= len(expected) + 1, found


@pytest.mark.parametrize(
    "section",
    ["parties:\n  north: {role: provider}\n", "effects:\n  jail:\n", "quantities:\n  homes: {kind: reported}\n"],
)
def test_an_unreadable_section_raises_no_false_alarms(tmp_path: Path, section: str) -> None:
    key = section.split(":", maxsplit=1)[0]
    start = GOOD.index(section)
    after = re.search(r"^\w", GOOD[start + len(key) :], re.MULTILINE)
    assert after is not None
    end = start + len(key) + after.start()
    found = problems(tmp_path, GOOD[:start] + f"{key}: [unreadable]\n" + GOOD[end:])
    assert [code for code, _, _ in found] == ["CONTRACT-006"], found


def test_effects_made_of_each_other_are_a_circle(tmp_path: Path) -> None:
    text = GOOD.replace("better: lower\n    estimator: {kind: experiment}\n    gate: {total_above: 0}\n", "better: lower\n    estimator: {kind: blend, of: {jail: \"0.5\", jobs_: \"0.5\"}}\n")  # fmt: skip
    found = problems(tmp_path, text)
    assert ("CONTRACT-020", 19) in [(code, line) for code, line, _ in found]
    assert any("no effect is called 'jobs_'" in what for _, _, what in found)


def test_conditions_a_hundred_deep_are_read(tmp_path: Path) -> None:
    deep = "{any: [" * 100 + '{quantity: rate, at_least: "1"}' + "]}" * 100
    path = tmp_path / "contract.yaml"
    path.write_text(GOOD.replace('{quantity: rate, at_least: "55"}', deep), encoding="utf-8")
    assert len(cf.read_contract(path).payments) == 7


def test_what_a_limit_or_floor_depends_on_is_counted(tmp_path: Path) -> None:
    text = GOOD.replace('{cap: "500.00", scope: quantity, quantity: net}', '{cap: "5.00", scope: contract, each: back}')
    path = tmp_path / "contract.yaml"
    path.write_text(
        text + '  - {floor: "9.00", scope: contract, only_if: {quantity: homes, above: "1"}}\n', encoding="utf-8"
    )
    without_prices = [line for line in path.read_text(encoding="utf-8").splitlines() if "quantity: net" not in line and "quantity: rate" not in line]  # fmt: skip
    path.write_text("\n".join(without_prices) + "\n", encoding="utf-8")
    assert cf.read_contract(path).paid_quantities == ("jobs", "back", "homes")
