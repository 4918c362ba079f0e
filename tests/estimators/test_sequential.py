"""Credit that includes referrals: against a person-by-person computation, the one-stage case, known truths, and refusals."""

import itertools
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from pydantic import ValidationError

from counterfoil.attribution import Shapley
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution, SequentialContribution, SequentialFit
from counterfoil.estimators.enrolment import enrolment_chances
from counterfoil.estimators.sequential_policy import coalition_influence, design_rows

NAMES = ("a", "b", "c")
TWO = {"stages": (("a", "b"), ("c",)), "progress": (("l1",),)}
THREE = {"stages": (("a",), ("b",), ("c",)), "progress": (("l1",), ("l2",))}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Three providers, the later ones reached by people whom the earlier ones helped little."""
    rng = np.random.default_rng(21)
    size = 1_200
    x, hidden = rng.normal(size=(2, size))

    def enrol(logit: Any) -> Any:
        return (rng.random(size) < 1 / (1 + np.exp(-logit))).astype(int)

    a = enrol(-0.2 - 0.5 * x)
    l1 = 0.5 * x + 0.6 * a + hidden + rng.normal(size=size)
    b = enrol(0.2 + 0.6 * a - 0.5 * l1)
    l2 = 0.5 * l1 + 0.4 * b + rng.normal(size=size)
    c = enrol(-0.3 + 0.5 * b - 0.4 * l2)
    y = 1 + x + 0.5 * a + 0.3 * b + 0.2 * c + 0.4 * a * c + 0.5 * l2 + hidden + rng.normal(size=size)
    columns = {"a": a, "b": b, "c": c, "x": x, "l1": l1, "l2": l2, "y": y, "site": np.arange(size) % 40}
    return pd.DataFrame(columns)


def fitted(frame: pd.DataFrame, **terms: Any) -> SequentialFit:
    return SequentialContribution.model_validate({"outcome": "y", "covariates": ("x",), **THREE, **terms}).fit(frame)


def by_hand(frame: pd.DataFrame, stages: Any, progress: Any, coalition: set[str]) -> np.ndarray[Any, Any]:
    """Compute u(S) from the formula: a regression in every cell of services on everybody, and a logit a stage."""
    n = len(frame)
    history: list[str] = ["x"]
    steps = []
    for number, stage in enumerate(stages):
        history += list(progress[number - 1]) if number else []
        past = [name for earlier in stages[:number] for name in earlier]
        chosen = [tuple(row) for row in frame[list(stage)].to_numpy()]
        choices = sorted(set(chosen))
        design = sm.add_constant(frame[[*history, *past]])
        chances = sm.MNLogit([choices.index(one) for one in chosen], design).fit(disp=0, tol=1e-12).predict()
        steps.append((stage, past, list(history), chosen, choices, np.asarray(chances)))
    running = np.ones(n)
    products = []
    for stage, _, _, chosen, choices, chances in steps:
        ratio = np.zeros(n)
        for i in range(n):
            if all(name in coalition for name, on in zip(stage, chosen[i], strict=True) if on):
                cuts = [tuple(on * (name in coalition) for name, on in zip(stage, a, strict=True)) for a in choices]
                reach = sum(chances[i, k] for k, cut in enumerate(cuts) if cut == chosen[i])
                ratio[i] = reach / chances[i, choices.index(chosen[i])]
        running = running * ratio
        products.append(running)
    ahead, correction = frame["y"].to_numpy(), np.zeros(n)
    for (stage, past, columns, chosen, _, _), product in reversed(list(zip(steps, products, strict=True))):
        design = sm.add_constant(frame[columns]).to_numpy()
        before = [tuple(row) for row in frame[past].to_numpy()]
        cells = [(*p, *now) for p, now in zip(before, chosen, strict=True)]
        slopes = {
            cell: np.linalg.lstsq(design[[c == cell for c in cells]], ahead[[c == cell for c in cells]], rcond=None)[0]
            for cell in set(cells)
        }
        cut = [
            (*p, *(on * (name in coalition) for name, on in zip(stage, now, strict=True)))
            for p, now in zip(before, chosen, strict=True)
        ]
        own = np.array([design[i] @ slopes[cells[i]] for i in range(n)])
        correction = correction + product * (ahead - own)
        ahead = np.array([design[i] @ slopes[cut[i]] for i in range(n)])
    return np.asarray(ahead + correction)


@pytest.mark.parametrize("terms", [TWO, THREE], ids=["two stages", "three stages"])
def test_every_coalition_is_the_formula_person_by_person(frame: pd.DataFrame, terms: dict[str, Any]) -> None:
    fit = fitted(frame, **terms)
    game = {}
    for mask in range(8):
        coalition = {name for j, name in enumerate(NAMES) if mask >> j & 1}
        game[frozenset(coalition)] = by_hand(frame, terms["stages"], terms["progress"], coalition)
        ours, _ = coalition_influence(fit.longitudinal, mask)
        np.testing.assert_allclose(ours, game[frozenset(coalition)], atol=1e-6)
    credits = fit.credits()
    assert credits.influence is not None
    for j, name in enumerate(NAMES):
        orders = list(itertools.permutations(NAMES))
        befores = [frozenset(order[: order.index(name)]) for order in orders]
        u = sum(game[before | {name}] - game[before] for before in befores) / factorial(3)
        assert credits.values[j] == pytest.approx(u.mean(), abs=1e-6)
        np.testing.assert_allclose(credits.influence[:, j], u - u.mean(), atol=1e-6)


def test_earlier_regressions_use_the_people_whom_the_policy_leaves_alone(frame: pd.DataFrame) -> None:
    """An additive model of two stages by hand, for the policy that keeps the second provider alone."""
    terms = {"stages": (("a",), ("c",)), "progress": (("l1",),), "model": "additive", "effects_by_history": False}
    ours, weight = coalition_influence(fitted(frame, **terms).longitudinal, 2)
    y, a = frame["y"], frame["a"] == 0
    last = sm.OLS(y, sm.add_constant(frame[["x", "l1", "a", "c"]])).fit().predict()
    first = sm.OLS(last[a], sm.add_constant(frame.loc[a, ["x"]])).fit().predict(sm.add_constant(frame[["x"]]))
    w = a / (1 - sm.Logit(frame["a"], sm.add_constant(frame[["x"]])).fit(disp=0).predict())
    np.testing.assert_allclose(weight, w, rtol=1e-6)
    np.testing.assert_allclose(ours, first + w * (last - first) + w * (y - last), atol=1e-6)


@pytest.mark.parametrize("vcov", ["HC0", "HC1"])
def test_one_stage_is_the_augmented_contribution(frame: pd.DataFrame, vcov: str) -> None:
    shared = {"outcome": "y", "covariates": ("x", "l1"), "vcov": vcov}
    spec = {
        **shared,
        "providers": NAMES,
        "design": "unconfounded",
        "effects_by_covariates": True,
        "target": "population",
    }
    theirs = Contribution.model_validate(spec).fit(frame).joint(Shapley())
    ours = SequentialContribution.model_validate({**shared, "stages": (NAMES,)}).fit(frame).joint()
    np.testing.assert_allclose(ours.values, theirs.values, atol=1e-9)
    np.testing.assert_allclose(ours.cov(), theirs.cov(), rtol=1e-7)


@pytest.mark.parametrize("model", ["additive", "pairwise", "saturated"])
@pytest.mark.parametrize("modified", [False, True])
@pytest.mark.parametrize("terms", [TWO, THREE], ids=["two stages", "three stages"])
def test_efficiency(frame: pd.DataFrame, model: str, modified: bool, terms: dict[str, Any]) -> None:
    fit = fitted(frame, model=model, effects_by_history=modified, **terms)
    np.testing.assert_array_equal(coalition_influence(fit.longitudinal, 7)[0], frame["y"])
    credits, total, joint = fit.credits(), fit.total(), fit.joint()
    assert credits.values.sum() == pytest.approx(total.values[0], abs=1e-12)
    np.testing.assert_allclose(joint.values, [*credits.values, *total.values])
    for estimate in (credits, total, joint):
        assert estimate.spread is not None
        assert estimate.riesz is not None
    for vcov in ("HC0", "HC1", "HC2", "HC3"):
        gap = credits.using(vcov).scores().sum(axis=1) - total.using(vcov).scores()[:, 0]
        assert np.abs(gap).max() < 1e-10


def test_the_last_residual_is_what_the_errors_correct(frame: pd.DataFrame) -> None:
    """Moving one outcome by d moves the influence values by its Riesz weight times its residual, fits held."""
    fit = fitted(frame)
    total = fit.total()
    assert total.influence is not None
    assert total.spread is not None
    assert total.riesz is not None
    longitudinal = fit.longitudinal
    stage = longitudinal.stages[-1]
    rows = design_rows(stage, longitudinal.served, "saturated", True)
    residual = sm.OLS(frame["y"].to_numpy(), rows).fit().resid
    np.testing.assert_allclose(total.influence - total.spread, total.riesz * residual[:, None], atol=1e-9)
    assert total.using("HC3").std_error[0] > total.using("HC2").std_error[0] > total.using("HC0").std_error[0]


def test_order_of_people_and_names_of_providers_do_not_matter(frame: pd.DataFrame) -> None:
    base = fitted(frame, **TWO).joint()
    shuffled = fitted(frame.sample(frac=1.0, random_state=1), **TWO).joint()
    np.testing.assert_array_equal(base.values, shuffled.values)
    np.testing.assert_array_equal(base.cov(), shuffled.cov())
    swapped = fitted(frame, stages=(("b", "a"), ("c",)), progress=(("l1",),)).joint()
    np.testing.assert_allclose(swapped.values, base.values[[1, 0, 2, 3]], atol=1e-9)
    assert swapped.terms == ("b", "a", "c", "gain")


def test_clusters(frame: pd.DataFrame) -> None:
    """Errors by cluster are those of the cluster sums; a cluster a person gives the errors by person."""
    plain, by_site = fitted(frame, vcov="HC0").credits(), fitted(frame, cluster="site").credits()
    assert by_site.error_type == "CR1"
    assert by_site.influence is not None
    sums = pd.DataFrame(by_site.influence).groupby(frame["site"].to_numpy()).sum().to_numpy()
    n, k = len(frame), by_site.parameters
    expected = sums.T @ sums / n**2 * 40 / 39 * (n - 1) / (n - k)
    np.testing.assert_allclose(by_site.cov(), expected, rtol=1e-12)
    alone = fitted(frame.assign(site=np.arange(n)), cluster="site", vcov="CR0").credits()
    np.testing.assert_allclose(alone.cov(), plain.cov(), rtol=1e-12)


def test_weights_count_people_as_often_as_they_say(frame: pd.DataFrame) -> None:
    small = frame.iloc[:800]
    twice = 1 + np.arange(len(small)) % 2
    weighted = fitted(small.assign(w=twice.astype(float)), weights="w")
    repeated = fitted(small.loc[small.index.repeat(twice)].reset_index(drop=True))
    np.testing.assert_allclose(weighted.joint().values, repeated.joint().values, atol=1e-7)


def cascade(size: int, seed: int = 3) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Draw a second provider reached only through the first, likelier by people who made little progress.

    With no second service unless the first went before, {second} is worth nothing, {first} its own effect on outcomes.
    """
    rng = np.random.default_rng(seed)
    x, noise, luck = rng.normal(size=(3, size))
    first = rng.random(size) < 1 / (1 + np.exp(-x))
    progress = x + first + noise
    second = first & (rng.random(size) < 1 / (1 + np.exp(progress)))
    y = x + 0.5 * progress + 0.8 * second + luck
    frame = pd.DataFrame({"first": 1 * first, "second": 1 * second, "x": x, "l": progress, "y": y})
    alone, together = 0.5 * first.mean(), 0.8 * second.mean()
    return frame, np.array([alone + together / 2, together / 2])


