"""Contracts on people's claims, from files to money, held against the same figures worked out with pandas."""

import json
import re
from decimal import Decimal
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.evaluation import STEPS_DRAWN
from counterfoil.report.facts import withheld_parties
from counterfoil.result_schema import evaluation_schema

PARTIES = """
counterfoil: 1
name: Mixed
currency: USD
parties:
  alpha: {role: provider}
  beta: {role: provider}
  hub: {role: backbone}
  esc: {role: other}
  city: {role: outcome_payer}
"""
PERIODS = """
periods:
  y1: {from: 2020-01-01, to: 2020-12-31}
  y2: {from: 2021-01-01, to: 2021-12-31}
"""
WHO = """
  who:
    outcome: score
    better: higher
    estimator: {kind: contribution, period: after, design: unconfounded, model: pairwise}
    settled_in: y1
    split: {rule: shapley}
"""
MIXED = f"""{PARTIES}{PERIODS}
quantities:
  jobs: {{kind: count, metric: job, each: once_per_period, reversal: {{metric: lost, within_days: 90}}}}
  work:
    kind: ladder
    rungs: {{start: {{metric: start}}, stay: {{metric: month, times: 2}}}}
    assign: {{by: plurality, measure: dose, order: [alpha, beta], ties: contract_order, otherwise: nobody}}
effects: {WHO}
payments:
  - {{name: jobpay, quantity: jobs, price: "100.00", split: {{credits_from: who, carve_outs: {{hub: "0.05"}}}}}}
  - {{name: rungs, quantity: work, by: rung, prices: {{start: "10.00", stay: "25.00"}}}}
  - {{hold: "0.10", escrow: esc, of: [rungs], reason: audit}}
amendments:
  - {{from: y2, reason: one job a person, changes: {{"quantities.jobs.each": once}}}}
"""


def tables(people: int = 300) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(0)
    ids = [f"PERSON{k:05d}" for k in range(people)]
    served = rng.random((people, 2)) < 0.4
    services = [
        {"person": ids[row], "provider": ("alpha", "beta")[column], "dose": int(rng.integers(1, 9))}
        for row, column in np.argwhere(served)
    ]
    before = rng.normal(40, 8, people)
    after = before + served @ [8, 6] + rng.normal(0, 4, people)
    outcomes = [
        pd.DataFrame({"person": ids, "outcome": "score", "period": period, "value": values.round(3)})
        for period, values in (("before", before), ("after", after))
    ]
    claims = pd.DataFrame({
        "person": rng.choice(ids, 6 * people),
        "metric": rng.choice(["start", "job", "month", "lost"], 6 * people, p=[0.3, 0.3, 0.3, 0.1]),
        "date": (pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 800, 6 * people), unit="D")).date,
    })  # fmt: skip
    claims.insert(0, "claim", [f"CLAIM{k:05d}" for k in range(len(claims))])
    frame = pd.DataFrame({
        "person": ids,
        "assigned": served.any(axis=1).astype(int),
        "site": ["small"] * 12 + ["large"] * (people - 12),
    })  # fmt: skip
    return {"people": frame, "services": pd.DataFrame(services), "outcomes": pd.concat(outcomes), "claims": claims}


def study_of(frames: dict[str, pd.DataFrame]) -> cf.Study:
    return cf.Study.from_tables(**frames)


def contract_of(folder: Path, terms: str) -> cf.Contract:
    file = folder / "contract.yaml"
    file.write_text(terms)
    return cf.read_contract(file)


def dated(claims: pd.DataFrame) -> pd.DataFrame:
    found = claims.assign(date=pd.to_datetime(claims["date"]))
    return found.assign(year=found["date"].dt.year).sort_values(["person", "date", "claim"])


def jobs_by_hand(claims: pd.DataFrame) -> dict[str, int]:
    """First job of each year that is in its period and not lost within 90 days; from 2021 on, the first job of all."""
    found = dated(claims)
    jobs, lost = found[found["metric"] == "job"], found[found["metric"] == "lost"]

    def stands(job: pd.Series) -> bool:
        days = (lost.loc[lost["person"] == job["person"], "date"] - job["date"]).dt.days
        return not ((days >= 0) & (days <= 90)).any()

    inside = jobs[jobs["year"] <= 2021]
    yearly = inside.drop_duplicates(["person", "year"])
    once = inside.drop_duplicates("person")
    first, second = yearly[yearly["year"] == 2020], once[once["year"] == 2021]
    return {"y1": int(first.apply(stands, axis=1).sum()), "y2": int(second.apply(stands, axis=1).sum())}


