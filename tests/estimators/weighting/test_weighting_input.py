"""Bad input: refused or told, and nobody is lost in silence."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.weighting.weighting import Weighting


def frame(n: int = 120) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    age = rng.integers(20, 100, n)
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "age": age,
            "site": np.array(["n", "s", "w"])[np.arange(n) % 3],
            "a": (rng.random(n) < 0.3 + 0.004 * (age - 20)).astype(int),
        }
    )


def asked(**terms: Any) -> Weighting:
    return Weighting.model_validate({"outcome": "y", "treated": "a", "covariates": ("age", "site"), **terms})


METHODS: list[dict[str, Any]] = [{}, {"method": "entropy"}, {"method": "cbps", "estimand": "ate"}]


@pytest.mark.parametrize("terms", [{}, {"estimand": "ato"}, {"method": "cbps", "estimand": "ate"}])
def test_separated_groups_are_refused(terms: dict[str, Any]) -> None:
    data = frame().assign(a=lambda table: (table["age"] > 60).astype(int))
    with pytest.raises(CounterfoilError, match="EST-002"):
        asked(**terms).build(data)


@pytest.mark.parametrize("method", ["entropy", "cbps"])
def test_separated_groups_have_no_weights(method: str) -> None:
    data = frame().assign(a=lambda table: (table["age"] > 60).astype(int))
    with pytest.raises(CounterfoilError, match="in age"):
        asked(method=method).build(data)


@pytest.mark.parametrize("terms", METHODS)
def test_one_group_only_is_refused(terms: dict[str, Any]) -> None:
    for value in (0, 1):
        with pytest.raises(CounterfoilError, match="IDENT-001"):
            asked(**terms).build(frame().assign(a=value))


@pytest.mark.parametrize("terms", METHODS)
def test_constant_columns_change_nothing_and_are_told(terms: dict[str, Any]) -> None:
    data = frame().assign(one=1.0, twice=lambda table: 2 * table["age"])
    plain = asked(**terms).fit(data).effects
    more = asked(**terms, covariates=("age", "site", "one", "twice")).fit(data).effects
    assert more.values == pytest.approx(plain.values, rel=1e-9)
    assert [problem.code for problem in more.warnings].count("EST-005") == 2


def test_a_level_of_the_untreated_only_gets_no_weight() -> None:
    data = frame().assign(a=lambda table: table["a"] * (table["site"] != "w"))
    fit = asked(method="entropy").fit(data)
    assert "EST-042" in {problem.code for problem in fit.effects.warnings}
    assert not fit.comparison.balancing[data["site"] == "w"].any()
    assert fit.effects.diagnostics["without_weight"] == (data["site"] == "w").sum()
    rest = asked(method="entropy").fit(data[data["site"] != "w"]).effects
    assert fit.effects.values == pytest.approx(rest.values, rel=1e-9)
    assert fit.effects.std_error == pytest.approx(rest.std_error, rel=1e-9)


def test_a_level_of_the_treated_only_is_refused() -> None:
    data = frame().assign(a=lambda table: np.where(table["site"] == "w", 1, table["a"]))
    with pytest.raises(CounterfoilError, match="site=w"):
        asked(method="entropy").build(data)
    with pytest.raises(CounterfoilError, match="EST-002"):
        asked().build(data)
    with pytest.raises(CounterfoilError, match="entropy"):
        asked(method="cbps", estimand="atc").build(data)


@pytest.mark.parametrize("terms", METHODS)
def test_small_integers_are_numbers(terms: dict[str, Any]) -> None:
    data = frame()
    small = data.assign(age=data["age"].astype("int8"), a=data["a"].astype("int8"))
    wide = data.assign(age=data["age"].astype("float64"))
    found = [asked(squares=("age",), **terms).fit(table).effects for table in (small, wide)]
    assert np.array_equal(found[0].values, found[1].values)
    assert np.array_equal(found[0].std_error, found[1].std_error)


def test_more_covariates_than_people_are_refused() -> None:
    wide = pd.DataFrame(np.random.default_rng(1).normal(size=(20, 30)), columns=[f"x{j}" for j in range(30)])
    with pytest.raises(CounterfoilError, match="EST-003"):
        asked(covariates=tuple(wide.columns)).build(frame(20).join(wide))


def test_a_group_of_one_person() -> None:
    """One person cannot be weighted to others' means."""
    data = frame().assign(a=(np.arange(120) < 1).astype(int))
    for terms in ({"estimand": "atc", "method": "entropy"}, {"estimand": "ate", "method": "entropy"}):
        with pytest.raises(CounterfoilError, match="IDENT-039"):
            asked(**terms, covariates=("age",)).build(data)


def test_a_group_of_few_people() -> None:
    """Three treated people and their means: the untreated can be weighted to them."""
    data = frame().assign(a=(np.arange(120) % 40 == 7).astype(int))
    gain = asked(method="entropy", covariates=("age",)).fit(data).total()
    assert gain.std_error[0] > 0


@pytest.mark.parametrize("vcov", ["classical", "HC2", "HC3"])
def test_error_types_that_weighting_lacks_are_refused(vcov: str) -> None:
    with pytest.raises(CounterfoilError, match="EST-001"):
        asked(vcov=vcov).build(frame())


def test_a_learners_chances_are_of_others_and_warn() -> None:
    data = frame(600)
    one, again = (
        asked(score={"name": "random_forest", "params": {"min_samples_leaf": 30, "n_estimators": 20}}).fit(data)
        for _ in range(2)
    )
    assert np.array_equal(one.effects.values, again.effects.values)
    assert "EST-047" in {problem.code for problem in one.effects.warnings}
    assert one.effects.std_error[0] == pytest.approx(one.effects.diagnostics["std_error_known"][0])


def test_a_chance_of_nothing_is_refused() -> None:
    from sklearn.tree import DecisionTreeClassifier

    with pytest.raises(CounterfoilError, match="no chance to be in their group"):
        asked(score=DecisionTreeClassifier(), estimand="ate").build(frame())


def test_people_without_outcomes_are_counted() -> None:
    data = frame().assign(y=lambda table: table["y"].where(table.index > 9))
    with pytest.raises(CounterfoilError, match="DATA-"):
        asked().fit(data)
    found = asked(missing="drop").fit(data).effects
    assert (found.diagnostics["people_in"], found.diagnostics["people_used"]) == (120, 110)


def test_the_callers_frame_is_left_as_it_was() -> None:
    data = frame()
    before = data.copy(deep=True)
    asked(method="cbps", estimand="ate", trim="crump", cap=5.0).fit(data)
    pd.testing.assert_frame_equal(data, before)


@pytest.mark.parametrize("terms", [*METHODS, {"estimand": "atm"}, {"method": "entropy", "estimand": "ate"}])
def test_without_covariates_it_is_a_difference_of_means(terms: dict[str, Any]) -> None:
    data = frame()
    found = asked(**terms, covariates=()).fit(data).effects
    means = data.groupby("a")["y"].agg(["mean", "size", lambda values: values.var(ddof=0)]).to_numpy()
    assert found.values[0] == pytest.approx(means[1, 0] - means[0, 0], rel=1e-12)
    assert found.std_error[0] == pytest.approx(np.sqrt((means[:, 2] / means[:, 1]).sum()), rel=1e-12)
    assert "EST-006" in {problem.code for problem in found.warnings}
