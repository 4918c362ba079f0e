"""Which paths a set of columns leaves open in a declared graph.

A set Z carries the effect of X on Y exactly when no member of it lies on, or is moved by something on, a causal path from X to
Y, and Z separates X from Y once the first arrows of these paths are taken out (the proper back-door graph). The criterion is
complete: where it fails, some distribution that the graph allows gives the wrong effect.

Sources: Shpitser, VanderWeele and Robins (2010), UAI, and van der Zander, Liśkiewicz and Textor (2014), UAI, for the
criterion; Pearl (2009), *Causality*, definition 7.4.1 and section 7.4.5, for instruments.
"""

from collections.abc import Collection
from typing import Any

from counterfoil.estimators.refutation.causal_graph import CausalGraph, reached


def separated(
    graph: CausalGraph,
    one: Collection[str],
    other: Collection[str],
    given: Collection[str] = (),
    without: Collection[tuple[str, str]] = (),
) -> bool:
    """Tell whether two sets are independent given a third, whatever the strengths of the arrows (d-separation).

    Parameters
    ----------
    graph : CausalGraph
    one, other, given : collection of str
        Names in the graph; what ``given`` has of the other two is passed over, and so is what the graph does not have.
    without : collection of pairs
        Arrows that are taken out first.

    Examples
    --------
    >>> collider = CausalGraph(edges=("talent -> offer", "looks -> offer"))
    >>> separated(collider, ["talent"], ["looks"]), separated(collider, ["talent"], ["looks"], ["offer"])
    (True, False)
    """
    from networkx import is_d_separator

    ends = {*one, *other}
    return bool(is_d_separator(_drawn(graph, without), set(one), set(other), (set(given) & set(graph.names)) - ends))


def _drawn(graph: CausalGraph, without: Collection[tuple[str, str]] = ()) -> Any:
    from networkx import DiGraph

    drawn = DiGraph()
    drawn.add_nodes_from(graph.names)
    drawn.add_edges_from(pair for pair in graph.pairs if pair not in set(without))
    return drawn


def between(graph: CausalGraph, treatments: Collection[str], outcome: str) -> frozenset[str]:
    """Return what lies on causal paths that meet the treatments only where they start, the outcome among it.

    Examples
    --------
    >>> sorted(between(CausalGraph(edges=("a -> m -> y", "a -> side")), ["a"], "y"))
    ['m', 'y']
    """
    chosen = set(treatments)
    after = reached(chosen, [(cause, effect) for cause, effect in graph.pairs if effect not in chosen])
    before = reached([outcome], [(effect, cause) for cause, effect in graph.pairs if cause not in chosen])
    return frozenset((after & before) - chosen)


def forbidden(graph: CausalGraph, treatments: Collection[str], outcome: str) -> frozenset[str]:
    """Return what must not be adjusted for: what lies on causal paths, and everything that this moves."""
    path = between(graph, treatments, outcome)
    return frozenset((path | graph.downstream(*path)) - set(treatments)) if path else frozenset()


def carries(graph: CausalGraph, treatments: Collection[str], outcome: str, given: Collection[str]) -> bool:
    """Tell whether adjusting for a set gives the effect of the treatments, all set together, on the outcome.

    Examples
    --------
    >>> graph = CausalGraph(edges=("need -> help -> grade", "need -> grade", "help -> mood"))
    >>> [carries(graph, ["help"], "grade", given) for given in ((), ("need",), ("need", "grade"), ("need", "mood"))]
    [False, True, False, True]
    """
    if set(given) & forbidden(graph, treatments, outcome):
        return False
    return separated(graph, treatments, [outcome], given, first_arrows(graph, treatments, outcome))


def first_arrows(graph: CausalGraph, treatments: Collection[str], outcome: str) -> tuple[tuple[str, str], ...]:
    """Return the first arrows of the causal paths; without them only other reasons connect treatments and outcome."""
    path = between(graph, treatments, outcome)
    return tuple(pair for pair in graph.pairs if pair[0] in treatments and pair[1] in path)


def moves_alone(graph: CausalGraph, instrument: str, treatment: str, outcome: str, given: Collection[str] = ()) -> bool:
    """Tell whether something moves the outcome through the treatment alone, given a set that nothing of it moves.

    Examples
    --------
    >>> graph = CausalGraph(edges=("distance -> school -> pay", "talent -> school", "talent -> pay"))
    >>> moves_alone(graph, "distance", "school", "pay"), moves_alone(graph, "talent", "school", "pay")
    (True, False)
    """
    if set(given) & (graph.downstream(treatment) | {instrument, treatment, outcome}):
        return False
    out = tuple(pair for pair in graph.pairs if pair[0] == treatment)
    return separated(graph, [instrument], [outcome], given, out) and not separated(
        graph, [instrument], [treatment], given
    )
