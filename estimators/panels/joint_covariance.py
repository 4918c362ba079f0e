"""Whether the joint covariance of an event study's effects can weigh them against each other."""

import numpy as np

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.joint_test import SINGULAR


def hold_nonsingular(covariance: FloatArray) -> None:
    """Refuse a joint covariance (k, k) with a direction that has no variance.

    Raises
    ------
    EstimationError
        EST-035.

    Examples
    --------
    >>> hold_nonsingular(np.eye(2))
    """
    error = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    size = np.linalg.eigvalsh(covariance / np.outer(error, error)) if (error > 0).all() else np.zeros(1)
    if size[0] <= SINGULAR * size[-1]:
        what = f"the joint covariance of {len(error)} effects is singular, as with fewer clusters than effects"
        raise refusal("EST-035", what, "event study")
