"""A warning where an arm has so few clusters that errors by cluster cannot be trusted.

Source: MacKinnon and Webb (2017), *Wild bootstrap inference for wildly different cluster sizes*, Journal of Applied
Econometrics 32(2), 233-254.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem

FEW: Final = 2
"""Clusters in an arm up to which errors by cluster are too small by far."""


def few_treated_warning(clusters: NDArray[np.intp], assigned: NDArray[np.bool_]) -> tuple[Problem, ...]:
    """Warn when an arm of an assignment by cluster has one or two clusters.

    Parameters
    ----------
    clusters : ndarray of int, shape (n,)
        Codes 0..G-1.
    assigned : ndarray of bool, shape (n,)

    Returns
    -------
    tuple of Problem
        EST-025, or nothing.

    Examples
    --------
    >>> few_treated_warning(np.array([0, 1, 1, 2, 3]), np.array([True, False, False, False, True]))[0].code
    'EST-025'
    """
    arms = {"treated": len(np.unique(clusters[assigned])), "untreated": len(np.unique(clusters[~assigned]))}
    few = [f"{count} {word}" for word, count in arms.items() if count <= FEW]
    if not few:
        return ()
    what = f"of {int(clusters.max()) + 1} clusters only {' and '.join(few)}"
    return (Problem("EST-025", what, "estimator"),)
