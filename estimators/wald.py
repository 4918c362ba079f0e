"""Joint test that all values of an estimate are zero (Wald 1943; small-sample form of Hotelling 1931)."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2, f

from counterfoil.errors import refusal
from counterfoil.estimators.estimate import MANY, Estimate

SINGULAR = 1e-10
"""Directions with less than this fraction of the largest correlation eigenvalue carry no information."""


@dataclass(frozen=True, slots=True)
class Wald:
    """A joint test: the quadratic form θ̂′Σ̂⁻¹θ̂, the number of directions tested, and the p-value."""

    statistic: float
    directions: int
    p_value: float


def wald(estimate: Estimate) -> Wald:
    """Test that all values are zero together.

    With d degrees of freedom and q directions, W·(d − q + 1)/(d·q) is referred to F(q, d − q + 1); with unlimited
    degrees of freedom W is referred to chi-square.

    Raises
    ------
    IdentificationError
        IDENT-006 with as many directions as degrees of freedom, or more.
    EstimationError
        EST-001 when no value has an error.

    Examples
    --------
    >>> two = Estimate.published([0.2, 0.1], [0.1, 0.1], terms=["a", "b"], outcome="y", estimand="gain", people=99)
    >>> round(wald(two).p_value, 3)
    0.082
    """
    cov = estimate.cov()
    error = estimate.std_error
    used = error > 0
    if not used.any():
        raise refusal("EST-001", "no value has an error, so that nothing can be tested")
    scaled = estimate.values[used] / error[used]
    correlation = cov[np.ix_(used, used)] / np.outer(error[used], error[used])
    size, vectors = np.linalg.eigh(correlation)
    kept = size > SINGULAR * size.max(initial=0.0)
    directions = int(kept.sum())
    statistic = float((((scaled @ vectors[:, kept]) ** 2) / size[kept]).sum())
    left = estimate.df - directions + 1
    if left <= 0:
        raise refusal("IDENT-006", f"{directions} values cannot be tested with {estimate.df:g} degrees of freedom")
    if estimate.df > MANY:
        return Wald(statistic, directions, float(chi2.sf(statistic, directions)))
    ratio = statistic * left / (estimate.df * directions)
    return Wald(statistic, directions, float(f.sf(ratio, directions, left)))
