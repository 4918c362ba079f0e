"""Payments before anything is signed: against closed forms, by seed, and refused where something is left open."""

import hashlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

import counterfoil as cf
from counterfoil.assumptions import Assumptions, read_assumptions
from counterfoil.attribution.risk.cliff import knots_of, moments_of
from counterfoil.contract import Contract
from counterfoil.errors import ContractError, PaymentError
from counterfoil.estimators import Experiment
from counterfoil.estimators.power import planned_error
from counterfoil.library import library_folder
from counterfoil.simulation import simulate
from counterfoil.supposed import suppose

DENVER = """\
counterfoil: 1
name: Supportive housing
currency: USD
parties:
  city: {role: outcome_payer}
  coalition: {role: provider}
  centre: {role: provider}
periods: {interim: {}, final: {}}
quantities:
  housing_days: {kind: reported, unit: day}
effects:
  jail: {outcome: jail_days, better: higher, estimator: {kind: experiment}}
payments:
  - {name: housing, quantity: housing_days, price: "15.12", to: coalition}
  - {cap: "5290000.00", scope: quantity, quantity: housing_days}
  - name: jail
    effect: jail
    curve:
      - {from: "20", amount: "3200000.00", per_unit: "160000.00"}
      - {from: "30", amount: "4800000.00", per_unit: "38000.00"}
      - {from: "65", amount: "6130000.00"}
    periods: [final]
    to: centre
"""
ASSUMED = """\
counterfoil: 1
effects:
  jail: {std_error: "6", people: "724", period: final}
quantities:
  housing_days: {mean: "258858", std_dev: "10000", period: interim}
scenarios:
  no effect: {effects: {jail: {true: "0"}}}
  target: {effects: {jail: {true: "20"}}}
  fewer homes:
    effects: {jail: {true: "38"}}
    quantities: {housing_days: {people: {low: "200", high: "285"}, per_person_mean: "900", period: interim}}
"""
JOBS = """\
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
    gate: {conf_level: 0.95}
    split: {rule: shapley}
payments:
  - {effect: jobs, per: person, price: "1000.00"}
"""


def contract(folder: Path, text: str, *changes: tuple[str, str]) -> Contract:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "contract.yaml"
    path.write_text(text, encoding="utf-8")
    return cf.read_contract(path)


def assumed(folder: Path, text: str = ASSUMED) -> Assumptions:
    path = folder / "assumptions.yaml"
    path.write_text(text, encoding="utf-8")
    return read_assumptions(path)


def jobs(**more: Any) -> Assumptions:
    terms = {"true": "0.1", "std_error": "0.04", "people": "500", "credits": {"north": "0.6", "south": "0.4"}}
    return Assumptions.model_validate({"effects": {"jobs": terms | more}})


def codes(error: ContractError | PaymentError) -> set[str]:
    return set(error.codes)


def test_scenarios_of_a_curve_and_a_count_against_the_closed_form(tmp_path: Path) -> None:
    terms = contract(tmp_path, DENVER)
    found = simulate(terms, assumed(tmp_path), size=600, seed=3)
    assert [one.name for one in found.scenarios] == ["no effect", "target", "fewer homes"]
    curve = next(clause for clause in terms.prices if clause.name == "jail")
    days = [15.12 * 258_858, 15.12 * 258_858, 15.12 * 900 * 242.5]
    for one, true_gain, housing in zip(found.scenarios, (0.0, 20.0, 38.0), days, strict=True):
        mean, spread = moments_of(knots_of(curve), true_gain, 6.0)
        paid = one.payments
        assert paid.clauses["jail"].mean() == pytest.approx(mean, abs=4 * spread / np.sqrt(600) + 1)
        assert paid.clauses["housing"].mean() == pytest.approx(housing, rel=0.01)
        assert paid.parties["centre"].tolist() == paid.clauses["jail"].tolist()
        assert paid.totals == pytest.approx(paid.parties["centre"] + paid.parties["coalition"])
        assert one.cliffs["jail"].expected == pytest.approx(mean)
        assert sum(c for standing, c in paid.chances.items() if standing.kind == "tier") == pytest.approx(1.0)
    # Days of housing are paid whatever jail does; a false payment is one for jail.
    (nothing,) = found.scenarios[0].operating
    assert nothing.false_pay == pytest.approx(norm.sf(20 / 6), abs=0.003)
    assert found.scenarios[0].payments.nothing_due == 0
    # At the threshold half of the draws fall below, which costs half of the 3.2 million that a line would pay there.
    assert found.scenarios[1].cliffs["jail"].cost > 1.2e6


