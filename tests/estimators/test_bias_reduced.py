"""CR2 and Bell-McCaffrey degrees of freedom, against their definition in dense matrices."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import fractional_matrix_power

from counterfoil.attribution import attribute
from counterfoil.datasets import Study
from counterfoil.estimators import Contribution, Estimate, Experiment


def dense(design: Any, outcome: Any, clusters: Any, direction: Any) -> tuple[float, float]:
    """Return the CR2 error and degrees of freedom of direction'beta from n x n matrices."""
    bread = np.linalg.inv(design.T @ design)
    residual_maker = np.eye(len(outcome)) - design @ bread @ design.T
    residuals = residual_maker @ outcome
    variance, columns = 0.0, []
    for g in np.unique(clusters):
        inside = clusters == g
        root = fractional_matrix_power(residual_maker[np.ix_(inside, inside)], -0.5).real
        weight = root @ design[inside] @ bread @ direction
        variance += (weight @ residuals[inside]) ** 2
        columns.append(residual_maker[:, inside] @ weight)
    values = np.linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    return float(np.sqrt(variance)), float(values.sum() ** 2 / (values**2).sum())


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    site = rng.integers(0, 9, 120)
    data = pd.DataFrame({"site": site, "assigned": (site % 2), "x": rng.normal(size=120), "a": rng.integers(0, 2, 120)})
    data.loc[data.index[:15], "assigned"] = rng.integers(0, 2, 15)
    data["y"] = data["assigned"] + data["x"] + data["a"] + rng.normal(size=9)[site] + rng.normal(size=120)
    return data


def test_experiment_equals_its_definition(frame: pd.DataFrame) -> None:
    ours = Experiment(outcome="y", cluster="site", vcov="CR2").fit(frame)
    design = np.column_stack([np.ones(120), frame["assigned"]])
    error, df = dense(design, frame["y"].to_numpy(), frame["site"].to_numpy(), np.array([0.0, 1.0]))
    assert ours.std_error[0] == pytest.approx(error, rel=1e-9)
    assert ours.df == pytest.approx(df, rel=1e-9)
    assert ours.df < ours.using("CR1").df == 8
    assert ours.contrast([[3.0]], ["tripled"]).df == pytest.approx(df)


def test_credits_equal_their_definition(frame: pd.DataFrame) -> None:
    spec = Contribution(
        outcome="y", providers=("assigned", "a"), covariates=("x",), model="additive", cluster="site", vcov="CR2"
    )
    ours = attribute(spec.fit(frame)).credits
    design = np.column_stack([np.ones(120), frame["x"] - frame["x"].mean(), frame[["assigned", "a"]]])
    for j, name in enumerate(("assigned", "a")):
        direction = np.zeros(4)
        direction[2 + j] = frame[name].mean()
        error, df = dense(design, frame["y"].to_numpy(), frame["site"].to_numpy(), direction)
        one = ours.select([j])
        assert one.std_error[0] == pytest.approx(error, rel=1e-9)
        assert one.df == pytest.approx(df, rel=1e-9)
    assert Estimate.from_json(ours.to_json(people=True)).df == pytest.approx(ours.df)


def test_every_design_by_cluster_states_it(rice: Study) -> None:
    for target in ("sample", "population"):
        total = Contribution.model_validate({"cluster": "address", "target": target}).fit(rice).total()
        assert total.error_types == ("CR0", "CR1", "CR2")
        assert total.using("CR2").std_error[0] == pytest.approx(total.std_error[0], rel=0.05)
        assert total.using("CR2").df < 165
