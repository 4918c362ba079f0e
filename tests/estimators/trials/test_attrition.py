"""ACTG 175 at its digits, errors against stacked equations and the bootstrap, and who was lost."""

from importlib.metadata import distribution
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2_contingency

from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment, arm_means
from counterfoil.estimators.trials.attrition_table import (
    CAUTIOUS,
    OPTIMISTIC,
    attrition_table,
    attrition_warning,
    boundary,
)

BASELINE = ["cd40", "cd80", "age", "wtkg", "karnof", "hemo", "homo", "drugs", "race", "gender", "str2", "symptom"]
LATER = ["cd420", "cd820", "offtrt"]


@pytest.fixture(scope="module")
def actg() -> pd.DataFrame:
    path = distribution("lifelines").locate_file("lifelines/datasets/ACTG175.csv")
    return pd.read_csv(str(path)).assign(assigned=lambda data: (data["arms"] > 0).astype(int))


def weighted(**terms: Any) -> Experiment:
    return Experiment.model_validate({"outcome": "y", "missing": "drop", "attrition": {"weight_by": ["x"]}, **terms})


def lost(seed: int, size: int = 400) -> pd.DataFrame:
    """A lottery in which those with a low x are lost, in the programme's arm above all."""
    rng = np.random.default_rng(seed)
    x, assigned = rng.normal(size=size), rng.integers(0, 2, size)
    y = x + assigned * (1 + x) + rng.normal(size=size)
    seen = rng.random(size) < 1 / (1 + np.exp(-(0.5 + x * (1 + assigned) / 2)))
    return pd.DataFrame({"assigned": assigned, "x": x, "y": np.where(seen, y, np.nan), "town": np.arange(size) % 20})


def test_actg_complete_and_weighted(actg: pd.DataFrame) -> None:
    complete = Experiment(outcome="cd496", missing="drop").fit(actg)
    assert complete.values[0] == pytest.approx(53.8298, abs=5e-5)
    assert complete.std_error[0] == pytest.approx(10.7859, abs=5e-5)
    terms = {"weight_by": [*BASELINE, *LATER, "zprior"]}
    spec = Experiment.model_validate({"outcome": "cd496", "missing": "drop", "vcov": "HC0", "attrition": terms})
    found = spec.fit(actg)
    assert found.values[0] == pytest.approx(46.345, abs=0.01)
    assert found.diagnostics["std_error_known"] == pytest.approx(13.848, abs=0.01)
    assert found.std_error[0] == pytest.approx(12.3056, abs=5e-4)
    assert {"EST-005", "EST-016", "EST-024"} == {problem.code for problem in found.warnings}
    assert (found.n, found.diagnostics["with_outcome"]) == (2139, 1342)


