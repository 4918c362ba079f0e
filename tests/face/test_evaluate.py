from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
import yaml

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.errors import DataError

TERMS = """
counterfoil: 1
name: Jobs
currency: USD
parties:
  north: {role: provider}
  south: {role: provider}
  city: {role: outcome_payer}
effects:
  jobs:
    outcome: jobs
    better: higher
    estimator: {kind: contribution}
    split: {rule: shapley}
payments:
  - {effect: jobs, per: person, price: "10.00"}
"""


def contract(**changes: Any) -> Contract:
    terms = yaml.safe_load(TERMS)
    for path, value in changes.items():
        *parents, last = path.split("__")
        node = terms
        for parent in parents:
            node = node[int(parent)] if isinstance(node, list) else node[parent]
        node[last] = value
    return Contract.model_validate(terms)


def frame(per_cell: int = 5) -> pd.DataFrame:
    """Four cells with means 0, 2, 1, 4 and a little spread."""
    rows = []
    for north, south, mean in ((0, 0, 0.0), (1, 0, 2.0), (0, 1, 1.0), (1, 1, 4.0)):
        rows += [(north, south, mean + (-1) ** k * 0.1 * (k > 0), k % 3) for k in range(per_cell)]
    data = pd.DataFrame(rows, columns=["north", "south", "jobs", "site"])
    data.index = pd.Index([f"secret-{k:03d}" for k in range(len(data))])
    return data


def study(data: pd.DataFrame) -> cf.Study:
    return cf.Study.from_frame(data, providers=["north", "south"], outcomes=["jobs"])


def test_small_game_by_hand() -> None:
    """Cells 0, 2, 1, 4: alone 2 and 1, together 4, so joint effect 1 is halved."""
    evaluation = cf.evaluate(contract(), study(frame()))
    shares = evaluation.effects["jobs"].shares
    assert shares is not None
    assert shares.credits.values == pytest.approx([(2 + 2.5) / 4, (1 + 1.5) / 4])
    assert evaluation.settlement is not None
    assert evaluation.settlement.by_party() == {"north": Decimal("225.00"), "south": Decimal("125.00")}
    assert evaluation.verdict == "350.00 USD is due from city: 225.00 to north, 125.00 to south."


def test_shut_gate_is_an_answer() -> None:
    evaluation = cf.evaluate(contract(effects__jobs__gate={"total_above": 99}), study(frame()))
    assert evaluation.answered
    assert evaluation.verdict == "Nothing is due: the gate on jobs is shut."
    assert evaluation.settlement is not None
    assert evaluation.settlement.total == 0


def test_a_pattern_nobody_has_is_a_refusal_in_the_result() -> None:
    data = frame()
    evaluation = cf.evaluate(contract(), study(data[~((data["north"] == 1) & (data["south"] == 0))]))
    assert not evaluation.answered
    assert evaluation.settlement is None
    assert [problem.code for problem in evaluation.refused] == ["IDENT-002"]
    assert "IDENT-002" in evaluation.summary()
    assert evaluation.to_dict()["refused"][0]["code"] == "IDENT-002"
    total = evaluation.effects["jobs"].total
    assert total is not None  # the total needs no such pattern, and stands


def test_an_effect_that_nobody_pays_for_may_be_refused() -> None:
    data = frame().assign(earnings=1.0)
    base = yaml.safe_load(TERMS)
    base["effects"]["other"] = {
        "outcome": "jobs",
        "better": "higher",
        "estimator": {"kind": "experiment", "assigned": "lot"},
    }
    both = Contract.model_validate(base)
    evaluation = cf.evaluate(both, study(data.assign(lot=1)))
    assert not evaluation.answered
    assert evaluation.settlement is not None
    assert evaluation.settlement.total == Decimal("350.00")
    assert "There is no answer on other" in evaluation.verdict
    assert [problem.code for problem in evaluation.effects["other"].refused] == ["IDENT-001"]
    assert "IDENT-001" in evaluation.summary()


def test_cap_and_alternatives() -> None:
    capped = contract(
        payments=[{"effect": "jobs", "per": "person", "price": "10.00"}, {"cap": "100.00", "scope": "contract"}]
    )
    evaluation = cf.evaluate(capped, study(frame()))
    assert evaluation.settlement is not None
    assert evaluation.settlement.total == Decimal("100.00")
    frame_ = evaluation.alternatives()
    assert set(frame_["term"]) == {"shapley", "equal_split"}
    assert all(frame_.groupby("term")["payment"].sum() == Decimal("100.00"))
    assert "limited to 100.00 in all; 350.00 would be due" in evaluation.summary()


