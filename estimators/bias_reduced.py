"""Bias-reduced errors by cluster (CR2) and their degrees of freedom, for values that are linear in the outcome.

Residuals of a cluster are multiplied by (I − H_gg)^{−1/2}, which makes the covariance unbiased when errors are alike and
independent; the degrees of freedom are those of the scaled chi-square with the same mean and variance (Satterthwaite).
Sources: Bell and McCaffrey (2002); Pustejovsky and Tipton (2018), Journal of Business & Economic Statistics 36(4).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray

# A direction that a cluster determines alone has no residual; it is left out, as a generalized inverse does.
ALONE: Final = 1e-10


def bias_reduced(
    design: FloatArray, bread: FloatArray, clusters: NDArray[np.intp], residuals: FloatArray, riesz: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return CR2 influence values (n, k) and degrees of freedom (k,).

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Independent columns; rows scaled by the root of observation weights.
    bread : ndarray, shape (p, p)
        ``(X′X)⁻¹`` of the design.
    clusters : ndarray of int, shape (n,)
        Codes 0..G-1.
    residuals : ndarray, shape (n,)
        Of the scaled regression.
    riesz : ndarray, shape (n, k)
        Weights of the scaled residuals: ``riesz * residuals`` is the influence of each value.
    """
    root = np.linalg.cholesky(bread)
    order = np.argsort(clusters, kind="stable")
    bounds = np.cumsum(np.bincount(clusters))[:-1]
    influence = np.empty_like(riesz)
    size = np.zeros((len(bounds) + 1, riesz.shape[1]))
    reach = np.zeros((len(bounds) + 1, design.shape[1], riesz.shape[1]))
    for g, people in enumerate(np.split(order, bounds)):
        left, singular, _ = np.linalg.svd(design[people] @ root, full_matrices=False)
        free = 1.0 - singular**2
        stretch = np.where(free > ALONE, 1.0 / np.sqrt(np.maximum(free, ALONE)), 0.0) - 1.0
        reduced = residuals[people] + left @ (stretch * (left.T @ residuals[people]))
        weight = riesz[people] + left @ (stretch[:, None] * (left.T @ riesz[people]))
        influence[people] = riesz[people] * reduced[:, None]
        size[g] = (weight**2).sum(axis=0)
        reach[g] = design[people].T @ weight
    # With B = diag(size) − Z (X′X)⁻¹ Z′, degrees of freedom are tr(B)² / ‖B‖².
    df = np.empty(riesz.shape[1])
    for j in range(riesz.shape[1]):
        z = reach[:, :, j]
        own = np.einsum("gp,pq,gq->g", z, bread, z)
        square = bread @ (z.T @ z)
        norm = (size[:, j] ** 2).sum() - 2.0 * (size[:, j] * own).sum() + np.trace(square @ square)
        df[j] = (size[:, j].sum() - own.sum()) ** 2 / norm if norm > 0 else 1.0
    return influence, df
