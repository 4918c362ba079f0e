"""Who is compared: one column, groups, several columns, services; and what is refused."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import counterfoil as cf
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.comparisons.comparison_sample import draw_comparison


def frame(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "y": rng.normal(size=n),
            "age": rng.integers(20, 60, n),
            "a": np.arange(n) % 2,
            "b": np.arange(n) % 3 == 0,
            "group": np.array(["none", "north", "south"])[np.arange(n) % 3],
            "site": np.where(np.arange(n) % 2 == 1, "x", "y"),
        }
    )


def drawn(data: Any = None, **terms: Any) -> Any:
    return draw_comparison(ComparisonDesign(outcome="y", **terms), frame() if data is None else data)


def test_several_columns_are_combinations_singles_first() -> None:
    sample = drawn(treated=("a", "b"), covariates=("age",))
    assert sample.arms.labels == ("none", "a", "b", "a + b")
    assert sample.terms == ("a", "b", "a + b")
    assert sample.counts["a + b"] == 10


def test_services_say_who_was_served() -> None:
    study = cf.datasets.load("rice")
    sample = draw_comparison(ComparisonDesign(covariates=("age",), missing="drop"), study)
    assert sample.counts["served"] == int(sample.study.roster().exposure.any(axis=1).sum()) > 0


def test_a_study_without_outcomes_is_drawn_as_one_with_them() -> None:
    study = cf.datasets.load("rice")
    spec = ComparisonDesign(outcome=study.outcome_names[0], covariates=("age",), missing="drop")
    blind, open_ = draw_comparison(spec, study.without_outcomes()), draw_comparison(spec, study)
    assert np.array_equal(blind.codes, open_.codes)
    assert blind.counts == open_.counts


def test_a_level_of_one_group_is_told() -> None:
    sample = drawn(treated="a", covariates=("age", "site"))
    assert [problem.code for problem in sample.warnings] == ["EST-042", "EST-042"]
    assert "1 of 2 levels of 'site' (x) hold for 30 people, all of them among the treated" in sample.warnings[0].what


def test_a_rare_level_is_told_without_its_name() -> None:
    data = frame().assign(site=lambda table: np.where(table.index == 0, "somebody", "y"))
    (problem,) = drawn(data, treated="a", covariates=("age", "site")).warnings
    assert "somebody" not in problem.what
    assert "<11" in problem.what


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"treated": "group"}, "DATA-013"),
        ({"treated": "group", "control": "west"}, "IDENT-019"),
        ({"treated": ("a", "b"), "arm": "c"}, "IDENT-019"),
        ({"treated": "missing"}, "DATA-004"),
        ({}, "DATA-019"),
    ],
)
def test_what_cannot_be_read_is_refused(terms: dict[str, Any], code: str) -> None:
    with pytest.raises(CounterfoilError, match=code):
        drawn(**terms)


def test_everybody_treated_is_refused() -> None:
    with pytest.raises(CounterfoilError, match="IDENT-001"):
        drawn(frame().assign(a=1), treated="a")


def test_more_covariates_than_people_are_refused() -> None:
    wide = frame(12).join(
        pd.DataFrame(np.random.default_rng(1).normal(size=(12, 14)), columns=[f"x{j}" for j in range(14)])
    )
    with pytest.raises(CounterfoilError, match="EST-003"):
        drawn(wide, treated="a", covariates=tuple(f"x{j}" for j in range(14)))


def test_blank_covariates_refuse_drop_or_are_marked() -> None:
    data = frame().assign(age=lambda table: table["age"].where(table.index > 4))
    with pytest.raises(CounterfoilError, match="DATA-014"):
        drawn(data, treated="a", covariates=("age",))
    left_out = drawn(data, treated="a", covariates=("age",), missing="drop")
    assert (left_out.n, left_out.warnings[0].code) == (55, "EST-007")
    marked = drawn(data, treated="a", covariates=("age",), missing_covariates="indicator")
    assert marked.n == 60
    assert marked.adjusting.names == ("age", "age not recorded")


def test_a_contradiction_in_the_terms_is_refused() -> None:
    for terms in ({"treated": "a", "arm": "1"}, {"treated": ("a",)}, {"squares": ("age",)}, {"covariates": ("y",)}):
        with pytest.raises(ValueError):
            ComparisonDesign(outcome="y", **terms)


def test_groups_that_are_not_compared_say_nothing() -> None:
    """A level, or a single cluster, of people who are left out is no reason to warn or to refuse."""
    data = frame().assign(site=lambda table: np.where(table["group"] == "south", "far", "near"))
    data["town"] = np.where(data["group"] == "south", "t0", "t" + (data.index % 4).astype(str))
    spec = ComparisonDesign(
        outcome="y", treated="group", control="none", arm="north", covariates=("age", "site"), cluster="town"
    )
    sample = draw_comparison(spec, data, two=True)
    assert sample.n == 40
    assert sample.counts["in_other_groups"] == 20
    assert [problem.code for problem in sample.warnings] == ["EST-007", "EST-005"]


def test_two_groups_of_several_must_be_named() -> None:
    spec = ComparisonDesign(outcome="y", treated="group", control="none", covariates=("age",))
    with pytest.raises(CounterfoilError, match="CONTRACT-016"):
        draw_comparison(spec, frame(), two=True)
