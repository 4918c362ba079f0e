"""Stage-respecting: stages come in an agreed order, the same for everybody; inside a stage, Shapley.

Terms: ``stages``, a list of lists of providers, earlier stages first; whoever is in none comes last, alone.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.rule import Rule, partition, refuse_others
from counterfoil.attribution.stages import stage_shares, stage_weights
from counterfoil.estimators.kernel import FloatArray, Need


@dataclass(frozen=True, slots=True)
class StageRespecting(Rule):
    """Credit earlier stages first.

    Parameters
    ----------
    stages : tuple of tuples of int
        Positions of providers, earlier stages first; all in one stage when empty.

    Examples
    --------
    >>> StageRespecting.of(["a", "b"], stages=[["b"], ["a"]]).weights((0, 1), None)
    array([[ 0.,  0., -1.,  1.],
           [-1.,  0.,  1.,  0.]])
    """

    stages: tuple[tuple[int, ...], ...] = ()
    name: str = "stage_respecting"
    efficient: bool = True
    needs: Need = ""

    @classmethod
    def of(cls, providers: Sequence[str], stages: Iterable[Iterable[str]] = (), **terms: Any) -> Self:
        """Return the rule for stages of named providers."""
        refuse_others(terms)
        return cls(partition(providers, stages, "stages"))

    def alike(self, members: Sequence[int]) -> Hashable:
        """Return how the members fall into stages."""
        return tuple(np.unique(self._stage(members), return_inverse=True)[1].tolist())

    def weights(self, members: Sequence[int], record: FloatArray | None = None) -> FloatArray:
        """Return the Shapley weights inside j's stage, with all earlier stages there and all later ones away."""
        del record
        return stage_weights(self._stage(members))

    def dividend_shares(
        self, members: Sequence[int], subsets: NDArray[np.intp], record: FloatArray | None = None
    ) -> FloatArray:
        """Return an equal part for the members of T in T's last stage."""
        del record
        return stage_shares(self._stage(members), subsets)

    def _stage(self, members: Sequence[int]) -> NDArray[np.intp]:
        level = {position: number for number, stage in enumerate(self.stages) for position in stage}
        return np.array([level.get(member, len(self.stages)) for member in members], dtype=np.intp)