def test_everything_wrong_between_contract_and_study_at_once() -> None:
    wanted = contract(
        effects__jobs__outcome="job",
        effects__jobs__estimator={"kind": "contribution", "cluster": "sitee", "covariates": ["age"]},
        parties={"north": {"role": "provider"}, "city": {"role": "outcome_payer"}},
    )
    with pytest.raises(DataError) as caught:
        cf.evaluate(wanted, study(frame()))
    assert set(caught.value.codes) == {"DATA-004", "DATA-010", "DATA-015"}
    text = str(caught.value)
    assert "did you mean 'site'" in text
    assert "effects.jobs.estimator.cluster" in text


def test_no_record_value_leaves_the_program() -> None:
    data = frame()
    evaluation = cf.evaluate(contract(), study(data))
    for text in (evaluation.to_json(), evaluation.summary(), repr(evaluation.effects["jobs"].fit)):
        assert "secret-" not in text


def test_inputs_are_not_changed() -> None:
    data = frame()
    before = data.copy(deep=True)
    cf.evaluate(contract(effects__jobs__estimator={"kind": "contribution", "cluster": "site"}), study(data))
    pd.testing.assert_frame_equal(data, before)


def test_everyone_pays_for_everybody_only_when_agreed() -> None:
    terms = {"kind": "contribution", "scope": "everyone"}
    with pytest.raises(cf.CounterfoilError) as caught:
        cf.evaluate(contract(effects__jobs__estimator=terms), study(frame()))
    assert caught.value.codes == ("CONTRACT-017",)
    agreed = [{"effect": "jobs", "per": "person", "price": "10.00", "people": "everyone"}]
    evaluation = cf.evaluate(contract(effects__jobs__estimator=terms, payments=agreed), study(frame()))
    assert evaluation.settlement is not None
    assert evaluation.settlement.total == Decimal("800.00")


def test_a_negative_credit_is_projected_and_the_estimate_kept() -> None:
    data = frame()
    data.loc[data["south"] == 1, "jobs"] -= 1.5
    evaluation = cf.evaluate(contract(), study(data))
    shares = evaluation.effects["jobs"].shares
    assert shares is not None
    assert evaluation.settlement is not None
    assert shares.credits.values[1] < 0
    assert evaluation.settlement.by_party()["south"] == 0
    assert "adjusted so that no credit is negative" in evaluation.settlement.lines[1].reason


def test_contract_without_payments_reports_effects() -> None:
    evaluation = cf.evaluate(contract(payments=[]), study(frame()))
    assert evaluation.answered
    assert "pays on none" in evaluation.verdict


def test_two_effects_two_payers() -> None:
    base = yaml.safe_load(TERMS)
    base["parties"]["state"] = {"role": "outcome_payer"}
    base["effects"]["whole"] = {"outcome": "jobs", "better": "higher", "estimator": {"kind": "contribution"}}
    base["payments"] = [
        {"effect": "jobs", "per": "person", "price": "10.00", "payer": "city"},
        {"effect": "whole", "per": "person", "price": "1.00", "payer": "state", "to": "north"},
    ]
    settlement = cf.evaluate(Contract.model_validate(base), study(frame())).settlement
    assert settlement is not None
    assert [(line.payer, line.provider, str(line.amount)) for line in settlement.lines] == [
        ("city", "north", "225.00"), ("city", "south", "125.00"), ("state", "north", "35.00"),
    ]  # fmt: skip


def test_declared_gaps_are_left_out_and_reach_the_verdict() -> None:
    data = frame(12)
    data.loc[data.index[::12], "jobs"] = float("nan")
    with pytest.raises(DataError) as caught:
        cf.evaluate(contract(), study(data))
    assert caught.value.codes == ("DATA-008",)
    declared = contract(effects__jobs__estimator={"kind": "contribution", "missing": "drop"})
    evaluation = cf.evaluate(declared, study(data))
    assert evaluation.answered
    assert "EST-007" in evaluation.summary()
    assert evaluation.effects["jobs"].total is not None
    assert evaluation.effects["jobs"].total.people == 44
