"""What a graph says of an effect in one respect after another, each with a sentence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from counterfoil.errors import listed
from counterfoil.estimators.refutation.bad_controls import bad_controls
from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.graph_identifier import FEW, Ways, ways
from counterfoil.estimators.refutation.separation import carries, moves_alone


@dataclass(frozen=True, slots=True)
class Finding:
    """What the graph says in one respect.

    Parameters
    ----------
    provider : str
        The treatment; empty for several together.
    finding : str
        ``covariates`` or ``instrument declared`` for what the design uses; ``adjustment set``, ``instrument`` and ``front
        door`` for ways that there are; ``mediator``, ``collider`` and the like for columns that do harm; ``not in the graph``;
        ``no path``.
    columns : tuple of str
    holds : bool
        Whether it is as one would wish.
    sentence : str
    """

    provider: str
    finding: str
    columns: tuple[str, ...]
    holds: bool
    sentence: str


def of_one(
    graph: CausalGraph,
    treatment: str,
    outcome: str,
    covariates: Sequence[str] | None,
    others: Sequence[str],
    instruments: Sequence[str],
) -> Iterator[Finding]:
    """Return what a graph says of one treatment; ``others`` are further treatments that the design tells apart from it."""
    if outcome not in graph.downstream(treatment):
        what = f"the graph has no way from {treatment} to {outcome}: as declared, the effect is zero"
        yield Finding(treatment, "no path", (), False, what)
        return
    found = ways(graph, [treatment], outcome)
    if covariates is not None:
        held = [name for name in others if name not in graph.downstream(treatment)]
        for name in others:
            if name not in held:
                what = f"{treatment} moves {name}, so that its own effect counts what it brings about through {name}"
                yield Finding(treatment, "provider in between", (name,), True, what)
        used = (*covariates, *held)
        if instruments:
            yield from (_instrument(graph, name, treatment, outcome, used) for name in instruments)
        else:
            yield _declared(graph, [treatment], outcome, used, found)
        # Instruments that a design uses as such, and other providers, are there on purpose.
        checked = [name for name in covariates if name not in instruments]
        for bad in bad_controls(graph, [treatment], outcome, used):
            if bad.column in checked:
                yield Finding(treatment, bad.kind, (bad.column,), False, bad.sentence)
        yield from _outside(graph, treatment, covariates)
    yield from _there(graph, treatment, outcome, found)


def _declared(graph: CausalGraph, treatments: Sequence[str], outcome: str, used: Sequence[str], found: Ways) -> Finding:
    programme = " and ".join(treatments)
    provider = programme if len(treatments) == 1 else ""
    enough = carries(graph, treatments, outcome, used)
    adjusting = f"adjusting for {_listed(used)}" if used else "adjusting for nothing"
    if enough:
        what = f"{adjusting} leaves no other reason for a difference between {programme} and {outcome} in the graph"
    else:
        what = f"{adjusting} leaves other reasons for a difference between {programme} and {outcome}"
        if not found.sets:
            what += ", and no set of recorded columns would do"
        else:
            better = found.sets[0]
            what += f"; adjusting for {_listed(better)} would not" if better else "; adjusting for nothing would not"
    return Finding(provider, "covariates", tuple(used), enough, what)


def _instrument(graph: CausalGraph, name: str, treatment: str, outcome: str, used: Sequence[str]) -> Finding:
    given = [other for other in used if other != name]
    held = f", with {_listed(given)} held as they are," if given else ""
    if name not in graph.names:
        what = f"the graph does not have {name}, which the design uses as an instrument"
        return Finding(treatment, "instrument declared", (name,), False, what)
    good = moves_alone(graph, name, treatment, outcome, given)
    verb = "moves" if good else "does not move"
    what = f"{name}{held} {verb} {outcome} through {treatment} alone"
    return Finding(treatment, "instrument declared", (name,), good, what)


def _outside(graph: CausalGraph, treatment: str, covariates: Sequence[str]) -> Iterator[Finding]:
    outside = tuple(name for name in covariates if name not in graph.names)
    if outside:
        what = f"the graph does not have {_listed(outside)}, so that it says nothing for or against adjusting for it"
        yield Finding(treatment, "not in the graph", outside, True, what)


def _there(graph: CausalGraph, treatment: str, outcome: str, found: Ways) -> Iterator[Finding]:
    for one in found.sets:
        adjusting = f"adjusting for {_listed(one)}" if one else "adjusting for nothing"
        what = f"{adjusting} gives the effect of {treatment} on {outcome}"
        yield Finding(treatment, "adjustment set", one, True, what)
    if not found.sets:
        hidden = [name for name in graph.unobserved if name in graph.upstream(treatment, outcome)]
        why = f": {_listed(hidden)} may move both, and nobody recorded it" if hidden else ""
        what = f"no set of recorded columns gives the effect of {treatment} on {outcome}{why}"
        yield Finding(treatment, "adjustment set", (), False, what)
    for name in found.instruments:
        what = f"{name} moves {outcome} through {treatment} alone, which makes it an instrument"
        yield Finding(treatment, "instrument", (name,), True, what)
    if found.front_door:
        what = f"{treatment} moves {outcome} through {_listed(found.front_door)} alone, which makes a front door"
        yield Finding(treatment, "front door", found.front_door, True, what)
    elif not found.searched:
        what = f"a front door was not looked for among more than {FEW} columns in between"
        yield Finding(treatment, "front door", (), False, what)


def together(
    graph: CausalGraph, treatments: Sequence[str], outcome: str, covariates: Sequence[str] | None
) -> Iterator[Finding]:
    """Return what a graph says of several treatments, set together."""
    found = ways(graph, treatments, outcome)
    programme = " and ".join(treatments)
    if covariates is not None:
        yield _declared(graph, treatments, outcome, covariates, found)
        return
    for one in found.sets:
        adjusting = f"adjusting for {_listed(one)}" if one else "adjusting for nothing"
        yield Finding(
            "", "adjustment set", one, True, f"{adjusting} gives the effect of {programme} together on {outcome}"
        )
    if not found.sets:
        what = f"no set of recorded columns gives the effect of {programme} together on {outcome}"
        yield Finding("", "adjustment set", (), False, what)


def _listed(names: Sequence[str]) -> str:
    return listed(names, limit=8)
