"""How alike two groups are in columns of numbers, before and after weighting: under any weights.

Per column: means, the difference in standard deviations of a group before weighting, the ratio of variances, the largest gap
between the two weighted distribution functions (Kolmogorov–Smirnov), and the share that the two distributions have in common.

Sources: Imbens and Rubin (2015), chapter 14, and Austin (2009), Statistics in Medicine 28(25), for standardised differences,
variance ratios and distribution functions; Stuart, Lee and Leacy (2013), J. Clinical Epidemiology 66(8), for one standard
deviation before and after; Inman and Bradley (1989), Communications in Statistics 18(10), for the overlapping share.
"""

from dataclasses import dataclass
from math import isqrt
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray

Unit = Literal["treated", "untreated", "pooled"]
"""Whose standard deviation before weighting a difference is told in; pooled is the root of the two variances' mean."""

BINS: Final = 10
"""Most parts into which the two groups together, each counting a half, are cut to see what they have in common."""
STILL: Final = 1e-8
"""Standard deviation, relative to everybody's, below which a group counts as having one value."""


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """How alike two groups are under one set of weights.

    Parameters
    ----------
    treated, untreated : ndarray, shape (p,)
        Means, in each column's units.
    smd : ndarray, shape (p,)
        Standardised mean differences: (treated − untreated) / unit.
    variance_ratio : ndarray, shape (p,)
        Of the treated over the untreated; missing for columns of 0 and 1 and where a group has one value.
    ks : ndarray, shape (p,)
        Kolmogorov–Smirnov distance, 0 to 1; of a column of 0 and 1 the difference of the two shares.
    overlap : ndarray, shape (p,)
        Σ min(treated's share, untreated's share) over at most ten parts, 0 to 1.
    ess : tuple of float
        Effective size of the treated and of the untreated, (Σw)²/Σw².
    """

    treated: FloatArray
    untreated: FloatArray
    smd: FloatArray
    variance_ratio: FloatArray
    ks: FloatArray
    overlap: FloatArray
    ess: tuple[float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Balance:
    """How alike two groups are before and after weighting.

    Parameters
    ----------
    before, after : Measures
    unit : ndarray, shape (p,)
        The standard deviation, before weighting, in which both differences are told.
    unit_of : tuple of str
        Whose it is: as asked; ``pooled`` where that group has one value; ``everybody`` where both have; ``none`` where all
        people have the same value.
    binary : ndarray of bool, shape (p,)
        Columns of 0 and 1.
    """

    before: Measures
    after: Measures
    unit: FloatArray
    unit_of: tuple[str, ...]
    binary: NDArray[np.bool_]


def balance_of(
    columns: ArrayLike,
    treated: ArrayLike,
    weights: ArrayLike | None = None,
    *,
    base: ArrayLike | None = None,
    unit_of: Unit = "pooled",
    unit: FloatArray | None = None,
) -> Balance:
    """Return how alike the treated and the untreated are in each column, before and after weighting.

    Parameters
    ----------
    columns : array, shape (n, p)
        Finite numbers, in any units.
    treated : array of bool, shape (n,)
    weights : array, shape (n,), optional
        After weighting or matching, not negative, on any scale: 0 for people who are not used. As before when omitted.
    base : array, shape (n,), optional
        Before: observation weights; equal when omitted.
    unit_of : {"treated", "untreated", "pooled"}
        Whose standard deviation, under ``base``, differences are told in.
    unit : ndarray, shape (p,), optional
        Standard deviations of a larger comparison that this one is a part of, instead.

    Raises
    ------
    EstimationError
        EST-015 when a group has nobody of positive weight.

    Examples
    --------
    >>> age, treated = np.array([[30.0], [40.0], [20.0], [60.0]]), [True, True, False, False]
    >>> found = balance_of(age, treated, [1, 1, 3, 2], unit_of="treated")
    >>> found.before.smd.round(3).tolist(), found.after.smd.round(3).tolist(), found.after.ess
    ([-0.707], [-0.141], (2.0, 1.9230769230769231))
    """
    table = np.asarray(columns)
    side = np.asarray(treated, dtype=bool)
    n = len(side)
    first = np.ones(n) if base is None else np.asarray(base, dtype=np.float64)
    second = first if weights is None else np.asarray(weights, dtype=np.float64)
    if table.ndim != 2 or {len(table), *first.shape, *second.shape} != {n}:
        raise ValueError("columns are (n, p), and treated and weights (n,)")
    if not all(np.isfinite(given).all() and (given >= 0).all() for given in (first, second)):
        raise ValueError("weights are finite and not negative")
    signed = [_signed(given, side) for given in (first, second)]
    p = table.shape[1]
    moments, apart = np.empty((2, 4, p)), np.empty((2, 2, p))
    spread, binary = np.empty(p), np.empty(p, dtype=bool)
    for j in range(p):
        column = np.ascontiguousarray(table[:, j], dtype=np.float64)
        if not np.isfinite(column).all():
            raise ValueError(f"column {j} has values that are not finite")
        binary[j] = ((column == 0.0) | (column == 1.0)).all()
        centre = column[0]
        spread[j] = _moments(column - centre, np.abs(signed[0]) / 2.0)[1]
        for stage, weight in enumerate(signed):
            for group in (0, 1):
                mean, variance = _moments(column - centre, np.maximum(weight if group else -weight, 0.0))
                moments[stage, 2 * group : 2 * group + 2, j] = mean + centre, variance
        if binary[j]:
            gap = np.abs(moments[:, 2, j] - moments[:, 0, j])
            apart[:, 0, j], apart[:, 1, j] = gap, 1.0 - gap
        else:
            apart[:, :, j] = _apart(column, signed, min(int(side.sum()), int((~side).sum())))
    moments[:, 1::2][moments[:, 1::2] <= (STILL**2) * spread] = 0.0
    if unit is None:
        unit, whose = _units(moments[0, 1], moments[0, 3], spread, unit_of)
    else:
        whose = (unit_of,) * p
    stages = [
        _measures(moments[stage], apart[stage], unit, binary, _sizes((first, second)[stage], side)) for stage in (0, 1)
    ]
    return Balance(stages[0], stages[1], unit, whose, binary)


def _signed(weights: FloatArray, treated: NDArray[np.bool_]) -> FloatArray:
    """Return weights that sum to 1 over the treated and to −1 over the untreated."""
    up, down = weights[treated].sum(), weights[~treated].sum()
    if up <= 0 or down <= 0:
        raise refusal("EST-015", f"nobody of the {'un' if down <= 0 else ''}treated has a weight", "weights")
    return np.asarray(np.where(treated, weights / up, -weights / down))


def _sizes(weights: FloatArray, treated: NDArray[np.bool_]) -> tuple[float, float]:
    first, second = (float(part.sum() ** 2 / (part**2).sum()) for part in (weights[treated], weights[~treated]))
    return first, second


def _moments(values: FloatArray, weights: FloatArray) -> tuple[float, float]:
    """Return mean and variance under weights that sum to 1; with equal ones the usual variance, divided by n − 1."""
    mean = float(weights @ values)
    left = 1.0 - float(weights @ weights)
    return mean, float(weights @ (values - mean) ** 2) / left if left > STILL else 0.0


def _apart(column: FloatArray, signed: list[FloatArray], smaller: int) -> FloatArray:
    """Return the largest gap of the distribution functions and the share in common, before and after: shape (2, 2)."""
    order = np.argsort(column)
    ordered = column[order]
    ends = ordered[1:] != ordered[:-1]
    first = signed[0][order]
    # Parts hold the same share of the two groups together, so that they follow the values and not their scale.
    # An even number of them has a cut where each group would end that has nothing in common with the other.
    parts = 2 * max(1, min(BINS, isqrt(smaller)) // 2)
    both = np.cumsum(np.abs(first))
    at = np.searchsorted(both, 2.0 * np.arange(1, parts) / parts - 1e-9)
    cuts = np.unique(np.searchsorted(ordered, ordered[np.minimum(at, len(ordered) - 1)], side="right"))
    starts = np.concatenate([[0], cuts[cuts < len(ordered)]])
    found = np.empty((2, 2))
    for stage, weights in enumerate((first, signed[1][order])):
        found[stage, 0] = np.abs(np.cumsum(weights)[:-1][ends]).max(initial=0.0)
        up, down = (np.add.reduceat(np.maximum(part, 0.0), starts) for part in (weights, -weights))
        found[stage, 1] = np.minimum(up, down).sum()
    return np.minimum(found, 1.0)


def _units(
    untreated: FloatArray, treated: FloatArray, everybody: FloatArray, unit_of: Unit
) -> tuple[FloatArray, tuple[str, ...]]:
    """Return standard deviations and whose they are."""
    pooled = (treated + untreated) / 2.0
    asked = {"treated": treated, "untreated": untreated, "pooled": pooled}[unit_of]
    variance = np.where(asked > 0, asked, np.where(pooled > 0, pooled, everybody))
    whose = np.where(
        asked > 0, unit_of, np.where(pooled > 0, "pooled", np.where(everybody > 0, "everybody", "none"))
    ).tolist()
    return np.sqrt(np.where(variance > 0, variance, 1.0)), tuple(whose)


def _measures(
    moments: FloatArray, apart: FloatArray, unit: FloatArray, binary: NDArray[np.bool_], ess: tuple[float, float]
) -> Measures:
    untreated, low, treated, high = moments
    told = ~binary & (low > 0) & (high > 0)
    ratio = np.divide(high, low, out=np.full(len(low), np.nan), where=told)
    return Measures(treated, untreated, (treated - untreated) / unit, ratio, apart[0], apart[1], ess)
