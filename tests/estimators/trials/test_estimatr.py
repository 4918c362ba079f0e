"""Lotteries and clusters beside the R packages estimatr and clubSandwich, by their stored output (see make_estimatr.R)."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.estimators import Estimate, Experiment
from counterfoil.estimators.covariance import ErrorType

STORED: dict[str, dict[str, float]] = json.loads(
    (Path(__file__).parents[2] / "reference" / "estimatr.json").read_text("utf-8")
)
NSW = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")


def agrees(found: Estimate, stored: dict[str, float]) -> None:
    assert float(found.values[0]) == pytest.approx(stored["estimate"], rel=1e-9)
    assert float(found.std_error[0]) == pytest.approx(stored["std_error"], rel=1e-9)


def rice() -> pd.DataFrame:
    study = cf.datasets.load("rice")
    served = study.roster(["default"]).exposure[:, 0]
    return study.people.set_index("person").assign(default=served.astype(int), takeup=study.outcome("takeup"))


def by_address(frame: pd.DataFrame, vcov: ErrorType, **terms: Any) -> Estimate:
    spec = Experiment(outcome="takeup", assigned="default", cluster="address", vcov=vcov, **terms)
    return spec.fit(frame)


@pytest.mark.parametrize("vcov", ["classical", "HC0", "HC1", "HC2", "HC3"])
def test_errors_by_person(vcov: ErrorType) -> None:
    study = cf.datasets.load("nsw")
    for name, covariates in (("difference", ()), ("Lin", NSW)):
        found = Experiment(outcome="earnings", covariates=covariates, vcov=vcov).fit(study)
        stored = STORED[f"nsw {name} {vcov}"]
        agrees(found, stored)
        assert found.df == stored["df"]


@pytest.mark.parametrize("vcov", ["CR0", "CR1", "CR2"])
def test_errors_by_cluster(vcov: ErrorType) -> None:
    frame = rice()
    agrees(by_address(frame, vcov), STORED[f"rice {vcov}"])
    few = frame[frame["village"].isin(sorted(frame["village"].unique())[:8])]
    agrees(by_address(few, vcov), STORED[f"rice eight villages {vcov}"])
    sizes = frame["village"].value_counts()
    large = frame[frame["village"].isin(sizes[sizes > 40].index)]
    found = by_address(large, vcov, covariates=("risk_averse", "village"))
    agrees(found, STORED[f"rice large villages, Lin {vcov}"])


def test_degrees_of_freedom_are_those_of_bell_and_mccaffrey() -> None:
    frame = rice()
    few = frame[frame["village"].isin(sorted(frame["village"].unique())[:8])]
    assert by_address(frame, "CR2").df == pytest.approx(STORED["rice CR2"]["df"], rel=1e-8)
    for name in ("rice eight villages CR2", "rice eight villages, clubSandwich CR2"):
        agrees(by_address(few, "CR2"), STORED[name])
        assert by_address(few, "CR2").df == pytest.approx(STORED[name]["df"], rel=1e-8)
