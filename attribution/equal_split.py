"""Equal split: a person's whole gain, divided equally among all who served that person.

A rule of rosters: it asks only what the person would have been without any service, and credits a provider that
changed nothing as much as one that changed everything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.estimators.kernel import FloatArray, GrandTotal, Need


@dataclass(frozen=True, slots=True)
class EqualSplit(Rule):
    """Divide each person's gain equally among the providers that served that person.

    Examples
    --------
    >>> EqualSplit().weights((0, 1), None)
    array([[-0.5,  0. ,  0. ,  0.5],
           [-0.5,  0. ,  0. ,  0.5]])
    """

    name: str = "equal_split"
    efficient: bool = True
    needs: Need = ""

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return (1{b = a} − 1{b = ∅})/ℓ."""
        del record
        return np.repeat(GrandTotal().weights(members) / len(members), len(members), axis=0)

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return 1/ℓ for every member, in T or not."""
        del record
        return np.full((len(members), len(subsets)), 1 / len(members))
