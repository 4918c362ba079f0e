"""The chance of being treated, against statsmodels; and what its estimation adds to an error."""

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.score import fit_score
from counterfoil.estimators.learner import PropensityLearner

N = 600


def people(seed: int = 3) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    rng = np.random.default_rng(seed)
    covariates = rng.normal(size=(N, 3)) * [1.0, 50.0, 0.01] + [0.0, 400.0, 5.0]
    index = 0.4 * covariates[:, 0] + 0.01 * (covariates[:, 1] - 400)
    return covariates, (rng.random(N) < 1 / (1 + np.exp(0.5 - index))).astype(np.intp)


@pytest.mark.parametrize("model", ["logit", "probit"])
def test_chances_are_those_of_statsmodels(model: str) -> None:
    covariates, codes = people()
    ours = fit_score(codes, covariates, model=model)  # type: ignore[arg-type]
    design = sm.add_constant(covariates)
    theirs = (sm.Logit if model == "logit" else sm.Probit)(codes, design).fit(disp=0)
    assert np.abs(ours.treated - theirs.predict(design)).max() < 1e-9


@pytest.mark.parametrize("model", ["logit", "probit"])
def test_what_estimation_adds_is_the_covariance_of_the_coefficients(model: str) -> None:
    """The mean chance of everybody: its variance through the coefficients is the delta method's."""
    covariates, codes = people()
    ours = fit_score(codes, covariates, model=model)  # type: ignore[arg-type]
    gradient = np.zeros((N, 2, 1))
    gradient[:, 1, 0] = np.where(covariates[:, 0] > 0, 1.0, 0.0)
    design = sm.add_constant(covariates)
    fitted = (sm.Logit if model == "logit" else sm.Probit)(codes, design).fit(disp=0, cov_type="HC0")
    slope = ours.slope
    assert slope is not None
    direction = (design * (slope * gradient[:, 1, 0])[:, None]).sum(axis=0) / N
    robust = direction @ fitted.cov_params() @ direction
    part = ours.through(gradient)[:, 0]
    assert part @ part / N**2 == pytest.approx(robust, rel=1e-6)


def test_two_groups_as_a_multinomial_give_the_same_influence() -> None:
    """Three groups of which two are merged at random have the binary chances; slopes are checked by differences."""
    covariates, codes = people()
    three = np.where((codes == 1) & (np.arange(N) % 2 == 0), 2, codes)
    found = fit_score(three, covariates)
    gradient = np.random.default_rng(0).normal(size=(N, 3, 1))
    part = found.through(gradient)[:, 0]
    assert found.bread is not None
    assert found.residual is not None
    assert found.columns is not None
    columns = found.columns
    influence = (found.residual[:, :, None] * columns[:, None, :]).reshape(N, -1) @ found.bread

    def value(coefficients: NDArray[np.float64]) -> float:
        index = np.column_stack([np.zeros(N), columns @ coefficients.reshape(2, -1).T])
        chance = np.exp(index) / np.exp(index).sum(axis=1, keepdims=True)
        return float((gradient[:, :, 0] * chance).sum())

    odds = np.log(found.chance[:, 1:] / found.chance[:, [0]])
    start = np.linalg.lstsq(columns, odds, rcond=None)[0].T.ravel()
    steps = np.eye(len(start)) * 1e-5
    direction = np.array([(value(start + step) - value(start - step)) / 2e-5 for step in steps])
    assert np.abs(part - influence @ direction).max() < 1e-6 * np.abs(part).max()


def test_without_covariates_chances_are_frequencies() -> None:
    codes, weights = np.array([0, 0, 1, 2, 2, 2]), np.array([1.0, 1.0, 2.0, 1.0, 1.0, 2.0])
    assert fit_score(codes, np.empty((6, 0)), weights).chance[4] == pytest.approx([0.25, 0.25, 0.5])
    assert fit_score(np.minimum(codes, 1), np.empty((6, 0)), weights).treated == pytest.approx([0.75] * 6)


def test_a_covariate_that_tells_for_certain_is_refused() -> None:
    covariates, codes = people()
    for separating in (codes.astype(float), np.where(codes == 1, 10.0, 0.0) + covariates[:, 0]):
        with pytest.raises(CounterfoilError, match="EST-002"):
            fit_score(codes, separating[:, None])


def test_a_learner_is_taken_as_known() -> None:
    covariates, codes = people()
    found = fit_score(codes, covariates, model=PropensityLearner(name="random_forest"), seed=1)
    assert found.known
    assert not found.through(np.ones((N, 2, 1))).any()


def test_a_covariate_and_its_square_may_be_steep() -> None:
    """Large coefficients of opposite sign that the data hold well are no separation."""
    rng = np.random.default_rng(2)
    age = rng.uniform(40, 60, 4_000)
    index = 60 * (age / 50) - 30 * (age / 50) ** 2 - 30.5
    codes = (rng.random(4_000) < 1 / (1 + np.exp(-index))).astype(np.intp)
    covariates = np.column_stack([age, age**2])
    design = sm.add_constant((covariates - covariates.mean(axis=0)) / covariates.std(axis=0))
    theirs = sm.Logit(codes, design).fit(disp=0)
    assert np.abs(theirs.params).max() > 0
    assert np.abs(fit_score(codes, covariates).treated - theirs.predict(design)).max() < 1e-9


def test_groups_apart_at_a_point_are_separated() -> None:
    """One value of a covariate tells for certain, though it is not the extreme one of many."""
    covariates, codes = people()
    alone = np.zeros(N)
    alone[np.flatnonzero(codes == 1)[:30]] = 1.0
    for model in ("logit", "probit"):
        with pytest.raises(CounterfoilError, match="EST-002"):
            fit_score(codes, np.column_stack([covariates, alone]), model=model)
