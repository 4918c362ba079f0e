"""The program as its users run it: in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import counterfoil as cf
from counterfoil.datasets import EXAMPLES, example_folder


def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "counterfoil"
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "COLUMNS": "100"}
    return subprocess.run([program, *arguments], capture_output=True, text=True, cwd=cwd, env=environment)


@pytest.mark.parametrize("name", EXAMPLES)
def test_demo_ends_with_a_ledger(name: str) -> None:
    done = run("demo", name)
    assert done.returncode == 0
    assert done.stderr == ""
    assert "is due from" in done.stdout
    assert "Ledger (USD)" in done.stdout


def test_demo_of_nsw_prints_the_published_figures() -> None:
    out = run("demo", "nsw").stdout
    assert "1,794.34 per person (std error 671.00" in out
    classical = run("demo", "nsw", "--format", "json").stdout
    effect = json.loads(classical)["effects"]["earnings"]
    assert effect["total"]["estimate"] == pytest.approx(1794.3424, abs=5e-5)
    assert effect["std_error_by_type"]["classical"] == pytest.approx(632.8534, abs=5e-5)


def test_demo_of_rossi_says_how_close_it_was() -> None:
    out = run("demo", "rossi").stdout
    assert "-8.33 points" in out
    assert "it is 1.36, 1.36 above the minimum" in out
    assert "It would be shut two-sided with HC3 (-0.004)" in out


def test_json_is_the_same_twice_and_holds_the_money() -> None:
    folder = example_folder("rice")
    first, second = (run("evaluate", folder / "contract.yaml", folder, "--format", "json") for _ in range(2))
    assert first.stdout == second.stdout
    found = json.loads(first.stdout)
    assert found["settlement"]["by_party"] == {"default": "2917.29", "intensive": "72.98"}
    assert found["settlement"]["total"] == "2990.27"


def test_init_then_check_then_evaluate(tmp_path: Path) -> None:
    assert run("init", "mine", cwd=tmp_path).returncode == 0
    contract = tmp_path / "mine" / "contract.yaml"
    assert run("check", contract).returncode == 0
    done = run("evaluate", contract)
    assert done.returncode == 0
    assert "Attendance clubs" in done.stdout
    before = sorted(path.read_bytes() for path in (tmp_path / "mine").rglob("*") if path.is_file())
    again = run("init", "mine", cwd=tmp_path)
    assert again.returncode == 2
    assert "DATA-020" in again.stderr
    assert before == sorted(path.read_bytes() for path in (tmp_path / "mine").rglob("*") if path.is_file())


def test_refusal_by_the_data_is_exit_one(tmp_path: Path) -> None:
    run("init", ".", cwd=tmp_path)
    services = tmp_path / "study" / "services.csv"
    lines = services.read_text("utf-8").splitlines(keepends=True)
    both = {line.split(",")[0] for line in lines if ",reading_club," in line}
    services.write_text("".join(line for line in lines if ",family_visits," not in line or line.split(",")[0] in both))
    done = run("evaluate", "contract.yaml", cwd=tmp_path)
    assert done.returncode == 1
    assert "IDENT-002" in done.stdout
    assert run("check", "contract.yaml", cwd=tmp_path).returncode == 1


@pytest.mark.parametrize(
    ("table", "old", "new", "code"),
    [
        ("contract.yaml", "better: higher", "beter: higher", "CONTRACT-004"),
        ("study/people.csv", "pupil-002", "pupil-001", "DATA-005"),
        ("study/services.csv", "reading_club", "raeding_club", "DATA-010"),
        ("study/services.csv", "2025-09-08", "2024-09-08", "DATA-009"),
        ("study/outcomes.csv", "attendance,9", "attendance,x9", "DATA-007"),
        ("study/outcomes.csv", "person,outcome,value", "person,outcome,valu", "DATA-004"),
    ],
)
def test_wrong_input_is_exit_two_on_stderr(tmp_path: Path, table: str, old: str, new: str, code: str) -> None:
    run("init", ".", cwd=tmp_path)
    path = tmp_path / table
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    done = run("evaluate", "contract.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert code in done.stderr
    assert "fix:" in done.stderr
    assert "pupil-0" not in done.stderr
    written = run("evaluate", "contract.yaml", "--format", "json", cwd=tmp_path)
    assert code in {problem["code"] for problem in json.loads(written.stdout)["refused"]}


def test_paths_that_do_not_exist(tmp_path: Path) -> None:
    assert run("evaluate", tmp_path / "none.yaml").returncode == 2
    done = run("evaluate", example_folder("rice") / "contract.yaml", tmp_path / "none")
    assert done.returncode == 2
    assert "DATA-001" in done.stderr


def test_usage_errors_are_exit_two() -> None:
    for arguments in (["evaluate"], ["nonsense"], ["demo", "nothing"], ["evaluate", "a", "--format", "xml"]):
        assert run(*arguments).returncode == 2


def test_schema_is_a_schema() -> None:
    schema = json.loads(run("schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema == json.loads(json.dumps(cf.json_schema()))


@pytest.mark.parametrize("name", EXAMPLES)
def test_json_fits_its_schema(name: str) -> None:
    schema = json.loads(run("schema", "evaluation").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(run("demo", name, "--format", "json").stdout), schema)


def test_report_is_written(tmp_path: Path) -> None:
    done = run("demo", "nsw", "--report", tmp_path / "nsw.html")
    assert done.returncode == 0
    assert "wrote" in done.stderr
    assert (tmp_path / "nsw.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert run("demo", "nsw", "--report", tmp_path / "no" / "nsw.html").returncode == 2


def test_explain_and_version() -> None:
    assert "did you mean" in run("explain", "DATA-0044").stderr
    assert run("explain", "nothing").returncode == 2
    assert (
        json.loads(run("explain", "EST-001", "--format", "json").stdout)["title"]
        == "error type undefined for these data"
    )
    assert run("explain", "data-004").stdout.startswith("DATA-004: column is missing")
    assert run("--version").stdout.strip() == cf.__version__


def test_help_has_an_example_for_every_command() -> None:
    for command in ("evaluate", "check", "demo", "init", "schema", "explain"):
        assert "Example: counterfoil" in run(command, "--help").stdout
