"""Covariates as columns: small integers, blanks, words, constants and combinations."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

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
