"""Covariance of estimates from their influence values, with named corrections.

An estimate has ``θ̂ − θ ≈ mean(influence)``. Its influence is ``spread + α·e``: a part that varies between people
whatever their residual, and a part proportional to the residual e. Corrections for leverage h act on the second.

=========  ==================================================================  ==========================
name       scores                                                              factor
=========  ==================================================================  ==========================
classical  the textbook covariance, equal error variance for everybody         n / (n − k) in the variance
HC0        influence                                                           1
HC1        influence                                                           n / (n − k)
HC2        residual part / √(1 − h)                                            1
HC3        residual part / (1 − h)                                             1
CR0        influence, summed by cluster                                        1
CR1        influence, summed by cluster                                        G/(G−1) · (n−1)/(n−k)
CR2        residual part by (I − H_gg)^{−1/2}, summed by cluster               1; see ``bias_reduced``
=========  ==================================================================  ==========================

n people, k fitted mean parameters, G clusters. Sources: MacKinnon and White (1985) for HC0 to HC3; Liang and Zeger
(1986) for CR0.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
ErrorType = Literal["classical", "HC0", "HC1", "HC2", "HC3", "CR0", "CR1", "CR2"]

BY_PERSON: Final[tuple[ErrorType, ...]] = ("classical", "HC0", "HC1", "HC2", "HC3")
BY_CLUSTER: Final[tuple[ErrorType, ...]] = ("CR0", "CR1", "CR2")
LEVERAGE_POWER: Final[dict[str, float]] = {"HC2": 0.5, "HC3": 1.0}


def factor(error_type: str, n: int, parameters: int, clusters: int) -> float:
    """Return the finite-sample factor of an error type."""
    if error_type == "HC1":
        return n / (n - parameters)
    if error_type == "CR1":
        return clusters / (clusters - 1) * (n - 1) / (n - parameters)
    return 1.0


def adjust_scores(influence: FloatArray, spread: FloatArray | None, leverage: FloatArray, power: float) -> FloatArray:
    """Divide the residual part of the influence, shape (n, k), by ``(1 − leverage) ** power``."""
    weight = (1.0 - leverage) ** -power
    if spread is None:
        return influence * weight[:, None]
    return spread + (influence - spread) * weight[:, None]


# A person who alone determines a coefficient; 1 - h is then rounding error.
LEVERAGE_ONE: Final = 1.0 - 1e-9


def leverage_that_matters(leverage: FloatArray, riesz: FloatArray) -> FloatArray:
    """Return leverages (n,), zero for people who have no weight in any of the values.

    Somebody who alone determines a coefficient has no residual, so that no robust error sees what that person adds;
    that matters only where ``riesz`` (n, k), the weight in the values, is not zero.
    """
    weight = np.abs(riesz).max(axis=1)
    return np.where(weight > 1e-9 * weight.max(initial=0.0), leverage, 0.0)


def cluster_sums(values: FloatArray, clusters: NDArray[np.intp], n_clusters: int) -> FloatArray:
    """Return sums by cluster, shape (G, ...), of values (n, ...)."""
    sums = np.zeros((n_clusters, *values.shape[1:]))
    np.add.at(sums, clusters, values)
    return sums


def sandwich(scores: FloatArray, clusters: NDArray[np.intp] | None) -> FloatArray:
    """Return ``n⁻² Σ_g (Σ_{i∈g} score_i)(Σ_{i∈g} score_i)′``, shape (k, k); each person its own cluster when None."""
    n = len(scores)
    if clusters is not None:
        scores = cluster_sums(scores, clusters, int(clusters.max()) + 1)
    return np.asarray(scores.T @ scores / n**2)
