"""Published-style digits on rice, agreement with statsmodels, the augmented path, and refusals."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from counterfoil.attribution import RULES, EqualSplit, Shapley, rule_named
from counterfoil.datasets import Study, simulate_cradle
from counterfoil.datasets.cradle import PROVIDERS
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, ContributionFit, Experiment, functional
from counterfoil.estimators.propensity import pattern_propensity


def rice_fit(study: Study, **terms: Any) -> ContributionFit:
    return Contribution(outcome="takeup", cluster="address", **terms).fit(study)


@pytest.mark.parametrize(
    ("scope", "target", "vcov", "errors", "total_error", "covariance"),
    [
        ("served", "sample", "CR1", (0.017637, 0.013611), 0.024452, 5.0781e-05),
        ("served", "population", "CR1", (0.018013, 0.013610), 0.024728, 5.0870e-05),
        ("served", "sample", "G", (0.017618, 0.013596), 0.024426, 5.0673e-05),
        ("served", "population", "G", (0.017994, 0.013596), 0.024701, 5.0762e-05),
        ("everyone", "sample", "CR1", (0.033757, 0.026507), 0.044906, 8.7201e-05),
        ("everyone", "population", "CR1", (0.033757, 0.026507), 0.044906, 8.7201e-05),
        ("everyone", "sample", "G", (0.033722, 0.026478), 0.044858, None),
    ],
)
def test_rice(
    rice: Study,
    scope: str,
    target: str,
    vcov: str,
    errors: tuple[float, float],
    total_error: float,
    covariance: float | None,
) -> None:
    factor = 166 / 165 if vcov == "G" else 1.0
    fit = rice_fit(rice, scope=scope, target=target, vcov="CR0" if vcov == "G" else vcov)
    credits, total = functional(fit, Shapley()), fit.total()
    values = (0.051725, 0.001294, 0.053019) if scope == "served" else (0.105606, 0.001440, 0.107046)
    assert (*credits.values, *total.values) == pytest.approx(values, abs=5e-7)
    assert credits.std_error * np.sqrt(factor) == pytest.approx(errors, abs=6e-7)
    assert total.std_error[0] * np.sqrt(factor) == pytest.approx(total_error, abs=6e-7)
    if covariance is not None:
        assert credits.cov()[0, 1] * factor == pytest.approx(covariance, abs=6e-10)


def test_rice_total_is_the_contrast_of_cell_means(rice: Study) -> None:
    outcome, served = rice.outcome("takeup"), rice.roster(["default", "intensive"]).exposure
    nobody = outcome[~served.any(axis=1)].mean()
    assert rice_fit(rice).total().values[0] == pytest.approx(outcome.mean() - nobody, abs=1e-15)
    contrast = outcome[served.all(axis=1)].mean() - nobody
    assert rice_fit(rice, scope="everyone").total().values[0] == pytest.approx(contrast, abs=1e-15)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Three providers, two covariates, patterns that depend on them; everybody's pattern has company."""
    rng = np.random.default_rng(11)
    size = 1_500
    x = rng.normal(size=(size, 2))
    chance = 1 / (1 + np.exp(-(x @ [[0.5, -0.3, 0.2], [0.0, 0.4, -0.4]])))
    served = rng.random((size, 3)) < chance
    effect = served @ [0.5, 0.3, -0.1] + 0.4 * (served[:, 0] & served[:, 1])
    outcome = 1 + x @ [1.0, 0.5] + effect + rng.normal(size=size)
    data = {"x1": x[:, 0], "x2": x[:, 1], **{f"p{j}": served[:, j].astype(int) for j in range(3)}, "y": outcome}
    return pd.DataFrame({**data, "site": rng.integers(0, 40, size), "dose": rng.integers(1, 9, size)})


NAMES = ("p0", "p1", "p2")


