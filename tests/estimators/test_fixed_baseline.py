"""Observed less agreed: the arithmetic of the baseline, and the error of the mean against closed forms."""

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import FixedBaseline, risk_growth_cap

RNG = np.random.default_rng(11)
PEOPLE = 400
DATA = pd.DataFrame({
    "north": RNG.integers(0, 2, PEOPLE), "south": RNG.integers(0, 2, PEOPLE), "weight": RNG.uniform(0.5, 2, PEOPLE),
    "town": [f"t{k % 20}" for k in range(PEOPLE)],
})  # fmt: skip
DATA["jobs"] = RNG.normal(1.0, 2.0, PEOPLE) + RNG.normal(size=20)[np.arange(PEOPLE) % 20]
STUDY = Study.from_frame(DATA, providers=["north", "south"], outcomes=["jobs"])


def spec(**terms: Any) -> FixedBaseline:
    return FixedBaseline.model_validate({"baseline": "historical", "rate": "0.25", "source": "2012 cohort", **terms})


def test_the_mean_of_the_people_served_less_the_rate() -> None:
    served = DATA.loc[(DATA["north"] + DATA["south"]) > 0, "jobs"]
    found = spec().fit(STUDY)
    assert found.values[0] == pytest.approx(served.mean() - 0.25, rel=1e-13)
    assert found.std_error[0] == pytest.approx(served.std(ddof=1) / np.sqrt(len(served)), rel=1e-12)
    assert found.people == len(served) == len(found.influence if found.influence is not None else ())
    assert found.df == len(served) - 1
    assert spec(providers=["north"]).fit(STUDY).people == DATA["north"].sum()
    assert spec(among="everyone").fit(STUDY).values[0] == pytest.approx(DATA["jobs"].mean() - 0.25, rel=1e-13)


@pytest.mark.parametrize("vcov", ["classical", "HC0", "HC1", "HC2", "HC3"])
def test_errors_are_those_of_a_weighted_regression_on_a_constant(vcov: str) -> None:
    found = spec(weights="weight", among="everyone", vcov=vcov).fit(STUDY)
    fit = sm.WLS(DATA["jobs"], np.ones(PEOPLE), weights=DATA["weight"]).fit()
    fit = fit if vcov == "classical" else fit.get_robustcov_results(vcov, use_t=True)
    assert found.values[0] == pytest.approx(
        float(fit.params.item() if hasattr(fit.params, "item") else fit.params[0]) - 0.25
    )
    assert found.std_error[0] == pytest.approx(float(np.asarray(fit.bse)[0]), rel=1e-10)


def test_errors_by_cluster() -> None:
    found = spec(among="everyone", cluster="town").fit(STUDY)
    codes = pd.factorize(DATA["town"])[0]
    fit = sm.OLS(DATA["jobs"], np.ones(PEOPLE)).fit(cov_type="cluster", cov_kwds={"groups": codes})
    assert found.std_error[0] == pytest.approx(float(fit.bse.iloc[0]), rel=1e-10)
    # Towns of the same size: the classical error of the mean of their means.
    towns = DATA.groupby("town")["jobs"].mean()
    reduced = found.using("CR2")
    assert reduced.std_error[0] == pytest.approx(towns.std(ddof=1) / np.sqrt(20), rel=1e-10)
    assert reduced.df == pytest.approx(19)
    with pytest.raises(CounterfoilError, match="IDENT-006"):
        spec(among="everyone", cluster="one").fit(Study.from_frame(DATA.assign(one="x"), outcomes=["jobs"]))


def test_trend_and_risk_move_the_baseline_exactly() -> None:
    moved = spec(rate="10000", trend="1.02", periods=3, risk={"now": "1.08", "then": "1.00", "cap": "0.03"})
    assert moved.expected == Decimal(10000) * Decimal("1.061208") * Decimal("1.03")
    free = spec(rate="10000", risk={"now": "1.08", "then": "1.00"})
    assert free.expected == Decimal("10800.00")


def test_risk_growth_is_limited_from_above_only() -> None:
    cap = Decimal("0.03")
    assert risk_growth_cap(Decimal("1.03"), Decimal(1), cap) == Decimal("1.03")
    assert risk_growth_cap(Decimal("1.0301"), Decimal(1), cap) == Decimal("1.03")
    assert risk_growth_cap(Decimal("0.5"), Decimal(1), cap) == Decimal("0.5")
    assert risk_growth_cap(Decimal(3), Decimal(1)) == 3


def test_an_estimated_rate_adds_its_error_scaled_by_its_growth() -> None:
    plain = spec(among="everyone", trend="1.1", periods=2).fit(STUDY)
    found = spec(among="everyone", trend="1.1", periods=2, std_error="0.05").fit(STUDY)
    assert found.values == pytest.approx(plain.values)
    assert found.std_error[0] == pytest.approx(np.hypot(plain.std_error[0], 1.21 * 0.05), rel=1e-12)
    assert found.people == PEOPLE
    assert "EST-019" in [problem.code for problem in found.warnings]


@pytest.mark.parametrize(
    "terms",
    [
        {"baseline": "fixed_rate", "trend": "1.02", "periods": 1},
        {"baseline": "fixed_rate", "std_error": "0.1"},
        {"baseline": "fixed_rate", "risk": {"now": "1", "then": "1"}},
        {"trend": "1.02"},
        {"periods": 2},
        {"covariates": ["weight"]},
        {"source": None},
    ],
)
def test_contradicting_terms_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        spec(**terms)


def test_nobody_served_is_refused() -> None:
    nobody = Study.from_frame(DATA.assign(east=0), providers=["east"], outcomes=["jobs"])
    with pytest.raises(CounterfoilError, match="IDENT-005"):
        spec().fit(nobody)
