"""What DoWhy finds in a graph: sets to adjust for, instruments, front doors. It is handed a copy of the graph and no data.

DoWhy looks through all subsets of what might be adjusted for, so that it is asked for all smallest sets only where there are
few of these; otherwise for one smallest separator, whose search does not grow that way. Its search for a front door goes on
after the first find and keeps the last, which is made as small as can be here.

Sources: Sharma and Kiciman (2020), arXiv 2011.04216, for DoWhy; Pearl (1995), Biometrika 82(4), for back and front doors.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.quiet import quiet
from counterfoil.estimators.refutation.separation import between, carries, forbidden

FEW: Final = 10
"""So many columns that might be adjusted for, or lie in between, are searched subset by subset: some 1,000 subsets."""


@dataclass(frozen=True, slots=True)
class Ways:
    """Ways from the graph to an effect.

    Parameters
    ----------
    sets : tuple of tuples of str
        What to adjust for, smallest first; an empty set means nothing.
    instruments : tuple of str
    front_door : tuple of str
        Empty where there is none.
    all_sets : bool
        Whether every smallest set is there, and not one of them.
    searched : bool
        Whether a front door was looked for: not for several treatments at once, and not among too many columns in between.
    """

    sets: tuple[tuple[str, ...], ...]
    instruments: tuple[str, ...]
    front_door: tuple[str, ...]
    all_sets: bool = True
    searched: bool = True


def ways(graph: CausalGraph, treatments: Sequence[str], outcome: str) -> Ways:
    """Ask DoWhy how the effect of treatments, all set together, can be told from what is observed.

    Parameters
    ----------
    graph : CausalGraph
        With a causal path from every treatment, and without circles.
    treatments : sequence of str
    outcome : str

    Examples
    --------
    >>> graph = CausalGraph(edges=("need -> help -> grade", "need -> grade", "letter -> help"))
    >>> found = ways(graph, ["help"], "grade")
    >>> found.sets, found.instruments, found.front_door
    ((('need',),), ('letter',), ())
    """
    with quiet():
        return _ways(graph, list(treatments), outcome)


def _ways(graph: CausalGraph, treatments: list[str], outcome: str) -> Ways:
    from dowhy.causal_identifier import auto_identifier
    from dowhy.graph import get_instruments
    from networkx import DiGraph

    drawn = DiGraph(graph.pairs)
    # A set that carries the effect has a part among what moves treatment or outcome that carries it too.
    before = graph.upstream(*treatments, outcome) - set(treatments) - forbidden(graph, treatments, outcome)
    candidates = sorted(before & set(graph.observed))
    asked = (drawn, treatments, [outcome])
    found = _named(auto_identifier.identify_generalized_adjustment_set(*asked, candidates))
    few = len(candidates) <= FEW
    if found and few and len(treatments) == 1:
        smallest = auto_identifier.BackdoorAdjustment.BACKDOOR_MIN
        found |= _named(auto_identifier.identify_backdoor(*asked, candidates, smallest))
    sets = sorted((one for one in found if carries(graph, treatments, outcome, one)), key=lambda one: (len(one), one))
    if len(treatments) > 1:
        return Ways(tuple(sets), (), (), len(sets) == 1 and not sets[0], False)
    middle = sorted((between(graph, treatments, outcome) - {outcome}) & set(graph.observed))
    return Ways(
        sets=tuple(sets),
        instruments=tuple(sorted(set(get_instruments(*asked)) & set(graph.observed))),
        front_door=_front_door(asked, middle, auto_identifier) if len(middle) <= FEW else (),
        all_sets=few,
        searched=len(middle) <= FEW,
    )


def _named(sets: Any) -> set[tuple[str, ...]]:
    return {tuple(sorted(one.get_adjustment_variables())) for one in sets}


def _front_door(asked: tuple[Any, list[str], list[str]], middle: list[str], identifier: Any) -> tuple[str, ...]:
    def search(among: list[str]) -> list[str]:
        return sorted(identifier.identify_frontdoor(*asked, among))

    found = search(middle)
    for name in list(found):
        if name in found and (less := search([other for other in found if other != name])):
            found = less
    return tuple(found)