@pytest.mark.parametrize("model", ["additive", "pairwise", "saturated"])
@pytest.mark.parametrize("vcov", ["HC0", "HC1", "HC2", "HC3", "classical"])
def test_regression_path_equals_the_statsmodels_sandwich(frame: pd.DataFrame, model: str, vcov: str) -> None:
    spec = Contribution.model_validate(
        {"outcome": "y", "providers": NAMES, "covariates": ("x1", "x2"), "model": model, "vcov": vcov}
    )
    ours = functional(spec.fit(frame), Shapley())
    served = frame[list(NAMES)].to_numpy(dtype=float)
    largest = {"additive": 1, "pairwise": 2, "saturated": 3}[model]
    sets = [term for size in range(1, largest + 1) for term in itertools.combinations(range(3), size)]
    design = np.column_stack([np.ones(len(frame)), frame[["x1", "x2"]], *(served[:, t].all(axis=1) for t in sets)])
    theirs = sm.OLS(frame["y"], design.astype(float)).fit(cov_type="nonrobust" if vcov == "classical" else vcov)
    # In dividend form each provider in T receives 1/|T| of the T column's coefficient for everybody who had T.
    direction = np.zeros((3, design.shape[1]))
    for column, members in enumerate(sets, start=3):
        for j in members:
            direction[j, column] = served[:, members].all(axis=1).mean() / len(members)
    np.testing.assert_allclose(ours.values, direction @ theirs.params, rtol=1e-10)
    np.testing.assert_allclose(ours.cov(), direction @ theirs.cov_params() @ direction.T, rtol=1e-8)


ALL_RULES: dict[str, dict[str, Any]] = {
    **{name: {} for name in RULES if name != "order_of_service"},
    "owen": {"unions": [["p0", "p2"]]},
    "stage_respecting": {"stages": [["p1"], ["p0", "p2"]]},
    "plurality": {"ties": "equal"},
    "fixed": {"fractions": {"p0": "0.7", "p2": "0.3"}},
}


@pytest.mark.parametrize("design", ["randomized", "unconfounded"])
@pytest.mark.parametrize("model", ["additive", "pairwise", "saturated"])
@pytest.mark.parametrize("by_covariates", [False, True])
def test_efficient_rules_sum_to_the_total(frame: pd.DataFrame, design: str, model: str, by_covariates: bool) -> None:
    terms = {"outcome": "y", "providers": NAMES, "covariates": ("x1", "x2"), "design": design, "model": model}
    study = Study.from_frame(frame, providers=NAMES, outcomes=["y"], doses=dict.fromkeys(NAMES, "dose"))
    fit = Contribution.model_validate({**terms, "effects_by_covariates": by_covariates}).fit(study)
    total = fit.total()
    for name, terms in ALL_RULES.items():
        rule = rule_named(name, NAMES, **terms)
        credits = functional(fit, rule)
        if rule.efficient:
            assert abs(credits.values.sum() - total.values[0]) <= 1e-12 * np.abs(frame["y"]).max()
            gap = credits.scores().sum(axis=1) - total.scores()[:, 0]
            # With doses on the augmented path the averaged weights still sum to the total's weight.
            assert np.abs(gap).max() <= 1e-9 * np.abs(total.scores()).max()


def test_one_provider_is_the_augmented_att_times_the_share_served(frame: pd.DataFrame) -> None:
    spec = Contribution(
        outcome="y", providers=("p0",), covariates=("x1", "x2"), design="unconfounded", effects_by_covariates=True
    )
    ours = functional(spec.fit(frame), Shapley()).values[0]
    treated = frame["p0"].to_numpy() == 1
    x = sm.add_constant(frame[["x1", "x2"]].to_numpy())
    score = sm.Logit(treated.astype(float), x).fit(disp=0, tol=1e-12).predict()
    y = frame["y"].to_numpy()
    baseline = x @ np.linalg.lstsq(x[~treated], y[~treated], rcond=None)[0]
    att = (treated * (y - baseline) - ~treated * score / (1 - score) * (y - baseline)).mean()
    assert ours == pytest.approx(att, abs=1e-9)