def ladder_by_hand(frames: dict[str, pd.DataFrame]) -> dict[tuple[str, str, str], int]:
    """Starts once a person, up to two months no earlier than the first start; to whom most dose came from."""
    dose = frames["services"].pivot_table(index="person", columns="provider", values="dose", aggfunc="sum").fillna(0)
    owner = dose.apply(lambda row: "alpha" if row["alpha"] >= row["beta"] else "beta", axis=1)
    found = dated(frames["claims"])
    starts = found[found["metric"] == "start"].drop_duplicates("person")
    first = starts.set_index("person")["date"]
    months = found[found["metric"] == "month"]
    months = months[months["person"].isin(first.index) & (months["date"] >= months["person"].map(first))]
    months = months[months["year"] <= 2021].groupby("person").head(2)
    rows = pd.concat([starts.assign(rung="start"), months.assign(rung="stay")])
    rows = rows[rows["year"] <= 2021].assign(provider=lambda x: x["person"].map(owner)).dropna(subset="provider")
    counts = rows.groupby([rows["year"].map({2020: "y1", 2021: "y2"}), "rung", "provider"]).size()
    return {key: int(size) for key, size in counts.items()}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> cf.Evaluation:
    return cf.evaluate(contract_of(tmp_path_factory.mktemp("mixed"), MIXED), study_of(tables()))


def test_counts_and_amounts_are_those_worked_out_with_pandas(mixed: cf.Evaluation) -> None:
    frames = tables()
    jobs = jobs_by_hand(frames["claims"])
    assert {period: int(mixed.quantities["jobs"].within([period]).total) for period in jobs} == jobs
    ladder = ladder_by_hand(frames)
    cells = {(cell.period, cell.rung, cell.provider): int(cell.amount) for cell in mixed.quantities["work"].cells}
    assert cells == ladder
    assert mixed.settlement is not None
    clauses = mixed.settlement.by_clause()
    assert clauses["jobpay"] == 100 * sum(jobs.values())
    assert clauses["rungs"] == sum((10 if rung == "start" else 25) * size for (_, rung, _), size in ladder.items())


def test_a_count_is_divided_by_contribution_after_the_carve_out_and_held_in_part(mixed: cf.Evaluation) -> None:
    assert mixed.settlement is not None
    assert mixed.effects["who"].shares is not None
    credits = dict(zip(("alpha", "beta"), mixed.effects["who"].shares.credits.values.tolist(), strict=True))
    for period in ("y1", "y2"):
        pot = 100 * mixed.quantities["jobs"].within([period]).total
        due = {x.provider: x.amount for x in mixed.settlement.lines if (x.name, x.period) == ("jobpay", period)}
        assert due["hub"] == pot * Decimal("0.05")
        for name, credit in credits.items():
            assert float(due[name]) == pytest.approx(0.95 * float(pot) * credit / sum(credits.values()), abs=0.01)
    rungs = [line for line in mixed.settlement.lines if line.name == "rungs"]
    held = sum(line.amount for line in rungs if line.provider == "esc")
    assert held == sum(line.amount for line in rungs) / 10


def test_order_of_rows_does_not_matter_and_tables_are_left_alone(mixed: cf.Evaluation, tmp_path: Path) -> None:
    frames = tables()
    turned = {
        name: frame if name == "people" else frame.sample(frac=1, random_state=1) for name, frame in frames.items()
    }
    before = {name: frame.copy() for name, frame in turned.items()}
    again = cf.evaluate(contract_of(tmp_path, MIXED), study_of(turned))
    for name, frame in turned.items():
        pd.testing.assert_frame_equal(frame, before[name])
    assert again.to_json() == mixed.to_json()
    assert again.summary() == mixed.summary()


def test_no_person_and_no_claim_is_named_anywhere(mixed: cf.Evaluation, tmp_path: Path) -> None:
    files = mixed.export(tmp_path, show_small_cells=True)
    written = [file.read_text() for file in files if file.suffix != ".xlsx"]
    for text in (mixed.summary(), mixed.to_json(), mixed.report(show_small_cells=True), *written):
        assert "PERSON0" not in text
        assert "CLAIM0" not in text
    jsonschema.validate(json.loads(mixed.to_json()), evaluation_schema())


def test_credits_that_become_known_later_are_refused_with_the_period(tmp_path: Path) -> None:
    late = contract_of(tmp_path, MIXED.replace("settled_in: y1", "settled_in: y2"))
    found = cf.evaluate(late, study_of(tables()))
    assert [problem.code for problem in found.refused] == ["PAY-004"]
    assert "not known by period 'y1'" in found.refused[0].what
    assert "settled_in" in found.refused[0].fix


GATES = {
    "p": "{p_below: '0.05', sides: two}",
    "probability": "{probability: '0.9', above: '1', prior: flat}",
    "point": "{at_least: '1'}",
    "precision": "{minimum_by_people: [{people: 0, low: '1'}]}",
    "bound": "{total_above: 1}",
}


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("relative", [True, False])
def test_check_answers_for_every_gate_and_for_gains_in_per_cent(gate: str, relative: bool, tmp_path: Path) -> None:
    terms = f"""{PARTIES}
effects:
  gain:
    outcome: score
    better: higher
    estimator: {{kind: experiment, period: after}}
    relative: {str(relative).lower()}
    gate: {GATES[gate]}
payments:
  - {{effect: gain, per: unit, price: "10.00", to: alpha}}
"""
    report = cf.check(contract_of(tmp_path, terms), study_of(tables()))
    assert report.refused == ()
    assert len(report.detectable) == 1


