"""What an attribution rule looks like to an estimator: a table of weights on a person's own combinations of providers.

For a person served by the members a (ℓ of them), a rule credits provider j with Σ_{b⊆a} κ_j(b;a) m(b, X). Coalitions b
are written as local bitmasks: bit r stands for ``members[r]``, so that 0 is nobody and 2^ℓ − 1 is all of a. The same
rule in dividend form credits j with Σ_{∅≠T⊆a} λ_j(T;a) δ_T(X), where δ_T is the pure joint effect of T.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Need = Literal["", "dose", "start"]

LARGEST_PATTERN: Final = 12
"""Providers of one person beyond which the 2^ℓ table of weights is not built."""


@runtime_checkable
class Kernel(Protocol):
    """An attribution rule; those of ``counterfoil.attribution`` implement it.

    Attributes
    ----------
    name : str
        What the rule is called.
    efficient : bool
        Whether the credits sum to the total gain; only such a rule may be paid on.
    needs : {"", "dose", "start"}
        What the weights ask of each person's record: how much each provider did, when each began, or nothing.
    by_agreement : bool
        Whether the division is agreed, whatever the data say.
    """

    @property
    def name(self) -> str:
        """Return what the rule is called."""
        ...

    @property
    def efficient(self) -> bool:
        """Tell whether the credits sum to the total gain."""
        ...

    @property
    def needs(self) -> Need:
        """Return what the weights ask of each person's record."""
        ...

    @property
    def by_agreement(self) -> bool:
        """Tell whether the division is agreed, whatever the data say."""
        ...

    def size(self, players: int) -> int:
        """Return how many results there are: one a provider, for a rule."""
        ...

    def rows(self, players: int, members: Sequence[int]) -> Sequence[int]:
        """Return the results that people served by ``members`` contribute to, in the order of the tables' rows."""
        ...

    def alike(self, members: Sequence[int]) -> Hashable:
        """Return a key: people whose members have the same key and number have the same tables, by position."""
        ...

    def weights(self, members: Sequence[int], record: FloatArray | None) -> FloatArray:
        """Return κ, shape (ℓ, 2^ℓ), or (n, ℓ, 2^ℓ) for n people with records (doses or start days) of shape (n, ℓ)."""
        ...

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None
    ) -> FloatArray:
        """Return λ for non-empty local bitmasks, shape (ℓ, n_subsets), or (n, ℓ, n_subsets) with records."""
        ...


@dataclass(frozen=True, slots=True)
class GrandTotal:
    """The gain itself as a kernel with one row: everything a person had against nothing."""

    name: str = "total"
    efficient: bool = True
    needs: Need = ""
    by_agreement: bool = False

    def size(self, players: int) -> int:
        """Return 1."""
        del players
        return 1

    def rows(self, players: int, members: Sequence[int]) -> Sequence[int]:
        """Return the one row."""
        del players, members
        return (0,)

    def alike(self, members: Sequence[int]) -> Hashable:
        """Return the same for everybody."""
        return len(members)

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return 1{b = a} − 1{b = ∅}, shape (1, 2^ℓ)."""
        del record
        table = np.zeros((1, 1 << len(members)))
        table[0, 0], table[0, -1] = -1.0, 1.0
        return table

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1 for every dividend, shape (1, n_subsets)."""
        del members, record
        return np.ones((1, len(subsets)))


def popcount(masks: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the number of members in each local bitmask.

    Examples
    --------
    >>> popcount(np.array([0, 1, 3, 6]))
    array([0, 1, 2, 2])
    """
    return np.bitwise_count(masks).astype(np.intp)


def membership(size: int) -> NDArray[np.bool_]:
    """Return who is in each coalition of ``size`` members, shape (2^size, size)."""
    return (np.arange(1 << size)[:, None] >> np.arange(size) & 1).astype(bool)


def members_of(subsets: NDArray[np.intp], size: int) -> NDArray[np.bool_]:
    """Return who is in each of some local bitmasks, shape (size, n_subsets), without listing all 2^size of them.

    Examples
    --------
    >>> members_of(np.array([1, 6]), 3).astype(int)
    array([[1, 0],
           [0, 1],
           [0, 1]])
    """
    return (subsets >> np.arange(size)[:, None] & 1).astype(bool)


def weights_from_shares(shares: FloatArray) -> FloatArray:
    """Turn dividend shares of all non-empty coalitions (…, rows, 2^ℓ − 1) into weights (…, rows, 2^ℓ).

    κ_j(b) = Σ_{T ⊇ b, T ≠ ∅} (−1)^{|T| − |b|} λ_j(T).
    """
    masks = np.arange(shares.shape[-1] + 1)
    inside = (masks[1:, None] & masks) == masks
    sign = (-1.0) ** (popcount(masks[1:])[:, None] - popcount(masks))
    return np.asarray(shares @ (inside * sign))
