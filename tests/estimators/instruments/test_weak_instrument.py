"""Published critical values, and the statistics by their definitions."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import card
from linearmodels.iv import IV2SLS
from scipy.stats import norm

from counterfoil.estimators.instruments import InstrumentalVariable
from counterfoil.estimators.instruments.tf_ratio import LARGE, tf_critical
from counterfoil.estimators.instruments.weak_instrument import effective_f

# Lee, McCrary, Moreira and Porter (2022), table 3, rounded up there: critical values of t at first-stage t ratios 2.0, 2.1, ...
TABLE = (
    18.66, 9.74, 7.37, 6.18, 5.43, 4.92, 4.54, 4.25, 4.01, 3.82, 3.65, 3.51, 3.39, 3.29, 3.19, 3.11, 3.03, 2.97, 2.91, 2.85, 2.80,
    2.75, 2.71, 2.67, 2.63, 2.60, 2.57, 2.54, 2.51, 2.48, 2.46, 2.43, 2.41, 2.39, 2.37, 2.35, 2.33, 2.32, 2.30, 2.29, 2.27,
)  # fmt: skip


def test_tf_published_table() -> None:
    found = [tf_critical((2.0 + step / 10) ** 2) for step in range(len(TABLE))]
    assert [np.ceil(value * 100 - 1e-6) / 100 for value in found] == pytest.approx(TABLE, abs=0.0051)
    assert tf_critical(10.0) == pytest.approx(3.43, abs=0.005)
    assert pytest.approx(104.67, abs=0.005) == LARGE
    assert tf_critical(3.84) == np.inf


@pytest.mark.parametrize("mean", [0.05, 0.5, 1.5, 3.0, 6.0, 8.5])
def test_tf_rejects_five_percent_at_worst(mean: float) -> None:
    # The definition: with perfectly correlated errors t = v f / f0, f = f0 + v; integrated on a fine grid.
    error = np.linspace(-9.0, 9.0, 20_001)
    ratio = mean + error
    critical = np.array([tf_critical(value) for value in ratio**2])
    rejected = np.abs(error * ratio / mean) > critical
    assert float((norm.pdf(error) * rejected).sum() * 9e-4) == pytest.approx(0.05, abs=2e-4)


@pytest.mark.parametrize(("bias", "critical"), [(0.05, 37.42), (0.10, 23.11), (0.20, 15.06), (0.30, 12.04)])
def test_effective_f_published_critical_values(bias: float, critical: float) -> None:
    found = effective_f(np.ones(1), np.eye(1), np.eye(1), bias)
    assert found[1] == pytest.approx(critical, abs=0.006)


def first_stage(seed: int = 2) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(300, 4)), columns=["z1", "z2", "age", "noise"])
    frame["z2"] += frame["z1"]
    spread = np.exp(0.5 * frame["z1"])
    frame["dose"] = 0.2 * frame["z1"] + 0.2 * frame["z2"] + frame["age"] + spread * frame["noise"]
    return frame.assign(y=frame["dose"] + frame["noise"] + rng.normal(size=300))


def test_statistics_by_their_definitions() -> None:
    frame = first_stage()
    terms = {"outcome": "y", "instrument": ("z1", "z2"), "received": "dose", "covariates": ("age",)}
    found = InstrumentalVariable.model_validate(terms | {"vcov": "HC0"}).fit(frame).weak_instrument()
    design = pd.DataFrame({"one": 1.0, "age": frame["age"]})
    peer: Any = IV2SLS(frame["y"], design, frame["dose"], frame[["z1", "z2"]]).fit(cov_type="robust")
    assert found.robust_f == pytest.approx(
        peer.first_stage.diagnostics.loc["dose", "f.stat"] / 2, rel=1e-9
    )  # chi-square of two
    # Montiel Olea and Pflueger work with orthonormal instruments: D'ZZ'D / n over the trace of the robust W2.
    left = frame[["z1", "z2", "dose"]].to_numpy()
    left = left - design @ np.linalg.lstsq(design, left, rcond=None)[0]
    left = np.asarray(left)
    basis = np.linalg.qr(left[:, :2])[0] * np.sqrt(len(frame))
    residual = left[:, 2] - basis @ (basis.T @ left[:, 2]) / len(frame)
    spread = (basis * residual[:, None]).T @ (basis * residual[:, None]) / len(frame)
    projected = basis.T @ left[:, 2] / np.sqrt(len(frame))
    assert found.effective_f == pytest.approx(float(projected @ projected) / np.trace(spread), rel=1e-10)
    assert found.effective_f != pytest.approx(found.robust_f, rel=0.01)


def test_one_instrument_has_one_f_and_an_interval() -> None:
    frame = first_stage()
    fit = InstrumentalVariable(outcome="y", instrument=("z1",), received="dose").fit(frame)
    found, total = fit.weak_instrument(), fit.total()
    assert found.effective_f == pytest.approx(found.robust_f, rel=1e-12)
    assert found.robust_f == pytest.approx(
        float((fit.first_stage().values / fit.first_stage().std_error)[0] ** 2), rel=1e-12
    )
    assert found.tf_interval is not None
    assert found.tf_critical is not None
    half = found.tf_critical * total.std_error[0]
    assert found.tf_interval == pytest.approx((total.values[0] - half, total.values[0] + half))
    assert len(found.tidy()) == 7


def test_weak_first_stage_warns_and_its_set_may_be_everything() -> None:
    frame = first_stage().assign(z1=lambda data: np.random.default_rng(9).normal(size=len(data)))
    fit = InstrumentalVariable(outcome="y", instrument=("z1",), received="dose").fit(frame)
    warned = {problem.code: problem for problem in fit.total().warnings}
    assert "Anderson-Rubin" in warned["EST-028"].remedy
    assert not fit.anderson_rubin().bounded
    assert fit.weak_instrument().tf_interval == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("name", "terms"),
    [("classical", {"vcov": "classical"}), ("HC1", {"vcov": "HC1"}), ("CR1 by age", {"cluster": "age", "vcov": "CR1"})],
)
def test_pyfixest_stored_output(root: Path, name: str, terms: dict[str, str]) -> None:
    peer = json.loads((root / "tests" / "reference" / "instruments.json").read_text("utf-8"))[name]
    about = ("exper", "expersq", "black", "smsa", "south", "smsa66", *(f"reg{number}" for number in range(662, 670)))
    schooling = card.load().reset_index(drop=True)
    asked = {"outcome": "lwage", "instrument": ("nearc4",), "received": "educ", "covariates": about}
    found = InstrumentalVariable.model_validate(asked | terms).fit(schooling)
    assert found.total().values[0] == pytest.approx(peer["value"], rel=1e-10)
    assert found.total().std_error[0] == pytest.approx(peer["std_error"], rel=1e-10)
    strength = found.weak_instrument()
    first = strength.classical_f if name == "classical" else strength.robust_f
    assert first == pytest.approx(peer["first_stage_f"], rel=1e-9)
    # The effective F is robust, or by cluster, even when the errors of the fit are classical.
    assert strength.effective_f == pytest.approx(peer["effective_f"], rel=1e-9)
