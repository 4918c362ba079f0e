"""Weights and the declared policy for missing values, in every design."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm

import counterfoil as cf
from counterfoil.attribution import attribute
from counterfoil.errors import DataError
from counterfoil.estimators import Contribution, Estimate, Experiment

NAMES = ("a", "b")


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(9)
    size = 400
    data = pd.DataFrame(rng.integers(0, 2, (size, 3)), columns=["a", "b", "assigned"])
    data["x"] = rng.normal(size=size)
    data["y"] = data["a"] + 0.5 * data["b"] * (1 + data["x"]) + data["x"] + rng.normal(size=size)
    data["w"] = rng.integers(1, 5, size).astype(float)
    data["site"] = rng.integers(0, 25, size)
    return data


def both(frame: pd.DataFrame, **terms: Any) -> list[Estimate]:
    contribution = Contribution.model_validate({"outcome": "y", "providers": NAMES, **terms})
    experiment = Experiment.model_validate({"outcome": "y", **terms})
    return [experiment.fit(frame), attribute(contribution.fit(frame)).credits]


def repeated(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.loc[frame.index.repeat(frame["w"].astype(int))].reset_index(drop=True)


@pytest.mark.parametrize("covariates", [(), ("x",)])
def test_whole_weights_are_repeated_rows(frame: pd.DataFrame, covariates: tuple[str, ...]) -> None:
    for weighted, copied in zip(
        both(frame, weights="w", covariates=covariates), both(repeated(frame), covariates=covariates), strict=True
    ):
        np.testing.assert_allclose(weighted.values, copied.values, rtol=1e-10)


@pytest.mark.parametrize("terms", [{"design": "unconfounded"}, {"design": "unconfounded", "effects_by_covariates": True},
                                   {"model": "pairwise", "effects_by_covariates": True, "target": "population"}])  # fmt: skip
def test_whole_weights_are_repeated_rows_by_cluster(frame: pd.DataFrame, terms: dict[str, Any]) -> None:
    """Errors too: copies within a cluster are one and the same score."""
    common = {"outcome": "y", "providers": NAMES, "covariates": ("x",), "cluster": "site", "vcov": "CR0", **terms}
    weighted = attribute(Contribution.model_validate({**common, "weights": "w"}).fit(frame)).credits
    copied = attribute(Contribution.model_validate(common).fit(repeated(frame))).credits
    np.testing.assert_allclose(weighted.values, copied.values, rtol=1e-7)
    np.testing.assert_allclose(weighted.cov(), copied.cov(), rtol=1e-6)


@pytest.mark.parametrize("vcov", ["classical", "HC0", "HC1", "HC2", "HC3"])
def test_weighted_errors_equal_statsmodels(frame: pd.DataFrame, vcov: str) -> None:
    ours = Experiment.model_validate({"outcome": "y", "weights": "w", "vcov": vcov}).fit(frame)
    fit = sm.WLS(frame["y"], sm.add_constant(frame[["assigned"]]), weights=frame["w"]).fit(
        cov_type="nonrobust" if vcov == "classical" else vcov
    )
    assert ours.values[0] == pytest.approx(fit.params["assigned"], rel=1e-12)
    assert ours.std_error[0] == pytest.approx(fit.bse["assigned"], rel=1e-11)


def test_a_study_may_carry_its_weights(frame: pd.DataFrame) -> None:
    study = cf.Study.from_frame(frame, providers=NAMES, outcomes=["y"], weights="w")
    assert Experiment(outcome="y").fit(study).values == Experiment(outcome="y", weights="w").fit(frame).values


@pytest.mark.parametrize("column", ["y", "x", "site"])
def test_missing_values_are_refused_unless_declared_and_then_counted(frame: pd.DataFrame, column: str) -> None:
    gaps = frame.astype({column: object}).assign(**{column: frame[column].where(np.arange(len(frame)) >= 30, np.nan)})
    terms = {"covariates": ("x",), "cluster": "site"}
    with pytest.raises(DataError):
        both(gaps, **terms)
    for dropped, by_hand in zip(both(gaps, **terms, missing="drop"), both(frame[30:], **terms), strict=True):
        np.testing.assert_allclose(dropped.values, by_hand.values, rtol=1e-12)
        np.testing.assert_allclose(dropped.cov(), by_hand.cov(), rtol=1e-12)
        reason = "outcome y" if column == "y" else column
        assert {"people_in": 400, "people_used": 370, reason: 30}.items() <= dropped.diagnostics.items()
        assert [problem.code for problem in dropped.warnings] == ["EST-007"]
        assert f"30 without {reason}" in dropped.warnings[0].what


def test_few_left_out_are_told_but_not_counted_out_loud(frame: pd.DataFrame) -> None:
    gaps = frame.assign(x=frame["x"].where(np.arange(len(frame)) >= 3))
    (warning,) = both(gaps, covariates=("x",), missing="drop")[0].warnings
    assert "<11 without x" in warning.what


def test_polars_frames_are_read_like_pandas(frame: pd.DataFrame) -> None:
    columns = {name: frame[name].to_list() for name in frame.columns}
    study = cf.Study.from_frame(
        pl.DataFrame({"id": range(len(frame)), **columns}), person="id", providers=NAMES, outcomes=["y"]
    )
    one = attribute(Contribution().fit(study)).credits
    other = attribute(Contribution(outcome="y", providers=NAMES).fit(frame)).credits
    assert np.array_equal(one.scores(), other.scores())
