"""Matches on a line held as windows give what the same matches give row by row."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.estimators.matching import nearest
from counterfoil.estimators.matching.matched import replicates
from counterfoil.estimators.matching.matching import Matching
from counterfoil.estimators.matching.windows import Both, Windows


@pytest.mark.parametrize("estimand", ["att", "atc", "ate"])
@pytest.mark.parametrize("caliper", [None, 0.02])
def test_windows_are_pairs(estimand: str, caliper: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    age = rng.integers(0, 30, 500) / 10
    treated = (rng.random(500) < 1 / (1 + np.exp(2 - age))).astype(int)
    frame = pd.DataFrame({"t": treated, "age": age, "y": age + treated + rng.normal(size=500)})
    asked = Matching.model_validate(
        {"treated": "t", "outcome": "y", "covariates": ("age",), "replace": True, "ratio": 2, "estimand": estimand}
        | {"caliper": caliper}
    )
    pairs = asked.build(frame)
    monkeypatch.setattr(nearest, "MOST_ROWS", 0)
    runs = asked.build(frame)
    assert isinstance(runs.matches, Both if estimand == "ate" else Windows)
    assert runs.matches.n == 500
    assert runs.matches.sets is None
    assert replicates(pairs, runs.sets())
    assert (pairs.matches.matched == runs.matches.matched).all()
    counts = rng.random(500)
    for name in ("carried", "squared", "counterpart"):
        one, other = getattr(pairs.matches, name)(counts), getattr(runs.matches, name)(counts)
        assert np.abs(one - other).max() < 1e-12
    assert runs.effect().values[0] == pytest.approx(pairs.effect().values[0], rel=1e-12)
    assert runs.effect().std_error[0] == pytest.approx(pairs.effect().std_error[0], rel=1e-9)