def test_the_error_is_that_of_the_stacked_equations(actg: pd.DataFrame) -> None:
    """Logits and weighted means solved together, with derivatives taken numerically."""
    arm, seen = actg["assigned"].to_numpy(), actg["cd496"].notna().to_numpy(dtype=float)
    columns = actg[["cd40", "age", "offtrt"]].to_numpy(dtype=float)
    design = np.column_stack([np.ones(len(arm)), (columns - columns.mean(0)) / columns.std(0)])
    outcome = actg["cd496"].fillna(0.0).to_numpy()
    logits = [sm.Logit(seen[arm == d], design[arm == d]).fit(disp=0, tol=1e-12).params for d in (0, 1)]

    def equations(theta: np.ndarray) -> np.ndarray:
        chance = np.where(arm == 0, *(1 / (1 + np.exp(-design @ theta[4 * d : 4 * d + 4])) for d in (0, 1)))
        means = theta[8 + arm]
        parts = [(arm == d)[:, None] * (seen - chance)[:, None] * design for d in (0, 1)]
        parts += [((arm == d) * seen / chance * (outcome - means))[:, None] for d in (0, 1)]
        return np.hstack(parts)

    start = np.concatenate(logits)
    chance = np.where(arm == 0, *(1 / (1 + np.exp(-design @ logit)) for logit in logits))
    means = [np.average(outcome[arm == d], weights=(seen / chance)[arm == d]) for d in (0, 1)]
    theta = np.concatenate([start, means])
    slope = np.empty((10, 10))
    for k in range(10):
        step = np.zeros(10)
        step[k] = 1e-5 * max(1.0, abs(theta[k]))
        slope[:, k] = (equations(theta + step) - equations(theta - step)).sum(0) / (2 * step[k])
    inverse = np.linalg.inv(slope)
    cov = inverse @ (equations(theta).T @ equations(theta)) @ inverse.T
    contrast = np.array([0.0] * 8 + [-1.0, 1.0])
    terms = {"weight_by": ["cd40", "age", "offtrt"]}
    spec = Experiment.model_validate({"outcome": "cd496", "missing": "drop", "vcov": "HC0", "attrition": terms})
    found = spec.fit(actg)
    assert found.values[0] == pytest.approx(contrast @ theta, abs=1e-6)
    assert found.std_error[0] == pytest.approx(np.sqrt(contrast @ cov @ contrast), rel=1e-6)
    assert abs(found.influence.mean()) < 1e-6 * found.std_error[0]  # type: ignore[union-attr]


def test_the_error_with_covariates_blocks_weights_is_the_bootstraps() -> None:
    frame = lost(1, 300).assign(block=lambda d: d.index % 3, w=lambda d: 1 + d.index % 2)
    spec = weighted(covariates=("x",), blocks="block", weights="w")
    found = spec.fit(frame)
    rng = np.random.default_rng(0)
    drawn = [spec.fit(frame.iloc[rng.integers(0, 300, 300)].reset_index(drop=True)).values[0] for _ in range(100)]
    # The covariates' means are those of the sample, so a part of what a bootstrap redraws is no error.
    assert found.std_error[0] == pytest.approx(np.std(drawn), rel=0.25)
    assert found.target == "sample"


def test_with_nobody_lost_it_is_the_experiment() -> None:
    frame = lost(2).assign(y=lambda d: d["x"] + d["assigned"])
    frame["y"] += np.random.default_rng(5).normal(size=len(frame))
    plain, same = Experiment(outcome="y", missing="drop", covariates=("x",)), weighted(covariates=("x",))
    for vcov in ("HC0", "HC1", "HC2", "HC3"):
        one, other = (spec.model_copy(update={"vcov": vcov}).fit(frame) for spec in (plain, same))
        assert other.values[0] == pytest.approx(one.values[0], abs=1e-12)
        assert other.std_error[0] == pytest.approx(one.std_error[0], rel=1e-12)


def test_clusters_arm_means_and_counts() -> None:
    frame = lost(3)
    frame.loc[frame.index[:5], "x"] = np.nan
    found = weighted(cluster="town").fit(frame)
    assert found.error_type == "CR1"
    assert (found.diagnostics["people_in"], found.diagnostics["people_used"]) == (400, 395)
    assert found.diagnostics["x"] == 5
    means = arm_means(weighted(), frame)
    assert means.values[0] - means.values[1] == pytest.approx(weighted().fit(frame).values[0], abs=1e-12)


def test_order_of_rows_does_not_matter() -> None:
    frame = lost(4)
    one, other = weighted().fit(frame), weighted().fit(frame[::-1])
    assert other.values[0] == pytest.approx(one.values[0], abs=1e-9)
    assert other.std_error[0] == pytest.approx(one.std_error[0], rel=1e-9)


