"""What a difference in means of clusters would be, had the lottery chosen other clusters (Fisher 1935).

Under an effect that is the same in every treated cluster, the difference under each choice is linear in that effect, so
that one set of choices tests every effect. Ties count as no less extreme.
"""

import itertools
import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.trials.means_of_clusters import Means

# Sums over the same clusters in another order differ by rounding, and are ties.
TIE: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Permutation:
    """Differences in means under ways to choose the treated clusters, and how each moves with the effect.

    ``levels`` and ``slopes`` (draws,) are linear in the null: the difference is ``levels − null · slopes``.
    """

    levels: FloatArray
    slopes: FloatArray
    value: float
    every: bool

    @classmethod
    def of(cls, means: Means, draws: int, seed: int) -> "Permutation":
        """Choose the treated clusters in every way, or in as many as are asked for."""
        size, treated = len(means.values), int(means.treated.sum())
        every = math.comb(size, treated) <= draws
        if every:
            chosen = np.array(list(itertools.combinations(range(size), treated)), dtype=np.intp)
        else:
            order = np.random.default_rng(seed).random((draws, size))
            chosen = np.argpartition(order, treated, axis=1)[:, :treated]
        side = np.full((len(chosen), size), -1.0 / (size - treated))
        np.put_along_axis(side, chosen, 1.0 / treated, axis=1)
        return cls(side @ means.values, side @ means.treated.astype(np.float64), means.value, every)

    def p_value(self, null: float) -> float:
        """Return the share of choices as extreme as the one made, if the effect were ``null`` in every treated cluster."""
        seen = abs(self.value - null)
        tolerance = TIE * (seen + np.abs(self.levels).max())
        count = int((np.abs(self.levels - null * self.slopes) >= seen - tolerance).sum())
        return count / len(self.levels) if self.every else (1 + count) / (1 + len(self.levels))