def test_text_table_json_and_plot_show_every_scenario(tmp_path: Path) -> None:
    found = simulate(contract(tmp_path, DENVER), assumed(tmp_path), size=100)
    text, plain = found.summary(), json.loads(found.to_json())
    for name in ("no effect", "target", "fewer homes"):
        assert name in text
    assert "jail jumps" in text
    assert [one["name"] for one in plain["scenarios"]] == ["no effect", "target", "fewer homes"]
    assert set(found.tidy()["scenario"]) == {"no effect", "target", "fewer homes"}
    assert set(found.standing()["kind"]) == {"tier"}
    assert found.operating()["effect"].tolist() == ["jail"] * 3
    import matplotlib

    matplotlib.use("agg")
    axes = found.plot()
    assert len(axes) == 3
    matplotlib.pyplot.close(axes[0].figure)


PROBE = """
import hashlib, sys
import counterfoil as cf
from counterfoil.assumptions import read_assumptions
from counterfoil.library import library_folder
from counterfoil.simulation import simulate
found = simulate(cf.read_contract(sys.argv[1]), read_assumptions(sys.argv[2]), size=120, seed=int(sys.argv[3]))
print(hashlib.sha256(found.to_json().encode()).hexdigest())
"""


def test_the_seed_alone_decides_in_every_process(tmp_path: Path) -> None:
    contract(tmp_path, DENVER)
    assumed(tmp_path)

    def run(seed: str, salt: str) -> str:
        files = [str(tmp_path / "contract.yaml"), str(tmp_path / "assumptions.yaml")]
        command = [sys.executable, "-c", PROBE, *files, seed]
        env = {**os.environ, "PYTHONHASHSEED": salt}
        return str(subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout)

    here = simulate(cf.read_contract(tmp_path / "contract.yaml"), assumed(tmp_path), size=120, seed=1).to_json()
    assert run("1", "5").strip() == hashlib.sha256(here.encode()).hexdigest()
    assert run("2", "6").strip() != hashlib.sha256(here.encode()).hexdigest()


def test_a_gate_pays_as_often_as_the_normal_distribution_says(tmp_path: Path) -> None:
    terms = contract(tmp_path, JOBS)
    (one,) = simulate(terms, jobs(), size=1_500).scenarios
    opens = norm.sf(norm.ppf(0.95) - 0.1 / 0.04)
    assert 1 - one.payments.nothing_due == pytest.approx(opens, abs=0.04)
    ((standing, chance),) = one.payments.chances.items()
    assert (standing.kind, standing.name) == ("gate", "jobs")
    assert chance == pytest.approx(1 - one.payments.nothing_due)
    (row,) = one.operating
    assert row.false_no_pay == pytest.approx(1 - opens, abs=0.04)
    assert row.exaggeration == pytest.approx(1.14, abs=0.04)


def test_a_roster_divides_the_same_money_in_another_way(tmp_path: Path) -> None:
    terms = contract(tmp_path, JOBS)
    base = jobs()
    other = base.model_copy(update={"effects": jobs(credits={"north": "0.1", "south": "0.9"}).effects})
    (one,), (two,) = (simulate(terms, point, size=200, seed=4).scenarios for point in (base, other))
    assert (one.payments.totals == two.payments.totals).all()
    assert one.payments.parties["north"] == pytest.approx(0.6 * one.payments.totals, abs=0.01)
    assert two.payments.parties["north"] == pytest.approx(0.1 * two.payments.totals, abs=0.01)


def test_enrolment_spreads_the_payment_and_keeps_its_mean(tmp_path: Path) -> None:
    terms = contract(tmp_path, JOBS, ("    gate: {conf_level: 0.95}\n", ""))
    fixed, ranged, normal = (
        simulate(terms, jobs(std_error="0.0001", people=people), size=1_000).scenarios[0].payments
        for people in ("500", {"low": "400", "high": "600"}, {"mean": "500", "std_dev": "58"})
    )
    assert fixed.mean == pytest.approx(1000 * 500 * 0.1, rel=0.001)
    for paid in (ranged, normal):
        assert paid.mean == pytest.approx(fixed.mean, rel=0.01)
        assert paid.std_dev == pytest.approx(1000 * 0.1 * 58, rel=0.08)


@pytest.mark.parametrize("icc", ["0", "0.1"])
def test_the_standard_error_follows_as_for_a_planned_design(tmp_path: Path, icc: str) -> None:
    """Forty clusters of ten, half of them assigned: what `planned_error` says of the very design."""
    terms = contract(tmp_path, JOBS)
    planned = jobs(std_error=None, people="400", std_dev="2", icc=icc, clusters="40")
    stated = suppose(terms, planned, 100, 1).effects["jobs"].std_errors[0]
    frame = pd.DataFrame({"site": np.repeat(np.arange(40), 10), "y": np.zeros(400)})
    frame["assigned"] = (frame["site"] % 2).astype(float)
    design = Experiment(outcome="y", cluster="site").fit(frame)
    assert stated == pytest.approx(float(planned_error(design, 2.0, float(icc))[0]), rel=1e-9)


