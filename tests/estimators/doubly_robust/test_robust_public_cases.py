"""Doubly robust effects and standardisation on public data, at the digits that others print."""

from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest

from counterfoil.estimators import Estimate
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust

TEN = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")
LEVELS = ("sex", "race", "education", "exercise", "active")
NUMBERS = ("age", "smokeintensity", "smokeyrs", "wt71")


def nsw_and_cps(kind: str = "float64") -> pd.DataFrame:
    """Return the NSW's treated with the CPS comparison of Dehejia and Wahba (1999)."""
    treated, others = (getattr(causaldata, name).load_pandas().data for name in ("nsw_mixtape", "cps_mixtape"))
    frame = pd.concat([treated[treated["treat"] == 1], others], ignore_index=True)
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("number"), "float64"))
    frame["u74"], frame["u75"] = (frame["re74"] == 0).astype(float), (frame["re75"] == 0).astype(float)
    return frame.astype({"age": kind, "educ": kind})


def nhefs() -> pd.DataFrame:
    frame = causaldata.nhefs_complete.load_pandas().data
    frame = frame.astype(dict.fromkeys(frame.select_dtypes("number"), "float64"))
    return frame.astype(dict.fromkeys(LEVELS, "int")).astype(dict.fromkeys(LEVELS, "str"))


def trained(**terms: Any) -> Estimate:
    spec = DoublyRobust.model_validate({"outcome": "re78", "treated": "treat", "covariates": TEN, **terms})
    return spec.fit(nsw_and_cps()).total()


def quit_smoking(**terms: Any) -> Estimate:
    asked = {
        "outcome": "wt82_71",
        "treated": "qsmk",
        "covariates": (*LEVELS, *NUMBERS),
        "squares": NUMBERS,
        "estimand": "ate",
    }
    return DoublyRobust.model_validate(asked | terms).fit(nhefs()).total()


def digits(estimate: Estimate) -> tuple[float, float]:
    return float(estimate.values[0]), float(estimate.std_error[0])


def test_training_outcome_regression_in_controls() -> None:
    """Imbens and Xu (2024) print 1133; the error counts the regression's estimation."""
    assert digits(trained(method="regression")) == pytest.approx((1133.275, 630.875), abs=5e-4)


def test_training_doubly_robust() -> None:
    assert trained().values[0] == pytest.approx(1488.881, abs=5e-4)
    assert trained(normalize=False).values[0] == pytest.approx(1494.897, abs=5e-4)


def test_small_integers_give_the_same() -> None:
    """An age kept in eight bits would go negative when squared."""
    spec = DoublyRobust(outcome="re78", treated="treat", covariates=TEN, squares=("age", "educ"), method="regression")
    wide, narrow = (spec.fit(nsw_and_cps(kind)).total() for kind in ("float64", "int8"))
    assert narrow.values[0] == wide.values[0]
    assert narrow.std_error[0] == wide.std_error[0]


def test_the_average_over_everybody_warns_where_few_could_be_treated() -> None:
    assert "EST-004" in {problem.code for problem in trained(estimand="ate").warnings}


def test_smoking_standardised() -> None:
    """Hernan and Robins, What If: 5.3 - 1.8 = 3.5."""
    found = quit_smoking(method="regression", interactions=("smokeintensity",))
    assert digits(found) == pytest.approx((3.517374, 0.477582), abs=5e-7)


def test_smoking_means_under_each_treatment() -> None:
    spec = DoublyRobust(
        outcome="wt82_71", treated="qsmk", covariates=(*LEVELS, *NUMBERS), squares=NUMBERS, estimand="ate",
        method="regression", interactions=("smokeintensity",),
    )  # fmt: skip
    built = spec.build(nhefs())
    (means,), _ = built.engine.means(built.sample.study.outcome("wt82_71")[:, None], (None,))
    assert [float(mean.values[0]) for mean in means] == pytest.approx([5.273587, 1.756213], abs=5e-7)


def test_smoking_with_common_slopes() -> None:
    assert digits(quit_smoking(method="regression", interactions=()))[0] == pytest.approx(3.462622, abs=5e-7)


def test_smoking_doubly_robust() -> None:
    """3.373265; its error is .472693 with both models as known, and .480157 when their estimation counts."""
    found = quit_smoking(normalize=False)
    assert found.values[0] == pytest.approx(3.373265, abs=5e-7)
    spec = DoublyRobust(
        outcome="wt82_71",
        treated="qsmk",
        covariates=(*LEVELS, *NUMBERS),
        squares=NUMBERS,
        estimand="ate",
        normalize=False,
    )
    built = spec.build(nhefs())
    outcome = built.sample.study.outcome("wt82_71")
    chance = built.score.chance if built.score is not None else np.empty(0)
    codes, columns = built.sample.codes, np.column_stack([np.ones(built.sample.n), built.sample.adjusting.values])
    known = np.zeros(len(outcome))
    for arm, sign in ((1, 1.0), (0, -1.0)):
        slope = np.linalg.lstsq(columns[codes == arm], outcome[codes == arm])[0]
        known = known + sign * (columns @ slope + (codes == arm) / chance[:, arm] * (outcome - columns @ slope))
    assert np.std(known) / np.sqrt(len(known)) == pytest.approx(0.472693, abs=5e-7)
    assert found.std_error[0] == pytest.approx(0.480157, abs=5e-7)
