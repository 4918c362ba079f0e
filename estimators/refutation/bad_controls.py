"""Columns that make a comparison worse when they are adjusted for, as a declared graph has them.

Sources: Cinelli, Forney and Pearl (2024), *A crash course in good and bad controls*, Sociological Methods and Research 53(3),
for the kinds; Elwert and Winship (2014), Annual Review of Sociology 40, for colliders; Wooldridge (2016), Research in Economics
70(2), for instruments among the covariates.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.separation import between, carries, first_arrows, forbidden, separated


class BadControl(NamedTuple):
    """A column that had better not be adjusted for: which, of what kind, and why."""

    column: str
    kind: str
    sentence: str


def bad_controls(
    graph: CausalGraph, treatments: Sequence[str], outcome: str, covariates: Sequence[str]
) -> tuple[BadControl, ...]:
    """Return what is wrong with each of the covariates; most have nothing wrong with them.

    Parameters
    ----------
    graph : CausalGraph
    treatments : sequence of str
        Set together.
    outcome : str
    covariates : sequence of str
        What is adjusted for; names that the graph does not have are passed over.

    Examples
    --------
    >>> graph = CausalGraph(edges=("need -> help -> effort -> grade", "need -> grade"))
    >>> bad_controls(graph, ["help"], "grade", ["need", "effort"])[0].sentence
    'effort lies on the way from help to grade, so that adjusting for it takes away a part of the effect'
    """
    return tuple(_found(graph, treatments, outcome, [name for name in covariates if name in graph.names]))


def _found(
    graph: CausalGraph, treatments: Sequence[str], outcome: str, covariates: Sequence[str]
) -> Iterator[BadControl]:
    programme = " and ".join(treatments)
    path, banned = between(graph, treatments, outcome), forbidden(graph, treatments, outcome)
    after, after_outcome = graph.downstream(*treatments), graph.downstream(outcome)
    arrows = first_arrows(graph, treatments, outcome)
    good = [name for name in covariates if name not in banned]
    whole = carries(graph, treatments, outcome, good)
    for name in covariates:
        without = [other for other in good if other != name]
        if name in path and name != outcome:
            what = f"{name} lies on the way from {programme} to {outcome}, so that adjusting for it takes away a part of the effect"
            yield BadControl(name, "mediator", what)
        elif name in after_outcome:
            what = f"{name} comes after {outcome}, so that adjusting for it mixes effects with causes"
            yield BadControl(name, "after the outcome", what)
        elif name in banned:
            what = (
                f"{name} is moved by what {programme} brings about, so that adjusting for it hides a part of the effect"
            )
            yield BadControl(name, "after the programme", what)
        elif name in after:
            what = f"{name} is moved by {programme}; it carries nothing that must be adjusted for and is no baseline"
            yield BadControl(name, "after the programme", what)
        elif not whole and (
            carries(graph, treatments, outcome, without)
            or (
                separated(graph, treatments, [outcome], (), arrows)
                and not separated(graph, treatments, [outcome], (name,), arrows)
            )
        ):
            what = (
                f"{name} is a common result of what moves {programme} and of what moves {outcome}, so that adjusting for it "
                "ties the two together"
            )
            yield BadControl(name, "collider", what)
        elif _moves_only(graph, name, treatments, outcome, arrows, without):
            what = (
                f"{name} moves {outcome} through {programme} alone, so that adjusting for it costs precision and enlarges "
                "whatever bias is left"
            )
            yield BadControl(name, "instrument", what)


def _moves_only(
    graph: CausalGraph,
    name: str,
    treatments: Sequence[str],
    outcome: str,
    arrows: Sequence[tuple[str, str]],
    given: Sequence[str],
) -> bool:
    """Tell whether something has to do with the treatments, and with the outcome only through them."""
    return not separated(graph, treatments, [name], given) and separated(graph, [name], [outcome], given, arrows)
