"""What stands behind the credits reaches text, JSON and report; joint and shrunk credits reach the money."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.attribution import Shapley
from counterfoil.contract import Contract
from counterfoil.estimators import ContributionFit, shrink
from counterfoil.evaluation import Evaluation

CONTRACT = """\
counterfoil: 1
name: Shared clients
currency: USD
parties:
  a: {role: provider}
  b: {role: provider}
  c: {role: provider}
  d: {role: provider}
  city: {role: outcome_payer}
effects:
  days:
    outcome: days
    better: higher
    estimator: {kind: contribution, design: unconfounded, covariates: [need], MODEL}
    split: {rule: shapley, SPLIT}
payments:
  - {effect: days, per: person, price: "10.00"}
"""


def study(seed: int = 0, size: int = 3_000, twins: bool = False) -> cf.Study:
    rng = np.random.default_rng(seed)
    need = rng.normal(size=size)
    served = rng.random((size, 4)) < 1 / (1 + np.exp(0.5 + 0.4 * need))[:, None]
    if twins:
        served[:, 3] = served[:, 0]
    gain = served @ [0.6, 0.4, 0.3, 0.2] + 0.8 * served[:, 0] * served[:, 1] - 0.7 * served[:, 1] * served[:, 2]
    frame = pd.DataFrame(served.astype(int), columns=list("abcd"))
    frame = frame.assign(need=need, days=gain - need + rng.normal(size=size))
    return cf.Study.from_frame(frame, providers=list("abcd"), outcomes=["days"])


def contract(folder: Path, model: str = "model: pairwise", split: str = "negative: project") -> Contract:
    path = folder / "contract.yaml"
    path.write_text(CONTRACT.replace("MODEL", model).replace("SPLIT", split), encoding="utf-8")
    return cf.read_contract(path)


def answer(folder: Path, data: cf.Study | None = None, **terms: str) -> Evaluation:
    return cf.evaluate(contract(folder, **terms), study() if data is None else data)


def test_findings_reach_text_json_and_report(tmp_path: Path) -> None:
    evaluation = answer(tmp_path)
    text, page = evaluation.summary(), evaluation.report()
    found: dict[str, Any] = json.loads(evaluation.to_json())["effects"]["days"]["findings"]
    assert "Reinforce each other: a and b" in text
    assert "Redundant: b and c" in text
    assert "Outcome model: pairwise, as asked." in text
    readings = {(row["provider"], row["other"]): row["verdict"] for row in found["interactions"]}
    assert readings["a", "b"] == "reinforce"
    assert readings["b", "c"] == "redundant"
    assert {row["provider"] for row in found["support"]} == set("abcd")
    for row in found["support"]:
        parts = [row[name] for name in ("supported", "model-based", "joint", "by agreement")]
        assert sum(parts) == pytest.approx(row["estimate"], abs=1e-9)
    for words in ("What each credit rests on", "How firm each credit is", "a and b", "redundant", "hidden factor"):
        assert words in page


def test_an_additive_contract_shows_what_it_credits_to_the_wrong_provider(tmp_path: Path) -> None:
    evaluation = answer(tmp_path, model="model: additive")
    assert "credits to the wrong provider" in evaluation.report()
    findings = json.loads(evaluation.to_json())["effects"]["days"]["findings"]
    assert {row["provider"] for row in findings["contamination"]} == set("abcd")
    assert "interactions" not in findings


def test_groups_show_who_gains_and_whom_nobody_serves(tmp_path: Path) -> None:
    terms = contract(tmp_path)
    effect = terms.effects["days"].model_copy(update={"groups": ("band",)})
    effect = effect.model_copy(
        update={"estimator": effect.estimator.model_copy(update={"covariates": ("need", "band")})}
    )
    data = study()
    people = data.people.assign(band=np.where(data.people["need"] < 0, "low", "high"))
    data = cf.Study.from_tables(people, services=data.services, outcomes=data.outcomes)
    evaluation = cf.evaluate(terms.model_copy(update={"effects": {"days": effect}}), data)
    rows = json.loads(evaluation.to_json())["effects"]["days"]["findings"]["groups"]["band"]
    assert [row["group"] for row in rows] == ["high", "low"]
    assert rows[0]["unserved"] > rows[1]["unserved"]
    assert "by band" in evaluation.report()
    missing = effect.model_copy(update={"groups": ("bands",)})
    with pytest.raises(cf.errors.DataError, match="bands"):
        cf.evaluate(terms.model_copy(update={"effects": {"days": missing}}), data)


@pytest.mark.parametrize("model", ["additive", "pairwise", "saturated", "auto"])
def test_a_single_provider_has_findings_too(tmp_path: Path, model: str) -> None:
    text = CONTRACT.replace("MODEL", f"model: {model}").replace("SPLIT", "negative: project")
    for name in "bcd":
        text = text.replace(f"  {name}: {{role: provider}}\n", "")
    path = tmp_path / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    data = study()
    alone = cf.Study.from_frame(
        data.people[["need"]].assign(a=data.roster().exposure[:, 0].astype(int), days=data.outcome("days")),
        providers=["a"],
        outcomes=["days"],
    )
    evaluation = cf.evaluate(cf.read_contract(path), alone)
    assert evaluation.answered
    assert "How firm each credit is" in evaluation.report()
    assert list(json.loads(evaluation.to_json())["effects"]["days"]["findings"]["left_out"]) in ([], ["interactions"])


def test_a_lottery_has_no_hidden_factor(rice: cf.Study, rice_contract: Contract) -> None:
    evaluation = cf.evaluate(rice_contract, rice)
    assert "hidden factor that" not in evaluation.summary()
    assert "not asked here" in evaluation.report()


def test_joint_credit_is_paid_by_agreement_inside(tmp_path: Path) -> None:
    data = study(twins=True)
    terms = {"model": "model: pairwise, together: [[a, d]]", "split": 'inside: {a: "0.7", d: "0.3"}'}
    evaluation = answer(tmp_path, data, **terms)
    assert evaluation.settlement is not None
    paid = evaluation.settlement.by_party()
    assert sum(paid.values()) == evaluation.settlement.total
    assert list(paid) == ["a", "d", "b", "c"]
    shares = evaluation.effects["days"].shares
    assert shares is not None
    joint = Decimal(str(shares.credits.values[0] * 10 * 3_000))
    assert abs(paid["a"] + paid["d"] - joint) <= Decimal("0.02")
    assert abs(paid["a"] - Decimal("0.7") * (paid["a"] + paid["d"])) <= Decimal("0.01")
    assert "by agreement 70 % of the joint credit of a + d" in evaluation.summary()
    assert "of what providers are credited with together, 70% to a, 30% to d by agreement" in evaluation.report()
    assert json.loads(evaluation.to_json())["effects"]["days"]["findings"]["support"][0]["joint"] != 0


def test_aliases_found_in_the_data_are_joint_and_need_an_agreement(tmp_path: Path) -> None:
    data = study(twins=True)
    refused = answer(tmp_path, data, model="model: pairwise, aliases: joint")
    assert [problem.code for problem in refused.refused] == ["PAY-007"]
    paid = answer(tmp_path, data, model="model: pairwise, aliases: joint", split='inside: {a: "0.5", d: "0.5"}')
    assert paid.settlement is not None
    assert next(problem.code for problem in paid.effects["days"].warnings) == "IDENT-011"
    plain = answer(tmp_path, data)
    assert [problem.code for problem in plain.refused] == ["IDENT-003"]


@pytest.mark.parametrize(
    ("model", "split", "code"),
    [
        ("model: pairwise, together: [[a, d]]", "negative: project", "CONTRACT-016"),
        ("model: pairwise, together: [[a, d]]", 'inside: {a: "0.7", d: "0.2"}', "CONTRACT-016"),
        ("model: pairwise", 'inside: {aa: "1"}', "CONTRACT-010"),
        ("model: pairwise", 'inside: {a: "-1"}', "CONTRACT-011"),
        ("model: pairwise, backbone: [hub]", "negative: project", "CONTRACT-010"),
    ],
)
def test_what_a_contract_may_not_say(tmp_path: Path, model: str, split: str, code: str) -> None:
    with pytest.raises(cf.errors.ContractError) as caught:
        contract(tmp_path, model, split)
    assert code in caught.value.codes
    assert "line" in str(caught.value)


def test_shrunk_credits_are_paid_on_with_the_same_total(tmp_path: Path) -> None:
    raw, shrunk = answer(tmp_path), answer(tmp_path, split="credits: shrunk")
    assert raw.settlement is not None
    assert shrunk.settlement is not None
    assert raw.settlement.total == shrunk.settlement.total
    fit = shrunk.effects["days"].fit
    assert isinstance(fit, ContributionFit)
    expected = shrink(fit, Shapley()).credits
    for provider, amount in shrunk.settlement.by_party().items():
        assert abs(float(amount) - expected[provider] * 30_000) < 0.02
    spread = [
        np.std([float(value) for value in found.settlement.by_party().values()])
        for found in (raw, shrunk)
        if found.settlement
    ]
    assert spread[1] < spread[0]
