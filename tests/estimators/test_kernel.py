"""Coalitions as bitmasks: listed in full for small patterns, read one by one for large ones."""

import numpy as np

from counterfoil.attribution import RULES, rule_named
from counterfoil.estimators.kernel import members_of, membership


def test_members_of_reads_the_rows_of_the_full_list() -> None:
    subsets = np.array([0, 5, 11, 31])
    np.testing.assert_array_equal(members_of(subsets, 5), membership(5)[subsets].T)


def test_a_person_with_forty_providers_is_no_matter_where_the_model_has_only_pairs() -> None:
    """A list of all 2^40 coalitions would not fit into any memory."""
    pair, alone = np.intp(1 << 39 | 1), np.intp(1 << 20)
    for name in ("shapley", "banzhaf", "last_in", "first_in", "equal_split"):
        shares = rule_named(name).dividend_shares(range(40), np.array([pair, alone]), None)
        if RULES[name].efficient:
            np.testing.assert_allclose(shares.sum(axis=0), 1.0)
        if name != "equal_split":
            assert shares[20, 1] == 1.0
            assert shares[[1, 20], 0].tolist() == [0.0, 0.0]
