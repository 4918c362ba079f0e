"""The test of feedback: against statsmodels, at its level when there is none, and refusals."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.feedback import progress_predicts_enrolment, wald


def people(size: int = 1_500, steered: float = -0.8, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=size)
    first = (rng.random(size) < 0.5).astype(int)
    progress = 0.5 * x + 0.6 * first + rng.normal(size=size)
    second = (rng.random(size) < 1 / (1 + np.exp(0.3 - first - 0.4 * x - steered * progress))).astype(int)
    third = (rng.random(size) < 1 / (1 + np.exp(0.5 * second))).astype(int)
    columns = {"first": first, "second": second, "third": third, "x": x, "l1": progress, "l2": rng.normal(size=size)}
    return pd.DataFrame({**columns, "site": np.arange(size) % 50})


def results(frame: pd.DataFrame, cluster: str | None = None) -> pd.DataFrame:
    study = Study.from_frame(frame, providers=["first", "second", "third"])
    stages, progress = [["first"], ["second"], ["third"]], [["l1"], ["l2"]]
    return progress_predicts_enrolment(study, stages, progress, ["x"], cluster)


def test_each_stage_is_a_robust_logit_of_statsmodels() -> None:
    frame = people()
    found = results(frame)
    assert found.columns.tolist() == ["stage", "statistic", "df", "p_value"]
    assert found["stage"].tolist() == [2, 3]
    assert found["df"].tolist() == [1, 2]
    second = sm.Logit(frame["second"], sm.add_constant(frame[["x", "first", "l1"]])).fit(disp=0, cov_type="HC0")
    assert found["statistic"][0] == pytest.approx(second.tvalues["l1"] ** 2, rel=1e-6)
    assert found["p_value"][0] == pytest.approx(second.pvalues["l1"], rel=1e-4)
    design = sm.add_constant(frame[["x", "first", "second", "l1", "l2"]])
    third = sm.Logit(frame["third"], design).fit(disp=0, cov_type="HC0").wald_test(np.eye(6)[4:], scalar=True)
    assert found["statistic"][1] == pytest.approx(float(third.statistic), rel=1e-6)


def test_several_choices_by_cluster_are_a_multinomial_logit_of_statsmodels() -> None:
    rng = np.random.default_rng(4)
    size = 900
    other, progress = rng.normal(size=(size, 1)), rng.normal(size=(size, 1))
    chosen, site = rng.integers(0, 3, size), rng.integers(0, 40, size)
    statistic, df, _ = wald(np.zeros(size, dtype=np.intp), chosen, other, progress, site)
    theirs = sm.MNLogit(chosen, sm.add_constant(np.hstack([other, progress]))).fit(
        disp=0, tol=1e-12, cov_type="cluster", cov_kwds={"groups": site}
    )
    value, place = np.asarray(theirs.params)[2], [2, 5]
    cov = np.asarray(theirs.cov_params())[np.ix_(place, place)]
    assert df == 2
    assert statistic == pytest.approx(value @ np.linalg.solve(cov, value), rel=1e-6)


def test_level_and_power() -> None:
    draws = 120
    found = [results(people(400, 0.0, seed))["p_value"] for seed in range(draws)]
    false_alarms = (np.array(found) < 0.05).mean(axis=0)
    assert (np.abs(false_alarms - 0.05) < 4 * np.sqrt(0.05 * 0.95 / draws)).all()
    assert results(people(400))["p_value"][0] < 1e-6


def test_clusters_widen_the_test_where_people_are_repeated() -> None:
    once = people(500, -0.2)
    frame = pd.concat([once] * 4, ignore_index=True).assign(home=np.tile(np.arange(500), 4))
    blind, aware = results(frame)["statistic"][0], results(frame, "home")["statistic"][0]
    assert blind == pytest.approx(4 * results(once)["statistic"][0], rel=1e-6)
    assert aware == pytest.approx(results(once)["statistic"][0], rel=0.02)


def test_where_nothing_is_left_to_chance_there_is_nothing_to_test() -> None:
    frame = people()
    certain = results(frame.assign(second=frame["first"]))
    assert certain.loc[0, ["statistic", "df", "p_value"]].tolist() == [0.0, 0, 1.0]
    idle = results(frame.assign(l1=2 * frame["x"]))
    assert idle["df"].tolist() == [0, 1]
    only = frame.assign(second=frame["first"] * frame["second"])
    served = only[only["first"] == 1]
    theirs = sm.Logit(served["second"], sm.add_constant(served[["x", "l1"]])).fit(disp=0, cov_type="HC0")
    assert results(only)["statistic"][0] == pytest.approx(theirs.tvalues["l1"] ** 2, rel=1e-6)


def test_refusals() -> None:
    frame = people()
    study = Study.from_frame(frame, providers=["first", "second"])
    with pytest.raises(ValueError, match="2 stages need 1"):
        progress_predicts_enrolment(study, [["first"], ["second"]], [])
    with pytest.raises(CounterfoilError) as caught:
        results(frame.assign(l1=frame["second"] * 1.0))
    assert caught.value.codes == ("EST-002",)
    with pytest.raises(CounterfoilError) as caught:
        results(frame.assign(site=np.arange(len(frame)) % 2, l2=np.sin(frame["l1"])), "site")
    assert caught.value.codes == ("EST-002",)
    with pytest.raises(CounterfoilError) as caught:
        results(frame.assign(l1=np.nan))
    assert caught.value.codes == ("DATA-014",)
