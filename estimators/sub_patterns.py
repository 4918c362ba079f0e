"""A rule seen from a part of the study, and the comparisons within a cohort that it rests on.

A credit that compares people with pattern a to people who had only b ⊂ a takes the second as what the first would have
been under b. With changes over time as the outcome that is strong parallel trends, E[ΔY(b) | A = a, X] =
E[ΔY(b) | A = b, X]. A rule that looks at a and nobody alone needs ordinary parallel trends only.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem, listed
from counterfoil.estimators.kernel import LARGEST_PATTERN, FloatArray, Kernel, Need, membership


@dataclass(frozen=True, slots=True)
class Within:
    """A rule over all providers, applied where only some of them are.

    Parameters
    ----------
    whole : Kernel
        The rule, over positions among all providers.
    present : tuple of int
        Positions of the providers that are there.
    players : int
        Number of all providers.
    """

    whole: Kernel
    present: tuple[int, ...]
    players: int

    @property
    def name(self) -> str:
        """Return what the rule is called."""
        return self.whole.name

    @property
    def efficient(self) -> bool:
        """Tell whether the credits sum to the total gain."""
        return self.whole.efficient

    @property
    def needs(self) -> Need:
        """Return what the weights ask of each person's record."""
        return self.whole.needs

    @property
    def by_agreement(self) -> bool:
        """Tell whether the division is agreed."""
        return self.whole.by_agreement

    def size(self, players: int) -> int:
        """Return the number of all providers: absent ones have no credit, or an agreed one."""
        del players
        return self.players

    def rows(self, players: int, members: Sequence[int]) -> Sequence[int]:
        """Return whom the rule credits, among all providers."""
        del players
        return self.whole.rows(self.players, self._among_all(members))

    def alike(self, members: Sequence[int]) -> Hashable:
        """Return the rule's key of the members among all providers."""
        return self.whole.alike(self._among_all(members))

    def weights(self, members: Sequence[int], record: FloatArray | None) -> FloatArray:
        """Return κ of the rule over all providers."""
        return self.whole.weights(self._among_all(members), record)

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None
    ) -> FloatArray:
        """Return λ of the rule over all providers."""
        return self.whole.dividend_shares(self._among_all(members), subsets, record)

    def _among_all(self, members: Sequence[int]) -> tuple[int, ...]:
        return tuple(self.present[member] for member in members)


def compared_parts(kernel: Kernel, members: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the patterns other than all of ``members`` and nobody that the rule gives weight to.

    Examples
    --------
    >>> from counterfoil.attribution import EqualSplit, Shapley
    >>> compared_parts(Shapley(), (0, 2)), compared_parts(EqualSplit(), (0, 2))
    ([(0,), (2,)], [])
    """
    # Doses and dates are distinct here: then no tie hides a comparison, and none has to be broken.
    record = np.arange(1.0, len(members) + 1)[None] if kernel.needs else None
    table = np.abs(kernel.weights(members, record)).reshape(-1, 1 << len(members)).max(axis=0)
    sets = membership(len(members))
    return [tuple(np.array(members)[sets[mask]].tolist()) for mask in range(1, len(sets) - 1) if table[mask] > 0]


def strong_trends(kernel: Kernel, patterns: Iterable[tuple[int, ...]], names: Sequence[str]) -> tuple[Problem, ...]:
    """Return the warning that goes beside credits which compare people with others who had fewer providers.

    Parameters
    ----------
    kernel : Kernel
        The rule.
    patterns : iterable of tuples of int
        Patterns of providers that people had.
    names : sequence of str
        Of all providers.
    """
    pairs: dict[tuple[tuple[int, ...], tuple[int, ...]], None] = {}
    for pattern in patterns:
        for part in compared_parts(kernel, pattern[:LARGEST_PATTERN]) if len(pattern) > 1 else ():
            pairs[pattern, part] = None
    if not pairs:
        return ()
    concerned = sorted({j for pattern, _ in pairs for j in pattern})

    def label(pattern: tuple[int, ...]) -> str:
        return " + ".join(names[j] for j in pattern)

    what = (
        f"the {kernel.name} credits of {listed([names[j] for j in concerned])} assume strong parallel trends, "
        "E[dY(b)|A=a,X] = E[dY(b)|A=b,X], and no pre-trend can test it; for these b of a: "
        + listed([f"{label(part)} of {label(pattern)}" for pattern, part in pairs])
    )
    return (Problem("IDENT-016", what, "estimator"),)
