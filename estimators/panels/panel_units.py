"""The units behind a fit on a panel: who they are, what they weigh, and which share their fortunes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The units behind a fit.

    Parameters
    ----------
    ids : ndarray, shape (n,)
        Ascending.
    rank : ndarray of int, shape (n,)
        Where each stands in the order of the cohorts.
    weights : ndarray, shape (n,)
        In the order of the cohorts, mean 1.
    clusters : ndarray of int, shape (n,), or None
        In the order of the ids.
    cluster_names : ndarray or None
    cluster_by : str or None
    """

    ids: NDArray[Any]
    rank: NDArray[np.intp]
    weights: FloatArray
    clusters: NDArray[np.intp] | None = None
    cluster_names: NDArray[Any] | None = None
    cluster_by: str | None = None
