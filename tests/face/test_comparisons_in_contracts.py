"""Matching, weighting and doubly robust comparisons as kinds in a contract: checked blind, settled, shown, refused with places."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import ComparisonFit, balance_table
from counterfoil.result_schema import evaluation_schema

SIZE = 600
CONTRACT = """\
counterfoil: 1
name: Days worked
currency: USD
parties:
  north: {role: provider}
  city:  {role: outcome_payer}
effects:
  work:
    outcome: days
    better: %s
    estimator: {%s}
    planning: {std_dev: 1}
    gate: {total_above: 0}
payments:
  - {effect: work, per: person, price: "10.00"}
"""
ALIKE = "treated: trained, covariates: [need, site]"
KINDS = {
    "matching": f"kind: matching, {ALIKE}",
    "matching within": f"kind: matching, method: coarsened_exact, {ALIKE}",
    "weighting": f"kind: weighting, {ALIKE}",
    "entropy": f"kind: weighting, method: entropy, {ALIKE}",
    "doubly_robust": f"kind: doubly_robust, {ALIKE}",
    "served": "kind: weighting, covariates: [need, site]",
    "groups": "kind: doubly_robust, treated: course, control: none, arm: long, covariates: [need]",
    "periods": "kind: longitudinal_weighting, treated: [housed, trained], covariates: [site], before: [[], [need]]",
    "several": "kind: weighting, treated: [trained, housed], arm: trained + housed, covariates: [need]",
}


def contract(folder: Path, estimator: str, better: str = "higher") -> Contract:
    (folder / "contract.yaml").write_text(CONTRACT % (better, estimator), encoding="utf-8")
    return cf.read_contract(folder / "contract.yaml")


def study(gain: float = 1.0) -> Study:
    """People in need are trained more often and work less; the gain is the same for everybody."""
    rng = np.random.default_rng(5)
    need = rng.normal(size=SIZE)
    trained = (rng.random(SIZE) < 1 / (1 + np.exp(0.7 - 0.8 * need))).astype(int)
    housed = rng.integers(0, 2, SIZE)
    people = pd.DataFrame(
        {
            "person": [f"p{i:03d}" for i in range(SIZE)],
            "trained": trained,
            "housed": housed,
            "course": np.where(trained == 0, "none", np.where(housed == 1, "long", "short")),
            "need": need,
            "site": [f"s{i % 3}" for i in range(SIZE)],
        }
    )
    days = 10 - 2 * need + gain * trained + rng.normal(size=SIZE)
    outcomes = pd.DataFrame({"person": people["person"], "outcome": "days", "value": days})
    services = pd.DataFrame({"person": people["person"][trained == 1], "provider": "north"})
    return Study.from_tables(people, services=services, outcomes=outcomes)


@pytest.mark.parametrize("kind", KINDS)
def test_a_comparison_is_checked_blind_and_settled(kind: str, tmp_path: Path) -> None:
    agreed, data = contract(tmp_path, KINDS[kind]), study()
    checked = cf.check(agreed, data.without_outcomes())
    assert not checked.refused
    said = checked.summary()
    assert "who is compared:" in said
    assert "count as" in said
    assert "standardised differences" in said
    assert "which would pay" in said or "not known before outcomes" in said
    evaluation = cf.evaluate(agreed, data)
    result = evaluation.effects["work"]
    assert result.total is not None
    assert abs(float(result.total.values[0]) - 1.0) < 3.5 * float(result.total.std_error[0])
    assert evaluation.settlement is not None
    exact = float(result.total.values[0]) * result.total.people * 10
    assert float(evaluation.settlement.total) == pytest.approx(exact, abs=0.006)


@pytest.mark.parametrize("kind", ["matching", "weighting", "doubly_robust"])
def test_report_text_and_json_show_how_alike_people_are(kind: str, tmp_path: Path) -> None:
    evaluation = cf.evaluate(contract(tmp_path, KINDS[kind]), study())
    assert "Standardised differences of 0.1 or more" in evaluation.summary()
    told = json.loads(evaluation.to_json())
    jsonschema.validate(told, evaluation_schema())
    assert told["sampling_error"]["draws"] > 0
    whole = told["sampling_error"]["payments"][0]
    assert whole["conf_low"] <= whole["conf_high"]
    rows = told["effects"]["work"]["alike"]["balance"]
    assert {row["covariate"] for row in rows} >= {"need", "site=s1"}
    assert all(set(row) == {"term", "covariate", "before", "after", "balanced"} for row in rows)
    evaluation.report(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "how alike the two groups are" in page
    assert "How many people each side really counts as" in page
    assert "nothing unrecorded decided" in page


def test_better_lower_pays_for_a_fall(tmp_path: Path) -> None:
    evaluation = cf.evaluate(contract(tmp_path, KINDS["weighting"], "lower"), study(-1.0))
    assert evaluation.settlement is not None
    assert evaluation.settlement.total > 0


@pytest.mark.parametrize(
    ("terms", "code", "said"),
    [
        ("kind: matching, treated: traind, covariates: [need]", "DATA-004", "line 11, column 33"),
        ("kind: weighting, treated: course, covariates: [need]", "DATA-013", "line 11, column 34"),
        ("kind: weighting, treated: trained, covariates: [ned]", "DATA-004", "line 11, column 52"),
        ("kind: matching, treated: trained, covariates: [need], exact: [sit]", "DATA-004", "line 11, column 79"),
        ("kind: doubly_robust, treated: course, control: none, covariates: [need]", "CONTRACT-016", "arm"),
        ("kind: weighting, treated: [trained, housed], covariates: [need]", "CONTRACT-016", "arm"),
        ("kind: matching, treated: trained, covariates: [need], calliper: 0.2", "CONTRACT-00", "caliper"),
        ("kind: matching, treated: trained, covariates: [need], estimand: ato", "CONTRACT-00", "estimand"),
    ],
)
def test_a_wrong_file_is_refused_with_a_place(terms: str, code: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(CounterfoilError) as caught:
        cf.check(contract(tmp_path, terms), study())
    assert code in str(caught.value)
    assert said in str(caught.value)
    assert "contract.yaml" in str(caught.value)


def test_what_the_data_cannot_answer_is_a_refusal_of_the_effect(tmp_path: Path) -> None:
    """A covariate that tells for certain who was trained leaves nobody to compare with."""
    data = study()
    certain = Study.from_tables(
        data.people.assign(need=data.people["trained"] * 2.0 - 1), outcomes=data.outcomes, services=data.services
    )
    checked = cf.check(contract(tmp_path, KINDS["weighting"]), certain)
    assert {problem.code for problem in checked.refused} == {"EST-002"}
    evaluation = cf.evaluate(contract(tmp_path, KINDS["weighting"]), certain)
    assert not evaluation.answered


def test_blanks_are_refused_dropped_or_marked(tmp_path: Path) -> None:
    data = study()
    people = data.people.assign(need=data.people["need"].where(data.people.index >= 20))
    blanks = Study.from_tables(people, outcomes=data.outcomes, services=data.services)
    with pytest.raises(CounterfoilError, match="DATA-014"):
        cf.check(contract(tmp_path, KINDS["weighting"]), blanks)
    dropped: Any = cf.evaluate(contract(tmp_path, KINDS["weighting"] + ", missing: drop"), blanks).effects["work"]
    assert dropped.left_out == {"need": 20}
    marked: Any = cf.evaluate(contract(tmp_path, KINDS["weighting"] + ", missing_covariates: indicator"), blanks)
    assert marked.effects["work"].counts["people_used"] == SIZE


def test_two_comparisons_of_the_same_people_are_blended_by_person(tmp_path: Path) -> None:
    """Two designs on the same people vary together, and their blend has no less error for it."""
    text = CONTRACT % ("higher", KINDS["weighting"])
    other = text.split("  work:\n")[1].split("payments")[0]
    both = text.replace(
        "  work:\n", "  robust:\n" + other.replace(KINDS["weighting"], KINDS["doubly_robust"]) + "  work:\n"
    )
    both = both.replace(
        "payments:",
        '  both:\n    outcome: days\n    better: higher\n    estimator: {kind: blend, of: {robust: "0.5", work: "0.5"}}\npayments:',
    )
    (tmp_path / "contract.yaml").write_text(both.replace("effect: work", "effect: both"), encoding="utf-8")
    evaluation = cf.evaluate(cf.read_contract(tmp_path / "contract.yaml"), study())
    parts = [evaluation.effects[name].total for name in ("robust", "work", "both")]
    assert all(part is not None for part in parts)
    one, two, joint = (float(part.std_error[0]) for part in parts if part is not None)
    assert joint == pytest.approx((one + two) / 2, rel=0.05)


def test_a_specification_curve_runs_over_designs_covariates_and_trims(tmp_path: Path) -> None:
    """Every family by every covariate set; what a design does not take is listed with its reason."""
    agreed, data = contract(tmp_path, KINDS["weighting"]), study()
    (tmp_path / "specifications.yaml").write_text(
        """\
