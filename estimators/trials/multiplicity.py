"""Several outcomes or arms at once: how clear each effect is, given how many were looked at.

Romano-Wolf p-values keep the chance of any false finding at the level, and use how the values move together: they step
down from the clearest, comparing each with the largest of those not yet decided, in draws in which there is nothing to
find. A draw multiplies each person's (or cluster's) influence on all values by one random sign, and each statistic is
divided by the draw's own error. Values without people, such as published ones, are drawn from t with their covariance.
Holm's p-values do the same without knowing how values move together; sharpened q-values bound the share of false
findings among the findings instead.

Sources: Romano and Wolf (2005), *Stepwise multiple testing as formalized data snooping*, Econometrica 73(4), 1237-1282;
(2016), *Efficient computation of adjusted p-values for resampling-based stepdown multiple testing*, Statistics &
Probability Letters 113, 38-40; Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.
"""

from typing import Final

import numpy as np
import pandas as pd

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray, cluster_sums
from counterfoil.estimators.estimate import MANY, Estimate
from counterfoil.estimators.trials.sharpened_q import sharpened_q

AT_ONCE: Final = 4_000_000
"""Random signs that are held at a time."""


def adjusted(estimate: Estimate, seed: int, draws: int = 9_999) -> pd.DataFrame:
    """Return p-values of all values of an estimate, adjusted for their number.

    Parameters
    ----------
    estimate : Estimate
        Of several outcomes, arms or subgroups; `stack` joins separate ones.
    seed : int
    draws : int

    Returns
    -------
    DataFrame
        A row a value: outcome, term, estimate, std_error, statistic, p_value (as `Estimate.tidy` has it),
        p_romano_wolf, p_holm, q_value.

    Raises
    ------
    EstimationError
        EST-018 for a value without an error, EST-015 for one that is known exactly.

    Examples
    --------
    >>> both = Estimate.published([2.0, 2.5, 0.1], [1.0, 1.0, 1.0], terms="abc", outcome="y", estimand="gain", people=99)
    >>> adjusted(both, seed=1)[["p_value", "p_holm", "q_value"]].round(3).to_numpy().tolist()
    [[0.046, 0.091, 0.048], [0.012, 0.037, 0.039], [0.92, 0.92, 0.443]]
    """
    error = estimate.std_error
    if (error <= 0).any():
        raise refusal("EST-015", f"{int((error <= 0).sum())} values have no error to be tested with", "estimator")
    table = estimate.tidy().drop(columns=["conf_low", "conf_high"])
    statistic = np.abs(estimate.values / error)
    p_values = table["p_value"].to_numpy()
    return table.assign(
        p_romano_wolf=step_down(statistic, null_statistics(estimate, draws, seed)),
        p_holm=holm(p_values),
        q_value=sharpened_q(p_values),
    )


def null_statistics(estimate: Estimate, draws: int, seed: int) -> FloatArray:
    """Return absolute t-statistics as they would be if every true value were zero, shape (draws, k)."""
    rng = np.random.default_rng(seed)
    if estimate.influence is None or estimate.error_type == "classical":
        return _from_covariance(estimate, draws, rng)
    scores = estimate.scores()
    if estimate.clusters is not None:
        scores = cluster_sums(scores, estimate.clusters, estimate.n_clusters)
    groups = len(scores)
    squares = (scores**2).sum(axis=0)
    found = []
    for first in range(0, draws, size := max(1, AT_ONCE // groups)):
        signs = rng.integers(0, 2, (min(size, draws - first), groups), dtype=np.int8) * 2.0 - 1.0
        sums = signs @ scores
        # The draw's own error: its squares are the data's, its mean is its own.
        spread = np.maximum(squares - sums**2 / groups, np.finfo(float).tiny) * groups / (groups - 1)
        found.append(np.abs(sums) / np.sqrt(spread))
    return np.concatenate(found)


def _from_covariance(estimate: Estimate, draws: int, rng: np.random.Generator) -> FloatArray:
    error = estimate.std_error
    values, vectors = np.linalg.eigh(estimate.cov() / np.outer(error, error))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = np.abs(rng.standard_normal((draws, len(error))) @ root.T)
    if estimate.df < MANY:
        drawn /= np.sqrt(rng.chisquare(estimate.df, draws) / estimate.df)[:, None]
    return np.asarray(drawn)


def step_down(statistic: FloatArray, null: FloatArray) -> FloatArray:
    """Return Romano-Wolf p-values, shape (k,).

    Parameters
    ----------
    statistic : ndarray, shape (k,)
        Absolute t-statistics.
    null : ndarray, shape (draws, k)
        The same in draws without any effect.

    Examples
    --------
    >>> step_down(np.array([3.0, 1.0]), np.array([[0.5, 3.5], [1.5, 0.2], [0.1, 0.3]]))
    array([0.5, 0.5])
    """
    order = np.argsort(-statistic, kind="stable")
    largest = np.maximum.accumulate(null[:, order[::-1]], axis=1)[:, ::-1]
    # A draw that repeats the data has the same statistic up to rounding.
    share = (1 + (largest >= statistic[order] * (1.0 - 1e-9)).sum(axis=0)) / (1 + len(null))
    p_values = np.empty(len(statistic))
    p_values[order] = np.maximum.accumulate(share)
    return p_values


def holm(p_values: FloatArray) -> FloatArray:
    """Return Holm's p-values, shape (m,).

    Examples
    --------
    >>> holm(np.array([0.04, 0.01, 0.03]))
    array([0.06, 0.03, 0.06])
    """
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    found = np.empty(m)
    found[order] = np.minimum(np.maximum.accumulate(p_values[order] * (m - np.arange(m))), 1.0)
    return found
