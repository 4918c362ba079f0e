"""Cross-fitted AIPW against doubleml on the same folds, and its short way over folds against fitting each of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from counterfoil.datasets.study import Study
from counterfoil.estimators import stack
from counterfoil.estimators.doubly_robust import cross_fitted
from counterfoil.estimators.doubly_robust.cross_fitted import CrossFitted
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust
from counterfoil.estimators.doubly_robust.fold_blocks import fold_blocks
from counterfoil.estimators.doubly_robust.fold_logit import fold_logit
from counterfoil.estimators.power import smallest_detectable

REFERENCE = Path(__file__).parents[2] / "reference"
DOUBLEML = json.loads((REFERENCE / "doubly_robust.json").read_text())
ONE_LINEAR = {"outcome": {"name": "linear"}, "repeats": 1}


def people() -> pd.DataFrame:
    return pd.read_csv(REFERENCE / "doubly_robust.csv")


def study(frame: pd.DataFrame) -> Study:
    frame = frame.assign(person=range(len(frame)))
    outcomes = frame.melt("person", ["y", "z"], var_name="outcome", value_name="value")
    return Study.from_tables(frame.drop(columns=["y", "z"]), outcomes=outcomes)


def spec(**terms: Any) -> DoublyRobust:
    asked = {
        "outcome": "y",
        "treated": "d",
        "covariates": ("x1", "x2", "x3"),
        "estimand": "ate",
        "learning": ONE_LINEAR,
    }
    return DoublyRobust.model_validate(asked | terms)


def on_stored_folds(monkeypatch: pytest.MonkeyPatch, column: str) -> pd.DataFrame:
    frame = people()
    monkeypatch.setattr(cross_fitted, "folds", lambda *_: frame[column].to_numpy())
    return frame


@pytest.mark.parametrize(("estimand", "score"), [("ate", "ATE"), ("att", "ATTE")])
def test_two_groups_are_doubleml_on_its_folds(monkeypatch: pytest.MonkeyPatch, estimand: str, score: str) -> None:
    frame = on_stored_folds(monkeypatch, "fold")
    ours = spec(estimand=estimand, normalize=False).fit(frame).total()
    assert ours.values[0] == pytest.approx(DOUBLEML[score]["value"], abs=6e-10)
    assert ours.std_error[0] == pytest.approx(DOUBLEML[score]["se"], abs=6e-10)


def test_normalized_weights_are_doublemls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error takes the normalisation as known, so that only the effect is the same."""
    ours = spec().fit(on_stored_folds(monkeypatch, "fold")).total()
    assert ours.values[0] == pytest.approx(DOUBLEML["ATE, normalized"]["value"], abs=6e-10)


@pytest.mark.parametrize(("name", "covariates"), [("sites", ("site",)), ("covariates", ("x1", "x2", "x3"))])
def test_four_groups_and_two_outcomes_are_doubleml_apos(
    monkeypatch: pytest.MonkeyPatch, name: str, covariates: tuple[str, ...]
) -> None:
    frame = on_stored_folds(monkeypatch, "arm_fold").astype({"site": "str"})
    asked = spec(treated="arm", control=0, covariates=covariates, normalize=False)
    joint = asked.build(study(frame)).effects(["y", "z"])
    assert joint.terms == ("y: 1", "y: 2", "y: 3", "z: 1", "z: 2", "z: 3")
    for number, outcome in enumerate(("y", "z")):
        theirs, part = DOUBLEML[f"{name}, {outcome}"], slice(3 * number, 3 * number + 3)
        assert joint.values[part] == pytest.approx(theirs["values"], abs=6e-10)
        assert joint.std_error[part] == pytest.approx(theirs["se"], abs=6e-10)
        assert joint.cov()[part, part] == pytest.approx(np.array(theirs["cov"]), abs=6e-10)
    assert np.abs(joint.cov()[:3, 3:]).max() > 1e-4  # outcomes of the same people


@pytest.mark.parametrize("terms", [{}, {"treated": "arm", "control": 0}, {"weights": "w"}, {"estimand": "atc"}])
def test_the_short_way_is_a_fit_to_each_fold(terms: dict[str, Any]) -> None:
    frame = people().assign(w=np.random.default_rng(1).uniform(0.5, 3.0, 500))
    logit = LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky", max_iter=300)
    scaled = {"outcome": LinearRegression(), "propensity": logit, "repeats": 2}
    short = spec(**terms, learning={"outcome": {"name": "linear"}, "repeats": 2}).fit(frame).effects
    long = spec(**terms, learning=scaled).fit(frame).effects
    assert short.values == pytest.approx(long.values, abs=1e-9)
    assert short.cov() == pytest.approx(long.cov(), abs=1e-9)


