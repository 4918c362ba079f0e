"""Sharpened q-values: the smallest false discovery rate at which each hypothesis is rejected.

Two stages: the step-up procedure of Benjamini and Hochberg at q/(1 + q) says how many hypotheses are true at most, and a
second pass uses that number. Sources: Benjamini, Krieger and Yekutieli (2006), *Adaptive linear step-up procedures that
control the false discovery rate*, Biometrika 93(3), 491-507; Anderson (2008), *Multiple inference and
gender differences in the effects of early intervention*, Journal of the American Statistical Association 103(484),
1481-1495, who searches q on a grid of thousandths where this solves for it.
"""

import numpy as np

from counterfoil.estimators.covariance import FloatArray


def sharpened_q(p_values: FloatArray) -> FloatArray:
    """Return the sharpened q-value of each p-value, shape (m,); at most 1, and at times below the p-value itself.

    Examples
    --------
    >>> sharpened_q(np.array([0.01, 0.02, 0.03, 0.5])).round(4)
    array([0.0417, 0.0417, 0.0417, 0.1429])
    """
    p_values = np.asarray(p_values, dtype=np.float64)
    m = len(p_values)
    order = np.argsort(p_values, kind="stable")
    # The level from which the step-up procedure rejects each, in order of p-values.
    level = np.minimum.accumulate((p_values[order] * m / np.arange(1, m + 1))[::-1])[::-1]
    first = np.concatenate([[0.0], level])
    # With r rejected in the first stage, the second works at m / (m - r) times the level, or rejects all.
    needed = np.maximum(first, level[:, None] * (m - np.arange(m + 1)) / m).min(axis=1)
    q_values = np.empty(m)
    q_values[order] = np.where(needed < 0.5, needed / np.maximum(1.0 - needed, 0.5), 1.0)
    return q_values
