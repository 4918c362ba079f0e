"""How few people were treated, or have a level of a covariate, follows from nothing that check, text, JSON or report say of balance."""

import json
import re
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
  work: {outcome: days, better: higher, estimator: {kind: %s, treated: trained, covariates: [%s]}}
payments:
  - {effect: work, to: north, per: person, price: "10.00"}
"""


def study(treated: int, rare: int) -> Study:
    rng = np.random.default_rng(2)
    trained = rng.permutation(np.arange(200) < treated).astype(int)
    site = np.array([f"s{i % 2}" for i in range(200)], dtype=object)
    site[[*np.flatnonzero(trained == 1)[:1], *np.flatnonzero(trained == 0)[: rare - 1]]] = "chapel"
    people = pd.DataFrame({"person": [f"p{i}" for i in range(200)], "trained": trained, "need": rng.normal(size=200)})
    days = pd.DataFrame({"person": people["person"], "outcome": "days", "value": rng.normal(size=200)})
    return Study.from_tables(people.assign(site=site), outcomes=days)


def contract(folder: Path, kind: str, covariates: str) -> cf.Contract:
    (folder / "contract.yaml").write_text(CONTRACT % (kind, covariates), encoding="utf-8")
    return cf.read_contract(folder / "contract.yaml")


def page_of(evaluation: cf.Evaluation, folder: Path) -> str:
    evaluation.report(folder / "report.html")
    page = re.sub(
        r"<style.*?</style>|[0-9a-f]{64}", "", (folder / "report.html").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return re.sub(r"<(?!title)[^>]*>", " ", page)


@pytest.mark.parametrize("kind", ["matching", "weighting", "doubly_robust"])
def test_seven_treated_do_not_follow_from_the_others(kind: str, tmp_path: Path) -> None:
    """Everybody is counted, so that the number of untreated people would tell the treated."""
    agreed, data = contract(tmp_path, kind, "need"), study(7, 2)
    said = cf.check(agreed, data.without_outcomes()).summary()
    assert "200 people" in said
    assert "<11" in said
    assert not re.search(r"\b(7|193)\b", said)
    evaluation = cf.evaluate(agreed, data)
    overlap = json.loads(evaluation.to_json())["effects"]["work"]["alike"]["overlap"]
    assert [row["people"] for row in overlap] == ["suppressed", "<11"]
    assert all(row["effective"] is None and row["largest_share"] is None for row in overlap)
    assert not re.search(r"(?<![\d.,#-])(7|193)(?![\d.,%])", page_of(evaluation, tmp_path))


@pytest.mark.parametrize("kind", ["matching", "weighting", "doubly_robust"])
def test_a_level_that_three_people_have_is_counted_and_not_shown(kind: str, tmp_path: Path) -> None:
    """The difference of shares in such a level would tell how many of either group have it."""
    agreed, data = contract(tmp_path, kind, "need, site"), study(80, 3)
    said = cf.check(agreed, data.without_outcomes()).summary()
    evaluation = cf.evaluate(agreed, data)
    rows = json.loads(evaluation.to_json())["effects"]["work"]["alike"]["balance"]
    assert [row["covariate"] for row in rows] == ["need", "site=s0", "site=s1"]
    for text in (said, evaluation.summary(), page_of(evaluation, tmp_path)):
        assert "ot shown, which fewer than 11 people have" in text
        assert "site=chapel" not in text
