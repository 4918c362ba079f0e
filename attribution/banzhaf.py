"""Banzhaf: each provider's marginal contribution, averaged over all coalitions of a person's other providers alike.

The credits do not sum to the gain, so the rule is for screening and is refused for payment.
Source: Banzhaf (1965); Dubey and Shapley (1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.estimators.kernel import FloatArray, Need, members_of, membership, popcount


@dataclass(frozen=True, slots=True)
class Banzhaf(Rule):
    """Weigh every coalition of the others alike.

    Examples
    --------
    >>> Banzhaf().weights((0, 1), None)
    array([[-0.5,  0.5, -0.5,  0.5],
           [-0.5, -0.5,  0.5,  0.5]])
    """

    name: str = "banzhaf"
    efficient: bool = False
    needs: Need = ""

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return ±2^{−(ℓ−1)}, positive for j in b."""
        del record
        return np.where(membership(len(members)).T, 1.0, -1.0) / 2.0 ** (len(members) - 1)

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1/2^{|T|−1} for j in T."""
        del record
        return members_of(subsets, len(members)) / 2.0 ** (popcount(subsets) - 1)
