"""Owen: Shapley between unions (alliances, common control), then Shapley inside each union.

Splitting a provider in two changes nothing for the others when both halves are one union.
Terms: ``unions``, a list of lists of providers, fixed at signing; whoever is in none stands alone.
Source: Owen (1977), *Values of games with a priori unions*.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from math import factorial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule, partition, refuse_others
from counterfoil.estimators.kernel import FloatArray, Need, members_of, membership


@dataclass(frozen=True, slots=True)
class Owen(Rule):
    """Divide a joint effect equally among the unions that it takes, and inside a union among those of it.

    Parameters
    ----------
    unions : tuple of tuples of int
        Positions of providers.

    Examples
    --------
    >>> Owen.of(["a", "b", "c"], unions=[["a", "b"]]).dividend_shares((0, 1, 2), np.array([7]))
    array([[0.25],
           [0.25],
           [0.5 ]])
    """

    unions: tuple[tuple[int, ...], ...] = ()
    name: str = "owen"
    efficient: bool = True
    needs: Need = ""

    @classmethod
    def of(cls, providers: Sequence[str], unions: Iterable[Iterable[str]] = (), **terms: Any) -> Self:
        """Return the rule for unions of named providers."""
        refuse_others(terms)
        return cls(partition(providers, unions, "unions"))

    def alike(self, members: Sequence[int]) -> Hashable:
        """Return how the members fall into unions."""
        return tuple(np.unique(self._union(members), return_inverse=True)[1].tolist())

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return Owen's weights: zero where another union is there in part, else both Shapley weights multiplied."""
        del record
        names, union = np.unique(self._union(members), return_inverse=True)
        inside = membership(len(members))
        size, number = np.bincount(union), len(names)
        held = inside.astype(np.intp) @ (union[:, None] == np.arange(number))
        full = held == size
        partly = ~full & (held > 0)
        others_full = full.sum(axis=1)[:, None] - full[:, union]
        others_whole = partly.sum(axis=1)[:, None] == partly[:, union]
        between = _joining(number)[others_full + 1]
        own, of = held[:, union], size[union]
        inner = np.empty(inside.shape)
        for j, count in enumerate(of.tolist()):
            chance = _joining(count)
            inner[:, j] = np.where(inside[:, j], chance[own[:, j]], -chance[np.minimum(own[:, j] + 1, count)])
        return np.asarray(np.where(others_whole, between * inner, 0.0).T)

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1/(unions meeting T) · 1/|T ∩ own union| for j in T."""
        del record
        union = self._union(members)
        inside = members_of(subsets, len(members))
        same = union[:, None] == union
        beside = same.astype(np.float64) @ inside
        met = np.array([len(np.unique(union[column])) for column in inside.T])
        return np.asarray(np.where(inside, 1.0 / np.maximum(beside, 1) / met, 0.0))

    def _union(self, members: Sequence[int]) -> NDArray[np.intp]:
        name = {position: number for number, group in enumerate(self.unions) for position in group}
        return np.array([name.get(member, len(self.unions) + member) for member in members], dtype=np.intp)


def _joining(size: int) -> FloatArray:
    """Return (b−1)!(n−b)!/n! for b = 0..n: the chance that one of n arrives as the b-th; none for b = 0."""
    return np.array([0.0] + [factorial(b - 1) * factorial(size - b) / factorial(size) for b in range(1, size + 1)])
