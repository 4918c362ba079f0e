"""Every notebook runs from the top in a kernel of its own, and is committed without outputs."""

import contextlib
import json
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
# What a reader must find in the outputs: amounts, refusals, a verdict.
SHOWN = {
    "01_from_raw_tables_to_payment": ["2,917.29"],
    "02_two_providers_in_dispute": [
        "EUR is due from city",
        "IDENT-002",
        "IDENT-003",
        "reinforce",
        "expert determination",
    ],
    "03_negotiating_a_contract": [
        "mistyped.yaml, line 37, column 18",
        "exaggeration",
        "paid by state",
        "609,922.00 EUR is due from city, state",
        "The ledger follows from its record",
        "as signed",
        "19 of 19 figures agree with the terms",
    ],
    "04_one_programme_two_designs": [
        "as declared: 360 without assigned",
        "Two-way fixed effects on days: 18.1868",
        "Earlier trends passed the test",
        "differ by up to 1.33 times",
        "correlation of the two estimates: 0.39",
        "74,053.30 USD is due from county",
        "89,721.18",
    ],
    "05_a_comparison_group_without_looking": [
        "9 of 10 before, 0 of 10 after",
        "which would pay 114,419.56 USD",
        "83,042.55 USD is due from labor",
        "willing may move both, and nobody recorded it",
        "the effect on re75 is -1345",
        "1.27 times as likely",
        "(as strong as 0.11 x re74)",
        "6 of 35 others (17.1%)",
        "(as strong as 0.18 x need)",
    ],
}


def test_every_notebook_is_known_and_listed() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(SHOWN)
    listed = (NOTEBOOKS[0].parent / "README.md").read_text("utf-8")
    assert all(path.name in listed for path in NOTEBOOKS)


def test_credits_in_dispute_hold_the_truth(tmp_path: Path) -> None:
    """The dispute is simulated, so the reader may check: every interval that it shows holds the true credit."""
    path = next(path for path in NOTEBOOKS if path.stem.startswith("02"))
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    place = next(number for number, source in enumerate(code) if "truth inside" in source)
    namespace: dict[str, object] = {}
    with contextlib.chdir(tmp_path):
        exec("\n".join(source for source in code[: place + 1] if "plt.show()" not in source), namespace)  # noqa: S102
    held = namespace["held"]
    assert isinstance(held, pd.DataFrame)
    assert held["truth inside"].all()
    assert held["estimate"].sum() == pytest.approx(held["truth"].sum(), abs=2.5)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_from_the_top(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    assert all(cell.get("outputs", []) == [] for cell in notebook.cells)
    done = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = json.dumps([cell.get("outputs", []) for cell in done.cells])
    assert [words for words in SHOWN[path.stem] if words not in shown] == []
    assert "Traceback" not in shown
