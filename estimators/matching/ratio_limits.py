"""Matching with a least and a largest number of partners: a cheapest flow, as a linear programme.

The limits are those of a flow through a network, whose linear programme has whole numbers at every corner; nothing is rounded.
Where the limits cannot all be kept (a caliper leaves somebody alone) as few people as possible fall short of them, and only
then distances count.

Sources: Ming and Rosenbaum (2000), *Substantial gains in bias reduction from matching with a variable number of controls*,
Biometrics 56; Hansen and Klopfer (2006), *Optimal full matching and related designs via network flows*, JCGS 15(3).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, coo_array, diags_array

from counterfoil.errors import refusal
from counterfoil.estimators.matching.candidates import Candidates

MOST_LIMITED: Final = 400_000
"""Pairs of which a programme is made at most."""


def within_limits(
    near: Candidates, focal: tuple[int, int], partner: tuple[int, int], total: int | None = None
) -> NDArray[np.intp]:
    """Return which candidates are matched, as their positions.

    Parameters
    ----------
    near : Candidates
    focal, partner : tuple of int
        Least and largest number of matches of each person of a side.
    total : int, optional
        Matches in all, when they are agreed.

    Returns
    -------
    ndarray of int, shape (matches,)

    Raises
    ------
    EstimationError
        EST-002 when the solver stops before the end.

    Examples
    --------
    >>> near = Candidates(np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([1.0, 2.0, 3.0]), (1, 3))
    >>> within_limits(near, (1, 2), (0, 1), total=2).tolist()
    [0, 1]
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    edges, (rows, columns) = len(near.focal), near.size
    if not edges:
        return np.empty(0, dtype=np.intp)
    unit = near.distance.max() if near.distance.max() > 0 else 1.0
    short = float(rows + columns + 1)
    place = np.arange(edges)
    incidence = [
        coo_array((np.ones(edges), (side, place)), shape=(size, edges))
        for side, size in ((near.focal, rows), (near.partner, columns))
    ]
    ones = coo_array(np.ones((1, edges)))
    blocks = [
        [incidence[0], diags_array(np.ones(rows)), None, None],
        [incidence[1], None, diags_array(np.ones(columns)), None],
        [ones, None, None, coo_array(np.ones((1, 1)))],
        [incidence[0], None, None, None],
        [incidence[1], None, None, None],
    ]
    wanted = 0 if total is None else total
    lower = np.concatenate([np.full(rows, focal[0]), np.full(columns, partner[0]), [wanted], np.zeros(rows + columns)])
    upper = np.concatenate(
        [
            np.full(rows + columns, np.inf),
            [np.inf if total is None else wanted],
            np.full(rows, focal[1]),
            np.full(columns, partner[1]),
        ]
    )
    prices = np.concatenate([near.distance / unit, np.full(rows + columns, 2 * short), [short]])
    most = np.concatenate([np.ones(edges), np.full(rows, focal[0]), np.full(columns, partner[0]), [wanted]])
    found = milp(
        prices,
        bounds=Bounds(0.0, most.astype(np.float64)),
        constraints=LinearConstraint(block_array(blocks, format="csr"), lower, upper),
        integrality=np.zeros(len(prices)),
    )
    if not found.success:
        raise refusal("EST-002", "the programme of the cheapest match found no end", "estimator")
    return np.flatnonzero(found.x[:edges] > 0.5)
