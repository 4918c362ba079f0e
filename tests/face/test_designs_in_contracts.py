"""Lotteries and comparisons over time as kinds in a contract: checked before outcomes, settled after, refused with places."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.contract import Contract
from counterfoil.datasets.study import Study

SIZE = 120
CONTRACT = """\
counterfoil: 1
name: Jobs
currency: USD
parties:
  north: {role: provider}
  city:  {role: outcome_payer}
effects:
  jobs:
    outcome: jobs
    better: %s
    estimator: {%s}
    gate: {total_above: 0}
payments:
  - {effect: jobs, per: person, price: "10.00"}
"""
BEGAN = "first_treated: began"


def contract(folder: Path, estimator: str, better: str = "higher") -> Contract:
    (folder / "contract.yaml").write_text(CONTRACT % (better, estimator), encoding="utf-8")
    return cf.read_contract(folder / "contract.yaml")


def study(level: float | None = None, *, few: bool = False) -> Study:
    """People of whom some begin in 2022 and some in 2023; with a level, the outcome rises alike for all."""
    rng = np.random.default_rng(7)
    began = rng.permutation(np.resize(["2022", "2023", ""], SIZE))
    if few:
        began = np.where(np.arange(SIZE) < 3, "2022", "")
    served = (began != "").astype(int)
    people = pd.DataFrame(
        {
            "person": [f"p{i:03d}" for i in range(SIZE)],
            "began": began,
            "served": served,
            "took_part": served * rng.integers(0, 2, SIZE),
            "age": rng.normal(size=SIZE),
            "town": [f"t{i % 12}" for i in range(SIZE)],
            "chosen": [int(i % 12 < 6) for i in range(SIZE)],
        }
    )
    rows = people[["person", "began"]].merge(pd.DataFrame({"period": ["2020", "2021", "2022", "2023"]}), how="cross")
    on = (rows["began"] != "") & (rows["period"] >= rows["began"])
    noise = rng.normal(size=len(rows)) + rows["person"].str[1:].astype(int) * 0.01
    rows["value"] = noise + 2.0 * on if level is None else level + 0.1 * rows["period"].astype(int)
    measures = rows.assign(value=on.astype(int), measure="on")[["person", "measure", "period", "value"]]
    outcomes = rows.assign(outcome="jobs")[["person", "outcome", "period", "value"]]
    return Study.from_tables(people, outcomes=outcomes, measures=measures)


WITHOUT_WEIGHTS = [
    "kind: event_study, first_treated: began",
    "kind: two_way_fixed_effects, regressors: [on]",
]


@pytest.mark.parametrize("estimator", WITHOUT_WEIGHTS)
def test_check_answers_where_no_weights_are_known_before_outcomes(tmp_path: Path, estimator: str) -> None:
    found = cf.check(contract(tmp_path, estimator), study())
    assert not found.refused
    assert found.detectable.empty
    assert "can be answered" in found.summary()


def test_check_leaves_earlier_outcomes_unread(tmp_path: Path) -> None:
    asked = contract(tmp_path, "kind: experiment, assigned: served, period: '2023', before: ['2020', '2021']")
    found = cf.check(asked, study())
    assert not found.refused
    assert found.to_json() == cf.check(asked, study(3.0)).to_json()
    assert list(found.detectable["term"]) == ["total gain"]


def test_a_gate_holds_means_of_clusters(tmp_path: Path) -> None:
    asked = contract(tmp_path, "kind: cluster_means, assigned: chosen, cluster: town, period: '2023'")
    assert not cf.check(asked, study()).refused
    result = cf.evaluate(asked, study()).effects["jobs"]
    assert not result.refused
    assert result.total is not None
    assert result.gate is not None
    half = result.total.critical(0.95, "one_sided") * result.total.std_error[0]
    assert result.gate.decided.lower == pytest.approx(result.total.values[0] - half)


STAGGERED = [f"kind: staggered_did, {BEGAN}{more}" for more in ("", ", covariates: [age]", ", base: universal")]


@pytest.mark.parametrize("better", ["higher", "lower"])
@pytest.mark.parametrize("level", [0.1, 3.3, 7.77, 1e9])
@pytest.mark.parametrize(
    "estimator",
    [
        *STAGGERED,
        "kind: difference_in_differences, group: served, after: '2022'",
        *WITHOUT_WEIGHTS,
        "kind: experiment, assigned: served, period: '2023', covariates: [age]",
    ],
)
def test_rounding_opens_no_gate(tmp_path: Path, estimator: str, level: float, better: str) -> None:
    found = cf.evaluate(contract(tmp_path, estimator, better), study(level))
    held = found.effects["jobs"].held
    assert held is not None
    assert not held.passes


def test_an_event_study_is_drawn(tmp_path: Path) -> None:
    result = cf.evaluate(contract(tmp_path, WITHOUT_WEIGHTS[0]), study()).effects["jobs"]
    assert result.over_time is not None
    assert result.over_time.times == (-3, -2, 0, 1)


def test_check_shows_few_people_by_no_column(tmp_path: Path) -> None:
    found = cf.check(
        contract(tmp_path, "kind: difference_in_differences, group: served, after: '2022'"), study(few=True)
    )
    cells = found.compared["jobs"].cells
    assert "<11" in set(cells["people"])
    assert "3" not in set(cells.to_numpy().ravel())


@pytest.mark.parametrize(
    ("estimator", "at", "code"),
    [
        ("kind: experiment, assigned: served, period: '2023', before: ['1999']", "'1999'", "DATA-015"),
        (
            "kind: experiment, assigned: served, period: '2023', missing: drop, attrition: {weight_by: [aeg]}",
            "weight_by",
            "DATA-004",
        ),
        (
            "kind: two_way_fixed_effects, regressors: [on], fixed_effects: [unit, regin by period]",
            "fixed_effects: [unit",
            "DATA-004",
        ),
        ("kind: cluster_means, assigned: chosen, period: '2023'", "{kind", "CONTRACT-016"),
    ],
)
def test_what_does_not_fit_is_named_with_its_line_and_column(
    tmp_path: Path, estimator: str, at: str, code: str
) -> None:
    asked = contract(tmp_path, estimator)
    lines = (tmp_path / "contract.yaml").read_text(encoding="utf-8").splitlines()
    line = next(number for number, text in enumerate(lines) if "kind:" in text)
    with pytest.raises(cf.CounterfoilError) as caught:
        cf.evaluate(asked, study())
    problem = next(problem for problem in caught.value.problems if problem.code == code)
    keys = (lines[line].index(at) + 1, lines[line].index("estimator:") + 1)
    assert any(f"line {line + 1}, column {key}" in problem.where for key in keys), problem.where


PLACES = "kind: synthetic_control, first_treated: since, periods: ['1', '2', '3', '4', '5', '6', '7', '8']"


def places(*, of_people: bool = False) -> Study:
    """Twelve places over eight periods, one of them treated from the seventh on; beside people, if wanted."""
    rng = np.random.default_rng(3)
    names = [f"place {i:02d}" for i in range(12)]
    table = pd.DataFrame({"place": names, "since": ["7", *[""] * 11]})
    level = rng.normal(size=(12, 1)) + rng.normal(size=8).cumsum() + 0.3 * rng.normal(size=(12, 8))
    rows = pd.DataFrame({"place": np.repeat(names, 8), "period": list("12345678") * 12, "indicator": "jobs"})
    found = Study.of_places(rows.assign(value=level.ravel()), table)
    people = pd.DataFrame({"person": ["a", "b"], "age": [30, 40]})
    return Study.from_tables(people, places=found) if of_people else found


@pytest.mark.parametrize(
    ("gate", "inference", "refused"),
    [
        ("{total_above: 0}", "placebo", True),
        ("{p_below: '0.1', sides: two}", "placebo", True),
        ("{p_below: '0.1', sides: two, test: placebo}", "conformal", True),
        ("{above: '0', probability: '0.9', prior: {mean: '0', std_dev: '1'}}", "conformal", True),
        ("{total_above: 0}", "placebo_variance", False),
        ("{p_below: '0.1', sides: two, test: placebo}", "placebo", False),
        ("{at_least: '1'}", "placebo", False),
    ],
)
def test_a_gate_on_an_error_that_the_design_never_has_contradicts_it(
    tmp_path: Path, gate: str, inference: str, refused: bool
) -> None:
    text = CONTRACT % ("higher", f"{PLACES}, inference: {inference}")
    text = text.replace("{total_above: 0}", gate).replace("per: person", "per: unit")
    (tmp_path / "contract.yaml").write_text(text, encoding="utf-8")
    if not refused:
        assert not cf.check(cf.read_contract(tmp_path / "contract.yaml"), places()).refused
        return
    with pytest.raises(cf.CounterfoilError, match=r"line 12, .*the gate needs a standard error") as caught:
        cf.read_contract(tmp_path / "contract.yaml")
    assert caught.value.codes == ("CONTRACT-016",)


@pytest.mark.parametrize("of_people", [False, True])
def test_a_gain_of_places_is_none_of_people(tmp_path: Path, of_people: bool) -> None:
    asked = contract(tmp_path, f"{PLACES}, inference: placebo_variance")
    assert not cf.check(asked, places(of_people=of_people)).refused
    text = cf.evaluate(asked, places(of_people=of_people)).summary()
    assert "per place (std error" in text
    assert "per person (" not in text
    assert "gain per place x 1" in text
    assert ("12 places in the study" in cf.evaluate(asked, places(of_people=of_people)).report()) == (not of_people)


@pytest.mark.parametrize(
    "made", ["{kind: blend, of: {jobs: '0.5', other: '0.5'}}", "{kind: pool, of: [jobs, other], weights: people}"]
)
def test_effects_on_two_outcomes_make_no_third_one(tmp_path: Path, made: str) -> None:
    text = CONTRACT % ("higher", "kind: staggered_did, first_treated: began")
    other = "  other:\n    outcome: wages\n    better: higher\n    estimator: {kind: experiment}\n"
    both = f"  both:\n    outcome: jobs\n    better: higher\n    estimator: {made}\n"
    (tmp_path / "contract.yaml").write_text(text.replace("payments:", f"{other}{both}payments:"), encoding="utf-8")
    with pytest.raises(cf.CounterfoilError, match=r"line 20, .*outcomes jobs, wages") as caught:
        cf.read_contract(tmp_path / "contract.yaml")
    assert caught.value.codes == ("CONTRACT-022",)


def test_a_contribution_divides_a_pot_measured_over_time(tmp_path: Path) -> None:
    study_ = study()
    served = study_.people.loc[study_.people["served"] == 1, "person"]
    services = pd.DataFrame({"person": served, "provider": np.resize(["north", "south"], len(served))})
    assert study_.outcomes is not None
    text = CONTRACT % ("higher", "kind: staggered_did, first_treated: began")
    text = text.replace("parties:", "parties:\n  south: {role: provider}")
    text = text.replace("gate: {total_above: 0}", "split: {rule: shapley, credits_from: shares}")
    shares = "kind: contribution, design: unconfounded, model: additive, covariates: [age], period: '2023'"
    shares = f"  shares:\n    outcome: jobs\n    better: higher\n    estimator: {{{shares}}}\n"
    (tmp_path / "contract.yaml").write_text(text.replace("payments:", f"{shares}payments:"), encoding="utf-8")
    divided = Study.from_tables(study_.people, outcomes=study_.outcomes, services=services)
    found = cf.evaluate(cf.read_contract(tmp_path / "contract.yaml"), divided)
    assert found.settlement is not None
    paid = found.settlement.total
    result = found.effects["jobs"]
    assert result.total is not None
    assert float(paid) == pytest.approx(10 * result.total.values[0] * result.total.people, abs=0.01)
    assert result.shares is not None
    assert result.shares.providers == ("south", "north")
