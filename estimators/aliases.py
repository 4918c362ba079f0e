"""Which providers the rosters cannot tell apart, and whether what they did together is still determined.

With Ã the roster matrix less its projection on the controls and P the projector on the null space of Ã′Ã, a combination
c of own effects is determined if Pc = 0. Alias sets are the connected components of P's pattern. The joint credit of a
set U is determined if P q_U = 0, where q_U holds the shares served by its members: so for twins, and not for a provider
that serves everybody, of whom nothing is seen but the controls.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from counterfoil.datasets.roster import Roster
from counterfoil.estimators.covariance import FloatArray

# Relative to the largest eigenvalue, and relative to 1.
NULL: Final = 1e-8
LINKED: Final = 1e-6


@dataclass(frozen=True, slots=True)
class AliasSet:
    """Providers that the rosters do not tell apart.

    Parameters
    ----------
    providers : tuple of str
    determined : bool
        Whether what they did together is determined; if not, the set is mixed up with the controls, as a backbone is
        that serves everybody.
    """

    providers: tuple[str, ...]
    determined: bool


def alias_sets(roster: Roster, controls: FloatArray | None = None) -> tuple[AliasSet, ...]:
    """Return the sets of providers that the rosters do not tell apart, none when all are distinct.

    Parameters
    ----------
    roster : Roster
    controls : ndarray, shape (n, n_controls), optional
        Intercept included; the intercept alone when omitted.

    Examples
    --------
    >>> served = np.array([[1, 1, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]], bool)
    >>> alias_sets(Roster(np.arange(4), ("a", "b", "c"), served))
    (AliasSet(providers=('a', 'b'), determined=True),)
    """
    exposure = roster.exposure.astype(np.float64)
    projector, amount = null_projector(exposure, np.ones((len(exposure), 1)) if controls is None else controls)
    free = np.flatnonzero(np.diagonal(projector) > LINKED)
    if not len(free):
        return ()
    linked = np.abs(projector[np.ix_(free, free)]) > LINKED
    _, component = connected_components(linked, directed=False)
    found = []
    for number in dict.fromkeys(component.tolist()):
        members = free[component == number]
        shares = np.zeros(len(projector))
        shares[members] = exposure[:, members].mean(axis=0)
        size = float(np.linalg.norm(projector @ shares)) if amount > 0 else 1.0
        found.append(AliasSet(tuple(roster.providers[j] for j in members), size <= LINKED))
    return tuple(found)


def null_projector(exposure: FloatArray, controls: FloatArray) -> tuple[NDArray[np.float64], float]:
    """Return the projector on combinations of providers that controls explain (K, K), and the largest eigenvalue."""
    left = np.linalg.lstsq(controls, exposure, rcond=None)[0]
    rest = exposure - controls @ left
    values, vectors = np.linalg.eigh(rest.T @ rest)
    scale = float(np.linalg.norm(exposure, axis=0).max()) ** 2
    null = vectors[:, values < NULL * max(float(values[-1]), NULL * scale)]
    return np.asarray(null @ null.T), float(values[-1])
