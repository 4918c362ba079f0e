"""Errors for future people against M-estimation with the covariates' means among the parameters (Stefanski and Boos 2002)."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from counterfoil.estimators import Experiment

SIZE = 180


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    age, skill = rng.exponential(size=SIZE), rng.normal(size=SIZE)
    arm = rng.permutation(np.resize([0, 1, 2], SIZE))
    outcome = age + skill + (arm == 1) * (1 + 1.5 * age) + (arm == 2) * (2 - age) + rng.normal(size=SIZE)
    weight = rng.uniform(0.5, 2.0, SIZE)
    town = rng.integers(0, 25, SIZE)
    return pd.DataFrame({"arm": arm, "age": age, "skill": skill, "w": weight, "town": town, "y": outcome})


def stacked(frame: pd.DataFrame, weights: NDArray[Any], interacted: bool, towns: NDArray[Any]) -> NDArray[Any]:
    """Return the sandwich covariance of both arms' effects, with derivatives by finite differences."""
    x = frame[["age", "skill"]].to_numpy()
    arms = (frame["arm"].to_numpy()[:, None] == [1, 2]).astype(float)
    outcome = frame["y"].to_numpy()

    def design(means: NDArray[Any]) -> NDArray[Any]:
        apart = x - means
        products = [arms[:, [arm]] * apart for arm in range(2)] if interacted else []
        return np.asarray(np.hstack([np.ones((SIZE, 1)), arms, apart, *products]))

    means = np.average(x, axis=0, weights=weights)
    root = np.sqrt(weights)[:, None]
    slopes = np.linalg.lstsq(design(means) * root, outcome * root[:, 0], rcond=None)[0]
    theta = np.concatenate([means, slopes])

    def moments(at: NDArray[Any]) -> NDArray[Any]:
        columns = design(at[:2])
        return np.asarray(np.hstack([x - at[:2], columns * (outcome - columns @ at[2:])[:, None]]) * weights[:, None])

    step = 1e-5
    bread = np.column_stack(
        [
            (moments(theta + step * unit).mean(axis=0) - moments(theta - step * unit).mean(axis=0)) / (2 * step)
            for unit in np.eye(len(theta))
        ]
    )
    parts = np.array([moments(theta)[towns == town].sum(axis=0) for town in np.unique(towns)])
    inverse = np.linalg.inv(bread)
    return np.asarray((inverse @ parts.T @ parts @ inverse.T)[3:5, 3:5] / SIZE**2)


@pytest.mark.parametrize(
    ("weighted", "adjustment", "clustered"), list(product([False, True], ["interacted", "additive"], [False, True]))
)
def test_errors_for_future_people_are_those_of_m_estimation(
    frame: pd.DataFrame, weighted: bool, adjustment: str, clustered: bool
) -> None:
    terms = {"outcome": "y", "assigned": "arm", "control": 0, "covariates": ("age", "skill"), "adjustment": adjustment}
    terms |= {"weights": "w"} if weighted else {}
    terms |= {"cluster": "town", "vcov": "CR0"} if clustered else {"vcov": "HC0"}
    found = Experiment.model_validate({**terms, "target": "population"}).fit(frame)
    weights = frame["w"].to_numpy() if weighted else np.ones(SIZE)
    towns = frame["town"].to_numpy() if clustered else np.arange(SIZE)
    expected = stacked(frame, weights, adjustment == "interacted", towns)
    np.testing.assert_allclose(found.cov(), expected, rtol=1e-6)
    sample = Experiment.model_validate({**terms, "target": "sample"}).fit(frame)
    assert (np.abs(found.std_error - sample.std_error).max() > 1e-3) == (adjustment == "interacted")
