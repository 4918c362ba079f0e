"""What people who are alike have on average, and how far they vary: from the nearest of one group.

`residuals_of` takes the two nearest, as an unbiased if noisy look at the variance among people alike (Abadie and Imbens 2006,
section 4.1); `means_of` takes about √m of m, after a line through the whole group, as a smooth mean.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching import line
from counterfoil.estimators.matching.matches import Positions

NEAREST: Final = 2
"""Others of the same group by whom the variance among people alike is judged."""
MOST: Final = 50
"""Most people averaged in more than one dimension."""


@dataclass(frozen=True, slots=True, eq=False)
class Alike:
    """Smooth means and squared residuals.

    Parameters
    ----------
    means : ndarray, shape (n, 2)
        Mean outcome of people of each group at everybody's place, the person's own outcome left out.
    variance : ndarray, shape (n,)
        Unbiased for the variance of each person's outcome among people alike, of their own group.
    """

    means: FloatArray
    variance: FloatArray


def alike(places: FloatArray, treated: NDArray[np.bool_], values: FloatArray) -> Alike:
    """Return smooth means and squared residuals of values (n,) at places (n, d); each group has two people or more.

    Examples
    --------
    >>> places, treated = np.array([[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]]), np.arange(6) > 2
    >>> alike(places, treated, np.array([1.0, 2.0, 3.0, 5.0, 5.0, 5.0])).means[:2].round(6).tolist()
    [[2.5, 5.0], [2.0, 5.0]]
    """
    means = np.empty((len(values), 2))
    variance = np.empty(len(values))
    for group in (0, 1):
        members = np.flatnonzero(treated == bool(group))
        means[:, group] = means_of(places, members, values[members])
        variance[members] = residuals_of(places[members], values[members]) ** 2
    return Alike(means, variance)


def residuals_of(places: FloatArray, values: FloatArray) -> FloatArray:
    """Return outcomes (m,) less the mean of the nearest others, times √(k / (k + 1)) with k others."""
    count = min(NEAREST, len(values) - 1)
    if places.shape[1] == 1:
        keys, _ = line.grid(places[:, 0])
        order = np.argsort(keys, kind="stable")
        ranked = keys[order]
        reach = line.reach_of(ranked, ranked, count + 1)
        low, high = np.searchsorted(ranked, ranked - reach, "left"), np.searchsorted(ranked, ranked + reach, "right")
        held = values[order] - values.mean()
        running = np.concatenate([[0.0], np.cumsum(held)])
        others = high - low - 1
        found = np.empty(len(values))
        found[order] = (held - (running[high] - running[low] - held) / others) * np.sqrt(others / (others + 1))
        return found
    near = np.asarray(cKDTree(places).query(places, k=count + 1)[1])
    own = near == np.arange(len(values))[:, None]
    # Where many stand at one place, the person need not be among the nearest: the last is then left out instead.
    own[~own.any(axis=1), -1] = True
    mean = values[near[~own].reshape(len(values), count)].mean(axis=1)
    return np.asarray((values - mean) * np.sqrt(count / (count + 1)))


def means_of(places: FloatArray, members: Positions, values: FloatArray) -> FloatArray:
    """Return the smooth mean of the members' values (m,) at everybody's place, shape (n,), without the person's own."""
    design = np.column_stack([np.ones(len(members)), places[members]])
    if len(members) > 2 * design.shape[1]:
        slopes = np.linalg.lstsq(design, values, rcond=1e-10)[0]
    else:
        slopes = np.append(values.mean(), np.zeros(design.shape[1] - 1))
    fitted = slopes[0] + places @ slopes[1:]
    rest = values - fitted[members]
    # Even, so that as many stand on either side.
    size = min(max(NEAREST, 2 * round(np.sqrt(len(members)) / 2)), len(members) - 1)
    inside = np.zeros(len(places), dtype=bool)
    inside[members] = True
    if places.shape[1] == 1:
        found = _running(places[:, 0], members, rest, size, inside)
    else:
        found = _around(places, members, rest, min(size, MOST))
    return np.asarray(fitted + found)


def _running(
    places: FloatArray, members: Positions, rest: FloatArray, size: int, inside: NDArray[np.bool_]
) -> FloatArray:
    order = np.argsort(places, kind="stable")
    among = inside[order]
    held = np.zeros(len(places))
    held[members] = rest
    running = np.concatenate([[0.0], np.cumsum(held[order][among])])
    middle: Positions = np.cumsum(among) - among
    span = size + among
    low = np.clip(middle - span // 2, 0, len(members) - span)
    found = np.empty(len(places))
    found[order] = (running[low + span] - running[low] - held[order]) / size
    return found


def _around(places: FloatArray, members: Positions, rest: FloatArray, size: int) -> FloatArray:
    near = np.asarray(cKDTree(places[members]).query(places, k=size + 1)[1])
    own = np.zeros(near.shape, dtype=bool)
    own[members] = near[members] == np.arange(len(members))[:, None]
    own[~own.any(axis=1), -1] = True
    return np.asarray(rest[near[~own].reshape(len(places), size)].mean(axis=1))
