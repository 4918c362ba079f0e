"""Claims: read exactly, checked all at once, kept in step with the people."""

import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.datasets import Study, read_study
from counterfoil.datasets.exact_numbers import as_quantities
from counterfoil.errors import DataError

PEOPLE = pd.DataFrame({"person": ["a", "b", "c"]})


def study(**columns: Any) -> Study:
    base = {"claim": [1, 2, 3], "person": ["b", "a", "b"], "metric": ["job", "job", "days"]}
    return Study.from_tables(PEOPLE, claims=pd.DataFrame(base | columns))


def codes(**columns: Any) -> tuple[str, ...]:
    with pytest.raises(DataError) as caught:
        study(**columns)
    return caught.value.codes


def test_claims_have_all_columns_and_the_order_of_the_people() -> None:
    read = study()
    assert read.claims is not None
    assert list(read.claims.columns) == ["claim", "person", "metric", "date", "quantity", "provider", "status"]
    assert read.claims["claim"].tolist() == [2, 1, 3]
    assert read.claims["quantity"].tolist() == [Decimal(1)] * 3
    assert read.claims["status"].tolist() == ["validated"] * 3
    assert read.claims["date"].isna().all()
    assert repr(read) == "Study('study': 3 people, 0 providers, 0 outcomes, 3 claims)"
    assert read.without_outcomes().claims is None


def test_order_of_rows_does_not_matter() -> None:
    first, second = study(), study(claim=[3, 2, 1], person=["b", "a", "b"], metric=["days", "job", "job"])
    pd.testing.assert_frame_equal(first.claims, second.claims)


def test_subset_keeps_the_claims_of_those_kept() -> None:
    kept = study().subset(np.array([False, True, True]))
    assert kept.claims is not None
    assert kept.claims["claim"].tolist() == [1, 3]
    assert kept.claims["person"].cat.codes.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("columns", "code"),
    [
        ({"claim": [1, 2, 1]}, "DATA-025"),
        ({"claim": ["1", "", "3"]}, "DATA-014"),
        ({"metric": ["job", None, "days"]}, "DATA-014"),
        ({"person": ["a", "b", "x"]}, "DATA-006"),
        ({"date": ["2024-01-31", "", "31/1/2024"]}, "DATA-007"),
        ({"status": ["validated", "pending", "maybe"]}, "DATA-007"),
        ({"status": ["validated", "pending", ""]}, "DATA-014"),
        ({"quantity": ["1", "", "2"]}, "DATA-026"),
        ({"quantity": [1.0, float("nan"), 2.0]}, "DATA-026"),
        ({"quantity": [1.0, -1.0, 2.0]}, "DATA-026"),
        ({"quantity": [1.0, 0.1 + 0.2, 2.0]}, "DATA-026"),
        ({"quantity": ["1", "1,000", "2"]}, "DATA-026"),
        ({"quantity": ["1", "0.0000001", "2"]}, "DATA-026"),
        ({"quantity": ["900000000000"] * 3}, "DATA-026"),
        ({"quantity": [True, False, True]}, "DATA-026"),
    ],
)
def test_each_problem_is_refused(columns: dict[str, Any], code: str) -> None:
    assert codes(**columns) == (code,)


def test_all_problems_are_reported_at_once() -> None:
    found = codes(claim=[1, 1, 3], person=["a", "b", "x"], quantity=["", "1", "1"], date=["today", "", ""])
    assert set(found) == {"DATA-025", "DATA-006", "DATA-026", "DATA-007"}


def test_a_file_is_read_without_passing_through_floats(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("person,status\n001,1\n002,0\n")
    (tmp_path / "claims.csv").write_text(
        "claim,person,metric,date,quantity,provider,status\n"
        "07,001,days,2024-01-31,0.1,NA,validated\n08,001,days,,0.2,,pending\n"
    )
    read = read_study(tmp_path)
    assert read.claims is not None
    assert read.claims["claim"].tolist() == ["07", "08"]
    assert sum(read.claims["quantity"]) == Decimal("0.3")
    assert read.claims["provider"].tolist() == ["NA", ""]
    assert read.people["status"].tolist() == [1.0, 0.0]  # a covariate of that name stays a number
    assert "claims.csv" in read.digests
    assert read_study(tmp_path, outcomes=False).claims is None


def test_the_line_of_a_bad_quantity_is_named(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("person,age\na,1\n")
    (tmp_path / "claims.csv").write_text("claim,person,metric,quantity\n1,a,days,3\n2,a,days,three\n")
    with pytest.raises(DataError) as caught:
        read_study(tmp_path)
    assert caught.value.problems[0].where == "claims.csv, line 3"
    assert "three" not in str(caught.value)


@given(st.decimals(min_value=0, max_value=10**6, places=6))
def test_text_and_decimals_are_kept_exactly(value: Decimal) -> None:
    kept, wrong = as_quantities(pd.Series([f"{value:f}", value], dtype=object))
    assert not wrong.any()
    assert list(kept) == [value, value]


def test_ten_thousand_claims_are_checked_fast() -> None:
    size = 10_000
    people = pd.DataFrame({"person": np.arange(2_000)})
    claims = pd.DataFrame(
        {
            "claim": np.arange(size),
            "person": np.arange(size) % 2_000,
            "metric": "days",
            "date": [f"2024-{k % 12 + 1:02d}-{k % 28 + 1:02d}" for k in range(size)],
            "quantity": [f"{k}.25" for k in range(size)],
        }
    )
    start = time.perf_counter()
    read = Study.from_tables(people, claims=claims)
    assert time.perf_counter() - start < 0.5
    assert read.claims is not None
    assert sum(read.claims["quantity"]) == Decimal(size) * (size - 1) / 2 + Decimal(size) / 4


def test_a_period_in_which_nothing_was_claimed_is_a_header_alone(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("person\na\nb\n", encoding="utf-8")
    (tmp_path / "claims.csv").write_text("claim,person,metric,date\n", encoding="utf-8")
    claims = read_study(tmp_path).claims
    assert claims is not None
    assert len(claims) == 0
