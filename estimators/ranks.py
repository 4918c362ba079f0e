"""Ranks of providers with the ranks that the data do not exclude.

Intervals for all differences between credits that hold together decide which providers are certainly better than which.
A provider's best possible rank is one more than the number certainly better than it, its worst possible rank K less the
number certainly worse; all these sets hold together with the confidence level.

Source: Mogstad, Romano, Shaikh and Wilhelm (2024), *Inference for ranks with applications to mobility across
neighbourhoods and academic achievement across countries*, Review of Economic Studies 91.
"""

from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.estimators.bands import DRAWS, STREAM
from counterfoil.estimators.estimate import Estimate

FloatArray = NDArray[np.float64]


def pairwise_critical(covariance: FloatArray, df: float, conf_level: float) -> float:
    """Return the critical value under which the intervals of all pairwise differences hold together.

    The quantile of max |d_j − d_k| / se_jk for d with a covariance (K, K), from the fixed stream of the bands; drawn K at a
    time, so that a hundred providers need no covariance of five thousand differences.

    Examples
    --------
    >>> round(pairwise_critical(np.eye(3), 1e9, 0.95), 1)  # Tukey's studentized range: 3.31 / root 2
    2.3
    """
    size = len(covariance)
    values, vectors = np.linalg.eigh(covariance)
    rng = np.random.default_rng(STREAM)
    drawn = rng.standard_normal((DRAWS, size)) @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    error = difference_errors(covariance)
    largest = np.zeros(DRAWS)
    for j in range(size - 1):
        varying = error[j, j + 1 :] > 0
        apart = np.abs(drawn[:, [j]] - drawn[:, j + 1 :][:, varying]) / error[j, j + 1 :][varying]
        np.maximum(largest, apart.max(axis=1, initial=0.0), out=largest)
    if np.isfinite(df) and df < 1e6:
        largest /= np.sqrt(rng.chisquare(df, DRAWS) / df)
    return float(np.quantile(largest, conf_level))


def difference_errors(covariance: FloatArray) -> FloatArray:
    """Return the standard errors of all pairwise differences, shape (K, K); rounding of twins is taken for none."""
    own = np.diagonal(covariance)
    variance = own[:, None] + own[None, :] - 2.0 * covariance
    return np.sqrt(np.where(variance > 1e-12 * np.maximum(own[:, None], own[None, :]), variance, 0.0))


def rank_sets(credits: Estimate, better: Literal["higher", "lower"], conf_level: float = 0.95) -> pd.DataFrame:
    """Return each provider's rank, 1 the best, and the ranks that the data do not exclude.

    Parameters
    ----------
    credits : Estimate
        Credits of two or more providers, with their joint covariance.
    better : {"higher", "lower"}
        Which direction of the outcome is a gain.
    conf_level : float
        Chance with which all sets hold the true ranks together.

    Returns
    -------
    DataFrame
        Columns provider, rank, rank_low, rank_high, in the order of the estimate; equal credits share the better rank.

    Examples
    --------
    >>> credits = Estimate.published(
    ...     [0.9, 0.1, 0.12], [0.05, 0.05, 0.05], terms=["a", "b", "c"], outcome="y", estimand="credit", people=500
    ... )
    >>> rank_sets(credits, "higher").to_numpy().tolist()
    [['a', 1, 1, 1], ['b', 3, 2, 3], ['c', 2, 2, 3]]
    """
    if better not in ("higher", "lower"):
        raise ValueError(f"better is 'higher' or 'lower', not {better!r}")
    if len(credits.terms) < 2:
        raise ValueError("a rank needs two or more providers")
    values = credits.values if better == "higher" else -credits.values
    covariance = credits.cov()
    # Without an error a difference is known, but for the digits that its two values have.
    half = pairwise_critical(covariance, credits.df, conf_level) * difference_errors(covariance)
    half = np.maximum(half, 1e-12 * np.abs(values).max())
    ahead = values[:, None] - values[None, :]
    worse_than = (ahead < -half).sum(axis=1)
    better_than = (ahead > half).sum(axis=1)
    return pd.DataFrame(
        {
            "provider": credits.terms,
            "rank": (ahead < 0).sum(axis=1) + 1,
            "rank_low": worse_than + 1,
            "rank_high": len(values) - better_than,
        }
    )
