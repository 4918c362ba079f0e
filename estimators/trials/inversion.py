"""Confidence sets by turning a test round: the nulls that it does not reject (Lehmann and Romano 2005, section 3.5)."""

import math
from collections.abc import Callable
from typing import Final

FAR: Final = 1e5
"""Standard errors from the value beyond which a set counts as unbounded."""
STEPS: Final = 45
"""Halvings of an interval, which place an end within 1e-9 of a standard error of where the p-value crosses."""


def confidence_set(
    p_value: Callable[[float], float], value: float, error: float, conf_level: float
) -> tuple[float, float]:
    """Return the ends of the set of nulls whose p-value is above ``1 − conf_level``; infinite where it has no end.

    Parameters
    ----------
    p_value : callable
        From a null hypothesis to its p-value; 1 at the value.
    value, error : float
        Where to search from, and in which steps; the error is above nothing.
    conf_level : float

    Examples
    --------
    >>> from scipy.special import ndtr
    >>> low, high = confidence_set(lambda null: 2 * float(ndtr(-abs(3.0 - null))), 3.0, 1.0, 0.95)
    >>> round(low, 3), round(high, 3)
    (1.04, 4.96)
    """
    low, high = (confidence_end(p_value, value, error, conf_level, side) for side in (-1, 1))
    return low, high


def confidence_end(
    p_value: Callable[[float], float], value: float, error: float, conf_level: float, side: int
) -> float:
    """Return the end of the set below (−1) or above (1) the value; see `confidence_set`."""
    # A p-value of exactly 1 - 0.95 may be a float on either side of it.
    limit = (1.0 - conf_level) * (1.0 + 1e-9)
    inside, step = value, error
    while p_value(value + side * step) > limit:
        inside, step = value + side * step, 2.0 * step
        if step > FAR * error:
            return side * math.inf
    outside = value + side * step
    for _ in range(STEPS):
        middle = (inside + outside) / 2.0
        inside, outside = (middle, outside) if p_value(middle) > limit else (inside, middle)
    return outside
