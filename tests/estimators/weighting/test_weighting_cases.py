"""Published digits, and peers: statsmodels and ebal."""

import json
from pathlib import Path
from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.treatment.treatment_effects import TreatmentEffect

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import smallest_detectable
from counterfoil.estimators.comparisons.compared import Compared
from counterfoil.estimators.power import planned_error
from counterfoil.estimators.weighting.weighting import Weighting

EBAL = json.loads((Path(__file__).parents[2] / "reference" / "ebal.json").read_text("utf-8"))
X10 = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")
Terms = dict[str, Any]


@pytest.fixture(scope="module")
def training() -> pd.DataFrame:
    """Case 13: 185 people who were trained, and 15,992 of a survey."""
    treated = causaldata.nsw_mixtape.load_pandas().data.query("treat == 1")
    data = pd.concat([treated, causaldata.cps_mixtape.load_pandas().data], ignore_index=True)
    return data.assign(u74=(data["re74"] == 0).astype("int8"), u75=(data["re75"] == 0).astype("int8"))


@pytest.fixture(scope="module")
def smoking() -> pd.DataFrame:
    """Case 14: people who stopped smoking, and others."""
    data = causaldata.nhefs_complete.load_pandas().data
    words = {name: data[name].astype(str) for name in ("sex", "race", "education", "exercise", "active")}
    return data[["wt82_71", "qsmk", "age", "smokeintensity", "smokeyrs", "wt71"]].assign(**words)


@pytest.fixture(scope="module")
def training_terms() -> dict[str, Any]:
    """What is asked of case 13."""
    return {"outcome": "re78", "treated": "treat", "covariates": X10}


@pytest.fixture(scope="module")
def smoking_terms() -> dict[str, Any]:
    """What is asked of case 14."""
    numbers = ("age", "smokeintensity", "smokeyrs", "wt71")
    words = ("sex", "race", "education", "exercise", "active")
    return {"outcome": "wt82_71", "treated": "qsmk", "covariates": (*words, *numbers), "squares": numbers}


@pytest.fixture(scope="module")
def ship() -> pd.DataFrame:
    """Case S6: who survived the Titanic, by class, sex and age."""
    data = causaldata.titanic.load_pandas().data.astype(str)
    cell = data["sex"] + " " + data["age"]
    first = (data["class"] == "1st class").astype(int)
    return pd.DataFrame({"lived": (data["survived"] == "yes").astype(float), "first": first, "cell": cell})


def asked(terms: Terms, **more: Any) -> Weighting:
    return Weighting.model_validate({**terms, **more})


def test_training_by_a_logit(training: pd.DataFrame, training_terms: Terms) -> None:
    fit = asked(training_terms).fit(training)
    gain = fit.total()
    assert gain.values[0] == pytest.approx(1377.119, abs=5e-4)
    assert gain.std_error[0] == pytest.approx(667.185, abs=5e-4)
    sizes = gain.diagnostics["effective_sizes"]["gain"]
    assert sizes["untreated"] == pytest.approx(258.222, abs=5e-4)
    assert fit.comparison.score is not None
    assert fit.comparison.score.treated.min() == pytest.approx(4.70e-06, rel=1e-3)
    assert fit.comparison.score.treated.max() == pytest.approx(0.6375, abs=5e-5)
    with_factor = asked(training_terms, vcov="HC1").fit(training).total()
    assert with_factor.diagnostics["std_error_known"][0] == pytest.approx(654.725, abs=5e-3)


def test_training_by_entropy_balancing(training: pd.DataFrame, training_terms: Terms) -> None:
    made = asked(training_terms, method="entropy").build(training)
    gain = made.effect()
    assert gain.values[0] == pytest.approx(1406.304, abs=5e-4)
    assert gain.std_error[0] == pytest.approx(667.578, abs=5e-4)
    assert np.abs(made.imbalance()).max() < 1e-10
    assert made.effective_sizes()["gain"]["untreated"] == pytest.approx(268.837, abs=5e-4)
    hc1 = asked(training_terms, method="entropy", vcov="HC1").fit(training).total()
    assert hc1.diagnostics["std_error_known"][0] == pytest.approx(654.928, abs=5e-4)