def test_a_gain_priced_as_it_stands_is_not_said_to_be_over_people(tmp_path: Path) -> None:
    terms = f"""{PARTIES}
effects:
  gain: {{outcome: score, better: higher, estimator: {{kind: experiment, period: after}}, relative: true}}
payments:
  - {{effect: gain, per: unit, price: "10.00", to: alpha}}
"""
    found = cf.evaluate(contract_of(tmp_path, terms), study_of(tables()))
    assert found.settlement is not None
    (priced,) = (step for step in found.settlement.steps if step.action == "price")
    assert priced.reason.startswith("a gain of ")
    assert "people" not in priced.reason


FEW = f"""{PARTIES}
quantities:
  small: {{kind: count, metric: job, each: once, where: [{{column: site, is: small}}]}}
effects:
  gain: {{outcome: score, better: higher, estimator: {{kind: experiment, period: after}}}}
payments:
  - {{quantity: small, price: "7.77", to: beta}}
  - {{effect: gain, per: person, price: "10.00", to: alpha}}
"""


@pytest.mark.parametrize("others", ["", '  - {hold: "0.5", escrow: esc, reason: audit}\n'])
def test_the_report_does_not_give_away_a_count_of_few_people_by_subtraction(others: str, tmp_path: Path) -> None:
    found = cf.evaluate(contract_of(tmp_path, FEW + others), study_of(tables()))
    assert found.settlement is not None
    assert 0 < found.quantities["small"].total < 11
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found.report()))
    total, due = found.settlement.total, found.settlement.by_party()
    assert f"{total:,}" not in text
    assert all(f" {amount:,} " not in text for amount in due.values())
    assert f"{total:,}" in found.report(show_small_cells=True)


CARVED = '  - {effect: gain, per: unit, price: "1.00", split: {equally: [alpha], carve_outs: {hub: "0.05"}}}\n'


def test_who_is_withheld_besides_is_nobody_whose_part_is_an_agreed_fraction(tmp_path: Path) -> None:
    found = cf.evaluate(contract_of(tmp_path, FEW + CARVED), study_of(tables()))
    assert found.settlement is not None
    due = found.settlement.by_party()
    assert 0 < due["hub"] < due["alpha"]
    assert withheld_parties(found) == {"beta", "alpha"}


def test_nor_by_what_one_who_is_paid_nothing_leaves(tmp_path: Path) -> None:
    found = cf.evaluate(contract_of(tmp_path, FEW.replace("better: higher", "better: lower")), study_of(tables()))
    assert found.settlement is not None
    assert found.settlement.by_party()["alpha"] == 0
    assert f"{found.settlement.total:,}" not in found.report()


def test_limits_and_thresholds_do_not_tell_of_few_people_either(tmp_path: Path) -> None:
    terms = FEW.replace(
        "payments:", 'payments:\n  - {bonus: "50.00", only_if: {quantity: small, at_least: "3"}, to: hub}'
    )
    found = cf.evaluate(contract_of(tmp_path, terms + '  - {cap: "60.00", scope: contract}\n'), study_of(tables()))
    assert found.settlement is not None
    without = [step.reason for step in found.settlement.steps if step.action == "cap"]
    text = found.report()
    assert without
    assert not any(reason in text for reason in without)
    assert 'id="risk"' not in text


def test_a_long_ledger_is_drawn_less_often_and_says_so(tmp_path: Path) -> None:
    prices = "".join(f'  - {{quantity: small, price: "{k + 1}.00", to: beta}}\n' for k in range(60))
    found = cf.evaluate(contract_of(tmp_path, FEW + prices), study_of(tables()))
    assert found.settlement is not None
    assert found.draws_told == STEPS_DRAWN // len(found.settlement.steps) < 1000
    assert f"over {found.draws_told:,} draws" in found.summary()


def test_an_interim_settlement_needs_nothing_that_becomes_known_later(tmp_path: Path) -> None:
    later = MIXED.replace(
        WHO, WHO + "  end: {outcome: score, better: higher, estimator: {kind: experiment, period: final}}\n"
    )
    later = later.replace("payments:", 'payments:\n  - {effect: end, per: person, price: "1.00", to: alpha}')
    later = later.replace('"quantities.jobs.each": once', '"quantities.jobs.group": no_such_column')
    contract = contract_of(tmp_path, later)
    found = cf.evaluate(contract, study_of(tables()), until="y1")
    assert found.settlement is not None
    assert found.settlement.periods == ("y1",)
    assert found.effects["end"].total is None
    assert "Not known yet" in found.summary()
    assert {cell.period for cell in found.quantities["jobs"].cells} == {"y1"}
    jsonschema.validate(json.loads(found.to_json()), evaluation_schema())
    with pytest.raises(cf.CounterfoilError, match="final"):
        cf.evaluate(contract, study_of(tables()))
