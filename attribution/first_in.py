"""First in ("stand-alone"): what this provider alone would have added to nothing.

The credits sum to less than the gain where providers reinforce each other and to more where they overlap, so the rule
is for reporting and is refused for payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.estimators.kernel import FloatArray, Need, members_of, popcount


@dataclass(frozen=True, slots=True)
class FirstIn(Rule):
    """Credit each provider with its own effect and with no joint effect.

    Examples
    --------
    >>> FirstIn().weights((0, 1), None)
    array([[-1.,  1.,  0.,  0.],
           [-1.,  0.,  1.,  0.]])
    """

    name: str = "first_in"
    efficient: bool = False
    needs: Need = ""

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return 1{b = {j}} − 1{b = ∅}."""
        del record
        ell = len(members)
        table = np.zeros((ell, 1 << ell))
        table[:, 0] = -1.0
        table[np.arange(ell), 1 << np.arange(ell)] = 1.0
        return table

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1 for T = {j}."""
        del record
        return np.asarray(members_of(subsets, len(members)) * (popcount(subsets) == 1.0), dtype=np.float64)
