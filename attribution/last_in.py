"""Last in ("but for"): what would be lost if this provider alone had been absent.

The credits sum to more than the gain where providers reinforce each other and to less where they overlap, so the rule
is for reporting and is refused for payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.estimators.kernel import FloatArray, Need, members_of


@dataclass(frozen=True, slots=True)
class LastIn(Rule):
    """Credit each provider with every joint effect that it is part of, in full.

    Examples
    --------
    >>> LastIn().weights((0, 1), None)
    array([[ 0.,  0., -1.,  1.],
           [ 0., -1.,  0.,  1.]])
    """

    name: str = "last_in"
    efficient: bool = False
    needs: Need = ""

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return 1{b = a} − 1{b = a without j}."""
        del record
        ell = len(members)
        table = np.zeros((ell, 1 << ell))
        table[:, -1] = 1.0
        table[np.arange(ell), (1 << ell) - 1 - (1 << np.arange(ell))] = -1.0
        return table

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1 for j in T."""
        del record
        return members_of(subsets, len(members)).astype(np.float64)
