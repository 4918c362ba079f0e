"""Coalitions as code words, so that all sub-coalitions of many patterns are found in few array operations.

Up to 63 providers a word is the bitmask itself. Beyond, each provider has a random 64-bit word (from a fixed stream) and
a coalition the exclusive or of its members' words: among a million coalitions two agree with chance 3e-8.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

WIDEST = 63


def provider_words(players: int) -> Words:
    """Return a word for each provider, shape (players,)."""
    if players <= WIDEST:
        return np.left_shift(np.uint64(1), np.arange(players, dtype=np.uint64))
    return np.random.default_rng(0).integers(1, 1 << 63, players, dtype=np.uint64)


def pattern_words(patterns: NDArray[np.bool_]) -> Words:
    """Return the word of each pattern (n_patterns, players), shape (n_patterns,).

    Examples
    --------
    >>> pattern_words(np.array([[False, False], [True, False], [True, True]]))
    array([0, 1, 3], dtype=uint64)
    """
    words = np.where(patterns, provider_words(patterns.shape[1]), np.uint64(0))
    return np.asarray(np.bitwise_xor.reduce(words, axis=1), dtype=np.uint64)


def term_words(terms: Iterable[Sequence[int]], players: int) -> Words:
    """Return the word of each set of providers."""
    words = provider_words(players)
    return np.array([np.bitwise_xor.reduce(words[list(term)], initial=np.uint64(0)) for term in terms], dtype=np.uint64)


def subset_words(members: NDArray[np.intp], subsets: NDArray[np.intp], players: int) -> Words:
    """Return the words of local bitmasks for rows of members (n, ℓ), shape (n, n_subsets)."""
    own = provider_words(players)[members]
    found = np.zeros((len(members), len(subsets)), dtype=np.uint64)
    for place in range(members.shape[1]):
        holds = np.flatnonzero(subsets >> place & 1)
        found[:, holds] ^= own[:, [place]]
    return found


def small_subsets(size: int, order: int) -> NDArray[np.intp]:
    """Return the local bitmasks of 1 to ``order`` members among ``size``, smaller ones first.

    Examples
    --------
    >>> small_subsets(3, 2)
    array([1, 2, 4, 3, 5, 6])
    """
    chosen = [sum(1 << r for r in group) for count in range(1, order + 1) for group in combinations(range(size), count)]
    return np.array(chosen, dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class Lookup:
    """Finds the position of a word in a list of distinct words, or −1."""

    ordered: Words
    order: NDArray[np.intp]

    @classmethod
    def of(cls, words: Words) -> "Lookup":
        """Return a lookup into these words."""
        order = np.argsort(words, kind="stable")
        return cls(words[order], order)

    def find(self, words: Words) -> NDArray[np.intp]:
        """Return positions, the shape of ``words``.

        Examples
        --------
        >>> Lookup.of(np.array([5, 2], dtype=np.uint64)).find(np.array([2, 7], dtype=np.uint64))
        array([ 1, -1])
        """
        if len(self.ordered) == 0:
            return np.full(words.shape, -1, dtype=np.intp)
        place = np.minimum(np.searchsorted(self.ordered, words), len(self.ordered) - 1)
        return np.where(self.ordered[place] == words, self.order[place], -1)