def test_the_overall_effect_of_training_warns(training: pd.DataFrame, training_terms: Terms) -> None:
    made = asked(training_terms, estimand="ate").build(training)
    assert made.counts()["largest_weight"] == pytest.approx(1954, abs=0.5)
    assert "EST-004" in {problem.code for problem in made.warnings}
    assert "EST-004" not in {problem.code for problem in asked(training_terms).build(training).warnings}
    alike = asked(training_terms, estimand="ate", method="cbps").build(training)
    assert np.abs(alike.imbalance()).max() < 1e-8
    assert alike.counts()["largest_distance"] > 0.5
    assert any("still differ from everybody" in problem.what for problem in alike.warnings)


def test_smoking(smoking: pd.DataFrame, smoking_terms: Terms) -> None:
    made = asked(smoking_terms, estimand="ate").build(smoking)
    gain = made.effect()
    assert gain.values[0] == pytest.approx(3.440535, abs=5e-7)
    assert gain.std_error[0] == pytest.approx(0.487073, abs=5e-7)
    assert gain.diagnostics["std_error_known"][0] == pytest.approx(0.525494, abs=5e-7)
    weight, quit_smoking = made.balancing[:, 0], smoking["qsmk"] == 1
    means = [np.average(smoking["wt82_71"][side], weights=weight[side]) for side in (quit_smoking, ~quit_smoking)]
    assert means == pytest.approx([5.220514, 1.779978], abs=5e-7)
    assert (weight.min(), weight.max()) == pytest.approx((1.0537, 16.7001), abs=5e-5)
    assert (made.stabilized.min(), made.stabilized.max()) == pytest.approx((0.331249, 4.297662), abs=5e-7)
    assert gain.people == 1566


def test_the_ship_has_three_effects(ship: pd.DataFrame) -> None:
    """The score is saturated, so that weighting is standardization; entropy and chances then agree."""
    terms = {"outcome": "lived", "treated": "first", "covariates": ("cell",)}
    for estimand, published in (("atc", 0.188785), ("att", 0.237542), ("ate", 0.195984)):
        for method in ("score", "entropy", "cbps"):
            gain = asked(terms, estimand=estimand, method=method).fit(ship).total()
            assert gain.values[0] == pytest.approx(published, abs=5e-7)
            standardized = standardization_error(ship, estimand)
            assert gain.std_error[0] == pytest.approx(standardized, rel=1e-9)


def test_strata_of_one_and_five_children_warn(ship: pd.DataFrame) -> None:
    terms = {"outcome": "lived", "treated": "first", "covariates": ("cell",)}
    for estimand, told in (("atc", 2), ("ate", 2), ("att", 0)):
        made = asked(terms, estimand=estimand, method="entropy").build(ship)
        rare = [problem.what for problem in made.warnings if "stand for all" in problem.what]
        assert len(rare) == told
        assert all("child" in what for what in rare)


def standardization_error(ship: pd.DataFrame, estimand: str) -> float:
    """Return the error of a difference of means in cells, averaged over a group: a formula of its own."""
    target = {"atc": ship["first"] == 0, "att": ship["first"] == 1, "ate": ship["first"] >= 0}[estimand]
    variance, gaps = 0.0, {}
    for cell, people in ship.groupby("cell"):
        share = (ship["cell"][target] == cell).mean()
        parts = [people.loc[people["first"] == side, "lived"] for side in (1, 0)]
        gaps[cell] = parts[0].mean() - parts[1].mean()
        variance += share**2 * sum(part.var(ddof=0) / len(part) for part in parts)
    return float(np.sqrt(variance + ship["cell"][target].map(gaps).var(ddof=0) / target.sum()))