def test_planning_in_the_contract_fills_in_the_spread(tmp_path: Path) -> None:
    terms = contract(tmp_path, JOBS, ("    split:", "    planning: {std_dev: 0.5}\n    split:"))
    found = suppose(terms, jobs(std_error=None), 100, 1).effects["jobs"]
    assert found.std_errors[0] == pytest.approx(2 * 0.5 / np.sqrt(500))
    without = contract(tmp_path, JOBS)
    with pytest.raises(ContractError, match="std_dev") as caught:
        simulate(without, jobs(std_error=None))
    assert codes(caught.value) == {"CONTRACT-025"}


def test_everything_that_is_missing_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ContractError) as caught:
        simulate(contract(tmp_path, DENVER), Assumptions())
    text = str(caught.value)
    assert codes(caught.value) == {"CONTRACT-025"}
    assert all(word in text for word in ("`true:`", "`std_error:`", "`people:`", "`period:`", "housing_days"))
    with pytest.raises(ContractError, match="roster"):
        simulate(contract(tmp_path, JOBS), jobs(credits={}))
    with pytest.raises(ContractError, match="clusters"):
        simulate(contract(tmp_path, JOBS), jobs(std_error=None, std_dev="1", icc="0.1"))
    with pytest.raises(ContractError, match="over whom"):
        simulate(contract(tmp_path, JOBS), jobs(people=None))


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"effects": {"jbos": {"true": "1"}}}, "did you mean 'jobs'"),
        ({"quantities": {"homes": {"value": "1"}}}, "homes"),
        ({"scenarios": {"hope": {"effects": {"jobs": {"period": "y9"}}}}}, "y9"),
        ({"effects": {"jobs": {"credits": {"west": "1"}}}}, "west"),
        ({"effects": {"jobs": {"credits": {"north": "0.5"}}}}, "sum to 0.5"),
        ({"effects": {"jobs": {"correlation": {"jobs": "0.5"}}}}, "no other effect"),
    ],
)
def test_assumptions_that_do_not_fit_are_refused(tmp_path: Path, terms: Any, said: str) -> None:
    with pytest.raises(ContractError, match=said) as caught:
        simulate(contract(tmp_path, JOBS), Assumptions.model_validate(terms))
    assert codes(caught.value) == {"CONTRACT-024"}


def test_a_grid_pairs_lists_of_one_length() -> None:
    terms = {"a": {"true": ["0", "1"]}, "b": {"true": ["0", "1", "2"]}, "c": {"true": "5"}}
    with pytest.raises(ContractError, match="CONTRACT-024"):
        Assumptions.model_validate({"effects": terms}).points()
    points = Assumptions.model_validate({"effects": {"a": {"true": ["0", "1"]}, "c": {"true": "5"}}}).points()
    assert list(points) == ["a 0", "a 1"]
    assert points["a 1"].effects["c"].true == (Decimal(5),)
    scenarios = {"hope": {"effects": {"b": {"true": "1"}}}}
    hoped = Assumptions.model_validate({"effects": terms, "scenarios": scenarios})
    with pytest.raises(ContractError, match="several true values"):
        hoped.points()


def test_two_effects_need_a_correlation_and_follow_it(tmp_path: Path) -> None:
    second = "  work:\n    outcome: work\n    better: lower\n    estimator: {kind: experiment}\npayments:"
    both = (
        '  - {bonus: "100.00", to: north, only_if: {all: [{effect: jobs, above: "0"}, {effect: work, above: "0"}]}}\n'
    )
    terms = contract(tmp_path, JOBS + both, ("payments:", second))
    plain = jobs(true="0").effects["jobs"]
    work = {"true": "0", "std_error": "1"}
    with pytest.raises(ContractError, match="`correlation:` of the estimates of 'jobs' and 'work'"):
        simulate(terms, Assumptions.model_validate({"effects": {"jobs": plain, "work": work}}), size=100)
    work["correlation"] = {"jobs": "-0.8"}  # type: ignore[assignment]
    found = simulate(terms, Assumptions.model_validate({"effects": {"jobs": plain, "work": work}}), size=2_000)
    # Lower is better in one of the two, so that the gains go together.
    name = "the gain in jobs is above 0 and the gain in work is above 0"
    chances = {one.name: chance for one, chance in found.scenarios[0].payments.chances.items()}
    assert chances[name] == pytest.approx(0.25 + np.arcsin(0.8) / (2 * np.pi), abs=0.03)


