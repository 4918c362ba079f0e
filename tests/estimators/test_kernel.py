"""Coalitions as bitmasks: listed in full for small patterns, read one by one for large ones."""

import numpy as np
import pytest

from counterfoil.attribution import rule_named
from counterfoil.estimators.kernel import members_of, membership


def test_members_of_reads_the_rows_of_the_full_list() -> None:
    subsets = np.array([0, 5, 11, 31])
    np.testing.assert_array_equal(members_of(subsets, 5), membership(5)[subsets].T)


@pytest.mark.parametrize(
    ("name", "of_pair", "of_single"), [("shapley", 0.5, 1.0), ("last_in", 1.0, 1.0), ("first_in", 0.0, 1.0)]
)
def test_forty_providers_of_one_person_need_no_list_of_all_coalitions(
    name: str, of_pair: float, of_single: float
) -> None:
    """All 2^40 of them would not fit into any memory."""
    pair, single = 1 << 39 | 1, 1 << 20
    shares = rule_named(name).dividend_shares(range(40), np.array([pair, single], dtype=np.intp), None)
    expected = np.zeros((40, 2))
    expected[[0, 39], 0] = of_pair
    expected[20, 1] = of_single
    np.testing.assert_array_equal(shares, expected)
