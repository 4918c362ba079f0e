"""Gates that are held against the data of a design: permutations, wild bootstraps, placebos, trends that differ."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.datasets import Study
from counterfoil.estimators import Experiment, randomization_inference, wild_cluster


def contract(effect: dict[str, Any], payments: list[dict[str, Any]] | None = None) -> Any:
    terms = {
        "counterfoil": 1,
        "name": "Gates",
        "currency": "USD",
        "parties": {"north": {"role": "provider"}, "state": {"role": "outcome_payer"}},
        "effects": {"jobs": {"outcome": "jobs", "better": "higher", **effect}},
        "payments": payments or [{"effect": "jobs", "per": "person", "price": "10.00"}],
    }
    return cf.Contract.model_validate(terms)


def lottery(gain: float, better: int = 1) -> Study:
    rng = np.random.default_rng(5)
    town = np.repeat(np.arange(12), 10)
    assigned = (town % 2).astype(int)
    jobs = better * (gain * assigned + rng.normal(size=12)[town] * 0.5 + rng.normal(size=120))
    people = pd.DataFrame({"person": np.arange(120), "town": town.astype(str), "assigned": assigned})
    outcomes = pd.DataFrame({"person": np.arange(120), "outcome": "jobs", "value": jobs})
    return Study.from_tables(people, outcomes=outcomes)


def evaluated(gate: dict[str, Any], study: Study, better: str = "higher") -> Any:
    effect = {"estimator": {"kind": "experiment", "cluster": "town"}, "gate": gate, "better": better}
    return cf.evaluate(contract(effect), study)


def test_the_permutation_that_decides_is_that_of_the_declared_lottery() -> None:
    study = lottery(1.0)
    found = evaluated({"p_below": "0.05", "sides": "one", "test": "permutation"}, study)
    own = randomization_inference(Experiment(outcome="jobs", cluster="town"), study, alternative="greater")
    held = found.effects["jobs"].held
    assert held.tested == pytest.approx(float(own.p_values[0]))
    assert held.passes == (held.tested < 0.05)
    assert "by permutation of the lottery" in found.summary()


def test_the_gate_turns_where_the_confidence_set_ends() -> None:
    result = evaluated({"p_below": "0.05", "sides": "one", "test": "permutation"}, lottery(1.0)).effects["jobs"]
    edge = float(result.total.values[0]) - result.held.margin
    assert not result.at(edge - 1e-6).gate_passes
    assert result.at(edge + 1e-6).gate_passes
    assert float(result.edge().value) == pytest.approx(edge)


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_sides_and_signs(better: str) -> None:
    sign = 1 if better == "higher" else -1
    for test in ("permutation", "wild_cluster"):
        good = evaluated({"p_below": "0.10", "sides": "two", "test": test}, lottery(2.0, sign), better)
        harm = evaluated({"p_below": "0.10", "sides": "two", "test": test}, lottery(2.0, -sign), better)
        assert good.effects["jobs"].held.passes
        assert not harm.effects["jobs"].held.passes


def test_the_wild_bootstrap_is_the_one_of_the_toolbox() -> None:
    study = lottery(1.0)
    held = evaluated({"p_below": "0.05", "sides": "two", "test": "wild_cluster"}, study).effects["jobs"].held
    assert held.tested == wild_cluster(Experiment(outcome="jobs", cluster="town"), study, seed=0).p_value


def test_a_test_that_the_design_lacks_is_refused() -> None:
    for test in ("placebo", "conformal"):
        gate = {"p_below": "0.05", "sides": "two", "test": test}
        found = evaluated(gate, lottery(1.0))
        assert [problem.code for problem in found.refused] == ["EST-041"]
        asked = contract({"estimator": {"kind": "experiment", "cluster": "town"}, "gate": gate})
        assert [problem.code for problem in cf.check(asked, lottery(1.0)).refused] == ["EST-041"]


def rollout() -> tuple[Any, Study]:
    folder = cf.datasets.example_folder("rollout")
    return cf.read_contract(folder / "contract.yaml"), cf.read_study(folder)


def test_claims_of_a_comparison_over_time_are_told_with_their_breakdown() -> None:
    terms, study = rollout()
    over_time = terms.effects["over_time"].estimator.model_dump(mode="json", exclude_unset=True)
    effect = {"outcome": "days", "estimator": over_time, "gate": {"relative_magnitudes": "0.5", "above": "2"}}
    steps = [{"from": "5", "pays": "1000.00"}, {"from": "15", "pays": "2000.00"}]
    found: Any = cf.evaluate(contract(effect, [{"effect": "jobs", "steps": steps}]), study)
    rows = found.to_dict()["effects"]["jobs"]["robustness"]
    assert [row["claim"] for row in rows] == [
        "a gain above 0",
        "the gate: a gain above 2",
        "the tier from 5",
        "the tier from 15",
    ]
    limits = [row["breakdown"] or 0.0 for row in rows]
    assert limits == sorted(limits, reverse=True)
    assert found.effects["jobs"].held.passes == (limits[1] >= 0.5)
    assert "If trends were not parallel" in found.summary()
    assert "shown if trends differ by up to" in found.report()


def test_check_says_who_is_compared_before_outcomes() -> None:
    terms, study = rollout()
    told = cf.check(terms, study.without_outcomes())
    assert told.compared["over_time"].cells["units"].tolist() == ["108", "108", "144", "600"]
    assert not told.refused
    assert "who is compared" in told.summary()


def test_the_blend_of_a_lottery_and_a_comparison_over_time_counts_who_is_in_both() -> None:
    terms, study = rollout()
    effects: Any = cf.evaluate(terms, study).effects
    lottery_, over_time, gain = (effects[name].total for name in ("lottery", "over_time", "gain"))
    assert gain.values[0] == pytest.approx(0.8 * lottery_.values[0] + 0.2 * over_time.values[0])
    apart = np.hypot(0.8 * lottery_.std_error[0], 0.2 * over_time.std_error[0])
    assert gain.std_error[0] != pytest.approx(apart, rel=0.01)


def places() -> Study:
    rng = np.random.default_rng(1)
    names = [f"town {number:02d}" for number in range(20)]
    years = [str(year) for year in range(2010, 2022)]
    walk = rng.normal(size=(20, 1)) * 3 + rng.normal(size=(20, 12)).cumsum(axis=1) * 0.3 + np.arange(12)
    walk[0, 8:] += 6
    long = pd.DataFrame({
        "place": np.repeat(names, 12), "indicator": "jobs", "period": np.tile(years, 20), "value": walk.ravel()
    })  # fmt: skip
    since = pd.DataFrame({"place": names, "since": ["2018", *[""] * 19]})
    return Study.of_places(long, since, name="towns")


def test_a_place_is_held_against_placebos_and_shown_beside_what_would_have_been() -> None:
    gate = {"p_below": "0.06", "sides": "two", "test": "placebo"}
    effect = {"estimator": {"kind": "synthetic_control", "first_treated": "since"}, "gate": gate}
    found: Any = cf.evaluate(contract(effect), places())
    result = found.effects["jobs"]
    assert result.total.error_type == "unknown"
    assert result.held.tested == pytest.approx(1 / 20)
    assert found.settlement is not None
    assert found.settlement.total > 0
    page = found.report()
    assert "town 0" in page
    assert "withheld" not in page
    assert "Placebo test" in found.summary()
    with pytest.raises(cf.CounterfoilError, match="needs a standard error"):
        cf.evaluate(contract({**effect, "gate": {"total_above": 0}}), places())


def test_the_gate_on_a_blend_stands_further_than_that_on_the_comparison_alone() -> None:
    """A violation enters the blend only as far as the comparison over time does."""
    terms, study = rollout()
    found = cf.evaluate(terms, study).to_dict()["effects"]
    alone, blend = (found[name]["robustness"][0]["breakdown"] for name in ("over_time", "gain"))
    assert blend > 3 * alone


def test_the_part_over_time_of_a_blend_is_scaled_and_the_others_are_added() -> None:
    terms, study = rollout()
    effects: Any = cf.evaluate(terms, study).effects
    own, blend = effects["over_time"].over_time, effects["gain"].over_time
    early, late = np.array(own.times) < 0, np.array(own.times) >= 0
    assert blend.estimate.values[early] == pytest.approx(0.2 * own.estimate.values[early])
    shift = 0.8 * effects["lottery"].total.values[0]
    assert blend.estimate.values[late] == pytest.approx(0.2 * own.estimate.values[late] + shift)


def test_an_instrument_tells_its_strength_and_the_set_that_does_not_lean_on_it() -> None:
    study = lottery(1.0)
    took = np.where(np.arange(120) % 10 < 7, study.people["assigned"], 0.0)
    data = Study.from_tables(study.people.assign(took=took), outcomes=study.outcomes)
    estimator = {"kind": "instrumental_variable", "instrument": ["assigned"], "received": "took"}
    found: Any = cf.evaluate(contract({"estimator": estimator}), data)
    assert found.effects["jobs"].total.people == int(took.sum())
    for text in (found.summary(), found.report()):
        assert "effective F" in text
        assert "95% Anderson-Rubin set is" in text


def test_effects_of_few_people_are_not_drawn() -> None:
    """Three people join in the last year, so that no later one rests on more."""
    rng = np.random.default_rng(2)
    years = [str(year) for year in range(2016, 2022)]
    joined = np.array(["2020"] * 40 + ["2019"] * 3 + [""] * 60)
    person = np.arange(len(joined))
    people = pd.DataFrame({"person": person, "joined": joined})
    outcomes = pd.DataFrame({
        "person": np.repeat(person, 6), "outcome": "jobs", "period": np.tile(years, len(person)),
        "value": rng.normal(size=6 * len(person)),
    })  # fmt: skip
    study = Study.from_tables(people, outcomes=outcomes)
    estimator = {"kind": "staggered_did", "first_treated": "joined", "base": "universal"}
    found: Any = cf.evaluate(contract({"estimator": estimator}), study)
    behind = dict(zip(found.effects["jobs"].over_time.times, found.effects["jobs"].over_time.behind, strict=True))
    assert behind[2] == 3
    assert behind[1] == 43
    assert "<title>+2:" not in found.report()
    assert "are not drawn" in found.report()
    assert "<title>+2:" in found.report(show_small_cells=True)


def test_means_of_communities_are_gated_on_their_number() -> None:
    estimator = {"kind": "cluster_means", "cluster": "town"}
    asked: Any = cf.evaluate(contract({"estimator": estimator, "gate": {"clusters_at_least": 12}}), lottery(1.0))
    assert asked.effects["jobs"].held.passes
    more: Any = cf.evaluate(contract({"estimator": estimator, "gate": {"clusters_at_least": 13}}), lottery(1.0))
    assert not more.effects["jobs"].held.passes


def test_a_pool_of_two_designs_on_the_same_people_counts_them_once() -> None:
    terms, study = rollout()
    over_time = terms.effects["over_time"].estimator.model_dump(mode="json", exclude_unset=True)
    again = over_time | {"aggregate": "simple"}
    common = {"outcome": "days", "better": "higher"}
    effects = {
        "one": {**common, "estimator": over_time},
        "other": {**common, "estimator": again},
        "jobs": {**common, "estimator": {"kind": "pool", "of": ["one", "other"], "weights": "equal"}},
    }
    whole = cf.Contract.model_validate({
        "counterfoil": 1, "name": "Pool", "currency": "USD",
        "parties": {"north": {"role": "provider"}, "state": {"role": "outcome_payer"}},
        "effects": effects, "payments": [{"effect": "jobs", "per": "person", "price": "1.00"}],
    })  # fmt: skip
    found: Any = cf.evaluate(whole, study)
    assert found.effects["jobs"].total.people == 360


def towns() -> Study:
    """Twelve towns in three arms, and people drawn one by one besides; some people's half of the country is not known."""
    rng = np.random.default_rng(0)
    town = np.repeat(np.arange(12), 20)
    alone = rng.permutation(240) % 2
    people = pd.DataFrame({
        "person": np.arange(240), "town": town.astype(str), "arm": np.array(["none", "visits", "calls"])[town % 3],
        "assigned": alone, "half": np.where(np.arange(240) % 10 == 0, np.nan, town % 2),
    })  # fmt: skip
    outcomes = pd.DataFrame({"person": np.arange(240), "outcome": "jobs", "value": rng.normal(size=240) + alone})
    return Study.from_tables(people, outcomes=outcomes)


@pytest.mark.parametrize(
    ("terms", "groups"),
    [
        ({"kind": "experiment"}, None),
        ({"kind": "experiment", "assigned": "arm", "control": "none", "arm": "calls"}, (4, 4)),
        ({"kind": "experiment", "assigned": "arm", "control": "none", "arm": "any"}, (8, 4)),
        ({"kind": "experiment", "assigned": "half", "missing": "drop"}, (6, 6)),
        ({"kind": "cluster_means", "assigned": "half", "missing": "drop"}, (6, 6)),
    ],
)
def test_errors_by_group_do_not_need_groups_to_be_drawn_whole(terms: dict[str, Any], groups: Any) -> None:
    asked: Any = {"estimator": {**terms, "cluster": "town"}, "gate": {"total_above": 0}}
    result: Any = cf.evaluate(contract(asked), towns()).effects["jobs"]
    assert not result.refused
    assert result.total.n_clusters == 12
    assert (result.clusters and (result.clusters.treated, result.clusters.control)) == groups
    counted: Any = cf.evaluate(contract({**asked, "gate": {"clusters_at_least": 5}}), towns()).effects["jobs"]
    assert [problem.code for problem in counted.refused] == ([] if groups else ["EST-020"])
