"""A quick subset of the calibration: no estimator is far off, no interval far from its level."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest


def load() -> ModuleType:
    path = Path(__file__).parents[1] / "benchmarks" / "calibrate.py"
    spec = importlib.util.spec_from_file_location("calibrate", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["calibrate"] = module  # dataclasses look their module up by name
    spec.loader.exec_module(module)
    return module


CALIBRATE = load()
QUICK = [position for position, case in enumerate(CALIBRATE.CASES) if case.target != CALIBRATE.MISSPECIFIED]


@pytest.mark.parametrize("position", QUICK, ids=lambda position: CALIBRATE.CASES[position].name)
def test_quick_calibration(position: int) -> None:
    draws = 40
    row = CALIBRATE.summarize(CALIBRATE.CASES[position], CALIBRATE.chunk(position, range(draws)))
    if row.case.target == "at most .05":
        assert row.bias[0] <= 4 * np.sqrt(0.05 * 0.95 / draws)
        return
    assert row.worst < 4
    assert row.coverage.min() > 0.95 - 4 * np.sqrt(0.05 * 0.95 / draws)


def test_leaving_out_the_pair_shows() -> None:
    """The harness can fail: a model without the pair is far off for the two providers that reinforce each other."""
    (position,) = (p for p, case in enumerate(CALIBRATE.CASES) if case.name.startswith("cradle, additive"))
    row = CALIBRATE.summarize(CALIBRATE.CASES[position], CALIBRATE.chunk(position, range(40)))
    assert row.worst > 8
    assert row.coverage.min() < 0.5


def test_committed_table_has_every_case_and_meets_its_targets() -> None:
    page = (Path(__file__).parents[1] / "docs" / "calibration.md").read_text("utf-8")
    rows = [line.split(" | ") for line in page.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert [(row[0].removeprefix("| "), row[1]) for row in rows] == [(case.name, case.what) for case in CALIBRATE.CASES]
    assert all(int(row[2].replace(",", "")) >= 1_000 for row in rows)
    assert "not met" not in page
