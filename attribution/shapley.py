"""Shapley: each provider's average marginal contribution over all orders in which a person's providers could arrive.

Source: Shapley (1953), *A value for n-person games*. Kernel and dividend form: Harsanyi (1959).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.estimators.kernel import FloatArray, Need, members_of, membership, popcount


@dataclass(frozen=True, slots=True)
class Shapley(Rule):
    """Divide every joint effect equally among the providers that it takes.

    Examples
    --------
    >>> Shapley().weights((0, 1), None)
    array([[-0.5,  0.5, -0.5,  0.5],
           [-0.5, -0.5,  0.5,  0.5]])
    """

    name: str = "shapley"
    efficient: bool = True
    needs: Need = ""

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return (|b|−1)!(ℓ−|b|)!/ℓ! for j in b and −|b|!(ℓ−|b|−1)!/ℓ! for j outside b."""
        del record
        ell = len(members)
        inside = membership(ell).T
        size = popcount(np.arange(1 << ell))
        joining = np.array([0.0] + [factorial(b - 1) * factorial(ell - b) / factorial(ell) for b in range(1, ell + 1)])
        leaving = np.array([factorial(b) * factorial(ell - b - 1) / factorial(ell) for b in range(ell)] + [0.0])
        return np.where(inside, joining[size], -leaving[size])

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1/|T| for j in T."""
        del record
        inside = members_of(subsets, len(members))
        return inside / popcount(subsets)
