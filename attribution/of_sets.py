"""What tables about sets of players have in common: a row a set, filled by everybody who had all of the set's members."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.kernel import FloatArray, Need, popcount, weights_from_shares


@dataclass(frozen=True, slots=True)
class OfSets:
    """Base of tables with a row a set of players; a table says its shares of each pure joint effect.

    Parameters
    ----------
    sets : tuple of tuples of int
        Positions of players.
    """

    sets: tuple[tuple[int, ...], ...]
    name: str = ""
    efficient: bool = False
    needs: Need = ""
    by_agreement: bool = False

    def size(self, players: int) -> int:
        """Return the number of sets."""
        del players
        return len(self.sets)

    def rows(self, players: int, members: Sequence[int]) -> Sequence[int]:
        """Return the sets among the members."""
        del players
        there = set(members)
        return [row for row, group in enumerate(self.sets) if there.issuperset(group)]

    def alike(self, members: Sequence[int]) -> Hashable:
        """Return the sets among the members, by position."""
        return tuple(self.masks(members).tolist())

    def masks(self, members: Sequence[int]) -> NDArray[np.intp]:
        """Return the sets among the members as local bitmasks."""
        place = {member: 1 << r for r, member in enumerate(members)}
        among = self.rows(0, members)
        return np.array([sum(place[j] for j in self.sets[row]) for row in among], dtype=np.intp)

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return the weights of coalitions, shape (n_sets_among, 2^ℓ)."""
        every = np.arange(1, 1 << len(members), dtype=np.intp)
        return weights_from_shares(self.dividend_shares(members, every, record))

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return each set's shares of the joint effects of subsets, shape (n_sets_among, n_subsets)."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Dividends(OfSets):
    """The pure joint effect of each set: what it adds beyond all smaller sets (Harsanyi 1959)."""

    name: str = "dividends"

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1 for the set itself."""
        del record
        return np.asarray((self.masks(members)[:, None] == subsets).astype(np.float64))


@dataclass(frozen=True, slots=True)
class PairInteraction(OfSets):
    """The Shapley interaction index of each pair (Grabisch and Roubens 1999)."""

    name: str = "interaction"

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1/(|T| − 1) for T that holds the pair."""
        del record
        pairs = self.masks(members)[:, None]
        return np.asarray(((subsets & pairs) == pairs) / np.maximum(popcount(subsets) - 1, 1))
