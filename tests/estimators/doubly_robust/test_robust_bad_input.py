"""What a doubly robust comparison refuses or warns of, and what floors and trims do."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError
from sklearn.tree import DecisionTreeClassifier

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust

N = 200


def people(seed: int = 4, n: int = N) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=["x1", "x2"])
    frame["t"] = (rng.random(n) < 1 / (1 + np.exp(-1.5 * frame["x1"]))).astype(int)
    frame["y"] = frame["x1"] + frame["t"] + rng.normal(size=n)
    return frame


def spec(**terms: Any) -> DoublyRobust:
    return DoublyRobust.model_validate({"outcome": "y", "treated": "t", "covariates": ("x1", "x2"), **terms})


def refused(frame: pd.DataFrame, **terms: Any) -> CounterfoilError:
    with pytest.raises(CounterfoilError) as caught:
        spec(**terms).fit(frame)
    return caught.value


LINEAR = {"outcome": {"name": "linear"}, "repeats": 1}


@pytest.mark.parametrize("learning", [None, LINEAR])
def test_separation(learning: Any) -> None:
    frame = people()
    frame["x1"] = frame["t"] + 0.001 * frame["x1"]
    assert "EST-002" in refused(frame, learning=learning).codes


@pytest.mark.parametrize("value", [0, 1])
def test_all_or_none_treated(value: int) -> None:
    assert "IDENT-001" in refused(people().assign(t=value)).codes


def test_a_learner_that_leaves_no_chance() -> None:
    learning = {"outcome": {"name": "linear"}, "propensity": DecisionTreeClassifier(min_samples_leaf=5), "repeats": 1}
    assert "IDENT-040" in refused(people(), learning=learning, estimand="ate").codes
    found = spec(learning=learning, estimand="ate", floor=0.05).fit(people()).total()
    assert found.diagnostics["floored"] > 0
    assert "EST-048" in {problem.code for problem in found.warnings}


def test_constant_covariates_change_nothing() -> None:
    frame = people().assign(flat=3, twice=lambda f: 2 * f["x1"])
    for terms in ({}, {"learning": LINEAR}, {"method": "ipwra"}):
        wide = spec(**terms, covariates=("x1", "x2", "flat", "twice")).fit(frame).total()
        assert [problem.code for problem in wide.warnings].count("EST-005") == 2
        assert wide.values[0] == pytest.approx(spec(**terms).fit(frame).total().values[0], rel=1e-9)


def test_a_level_of_the_treated_alone() -> None:
    """Nobody untreated says what its people's outcome would have been."""
    frame = people()
    frame["site"] = np.where((frame["t"] == 1) & (frame["x2"] > 0.5), "young", "old")
    error = refused(frame, covariates=("x1", "site"), method="regression")
    assert "EST-049" in error.codes
    assert "untreated" in str(error)
    assert "EST-002" in refused(frame, covariates=("x1", "site")).codes
    # The untreated's own effects are told by people who are there.
    spec(covariates=("x1", "site"), method="regression", estimand="atc").fit(frame)


def test_a_level_of_the_untreated_alone_does_not_matter_to_the_treated() -> None:
    frame = people()
    frame["site"] = np.where((frame["t"] == 0) & (frame["x2"] > 0.5), "young", "old")
    found = spec(covariates=("x1", "site"), method="regression").fit(frame).total()
    assert "EST-042" in {problem.code for problem in found.warnings}
    assert "EST-049" in refused(frame, covariates=("x1", "site"), method="regression", estimand="ate").codes


@pytest.mark.parametrize("terms", [{}, {"method": "ipwra"}, {"method": "regression"}])
def test_more_covariates_than_people_of_a_group(terms: dict[str, Any]) -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 9)), columns=[f"x{k}" for k in range(9)]).assign(
        t=np.arange(60) % 8 == 0, y=rng.normal(size=60)
    )
    frame["t"] = frame["t"].astype(int)
    covariates = tuple(f"x{k}" for k in range(9))
    error = refused(frame, covariates=covariates, estimand="ate", **terms)
    assert "EST-003" in error.codes
    assert "'treated'" in str(error)


