"""A lottery fixes how much is paid, a contribution model how it is divided."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.errors import ContractError
from counterfoil.result_schema import evaluation_schema
from counterfoil.verdict import describe_clause

TERMS = """\
counterfoil: 1
name: Lottery and parts
currency: USD
parties:
  north: {role: provider}
  south: {role: provider}
  hub:   {role: backbone}
  city:  {role: outcome_payer}
effects:
  lottery:
    outcome: jobs
    better: higher
    estimator: {kind: experiment}
    split: {rule: shapley, credits_from: parts}
  parts:
    outcome: jobs
    better: higher
    estimator: {kind: contribution}
payments:
  - {effect: lottery, per: person, price: "10.00"}
"""
SPLIT = "split: {rule: shapley, credits_from: parts}"


def contract(folder: Path, *changes: tuple[str, str]) -> Contract:
    text = TERMS
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / "contract.yaml").write_text(text, encoding="utf-8")
    return cf.read_contract(folder / "contract.yaml")


def split(*terms: str) -> tuple[str, str]:
    return SPLIT, f"split: {{rule: shapley, credits_from: parts, {', '.join(terms)}}}"


def by_hand() -> pd.DataFrame:
    """Twelve in control with mean 0; assigned: six had north (mean 2), three south (1), three both (5)."""
    rows = [(0, 0, 0, value) for value in (-1.0, 1.0) * 6]
    for north, south, mean, size in ((1, 0, 2.0, 6), (0, 1, 1.0, 3), (1, 1, 5.0, 3)):
        rows += [(1, north, south, mean + step) for step in np.linspace(-0.5, 0.5, size)]
    data = pd.DataFrame(rows, columns=["assigned", "north", "south", "jobs"])
    data.index = pd.Index([f"person-{k:02d}" for k in range(len(data))])
    return data


def study(data: pd.DataFrame) -> cf.Study:
    return cf.Study.from_frame(data, providers=["north", "south"], outcomes=["jobs"])


def hidden_cause(strength: float, effect: float = 0.0, size: int = 1_500) -> pd.DataFrame:
    """Services do nothing unless ``effect``; who takes them up among the assigned depends on what nobody recorded."""
    rng = np.random.default_rng(8)
    hidden = rng.normal(size=size)
    data = pd.DataFrame({"assigned": rng.integers(0, 2, size)})
    for name in ("north", "south"):
        data[name] = ((hidden + rng.normal(size=size) > 0) & (data["assigned"] == 1)).astype(int)
    data["jobs"] = strength * hidden + effect * (data["north"] + data["south"]) + 0.3 * rng.normal(size=size) + 0.2 * data["assigned"]  # fmt: skip
    return data


def test_by_hand(tmp_path: Path) -> None:
    """Pot: (6·2 + 3·1 + 3·5)/12 = 2.5 for each of 12. Joint effect 5 − 2 − 1 = 2, halved: north 6·2 + 3·3, south 3·1 + 3·2."""
    evaluation = cf.evaluate(contract(tmp_path), study(by_hand()))
    assert evaluation.settlement is not None
    assert evaluation.settlement.by_party() == {"north": Decimal("210.00"), "south": Decimal("90.00")}
    found = evaluation.effects["lottery"].pot_and_split
    assert found is not None
    assert found.both.values == pytest.approx([2.5, 2.5, 0.0], abs=1e-12)
    assert "24 people in the study, per each of the 12 people assigned" in found.basis
    assert "from effect parts" in evaluation.summary()
    assert "does not show that the two agree" in evaluation.summary()


def test_the_gate_is_on_the_pot_alone(tmp_path: Path) -> None:
    gate = "    gate: {total_above: 99}\n"
    on_parts = contract(tmp_path, ("  parts:\n", "  parts:\n" + gate))
    on_pot = contract(tmp_path, ("  lottery:\n", "  lottery:\n" + gate))
    paid = [cf.evaluate(terms, study(by_hand())).settlement for terms in (on_parts, on_pot)]
    assert [due.total for due in paid if due is not None] == [Decimal("300.00"), Decimal("0.00")]


def test_the_pot_does_not_move_with_the_model_that_divides_it(tmp_path: Path) -> None:
    data = hidden_cause(0.4, effect=0.5)
    totals = set()
    for model in ("additive", "saturated"):
        terms = contract(tmp_path, ("{kind: contribution}", f"{{kind: contribution, model: {model}}}"))
        settlement = cf.evaluate(terms, study(data)).settlement
        assert settlement is not None
        totals.add(settlement.total)
    assert len(totals) == 1


def test_a_hidden_cause_is_a_warning_or_a_refusal_by_the_contracts_choice(tmp_path: Path) -> None:
    data = hidden_cause(2.0, effect=0.5)
    warned = cf.evaluate(contract(tmp_path), study(data))
    assert warned.answered
    assert "PAY-005" in [problem.code for problem in warned.effects["lottery"].warnings]
    assert "The interval excludes zero: the two disagree." in warned.summary()
    assert "PAY-005" in warned.report()
    refused = cf.evaluate(contract(tmp_path, split("disagreement: refuse")), study(data))
    assert refused.settlement is None
    assert [problem.code for problem in refused.refused] == ["PAY-005"]
    agreeing = cf.evaluate(contract(tmp_path, split("disagreement: refuse")), study(by_hand()))
    assert agreeing.settlement is not None


def test_a_split_without_gain(tmp_path: Path) -> None:
    data = hidden_cause(-2.0)
    held = cf.evaluate(contract(tmp_path), study(data))
    assert held.effects["lottery"].total is not None
    assert held.effects["lottery"].total.values[0] > 0
    assert [problem.code for problem in held.refused] == ["PAY-004"]
    agreed = split('otherwise: {north: "0.25", south: "0.75"}', 'carve_outs: {hub: "0.1"}')
    due = cf.evaluate(contract(tmp_path, agreed), study(data)).settlement
    assert due is not None
    assert [float(amount / due.total) for amount in due.by_party().values()] == pytest.approx([0.1, 0.225, 0.675], abs=1e-4)  # fmt: skip
    assert "by agreement 25 %" in due.lines[1].reason


def test_a_divider_that_has_no_answer_refuses_the_pot(tmp_path: Path) -> None:
    data = by_hand()
    alone = data[(data["north"] == 0) | (data["south"] == 1)]
    evaluation = cf.evaluate(contract(tmp_path), study(alone))
    assert [problem.code for problem in evaluation.refused] == ["IDENT-002"]
    data.loc[data["assigned"] == 0, "north"] = 1
    evaluation = cf.evaluate(contract(tmp_path), study(data))
    assert [problem.code for problem in evaluation.refused] == ["IDENT-004"]


def test_served_control_is_said(tmp_path: Path) -> None:
    data = hidden_cause(0.3, effect=0.5)
    data.loc[data.index[data["assigned"] == 0][:40], "north"] = 1
    found = cf.evaluate(contract(tmp_path), study(data)).effects["lottery"].pot_and_split
    assert found is not None
    assert "some people in control were served" in found.basis


def test_what_cannot_be_compared_is_a_warning_or_a_refusal(tmp_path: Path) -> None:
    classical = ("{kind: experiment}", "{kind: experiment, vcov: classical}")
    warned = cf.evaluate(contract(tmp_path, classical), study(by_hand()))
    assert warned.settlement is not None
    assert "EST-008" in [problem.code for problem in warned.effects["lottery"].warnings]
    refused = cf.evaluate(contract(tmp_path, classical, split("disagreement: refuse")), study(by_hand()))
    assert [problem.code for problem in refused.refused] == ["EST-008"]


def test_json_fits_its_schema_and_says_the_difference(tmp_path: Path) -> None:
    evaluation = cf.evaluate(contract(tmp_path), study(hidden_cause(0.3, effect=0.5)))
    written = json.loads(evaluation.to_json())
    jsonschema.validate(written, evaluation_schema())
    found = written["effects"]["lottery"]["pot_and_split"]
    assert found["credits_from"] == "parts"
    assert found["difference"]["estimate"] == pytest.approx(found["pot"]["estimate"] - found["split"]["estimate"])
    assert "pot_and_split" not in written["effects"]["parts"]


def test_the_report_says_who_divides_and_how_far_the_two_are_apart(tmp_path: Path) -> None:
    data = hidden_cause(0.3, effect=0.5)
    data["jobs"] += data["north"] - 1.2 * data["south"]
    page = cf.evaluate(contract(tmp_path, split("projection_weights: precision")), study(data)).report()
    assert "by the rule shapley, with the credits of effect parts" in page
    assert "The pot rests on a gain of" in page
    assert "Division:" in page
    assert "the inverse of their covariance" in page


def test_every_term_has_its_sentence(tmp_path: Path) -> None:
    terms = split(
        "projection_weights: precision", 'otherwise: {north: "1"}', "disagreement: refuse", 'carve_outs: {hub: "0.05"}'
    )
    said = describe_clause(contract(tmp_path, terms), 0)
    for words in ("5% goes to hub", "precisely", "effect parts", "100% to north by agreement", "nothing is settled"):
        assert words in said


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ((SPLIT, "split: {rule: shapley, credits_from: part}"), "CONTRACT-010", "did you mean 'parts'"),
        ((SPLIT, "split: {rule: shapley, credits_from: lottery}"), "CONTRACT-016", "its own credits"),
        (("{kind: contribution}", "{kind: experiment, assigned: lot}"), "CONTRACT-016", "has no credits"),
        (("  parts:\n    outcome: jobs", "  parts:\n    outcome: pay"), "CONTRACT-016", "is another"),
        (("{kind: contribution}", "{kind: contribution, period: 6m}"), "CONTRACT-016", "is another"),
        (("higher\n    estimator: {kind: contribution}", "lower\n    estimator: {kind: contribution}"), "CONTRACT-016", "other direction"),
        (split('otherwise: {nord: "1"}'), "CONTRACT-010", "did you mean 'north'"),
        (split('otherwise: {hub: "1"}'), "CONTRACT-010", "no provider"),
        (split('otherwise: {north: "0.5", south: "0.4"}'), "CONTRACT-016", "do not sum to one"),
        (split('otherwise: {north: "1.5", south: "-0.5"}'), "CONTRACT-011", "negative"),
        ((SPLIT, 'split: {rule: shapley, otherwise: {north: "1"}}'), "CONTRACT-016", "no `credits_from:`"),
        ((SPLIT, "split: {rule: shapley, disagreement: refuse}"), "CONTRACT-016", "no `credits_from:`"),
        (split("projection_weights: variance"), "CONTRACT-007", "identity"),
        ((SPLIT, "split: {rule: shapley, credit_from: parts}"), "CONTRACT-004", "did you mean 'credits_from'"),
        ((SPLIT, SPLIT + "\n    gate: {looks: 0}"), "CONTRACT-007", "looks"),
    ],
)  # fmt: skip
def test_contradictions(tmp_path: Path, change: tuple[str, str], code: str, said: str) -> None:
    with pytest.raises(ContractError) as caught:
        contract(tmp_path, change)
    assert any(problem.code == code and said in problem.what for problem in caught.value.problems), str(caught.value)


def test_looks_lower_the_bound_and_are_named(tmp_path: Path) -> None:
    lowers = []
    for looks in (1, 4):
        terms = contract(tmp_path, (SPLIT, SPLIT + f"\n    gate: {{looks: {looks}}}"))
        gate = cf.evaluate(terms, study(hidden_cause(0.3, effect=0.5))).effects["lottery"].gate
        assert gate is not None
        lowers.append(gate.decided.lower)
    assert lowers[1] < lowers[0]
    assert "each of 4 looks at 98.75%" in cf.evaluate(terms, study(by_hand())).summary()


def test_check_foresees_how_the_gate_operates(tmp_path: Path) -> None:
    planned = f"{SPLIT}\n    gate: {{conf_level: 0.95}}\n    planning: {{std_dev: 1.0, power: 0.8}}"
    found = cf.check(contract(tmp_path, (SPLIT, planned)), study(hidden_cause(0.3)))
    assert found.refused == ()
    table = found.operating.set_index("term")
    assert table["pay_chance"].to_list() == sorted(table["pay_chance"])
    assert table.loc["no gain", "pay_chance"] == pytest.approx(0.05, abs=0.001)
    assert table.loc["no gain", "expected_payment"] > 0  # losses are not collected
    assert table.loc["the smallest detectable", "pay_chance"] == pytest.approx(0.8, abs=0.001)
    assert table.loc["the smallest detectable", "exaggeration"] == pytest.approx(1.14, abs=0.01)
    assert "when it pays, the estimate is 1.14 x the gain" in found.summary()
    parts = found.detectable[(found.detectable["effect"] == "lottery") & (found.detectable["term"] != "total gain")]
    assert parts["payment"].isna().all()  # the credits divide a pot; they are not priced
    json.loads(found.to_json())


def test_a_minimum_in_units_has_no_table_without_a_declared_spread(tmp_path: Path) -> None:
    for minimum, rows in ((0.0, 4), (0.1, 0)):
        terms = contract(tmp_path, (SPLIT, f"{SPLIT}\n    gate: {{total_above: {minimum}}}"))
        assert len(cf.check(terms, study(hidden_cause(0.3))).operating) == rows


def test_a_pot_may_be_a_contribution_of_another_design() -> None:
    """Both are fitted on everybody; the pot's own model fixes the amount, the other's credits divide it."""
    other: dict[str, Any] = yaml.safe_load(TERMS)
    other["effects"]["lottery"]["estimator"] = {"kind": "contribution", "model": "saturated"}
    other["effects"]["parts"]["estimator"] = {"kind": "contribution", "model": "additive"}
    evaluation = cf.evaluate(Contract.model_validate(other), study(by_hand()))
    result = evaluation.effects["lottery"]
    assert result.shares is not None
    assert result.pot_and_split is not None
    assert result.pot_and_split.basis == "both per person"
    assert evaluation.settlement is not None
    assert evaluation.settlement.total == Decimal("300.00")
    credits = result.shares.credits.values
    north = float(evaluation.settlement.by_party()["north"] / 300)
    assert north == pytest.approx(credits[0] / credits.sum(), abs=1e-4)