def test_quantities_made_of_assumed_ones_are_computed(tmp_path: Path) -> None:
    text = """\
counterfoil: 1
name: Homes
currency: AUD
parties: {state: {role: outcome_payer}, home: {role: provider}}
quantities:
  restored: {kind: reported}
  exits: {kind: reported}
  rate: {kind: ratio, of: restored, to: [restored, exits]}
payments:
  - {quantity: rate, steps: [{from: "60", pays: "100.00"}, {from: "65", pays: "200.00"}]}
"""
    numbers = {"restored": {"value": "61"}, "exits": {"low": "20", "high": "60"}}
    terms = contract(tmp_path, text)
    (one,) = simulate(terms, Assumptions.model_validate({"quantities": numbers}), size=2_000).scenarios
    exits = np.arange(20, 61)
    rate = 100 * 61 / (61 + exits)
    expected = np.where(rate >= 65, 200, np.where(rate >= 60, 100, 0)).mean()
    assert one.payments.mean == pytest.approx(expected, abs=4 * one.payments.std_error)
    stated = simulate(terms, Assumptions.model_validate({"quantities": {"rate": {"value": "64"}}}), size=100)
    assert set(stated.scenarios[0].payments.totals) == {100.0}
    with pytest.raises(ContractError, match="quantity 'exits' is not assumed"):
        simulate(terms, Assumptions.model_validate({"quantities": {"restored": {"value": "61"}}}))


def test_a_normal_number_is_never_below_zero(tmp_path: Path) -> None:
    terms = contract(tmp_path, DENVER, ("periods: {interim: {}, final: {}}\n", ""), ("    periods: [final]\n", ""))
    numbers = {"housing_days": {"mean": "10", "std_dev": "10"}}
    effects = {"jail": {"true": "0", "std_error": "1", "people": "9"}}
    point = Assumptions.model_validate({"quantities": numbers, "effects": effects})
    (one,) = simulate(terms, point, size=1_000).scenarios
    days = one.payments.clauses["housing"] / 15.12
    assert days.min() >= 0
    assert days.mean() == pytest.approx(10 + 10 * norm.pdf(-1) / norm.sf(-1), rel=0.07)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("effects:\n  jail: {treu: '1'}\n", "line 2, column 10"),
        ("effects:\n  jail: {true: much}\n", "line 2"),
        ("quantities:\n  days: {value: '1', mean: '2'}\n", "line 2"),
        ("quantities:\n  days: {low: '3', high: '2'}\n", "line 2"),
        ("effects:\n  jail: {people: {low: '3', high: '2'}}\n", "line 2"),
        ("counterfoil: 2\n", "line 1"),
    ],
)
def test_what_is_wrong_in_the_file_is_told_with_its_line(tmp_path: Path, text: str, where: str) -> None:
    with pytest.raises(ContractError) as caught:
        assumed(tmp_path, text)
    assert where in str(caught.value)


def test_public_contracts_are_simulated_as_they_stand() -> None:
    """Peterborough's pool pays when the reduction is at least 7.5%, once; Denver's days are paid whatever jail does."""
    cohorts = ("cohort_1", "cohort_2")
    events = {
        "treated_events": [{"value": "142", "period": period} for period in cohorts],
        "comparison_events": [{"value": "155", "period": period} for period in cohorts],
    }
    pooled = {"pooled_reduction": {"true": "9", "std_error": "2", "period": "pooled"}}
    terms = cf.read_contract(library_folder("peterborough") / "contract.yaml")
    (one,) = simulate(terms, Assumptions.model_validate({"effects": pooled, "quantities": events}), size=800).scenarios
    assert one.payments.mean == pytest.approx(5e6 * norm.sf((7.5 - 9) / 2), abs=4 * one.payments.std_error)
    assert one.payments.clauses["cohort"].max() == 0
    assert one.cliffs["pool"].cost > 0
    denver = cf.read_contract(library_folder("denver") / "contract.yaml")
    jail = {"jail": {"true": "38", "std_error": "0.000001", "people": "724", "period": "final"}}
    days = {"housing_days": {"value": "258858", "period": "interim"}}
    (sure,) = simulate(denver, Assumptions.model_validate({"effects": jail, "quantities": days}), size=100).scenarios
    assert sure.payments.mean == pytest.approx(15.12 * 258_858 + 5_104_000, abs=1)


def test_a_contract_that_prices_nothing_has_nothing_to_simulate(tmp_path: Path) -> None:
    terms = contract(tmp_path, JOBS, ('payments:\n  - {effect: jobs, per: person, price: "1000.00"}\n', ""))
    with pytest.raises(ContractError, match="prices nothing"):
        simulate(terms, jobs())


def test_few_draws_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PaymentError, match="PAY-016"):
        simulate(contract(tmp_path, JOBS), jobs(), size=10)
