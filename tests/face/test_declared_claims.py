"""A declared graph and negative controls are said, checked, measured and shown; without outcomes the controls stay unread."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.datasets.study import Study
from counterfoil.description import describe

SIZE = 400
CONTRACT = """\
counterfoil: 1
name: Days worked
currency: USD
parties: {north: {role: provider}, city: {role: outcome_payer}}
effects:
  work:
    outcome: days
    better: higher
    estimator: {%s}
    graph: {edges: ["need -> trained -> days", "need -> days"%s]}
    negative_controls:
      outcomes: [{outcome: earlier, why: before it began}]
      treatments: [later]
payments:
  - {effect: work, to: north, per: person, price: "10.00"}
"""
KINDS = {
    "matching": "kind: matching, treated: trained, covariates: [%s], replace: true",
    "weighting": "kind: weighting, treated: trained, covariates: [%s]",
    "doubly_robust": "kind: doubly_robust, treated: trained, covariates: [%s]",
}


def contract(folder: Path, estimator: str, edges: str = "") -> cf.Contract:
    (folder / "contract.yaml").write_text(CONTRACT % (estimator, edges), encoding="utf-8")
    return cf.read_contract(folder / "contract.yaml")


def study() -> Study:
    rng = np.random.default_rng(5)
    need = rng.normal(size=SIZE)
    trained = (rng.random(SIZE) < 1 / (1 + np.exp(0.7 - 0.8 * need))).astype(int)
    people = pd.DataFrame(
        {
            "person": [f"p{i:03d}" for i in range(SIZE)],
            "trained": trained,
            "need": need,
            "site": rng.integers(0, 2, SIZE),
            "later": rng.integers(0, 2, SIZE),
            "earlier": 2 * need + rng.normal(size=SIZE),
        }
    )
    days = 10 - 2 * need + trained + rng.normal(size=SIZE)
    return Study.from_tables(
        people, outcomes=pd.DataFrame({"person": people["person"], "outcome": "days", "value": days})
    )


@pytest.mark.parametrize("kind", KINDS)
def test_controls_are_measured_as_the_effect_is_and_shown_everywhere(kind: str, tmp_path: Path) -> None:
    evaluation = cf.evaluate(contract(tmp_path, KINDS[kind] % "need"), study())
    result = evaluation.effects["work"]
    assert result.identification is not None
    assert result.identification.identified
    assert result.controls is not None
    assert [one.against for one in result.controls.tests] == ["earlier", "later"]
    assert "What must show no effect" in evaluation.summary()
    told = json.loads(evaluation.to_json())["effects"]["work"]
    assert [row["against"] for row in told["negative_controls"]] == ["earlier", "later"]
    assert told["identification"]
    evaluation.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "By the declared graph" in page
    assert "What must show no effect" in page


def test_a_control_shows_that_the_groups_differ_in_what_was_left_out(tmp_path: Path) -> None:
    evaluation = cf.evaluate(contract(tmp_path, KINDS["weighting"] % "site"), study())
    result = evaluation.effects["work"]
    assert result.identification is not None
    assert not result.identification.identified
    assert "IDENT-041" in {problem.code for problem in result.warnings}
    assert result.controls is not None
    assert not result.controls.tests[0].consistent


def test_check_says_what_the_graph_says_and_leaves_controls_unread(tmp_path: Path) -> None:
    checked = cf.check(contract(tmp_path, KINDS["weighting"] % "need"), study().without_outcomes())
    result = checked.effects["work"]
    assert result.identification is not None
    assert result.controls is None
    assert "identified by the declared graph" in checked.summary()


def test_the_graph_speaks_even_where_the_people_cannot_answer(tmp_path: Path) -> None:
    data = study()
    certain = Study.from_tables(data.people.assign(need=2.0 * data.people["trained"] - 1), outcomes=data.outcomes)
    result = cf.check(contract(tmp_path, KINDS["weighting"] % "need"), certain).effects["work"]
    assert result.refused
    assert result.identification is not None


def test_both_are_read_out_in_plain_sentences(tmp_path: Path) -> None:
    said = describe(contract(tmp_path, KINDS["matching"] % "need"))
    assert "As the parties see it, trained depends on need" in said
    assert "the programme cannot have moved earlier (before it began); later cannot have moved days" in said
