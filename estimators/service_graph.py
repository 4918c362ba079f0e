"""What expected rosters can tell apart, before signing: who shares cases with whom, and the smallest share to be detected.

A dispute between two providers is decided by shared cases only. Providers in different components of the co-service
graph are compared through people whom neither served; where sites differ, providers and sites must hang together for
effects to be told from the fortunes of a site (Abowd, Kramarz and Margolis 1999).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from counterfoil.datasets.roster import Roster
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.power import smallest_detectable

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ServiceGraph:
    """Which providers hang together.

    Parameters
    ----------
    by_people : tuple of tuples of str
        Components of the graph of providers joined by shared people.
    by_groups : tuple of tuples of str
        Components of the graph of providers joined by the groups (sites) in which they serve; the same as by_people
        where no groups are given.
    """

    by_people: tuple[tuple[str, ...], ...]
    by_groups: tuple[tuple[str, ...], ...]

    @property
    def connected(self) -> bool:
        """Whether shared people join all providers."""
        return len(self.by_people) == 1


def service_graph(roster: Roster, groups: NDArray[np.intp] | None = None) -> ServiceGraph:
    """Return which providers share people, and which share groups.

    Parameters
    ----------
    roster : Roster
    groups : ndarray of int, shape (n_people,), optional
        Group codes, as ``study.codes("site")`` returns them.

    Examples
    --------
    >>> served = np.array([[1, 1, 0], [0, 0, 1], [0, 0, 0]], bool)
    >>> service_graph(Roster(np.arange(3), ("a", "b", "c"), served)).by_people
    (('a', 'b'), ('c',))
    """
    people = _components(roster, np.arange(len(roster.ids)))
    return ServiceGraph(people, people if groups is None else _components(roster, groups))


def _components(roster: Roster, groups: NDArray[np.intp]) -> tuple[tuple[str, ...], ...]:
    """Return the components of the graph with an edge from a provider to each group in which it serves."""
    person, provider = np.nonzero(roster.exposure)
    size = len(roster.providers)
    whole = size + int(groups.max()) + 1
    edges = coo_array((np.ones(len(person)), (provider, size + groups[person])), shape=(whole, whole))
    labels = connected_components(edges, directed=False)[1][:size]
    order = dict.fromkeys(labels.tolist())
    return tuple(
        tuple(name for name, own in zip(roster.providers, labels.tolist(), strict=True) if own == label)
        for label in order
    )


def detectable_share(
    design: Estimate,
    total: float,
    shares: ArrayLike | None = None,
    *,
    conf_level: float = 0.95,
    power: float = 0.8,
    std_dev: float = 1.0,
    icc: float = 0.0,
) -> FloatArray:
    """Return the smallest difference of each share from its expected value that is detected with a given power, (K,).

    The share's weights by the delta method are (α_j − s_j α_V)/V: 2.8 standard errors at 95% and 80%.

    Parameters
    ----------
    design : Estimate
        ``fit.joint(kernel)`` on the expected rosters, whatever its outcomes; only its weights are read.
    total : float
        Expected total gain per person, in the outcome's units; not zero.
    shares : array, shape (K,), optional
        Expected shares; zero for each when omitted, which tests whether a provider has a share at all.
    conf_level, power, std_dev, icc : float
        As in `smallest_detectable`.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> detectable_share(fit.joint(Shapley()), 0.1, [0.5, 0.5], std_dev=0.5).round(2)
    array([0.26, 0.26])
    """
    size = len(design.terms) - 1
    if total == 0:
        raise ValueError("a share needs a total that is not zero")
    expected = np.zeros(size) if shares is None else np.asarray(shares, dtype=np.float64)
    rows = np.hstack([np.eye(size), -expected[:, None]]) / abs(total)
    planned = design.contrast(rows, design.terms[:size])
    return smallest_detectable(planned, planned.critical(conf_level), power, std_dev, icc)
