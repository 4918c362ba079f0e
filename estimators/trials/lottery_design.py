"""The columns of a lottery's regression (Lin 2013, Annals of Applied Statistics 7(1), section 3), with any number of arms."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class LotteryDesign:
    """A design matrix and its parts, for n people, K arms, b block dummies and p covariates.

    Parameters
    ----------
    matrix : ndarray, shape (n, q)
        Intercept, arms, centred block dummies, centred covariates, products with each arm; in this order.
    fixed : ndarray, shape (n, b)
    covariates : ndarray, shape (n, p)
    """

    matrix: FloatArray
    fixed: FloatArray
    covariates: FloatArray


def lottery_design(
    arms: FloatArray,
    blocks: NDArray[np.intp] | None,
    covariates: FloatArray,
    interacted: bool,
    weights: FloatArray,
) -> LotteryDesign:
    """Return the columns on which a lottery's outcome is regressed; coefficient 0 is the control mean, 1 to K are effects.

    Parameters
    ----------
    arms : ndarray of 0 and 1, shape (n, K)
    blocks : ndarray of int, shape (n,), or None
    covariates : ndarray, shape (n, p)
    interacted : bool
        Whether slopes of covariates differ by arm; levels of blocks always do, so that effects are weighted by block size.
    weights : ndarray, shape (n,)
        By which means are taken; the effects are at these means.

    Examples
    --------
    >>> lottery_design(np.array([[0.0], [1.0]]), None, np.array([[3.0], [5.0]]), True, np.ones(2)).matrix
    array([[ 1.,  0., -1., -0.],
           [ 1.,  1.,  1.,  1.]])
    """
    n = len(arms)
    fixed = np.empty((n, 0))
    if blocks is not None:
        fixed = (blocks[:, None] == np.arange(1, blocks.max() + 1)).astype(np.float64)
    fixed, covariates = (part - np.average(part, axis=0, weights=weights) for part in (fixed, covariates))
    products = [arm[:, None] * part for part in (fixed, *([covariates] if interacted else [])) for arm in arms.T]
    return LotteryDesign(np.hstack([np.ones((n, 1)), arms, fixed, covariates, *products]), fixed, covariates)
