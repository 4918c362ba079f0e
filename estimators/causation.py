"""Did the services cause this client's success? Bounds on the probability of causation.

Estimand: P(Y(∅) = 0 | Y(a) = 1, X = x) for a client with pattern a whose binary outcome is known to be good. It is not
identified: only bounds are, from the mean outcome with and without services. Source: Tian and Pearl (2000),
*Probabilities of causation: bounds and identification*. For single clients; payments rest on sums over the cohort.
"""

import numpy as np
from numpy.typing import ArrayLike

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray


def probability_of_causation(m0: ArrayLike, ma: ArrayLike, *, monotone: bool = False) -> FloatArray:
    """Return the lowest and highest probability of causation, shape (..., 2).

    Parameters
    ----------
    m0 : array
        Chance of a good outcome without services, m(∅, x).
    ma : array
        Chance of it with the services that the client had, m(a, x); positive.
    monotone : bool
        True assumes that services prevent no good outcome; the two ends then meet.

    Raises
    ------
    IdentificationError
        IDENT-012 when monotone and services lower the chance.

    Examples
    --------
    >>> probability_of_causation(0.3, 0.4)
    array([0.25, 1.  ])
    >>> probability_of_causation(0.3, 0.4, monotone=True)
    array([0.25, 0.25])
    """
    without, with_ = np.broadcast_arrays(np.asarray(m0, dtype=np.float64), np.asarray(ma, dtype=np.float64))
    if not ((without >= 0) & (without <= 1) & (with_ > 0) & (with_ <= 1)).all():
        raise ValueError("m0 and ma are chances, and ma is positive: the good outcome happened")
    if monotone and (without > with_).any():
        raise refusal("IDENT-012", "shape rejected: services lower the chance of a good outcome")
    low = np.maximum(0.0, 1.0 - without / with_)
    high = low if monotone else np.minimum(1.0, (1.0 - without) / with_)
    return np.stack([low, high], axis=-1)
