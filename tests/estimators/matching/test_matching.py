"""Matching of people: published digits, whose effect, invariance, and what is refused or warned of."""

from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest

from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.compared import Compared
from counterfoil.estimators.matching.matched import Matched, replicates
from counterfoil.estimators.matching.matching import Matching

TEN = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")


def nsw_cps() -> pd.DataFrame:
    treated = causaldata.nsw_mixtape.load_pandas().data.query("treat == 1")
    frame = pd.concat([treated, causaldata.cps_mixtape.load_pandas().data], ignore_index=True)
    return frame.assign(u74=(frame["re74"] == 0).astype("int8"), u75=(frame["re75"] == 0).astype("int8"))


NSW = nsw_cps()


def people(n: int = 400, seed: int = 4) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age, need = rng.normal(size=n), rng.normal(size=n)
    treated = (rng.random(n) < 1 / (1 + np.exp(0.8 - 0.7 * age + 0.3 * need))).astype(int)
    site = rng.integers(0, 4, n)
    gain = age + 0.5 * need + treated * (1 + 0.3 * age) + rng.normal(size=n)
    return pd.DataFrame({"t": treated, "age": age, "need": need, "site": site, "y": gain}, index=np.arange(n) + 100)


def matching(**terms: Any) -> Matching:
    return Matching.model_validate({"treated": "t", "outcome": "y", "covariates": ("age", "need"), **terms})


def codes_of(matched: Matched) -> set[str]:
    return {problem.code for problem in matched.warnings}


@pytest.mark.parametrize(
    ("ratio", "adjusted", "effect", "error"),
    [
        (1, True, 1795.515, 910.303),
        (1, False, 1723.843, 910.160),
        (5, True, 1729.118, 815.376),
        (5, False, 1493.576, 814.122),
    ],
)
def test_published_digits_of_imbens_and_xu(ratio: int, adjusted: bool, effect: float, error: float) -> None:
    """Imbens and Xu (2024): 1729 (815); the other digits are those of R Matching."""
    asked = Matching(
        treated="treat",
        outcome="re78",
        covariates=TEN,
        distance="scaled",
        ratio=ratio,
        replace=True,
        bias_adjustment=adjusted,
        variance="equal",
    )
    found = asked.fit(NSW).total()
    assert found.values[0] == pytest.approx(effect, abs=5e-4)
    assert found.std_error[0] == pytest.approx(error, abs=5e-4)


def test_small_integers_and_floats_give_the_same() -> None:
    asked = Matching(
        treated="treat", outcome="re78", covariates=("age", "educ"), squares=("age",), distance="mahalanobis"
    )
    frame = NSW.iloc[:2_000]
    small = frame.astype({"age": "int8", "educ": "int8"})
    assert asked.fit(small).total().values == asked.fit(frame.astype({"age": "float64"})).total().values


def test_exact_ages_of_the_training_example() -> None:
    """The Mixtape's table: difference of means -26.25, and 1695 among people of the same age, ties averaged."""
    table = causaldata.training_example.load_pandas().data
    treated = (
        table.loc[table["unit_treat"].notna(), ["age_treat", "earnings_treat"]]
        .astype(float)
        .set_axis(["age", "y"], axis=1)
    )
    others = table.loc[table["unit_control"].between(1, 20), ["age_control", "earnings_control"]].set_axis(
        ["age", "y"], axis=1
    )
    frame = pd.concat([treated.assign(t=1), others.assign(t=0)], ignore_index=True)
    assert len(frame) == 30
    means = frame.groupby("t")["y"].mean()
    assert means[1] - means[0] == pytest.approx(-26.25, abs=0.005)
    asked = matching(covariates=("age",), exact=("age",), distance="scaled", replace=True)
    assert asked.fit(frame).total().values[0] == pytest.approx(1695.0, abs=0.005)