CASCADE = {"outcome": "y", "stages": (("first",), ("second",)), "covariates": ("x",), "progress": (("l",),)}


def test_a_provider_shares_in_those_it_leads_on_and_certainty_is_no_separation() -> None:
    frame, truth = cascade(8_000)
    fit = SequentialContribution.model_validate(CASCADE).fit(frame)
    assert not fit.warnings
    credits = fit.credits()
    assert np.abs((credits.values - truth) / credits.std_error).max() < 4
    assert credits.std_error.max() < 0.02
    value, _ = coalition_influence(fit.longitudinal, 2)
    empty, _ = coalition_influence(fit.longitudinal, 0)
    np.testing.assert_allclose(value, empty, atol=1e-12)


def test_right_chances_make_up_for_a_wrong_regression() -> None:
    """Outcomes bend with progress and need; the regressions are straight lines, the logits are right."""
    frame, truth = cascade(40_000, seed=9)
    bent = frame.assign(y=frame["y"] + 0.3 * frame["x"] ** 2)
    credits = SequentialContribution.model_validate(CASCADE).fit(bent).credits()
    assert np.abs((credits.values - truth) / credits.std_error).max() < 4
    blind = SequentialContribution.model_validate({**CASCADE, "progress": ((),)}).fit(frame).credits()
    assert np.abs((blind.values - truth) / blind.std_error).max() > 4