def test_propensity_equals_a_logit(frame: pd.DataFrame) -> None:
    x = frame[["x1", "x2"]].to_numpy()
    treated = frame["p0"].to_numpy()
    theirs = sm.Logit(treated, sm.add_constant(x)).fit(disp=0, tol=1e-12).predict()
    np.testing.assert_allclose(pattern_propensity(treated.astype(np.intp), x)[:, 1], theirs, atol=1e-9)


def test_missing_the_confounder_shows_on_cradle_and_naming_it_recovers_the_truth() -> None:
    drawn = simulate_cradle(size=20_000, seed=8)
    fits = {
        covariates: Contribution(
            providers=PROVIDERS, covariates=covariates, design="unconfounded", model="pairwise"
        ).fit(drawn.study)
        for covariates in ((), ("need",))
    }
    blind, seeing = (functional(fits[key], Shapley()) for key in ((), ("need",)))
    assert np.abs((seeing.values - drawn.credits) / seeing.std_error).max() < 4
    assert np.abs((blind.values - drawn.credits) / blind.std_error).max() > 4
    assert [problem.code for problem in blind.warnings] == ["EST-006"]


def test_augmented_weights_recover_the_truth_when_the_outcome_model_is_wrong() -> None:
    """Double robustness: outcomes bend with need, the outcome model is a straight line, the propensity is right."""
    drawn = simulate_cradle(size=30_000, seed=4)
    study, need = drawn.study, drawn.study.people["need"].to_numpy()
    assert study.outcomes is not None
    bent = study.outcomes.assign(value=study.outcomes["value"].to_numpy() + 3 * need**2)
    bent_study = Study.from_tables(study.people, services=study.services, outcomes=bent)
    terms = {"providers": PROVIDERS, "covariates": ("need",), "design": "unconfounded"}
    saturated = functional(Contribution.model_validate({**terms, "model": "saturated"}).fit(bent_study), Shapley())
    pairwise = functional(Contribution.model_validate({**terms, "model": "pairwise"}).fit(bent_study), Shapley())
    assert np.abs((saturated.values - drawn.credits) / saturated.std_error).max() < 4
    assert np.abs((pairwise.values - drawn.credits) / pairwise.std_error).max() > 4


def code(frame: pd.DataFrame, rule: str = "shapley", **terms: Any) -> str:
    with pytest.raises(CounterfoilError) as caught:
        functional(
            Contribution.model_validate({"outcome": "y", "providers": NAMES, **terms}).fit(frame),
            rule_named(rule, NAMES),
        )
    return caught.value.codes[0]


def test_refusals(frame: pd.DataFrame) -> None:
    nobody = ~frame[list(NAMES)].any(axis=1)
    alone = (frame["p0"] == 1) & (frame[["p1", "p2"]].sum(axis=1) == 0)
    assert code(frame.assign(p1=0)) == "IDENT-005"
    assert code(frame[~nobody]) == "IDENT-004"
    assert code(frame[~alone]) == "IDENT-002"
    assert code(frame.assign(p1=frame["p0"]), model="additive") == "IDENT-003"
    assert code(frame.assign(p1=1), model="additive") in {"IDENT-003", "IDENT-004"}
    assert code(frame.assign(site=0), cluster="site") == "IDENT-006"
    assert code(frame, "dose_split") == "ATTR-002"
    assert code(frame.assign(x3=nobody), design="unconfounded", covariates=["x3"]) == "EST-002"


def test_a_rule_that_asks_for_less_is_answered_where_shapley_is_refused(frame: pd.DataFrame) -> None:
    alone = (frame["p0"] == 1) & (frame[["p1", "p2"]].sum(axis=1) == 0)
    fit = Contribution(outcome="y", providers=NAMES).fit(frame[~alone])
    assert functional(fit, EqualSplit()).values.shape == (3,)
    assert fit.total().values.shape == (1,)


