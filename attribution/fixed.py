"""Fixed: contract fractions of the gain, whatever each provider did.

An agreement and no finding: it credits providers from people they never served, and reports say so.
Terms: ``fractions``, provider to its fraction of the gain; they sum to one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule, positions, refuse_others
from counterfoil.errors import refusal
from counterfoil.estimators.kernel import FloatArray, GrandTotal, Need


@dataclass(frozen=True, slots=True)
class Fixed(Rule):
    """Divide every person's gain by agreed fractions.

    Parameters
    ----------
    fractions : tuple of float
        One a provider, in their order; they sum to one. Empty stands for a single provider.

    Examples
    --------
    >>> Fixed((0.6, 0.4)).weights((0,), None)
    array([[-0.6,  0.6],
           [-0.4,  0.4]])
    """

    fractions: tuple[float, ...] = (1.0,)
    name: str = "fixed"
    efficient: bool = True
    needs: Need = ""

    @classmethod
    def of(cls, providers: Sequence[str], fractions: Mapping[str, Any] | None = None, **terms: Any) -> Self:
        """Return the rule for fractions of named providers; whoever is not named has none."""
        refuse_others(terms)
        given = {name: Decimal(str(value)) for name, value in (fractions or {}).items()}
        places = positions(providers, given, "fractions")
        if sum(given.values(), Decimal(0)) != 1 or any(value < 0 for value in given.values()):
            raise refusal("ATTR-005", "the fractions are negative or do not sum to one")
        parts = [0.0] * len(providers)
        for place, value in zip(places, given.values(), strict=True):
            parts[place] = float(value)
        return cls(tuple(parts))

    @property
    def by_agreement(self) -> bool:
        """Whether the division is agreed, whatever the data say: it is."""
        return True

    def rows(self, players: int, members: Sequence[int]) -> Sequence[int]:
        """Return every provider: each is credited also from people it never served."""
        del members
        return range(players)

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return (1{b = a} − 1{b = ∅}) f_j for every provider, shape (K, 2^ℓ)."""
        del record
        return np.outer(self.fractions, GrandTotal().weights(members)[0])

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return f_j for every provider and every T, shape (K, n_subsets)."""
        del members, record
        return np.repeat(np.array(self.fractions)[:, None], len(subsets), axis=1)