counterfoil: 1
reason: Declared before outcomes were read.
families:
  matching: {kind: matching, treated: trained, covariates: [need], bias_adjustment: true}
  entropy: {kind: weighting, treated: trained, covariates: [need], method: entropy}
  robust: {kind: doubly_robust, treated: trained, covariates: [need]}
covariates: {need: [need], need and site: [need, site], nothing: []}
trims: {none: {}, extremes: {trim: crump}}
""",
        encoding="utf-8",
    )
    curve = cf.specification_curve(agreed, data, cf.read_specifications(tmp_path / "specifications.yaml"))
    table = curve.tidy()
    assert {"matching", "entropy", "robust"} <= set(table["family"])
    adjusted = table[table["covariates"].str.startswith("need") & table["estimate"].notna()]
    assert (adjusted["estimate"] - 1.0).abs().max() < 0.4
    nothing = table[(table["covariates"] == "nothing") & table["estimate"].notna()]
    assert (nothing["estimate"] < 0.2).all()
    assert curve.left_out
    assert curve.trigger.share is not None
    assert 0 < curve.trigger.share < 1


DECLARED = """\
    graph:
      edges: ["need -> trained -> days", "need -> days", "site -> trained", "home -> trained", "home -> days"]
      unobserved: [home]
    negative_controls:
      outcomes: [{outcome: before, why: measured before anybody was trained}]