def test_sparse_pairs_and_extrapolation_are_told(frame: pd.DataFrame) -> None:
    fit = Contribution(outcome="y", providers=NAMES, model="pairwise", min_pair=10_000).fit(frame)
    assert [problem.code for problem in fit.warnings] == ["IDENT-008"]
    alone = (frame["p0"] == 1) & (frame[["p1", "p2"]].sum(axis=1) == 0)
    credits = functional(Contribution(outcome="y", providers=NAMES, model="pairwise").fit(frame[~alone]), Shapley())
    assert [problem.code for problem in credits.warnings] == ["IDENT-009"]
    assert "p0" in credits.warnings[0].what


def test_everyone_is_only_for_lotteries() -> None:
    with pytest.raises(ValueError, match="only a lottery"):
        Contribution(scope="everyone", design="unconfounded")


@pytest.mark.parametrize("design", ["randomized", "unconfounded"])
def test_a_pattern_of_one_person_is_refused(frame: pd.DataFrame, design: str) -> None:
    alone = (frame["p0"] == 1) & (frame[["p1", "p2"]].sum(axis=1) == 0)
    data = frame.drop(index=frame.index[alone][1:])
    assert code(data, design=design, covariates=("x1",)) == "EST-001"


@pytest.mark.parametrize("kept", [2, 3])
def test_dose_split_is_efficient_where_a_cell_is_smaller_than_its_covariates(frame: pd.DataFrame, kept: int) -> None:
    both = (frame["p0"] == 1) & (frame["p1"] == 1) & (frame["p2"] == 0)
    central = np.hypot(frame["x1"], frame["x2"])[both].sort_values().index  # at the edge they would be separable
    data = frame.drop(index=central[kept:])
    study = Study.from_frame(data, providers=NAMES, outcomes=["y"], doses={"p0": "dose", "p1": "site", "p2": "dose"})
    fit = Contribution(providers=NAMES, covariates=("x1", "x2"), design="unconfounded").fit(study)
    credits, total = functional(fit, rule_named("dose_split")), fit.total()
    assert abs(credits.values.sum() - total.values[0]) <= 1e-12 * np.abs(data["y"]).max()
    np.testing.assert_allclose(credits.scores().sum(axis=1), total.scores()[:, 0], atol=1e-9)


def test_idle_covariates_are_told(frame: pd.DataFrame) -> None:
    fit = Contribution(outcome="y", providers=NAMES, covariates=("x1", "twice")).fit(
        frame.assign(twice=2 * frame["x1"])
    )
    assert [problem.code for problem in fit.warnings] == ["EST-005"]


def test_effect_per_person_served_is_the_difference_in_means_of_a_single_lottery(frame: pd.DataFrame) -> None:
    lottery = Experiment(outcome="y", assigned="p0", vcov="HC0").fit(frame)
    for target in ("population", "sample"):
        spec = Contribution.model_validate({"outcome": "y", "providers": ("p0",), "vcov": "HC0", "target": target})
        served = spec.fit(frame).per_served(Shapley())
        assert served.values[0] == pytest.approx(lottery.values[0], rel=1e-10)
        assert served.std_error[0] == pytest.approx(lottery.std_error[0], rel=1e-10)


