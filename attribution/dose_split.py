"""Dose split: a person's whole gain, divided by how much each provider did for that person.

A rule of rosters, like the equal split; where nobody's dose is recorded for a person the shares are equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule
from counterfoil.estimators.kernel import FloatArray, GrandTotal, Need


@dataclass(frozen=True, slots=True)
class DoseSplit(Rule):
    """Divide each person's gain in proportion to the doses that the person received.

    Examples
    --------
    >>> import numpy as np
    >>> DoseSplit().weights((0, 1), np.array([[3.0, 1.0]]))
    array([[[-0.75,  0.  ,  0.  ,  0.75],
            [-0.25,  0.  ,  0.  ,  0.25]]])
    """

    name: str = "dose_split"
    efficient: bool = True
    needs: Need = "dose"

    def weights(self, members: Sequence[int], record: FloatArray | None) -> FloatArray:
        """Return (1{b = a} − 1{b = ∅}) w_j / Σ_k w_k for each person, shape (n, ℓ, 2^ℓ)."""
        return np.asarray(fractions(members, record)[:, :, None] * GrandTotal().weights(members)[0])

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None
    ) -> FloatArray:
        """Return w_j / Σ_k w_k for every member, in T or not, shape (n, ℓ, n_subsets)."""
        return np.repeat(fractions(members, record)[:, :, None], len(subsets), axis=2)


def fractions(members: Sequence[int], record: FloatArray | None) -> FloatArray:
    """Return each person's doses as fractions of their sum, shape (n, ℓ); equal where nothing is recorded."""
    if record is None:
        raise ValueError("the rule needs doses, shape (n, ell)")
    total = record.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(record, total, out=np.full(record.shape, 1 / len(members)), where=total > 0))
