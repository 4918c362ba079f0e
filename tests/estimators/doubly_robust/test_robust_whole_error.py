"""Errors that count everything estimated: against statsmodels, and against the derivative by each person's weight."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.treatment.treatment_effects import TreatmentEffect

from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust

N = 300


def people(seed: int = 5, n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["x1", "x2", "x3"])
    frame["site"] = rng.choice(["n", "s"], n)
    index = 0.5 * frame["x1"] - 0.4 * frame["x2"] + 0.3 * (frame["site"] == "s")
    frame["t"] = (rng.random(n) < 1 / (1 + np.exp(0.3 - index))).astype(int)
    frame["u"] = (rng.random(n) < 1 / (1 + np.exp(0.2 + index))).astype(int)
    frame["arm"] = np.array(["a", "b", "c"])[(frame["t"] + frame["t"] * frame["u"]).to_numpy()]
    frame["w"] = rng.uniform(0.5, 2.0, n)
    frame["y"] = index + frame["t"] * (1 + frame["x1"]) + 0.5 * frame["u"] + frame["x3"] ** 2 + rng.normal(size=n)
    frame["z"] = frame["y"] * 0.5 + rng.normal(size=n)
    return frame


COVARIATES = ("x1", "x2", "x3")


def statsmodels(frame: pd.DataFrame, score: str = "logit") -> TreatmentEffect:
    columns = sm.add_constant(frame[list(COVARIATES)].to_numpy())
    treated = frame["t"].to_numpy()
    link = {"logit": sm.Logit, "probit": sm.Probit}[score](treated, columns)
    select = link.fit(disp=0, method="newton", tol=1e-14, maxiter=100)
    return TreatmentEffect(sm.OLS(frame["y"].to_numpy(), columns), treated, results_select=select)


def spec(**terms: Any) -> DoublyRobust:
    return DoublyRobust.model_validate(
        {"outcome": "y", "treated": "t", "covariates": COVARIATES, "estimand": "ate", **terms}
    )


@pytest.mark.parametrize("score", ["logit", "probit"])
def test_aipw_is_that_of_statsmodels(score: str) -> None:
    frame = people()
    theirs = statsmodels(frame, score).aipw(return_results=True)
    ours = spec(normalize=False, score=score).fit(frame).total()
    assert ours.values[0] == pytest.approx(theirs.effect[0], rel=1e-9 if score == "probit" else 1e-12)
    assert ours.std_error[0] == pytest.approx(theirs.results_gmm.bse[0], rel=5e-8 if score == "probit" else 5e-10)


@pytest.mark.parametrize(("estimand", "group"), [("ate", "all"), ("att", 1), ("atc", 0)])
def test_regression_is_that_of_statsmodels(estimand: str, group: Any) -> None:
    frame = people()
    theirs = statsmodels(frame).ra(return_results=True, effect_group=group)
    ours = spec(method="regression", estimand=estimand).fit(frame).total()
    assert ours.values[0] == pytest.approx(theirs.effect[0], rel=1e-12)
    assert ours.std_error[0] == pytest.approx(theirs.results_gmm.bse[0], rel=1e-9)


def test_without_covariates_everything_is_a_difference_in_means() -> None:
    frame = people()
    means = frame.groupby("t")["y"].mean()
    for method in ("aipw", "ipwra", "regression"):
        for estimand in ("ate", "att", "atc"):
            found = spec(covariates=(), method=method, estimand=estimand).fit(frame).total()
            assert found.values[0] == pytest.approx(means[1] - means[0], rel=1e-12)
            parts = [frame.loc[frame["t"] == t, "y"] for t in (0, 1)]
            assert found.std_error[0] == pytest.approx(
                np.sqrt(sum(part.var(ddof=0) / len(part) for part in parts)), rel=1e-10
            )


def test_weighted_chances_are_the_weighting_estimate_of_statsmodels() -> None:
    """With an outcome model of a constant, normalised AIPW is inverse-probability weighting."""
    frame = people()
    built = spec().build(frame)
    theirs = statsmodels(frame).ipw(return_results=True)
    outcome, codes = frame["y"].to_numpy(), built.sample.codes
    ours = [float(np.average(outcome[codes == arm], weights=built.balancing[codes == arm, 0])) for arm in (0, 1)]
    assert ours[1] - ours[0] == pytest.approx(theirs.effect[0], rel=1e-12)


VARIANTS: list[dict[str, Any]] = [
    *({"method": method, "estimand": estimand} for method in ("aipw", "ipwra", "regression") for estimand in ("att", "atc", "ate")),
    {"normalize": False, "estimand": "att"},
    {"score": "probit"},
    {"score": "probit", "method": "ipwra", "estimand": "att"},
    {"interactions": ("x1",)},
    {"interactions": (), "method": "regression", "estimand": "att"},
    {"treated": "arm", "control": "a"},
    {"treated": "arm", "control": "a", "estimand": "att", "method": "ipwra"},
    {"treated": "arm", "control": "a", "estimand": "atc", "normalize": False},
    {"treated": "arm", "control": "a", "interactions": ("x2",)},
    {"treated": ("t", "u")},
    {"weights": "w"},
    {"weights": "w", "method": "ipwra", "estimand": "att"},
]  # fmt: skip


@pytest.mark.parametrize("terms", VARIANTS, ids=lambda terms: " ".join(map(str, terms.values())))
def test_influence_is_the_derivative_by_each_persons_weight(terms: dict[str, Any]) -> None:
    """Everything is fitted anew with a person's weight moved; nothing is taken as known."""
    frame = people(n=150)
    base = frame["w"] if "weights" in terms else pd.Series(1.0, frame.index)
    asked = spec(**{**terms, "weights": "moved"})

    def effects(weight: pd.Series, by: str | None = None) -> Any:
        built = asked.build(frame.assign(moved=weight))
        return built.effect() if by is None else built.effects_by(by)

    found = effects(base)
    step = 1e-4
    for person in (0, 7, 23, 60, 111):
        move = pd.Series(0.0, frame.index)
        move[person] = step
        slope = (effects(base + move).values - effects(base - move).values) / (2 * step)
        mean = float(base.mean())
        assert found.influence[person] == pytest.approx(slope * 150 * base[person], rel=2e-6, abs=2e-6 * mean)