def test_the_influence_function_is_the_brute_force_game(frame: pd.DataFrame) -> None:
    """Each person's influence value from 2^K coalition values, for rules that are values of v (facts 1 and 7)."""
    covariates = ("x1", "x2")
    spec = Contribution(outcome="y", providers=NAMES, covariates=covariates, design="unconfounded", target="population")
    fit = spec.fit(frame)
    surface, y = fit.surface, frame["y"].to_numpy()
    own = [tuple(np.flatnonzero(row).tolist()) for row in surface.patterns]
    position = {pattern: index for index, pattern in enumerate(own)}
    assert surface.propensity is not None
    coefficients = surface.regression[1].coefficients
    slopes = dict(zip(surface.terms, coefficients[surface.controls.shape[1] :], strict=True))
    base = surface.controls @ coefficients[: surface.controls.shape[1]] + np.average(y)
    mean = {pattern: base + slopes.get(pattern, 0.0) for pattern in own}
    game = np.zeros((len(frame), 8))
    for mask in range(8):
        coalition = {j for j in range(3) if mask >> j & 1}
        for i in range(len(frame)):
            served = own[surface.pattern[i]]
            cut = tuple(j for j in served if j in coalition)
            weight = 0.0
            if set(served) <= coalition:
                reach = [a for a in own if tuple(j for j in a if j in coalition) == served]
                chances = surface.propensity[i]
                weight = sum(chances[position[a]] for a in reach) / chances[position[served]]
            game[i, mask] = mean[cut][i] + weight * (y[i] - mean[served][i])
    for name in ("shapley", "owen", "last_in", "first_in", "banzhaf", "stage_respecting"):
        rule = rule_named(name, NAMES, **ALL_RULES[name])
        brute = game @ rule.weights((0, 1, 2), None).T
        credits = functional(fit, rule)
        assert credits.influence is not None
        np.testing.assert_allclose(credits.values, brute.mean(axis=0), atol=1e-12)
        np.testing.assert_allclose(credits.influence, brute - brute.mean(axis=0), atol=1e-10)


def test_realized_luck_leaves_only_the_baseline_uncertain(frame: pd.DataFrame) -> None:
    """The realized credits of an efficient rule sum to what happened less the predicted baseline of served people."""
    fits = {t: Contribution.model_validate({"outcome": "y", "providers": NAMES, "target": t, "vcov": "HC0"}).fit(frame) for t in ("realized", "sample")}  # fmt: skip
    totals = {target: fit.total() for target, fit in fits.items()}
    assert totals["realized"].values == totals["sample"].values
    nobody = ~frame[list(NAMES)].any(axis=1).to_numpy()
    spread = frame["y"][nobody].var(ddof=0)
    expected = (1 - nobody.mean()) * np.sqrt(spread / nobody.sum())
    assert totals["realized"].std_error[0] == pytest.approx(expected, rel=1e-10)
    assert totals["realized"].std_error[0] < totals["sample"].std_error[0]


@pytest.mark.parametrize("model", ["pairwise", "saturated"])
def test_scope_everyone_gives_those_credited_together_all_that_they_did(frame: pd.DataFrame, model: str) -> None:
    # Merged providers have a column for each combination; nobody has two of them, under scope everyone neither.
    spec = Contribution.model_validate(
        {"outcome": "y", "providers": NAMES, "model": model, "scope": "everyone", "together": (("p1", "p0"),)}
    )
    fit = spec.fit(frame)
    served = frame[list(NAMES)].to_numpy(dtype=bool)
    levels = {"both": (1, 1), "first": (1, 0), "second": (0, 1)}
    level = {name: (served[:, :2] == on).all(axis=1) for name, on in levels.items()}
    columns = [np.ones(len(frame)), *level.values(), served[:, 2], *(held & served[:, 2] for held in level.values())]
    slopes = np.linalg.lstsq(np.column_stack(columns).astype(float), frame["y"].to_numpy(), rcond=None)[0]
    both, other, joint = slopes[1], slopes[4], slopes[5]
    assert fit.total().values[0] == pytest.approx(both + other + joint, abs=1e-10)
    assert functional(fit, Shapley()).values == pytest.approx([both + joint / 2, other + joint / 2], abs=1e-10)
    apart = frame.assign(p1=frame["p1"] * (1 - frame["p0"]))
    with pytest.raises(CounterfoilError, match=r"nobody had all of: p1 \+ p0"):
        spec.fit(apart).total()
