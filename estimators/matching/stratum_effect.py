"""The effect from sets of people alike: differences within sets, weighed by whose effect is wanted (post-stratification).

With sets s and groups g, cell means ȳ_gs, and T_s the focal people of a set, T in all,

    θ̂ = Σ_s (T_s / T) (m̂_1s − m̂_0s),        m̂_gs = ȳ_gs + (x̄_Ts − x̄_gs)'β̂_g,

where β̂_g, zero without adjustment, is of a regression of group g on covariates within sets, weighted as θ̂ weighs people.
Everybody's influence on θ̂ is

    (T / n)⁻¹ { t_i [m̂_1s − m̂_0s − θ̂ + (x_i − x̄_Ts)'(β̂_1 − β̂_0)] } + α_i ê_i,

the first part for focal people (t_i their weight), of how effects vary and how large sets are in the people this study stands for; ê_i is
the residual within the cell and α_i its weight in θ̂. Leverages are those of the weighted regression within cells, so that HC2 errors
use the unbiased variance of each cell. Somebody alone in a cell has no residual there: √½ of the difference from the nearest person of the
same group stands in for it (Abadie and Imbens 2006, section 4, with one neighbour; those at equal distance are averaged), which is too
large rather than too small as the neighbour is of another set.

Sets count as given: sets of an estimated score are taken as if the score were known.

Sources: Miratrix, Sekhon and Yu (2013), *Adjusting treatment effect estimates by post-stratification*, JRSS B 75(2); Imbens and Rubin
(2015), chapter 17.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.matches import Strata


@dataclass(frozen=True, slots=True, eq=False)
class StratumEffect:
    """The effect within sets.

    Parameters
    ----------
    value : float
    influence, spread, riesz, leverage : ndarray, shape (n,)
        Of everybody; zero for people in no set. ``influence = spread + riesz × residual``.
    parameters : int
        Means of cells with two people or more, one for all people alone, and slopes.
    alone : ndarray of bool, shape (n,)
        Who is alone in a cell, and has a borrowed residual.
    """

    value: float
    influence: FloatArray
    spread: FloatArray
    riesz: FloatArray
    leverage: FloatArray
    parameters: int
    alone: NDArray[np.bool_]


def stratum_effect(
    outcome: FloatArray,
    strata: Strata,
    places: FloatArray,
    covariates: FloatArray | None = None,
) -> StratumEffect:
    """Return the effect within sets, with everybody's influence.

    Parameters
    ----------
    outcome : ndarray, shape (n,)
    strata : Strata
        At least one set.
    places : ndarray, shape (n, d)
        By which neighbours of people who are alone in a cell are found.
    covariates : ndarray, shape (n, p), optional
        To adjust for within sets.

    Examples
    --------
    >>> sets, group = np.array([0, 0, 0, 0, 1, 1]), np.array([1, 1, 0, 0, 1, 0])
    >>> strata = Strata(sets, group, group == 1, np.ones(6))
    >>> found = stratum_effect(np.array([3.0, 5.0, 1.0, 2.0, 4.0, 1.0]), strata, np.zeros((6, 1)))
    >>> round(found.value, 3), found.alone.tolist()
    (2.667, [False, False, False, False, True, True])
    """
    n = strata.n
    inside = np.flatnonzero(strata.sets >= 0)
    sets, group = strata.sets[inside], strata.group[inside]
    weight, outcome_in = strata.share[inside], outcome[inside]
    x = np.empty((len(inside), 0)) if covariates is None else covariates[inside]
    target = np.where(strata.focal, strata.share, 0.0)[inside]
    cell, count = 2 * sets + group, int(sets.max()) + 1
    held = np.bincount(cell, weight, 2 * count)
    wanted = np.bincount(sets, target, count)
    total = wanted.sum()
    part = wanted / total
    # What a person's residual counts before slopes: plus for the treated, minus for the untreated.
    plain = np.where(group == 1, 1.0, -1.0) * part[sets] * weight / held[cell]
    centred = x - _means(x, cell, weight, 2 * count)[cell]
    focal_mean = _means(x, sets, target, count)
    own_mean = _means(x, cell, weight, 2 * count).reshape(count, 2, -1)
    residual = outcome_in - _means(outcome_in[:, None], cell, weight, 2 * count)[cell, 0]
    slopes = np.zeros((2, x.shape[1]))
    alpha, leverage = plain.copy(), weight / held[cell]
    fitted = 0
    for side in (0, 1):
        mine = group == side
        apart = part @ (focal_mean - own_mean[:, side])
        heavy = np.abs(plain[mine])
        inverse, rank = _inverse(centred[mine], heavy)
        fitted += rank
        pull = centred[mine] @ inverse
        slopes[side] = pull.T @ (heavy * residual[mine])
        alpha[mine] += (1.0 if side else -1.0) * heavy * (pull @ apart)
        leverage[mine] += heavy * np.einsum("ij,ij->i", pull, centred[mine])
        residual[mine] -= centred[mine] @ slopes[side]
    level = _means(outcome_in[:, None], cell, weight, 2 * count)[:, 0].reshape(count, 2)
    predicted = level + np.einsum("sgp,gp->sg", focal_mean[:, None] - own_mean, slopes)
    value = float(part @ (predicted[:, 1] - predicted[:, 0]))
    varying = (predicted[:, 1] - predicted[:, 0])[sets] - value + (x - focal_mean[sets]) @ (slopes[1] - slopes[0])
    alone = np.bincount(cell, minlength=2 * count)[cell] == 1
    if alone.any():
        level_out = outcome_in - np.einsum("ip,ip->i", x, slopes[group])
        residual[alone] = _borrowed(level_out, places[inside], group, alone)
        leverage[alone] = 0.0
    spread, riesz, risk = np.zeros(n), np.zeros(n), np.zeros(n)
    spread[inside] = n * target / total * varying
    riesz[inside] = n * alpha
    risk[inside] = np.minimum(leverage, 1.0)
    influence = spread.copy()
    influence[inside] += n * alpha * residual
    single = np.zeros(n, dtype=bool)
    single[inside] = alone
    means = len(np.unique(cell[~alone])) + int(alone.any())
    return StratumEffect(value, influence, spread, riesz, risk, means + fitted, single)


def _means(values: FloatArray, codes: NDArray[np.intp], weights: FloatArray, count: int) -> FloatArray:
    """Return weighted means by code, shape (count, p); zero where nobody counts."""
    totals = np.bincount(codes, weights, count)
    sums = [np.bincount(codes, weights * column, count) for column in values.T]
    if not sums:
        return np.zeros((count, 0))
    return np.asarray(np.column_stack(sums) / np.where(totals > 0, totals, 1.0)[:, None])


def _inverse(centred: FloatArray, weights: FloatArray) -> tuple[FloatArray, int]:
    """Return the inverse of the weighted cross-product, and its rank; directions in which nobody differs within sets are zero."""
    if not centred.shape[1]:
        return np.zeros((0, 0)), 0
    length = np.sqrt((weights[:, None] * centred**2).sum(axis=0))
    safe = np.where(length > 0, length, 1.0)
    cross = (centred / safe * weights[:, None]).T @ (centred / safe)
    values, vectors = np.linalg.eigh(cross)
    used = values > 1e-10 * max(values.max(), 1e-300)
    inverse = (vectors[:, used] / values[used]) @ vectors[:, used].T / np.outer(safe, safe)
    return np.asarray(inverse), int(used.sum())


def _borrowed(outcome: FloatArray, places: FloatArray, group: NDArray[np.intp], alone: NDArray[np.bool_]) -> FloatArray:
    """Return √(J/(J+1)) times the difference from the J nearest of the same group, for each person who is alone."""
    from scipy.spatial.distance import cdist

    found = np.zeros(len(outcome))
    for side in (0, 1):
        mine = np.flatnonzero(group == side)
        for part in np.array_split(
            np.flatnonzero(alone & (group == side)), 1 + len(mine) * int(alone.sum()) // 4_000_000
        ):
            if not len(part) or len(mine) < 2:
                continue
            distance = cdist(places[part], places[mine])
            distance[part[:, None] == mine] = np.inf
            near = distance <= distance.min(axis=1)[:, None] * (1 + 1e-9) + 1e-12
            many = near.sum(axis=1)
            found[part] = np.sqrt(many / (many + 1)) * (outcome[part] - near @ outcome[mine] / many)
    return found[alone]
