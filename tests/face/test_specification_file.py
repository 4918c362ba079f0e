"""An interrupted curve goes on where it stopped, to the same bytes; and the command that runs one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

import counterfoil as cf
from counterfoil.cli import app
from counterfoil.datasets import example_folder
from counterfoil.errors import DataError
from counterfoil.measuring import measure
from counterfoil.specification_file import run_digest

TERMS = {
    "covariates": {"need": ["need"], "none": []},
    "terms": {"model": {name: {"model": name} for name in ("additive", "pairwise")}},
    "rules": ["shapley", "equal_split", "plurality"],
}
FILE = """\
counterfoil: 1
effect: earnings
covariates:
  none: []
  schooling: [educ, nodegree]
  earlier pay: [re74, re75]
terms:
  errors:
    HC1: {vcov: HC1}
    HC2: {vcov: HC2}
    CR1: {vcov: CR1}
"""


def cradle() -> tuple[cf.Contract, cf.Study, cf.Specifications]:
    folder = example_folder("cradle")
    return cf.read_contract(folder / "contract.yaml"), cf.read_study(folder), cf.Specifications.model_validate(TERMS)


class Interrupted(Exception):  # noqa: N818
    """What a key press would raise."""


def stop_after(number: int) -> object:
    def progress(done: int, whole: int) -> None:
        assert whole == 12
        if done == number:
            raise Interrupted

    return progress


def test_a_resumed_run_is_a_fresh_one_byte_for_byte(tmp_path: Path) -> None:
    contract, study, asked = cradle()
    whole, part = tmp_path / "whole.jsonl", tmp_path / "part.jsonl"
    fresh = cf.specification_curve(contract, study, asked)
    kept = cf.specification_curve(contract, study, asked, resume=whole)
    for number in (5, 8):
        with pytest.raises(Interrupted):
            cf.specification_curve(contract, study, asked, resume=part, progress=stop_after(number))  # type: ignore[arg-type]
        assert len(part.read_bytes().splitlines()) == number
    cut = part.read_bytes()
    part.write_bytes(cut + whole.read_bytes()[len(cut) : len(cut) + 40])  # a line that was being written
    calls: list[tuple[int, int]] = []
    resumed = cf.specification_curve(contract, study, asked, resume=part, progress=lambda *done: calls.append(done))
    assert part.read_bytes() == whole.read_bytes()
    assert fresh.to_json() == kept.to_json() == resumed.to_json()
    assert fresh.summary() == resumed.summary()
    pd.testing.assert_frame_equal(fresh.tidy(), resumed.tidy())
    assert [row.withheld for row in fresh.rows] == [row.withheld for row in resumed.rows]
    assert calls == [(done, 12) for done in range(1, 13)]


def test_finished_lines_are_not_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    contract, study, asked = cradle()
    path = tmp_path / "done.jsonl"
    first = cf.specification_curve(contract, study, asked, resume=path)
    monkeypatch.setattr("counterfoil.specification_analysis.measure", None)
    assert cf.specification_curve(contract, study, asked, resume=path).to_json() == first.to_json()


def test_rules_divide_one_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    contract, study, asked = cradle()
    count = 0

    def counted(*arguments: object) -> object:
        nonlocal count
        count += 1
        return measure(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("counterfoil.specification_analysis.measure", counted)
    cf.specification_curve(contract, study, asked)
    assert count == 4


def test_lines_of_other_facts_are_left_alone(tmp_path: Path) -> None:
    contract, study, asked = cradle()
    path = tmp_path / "done.jsonl"
    cf.specification_curve(contract, study, asked, resume=path)
    dearer = contract.model_copy(update={"name": "Another"})
    dearer._source = None
    cf.specification_curve(dearer, study, asked, resume=path)
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert len({line["key"] for line in lines}) == len(lines) == 24
    assert not any("c0000" in line for line in path.read_text("utf-8").splitlines())


def test_a_study_without_files_is_told_by_its_tables() -> None:
    contract, study, _ = cradle()
    outcomes = study.outcomes
    assert outcomes is not None
    tables = {"services": study.services, "outcomes": outcomes}
    one, same = (cf.Study.from_tables(study.people, **tables) for _ in range(2))
    moved = outcomes.assign(value=outcomes["value"].where(outcomes.index != 7, outcomes["value"] + 1))
    other = cf.Study.from_tables(study.people, services=study.services, outcomes=moved)
    assert run_digest(contract, one) == run_digest(contract, same)
    assert len({run_digest(contract, each) for each in (one, other, study)}) == 3


@pytest.mark.parametrize("text", ["nothing\n", "{}\n", '{"key": "a", "row": {"payment": "x"}}\n', "[1]\n"])
def test_a_file_of_something_else_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"DATA-020 notes.txt, line 1") as caught:
        cf.specification_curve(*cradle(), resume=path)
    assert "name a file that a curve wrote" in str(caught.value)
    assert path.read_text("utf-8") == text


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="DATA-020"):
        cf.specification_curve(*cradle(), resume=tmp_path / "no" / "such.jsonl")


def run(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "counterfoil"
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "COLUMNS": "100", "MPLBACKEND": "agg"}
    return subprocess.run([program, *arguments], capture_output=True, text=True, cwd=cwd, env=environment)


def test_the_command_says_draws_and_goes_on(tmp_path: Path) -> None:
    (tmp_path / "specifications.yaml").write_text(FILE, encoding="utf-8")
    nsw = example_folder("nsw")
    given = (nsw / "contract.yaml", nsw, "specifications.yaml")
    done = run("curve", *given, "--plot", "curve.png", "--resume", "done.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "The set was declared in specifications.yaml" in done.stdout
    assert "3 were run and refused: CONTRACT-016 (3)." in done.stdout
    assert done.stderr.splitlines()[-2:] == ["9 of 9 specifications", "wrote curve.png"]
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    fresh, resumed = (
        run("curve", *given, "--format", "json", *more, cwd=tmp_path) for more in ((), ("--resume", "done.jsonl"))
    )
    assert fresh.stdout == resumed.stdout
    found = json.loads(fresh.stdout)
    assert found["summary"]["specifications"] == 9
    assert found["specified"][1]["payment"] == "82988.34"


@pytest.mark.parametrize(
    ("contract", "specifications", "more", "code", "said"),
    [
        ("blocks: age", FILE + "families: {plain: {kind: experiment}}\n", (), 1, "does not settle"),
        ("blocks: age", FILE, (), 1, "EST-055 specifications.yaml, line 1, column 1: all 10"),
        ("vcov: HC2", FILE.replace("HC1}", "HC9}"), (), 2, "CONTRACT-007 specifications.yaml, line 9, column 11"),
        ("vcov: HC2", FILE, ("--plot", "no/curve.png"), 2, "DATA-020 no/curve.png"),
        ("vcov: HC2", FILE, ("--plot", "curve.word"), 2, "DATA-020 curve.word"),
        ("vcov: HC2", FILE, ("--resume", "contract.yaml"), 2, "DATA-020 contract.yaml, line 1"),
        ("vcov: HC2", None, (), 2, "CONTRACT-001"),
    ],
)
def test_exit_codes(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    contract: str,
    specifications: str | None,
    more: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    nsw = example_folder("nsw")
    text = (nsw / "contract.yaml").read_text("utf-8")
    (tmp_path / "contract.yaml").write_text(text.replace("vcov: HC2", contract), encoding="utf-8")
    if specifications is not None:
        (tmp_path / "specifications.yaml").write_text(specifications, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["curve", "contract.yaml", str(nsw), "specifications.yaml", *more])
    assert done.exit_code == code, done.output
    assert said in (done.stdout + done.stderr)


def test_help_has_an_example() -> None:
    assert "Example: counterfoil curve" in CliRunner().invoke(app, ["curve", "--help"]).stdout
    assert CliRunner().invoke(app, ["curve"]).exit_code == 2