def test_chances_out_of_fold_have_no_score_left() -> None:
    """First-order conditions of every fold's logit, for three groups with very unequal weights."""
    rng = np.random.default_rng(2)
    x = rng.normal(size=(900, 4)) * [1.0, 1e-3, 1e3, 1.0]
    codes, fold = rng.integers(0, 3, 900), rng.integers(0, 5, 900)
    weights = rng.exponential(size=900) + 0.01
    blocks = fold_blocks(x, codes, fold, weights, 3)
    chance = fold_logit(blocks)
    assert chance.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
    for k in range(5):
        model = LogisticRegression(C=np.inf, tol=1e-13, solver="newton-cholesky", max_iter=300)
        seen = fold != k
        scaled = (x - x.mean(axis=0)) / x.std(axis=0)
        model.fit(scaled[seen], codes[seen], sample_weight=weights[seen])
        assert chance[~seen] == pytest.approx(model.predict_proba(scaled[~seen]), abs=1e-8)


def test_repeats_are_averages_of_influence_values() -> None:
    frame = people()
    parts = [spec(learning={**ONE_LINEAR, "seed": seed}).fit(frame).total() for seed in (3, 4)]
    both = spec(learning={**ONE_LINEAR, "seed": 3, "repeats": 2}).fit(frame).total()
    assert parts[0].values[0] != parts[1].values[0]
    assert both.values == pytest.approx((parts[0].values + parts[1].values) / 2, rel=1e-12)
    assert both.scores() == pytest.approx((parts[0].scores() + parts[1].scores()) / 2, abs=1e-12)


def test_folds_keep_clusters_whole() -> None:
    frame = people().assign(school=np.arange(500) // 10)
    built = spec(cluster="school").build(frame)
    assert isinstance(built.engine, CrossFitted)
    fold = built.engine.divisions[0].fold
    assert pd.DataFrame({"school": frame["school"], "fold": fold}).groupby("school")["fold"].nunique().max() == 1
    found = built.effect()
    assert found.error_type == "CR1"
    assert found.n_clusters == 50


def test_any_learner_will_do_and_a_rerun_is_the_same() -> None:
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.neighbors import KNeighborsClassifier

    learning = {
        "outcome": RandomForestRegressor(n_estimators=20, min_samples_leaf=5),
        "propensity": KNeighborsClassifier(60),
        "repeats": 1,
        "seed": 9,
    }
    first, again = (spec(learning=learning).fit(people()).total() for _ in range(2))
    assert first.values[0] == again.values[0]
    assert abs(first.values[0] - DOUBLEML["ATE"]["value"]) < 3 * DOUBLEML["ATE"]["se"]


def test_outcomes_of_one_build_share_folds() -> None:
    built = spec(outcome=None).build(study(people()))
    joint = built.effects(["z", "y"])
    alone = stack([built.effect("z"), built.effect("y")], ["z", "y"])
    assert joint.terms == ("z: gain", "y: gain")
    assert joint.values == pytest.approx(alone.values)
    assert joint.cov() == pytest.approx(alone.cov())


def test_power_before_outcomes() -> None:
    """The weights of residuals are those of the effect that is measured later."""
    frame = people()
    blind = spec().build(Study.from_tables(frame.drop(columns=["y", "z"]).assign(person=range(500))))
    planned = blind.planned()
    effect = spec().fit(frame).total()
    assert planned.values[0] == 0.0
    assert planned.riesz == pytest.approx(effect.riesz)
    found = smallest_detectable(planned, planned.critical(), std_dev=2.0)
    weights = blind.balancing[:, 0]
    assert found == pytest.approx(2.8 * 2.0 * np.sqrt((weights**2).sum()) / 500, rel=5e-3)


def test_a_level_that_a_fold_lacks_is_left_at_zero_and_said() -> None:
    frame = people()
    frame["rare"] = 0
    frame.loc[frame.index[frame["d"] == 1][:1], "rare"] = 1
    frame.loc[frame.index[frame["d"] == 0][:1], "rare"] = 1
    found = spec(covariates=("x1", "x2", "rare")).fit(frame).total()
    assert "EST-005" in {problem.code for problem in found.warnings}
    assert abs(found.values[0] - spec(covariates=("x1", "x2")).fit(frame).total().values[0]) < 0.1