def test_right_regressions_make_up_for_wrong_chances() -> None:
    """Enrolment bends with need and progress, which no logit here knows; outcomes are straight lines."""
    rng = np.random.default_rng(12)
    x, noise, luck = rng.normal(size=(3, 40_000))
    first = rng.random(40_000) < 1 / (1 + np.exp(1 - x**2))
    progress = x + first + noise
    second = first & (rng.random(40_000) < 1 / (1 + np.exp(progress**2 - 1)))
    y = x + 0.5 * progress + 0.8 * second + luck
    data = pd.DataFrame({"first": 1 * first, "second": 1 * second, "x": x, "l": progress, "y": y})
    credits = SequentialContribution.model_validate(CASCADE).fit(data).credits()
    truth = np.array([0.5 * first.mean() + 0.4 * second.mean(), 0.4 * second.mean()])
    assert np.abs((credits.values - truth) / credits.std_error).max() < 4


def test_chances_are_those_of_people_who_had_the_same_choices() -> None:
    frame, _ = cascade(3_000)
    first, second = frame["first"].to_numpy(), frame["second"].to_numpy()
    columns = frame[["x", "l", "first"]].to_numpy()
    chances, floored = enrolment_chances(first, second, columns, np.ones(len(frame)))
    people = first == 1
    design = sm.add_constant(columns[people][:, :2])
    np.testing.assert_allclose(chances[people, 1], sm.Logit(second[people], design).fit(disp=0).predict(), atol=1e-6)
    np.testing.assert_array_equal(chances[~people], [[1.0, 0.0]] * int((~people).sum()))
    assert floored == 0


