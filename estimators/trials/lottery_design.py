"""The columns of a lottery's regression (Lin 2013, Annals of Applied Statistics 7(1), section 3)."""

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray


def lottery_design(
    assigned: NDArray[np.bool_],
    blocks: NDArray[np.intp] | None,
    covariates: FloatArray,
    interacted: bool,
    weights: FloatArray,
) -> FloatArray:
    """Return the columns that `intention_to_treat` fits: intercept, assignment, centred blocks and covariates, products.

    Parameters
    ----------
    assigned : ndarray of bool, shape (n,)
    blocks : ndarray of int, shape (n,), or None
    covariates : ndarray, shape (n, p)
    interacted : bool
        Whether slopes of covariates differ by arm; levels of blocks always do.
    weights : ndarray, shape (n,)
        By which means are taken; the effect is at these means.

    Examples
    --------
    >>> lottery_design(np.array([False, True]), None, np.array([[3.0], [5.0]]), True, np.ones(2))
    array([[ 1.,  0., -1., -0.],
           [ 1.,  1.,  1.,  1.]])
    """
    treated = assigned.astype(np.float64)[:, None]
    fixed = np.empty((len(treated), 0))
    if blocks is not None:
        fixed = (blocks[:, None] == np.arange(1, blocks.max() + 1)).astype(np.float64)
    fixed, covariates = (part - np.average(part, axis=0, weights=weights) for part in (fixed, covariates))
    products = [treated * fixed, *([treated * covariates] if interacted else [])]
    return np.hstack([np.ones_like(treated), treated, fixed, covariates, *products])