"""


def declared(folder: Path, text: str = DECLARED) -> tuple[Contract, Study]:
    """A contract with a graph and a negative control, and a study in which those trained differed before."""
    (folder / "contract.yaml").write_text(
        (CONTRACT % ("higher", KINDS["weighting"])).replace("    planning:", text + "    planning:"), encoding="utf-8"
    )
    data = study()
    before = 10 - 2 * data.people["need"] + 3.0 * data.people["trained"]
    earlier = pd.DataFrame({"person": data.people["person"], "outcome": "before", "value": before})
    assert data.outcomes is not None
    both = pd.concat([data.outcomes[["person", "outcome", "value"]].astype({"outcome": str, "person": str}), earlier])
    return cf.read_contract(folder / "contract.yaml"), Study.from_tables(data.people, outcomes=both)


def test_a_graph_and_negative_controls_reach_check_text_json_and_report(tmp_path: Path) -> None:
    agreed, data = declared(tmp_path)
    checked = cf.check(agreed, data.without_outcomes())
    assert "not identified by the declared graph" in checked.summary()
    assert "IDENT-041" in checked.summary()
    evaluation = cf.evaluate(agreed, data)
    said = evaluation.summary()
    assert "By the declared graph:" in said
    assert "What must show no effect:" in said
    told = json.loads(evaluation.to_json())
    jsonschema.validate(told, evaluation_schema())
    (control,) = told["effects"]["work"]["negative_controls"]
    assert control["against"] == "before"
    assert control["estimate"] == pytest.approx(3.0, abs=0.3)
    assert not control["consistent"]
    assert any(not row["holds"] for row in told["effects"]["work"]["identification"])
    evaluation.report(tmp_path / "report.html")
    assert "What must show no effect" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_is_declared_must_exist(tmp_path: Path) -> None:
    for wrong, near in (("need -> trained -> dyas", "days"), ("ned -> trained -> days", "need")):
        agreed, data = declared(tmp_path, f"    graph: {{edges: ['{wrong}']}}\n")
        with pytest.raises(CounterfoilError, match="CONTRACT-026") as caught:
            cf.check(agreed, data)
        assert near in str(caught.value)
        assert "contract.yaml, line 12" in str(caught.value)


@pytest.mark.parametrize("kind", ["kind: staggered_did, first_treated: since", KINDS["periods"]])
def test_a_design_over_time_takes_no_graph(kind: str, tmp_path: Path) -> None:
    text = (CONTRACT % ("higher", kind)).replace("    planning:", DECLARED + "    planning:")
    (tmp_path / "contract.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        cf.check(cf.read_contract(tmp_path / "contract.yaml"), study())


HELD = """\
    graph: {edges: [need -> trained -> days, need -> days%s], unobserved: [%s]}
    negative_controls: {outcomes: [need], treatments: [housed]}
