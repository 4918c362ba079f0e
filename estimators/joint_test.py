"""Joint test that all values of an estimate are zero (Wald 1943; small-sample form of Hotelling 1931)."""

from typing import Final, NamedTuple

import numpy as np
from scipy.special import chdtrc, fdtrc

from counterfoil.errors import refusal
from counterfoil.estimators.estimate import MANY, Estimate

SINGULAR: Final = 1e-8
"""Directions with less than this part of the largest eigenvalue of the correlations are known to be nothing."""


class JointTest(NamedTuple):
    """The quadratic form θ̂′Σ̂⁻θ̂, the number of directions tested, and the p-value."""

    statistic: float
    directions: int
    p_value: float


def joint_test(estimate: Estimate) -> JointTest:
    """Test that all values are zero together.

    With d degrees of freedom that clusters leave, or that are stated, and q directions, W·(d − q + 1)/(d·q) is referred to
    F(q, d − q + 1); else W is referred to chi-square.

    Raises
    ------
    EstimationError
        EST-015 when the values have no error, or there are too few clusters or degrees of freedom for a joint test.

    Examples
    --------
    >>> two = Estimate.published([2.0, 1.0], [1.0, 1.0], terms="ab", outcome="y", estimand="credit", people=9)
    >>> joint_test(two).directions, round(joint_test(two).p_value, 6)
    (2, 0.082085)
    """
    error = estimate.std_error
    used = error > 0
    if not used.any():
        raise refusal("EST-015", "no value has an error to be tested with", "estimator")
    scaled = estimate.values[used] / error[used]
    size, vectors = np.linalg.eigh(estimate.cov()[np.ix_(used, used)] / np.outer(error[used], error[used]))
    kept = size > SINGULAR * size[-1]
    directions = int(kept.sum())
    statistic = float(((scaled @ vectors[:, kept]) ** 2 / size[kept]).sum())
    clustered = estimate.clusters is not None
    df = estimate.df if clustered or estimate.degrees is not None else MANY
    # The sums of G clusters span G − 1 directions at most, so that a smaller rank is then no knowledge of the values.
    spanned = clustered and estimate.n_clusters - 1 == directions < len(estimate.terms)
    left = df - directions + 1
    if left <= 0 or spanned:
        what = f"{len(estimate.terms)} values cannot be tested together with {df:g} degrees of freedom"
        raise refusal("EST-015", what, "estimator")
    if df >= MANY:
        return JointTest(statistic, directions, float(chdtrc(directions, statistic)))
    return JointTest(statistic, directions, float(fdtrc(directions, left, statistic * left / (df * directions))))
