"""Outcomes that are missing at random given services and covariates: weights inside the influence function."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import attribute
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution


def lost(seed: int, size: int = 2_000) -> tuple[Study, np.ndarray]:
    """Draw two providers; people with the first and low x lose their outcome more often."""
    rng = np.random.default_rng(seed)
    x, served = rng.normal(size=size), rng.random((size, 2)) < 0.5
    own = served[:, 0] * (0.5 + 0.8 * x) + 0.3 * served[:, 1]
    seen = rng.random(size) < 1 / (1 + np.exp(-(1.0 + 1.2 * x - 0.5 * served[:, 0])))
    ids = np.arange(size)
    row, column = np.nonzero(served)
    study = Study.from_tables(
        pd.DataFrame({"person": ids, "x": x}),
        services=pd.DataFrame({"person": row, "provider": np.array(["a", "b"])[column]}),
        outcomes=pd.DataFrame({"person": ids, "outcome": "y", "value": x + own + rng.normal(size=size)})[seen],
    )
    return study, np.array([0.5 * 0.5, 0.5 * 0.3])


@pytest.mark.parametrize("terms", [{"model": "saturated", "design": "unconfounded"}, {"model": "additive"}])
def test_weights_remove_the_bias_of_leaving_out(terms: dict[str, str]) -> None:
    gaps: dict[str, list[np.ndarray]] = {"weight": [], "drop": []}
    errors = []
    for seed in range(40):
        study, truth = lost(seed)
        for missing, found in gaps.items():
            spec = {"outcome": "y", "providers": ("a", "b"), "covariates": ("x",), "missing": missing, **terms}
            credits = attribute(Contribution.model_validate({**spec, "target": "population"}).fit(study)).credits
            found.append(credits.values - truth)
            if missing == "weight":
                errors.append(credits.std_error)
    bias = {name: np.mean(found, axis=0) for name, found in gaps.items()}
    noise = np.std(gaps["weight"], axis=0) / np.sqrt(40)
    assert (np.abs(bias["weight"]) < 4 * noise).all()
    assert bias["drop"][0] > 0.05  # those who stay gain more
    assert np.mean(errors, axis=0) == pytest.approx(np.std(gaps["weight"], axis=0), rel=0.35)


def test_nobody_missing_changes_nothing_and_refuse_refuses() -> None:
    study, _ = lost(0)
    spec = Contribution(outcome="y", providers=("a", "b"), covariates=("x",))
    with pytest.raises(CounterfoilError, match="DATA-012"):
        spec.fit(study)
    whole = study.subset(~np.isnan(study.outcome("y", complete=False)))
    plain = attribute(spec.fit(whole)).credits
    weighted = attribute(spec.model_copy(update={"missing": "weight"}).fit(whole)).credits
    assert weighted.values.tolist() == plain.values.tolist()
    assert weighted.std_error.tolist() == plain.std_error.tolist()
    assert [problem.code for problem in spec.model_copy(update={"missing": "weight"}).fit(study).warnings] == [
        "EST-016"
    ]
