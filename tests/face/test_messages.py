"""What a newcomer reads: keys as contracts write them, every kind that there is, and no error that follows from another."""

from pathlib import Path

import pytest

from counterfoil import read_contract
from counterfoil.errors import CounterfoilError

HEAD = """counterfoil: 1
name: t
currency: USD
parties: {city: {role: outcome_payer}, north: {role: provider}}
"""


def problems(tmp_path: Path, text: str) -> list[tuple[str, str, str]]:
    path = tmp_path / "contract.yaml"
    path.write_text(HEAD + text, "utf-8")
    with pytest.raises(CounterfoilError) as caught:
        read_contract(path)
    return [(problem.code, problem.what, problem.remedy) for problem in caught.value.problems]


def test_an_unknown_key_is_answered_with_the_keys_that_contracts_write(tmp_path: Path) -> None:
    found = problems(
        tmp_path, 'quantities: {a: {kind: reported}}\npayments:\n  - {quantity: a, steps: [{from: "1", pay: "5.00"}]}\n'
    )
    assert [(code, remedy) for code, _, remedy in found] == [("CONTRACT-004", "the keys here are from, pays, rate, to")]


def test_a_wrong_kind_is_answered_with_every_kind(tmp_path: Path) -> None:
    found = problems(tmp_path, "quantities: {a: {kind: report}}\n")
    assert [code for code, _, _ in found] == ["CONTRACT-007"]
    assert found[0][2] == "write one of reported, count, ladder, breadth, stock, net, ratio"


def test_an_empty_list_is_still_an_error(tmp_path: Path) -> None:
    found = problems(tmp_path, "quantities: {a: {kind: reported}}\npayments:\n  - {quantity: a, steps: []}\n")
    assert [(code, what) for code, what, _ in found] == [("CONTRACT-007", "`steps`: has too few entries")]


def test_an_unknown_key_of_a_bound_gate_is_answered_with_keys_of_gates(tmp_path: Path) -> None:
    """`bound` is how such a gate is told from others, and a key of some."""
    effect = "{outcome: days, better: higher, estimator: {kind: experiment}, gate: {conf_leve: 0.9}}"
    found = problems(tmp_path, f"effects:\n  work: {effect}\n")
    assert ("CONTRACT-004", "unknown key 'conf_leve'; did you mean 'conf_level'?") in [one[:2] for one in found]
    assert "total_above" in next(remedy for code, _, remedy in found if code == "CONTRACT-004")