@pytest.mark.parametrize(
    "terms", [{"estimand": "att"}, {"method": "ipwra"}, {"method": "regression", "estimand": "atc"}]
)
def test_influence_by_group_is_the_derivative(terms: dict[str, Any]) -> None:
    frame = people()
    asked = spec(**{**terms, "covariates": ("x1", "site"), "weights": "moved"})
    base = pd.Series(1.0, frame.index)
    found = asked.build(frame.assign(moved=base)).effects_by("site")
    assert found.terms == ("n", "s")
    assert found.influence is not None
    for person in (0, 7, 23):
        move = pd.Series(0.0, frame.index)
        move[person] = 1e-4
        up, down = (asked.build(frame.assign(moved=base + sign * move)).effects_by("site").values for sign in (1, -1))
        assert found.influence[person] == pytest.approx((up - down) / 2e-4 * N, rel=2e-6, abs=2e-6)


@pytest.mark.parametrize("terms", VARIANTS[:11], ids=lambda terms: " ".join(map(str, terms.values())))
def test_weights_known_before_outcomes_are_the_whole_estimate(terms: dict[str, Any]) -> None:
    """Linear in the outcome: the effect is the mean of weight times outcome, and no outcome was read for the weights."""
    frame = people()
    bare = frame.drop(columns=["y", "z"])
    built = spec(**terms).build(frame)
    study = built.sample.study
    no_outcomes = type(study).from_tables(bare.assign(person=range(N)))
    blind = spec(**terms).build(no_outcomes)
    assert np.abs(blind.riesz - built.riesz).max() == 0.0
    effect = built.effect()
    assert effect.values == pytest.approx(blind.riesz.T @ frame["y"].to_numpy() / N, rel=1e-9)
    assert blind.planned().riesz == pytest.approx(effect.riesz)


def test_several_outcomes_are_one_joint_estimate() -> None:
    frame = people()
    study = people_study(frame)
    built = spec(treated="arm", control="a", cluster="block").build(study)
    both = built.effects(["y", "z"])
    assert both.terms == ("y: b", "y: c", "z: b", "z: c")
    alone = [built.effect(name) for name in ("y", "z")]
    assert both.values == pytest.approx(np.concatenate([one.values for one in alone]), rel=1e-12)
    from counterfoil.estimators import stack

    assert both.cov() == pytest.approx(stack(alone, ["y", "z"]).cov(), rel=1e-9)
    difference = built.effect("y").values[0] - built.effect("z").values[0]
    assert both.contrast([[1, 0, -1, 0]], ["gap"]).values[0] == pytest.approx(difference)


def people_study(frame: pd.DataFrame) -> Any:
    from counterfoil.datasets.study import Study

    frame = frame.assign(person=range(len(frame)), block=np.arange(len(frame)) // 5)
    outcomes = frame.melt("person", ["y", "z"], var_name="outcome", value_name="value")
    return Study.from_tables(frame.drop(columns=["y", "z"]), outcomes=outcomes)


def test_the_regression_of_every_group_reproduces_ipwra_by_hand() -> None:
    frame = people()
    built = spec(method="ipwra", estimand="att").build(frame)
    columns = sm.add_constant(frame[list(COVARIATES)].to_numpy())
    chance = sm.Logit(frame["t"], columns).fit(disp=0, tol=1e-12).predict()
    others = frame["t"].to_numpy() == 0
    fit = sm.WLS(frame["y"][others], columns[others], (chance / (1 - chance))[others]).fit()
    expected = (frame["y"].to_numpy() - columns @ fit.params.to_numpy())[~others].mean()
    assert built.effect().values[0] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", ["aipw", "ipwra", "regression"])
@pytest.mark.parametrize(("estimand", "mirrored"), [("ate", "ate"), ("att", "atc"), ("atc", "att")])
def test_groups_that_change_places_change_the_sign(method: str, estimand: str, mirrored: str) -> None:
    frame = people()
    one = spec(method=method, estimand=estimand).fit(frame).total()
    other = spec(method=method, estimand=mirrored).fit(frame.assign(t=1 - frame["t"])).total()
    assert other.values == pytest.approx(-one.values, rel=1e-9)
    assert other.std_error == pytest.approx(one.std_error, rel=1e-9)


def test_the_order_of_people_does_not_matter() -> None:
    frame = people()
    shuffled = frame.sample(frac=1.0, random_state=3)
    for method in ("aipw", "ipwra", "regression"):
        one, other = (spec(method=method).fit(data).total() for data in (frame, shuffled))
        assert other.values == pytest.approx(one.values, rel=1e-11)
        assert other.std_error == pytest.approx(one.std_error, rel=1e-10)
