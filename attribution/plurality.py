"""Plurality (winner takes all): a person's whole gain to the provider that did most for that person.

Terms: ``ties``, how a tie is broken: ``equal`` shares among the tied, or ``contract_order``, the first named. Without a
declared way a tie is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule, refuse_others
from counterfoil.errors import refusal
from counterfoil.estimators.kernel import FloatArray, GrandTotal, Need


@dataclass(frozen=True, slots=True)
class Plurality(Rule):
    """Credit each person's whole gain to the largest dose.

    Parameters
    ----------
    ties : {"equal", "contract_order"} or None
        How a tie is broken; None refuses it.

    Examples
    --------
    >>> Plurality().weights((0, 1), np.array([[3.0, 1.0]]))
    array([[[-1.,  0.,  0.,  1.],
            [-0.,  0.,  0.,  0.]]])
    """

    ties: Literal["equal", "contract_order"] | None = None
    name: str = "plurality"
    efficient: bool = True
    needs: Need = "dose"

    @classmethod
    def of(cls, providers: Sequence[str], ties: Any = None, **terms: Any) -> Self:
        """Return the rule with a way to break ties."""
        del providers
        refuse_others(terms)
        if ties not in (None, "equal", "contract_order"):
            raise refusal("ATTR-005", "ties is neither equal nor contract_order")
        return cls(ties)

    def weights(self, members: Sequence[int], record: FloatArray | None) -> FloatArray:
        """Return (1{b = a} − 1{b = ∅}) for the winner, shape (n, ℓ, 2^ℓ)."""
        return np.asarray(self._winner(record)[:, :, None] * GrandTotal().weights(members)[0])

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None
    ) -> FloatArray:
        """Return 1 for the winner, whatever T, shape (n, ℓ, n_subsets)."""
        del members
        return np.repeat(self._winner(record)[:, :, None], len(subsets), axis=2)

    def _winner(self, record: FloatArray | None) -> FloatArray:
        if record is None:
            raise ValueError("plurality needs doses, shape (n, ell)")
        most = record == record.max(axis=1, keepdims=True)
        tied = most.sum(axis=1) > 1
        if tied.any() and self.ties is None:
            raise refusal("ATTR-006", f"{int(tied.sum())} people had as much from two providers or more")
        if self.ties == "contract_order":
            most &= np.cumsum(most, axis=1) == 1
        return np.asarray(most / most.sum(axis=1, keepdims=True))
