"""Matching with a least and a largest number of partners: a cheapest flow, as a linear programme.

The limits are those of a flow through a network, whose linear programme has whole numbers at every corner; nothing is rounded.
Where the limits cannot all be kept (a caliper leaves somebody alone) as few people as possible fall short of them, and only
then distances count. Of many people the programme begins with near pairs, and takes in those that its prices (the dual
values u_i and v_j) show to be worth it, d_ij < u_i + v_j, until there are none: the match is then the best of all pairs. Where they
become too many it stops before that, and says so.

Sources: Ming and Rosenbaum (2000), *Substantial gains in bias reduction from matching with a variable number of controls*,
Biometrics 56; Hansen and Klopfer (2006), *Optimal full matching and related designs via network flows*, JCGS 15(3); Dantzig and
Wolfe (1960), *Decomposition principle for linear programs*, Operations Research 8(1), for taking in columns by their prices.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_array, coo_array, diags_array

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.candidates import Candidates, Side, near_candidates, united, worthwhile

FIRST: Final = 60_000
"""Pairs that the programme begins with."""
SOLVED: Final = 1e-6
"""What a pair may save, as a part of the largest distance, and still be left out: the solver's own tolerance is a tenth of it."""
ROUNDS: Final = 40
"""How often pairs are taken in at most."""
MOST_LIMITED: Final = 250_000
"""Pairs beyond which no more are taken in: with tight limits on many people the programme grows slow."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many matches people have.

    Parameters
    ----------
    focal, partner : tuple of int
        Least and largest number of each person of a side.
    total : int or None
        Matches in all, when they are agreed.
    """

    focal: tuple[int, int]
    partner: tuple[int, int]
    total: int | None = None


def limited_matching(
    focal: Side, partner: Side, calipers: FloatArray | None, limits: Limits, first: int | None = None
) -> tuple[Candidates, NDArray[np.intp]]:
    """Return candidates, and which of them are matched.

    Parameters
    ----------
    focal, partner : Side
    calipers : ndarray or None
    limits : Limits
    first : int, optional
        Pairs to begin with; all of them where there are no more.

    Returns
    -------
    candidates : Candidates
        Its ``complete`` says whether no pair is left that would improve the match.
    chosen : ndarray of int, shape (matches,)

    Raises
    ------
    EstimationError
        EST-002 when the solver stops before the end.
    """
    near = near_candidates(focal, partner, calipers, FIRST if first is None else first)
    if near.complete or not len(near.focal):
        return near, within_limits(near, limits)[0]
    for _ in range(ROUNDS):
        chosen, prices = within_limits(near, limits)
        grown = united(near, worthwhile(focal, partner, calipers, *prices, SOLVED * float(near.distance.max())))
        if len(near.focal) > MOST_LIMITED:
            return near, chosen
        if len(grown.focal) == len(near.focal):
            return Candidates(near.focal, near.partner, near.distance, near.size), chosen
        near = grown
    return near, within_limits(near, limits)[0]


def within_limits(near: Candidates, limits: Limits) -> tuple[NDArray[np.intp], tuple[FloatArray, FloatArray]]:
    """Return which candidates are matched, and what a match of each person of either side is worth.

    Parameters
    ----------
    near : Candidates
    limits : Limits

    Returns
    -------
    chosen : ndarray of int, shape (matches,)
    prices : tuple of ndarray, shapes (a,), (b,)
        In distances: a pair at less than the sum of both prices would improve the match.

    Raises
    ------
    EstimationError
        EST-002 when the solver stops before the end.

    Examples
    --------
    >>> near = Candidates(np.array([0, 0, 0]), np.array([0, 1, 2]), np.array([1.0, 2.0, 3.0]), (1, 3))
    >>> within_limits(near, Limits((1, 2), (0, 1), total=2))[0].tolist()
    [0, 1]
    """
    from scipy.optimize import linprog

    edges, (rows, columns) = len(near.focal), near.size
    if not edges:
        return np.empty(0, dtype=np.intp), (np.zeros(rows), np.zeros(columns))
    unit = near.distance.max() if near.distance.max() > 0 else 1.0
    short = float(rows + columns + 1)
    place = np.arange(edges)
    one, other = (
        coo_array((np.ones(edges), (side, place)), shape=(size, edges))
        for side, size in ((near.focal, rows), (near.partner, columns))
    )
    least = [[-one, -diags_array(np.ones(rows)), None, None], [-other, None, -diags_array(np.ones(columns)), None]]
    most = [[one, None, None, None], [other, None, None, None]]
    wanted = 0 if limits.total is None else limits.total
    every = coo_array(np.concatenate([np.ones(edges), np.zeros(rows + columns), np.ones(1)])[None])
    costs = np.concatenate([near.distance / unit, np.full(rows + columns, 2 * short), [short]])
    upper = np.concatenate(
        [np.ones(edges), np.full(rows, limits.focal[0]), np.full(columns, limits.partner[0]), [wanted]]
    )
    bounds = np.concatenate(
        [
            np.full(rows, -limits.focal[0]),
            np.full(columns, -limits.partner[0]),
            np.full(rows, limits.focal[1]),
            np.full(columns, limits.partner[1]),
        ]
    )
    table = block_array([*least, *most], format="csr")
    table.resize(2 * (rows + columns), len(costs))
    total = {} if limits.total is None else {"A_eq": every, "b_eq": np.array([wanted])}
    found = linprog(
        costs, table, bounds, bounds=np.column_stack([np.zeros(len(upper)), upper]), method="highs", **total
    )
    if not found.success:
        raise refusal("EST-002", "the programme of the cheapest match found no end", "estimator")
    dual = np.split(found.ineqlin.marginals, [rows, rows + columns, 2 * rows + columns])
    shared = float(found.eqlin.marginals[0]) if total else 0.0
    prices = (dual[2] - dual[0] + shared) * unit, (dual[3] - dual[1]) * unit
    return np.flatnonzero(found.x[:edges] > 0.5), prices
