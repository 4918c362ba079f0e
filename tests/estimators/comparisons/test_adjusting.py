"""Covariates as columns: small integers, blanks, words, constants and combinations."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.adjusting import adjusting


def study_of(**columns: Any) -> Study:
    size = len(next(iter(columns.values())))
    return Study.from_tables(pd.DataFrame({"person": range(size), **columns}))


def test_small_integers_give_the_squares_of_their_numbers() -> None:
    ages = np.array([17, 30, 55, 100], dtype="int8")
    small, wide = (
        adjusting(study_of(age=ages.astype(kind)), ("age",), squares=("age",)) for kind in ("int8", "float64")
    )
    assert np.array_equal(small.values, wide.values)
    assert small.values[3, 1] == 10_000


def test_constant_columns_and_combinations_are_left_out_and_named() -> None:
    values = np.random.default_rng(1).normal(size=20)
    found = adjusting(
        study_of(one=np.ones(20), a=values, twice=2 * values + 3, word=["x"] * 20), ("one", "a", "twice", "word")
    )
    assert len(found.names) == 1
    assert {problem.code for problem in found.warnings} == {"EST-005"}
    assert len(found.warnings) == 3


def test_a_blank_number_becomes_the_mean_and_a_mark() -> None:
    found = adjusting(
        study_of(
            age=[20.0, np.nan, 40.0, 60.0, 33.0], site=["n", None, "s", "s", "n"], size=[9.0, 2.0, 3.0, 5.0, np.nan]
        ),
        ("age", "size"),
        indicator=True,
    )
    assert found.names == ("age", "age not recorded", "size", "size not recorded")
    assert found.values[1, :2].tolist() == [38.25, 1.0]


def test_a_blank_word_is_a_level_of_its_own() -> None:
    found = adjusting(study_of(site=["n", None, "s", "s", "n"]), ("site",), indicator=True)
    assert found.names == ("site=not recorded", "site=s")


def test_blanks_are_refused_without_a_policy() -> None:
    with pytest.raises(CounterfoilError, match="DATA-014"):
        adjusting(study_of(age=[20.0, np.nan, 40.0]), ("age",))


def test_a_word_has_no_square() -> None:
    with pytest.raises(CounterfoilError, match="DATA-013"):
        adjusting(study_of(site=["n", "s", "n"]), ("site",), squares=("site",))


FIGURES = st.lists(st.floats(-1e3, 1e3, allow_nan=False), min_size=12, max_size=12)


@given(FIGURES, st.integers(0, 10_000), st.floats(1e-3, 1e3), st.floats(-1e3, 1e3))
def test_what_is_kept_follows_neither_units_nor_the_order_of_rows(
    values: list[float], seed: int, scale: float, shift: float
) -> None:
    """Numbers apart by more than rounding: the columns kept, and the space that they span, stay as they are."""
    rng = np.random.default_rng(seed)
    number = np.round(np.array(values), 2)
    columns = {"a": number, "b": rng.normal(size=12), "twice": 2 * number, "site": rng.choice(["n", "s", "w"], 12)}
    names = tuple(columns)
    one = adjusting(study_of(**columns), names)
    order = rng.permutation(12)
    moved = {name: np.asarray(column)[order] for name, column in columns.items()}
    other = adjusting(study_of(**{**moved, "a": scale * moved["a"] + shift}), names)
    assert len(one.names) == len(other.names)
    both = np.hstack([np.ones((12, 1)), one.values[order], np.ones((12, 1)), other.values])
    both /= np.maximum(np.abs(both).max(axis=0), 1e-300)
    assert np.linalg.matrix_rank(both, tol=1e-6) == len(one.names) + 1


@given(st.integers(0, 10_000))
def test_marks_of_blanks_span_the_same_whatever_stands_in_for_them(seed: int) -> None:
    """A mark beside the filled column takes up what stands for a blank, so that the mean is as good as any number."""
    rng = np.random.default_rng(seed)
    age = rng.normal(size=30)
    blank = rng.random(30) < 0.3
    blank[:3] = True, False, False
    found = adjusting(study_of(age=np.where(blank, np.nan, age)), ("age",), indicator=True)
    own = np.column_stack([np.ones(30), np.where(blank, 99.0, age), blank])
    both = np.hstack([np.ones((30, 1)), found.values, own])
    assert np.linalg.matrix_rank(both, tol=1e-8) == 3


def test_two_columns_blank_for_the_same_people_have_one_mark() -> None:
    values = np.random.default_rng(3).normal(size=(2, 20))
    values[:, :5] = np.nan
    found = adjusting(study_of(a=values[0], b=values[1]), ("a", "b"), indicator=True)
    assert found.names == ("a", "a not recorded", "b")
    assert [problem.code for problem in found.warnings] == ["EST-005"]


def test_a_column_without_blanks_has_no_mark_and_one_of_blanks_only_is_told() -> None:
    data = {"a": np.arange(6.0), "none": np.full(6, np.nan)}
    found = adjusting(study_of(**data), ("a", "none"), indicator=True)
    assert found.names == ("a",)
    assert any("'none'" in problem.what for problem in found.warnings)
