"""What a difference in means of clusters would be by chance, from how the clusters that were not treated vary.

With one treated cluster the error of its effect is that cluster's own, of which only the others can tell; larger clusters
vary less. Residuals are drawn with the null imposed, standardized by a variance of a + b / size, and scaled to the size of
the cluster they stand in for. Sources: Conley and Taber (2011), *Inference with "difference in differences" with a small
number of policy changes*, Review of Economics and Statistics 93(1), 113-125; Ferman and Pinto (2019), *Inference in
differences-in-differences with few treated groups and heteroskedasticity*, Review of Economics and Statistics 101(3),
452-467.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.trials.means_of_clusters import Means

# Sums over the same clusters in another order differ by rounding, and are ties.
TIE: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Residuals:
    """Cluster residuals drawn with replacement, each scaled to the size of the cluster it stands in for.

    Residuals are those under the null, so that the treated clusters' own are among what is drawn.
    """

    means: Means
    chosen: NDArray[np.intp]

    @classmethod
    def of(cls, means: Means, draws: int, seed: int) -> "Residuals":
        """Draw whose residual stands in for whose."""
        size = len(means.values)
        return cls(means, np.random.default_rng(seed).integers(0, size, (draws, size)))

    def p_value(self, null: float) -> float:
        """Return the share of draws as far from nothing as the value is from the null."""
        values, treated = self.means.values - null * self.means.treated, self.means.treated
        residuals = values - values.mean()
        spread = np.sqrt(variance_by_size(residuals, self.means.sizes))
        standard = np.divide(residuals, spread, out=np.zeros_like(residuals), where=spread > 0)
        # Deviations from a mean of G are smaller than the errors themselves.
        drawn = standard[self.chosen] * spread * math.sqrt(len(values) / (len(values) - 1))
        differences = drawn[:, treated].mean(axis=1) - drawn[:, ~treated].mean(axis=1)
        seen = abs(self.means.value - null)
        return (1 + int((np.abs(differences) >= seen * (1.0 - TIE)).sum())) / (1 + len(differences))


def variance_by_size(residuals: FloatArray, sizes: FloatArray) -> FloatArray:
    """Return ``a + b / size`` for each cluster, a and b not negative, fitted to squared residuals (G,).

    Examples
    --------
    >>> variance_by_size(np.array([2.0, -2.0, 1.0, -1.0]), np.array([5.0, 5.0, 20.0, 20.0])).round(6)
    array([4., 4., 1., 1.])
    """
    from scipy.optimize import nnls

    squares = residuals**2
    inverse = 1.0 / sizes
    if np.ptp(inverse) <= 1e-9 * inverse.max():
        return np.full(len(squares), squares.mean())
    scaled = np.column_stack([np.ones(len(squares)), inverse / inverse.max()])
    coefficients, _ = nnls(scaled, squares)
    return np.asarray(scaled @ coefficients, dtype=np.float64)
