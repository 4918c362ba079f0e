"""Confidence sets for a ratio whose denominator may be zero (Fieller 1954)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class FiellerSet:
    """Values of a share that the data do not reject.

    ``bounded`` is True when the set is the interval [low, high]; otherwise it is unbounded (the denominator cannot be
    told from zero), low and high are infinite, and no share should be shown. ``value`` is the plain ratio.
    """

    value: float
    low: float
    high: float
    bounded: bool


def fieller(
    part: float, total: float, variance: float, covariance: float, total_variance: float, critical: float
) -> FiellerSet:
    """Return {s : (part − s·total)² ≤ critical² · Var(part − s·total)}.

    Parameters
    ----------
    part, total : float
        Numerator and denominator.
    variance, covariance, total_variance : float
        Of the two estimates.
    critical : float
        Two-sided critical value, such as t_{.975, G−1}.

    References
    ----------
    Fieller (1954), *Some problems in interval estimation*, JRSS B 16(2), 175-185.

    Examples
    --------
    >>> fieller(1.0, 2.0, 0.01, 0.0, 0.01, 1.96).bounded
    True
    >>> fieller(0.1, 0.1, 1.0, 0.0, 1.0, 1.96).bounded
    False
    """
    f2 = total**2 - critical**2 * total_variance
    f1 = part * total - critical**2 * covariance
    f0 = part**2 - critical**2 * variance
    if f2 <= 0:
        return FiellerSet(part / total if total else np.nan, -np.inf, np.inf, False)
    root = np.sqrt(max(f1**2 - f2 * f0, 0.0))
    return FiellerSet(part / total, float((f1 - root) / f2), float((f1 + root) / f2), True)