def test_refusals() -> None:
    frame = lost(5)
    with pytest.raises(ValueError, match="missing: drop"):
        Experiment.model_validate({"outcome": "y", "attrition": {"weight_by": ["x"]}})
    with pytest.raises(CounterfoilError, match="EST-026"):
        weighted().fit(frame.assign(y=frame["y"].where(frame["assigned"] == 1)))
    with pytest.raises(CounterfoilError, match="EST-002"):
        weighted().fit(frame.assign(y=np.where(frame["x"] > 0, frame["x"], np.nan)))
    blocks = frame.assign(block=frame.index % 4)
    held = (blocks["block"] > 0) | (blocks["assigned"] == 1)
    with pytest.raises(CounterfoilError, match="IDENT-007"):
        weighted(blocks="block").fit(blocks.assign(y=blocks["y"].where(held)))
    with pytest.raises(CounterfoilError, match="IDENT-001"):
        weighted().fit(frame.assign(assigned=1))
    with pytest.raises(CounterfoilError, match="EST-001"):
        weighted(cluster="town", vcov="CR2").fit(frame)


def test_table_of_losses(actg: pd.DataFrame) -> None:
    table = attrition_table(Experiment(outcome="cd496", missing="drop"), actg)
    counts = pd.crosstab(actg["assigned"], actg["cd496"].isna()).to_numpy()
    assert table["with_outcome"].tolist() == [counts[1, 0], counts[0, 0], 1342]
    known = chi2_contingency(counts, correction=False)
    assert table.attrs["p_value"] == pytest.approx(known.pvalue)
    assert table.attrs["wwc"] == "optimistic"


def test_losses_by_cluster_are_a_clustered_regression() -> None:
    frame = lost(6)
    found = attrition_table(Experiment(outcome="y", cluster="town", missing="drop"), frame).attrs
    fit = sm.OLS(frame["y"].isna().astype(float), sm.add_constant(frame["assigned"])).fit(
        cov_type="cluster", cov_kwds={"groups": frame["town"], "use_correction": False}
    )
    assert found["difference"] == pytest.approx(fit.params["assigned"])
    assert found["std_error"] == pytest.approx(fit.bse["assigned"] * np.sqrt(20 / 19))


def test_the_boundaries_as_printed() -> None:
    """Standards Handbook 4.1, table II.1: at an overall loss of 10 and of 30 per cent."""
    assert (len(CAUTIOUS), len(OPTIMISTIC)) == (58, 66)
    assert (CAUTIOUS[57], OPTIMISTIC[57], OPTIMISTIC[65]) == (0.0, 2.1, 0.3)
    assert (CAUTIOUS[10], OPTIMISTIC[10], CAUTIOUS[30], OPTIMISTIC[30]) == (6.3, 10.9, 4.1, 8.2)
    assert boundary(0.3, 0.041) == "cautious"
    assert boundary(0.3, 0.0411) == "optimistic"
    assert boundary(0.3, 0.0821) == "above"
    assert boundary(0.66, 0.0) == "above"


def test_warning_only_where_losses_differ_and_never_small_rates() -> None:
    frame = lost(7)
    even = frame.assign(y=np.where(frame.index % 4 == 0, np.nan, frame["x"]))
    spec = Experiment(outcome="y", missing="drop")
    assert not attrition_warning(spec, frame.assign(y=1.0))
    assert not attrition_warning(spec.model_copy(update={"missing": "refuse"}), frame)
    assert not attrition_warning(spec, even)
    assert "EST-024" in [problem.code for problem in spec.fit(frame).warnings]
    treated = np.flatnonzero(frame["assigned"] == 1)
    hidden = frame.assign(y=frame["x"])
    hidden.loc[treated[:9], "y"] = np.nan
    (problem,) = attrition_warning(spec, hidden)
    assert "%" not in problem.what


def test_people_without_an_arm_are_left_out_of_the_table() -> None:
    frame = lost(8).astype({"assigned": float})
    frame.loc[frame.index[:7], "assigned"] = np.nan
    assert attrition_table(Experiment(outcome="y", missing="drop"), frame)["people"][2] == 393
    assert Experiment(outcome="y", missing="drop").fit(frame).diagnostics["people_in"] == 400