def test_order_of_rows_changes_nothing_where_scores_tie() -> None:
    """162 distinct scores among 185 treated; the pairs are those of the ids, and balance is what it always is."""
    asked = Matching(treated="treat", outcome="re78", covariates=TEN, distance="score")
    made = asked.build(NSW)
    shuffled = asked.build(NSW.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(made.sets(), shuffled.sets())
    assert made.effect().values == shuffled.effect().values
    assert "EST-044" in codes_of(made)
    assert made.score is not None
    treated = NSW["treat"].to_numpy() == 1
    assert len(np.unique(made.score.treated[treated].round(12))) == 162
    weight = made.balancing[:, 0]
    columns = NSW[list(TEN)].to_numpy(dtype=float)
    gap = np.average(columns[treated], axis=0, weights=weight[treated]) - np.average(
        columns[~treated], axis=0, weights=weight[~treated]
    )
    assert 0.05 < np.abs(gap / columns[treated].std(axis=0, ddof=1)).max() < 0.2


def test_what_is_built_satisfies_the_seam_and_reads_no_outcome() -> None:
    frame = people()
    study = Study.from_frame(frame, outcomes=["y"])
    made = matching(caliper=0.2).build(study)
    blind = matching(caliper=0.2).build(study.without_outcomes())
    assert isinstance(made, Compared)
    pd.testing.assert_frame_equal(made.sets(), blind.sets())
    wrong = matching(caliper=0.2).build(frame.assign(y=-9.0))
    pd.testing.assert_frame_equal(made.sets(), wrong.sets())
    assert made.balancing.shape == (400, 1)
    assert (made.balancing >= 0).all()
    with pytest.raises(CounterfoilError, match="DATA-019"):
        blind.effect()


@pytest.mark.parametrize("terms", [{"replace": True}, {"distance": "mahalanobis", "replace": True, "ratio": 3}, {}])
def test_untreated_are_the_treated_of_the_opposite_question(terms: dict[str, Any]) -> None:
    frame = people()
    order = {"order": "data"}
    one = matching(estimand="atc", **terms, **order).fit(frame).total()
    other = matching(estimand="att", **terms, **order).fit(frame.assign(t=1 - frame["t"])).total()
    assert one.values[0] == pytest.approx(-other.values[0], rel=1e-12)
    assert one.std_error[0] == pytest.approx(other.std_error[0], rel=1e-9)


@pytest.mark.parametrize("distance", ["score", "linear_score", "mahalanobis", "scaled"])
def test_everybody_is_both(distance: str) -> None:
    frame = people()
    found = {e: matching(estimand=e, distance=distance, replace=True).fit(frame).total() for e in ("att", "atc", "ate")}
    share = frame["t"].mean()
    together = share * found["att"].values[0] + (1 - share) * found["atc"].values[0]
    assert found["ate"].values[0] == pytest.approx(together, rel=1e-12)
    assert (found["ate"].people, found["att"].people) == (400, frame["t"].sum())


def test_covariates_in_other_units_give_the_same_pairs() -> None:
    frame = people()
    other = frame.assign(age=frame["age"] * 1e4 + 77, need=-frame["need"])
    for distance in ("linear_score", "mahalanobis", "scaled"):
        asked = matching(distance=distance, caliper=0.3)
        pd.testing.assert_frame_equal(asked.build(frame).sets().drop(columns="distance"),
                                      asked.build(other).sets().drop(columns="distance"))  # fmt: skip


def test_outcomes_in_other_units_scale_the_effect_and_its_error() -> None:
    frame = people()
    asked = matching(replace=True, bias_adjustment=True)
    one, other = asked.fit(frame).total(), asked.fit(frame.assign(y=frame["y"] * -1000 + 5e6)).total()
    assert other.values[0] == pytest.approx(-1000 * one.values[0], rel=1e-9)
    assert other.std_error[0] == pytest.approx(1000 * one.std_error[0], rel=1e-7)


def test_partners_keep_to_caliper_blocks_and_ratio() -> None:
    frame = people(800)
    made = matching(ratio=3, min_ratio=2, caliper=0.05, exact=("site",)).build(frame)
    sets = made.sets()
    assert not sets["partner"].duplicated().any()
    assert sets.groupby("person").size().between(2, 3).all()
    assert sets.groupby("person")["weight"].sum().to_numpy() == pytest.approx(1.0)
    assert (frame.loc[sets["person"], "site"].to_numpy() == frame.loc[sets["partner"], "site"].to_numpy()).all()
    assert sets["distance"].max() <= 0.05
    assert "EST-043" in codes_of(made)
    assert made.counts["matched"] + made.counts["unmatched"] == frame["t"].sum()
    effect = made.effect()
    assert effect.people == made.counts["matched"] == sets["person"].nunique()
    assert "who have a partner" in effect.estimand


@pytest.mark.parametrize("order", ["largest", "smallest", "data", "random"])
def test_who_chooses_first_matters_and_is_declared(order: str) -> None:
    frame = people()
    made = matching(order=order, seed=1, distance="mahalanobis").build(frame)
    again = matching(order=order, seed=1, distance="mahalanobis").build(frame)
    assert replicates(made, again.sets())
    if order == "random":
        assert not replicates(made, matching(order=order, seed=2, distance="mahalanobis").build(frame).sets())
    assert not replicates(made, again.sets().iloc[1:])


def test_scores_by_probit_and_by_a_learner() -> None:
    frame = people()
    probit = matching(score="probit", replace=True).fit(frame).total()
    logit = matching(replace=True).fit(frame).total()
    assert abs(probit.values[0] - logit.values[0]) < logit.std_error[0]
    learned = matching(score={"name": "gradient_boosting"}, distance="score", replace=True).fit(frame).total()
    assert learned.diagnostics["score"] == "taken as known"
    assert "EST-047" in {problem.code for problem in learned.warnings}
    assert "EST-047" not in {problem.code for problem in logit.warnings}
    assert logit.diagnostics["score"] == "its estimation is in the errors"


def test_observation_weights_count_focal_people() -> None:
    frame = people().assign(w=1.0)
    heavy = frame.assign(w=np.where(frame["age"] > 0, 3.0, 1.0))
    made = matching(distance="mahalanobis", replace=True, weights="w").build(heavy)
    each = made.effect().values[0]
    sets = made.sets()
    gaps = frame.loc[sets["person"], "y"].to_numpy() - frame.loc[sets["partner"], "y"].to_numpy()
    assert each == pytest.approx(np.average(gaps, weights=sets["weight"] * heavy.loc[sets["person"], "w"].to_numpy()))
    plain = matching(distance="mahalanobis", replace=True).fit(frame).total()
    assert matching(distance="mahalanobis", replace=True, weights="w").fit(frame).total().values == plain.values


def test_one_arm_of_several() -> None:
    frame = people().assign(arm=lambda f: np.where(f["t"] == 0, "none", np.where(f["site"] > 1, "visits", "letters")))
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        matching(treated="arm", control="none").build(frame)
    made = matching(treated="arm", control="none", arm="visits").build(frame)
    alone = matching().build(frame[frame["arm"] != "letters"])
    pd.testing.assert_frame_equal(made.sets(), alone.sets())
    assert made.effect().diagnostics["in_other_groups"] == (frame["arm"] == "letters").sum()
    assert "EST-007" in codes_of(made)
    assert (
        matching(treated="arm", control="none", arm="any").fit(frame).total().values
        == matching().fit(frame).total().values
    )


def test_more_treated_than_untreated_leaves_people_over_and_says_so() -> None:
    frame = people()
    made = matching().build(frame.assign(t=1 - frame["t"]))
    assert made.counts["unmatched"] == (frame["t"] == 0).sum() - (frame["t"] == 1).sum()
    assert "EST-043" in codes_of(made)
    assert any("still free" in problem.what for problem in made.warnings)


def test_a_caliper_or_a_column_that_leaves_nobody_is_refused() -> None:
    frame = people()
    apart = frame.assign(age=frame["age"] + 20 * frame["t"])
    with pytest.raises(CounterfoilError, match="IDENT-038"):
        matching(distance="mahalanobis", caliper=0.1, covariates=("age",), exact=("own",)).build(
            frame.assign(own=np.arange(400))
        )
    with pytest.raises(CounterfoilError, match="EST-002"):
        matching(caliper=0.1).build(apart)
    near = frame.assign(age=frame["age"].round(1) + 0.001 * frame["t"])
    with pytest.raises(CounterfoilError, match="IDENT-038"):
        matching(covariates=("age",), distance="mahalanobis", caliper=1e-6, replace=True).build(near)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"t": 1}, "IDENT-001"),
        ({"t": 0}, "IDENT-001"),
        ({"age": np.nan}, "DATA-014"),
        ({"t": [1] + [0] * 399}, "EST-001"),
        ({"t": 0.5}, "DATA-013"),
    ],
)
def test_groups_that_cannot_be_compared(change: dict[str, Any], code: str) -> None:
    with pytest.raises(CounterfoilError, match=code):
        matching(distance="mahalanobis").build(people().assign(**change))


