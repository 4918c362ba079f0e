"""The lottery that was drawn: which assignments it could have given, one by one when they are few, or at random.

A lottery has units (people, or clusters that were assigned as one), draws within blocks where there are blocks, and gives
every arm as many units of a block as it had. Every such assignment was equally likely. Any other design is a list of the
assignments that could have been drawn.

Sources: Imbens and Rubin (2015), chapters 4 and 5; Gerber and Green (2012), *Field Experiments*, chapter 3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb, prod

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from counterfoil.errors import refusal

Codes = NDArray[np.intp]
Drawn = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Lottery:
    """A lottery in which every arm of a block keeps its number of units.

    Parameters
    ----------
    arms : ndarray of int, shape (n_units,)
        What was drawn: 0 for the control, 1 to K for the other arms.
    blocks : ndarray of int, shape (n_units,)
        Codes 0..B-1, in ascending order.

    Examples
    --------
    >>> Lottery(np.array([1, 0, 0, 1]), np.array([0, 0, 1, 1])).count
    4
    """

    arms: Codes
    blocks: Codes

    @property
    def bounds(self) -> list[tuple[int, int]]:
        """First unit of each block, and the one after its last."""
        ends = np.cumsum(np.bincount(self.blocks)).tolist()
        return list(zip([0, *ends[:-1]], ends, strict=True))

    def few(self, limit: int) -> bool:
        """Tell whether the lottery could have given no more assignments than this."""
        # Factorials of many units are slow to multiply out; their logarithms are not.
        log = sum(
            gammaln(last - first + 1) - gammaln(np.bincount(self.arms[first:last]) + 1).sum()
            for first, last in self.bounds
        )
        return bool(log <= np.log(limit) + 1) and self.count <= limit

    @property
    def count(self) -> int:
        """How many assignments the lottery could have given."""
        found = []
        for first, last in self.bounds:
            left = last - first
            for size in np.bincount(self.arms[first:last]).tolist():
                found.append(comb(left, size))
                left -= size
        return prod(found)

    def every(self) -> Drawn:
        """Return every assignment, shape (count, n_units)."""
        found = np.zeros((1, 0), dtype=np.int8)
        for first, last in self.bounds:
            block = np.array(list(_orders(np.bincount(self.arms[first:last]).tolist())), dtype=np.int8)
            found = np.hstack([np.repeat(found, len(block), axis=0), np.tile(block, (len(found), 1))])
        return found

    def draw(self, size: int, rng: np.random.Generator) -> Drawn:
        """Return random assignments, shape (size, n_units)."""
        drawn = np.repeat(self.arms.astype(np.int8)[None], size, axis=0)
        for first, last in self.bounds:
            rng.permuted(drawn[:, first:last], axis=1, out=drawn[:, first:last])
        return drawn


def _orders(sizes: list[int]) -> Iterator[list[int]]:
    """Yield every way to give units to arms of the sizes named."""
    total = sum(sizes)
    if len(sizes) == 1:
        yield [0] * total
        return
    last = len(sizes) - 1
    for chosen in combinations(range(total), sizes[-1]):
        here = set(chosen)
        for others in _orders(sizes[:-1]):
            rest = iter(others)
            yield [last if unit in here else next(rest) for unit in range(total)]


def units_of(arms: Codes, blocks: Codes | None, clusters: Codes | None) -> tuple[Lottery, Codes]:
    """Return the lottery over units, and the unit of each person, shape (n_people,).

    Units are ordered by block, as a lottery needs them.

    Parameters
    ----------
    arms : ndarray of int, shape (n_people,)
    blocks : ndarray of int, shape (n_people,), or None
    clusters : ndarray of int, shape (n_people,), or None
        What was drawn as one; None when people were.

    Raises
    ------
    EstimationError
        EST-021 when a cluster holds two arms, or people of two blocks.
    """
    people = np.arange(len(arms))
    of = people if clusters is None else clusters
    block = np.zeros(len(arms), dtype=np.intp) if blocks is None else blocks
    first = np.unique(of, return_index=True)[1]
    for value, word in ((arms, "arms"), (block, "blocks")):
        mixed = len(np.unique(of[value != value[first][of]]))
        if mixed:
            raise refusal("EST-021", f"{mixed} of {len(first)} clusters hold several {word}", "people")
    order = np.argsort(block[first], kind="stable")
    place = np.empty(len(first), dtype=np.intp)
    place[order] = np.arange(len(first))
    return Lottery(arms[first][order], block[first][order]), place[of]