def test_more_covariates_than_people_of_a_group_outside_a_fold() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(400, 9)), columns=[f"x{k}" for k in range(9)])
    frame["t"] = (np.arange(400) % 34 == 0).astype(int)
    frame["y"] = rng.normal(size=400)
    covariates = tuple(f"x{k}" for k in range(9))
    error = refused(frame, covariates=covariates, estimand="ate", learning=LINEAR)
    assert "EST-003" in error.codes
    assert "'treated'" in str(error)


def test_more_covariates_than_people() -> None:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(12, 12)), columns=[f"x{k}" for k in range(12)])
    frame = frame.assign(t=[0, 1] * 6, y=1.0)
    assert "EST-003" in refused(frame, covariates=tuple(f"x{k}" for k in range(12))).codes


def test_a_group_too_small_for_the_folds() -> None:
    frame = people()
    frame["arm"] = np.where(frame["t"] == 0, "a", "b")
    frame.loc[frame.index[0], "arm"] = "c"
    assert "EST-013" in refused(frame, treated="arm", control="a", learning=LINEAR).codes


def test_fewer_clusters_than_folds() -> None:
    frame = people().assign(town=np.arange(N) % 4)
    assert "EST-013" in refused(frame, cluster="town", learning=LINEAR).codes


def test_the_study_needs_outcomes_by_then() -> None:
    study = Study.from_tables(people().drop(columns="y").assign(person=range(N)))
    built = spec().build(study)
    with pytest.raises(CounterfoilError) as caught:
        built.effect()
    assert "DATA-019" in caught.value.codes


def test_missing_outcomes_are_refused_or_said() -> None:
    frame = people()
    frame.loc[3, "y"] = np.nan
    assert "DATA-008" in refused(frame).codes
    found = spec(missing="drop").fit(frame).total()
    assert (found.diagnostics["people_in"], found.diagnostics["people_used"]) == (N, N - 1)


def test_trim_leaves_people_out_and_says_whom() -> None:
    frame = people()
    built = spec(trim=0.1, estimand="ate").build(frame)
    found = built.effect()
    plain = spec(estimand="ate").build(frame)
    assert plain.score is not None
    stay = plain.score.chance.min(axis=1) >= 0.1
    assert found.diagnostics["people_in"] == N
    assert found.diagnostics["left out by `trim`"] == int((~stay).sum())
    assert found.n == stay.sum()
    assert "0.1" in found.population
    assert found.values[0] == pytest.approx(spec(estimand="ate").fit(frame[stay]).total().values[0], rel=1e-12)
    assert "EST-048" in {problem.code for problem in found.warnings}


def test_a_floor_bounds_the_weights() -> None:
    frame = people()
    built = spec(floor=0.2, estimand="ate", normalize=False).build(frame)
    assert built.balancing.max() <= 5.0 + 1e-12
    assert built.effect().diagnostics["floored"] > 0


def test_interactions_are_columns_that_are_there() -> None:
    assert "DATA-004" in refused(people(), interactions=("x3",)).codes


@pytest.mark.parametrize(
    "terms",
    [
        {"method": "ipwra", "learning": LINEAR},
        {"learning": LINEAR, "score": "probit"},
        {"method": "ipwra", "interactions": ()},
        {"method": "regression", "trim": 0.1},
        {"estimand": "ato"},
        {"vcov": "HC3"},
        {"cluster": "town", "vcov": "CR2"},
        {"folds": 5},
    ],
)
def test_parts_that_do_not_fit(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        spec(**terms)


def test_the_data_are_left_as_they_were() -> None:
    frame = people()
    before = frame.copy()
    spec(learning=LINEAR, trim=0.05).fit(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_units_scale() -> None:
    frame = people()
    for terms in ({}, {"learning": LINEAR}):
        one, other = (spec(**terms).fit(frame.assign(y=frame["y"] * scale)).total() for scale in (1.0, 1000.0))
        assert other.values == pytest.approx(1000 * one.values, rel=1e-9)
        assert other.std_error == pytest.approx(1000 * one.std_error, rel=1e-9)
