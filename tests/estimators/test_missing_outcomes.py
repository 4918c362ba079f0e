"""Outcomes that are missing at random given services and covariates: weights inside the influence function."""

import numpy as np
import pandas as pd
import pytest

from counterfoil.attribution import Shapley, attribute
from counterfoil.datasets import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators import Contribution
from counterfoil.estimators.propensity import pattern_propensity
from counterfoil.estimators.support import support


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


def test_people_without_an_outcome_make_no_combination_observed() -> None:
    rng = np.random.default_rng(12)
    frame = pd.DataFrame(rng.integers(0, 2, (800, 2)), columns=["a", "b"]).assign(y=rng.normal(size=800))
    both = frame.index[(frame["a"] == 1) & (frame["b"] == 1)]
    frame.loc[rng.random(800) < 0.2, "y"] = np.nan
    frame.loc[both[3:], "y"] = np.nan
    row, column = np.nonzero(frame[["a", "b"]].to_numpy())
    study = Study.from_tables(
        pd.DataFrame({"person": frame.index}),
        services=pd.DataFrame({"person": row, "provider": np.array(["a", "b"])[column]}),
        outcomes=pd.DataFrame({"person": frame.index, "outcome": "y", "value": frame["y"]}).dropna(),
    )
    spec = Contribution(outcome="y", providers=("a", "b"), missing="weight", model="auto")
    assert spec.fit(study).choice.model == "additive"
    pairwise = spec.model_copy(update={"model": "pairwise"}).fit(study)
    assert "IDENT-008" in [problem.code for problem in pairwise.warnings]
    saturated = spec.model_copy(update={"model": "saturated"}).fit(study)
    assert support(saturated, Shapley()).support == ("supported", "supported", "model-based")


def test_an_outcome_that_one_provider_never_reports_is_refused_as_such() -> None:
    frame = pd.DataFrame({"a": [0, 1] * 60, "b": [0, 0, 1, 1] * 30, "y": np.random.default_rng(1).normal(size=120)})
    frame.loc[frame["b"] == 1, "y"] = np.nan
    chance = frame["y"].notna().to_numpy().astype(int)
    with pytest.raises(CounterfoilError, match="separates who has an outcome"):
        pattern_propensity(chance, frame[["a", "b"]].to_numpy(float), of="who has an outcome")


def test_people_whose_outcomes_are_hardly_ever_seen_are_told() -> None:
    study, _ = lost(0)
    spec = Contribution(outcome="y", providers=("a", "b"), covariates=("x",), missing="weight")
    assert [problem.code for problem in spec.fit(study).warnings] == ["EST-016"]
    x = study.people["x"].to_numpy()
    noise = np.random.default_rng(1).logistic(size=len(x))
    hole = Study.from_tables(
        study.people,
        services=study.services,
        outcomes=pd.DataFrame({"person": study.ids, "outcome": "y", "value": x})[3 * x + 1 + noise > 0],
    )
    codes = [problem.code for problem in spec.fit(hole).warnings]
    assert codes == ["EST-016", "EST-004"]
