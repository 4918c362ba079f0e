"""The calibration's designs for checks of a fit: exact figures of the hidden factor, and a quick run of every case."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def load(name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # the second module imports the first by name
    spec.loader.exec_module(module)
    return module


CALIBRATE = load("calibrate")
CHECKS = load("calibrate_checks")


def test_without_a_hidden_factor_the_credits_are_those_known() -> None:
    nothing = CHECKS.hidden_factor(0.0, 0.0)
    np.testing.assert_allclose(nothing["long"], [0.275712, 0.212208, -0.012650], atol=1e-6)
    np.testing.assert_allclose(nothing["short"], nothing["long"], atol=1e-12)
    np.testing.assert_allclose(nothing["bound"], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("strength", "gap", "bound"), [((0.2, 0.3), 0.028, 0.091), ((0.4, 0.6), 0.102, 0.365), ((0.6, 1.0), 0.227, 0.967)]
)
def test_the_hidden_factor_stays_within_its_bound(strength: tuple[float, float], gap: float, bound: float) -> None:
    found = CHECKS.hidden_factor(*strength)
    shift = found["short"] - found["long"]
    assert (shift[0], found["bound"][0]) == (pytest.approx(gap, abs=5e-4), pytest.approx(bound, abs=5e-4))
    assert (np.abs(shift) <= found["bound"]).all()


def test_the_drawn_population_is_the_one_integrated() -> None:
    """The short credits of a large draw, by the package, are those of the quadrature."""
    found = CHECKS.hidden_factor(0.4, 0.6)
    credits = CHECKS.attribute(CHECKS.spec().fit(CHECKS.variant(3, 30_000, hidden=(0.4, 0.6)))).credits
    assert np.abs((credits.values - found["short"]) / credits.std_error).max() < 4
    assert np.abs((credits.values - found["long"]) / credits.std_error).min() > 6


@pytest.mark.parametrize("case", CHECKS.CASES, ids=lambda case: f"{case.name}, {case.what}")
def test_quick_calibration(case: object) -> None:
    draws = 8
    row = CALIBRATE.summarize(case, [case.run(CALIBRATE.seed_of(case, number)) for number in range(draws)])  # type: ignore[attr-defined]
    target = row.case.target
    if target == "smooth":
        assert row.worst < 5
    if target in ("smooth", "sets"):
        assert row.coverage.min() > 0.95 - 4 * np.sqrt(0.05 * 0.95 / draws)
    if target == "at most .05":
        assert row.bias[0] <= 4 * np.sqrt(0.05 * 0.95 / draws)
    if target == "at least .90":
        assert row.coverage.min() > 0.9 - 4 * np.sqrt(0.1 * 0.9 / draws)
    if "payable" in row.case.what:
        assert row.coverage.min() == 1.0
    if "ignored" in row.case.name and "0.6" in row.case.name:
        assert row.coverage.max() < 0.6
