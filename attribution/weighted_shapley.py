"""Dose-weighted Shapley: every joint effect divided by how much each of its providers did for the person.

A larger dose also carries a larger part of negative joint effects (overlap), so that more effort can mean less credit.
Source: Shapley (1953, thesis); Kalai and Samet (1987).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.estimators.kernel import FloatArray, Need, members_of, popcount, weights_from_shares


@dataclass(frozen=True, slots=True)
class WeightedShapley(Rule):
    """Divide each joint effect in proportion to doses; equally where none of its providers has a dose.

    Examples
    --------
    >>> WeightedShapley().dividend_shares((0, 1), np.array([1, 3]), np.array([[3.0, 1.0]]))
    array([[[1.  , 0.75],
            [0.  , 0.25]]])
    """

    name: str = "weighted_shapley"
    efficient: bool = True
    needs: Need = "dose"

    def weights(self, members: Sequence[int], record: FloatArray | None) -> FloatArray:
        """Return Σ_{T ⊇ b, T ∋ j} (−1)^{|T|−|b|} w_j/w(T) for each person, shape (n, ℓ, 2^ℓ)."""
        return weights_from_shares(self.dividend_shares(members, np.arange(1, 1 << len(members)), record))

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None
    ) -> FloatArray:
        """Return w_j/w(T) for j in T, shape (n, ℓ, n_subsets)."""
        if record is None:
            raise ValueError("weighted_shapley needs doses, shape (n, ell)")
        inside = members_of(subsets, len(members)).astype(np.float64)
        parts = record[:, :, None] * inside
        whole = parts.sum(axis=1, keepdims=True)
        equal = np.broadcast_to(inside / popcount(subsets), parts.shape)
        return np.asarray(np.divide(parts, whole, out=equal.copy(), where=whole > 0))
