"""Optimal k:1 matching without replacement: as many people as possible are matched, and at the least total distance.

A focal person who takes up to k partners stands for k rows of an assignment problem, and everybody may stay without a j-th
partner at a price above all distances together, which falls with j. The sets of rows that can be matched are a matroid, so that
the cheapest assignment first matches as many as can be (people before second partners, and these before third ones) and
only then looks at distances.

Sources: Rosenbaum (1989), *Optimal matching for observational studies*, JASA 84(408); Jonker and Volgenant (1987), Computing 38,
for the sparse algorithm, which is scipy's.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.candidates import Candidates, nearest_candidates
from counterfoil.estimators.matching.matches import Pairs
from counterfoil.estimators.matching.methods import Found, Request
from counterfoil.estimators.matching.ratio_limits import Limits, limited_matching
from counterfoil.estimators.matching.sides import not_complete, sides_of


def optimal(request: Request) -> Found:
    """Return the cheapest matches of focal people with `ratio` partners, or `ratio` on average up to `max_ratio`.

    Parameters
    ----------
    request : Request
    """
    spec = request.spec
    sides = sides_of(request, request.focal)
    varying = spec.max_ratio is not None and spec.max_ratio > spec.ratio
    if varying and spec.max_ratio is not None:
        limits = Limits((spec.min_ratio, spec.max_ratio), (0, 1), spec.ratio * len(sides.people[0]))
        near, chosen = limited_matching(sides.focal, sides.partner, sides.calipers, limits)
    else:
        near = nearest_candidates(sides.focal, sides.partner, sides.calipers, spec.ratio)
        chosen = optimal_pairs(near, spec.ratio)
    many = np.bincount(near.focal[chosen], minlength=near.size[0])
    chosen = chosen[many[near.focal[chosen]] >= spec.min_ratio]
    focal, partner = sides.people[0][near.focal[chosen]], sides.people[1][near.partner[chosen]]
    sets = np.full(request.sample.n, -1, dtype=np.intp)
    sets[focal] = sets[partner] = np.unique(near.focal[chosen], return_inverse=True)[1]
    share = request.sample.weights[partner]
    weight = share / np.bincount(focal, share, request.sample.n)[focal]
    order = np.lexsort((partner, focal))
    pairs = Pairs(request.sample.n, focal[order], partner[order], weight[order], near.distance[chosen][order], sets)
    counts = {"sets": int((many >= spec.min_ratio).sum()), "total_distance": total_distance(near, chosen)}
    return Found(pairs, counts, not_complete(near, "others might be nearer in sum"))


def optimal_pairs(near: Candidates, ratio: int = 1) -> NDArray[np.intp]:
    """Return which candidates are matched, as their positions.

    Parameters
    ----------
    near : Candidates
    ratio : int
        Partners of each focal person at most.

    Returns
    -------
    ndarray of int, shape (matches,)
        In ascending order. Nobody's partner is another's.

    Examples
    --------
    Greedy matching gives 30 the nearest, 29, and leaves 60 to 40; the least total is another.

    >>> near = Candidates(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), np.array([1.0, 2.0, 2.0, 20.0]), (2, 2))
    >>> near.distance[optimal_pairs(near)].sum()
    np.float64(4.0)
    """
    rows, columns = near.size
    if not len(near.focal):
        return np.empty(0, dtype=np.intp)
    # A graph's weights may not be zero: scipy takes a zero for no edge. Every row is matched once, so a constant changes nothing.
    unit = near.distance.max() if near.distance.max() > 0 else 1.0
    cost = near.distance / unit + 1.0
    price = 2.0 * rows * ratio + 1.0
    slots = np.arange(rows * ratio)
    staying = price * (ratio - slots // rows) + 1.0
    focal = np.concatenate([near.focal + rows * j for j in range(ratio)])
    found = _assigned(
        csr_array(
            (
                np.concatenate([np.tile(cost, ratio), staying]),
                (np.concatenate([focal, slots]), np.concatenate([np.tile(near.partner, ratio), columns + slots])),
            ),
            shape=(rows * ratio, columns + rows * ratio),
        )
    )
    person, partner = slots % rows, found
    matched = partner < columns
    wanted = np.sort(person[matched] * columns + partner[matched])
    return np.asarray(np.searchsorted(near.focal * columns + near.partner, wanted), dtype=np.intp)


def _assigned(graph: csr_array) -> NDArray[np.intp]:
    """Return the column of each row; every row has a column of its own to fall back on."""
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    return np.asarray(min_weight_full_bipartite_matching(graph)[1], dtype=np.intp)


def total_distance(near: Candidates, chosen: NDArray[np.intp]) -> float:
    """Return the sum of distances of matched pairs."""
    distance: FloatArray = near.distance[chosen]
    return float(distance.sum())