def code(frame: pd.DataFrame, **terms: Any) -> str:
    with pytest.raises(CounterfoilError) as caught:
        fitted(frame, **terms).credits()
    return caught.value.codes[0]


def test_refusals(frame: pd.DataFrame) -> None:
    without = frame[~((frame["a"] == 1) & (frame["c"] == 0))]
    only = (frame["a"] == 1) & (frame["b"] == 0) & (frame["c"] == 0)
    many = frame.assign(**{f"p{j}": frame["a"] for j in range(9)})
    assert code(many, stages=(tuple(f"p{j}" for j in range(9)),), progress=()) == "EST-011"
    assert code(without) == "IDENT-015"
    assert code(without, model="pairwise") == "IDENT-015"
    assert code(frame.assign(a=1)) == "IDENT-015"
    assert code(frame.assign(b=0)) == "IDENT-005"
    assert code(frame.assign(site=1), cluster="site") == "IDENT-006"
    assert code(frame.drop(index=frame.index[only][2:])) == "IDENT-015"
    assert code(frame.drop(index=frame.index[only][4:])) == "EST-001"
    assert code(frame.drop(index=frame.index[only][1:]), effects_by_history=False) == "EST-001"
    assert code(frame.assign(l2=frame["c"] * 2.0)) == "EST-002"
    assert code(frame.assign(l2=np.nan)) == "DATA-014"
    assert code(frame, progress=(("l1",), ("none",))) == "DATA-004"
    assert code(frame, vcov="classical") == "EST-001"


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        ({"stages": (("a",), ("a", "b")), "progress": (("l1",),)}, "one stage"),
        ({"stages": (("a",), ()), "progress": (("l1",),)}, "names no provider"),
        ({"progress": (("l1",),)}, "3 stages need 2"),
        ({"progress": (("l1",), ("x",))}, "measured at one time"),
        ({"rule": "owen"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_asked(frame: pd.DataFrame, terms: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        fitted(frame, **terms)


def test_a_smaller_model_fills_in_and_says_so(frame: pd.DataFrame) -> None:
    thinned = frame[~((frame["a"] == 0) & (frame["b"] == 1) & (frame["c"] == 0))]
    assert code(thinned) == "IDENT-015"
    fit = fitted(thinned, model="pairwise")
    (told,) = fit.warnings
    assert told.code == "IDENT-009"
    assert "b by stage 3" in told.what


def test_weak_overlap_and_missing_covariates_are_told(frame: pd.DataFrame) -> None:
    rng = np.random.default_rng(8)
    x = np.linspace(-8, 8, 3_000)
    a = rng.random(3_000) < 1 / (1 + np.exp(-1.5 * x))
    a[rng.choice(np.flatnonzero(x > 6), size=2, replace=False)] = False
    data = pd.DataFrame({"a": 1 * a, "x": x, "y": rng.normal(size=3_000)})
    terms = {"stages": (("a",),), "progress": ()}
    assert [problem.code for problem in fitted(data, **terms).credits().warnings] == ["EST-004"]
    assert "EST-006" in [problem.code for problem in fitted(frame, covariates=()).warnings]


def test_people_without_progress_are_left_out_only_as_declared(frame: pd.DataFrame) -> None:
    gaps = frame.assign(l1=frame["l1"].where(frame.index >= 20))
    assert code(gaps) == "DATA-014"
    fit = fitted(gaps, missing="drop")
    assert [problem.code for problem in fit.warnings] == ["EST-007"]
    np.testing.assert_allclose(fit.joint().values, fitted(frame.iloc[20:]).joint().values, atol=1e-10)


def test_a_study_gives_what_its_frame_gives(frame: pd.DataFrame) -> None:
    study = Study.from_frame(frame, providers=NAMES, outcomes=["y"])
    fit = SequentialContribution.model_validate({"covariates": ("x",), **THREE}).fit(study)
    np.testing.assert_array_equal(fit.credits().values, fitted(frame).credits().values)
    assert fit.credits().label == "provider"
    assert fit.credits().target == "population"
    assert repr(fit) == "SequentialFit(y: 1,200 people, 3 providers in 3 stages, saturated model)"