payments:"""


def held_contract(folder: Path, arrows: str = "", unobserved: str = "") -> Contract:
    text = CONTRACT % ("higher", KINDS["weighting"])
    (folder / "contract.yaml").write_text(text.replace("payments:", HELD % (arrows, unobserved)), encoding="utf-8")
    return cf.read_contract(folder / "contract.yaml")


def test_an_effect_is_held_against_what_was_held_contract(tmp_path: Path) -> None:
    evaluation = cf.evaluate(held_contract(tmp_path, ", zeal -> trained, zeal -> days", "zeal"), study())
    result = evaluation.effects["work"]
    assert result.identification is not None
    assert not result.identification.identified
    assert [problem.code for problem in result.noted] == ["IDENT-041"]
    assert result.controls is not None
    assert [one.test for one in result.controls.tests] == ["negative_outcome", "negative_treatment"]
    said = evaluation.summary()
    assert "nobody recorded it" in said
    assert "negative outcome: the effect on need is" in said
    told = json.loads(evaluation.to_json())
    jsonschema.validate(told, evaluation_schema())
    assert len(told["effects"]["work"]["negative_controls"]) == 2
    evaluation.report(tmp_path / "report.html")
    assert "nobody recorded it" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_was_declared_moves_no_money(tmp_path: Path) -> None:
    held = cf.evaluate(held_contract(tmp_path), study())
    assert held.effects["work"].identification is not None
    assert held.effects["work"].identification.identified
    alone = cf.evaluate(contract(tmp_path, KINDS["weighting"]), study())
    assert held.settlement is not None
    assert alone.settlement is not None
    assert held.settlement.total == alone.settlement.total


def test_a_regression_that_reaches_beyond_the_people_says_so(tmp_path: Path) -> None:
    """Its weights below zero have no balance to be shown, neither before outcomes nor in the result."""
    data = study()
    apart = Study.from_tables(
        data.people.assign(need=data.people["need"] + 3 * data.people["trained"]),
        outcomes=data.outcomes,
        services=data.services,
    )
    agreed = contract(tmp_path, KINDS["doubly_robust"] + ", method: regression")
    assert "people less than nothing" in cf.check(agreed, apart.without_outcomes()).summary()
    evaluation = cf.evaluate(agreed, apart)
    assert "people less than nothing" in evaluation.summary()
    evaluation.report(tmp_path / "report.html")
    assert "people less than nothing" in (tmp_path / "report.html").read_text(encoding="utf-8")
    measured = evaluation.effects["work"].measured
    assert isinstance(measured, ComparisonFit)
    with pytest.raises(CounterfoilError, match="EST-015"):
        balance_table(measured.comparison)
