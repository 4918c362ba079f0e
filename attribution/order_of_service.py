"""Order of service: each provider is credited with what it added to those that served the person before it.

Providers that began on the same day are one stage and share it as under Shapley. The order is each person's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.attribution.stages import stage_shares, stage_weights
from counterfoil.estimators.kernel import FloatArray, Need


@dataclass(frozen=True, slots=True)
class OrderOfService(Rule):
    """Follow the days on which each person's providers began.

    Examples
    --------
    >>> OrderOfService().weights((0, 1), np.array([[19_700.0, 19_650.0]]))
    array([[[ 0.,  0., -1.,  1.],
            [-1.,  0.,  1.,  0.]]])
    """

    name: str = "order_of_service"
    efficient: bool = True
    needs: Need = "start"

    def weights(self, members: Sequence[int], record: FloatArray | None) -> FloatArray:
        """Return 1{b = pre ∪ j} − 1{b = pre} for each person, shape (n, ℓ, 2^ℓ)."""
        orders, which = _orders(members, record)
        return np.array([stage_weights(order) for order in orders])[which]

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None
    ) -> FloatArray:
        """Return 1 for the last of T to begin, shape (n, ℓ, n_subsets)."""
        orders, which = _orders(members, record)
        return np.array([stage_shares(order, subsets) for order in orders])[which]


def _orders(members: Sequence[int], record: FloatArray | None) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the distinct orders in which people's providers began (m, ℓ), and each person's (n,)."""
    if record is None:
        raise ValueError("order_of_service needs start days, shape (n, ell)")
    ranks = (record[:, :, None] > record[:, None, :]).sum(axis=2)  # how many began earlier; the same day is a tie
    orders, which = np.unique(ranks, axis=0, return_inverse=True)
    return orders.reshape(-1, len(members)), which.reshape(-1)
