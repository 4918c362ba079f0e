"""Sets of people alike, as matches: sets without both groups are nobody's, and thin ones are told of."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem
from counterfoil.estimators.matching.matches import Positions, Strata

THIN = 5
"""People of a group in a set up to whom a set's difference hangs on a few."""


def joint_codes(columns: Sequence[Positions], n: int) -> Positions:
    """Return one code for each combination of codes (n,), in order of the columns' codes; all zero without columns.

    Examples
    --------
    >>> joint_codes([np.array([1, 0, 1]), np.array([0, 0, 2])], 3).tolist()
    [1, 0, 2]
    """
    found = np.zeros(n, dtype=np.intp)
    for column in columns:
        # Renumbered at every step: a product of many columns' levels is beyond any integer.
        pair = found * (int(column.max(initial=0)) + 1) + column
        found = np.asarray(np.unique(pair, return_inverse=True)[1], dtype=np.intp)
    return found


def with_both_groups(codes: Positions, group: Positions) -> Positions:
    """Return sets 0..S-1 of codes (n,) that hold people of both groups, -1 for people of other codes.

    Examples
    --------
    >>> with_both_groups(np.array([0, 0, 1, 2, 2]), np.array([0, 1, 1, 0, 1])).tolist()
    [0, 0, -1, 1, 1]
    """
    kept = codes >= 0
    if not kept.any():
        return np.full(len(codes), -1, dtype=np.intp)
    count = int(codes.max()) + 1
    sizes = np.array([np.bincount(codes[kept & (group == side)], minlength=count) for side in (0, 1)])
    both = (sizes > 0).all(axis=0)
    renumbered = np.where(both, np.cumsum(both) - 1, -1)
    return np.asarray(np.where(kept, renumbered[np.maximum(codes, 0)], -1), dtype=np.intp)


def thin_sets(strata: Strata) -> tuple[Problem, ...]:
    """Return EST-004 where sets hang on a few people of a group that stand for many of the other."""
    if not (strata.sets >= 0).any():
        return ()
    sizes = set_sizes(strata)
    small, other = sizes.min(axis=0), sizes.max(axis=0)
    thin = (small <= THIN) & (other > 2 * small)
    if not thin.any():
        return ()
    alone = int((small[thin] == 1).sum())
    ends = f", {alone:,} of them on a single person" if alone else ""
    what = (
        f"{int(thin.sum()):,} of {len(small):,} sets hang on {THIN} or fewer people of one group{ends}; "
        f"they hold {shown(int(sizes[:, thin].sum()))} people"
    )
    return (Problem("EST-004", what, "estimator", "use fewer or coarser covariates, or merge levels"),)


def set_sizes(strata: Strata) -> NDArray[np.intp]:
    """Return how many people of each group every set has, shape (2, S)."""
    inside = strata.sets >= 0
    count = int(strata.sets.max(initial=-1)) + 1
    return np.array(
        [np.bincount(strata.sets[inside & (strata.group == side)], minlength=count) for side in (0, 1)], dtype=np.intp
    )