@pytest.mark.parametrize(("estimand", "group"), [("ate", "all"), ("att", 1), ("atc", 0)])
def test_effects_are_those_of_statsmodels(
    smoking: pd.DataFrame, smoking_terms: Terms, estimand: str, group: Any
) -> None:
    made = asked(smoking_terms, estimand=estimand).build(smoking)
    treated = smoking["qsmk"].to_numpy(float)
    values = made.sample.adjusting.values
    chosen = sm.Logit(treated, sm.add_constant((values - values.mean(axis=0)) / values.std(axis=0)))
    score = chosen.fit(disp=0, method="newton", tol=1e-15, maxiter=100)
    outcome = sm.OLS(smoking["wt82_71"].to_numpy(float), np.ones(len(smoking)))
    theirs = TreatmentEffect(outcome, treated, results_select=score).ipw(return_results=False, effect_group=group)
    assert made.effect().values[0] == pytest.approx(theirs[0], rel=1e-12)


@pytest.mark.parametrize(
    ("case", "estimand"), [("smoking", "att"), ("smoking", "atc"), ("smoking", "ate"), ("training", "att")]
)
def test_entropy_balancing_is_that_of_ebal(request: pytest.FixtureRequest, case: str, estimand: str) -> None:
    """Ebal stops at differences of 1e-9; a half of the digits below that are left."""
    data, terms = request.getfixturevalue(case), request.getfixturevalue(f"{case}_terms")
    made = asked(terms, estimand=estimand, method="entropy").build(data)
    peer = EBAL[f"{case} {estimand.upper()}"]
    side = made.sample.of(1 if estimand == "atc" else 0)
    share = made.balancing[side, 0] / made.balancing[side, 0].sum()
    assert made.effect().values[0] == pytest.approx(peer["effect"], rel=1e-8)
    assert np.sort(share)[-20:] == pytest.approx(np.array(peer["shares"]), rel=1e-7)


@pytest.mark.parametrize("case", ["smoking", "training"])
def test_balance_is_exact_where_it_is_promised(request: pytest.FixtureRequest, case: str) -> None:
    data, terms = request.getfixturevalue(case), request.getfixturevalue(f"{case}_terms")
    for method, estimand in (("entropy", "att"), ("cbps", "att"), ("cbps", "ate"), ("score", "ato")):
        made = asked(terms, method=method, estimand=estimand).build(data)
        assert np.abs(made.imbalance()).max() < 1e-8, (method, estimand)
    assert np.abs(asked(terms).build(data).imbalance()).max() > 0.01


def test_weights_are_made_without_outcomes(training: pd.DataFrame, training_terms: Terms) -> None:
    spec = asked(training_terms)
    study = Study.from_frame(training, outcomes=["re78"])
    blind, fit = spec.build(study.without_outcomes()), spec.fit(study)
    assert isinstance(blind, Compared)
    assert np.array_equal(blind.balancing, fit.comparison.balancing)
    with pytest.raises(CounterfoilError, match="DATA-019"):
        blind.effect()


def test_power_is_known_before_outcomes(training: pd.DataFrame, training_terms: Terms) -> None:
    """With equal variances the error follows from effective sizes."""
    made = asked(training_terms).build(training)
    gain = made.effect()
    sizes = made.effective_sizes()["gain"].values()
    assert planned_error(gain, 3.0)[0] == pytest.approx(3.0 * np.sqrt(sum(1 / size for size in sizes)), rel=1e-12)
    assert smallest_detectable(gain, gain.critical())[0] > 0


def test_the_request_survives_a_contract(smoking_terms: Terms) -> None:
    for more in ({"trim": "crump", "cap": 10}, {"trim": {"below": 0.05}}, {"score": {"name": "random_forest"}}):
        spec = asked(smoking_terms, **more)
        assert Weighting.model_validate_json(spec.model_dump_json()) == spec
    assert Weighting.model_json_schema()["properties"]["kind"]["const"] == "weighting"
