"""Weights of people by their chances: each group weighted to one population, and how the weights move with the chances.

A person of group s has the weight h(x)/π_s(x), where h says whose effect it is: π_c for the treated of group c, π_0 for the
untreated, 1 for everybody, 1/Σ_g 1/π_g for overlap weights, min_g π_g for matching weights.

Sources: Li, Morgan and Zaslavsky (2018), JASA 113, table 1; Li and Li (2019), Annals of Applied Statistics 13(4), for several
groups; Li and Greene (2013), International Journal of Biostatistics 9(2), for matching weights.
"""

import numpy as np

from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.covariance import FloatArray


def weight_of(chance: FloatArray, side: int, code: int, estimand: Estimand) -> FloatArray:
    """Return h/π_side, shape (n,), for the effect of a group.

    Parameters
    ----------
    chance : ndarray, shape (n, G)
        Of those who are in the group ``side``.
    side : int
        The group that people are in.
    code : int
        The group whose effect it is.
    estimand : str

    Examples
    --------
    >>> weight_of(np.array([[0.8, 0.2]]), 0, 1, "att")
    array([0.25])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if estimand in ("att", "atc"):
            goal = code if estimand == "att" else 0
            return np.ones(len(chance)) if side == goal else np.asarray(chance[:, goal] / chance[:, side])
        if estimand == "ate":
            return np.asarray(1.0 / chance[:, side])
        # Harmonic means as weights relative to one's own chance: finite where a chance is zero.
        if estimand == "ato":
            return np.asarray(1.0 / (chance[:, [side]] / chance).sum(axis=1))
        return np.asarray((chance / chance[:, [side]]).min(axis=1))


def slope_of(chance: FloatArray, side: int, code: int, estimand: Estimand) -> FloatArray:
    """Return the derivative of `weight_of` by each chance, shape (n, G); for matching weights where it exists.

    Examples
    --------
    >>> slope_of(np.array([[0.8, 0.2]]), 0, 1, "att").round(4)
    array([[-0.3125,  1.25  ]])
    """
    slope = np.zeros(chance.shape)
    own = chance[:, side]
    if estimand in ("att", "atc"):
        goal = code if estimand == "att" else 0
        if side != goal:
            slope[:, goal] = 1.0 / own
            slope[:, side] = -chance[:, goal] / own**2
    elif estimand == "ate":
        slope[:, side] = -1.0 / own**2
    elif estimand == "ato":
        common = 1.0 / (1.0 / chance).sum(axis=1)
        slope = (common[:, None] / chance) ** 2 / own[:, None]
        slope[:, side] -= common / own**2
    else:
        lowest = chance.argmin(axis=1)
        rows = np.arange(len(chance))
        slope[rows, lowest] = 1.0 / own
        slope[:, side] -= chance[rows, lowest] / own**2
    return slope
