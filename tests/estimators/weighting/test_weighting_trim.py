"""Trimming and caps: only as declared, counted, and told."""

from typing import Any

import causaldata
import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.weighting.trimming import kept_by
from counterfoil.estimators.weighting.weighting import Weighting

X10 = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75", "u74", "u75")


@pytest.fixture(scope="module")
def training() -> pd.DataFrame:
    """Case 13: 185 people who were trained, and 15,992 of a survey."""
    treated = causaldata.nsw_mixtape.load_pandas().data.query("treat == 1")
    data = pd.concat([treated, causaldata.cps_mixtape.load_pandas().data], ignore_index=True)
    return data.assign(u74=(data["re74"] == 0).astype("int8"), u75=(data["re75"] == 0).astype("int8"))


@pytest.fixture(scope="module")
def training_terms() -> dict[str, Any]:
    """What is asked of case 13."""
    return {"outcome": "re78", "treated": "treat", "covariates": X10}


@pytest.fixture(scope="module")
def groups() -> pd.DataFrame:
    """Draw three groups that differ in two covariates."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=(900, 2))
    odds = np.exp(np.column_stack([np.zeros(900), 0.8 * x[:, 0], 0.8 * x[:, 1] - 0.6 * x[:, 0]]))
    group = (rng.random((900, 1)) > (odds / odds.sum(axis=1, keepdims=True)).cumsum(axis=1)).sum(axis=1)
    names = np.array(["none", "north", "south"])[group]
    return pd.DataFrame({"group": names, "a": x[:, 0], "b": x[:, 1], "y": x.sum(axis=1) + group})


def asked(terms: dict[str, Any], **more: Any) -> Weighting:
    return Weighting.model_validate({**terms, **more})


def test_a_range_keeps_the_chances_in_it(training: pd.DataFrame, training_terms: dict[str, Any]) -> None:
    plain = asked(training_terms).build(training)
    made = asked(training_terms, trim={"below": 0.05, "above": 0.5}).build(training)
    assert plain.score is not None
    inside = (plain.score.treated >= 0.05) & (plain.score.treated <= 0.5)
    counts = made.sample.counts
    assert made.sample.n == inside.sum() == counts["people_used"]
    assert counts["people_in"] == len(training)
    assert counts["trimmed"] == (~inside).sum() == counts["trimmed untreated"] + counts["trimmed treated"]
    assert counts["trimmed treated"] == (~inside & (training["treat"] == 1)).sum()
    assert "EST-046" in {problem.code for problem in made.warnings}
    again = asked(training_terms).fit(training[inside]).total()
    assert made.effect().values == pytest.approx(again.values, rel=1e-9)
    assert made.effect().people == inside[training["treat"] == 1].sum()


def test_crumps_rule_is_the_best_of_all_cuts() -> None:
    """The set it keeps has the smallest variance of all sets of the form e(1-e) >= c, found by trying each."""
    rng = np.random.default_rng(2)
    chance = 1 / (1 + np.exp(-3 * rng.normal(size=800)))
    kept = kept_by("crump", Score(np.column_stack([1 - chance, chance])), np.ones(800))
    spread = 1 / (chance * (1 - chance))
    cuts = np.sort(spread)
    variance = [spread[spread <= cut].mean() / (spread <= cut).sum() for cut in cuts]
    assert kept.sum() == int(np.argmin(variance)) + 1
    assert kept.sum() < 700


def test_crumps_rule_keeps_everybody_under_good_overlap() -> None:
    chance = np.linspace(0.3, 0.7, 50)
    assert kept_by("crump", Score(np.column_stack([1 - chance, chance])), np.ones(50)).all()


def test_several_groups_keep_people_who_could_have_been_in_any(groups: pd.DataFrame) -> None:
    terms = {"outcome": "y", "covariates": ("a", "b"), "treated": "group", "control": "none", "estimand": "ate"}
    made = asked(terms, trim={"below": 0.15}).build(groups)
    assert 0 < made.sample.counts["trimmed"] < len(groups)
    assert made.sample.arms.labels == ("none", "north", "south")
    assert asked(terms, trim="crump", method="entropy").fit(groups).effects.std_error.min() > 0


def test_trimming_everybody_is_refused(training: pd.DataFrame, training_terms: dict[str, Any]) -> None:
    with pytest.raises(CounterfoilError, match="IDENT-001"):
        asked(training_terms, trim={"below": 0.9}).build(training)


def test_nothing_is_trimmed_unless_declared(training: pd.DataFrame, training_terms: dict[str, Any]) -> None:
    made = asked(training_terms, estimand="ate").build(training)
    assert made.sample.n == len(training)
    assert not made.capped.any()


def test_a_cap_lowers_the_largest_and_is_told(training: pd.DataFrame, training_terms: dict[str, Any]) -> None:
    plain, made = (asked(training_terms, cap=cap).build(training) for cap in (None, 20.0))
    control = made.sample.of(0)
    limit = 20 * plain.balancing[control, 0].mean()
    assert made.balancing[control, 0] == pytest.approx(np.minimum(plain.balancing[control, 0], limit))
    assert made.counts()["capped"] == (plain.balancing[control, 0] > limit).sum() > 0
    assert "EST-046" in {problem.code for problem in made.warnings}


@pytest.mark.parametrize(
    "terms",
    [
        {"trim": {"below": 0.6, "above": 0.4}},
        {"trim": {}},
        {"cap": 1.0},
        {"method": "entropy", "estimand": "ato"},
        {"method": "cbps", "estimand": "atm"},
        {"method": "entropy", "score": "probit"},
        {"moments": 2},
    ],
)
def test_terms_that_contradict_are_refused(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        asked({"outcome": "y", "treated": "any", "covariates": ("a",)}, **terms)


def test_a_price_per_person_counts_only_whom_the_effect_is_of(groups: pd.DataFrame) -> None:
    """Whom a trim left out, and whom overlap weights give nothing, the effect says nothing of."""
    terms = {"outcome": "y", "treated": "group", "control": "none", "arm": "north", "covariates": ("a", "b")}
    whole, trimmed = asked(terms).build(groups), asked(terms, trim={"below": 0.3}).build(groups)
    assert "left out" not in whole.effect().population
    assert trimmed.effect().population.endswith("but for those left out for their chance of treatment")
    assert trimmed.effect().people == (trimmed.sample.codes == 1).sum() < whole.effect().people
    for estimand in ("ato", "atm"):
        made = asked(terms, estimand=estimand).build(groups)
        weights = made.relative[:, 0]
        assert weights.max() <= 1
        assert made.effect().people == round(weights.sum()) < len(groups) / 2


def test_matching_weights_count_the_people_whom_a_match_keeps() -> None:
    """Of 30 treated and 70 untreated who are alike, one-to-one matching keeps 30 pairs."""
    frame = pd.DataFrame({"t": np.arange(100) < 30, "x": np.arange(100) % 10, "y": np.arange(100.0)}).astype(float)
    made = asked({"outcome": "y", "treated": "t", "covariates": ("x",)}, estimand="atm").fit(frame).total()
    assert made.people == 60
