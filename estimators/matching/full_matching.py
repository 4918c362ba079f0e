"""Optimal full matching: everybody is in a set of one focal person and some partners, or one partner and some focal people.

A full matching of least total distance is a cheapest edge cover of the graph of candidates: a cover of least weight has no edge
whose two people are both covered without it, so that its components are stars. The cheapest cover is everybody's nearest,
less the largest saving from people who are each other's partner instead:

    Σ_v μ_v − max over matchings M of Σ_{(u,v) in M} (μ_u + μ_v − d_uv),        μ_v = distance to v's nearest,

a matching problem (Schrijver 2003, *Combinatorial Optimization*, section 19.3). Among covers of equal distance, as with people who are
alike in everything, the one with most sets is taken, and people beyond are spread over the sets: a set of one and hundreds
would make its one person carry hundreds of others. Limits on the sizes of sets need another programme: `ratio_limits`.

Sources: Rosenbaum (1991), *A characterization of optimal designs for observational studies*, JRSS B 53(3); Hansen (2004), *Full
matching in an observational study of coaching for the SAT*, JASA 99(467).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.candidates import ROUNDING, Candidates, cover_candidates
from counterfoil.estimators.matching.matches import Positions, Strata
from counterfoil.estimators.matching.methods import Found, Request
from counterfoil.estimators.matching.ratio_limits import Limits, limited_matching
from counterfoil.estimators.matching.sides import not_complete, sides_of


def full(request: Request) -> Found:
    """Return the cheapest full matching; with `max_ratio` a set has at most so many people of one group for one of the other.

    Parameters
    ----------
    request : Request
    """
    sample, limit = request.sample, request.spec.max_ratio
    treated = np.asarray(sample.codes > 0)
    sides = sides_of(request, treated)
    if limit is None:
        near = cover_candidates(sides.focal, sides.partner, sides.calipers)
        chosen = full_matching(near)
    else:
        limits = Limits((1, limit), (1, limit))
        near, chosen = limited_matching(sides.focal, sides.partner, sides.calipers, limits)
        chosen = stars(near, chosen)
    sets = np.full(sample.n, -1, dtype=np.intp)
    for people, codes in zip(sides.people, star_codes(near, chosen), strict=True):
        sets[people] = codes
    strata = Strata(sets, np.asarray(treated, dtype=np.intp), request.focal, sample.weights)
    counts = {"sets": int(sets.max(initial=-1)) + 1, "total_distance": float(near.distance[chosen].sum())}
    return Found(strata, counts, not_complete(near, "others might be nearer in sum"))


def star_codes(near: Candidates, chosen: NDArray[np.intp]) -> tuple[Positions, Positions]:
    """Return the set of everybody of each side, -1 for people in none; numbered in order of focal people.

    Examples
    --------
    >>> near = Candidates(np.array([0, 0, 2]), np.array([0, 1, 2]), np.ones(3), (3, 3))
    >>> [side.tolist() for side in star_codes(near, np.arange(3))]
    [[0, -1, 1], [0, 0, 1]]
    """
    rows, columns = near.size
    focal, partner = near.focal[chosen], near.partner[chosen]
    # A star is known by its one person with several matches, or by either of two who have one another only.
    centre = np.full(columns, -1, dtype=np.intp)
    several = np.bincount(partner, minlength=columns)[partner] > 1
    name = np.where(several, rows + partner, focal)
    own = np.full(rows, -1, dtype=np.intp)
    own[focal], centre[partner] = name, name
    order = {int(code): place for place, code in enumerate(dict.fromkeys(own[own >= 0].tolist()))}
    return (
        np.array([order.get(code, -1) for code in own.tolist()], dtype=np.intp),
        np.array([order.get(code, -1) for code in centre.tolist()], dtype=np.intp),
    )


def full_matching(near: Candidates) -> NDArray[np.intp]:
    """Return which candidates are matched, as their positions.

    Parameters
    ----------
    near : Candidates
        Of `cover_candidates`.

    Returns
    -------
    ndarray of int, shape (matches,)
        People without candidates are in no match.

    Examples
    --------
    >>> near = Candidates(np.array([0, 0, 1]), np.array([0, 1, 1]), np.array([1.0, 3.0, 1.0]), (2, 2))
    >>> full_matching(near).tolist()
    [0, 2]
    """
    if not len(near.focal):
        return np.empty(0, dtype=np.intp)
    unit = near.distance.max() if near.distance.max() > 0 else 1.0
    distance = near.distance / unit
    nearest = _nearest(near.focal, distance, near.size[0]), _nearest(near.partner, distance, near.size[1])
    saving = nearest[0][near.focal] + nearest[1][near.partner] - distance
    paired = _paired(near, saving)
    return stars(near, _covered(near, distance, nearest, paired))


def _nearest(side: NDArray[np.intp], distance: FloatArray, size: int) -> FloatArray:
    found = np.full(size, np.inf)
    np.minimum.at(found, side, distance)
    return found


def _paired(near: Candidates, saving: FloatArray) -> NDArray[np.intp]:
    """Return the matching that saves most, and of those the largest up to rounding."""
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    rows, columns = near.size
    useful = np.flatnonzero(saving >= -ROUNDING)
    # Costs are positive: a zero would be no edge. Staying alone costs 3; a saving is at most 2.
    cost = 3.0 - np.maximum(saving[useful], 0.0) - ROUNDING
    alone = np.arange(rows)
    graph = csr_array(
        (
            np.concatenate([cost, np.full(rows, 3.0)]),
            (np.concatenate([near.focal[useful], alone]), np.concatenate([near.partner[useful], columns + alone])),
        ),
        shape=(rows, columns + rows),
    )
    _, column = min_weight_full_bipartite_matching(graph)
    matched = np.flatnonzero(column < columns)
    wanted = matched * columns + column[matched]
    return np.asarray(np.searchsorted(near.focal * columns + near.partner, wanted), dtype=np.intp)


def _covered(
    near: Candidates, distance: FloatArray, nearest: tuple[FloatArray, FloatArray], paired: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the pairs, and for everybody else a nearest person: of several alike the one with fewest matches."""
    chosen = [paired]
    load = [np.bincount(side[paired], minlength=size) for side, size in zip(_sides(near), near.size, strict=True)]
    for own, (side, size) in enumerate(zip(_sides(near), near.size, strict=True)):
        other = _sides(near)[1 - own]
        close = np.flatnonzero(distance <= nearest[own][side] + ROUNDING)
        close = close[np.lexsort((other[close], side[close]))]
        ends = np.searchsorted(side[close], np.arange(size + 1))
        for person in np.flatnonzero((load[own] == 0) & (np.diff(ends) > 0)).tolist():
            edges = close[ends[person] : ends[person + 1]]
            edge = edges[np.argmin(load[1 - own][other[edges]])]
            chosen.append(np.array([edge]))
            load[1 - own][other[edge]] += 1
            load[own][person] += 1
    return np.unique(np.concatenate(chosen))


def _sides(near: Candidates) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return near.focal, near.partner


def stars(near: Candidates, chosen: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the matches without those whose two people have others; among optimal ones only distances of nothing are such."""
    load = [np.bincount(side[chosen], minlength=size) for side, size in zip(_sides(near), near.size, strict=True)]
    spare = (load[0][near.focal[chosen]] > 1) & (load[1][near.partner[chosen]] > 1)
    keep = np.ones(len(chosen), dtype=bool)
    for place in np.flatnonzero(spare)[np.argsort(-near.distance[chosen[spare]], kind="stable")].tolist():
        i, j = near.focal[chosen[place]], near.partner[chosen[place]]
        if load[0][i] > 1 and load[1][j] > 1:
            keep[place] = False
            load[0][i] -= 1
            load[1][j] -= 1
    return chosen[keep]
