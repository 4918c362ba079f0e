"""People with equally many providers, and where in the model each of their sub-coalitions stands.

Attribution never needs the 2^K coalitions of all providers, only those of each person's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.coalition import Lookup, small_subsets, subset_words, term_words
from counterfoil.estimators.kernel import LARGEST_PATTERN

Positions = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """People who have the same number ℓ of providers.

    Parameters
    ----------
    people : ndarray of int, shape (n,)
        Rows of the study.
    unit : ndarray of int, shape (n,)
        Which row of ``members`` is each person's pattern.
    members : ndarray of int, shape (n_units, ℓ)
        The providers of each pattern, in order.
    subsets : ndarray of int, shape (n_subsets,)
        Local bitmasks of the coalitions that can have a term.
    columns : ndarray of int, shape (n_units, n_subsets)
        The term of each coalition, −1 for none.
    """

    people: Positions
    unit: Positions
    members: Positions
    subsets: Positions
    columns: Positions


def make_blocks(
    patterns: NDArray[np.bool_], pattern: Positions, terms: Sequence[tuple[int, ...]], saturated: bool
) -> tuple[Block, ...]:
    """Return the blocks of everybody who has a provider, smaller ones first.

    Parameters
    ----------
    patterns : ndarray of bool, shape (n_patterns, K)
    pattern : ndarray of int, shape (n,)
    terms : sequence of tuples of int
        The model's sets of providers.
    saturated : bool
        Whether a term means "exactly these": then every coalition is looked up, nobody among them.
    """
    size = patterns.sum(axis=1)
    order = np.argsort(pattern, kind="stable")
    start = np.concatenate([[0], np.cumsum(np.bincount(pattern, minlength=len(patterns)))])
    found = []
    for ell in np.unique(size[size > 0]).tolist():
        units = np.flatnonzero(size == ell)
        members = np.nonzero(patterns[units])[1].reshape(len(units), ell)
        people = np.concatenate([order[start[u] : start[u + 1]] for u in units])
        unit = np.repeat(np.arange(len(units)), np.diff(start)[units])
        found.append(Block(people, unit, members, *placed(members, terms, patterns.shape[1], saturated)))
    return tuple(found)


def everybody_has_all(
    people: int, everything: Positions, players: int, terms: Sequence[tuple[int, ...]], saturated: bool
) -> Block:
    """Return one block in which everybody has the columns ``everything``, for scope everyone."""
    members = everything[None, :]
    unit = np.zeros(people, dtype=np.intp)
    return Block(np.arange(people), unit, members, *placed(members, terms, players, saturated))


def placed(
    members: Positions, terms: Sequence[tuple[int, ...]], players: int, saturated: bool
) -> tuple[Positions, Positions]:
    """Return the local bitmasks that can have a term, and which term it is for each row of members."""
    ell = members.shape[1]
    if saturated:
        # Larger patterns are refused before a rule is applied; the design needs no more than the pattern itself.
        subsets = np.arange(1 << ell) if ell <= LARGEST_PATTERN else np.array([(1 << ell) - 1], dtype=np.intp)
    else:
        subsets = small_subsets(ell, max((len(term) for term in terms), default=1))
    columns = Lookup.of(term_words(terms, players)).find(subset_words(members, subsets, players))
    return subsets, columns
