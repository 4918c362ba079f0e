"""The core of a finished game: which divisions leave no coalition something to gain by standing alone.

The excess of a coalition is what it receives above what it is worth alone. With synergy everywhere (v supermodular) the
Shapley values are in the core; with substitutes the core may be empty, and then no division is stable.

Sources: Gillies (1959), *Solutions to general non-zero-sum games*; Shapley (1971), *Cores of convex games*.
"""

import numpy as np
from numpy.typing import ArrayLike

from counterfoil.attribution.game import checked_game, per_player
from counterfoil.estimators.kernel import FloatArray


def excess(v: ArrayLike, credits: ArrayLike) -> FloatArray:
    """Return what each coalition receives above what it is worth alone.

    Parameters
    ----------
    v : array, shape (2^K,)
        Worth of each coalition, bit j of the index for player j.
    credits : array, shape (K,)
        What each player receives.

    Returns
    -------
    ndarray, shape (2^K,)
        Σ_{j∈S} credits_j − (v(S) − v(∅)); a negative entry is a coalition that would do better alone.

    Raises
    ------
    AttributionError
        ATTR-007 when the table is no game, or the credits do not fit it.

    Examples
    --------
    >>> excess([0, 1, 2, 5], [2, 3])
    array([0., 1., 1., 0.])
    """
    game, players = checked_game(v)
    received = np.empty(len(game))
    received[0] = game[0]
    for j, credit in enumerate(per_player(credits, players, "credits")):
        np.add(received[: 1 << j], credit, out=received[1 << j : 2 << j])
    received -= game
    return received


def stable(v: ArrayLike, credits: ArrayLike, tolerance: float = 1e-9) -> bool:
    """Tell whether the credits lie in the core: they sum to the gain, and no coalition would do better alone.

    Parameters
    ----------
    v : array, shape (2^K,)
        Worth of each coalition, bit j of the index for player j.
    credits : array, shape (K,)
        What each player receives.
    tolerance : float
        Shortfall that counts as none, relative to the largest worth.

    Raises
    ------
    AttributionError
        ATTR-007 when the table is no game, or the credits do not fit it.

    Examples
    --------
    The Shapley values of the glove game leave the owners of a pair something to gain by leaving.

    >>> from counterfoil.attribution import shapley_values
    >>> glove = [0, 0, 0, 1, 0, 1, 0, 1]
    >>> stable(glove, shapley_values(glove)), stable(glove, [1, 0, 0])
    (False, True)
    """
    game, _ = checked_game(v)
    above = excess(game, credits)
    allowed = tolerance * max(float(game.max() - game[0]), float(game[0] - game.min()))
    return bool(above.min() >= -allowed and abs(above[-1]) <= allowed)
