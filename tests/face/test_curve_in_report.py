"""A specification curve stands in the report of the evaluation that it is a curve of, from Python and from the command line."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import counterfoil as cf
from counterfoil.cli import app
from counterfoil.errors import CounterfoilError

CONTRACT = """\
counterfoil: 1
name: Days worked
currency: USD
parties: {north: {role: provider}, city: {role: outcome_payer}}
periods: {y1: {}, y2: {}}
effects:
  work: {outcome: days, better: higher, estimator: {kind: weighting, treated: trained, covariates: [need, "<b>site</b>"]}}
  job: {outcome: days, better: higher, estimator: {kind: matching, treated: trained, covariates: [need]}}
payments:
  - {effect: work, to: north, per: person, price: "10.00"}
amendments:
  - {since: y2, reason: a lower price, changes: {"payments.0.price": "9.00"}}
"""
SPECIFICATIONS = """\
counterfoil: 1
effect: work
reason: as the parties agreed
families:
  weighted: {kind: weighting, treated: trained, covariates: [need]}
  robust: {kind: doubly_robust, treated: trained, covariates: [need]}
covariates: {need: [need], "both & more": [need, "<b>site</b>"]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(3)
    need = rng.normal(size=300)
    people = pd.DataFrame({"person": [f"p{i}" for i in range(300)], "trained": rng.integers(0, 2, 300), "need": need})
    people["<b>site</b>"] = rng.integers(0, 2, 300)
    days = people["trained"] - need + rng.normal(size=300)
    (tmp_path / "study").mkdir()
    people.to_csv(tmp_path / "study" / "people.csv", index=False)
    outcomes = pd.DataFrame({"person": people["person"], "outcome": "days", "value": days})
    outcomes.to_csv(tmp_path / "study" / "outcomes.csv", index=False)
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    (tmp_path / "specifications.yaml").write_text(SPECIFICATIONS, encoding="utf-8")
    return tmp_path


def test_python_and_command_line_write_the_same_page(folder: Path) -> None:
    contract, study = cf.read_contract(folder / "contract.yaml"), cf.read_study(folder / "study")
    curve = cf.specification_curve(contract, study, cf.read_specifications(folder / "specifications.yaml"))
    evaluation = cf.evaluate(contract, study)
    page = evaluation.report(curve=curve)
    assert "What would other designs say?" in page
    assert "both &amp; more" in page
    assert "<b>" not in page.replace("<b>{", "")
    assert "as the parties agreed. Whether" in page
    assert "What would other designs say?" not in evaluation.report()
    names = [str(folder / name) for name in ("contract.yaml", "study", "specifications.yaml", "report.html")]
    found = CliRunner().invoke(app, ["curve", *names[:3], "--report", names[3]])
    assert found.exit_code == 0
    assert "report.html" not in found.stdout
    assert (folder / "report.html").read_text(encoding="utf-8") == page


def test_a_curve_of_another_study_is_refused(folder: Path) -> None:
    contract, study = cf.read_contract(folder / "contract.yaml"), cf.read_study(folder / "study")
    curve = cf.specification_curve(contract, study, cf.read_specifications(folder / "specifications.yaml"))
    with (folder / "study" / "people.csv").open("a", encoding="utf-8") as people:
        people.write("p300,1,0.5,1\n")
    with (folder / "study" / "outcomes.csv").open("a", encoding="utf-8") as outcomes:
        outcomes.write("p300,days,1.5\n")
    with pytest.raises(CounterfoilError, match="CONTRACT-029"):
        cf.evaluate(contract, cf.read_study(folder / "study")).report(curve=curve)


def test_moves_of_several_effects_name_the_effect(folder: Path) -> None:
    (folder / "contract.yaml").write_text(
        CONTRACT.replace("amendments", '  - {effect: job, to: north, per: person, price: "1.00"}\namendments'), "utf-8"
    )
    evaluation = cf.evaluate(cf.read_contract(folder / "contract.yaml"), cf.read_study(folder / "study"))
    said = evaluation.summary()
    assert "work: a confounder as strong as need" in said
    assert "job: a confounder as strong as need" in said