def test_more_covariates_than_people() -> None:
    rng = np.random.default_rng(0)
    names = [f"x{j}" for j in range(40)]
    frame = pd.DataFrame(rng.normal(size=(30, 40)), columns=names).assign(t=[0, 1] * 15, y=0.0)
    with pytest.raises(CounterfoilError, match="EST-003"):
        matching(covariates=names, distance="mahalanobis").build(frame)


@pytest.mark.parametrize("distance", ["linear_score", "mahalanobis", "scaled"])
def test_constant_covariates_and_levels_of_one_group(distance: str) -> None:
    frame = people().assign(same=7, site=lambda f: np.where((f["t"] == 1) & (f["age"] > 1.2), "zone", "some"))
    made = matching(covariates=("age", "same"), distance=distance).build(frame)
    assert "EST-005" in codes_of(made)
    assert made.effect().values == matching(covariates=("age",), distance=distance).fit(frame).total().values
    if distance != "linear_score":
        one_sided = matching(covariates=("age", "site"), distance=distance, order="data").build(frame)
        assert "EST-042" in codes_of(one_sided)


def test_without_covariates_everybody_ties() -> None:
    frame = people(60)
    made = matching(covariates=(), replace=True).build(frame)
    means = frame.groupby("t")["y"].mean()
    assert made.effect().values[0] == pytest.approx(means[1] - means[0])
    assert {"EST-006"} <= codes_of(made)


@pytest.mark.parametrize(
    "terms",
    [
        {"estimand": "ate"},
        {"ratio": 1, "min_ratio": 2},
        {"bias_adjustment": ("height",)},
        {"errors": "matched_sets", "replace": True},
        {"errors": "abadie_imbens", "cluster": "site"},
        {"errors": "matched_sets", "vcov": "HC1"},
        {"vcov": "HC2"},
        {"vcov": "CR2", "cluster": "site"},
        {"replace": True, "method": "exact"},
        {"caliper": 0.0},
    ],
)
def test_terms_that_contradict_each_other(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        matching(**terms)


def test_everybodys_effect_without_overlap_is_warned_of() -> None:
    """Treated people stand for thousands in the survey: case of Imbens and Xu, asked for the wrong people."""
    made = Matching(treated="treat", outcome="re78", covariates=TEN, replace=True, estimand="ate").build(NSW)
    said = [problem.what for problem in made.warnings if problem.code == "EST-004"]
    assert any("the treated count as" in what for what in said)
    assert any("of the weight of the treated" in what for what in said)
