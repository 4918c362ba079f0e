"""The weights that matched sets or subclasses give their people, so that any match can be held for balance.

Source: Stuart (2010), *Matching methods for causal inference*, Statistical Science 25(1), section 4.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterfoil.errors import refusal


def weights_of_sets(
    sets: ArrayLike, treated: ArrayLike, estimand: Literal["att", "atc", "ate"] = "att"
) -> NDArray[np.float64]:
    """Return the weights, shape (n,), that matched sets or subclasses give their people.

    Each set counts as its treated people (att), its untreated (atc) or all its people (ate), shared evenly on either side.

    Parameters
    ----------
    sets : array of int, shape (n,)
        Set of each person; negative for people in none.
    treated : array of bool, shape (n,)
    estimand : {"att", "atc", "ate"}

    Raises
    ------
    EstimationError
        EST-015 when a set has treated people only, or untreated only.

    Examples
    --------
    >>> weights_of_sets([0, 0, 0, 1, 1, -1], [True, False, False, True, False, False]).tolist()
    [1.0, 0.5, 0.5, 1.0, 1.0, 0.0]
    """
    codes, side = np.asarray(sets, dtype=np.intp), np.asarray(treated, dtype=bool)
    inside = codes >= 0
    size = int(codes.max(initial=-1)) + 1
    count = np.array([np.bincount(codes[inside & (side == group)], minlength=size) for group in (False, True)])
    if ((count[0] > 0) != (count[1] > 0)).any():
        raise refusal("EST-015", "a matched set has treated people only, or untreated people only", "sets")
    total = {"att": count[1], "atc": count[0], "ate": count.sum(axis=0)}[estimand]
    weights = np.zeros(len(codes))
    own = codes[inside]
    weights[inside] = total[own] / count[side[inside].astype(np.intp), own]
    return weights
