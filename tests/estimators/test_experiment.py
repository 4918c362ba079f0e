"""Published digits, and agreement with statsmodels."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Experiment
from counterfoil.estimators.covariance import ErrorType

X8 = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def fit(study: Study, **terms: object) -> tuple[float, float]:
    estimate = Experiment.model_validate(terms).fit(study)
    return float(estimate.values[0]), float(estimate.std_error[0])


@pytest.mark.parametrize(
    ("vcov", "error"),
    [("classical", 632.8534), ("HC0", 669.3153), ("HC1", 670.8245), ("HC2", 670.9965), ("HC3", 672.6821)],
)
def test_nsw_difference_in_means(nsw: Study, vcov: str, error: float) -> None:
    value, found = fit(nsw, vcov=vcov)
    assert value == pytest.approx(1794.3424, abs=5e-5)
    assert found == pytest.approx(error, abs=5e-5)


def test_nsw_with_covariates(nsw: Study) -> None:
    assert fit(nsw, covariates=X8) == pytest.approx((1621.5831, 694.7216), abs=1e-4)
    people = nsw.people.assign(age2=nsw.people["age"] ** 2)
    study = Study.from_tables(people, outcomes=nsw.outcomes)
    names = ("age", "age2", "educ", "nodegree", "black", "hisp", "re74", "re75")
    assert fit(study, covariates=names, adjustment="additive", vcov="classical") == pytest.approx(
        (1672.2031, 638.3966), abs=1e-4
    )
    assert fit(study, covariates=names, adjustment="additive") == pytest.approx((1672.2031, 674.5838), abs=1e-4)
    zero = nsw.people.assign(u74=nsw.people["re74"] == 0, u75=nsw.people["re75"] == 0)
    study = Study.from_tables(zero, outcomes=nsw.outcomes)
    assert fit(study, covariates=(*X8, "u74", "u75")) == pytest.approx((1583.4673, 678.0572), abs=1e-4)


def test_rossi_bounds(rossi: Study) -> None:
    estimate = Experiment().fit(rossi)
    assert estimate.values[0] == pytest.approx(-0.0833333, abs=5e-8)
    rows: list[tuple[ErrorType, float, float, float]] = [
        ("HC0", 0.0422203, 0.00035, 0.0137), ("classical", 0.0423183, 0.00016, 0.0136),
        ("HC1", 0.0423183, 0.00016, 0.0136), ("HC2", 0.0423183, 0.00016, 0.0136), ("HC3", 0.0424166, -0.00004, 0.0134),
    ]  # fmt: skip
    for name, error, two_sided, one_sided in rows:
        stated = estimate.using(name)
        assert stated.std_error[0] == pytest.approx(error, abs=5e-8)
        assert -stated.interval()[0, 1] == pytest.approx(two_sided, abs=5e-6)
        lower = -stated.values[0] - stated.critical(0.95, "one_sided") * stated.std_error[0]
        assert lower == pytest.approx(one_sided, abs=5e-5)


def test_rice_by_village(rice: Study) -> None:
    people = rice.people.assign(assigned=rice.roster(["default"]).exposure[:, 0])
    study = Study.from_tables(people, outcomes=rice.outcomes)
    assert fit(study, cluster="address") == pytest.approx((0.105647, 0.033737), abs=1e-6)


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    size = 240
    block = rng.integers(0, 6, size)
    site = rng.integers(0, 30, size)
    age = rng.normal(size=size)
    assigned = rng.integers(0, 2, size)
    outcome = 1 + 0.5 * assigned + 0.3 * block + age + rng.normal(size=size) * (1 + assigned)
    return pd.DataFrame({"assigned": assigned, "block": block, "site": site, "age": age, "y": outcome})


@pytest.mark.parametrize("vcov", ["HC0", "HC1", "HC2", "HC3", "classical"])
def test_adjusted_fit_equals_statsmodels(frame: pd.DataFrame, vcov: str) -> None:
    design = sm.add_constant(frame[["assigned", "age"]].assign(age=frame["age"] - frame["age"].mean()))
    design["product"] = design["assigned"] * design["age"]
    theirs = sm.OLS(frame["y"], design).fit(cov_type="nonrobust" if vcov == "classical" else vcov)
    ours = Experiment.model_validate({"outcome": "y", "covariates": ["age"], "vcov": vcov}).fit(frame)
    assert ours.values[0] == pytest.approx(theirs.params["assigned"], rel=1e-12)
    assert ours.std_error[0] == pytest.approx(theirs.bse["assigned"], rel=1e-11)


def test_clustered_error_equals_statsmodels(frame: pd.DataFrame) -> None:
    design = sm.add_constant(frame[["assigned"]])
    theirs = sm.OLS(frame["y"], design).fit(cov_type="cluster", cov_kwds={"groups": frame["site"]})
    ours = Experiment(outcome="y", cluster="site").fit(frame)
    assert ours.std_error[0] == pytest.approx(theirs.bse["assigned"], rel=1e-12)
    assert ours.df == 29


def test_blocks_weight_by_size_with_neyman_errors(frame: pd.DataFrame) -> None:
    ours = Experiment(outcome="y", blocks="block").fit(frame)
    value = variance = 0.0
    for _, block in frame.groupby("block"):
        weight = len(block) / len(frame)
        treated, control = (block.loc[block["assigned"] == arm, "y"] for arm in (1, 0))
        value += weight * (treated.mean() - control.mean())
        variance += weight**2 * (treated.var() / len(treated) + control.var() / len(control))
    assert ours.values[0] == pytest.approx(value, rel=1e-12)
    assert ours.std_error[0] == pytest.approx(np.sqrt(variance), rel=1e-12)
    assert ours.df == len(frame) - 12


def test_dependent_covariates_are_named_and_change_nothing(frame: pd.DataFrame) -> None:
    doubled = frame.assign(twice=2 * frame["age"], constant=1.0)
    plain = Experiment(outcome="y", covariates=("age",)).fit(frame)
    ours = Experiment(outcome="y", covariates=("age", "twice", "constant")).fit(doubled)
    assert ours.values[0] == pytest.approx(plain.values[0], abs=1e-8)
    assert ours.std_error[0] == pytest.approx(plain.std_error[0], rel=1e-8)
    assert ours.df == plain.df
    (note,) = ours.warnings
    assert note.code == "EST-005"
    assert "constant, twice" in note.what


def test_refusals(frame: pd.DataFrame) -> None:
    def code(changed: pd.DataFrame, **terms: object) -> str:
        with pytest.raises(CounterfoilError) as caught:
            Experiment.model_validate({"outcome": "y", **terms}).fit(changed)
        return caught.value.codes[0]

    assert code(frame.assign(assigned=1)) == "IDENT-001"
    assert code(frame.assign(assigned=0.5)) == "DATA-013"
    assert code(frame.drop(columns="assigned")) == "DATA-004"
    assert code(frame.assign(block=frame["assigned"]), blocks="block") == "IDENT-007"
    assert code(frame.assign(block=np.r_[7, 7, frame["block"][2:]], assigned=np.r_[0, 1, frame["assigned"][2:]]), blocks="block") == "EST-001"  # fmt: skip
    assert code(frame.assign(site="one"), cluster="site") == "IDENT-006"
    assert code(frame.assign(site=frame["assigned"]), cluster="site") == "IDENT-006"
    assert code(frame, vcov="CR1") == "CONTRACT-016"
    assert code(frame[:8].assign(assigned=[0, 1] * 4), covariates=["age", "site", "block"]) == "EST-003"


def test_cluster_and_unclustered_error_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="ignores the clusters"):
        Experiment(cluster="site", vcov="HC2")


@pytest.mark.parametrize("vcov", ["HC0", "HC1", "HC2", "HC3"])
def test_one_person_alone_in_an_arm_has_no_robust_error(frame: pd.DataFrame, vcov: str) -> None:
    """The arm's mean fits its only member, so that no residual shows how uncertain it is."""
    alone = frame.assign(assigned=(np.arange(len(frame)) == 3).astype(int))
    with pytest.raises(CounterfoilError) as caught:
        Experiment.model_validate({"outcome": "y", "vcov": vcov}).fit(alone)
    assert caught.value.codes == ("EST-001",)
    assert Experiment(outcome="y", vcov="classical").fit(alone).error_types == ("classical",)


def test_a_rare_level_of_a_covariate_does_no_harm(frame: pd.DataFrame) -> None:
    rare = frame.assign(town=np.where(np.arange(len(frame)) == 3, "lone", "town"))
    ours = Experiment(outcome="y", covariates=("town",), adjustment="additive").fit(rare)
    without = Experiment(outcome="y").fit(frame.drop(index=3))
    assert ours.values[0] == pytest.approx(without.values[0])
    assert ours.std_error[0] == pytest.approx(without.std_error[0])


def test_outcomes_far_from_zero_keep_their_digits(frame: pd.DataFrame) -> None:
    far = frame.assign(y=frame["y"] + 1e9)
    near = frame.assign(y=far["y"] - 1e9)
    assert Experiment(outcome="y").fit(far).values[0] == pytest.approx(
        Experiment(outcome="y").fit(near).values[0], abs=1e-9
    )
