"""Matching by sets and by least total distance, from a request to the effect: published cases, order of rows, refusals."""

from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from pydantic import ValidationError

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import stack
from counterfoil.estimators.matching.matching import Matching

METHODS = ("optimal", "full", "exact", "coarsened_exact", "subclassification")


def people(n: int = 300, seed: int = 0, slope: float = 1.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.integers(0, 3, n)
    treated = (rng.random(n) < 1 / (1 + np.exp(1 - slope * x - 0.3 * z))).astype(int)
    y = x + z + treated * (1 + 0.5 * x) + rng.normal(size=n)
    return pd.DataFrame({"y": y, "t": treated, "x": x, "z": z, "site": np.array(["n", "s", "w"])[z]})


def spec(method: str, **terms: Any) -> Matching:
    covariates = ("z", "site") if method == "exact" else ("x", "z")
    return Matching.model_validate(
        {"outcome": "y", "treated": "t", "covariates": covariates, "method": method, **terms}
    )


def titanic() -> pd.DataFrame:
    data = causaldata.titanic.load_pandas().data
    return pd.DataFrame(
        {
            "first": (data["class"] == "1st class").astype(int),
            "survived": (data["survived"] == "yes").astype(int),
            "age": data["age"].astype(str),
            "sex": data["sex"].astype(str),
        }
    )


@pytest.mark.parametrize(("estimand", "figure"), [("att", 0.237542), ("atc", 0.188785), ("ate", 0.195984)])
def test_first_class_on_the_titanic(estimand: str, figure: float) -> None:
    asked = Matching.model_validate(
        {
            "outcome": "survived",
            "treated": "first",
            "covariates": ("age", "sex"),
            "method": "exact",
            "estimand": estimand,
        }
    )
    gain = asked.fit(titanic()).total()
    assert gain.values[0] == pytest.approx(figure, abs=5e-7)
    assert gain.std_error[0] > 0
    thin = [problem for problem in gain.warnings if problem.code == "EST-004"]
    assert any("hang on 5 or fewer people of one group, 1 of them on a single person" in p.what for p in thin)


def test_raw_difference_on_the_titanic() -> None:
    data = titanic()
    asked = Matching(outcome="survived", treated="first", method="exact", covariates=())
    assert asked.fit(data).total().values[0] == pytest.approx(0.353826, abs=5e-7)


def training() -> pd.DataFrame:
    """Return the 30 people of the example: its last rows are a printed summary, and one column is text."""
    data = causaldata.training_example.load_pandas().data
    parts = []
    for arm, count in (("treat", 10), ("control", 20)):
        part = data[[f"age_{arm}", f"earnings_{arm}"]].iloc[:count].apply(pd.to_numeric)
        parts.append(part.set_axis(["age", "earnings"], axis=1).assign(t=int(arm == "treat")))
    return pd.concat(parts, ignore_index=True)


def test_trainees_matched_exactly_on_age() -> None:
    """Cunningham (2021), *Causal Inference: The Mixtape*, section 5.3: $1,695; the raw difference is -$26.25."""
    data = training()
    raw = data.groupby("t")["earnings"].mean()
    assert raw[1] - raw[0] == pytest.approx(-26.25)
    gain = Matching(outcome="earnings", treated="t", covariates=("age",), method="exact").fit(data).total()
    assert gain.values[0] == pytest.approx(1695.0)
    assert np.isfinite(gain.std_error[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("adjusted", [False, True])
def test_the_order_of_rows_changes_nothing(method: str, adjusted: bool) -> None:
    data = people()
    data["x"] = data["x"].round(1)  # many exact ties
    asked = spec(method, bias_adjustment=adjusted)
    shuffled = data.sample(frac=1.0, random_state=1)
    one, other = asked.build(data), asked.build(shuffled)
    rows = [
        frame[["person", "partner"]].sort_values(["person", "partner"], ignore_index=True)
        for frame in (one.sets(), other.sets())
    ]
    pd.testing.assert_frame_equal(*rows)
    assert one.effect().values == pytest.approx(other.effect().values)
    assert one.effect().std_error == pytest.approx(other.effect().std_error)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("estimand", ["att", "atc", "ate"])
def test_weights_balance_and_estimates_agree(method: str, estimand: str) -> None:
    if (method, estimand) == ("optimal", "ate"):
        return
    data = people()
    made = spec(method, estimand=estimand).build(data)
    gain = made.effect()
    treated = data["t"].to_numpy() == 1
    weight = made.balancing[:, 0]
    means = [np.average(data["y"][side], weights=weight[side]) for side in (treated, ~treated)]
    assert gain.values[0] == pytest.approx(means[0] - means[1])
    assert gain.riesz is not None
    assert (gain.riesz[:, 0] * data["y"]).mean() == pytest.approx(gain.values[0])
    assert gain.diagnostics["matched"] + gain.diagnostics["unmatched"] == gain.diagnostics["wanted"]
    assert 0 < gain.std_error[0] < 1
    blind = spec(method, estimand=estimand).build(data.assign(y=0.0))
    assert (blind.balancing == made.balancing).all()


def test_the_least_total_distance_is_no_more_than_greedy() -> None:
    for seed in range(5):
        data = people(seed=seed)
        totals = [spec(method).build(data).sets()["distance"].sum() for method in ("optimal", "nearest")]
        assert totals[0] <= totals[1] + 1e-9


@pytest.mark.parametrize("estimand", ["att", "atc"])
@pytest.mark.parametrize("method", ["optimal", "full"])
def test_adjusted_effects_by_set_are_weighted_regressions_clustered_by_set(method: str, estimand: str) -> None:
    """As users of matched samples fit it: treatment, covariates centred at the focal people, and products."""
    data = people(150)
    made = spec(method, estimand=estimand, bias_adjustment=("x",)).build(data)
    gain = made.effect()
    sets, weight = made.matches.sets, made.balancing[:, 0]
    assert sets is not None
    used = weight > 0
    treated = data["t"].to_numpy()[used]
    focal = treated == (1 if estimand == "att" else 0)
    x = data["x"].to_numpy()[used]
    x = x - x[focal].mean()
    design = np.column_stack([np.ones(len(x)), treated, x, x * treated])
    fit = sm.WLS(data["y"].to_numpy()[used], design, weight[used]).fit()
    assert gain.error_type == "matched_sets"
    assert gain.values[0] == pytest.approx(fit.params[1])
    # The regression takes focal people's covariates as fixed; here they vary, with the other group's line less their own.
    slopes = fit.params[3] * x * focal
    bread = np.linalg.inv(design.T * weight[used] @ design)
    influence = (design @ bread)[:, 1] * weight[used] * fit.resid + slopes / focal.sum()
    sums = np.bincount(sets[used], influence)
    many = len(np.unique(sets[used]))
    assert gain.std_error[0] ** 2 == pytest.approx((sums**2).sum() * many / (many - 1))


def test_a_variable_number_of_partners() -> None:
    data = people(400, slope=0.5).assign(t=lambda frame: frame["t"] * (np.arange(400) % 2))
    made = spec("optimal", ratio=2, max_ratio=4).build(data)
    many = made.sets().groupby("person").size()
    assert many.mean() == pytest.approx(2)
    assert 1 <= many.min() < many.max() <= 4


def test_limits_of_full_matching() -> None:
    sets = spec("full", max_ratio=4).build(people()).matches.sets
    assert sets is not None
    assert np.bincount(sets).max() <= 5


def test_declared_cuts_and_merged_words() -> None:
    data = people()
    asked = spec(
        "coarsened_exact",
        covariates=("x", "site"),
        cutpoints={"x": (-1.0, 0.0, 1.0)},
        merge={"site": {"south or west": ("s", "w")}},
    )
    sets = asked.build(data).matches.sets
    assert sets is not None
    merged = np.where(data["site"] == "n", "n", "other")
    cells = [np.digitize(data["x"], [-1.0, 0.0, 1.0]), merged]
    for _, group in data.assign(set=sets).groupby([pd.Series(cell) for cell in cells]):
        both = group["t"].nunique() == 2
        assert group["set"].nunique() == 1
        assert (group["set"].iloc[0] >= 0) == both


def test_adjusting_within_subclasses_mends_what_they_leave() -> None:
    gaps = []
    for seed in range(20):
        data = people(600, seed)
        truth = 1 + 0.5 * data.loc[data["t"] == 1, "x"].mean()
        plain, adjusted = (spec("subclassification", bias_adjustment=on).fit(data).total() for on in (False, True))
        gaps.append([plain.values[0] - truth, adjusted.values[0] - truth])
    bias = np.mean(gaps, axis=0)
    assert bias[0] > 0.08
    assert abs(bias[1]) < 0.06


def test_a_subclass_without_a_group_is_joined_and_told_of() -> None:
    data = pd.DataFrame({"x": np.arange(40.0), "t": (np.arange(40) >= 18).astype(int), "y": np.arange(40.0)})
    data.loc[[5, 30], "t"] = [1, 0]
    made = spec("subclassification", covariates=("x",)).build(data)
    assert made.counts["sets_joined"] > 0
    assert made.counts["unmatched"] == 0
    assert any("joined with the one next to it" in problem.what for problem in made.warnings)


def test_estimates_within_sets_join_with_others() -> None:
    data = people()
    blocks = [spec(method).fit(data).total() for method in ("exact", "subclassification")]
    assert stack(blocks, ["exact", "subclasses"]).std_error == pytest.approx([block.std_error[0] for block in blocks])


def test_clusters_are_kept() -> None:
    data = people().assign(village=np.arange(300) % 25)
    gain = spec("exact", cluster="village").fit(data).total()
    assert gain.error_type == "CR1"
    assert gain.df == 24


def test_more_treated_than_untreated_leaves_some_without_a_partner() -> None:
    data = people().assign(t=lambda frame: 1 - frame["t"])
    gain = spec("optimal").fit(data).total()
    untreated = int((data["t"] == 0).sum())
    assert gain.diagnostics["matched"] == untreated
    assert "EST-043" in {problem.code for problem in gain.warnings}
    assert gain.people == untreated


def test_sets_of_one_group_are_left_out_and_counted() -> None:
    data = people()
    data.loc[data["z"] == 2, "t"] = 1
    gain = spec("exact").fit(data).total()
    assert gain.diagnostics["sets_of_one_group"] == 1
    assert gain.diagnostics["unmatched"] == int((data["z"] == 2).sum())
    assert "EST-043" in {problem.code for problem in gain.warnings}


def test_constant_covariates_are_one_set() -> None:
    data = people().assign(z=1, site="n")
    assert spec("exact").build(data).counts["sets"] == 1


def test_a_list_of_near_people_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("counterfoil.estimators.matching.ratio_limits.FIRST", 500)
    monkeypatch.setattr("counterfoil.estimators.matching.ratio_limits.ROUNDS", 1)
    data = people(400, slope=0.5).assign(t=lambda frame: frame["t"] * (np.arange(400) % 2))
    made = spec("optimal", ratio=2, max_ratio=4).build(data)
    assert "EST-045" in {problem.code for problem in made.warnings}


@pytest.mark.parametrize(
    ("method", "change", "code"),
    [
        ("exact", {"z": lambda frame: frame["t"]}, "IDENT-038"),
        ("coarsened_exact", {"x": lambda frame: 10 * frame["t"]}, "IDENT-038"),
        ("full", {"t": 1}, "IDENT-001"),
    ],
)
def test_nobody_to_compare_with_is_refused(method: str, change: dict[str, Any], code: str) -> None:
    with pytest.raises(CounterfoilError, match=code):
        spec(method).build(people().assign(**change))


def test_one_person_of_a_group_says_nothing_of_errors() -> None:
    data = people().assign(t=lambda frame: (frame.index < 2).astype(int), z=lambda frame: frame.index.to_numpy() % 2)
    data = data.assign(z=lambda frame: np.where(frame.index == 1, 9, 0), site="n")
    with pytest.raises(CounterfoilError, match="EST-001"):
        spec("exact").fit(data)


@pytest.mark.parametrize(
    ("method", "terms"),
    [
        ("nearest", {"max_ratio": 3}),
        ("optimal", {"ratio": 3, "max_ratio": 2}),
        ("optimal", {"estimand": "ate"}),
        ("exact", {"cutpoints": {"z": (1.0,)}}),
        ("coarsened_exact", {"cutpoints": {"age": (1.0,)}}),
        ("coarsened_exact", {"cutpoints": {"x": 0}}),
        ("coarsened_exact", {"merge": {"z": {"ab": ("a", "b"), "bc": ("b", "c")}}}),
        ("exact", {"errors": "abadie_imbens"}),
        ("exact", {"caliper": 0.2}),
        ("full", {"ratio": 2}),
        ("full", {"subclasses": 6}),
    ],
)
def test_terms_that_contradict_each_other_are_refused(method: str, terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(method, **terms)


@pytest.mark.parametrize(
    ("terms", "code"),
    [({"cutpoints": {"site": (1.0,)}}, "DATA-013"), ({"merge": {"x": {"ab": ("a", "b")}}}, "DATA-013")],
)
def test_words_are_merged_and_numbers_are_cut(terms: dict[str, Any], code: str) -> None:
    with pytest.raises(CounterfoilError, match=code):
        spec("coarsened_exact", covariates=("x", "site"), **terms).build(people())
