"""Errors of matched effects, each against a computation of its own."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Estimate, stack
from counterfoil.estimators.matching.alike import alike, means_of, residuals_of
from counterfoil.estimators.matching.estimated_score import through_score
from counterfoil.estimators.matching.matched import Matched
from counterfoil.estimators.matching.matching import Matching


def people(n: int = 500, seed: int = 8) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, need = rng.normal(size=n), rng.normal(size=n)
    treated = (rng.random(n) < 1 / (1 + np.exp(0.8 - 0.7 * age + 0.3 * need))).astype(int)
    outcome = age + 0.5 * need + treated * (1 + 0.3 * age) + rng.normal(size=n) * (1 + 0.5 * treated)
    return pd.DataFrame({"t": treated, "age": age, "need": need, "town": np.arange(n) % 25, "y": outcome})


def built(frame: pd.DataFrame, **terms: Any) -> Matched:
    asked = {"treated": "t", "outcome": "y", "covariates": ("age", "need"), **terms}
    return Matching.model_validate(asked).build(frame)


def by_hand(made: Matched, frame: pd.DataFrame, neighbours: int = 2) -> float:
    """Theorems 6 and 7 of Abadie and Imbens (2006), person by person, with the two nearest of the same group."""
    places, group, outcome = made.places, frame["t"].to_numpy(), frame["y"].to_numpy()
    n = len(frame)
    weights = np.zeros((n, n))
    sets = made.sets()
    weights[sets["person"], sets["partner"]] = sets["weight"]
    focal = weights.sum(axis=1) > 0
    each = np.where(group == 1, 1, -1) * (outcome - weights @ outcome)
    effect = each[focal].mean()
    variance = np.empty(n)
    for person in range(n):
        others = np.flatnonzero((group == group[person]) & (np.arange(n) != person))
        far = ((places[others] - places[person]) ** 2).sum(axis=1)
        near = others[np.argsort(far)[:neighbours]]
        variance[person] = neighbours / (neighbours + 1) * (outcome[person] - outcome[near].mean()) ** 2
    carried, squares = weights.sum(axis=0), (weights**2).sum(axis=0)
    extra = carried**2 + 2 * focal * carried - squares
    return float((((each - effect)[focal] ** 2).sum() + variance @ extra) / focal.sum() ** 2)


@pytest.mark.parametrize("estimand", ["att", "atc", "ate"])
@pytest.mark.parametrize("ratio", [1, 3])
def test_abadie_imbens_by_hand(estimand: str, ratio: int) -> None:
    frame = people()
    made = built(frame, estimand=estimand, ratio=ratio, replace=True, distance="mahalanobis")
    effect = made.effect()
    assert effect.error_type == "abadie_imbens"
    assert effect.std_error[0] ** 2 == pytest.approx(by_hand(made, frame), rel=1e-9)


@pytest.mark.parametrize("estimand", ["att", "ate"])
def test_a_score_that_is_known_needs_no_correction_and_an_estimated_one_is_corrected(estimand: str) -> None:
    frame = people()
    made = built(frame, estimand=estimand, replace=True)
    plain = by_hand(made, frame)
    corrected = made.effect().std_error[0] ** 2
    assert corrected != pytest.approx(plain, rel=1e-3)
    change = (corrected - plain) * len(frame)
    assert change < 0 or estimand == "att"


def test_estimated_score_is_the_formula_of_abadie_and_imbens_2016() -> None:
    """With outcomes linear in two independent covariates, cov(X, Y | F) is known from the normal distribution."""
    rng = np.random.default_rng(5)
    n = 200_000
    covariates = rng.normal(size=(n, 2))
    index = 0.8 * covariates[:, 0] - 0.5
    treated = rng.random(n) < 1 / (1 + np.exp(-index))
    frame = pd.DataFrame(covariates, columns=["a", "b"]).assign(t=treated.astype(int), y=2.0 * covariates[:, 1])
    made = built(frame, covariates=("a", "b"), replace=True, estimand="ate", distance="score")
    score = made.score
    assert score is not None
    assert score.bread is not None
    found = through_score(score, treated, np.ones(n), frame["y"].to_numpy())
    # cov((1, a, b), y | a) = (0, 0, 2); everybody's b is f/(1 − F) + f/F of it, which is 1 with logit.
    direction = np.array([0.0, 0.0, 2.0])
    wanted = n * direction @ score.bread @ direction
    assert found.var() == pytest.approx(wanted, rel=0.02)


def test_matched_sets_are_the_clusters_of_a_regression() -> None:
    """Abadie and Spiess (2022): the regression on the treatment among the matched, with errors by matched set."""
    frame = people()
    made = built(frame, caliper=0.3)
    sets = made.sets()
    rows = pd.concat(
        [sets[["person", "matched_set"]], sets[["partner", "matched_set"]].set_axis(["person", "matched_set"], axis=1)]
    )
    fitted = sm.OLS(
        frame.loc[rows["person"], "y"].to_numpy(), sm.add_constant(frame.loc[rows["person"], "t"].to_numpy())
    ).fit(cov_type="cluster", cov_kwds={"groups": rows["matched_set"].to_numpy(), "use_correction": False})
    count = sets["matched_set"].nunique()
    effect = made.effect()
    assert effect.error_type == "matched_sets"
    assert effect.values[0] == pytest.approx(fitted.params[1], rel=1e-12)
    assert effect.std_error[0] == pytest.approx(fitted.bse[1] * np.sqrt(count / (count - 1)), rel=1e-9)
    assert effect.df == count - 1


def test_each_error_stands_beside_the_others_and_the_scores_are_always_there() -> None:
    frame = people(4_000)
    again = built(frame, replace=True, distance="mahalanobis").effect()
    once = built(frame, distance="mahalanobis").effect()
    assert again.error_types == ("abadie_imbens", "HC0", "HC1")
    assert once.error_types == ("matched_sets", "HC0", "HC1")
    for effect in (again, once):
        assert effect.using("HC0").std_error[0] == pytest.approx(effect.std_error[0], rel=0.08)
        assert abs(effect.influence.mean()) < 1e-12  # type: ignore[union-attr]
        assert Estimate.from_json(effect.to_json(people=True)).std_error == effect.std_error
        assert Estimate.from_json(effect.to_json()).std_error == pytest.approx(effect.std_error)


def test_effects_on_two_outcomes_are_joined_by_their_scores() -> None:
    frame = people(2_000).assign(z=lambda f: 2 * f["y"])
    study = Study.from_frame(frame, outcomes=["y", "z"])
    made = Matching(treated="t", outcome="y", covariates=("age", "need"), replace=True).build(study)
    one, other = made.effect(), made.effect("z")
    with pytest.raises(CounterfoilError, match="EST-008"):
        stack([one, other], ["one", "other"])
    joint = stack([one.using("HC0"), other.using("HC0")], ["one", "other"]).cov()
    assert joint[0, 1] == pytest.approx(2 * joint[0, 0], rel=1e-9)


def test_clusters_are_of_the_scores() -> None:
    frame = people()
    made = built(frame, cluster="town", replace=True)
    effect = made.effect()
    assert effect.error_type == "CR1"
    sums = np.bincount(frame["town"], effect.influence[:, 0])  # type: ignore[index]
    assert effect.using("CR0").std_error[0] == pytest.approx(np.sqrt((sums**2).sum()) / len(frame))
    study = Study.from_frame(frame, outcomes=["y"], cluster="town")
    assert built(study, replace=True).effect().error_type == "CR1"
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        built(study, errors="abadie_imbens", replace=True).effect()


def test_declared_errors() -> None:
    frame = people()
    assert built(frame, errors="scores").effect().error_type == "HC0"
    assert built(frame, vcov="HC1").effect().error_type == "HC1"
    assert built(frame, errors="abadie_imbens").effect().error_type == "abadie_imbens"
    one = pd.DataFrame(
        {"t": [1, 1, 0, 0, 0], "age": [1.0, 9.0, 1.1, 1.2, 0.9], "need": [0.0, 0.1, 0.2, 0.4, 0.3], "y": 1.0}
    )
    alone = built(
        one.assign(own=[0, 1, 0, 0, 0]), exact=("own",), errors="matched_sets", distance="scaled", order="data"
    )
    with pytest.raises(CounterfoilError, match="EST-001"):
        alone.effect()


def test_bias_adjustment_by_hand() -> None:
    frame = people()
    made = built(frame, replace=True, distance="mahalanobis", bias_adjustment=True, ratio=2)
    sets = made.sets()
    counts = sets.groupby("partner")["weight"].sum()
    used = frame.loc[counts.index]
    slopes = sm.WLS(used["y"], sm.add_constant(used[["age", "need"]]), weights=counts).fit().params[["age", "need"]]
    mine, theirs = (frame.loc[sets[side], ["age", "need"]].to_numpy() for side in ("person", "partner"))
    gap = (
        frame.loc[sets["person"], "y"].to_numpy()
        - frame.loc[sets["partner"], "y"].to_numpy()
        - (mine - theirs) @ slopes
    )
    assert made.effect().values[0] == pytest.approx((sets["weight"] * gap).sum() / frame["t"].sum(), rel=1e-12)


@pytest.mark.parametrize("terms", [{}, {"bias_adjustment": True}, {"estimand": "ate", "bias_adjustment": ("age",)}])
def test_weights_of_residuals_are_the_derivative_of_the_effect(terms: dict[str, Any]) -> None:
    """What `check` takes power from: exact, as the effect is linear in outcomes."""
    frame = people(200)
    effect = built(frame, replace=True, distance="mahalanobis", **terms).effect()
    for person in (0, 17, 60, 199):
        moved = frame.assign(y=frame["y"] + (frame.index == person))
        change = built(moved, replace=True, distance="mahalanobis", **terms).effect().values[0] - effect.values[0]
        assert effect.riesz is not None
        assert effect.riesz[person, 0] / 200 == pytest.approx(change, abs=1e-10)


def test_bias_adjustment_needs_partners() -> None:
    frame = people(60)
    wide = frame.assign(**{f"x{j}": np.random.default_rng(j).normal(size=60) for j in range(25)})
    names = ("age", *(f"x{j}" for j in range(25)))
    made = built(wide, covariates=names, distance="mahalanobis", bias_adjustment=True, replace=True)
    with pytest.raises(CounterfoilError, match="EST-003"):
        made.effect()


def test_columns_that_tell_no_partners_apart_are_named() -> None:
    frame = people().assign(only=lambda f: ((f["t"] == 1) & (f["age"] > 1)).astype(int))
    made = built(frame, covariates=("age", "only"), distance="scaled", bias_adjustment=True, replace=True)
    assert any(p.code == "EST-005" and "only" in p.what for p in made.effect().warnings)


def test_variance_among_people_alike() -> None:
    """Unbiased: outcomes of variance 4, wherever people stand, on a line or in space."""
    rng = np.random.default_rng(1)
    for places in (rng.normal(size=(4_000, 1)), np.round(rng.normal(size=(4_000, 1)), 1), rng.normal(size=(4_000, 3))):
        values = 2 * rng.normal(size=4_000)
        assert (residuals_of(places, values) ** 2).mean() == pytest.approx(4.0, rel=0.1)
        found = alike(places, rng.random(4_000) < 0.5, values + 3 * places[:, 0])
        assert np.abs(found.means - 3 * places[:, [0]]).std() < 0.35


def test_a_mean_leaves_out_the_person() -> None:
    rng = np.random.default_rng(1)
    for places in (rng.normal(size=(40, 1)), rng.normal(size=(40, 2))):
        values = np.zeros(40)
        values[7] = 1.0
        flat = np.zeros_like(places)
        assert means_of(flat, np.arange(40), values)[7] <= 1 / 40 + 1e-9
        assert means_of(places, np.arange(2), values[6:8])[[0, 1]].tolist() == [1.0, 0.0]
