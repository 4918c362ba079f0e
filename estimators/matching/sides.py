"""A request's people as the two sides of a graph, in the order of their ids, so that the order of rows never chooses among ties."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.candidates import Candidates, Side
from counterfoil.estimators.matching.matches import Positions
from counterfoil.estimators.matching.methods import Request


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """Two sides of a graph.

    Parameters
    ----------
    focal, partner : Side
    people : tuple of ndarray of int
        Position in the study of everybody of each side.
    calipers : ndarray, shape (1,), or None
    """

    focal: Side
    partner: Side
    people: tuple[Positions, Positions]
    calipers: FloatArray | None


def sides_of(request: Request, focal: NDArray[np.bool_]) -> Sides:
    """Return people marked as focal, shape (n,), and all others."""
    order = np.argsort(request.sample.study.ids, kind="stable")
    people = order[focal[order]], order[~focal[order]]
    marks = None if request.ruler is None else request.ruler[:, None]
    one, other = (
        Side(request.places[mine], request.blocks[mine], None if marks is None else marks[mine]) for mine in people
    )
    wide = request.spec.caliper
    return Sides(one, other, people, None if wide is None else np.array([wide]))


def not_complete(near: Candidates, what: str) -> tuple[Problem, ...]:
    """Return EST-045 where only the nearest people were looked at."""
    if near.complete:
        return ()
    text = f"of {shown(near.size[0])} by {shown(near.size[1])} people {len(near.focal):,} pairs of near ones were looked at: {what}"
    return (Problem("EST-045", text, "estimator"),)
