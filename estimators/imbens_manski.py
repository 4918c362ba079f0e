"""Confidence intervals for a credit of which only bounds are identified.

The interval [low − c·se_low, high + c·se_high] covers the credit itself, wherever it lies between the bounds, with the
stated probability; it need not cover both bounds at once. c falls from the two-sided to the one-sided critical value as
the bounds move apart. Source: Imbens and Manski (2004), *Confidence intervals for partially identified parameters*,
equation 7; Stoye (2009) for when it is uniform.
"""

import math

from scipy.optimize import brentq
from scipy.special import stdtr, stdtrit

from counterfoil.estimators.estimate import MANY


def imbens_manski(width: float, error: float, conf_level: float = 0.95, df: float = math.inf) -> float:
    """Return c solving F(c + width / error) − F(−c) = conf_level, F the t distribution; normal when df is infinite.

    Parameters
    ----------
    width : float
        Upper less lower bound; not negative.
    error : float
        The larger standard error of the two bounds.
    conf_level : float
    df : float
        Degrees of freedom.

    Examples
    --------
    >>> round(imbens_manski(0.0, 1.0), 3), round(imbens_manski(9.0, 1.0), 3), round(imbens_manski(1.0, 1.0), 3)
    (1.96, 1.645, 1.681)
    """
    if width < 0 or not 0 < conf_level < 1:
        raise ValueError("a width is not negative, and a confidence level lies between 0 and 1")
    df = min(df, MANY)
    if error <= 0:
        return float(stdtrit(df, conf_level))
    ends = stdtrit(df, conf_level), stdtrit(df, (1 + conf_level) / 2)
    gap = width / error

    def excess(c: float) -> float:
        return float(stdtr(df, c + gap) - stdtr(df, -c)) - conf_level

    if excess(ends[0]) >= 0:
        return float(ends[0])
    return float(ends[1] if excess(ends[1]) <= 0 else brentq(excess, *ends, xtol=1e-12))
