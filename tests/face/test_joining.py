"""Errors of matched sets are no sum over people: an effect that needs one says so at the check, where, and how to mend it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.datasets.study import Study

CONTRACT = """\
counterfoil: 1
name: Days worked
currency: USD
parties: {north: {role: provider}, city: {role: outcome_payer}}
effects:
  matched: {outcome: days, better: higher, estimator: {kind: matching, treated: trained, covariates: [need]%s}}
  weighted: {outcome: days, better: higher, estimator: {kind: weighting, treated: trained, covariates: [need]}}
  both: {outcome: days, better: higher, estimator: {kind: blend, of: {matched: "0.5", weighted: "0.5"}}}
  nested: {outcome: days, better: higher, estimator: {kind: blend, of: {both: "0.5", matched: "0.5"}}}
payments:
  - {effect: both, to: north, per: person, price: "10.00"}
"""


def study() -> Study:
    rng = np.random.default_rng(5)
    need, trained = rng.normal(size=200), np.repeat([1, 0, 0, 0], 50)
    people = pd.DataFrame({"person": [f"p{i}" for i in range(200)], "trained": trained, "need": need})
    days = pd.DataFrame({"person": people["person"], "outcome": "days", "value": trained - need + rng.normal(size=200)})
    return Study.from_tables(people, outcomes=days)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ("", "line 6, column 44"),
        (", replace: true", "line 6, column 44"),
        (", errors: matched_sets", "line 6, column 110"),
        (", errors: abadie_imbens", "line 6, column 110"),
    ],
)
def test_check_and_evaluate_refuse_alike_with_the_place(more: str, place: str, tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text(CONTRACT % more, encoding="utf-8")
    contract = cf.read_contract(tmp_path / "contract.yaml")
    checked = cf.check(contract, study().without_outcomes())
    assert {problem.code for problem in checked.refused} == {"EST-008"}
    assert set(checked.effects["both"].refused) | set(checked.effects["nested"].refused) == set(checked.refused)
    found = checked.effects["both"].refused[0]
    assert place in found.where
    assert "errors: scores" in found.remedy
    assert not checked.effects["matched"].refused
    assert "effect both: cannot be answered" in checked.summary()
    evaluation = cf.evaluate(contract, study())
    assert evaluation.refused == checked.effects["both"].refused


def test_what_the_message_says_mends_it(tmp_path: Path) -> None:
    (tmp_path / "contract.yaml").write_text(CONTRACT % ", errors: scores", encoding="utf-8")
    contract = cf.read_contract(tmp_path / "contract.yaml")
    assert not cf.check(contract, study().without_outcomes()).refused
    assert cf.evaluate(contract, study()).answered
