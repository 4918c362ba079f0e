"""Effects of one lottery on several outcomes, stacked, against linearmodels' seemingly unrelated regressions."""

from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
from linearmodels.system import SUR

from counterfoil.datasets import Study
from counterfoil.estimators import Estimate, Experiment, arm_means, stack
from counterfoil.estimators.covariance import FloatArray

OUTCOMES = ("re78", "u78", "grew")
ABOUT = ("age", "educ", "black", "re74")


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """The randomized sample of the NSW, with two outcomes made of earnings and clusters made of age."""
    data = causaldata.nsw_mixtape.load_pandas().data
    data = data.astype(dict.fromkeys(data.select_dtypes("number"), "float64"))
    data = data.assign(u78=(data["re78"] == 0).astype(float), grew=(data["re78"] > data["re75"]).astype(float))
    return data.assign(place=(data["age"] % 12).astype(int).astype(str), w=1.0 + data["educ"] / 10)


def stacked(people: pd.DataFrame, **terms: Any) -> Estimate:
    study = Study.from_frame(people, outcomes=OUTCOMES, cluster=terms.get("cluster"))
    fits = [Experiment.model_validate({"outcome": name, "assigned": "treat", **terms}).fit(study) for name in OUTCOMES]
    return stack(fits, OUTCOMES)


def designed(people: pd.DataFrame, covariates: tuple[str, ...], weights: Any = None) -> pd.DataFrame:
    """Assignment, centred covariates, and their products (Lin 2013)."""
    design = pd.DataFrame({"one": 1.0, "treat": people["treat"]})
    for name in covariates:
        design[name] = people[name] - np.average(people[name], weights=weights)
        design[f"treat x {name}"] = design["treat"] * design[name]
    return design


def system(people: pd.DataFrame, covariates: tuple[str, ...], weights: Any = None, **options: Any) -> tuple[Any, Any]:
    """Coefficients and covariance of assignment in each equation, fitted by least squares."""
    design = designed(people, covariates, weights)
    equations = {
        name: {"dependent": people[name], "exog": design} | ({} if weights is None else {"weights": weights})
        for name in OUTCOMES
    }
    peer = SUR(equations).fit(method="ols", **options)
    places = [list(peer.params.index).index(f"{name}_treat") for name in OUTCOMES]
    return peer.params.iloc[places].to_numpy(), peer.cov.to_numpy()[np.ix_(places, places)]


def same(ours: FloatArray, theirs: FloatArray) -> None:
    """Hold every entry to 1e-10 of what it could be at most, the product of its two standard errors."""
    size = np.sqrt(np.outer(np.diagonal(theirs), np.diagonal(theirs)))
    assert (np.abs(ours - theirs) <= 1e-10 * size).all()


def test_known_digits(people: pd.DataFrame) -> None:
    joint = stacked(people, vcov="HC0")
    first = joint.cov()[:2, :2]
    assert first[0, 0] == pytest.approx(447983.00, abs=0.005)
    assert first[0, 1] == pytest.approx(-14.546876, abs=5e-7)
    assert first[1, 1] == pytest.approx(0.00187439, abs=5e-9)
    assert joint.values[:2] == pytest.approx([1794.3424, -0.110603], abs=5e-5)


@pytest.mark.parametrize("covariates", [(), ABOUT])
def test_whole_matrix_without_clusters(people: pd.DataFrame, covariates: tuple[str, ...]) -> None:
    values, covariance = system(people, covariates, cov_type="robust")
    joint = stacked(people, covariates=covariates, vcov="HC0")
    assert joint.values == pytest.approx(values, rel=1e-10)
    same(joint.cov(), covariance)
    # linearmodels' small-sample form is HC1: n / (n − k), k columns of one equation.
    _, debiased = system(people, covariates, cov_type="robust", debiased=True)
    same(stacked(people, covariates=covariates, vcov="HC1").cov(), debiased)


@pytest.mark.parametrize("covariates", [(), ABOUT])
def test_whole_matrix_by_cluster(people: pd.DataFrame, covariates: tuple[str, ...]) -> None:
    clusters = people[["place"]].astype("category")
    _, plain = system(people, covariates, cov_type="clustered", clusters=clusters)
    same(stacked(people, covariates=covariates, cluster="place", vcov="CR0").cov(), plain)
    # Ours has G / (G − 1) · (n − 1) / (n − k); linearmodels' has G / (G − 1) · (n − 1) / n.
    _, debiased = system(people, covariates, cov_type="clustered", clusters=clusters, group_debias=True)
    n, k = len(people), 2 + 2 * len(covariates)
    ours = stacked(people, covariates=covariates, cluster="place", vcov="CR1").cov()
    same(ours, debiased * n / (n - k))


def test_whole_matrix_with_weights(people: pd.DataFrame) -> None:
    values, covariance = system(people, ABOUT, people["w"], cov_type="robust")
    joint = stacked(people, covariates=ABOUT, weights="w", vcov="HC0")
    assert joint.values == pytest.approx(values, rel=1e-10)
    same(joint.cov(), covariance)


def test_every_arm_of_every_outcome(people: pd.DataFrame) -> None:
    """Six means, assigned and control of three outcomes, are linear in the system's coefficients: so is their covariance."""
    study = Study.from_frame(people, outcomes=OUTCOMES)
    fits = [
        arm_means(Experiment(outcome=name, assigned="treat", covariates=ABOUT, vcov="HC0"), study) for name in OUTCOMES
    ]
    joint = stack(fits, OUTCOMES)
    design = designed(people, ABOUT)
    peer = SUR({name: {"dependent": people[name], "exog": design} for name in OUTCOMES}).fit(
        method="ols", cov_type="robust"
    )
    turn = np.zeros((2, design.shape[1]))
    turn[:, 0], turn[0, 1] = 1.0, 1.0
    turn = np.kron(np.eye(len(OUTCOMES)), turn)
    assert joint.values == pytest.approx(turn @ peer.params.to_numpy(), rel=1e-10)
    same(joint.cov(), turn @ peer.cov.to_numpy() @ turn.T)


def test_outcomes_missing_for_some_join_by_person(people: pd.DataFrame) -> None:
    """An outcome known for some people only: its block counts them, and the covariance those who are in both."""
    known = people["educ"] >= 10
    every = Experiment(outcome="re78", assigned="treat", vcov="HC0").fit(people)
    some = Experiment(outcome="u78", assigned="treat", vcov="HC0").fit(people[known])
    joint = stack([every, some], ["earnings", "idle"]).cov()
    assert every.influence is not None
    assert some.influence is not None
    product = every.influence[known.to_numpy(), 0] @ some.influence[:, 0]
    assert joint[0, 1] == pytest.approx(product / (len(people) * int(known.sum())), rel=1e-10)
    assert joint[1, 1] == pytest.approx(float(some.cov()[0, 0]), rel=1e-12)
