"""Whether the effect can be told from what is recorded, if the declared graph is right.

A graph is a claim, and no data prove it. Given the claim, three ways lead from recorded columns to an effect: adjusting for a
set of them that leaves no other path open, an instrument, or a front door. DoWhy looks for them; whether what a design adjusts
for is such a set is told by the complete criterion in `separation`, and columns that do harm are named in `bad_controls`.

Several providers are looked at one by one, with the others held as they are unless the provider moves them, and then all
together, which is what a contribution rests on.

Source: Pearl (2009), *Causality*, chapters 3 and 7.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.errors import IdentificationError, Problem, listed
from counterfoil.estimators.refutation.bad_controls import bad_controls
from counterfoil.estimators.refutation.causal_graph import WHERE, CausalGraph
from counterfoil.estimators.refutation.graph_identifier import FEW, Ways, ways
from counterfoil.estimators.refutation.separation import carries, moves_alone

OPINION: Final = "This follows from the declared graph; no data can show that the graph is right."


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


@dataclass(frozen=True, slots=True, eq=False)
class Identification:
    """What a declared graph says of an effect.

    Parameters
    ----------
    outcome : str
    treatments : tuple of str
    findings : tuple of Finding
    warnings : tuple of Problem
        IDENT-041 for each treatment whose effect what the design uses does not identify.
    """

    outcome: str
    treatments: tuple[str, ...]
    findings: tuple[Finding, ...]
    warnings: tuple[Problem, ...]

    @property
    def identified(self) -> bool:
        """Whether what the design uses identifies every effect; without a design, whether anything recorded does."""
        return not self.warnings

    def require(self) -> None:
        """Refuse an effect that is not identified.

        Raises
        ------
        IdentificationError
            IDENT-041 for each treatment.
        """
        if self.warnings:
            raise IdentificationError(*self.warnings)

    def tidy(self) -> pd.DataFrame:
        """Return a row a finding.

        Returns
        -------
        DataFrame
            Columns provider (empty for several together), outcome, finding, columns (as text), holds, sentence.
        """
        rows = [
            (one.provider, self.outcome, one.finding, ", ".join(one.columns), one.holds, one.sentence)
            for one in self.findings
        ]
        return pd.DataFrame(rows, columns=["provider", "outcome", "finding", "columns", "holds", "sentence"])

    @property
    def _header(self) -> str:
        verdict = "identified" if self.identified else "not identified"
        return f"effect of {listed(self.treatments)} on {self.outcome}: {verdict} by the declared graph"

    def summary(self) -> str:
        """Return the findings as sentences."""
        return "\n".join([self._header, *(f"- {one.sentence}" for one in self.findings), OPINION])

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), f"{self._header}. {OPINION}")


def identify(
    graph: CausalGraph,
    treatments: str | Sequence[str],
    outcome: str,
    covariates: Sequence[str] | None = None,
    instruments: Sequence[str] = (),
) -> Identification:
    """Return what a graph says of effects; no data are needed.

    Parameters
    ----------
    graph : CausalGraph
    treatments : str or sequence of str
        The programme, or several providers.
    outcome : str
    covariates : sequence of str, optional
        What the design adjusts for; when omitted only ways that there are, are looked for.
    instruments : sequence of str
        What the design uses as instruments, with the covariates held as they are.

    Raises
    ------
    ContractError
        CONTRACT-026 when the graph goes round in a circle or lacks a treatment or the outcome.

    Examples
    --------
    >>> graph = CausalGraph(edges=("need -> tutoring -> grades", "need -> grades", "letter -> tutoring"))
    >>> found = identify(graph, "tutoring", "grades", covariates=["letter"])
    >>> found.identified
    False
    >>> print(found)
    effect of tutoring on grades: not identified by the declared graph
    - adjusting for letter leaves other reasons for a difference between tutoring and grades; adjusting for need would not
    - letter moves grades through tutoring alone, so that adjusting for it costs precision and enlarges whatever bias is left
    - adjusting for need gives the effect of tutoring on grades
    - letter moves grades through tutoring alone, which makes it an instrument
    This follows from the declared graph; no data can show that the graph is right.
    """
    chosen = (treatments,) if isinstance(treatments, str) else tuple(treatments)
    graph.check(chosen, (outcome,))
    findings: list[Finding] = []
    warnings: list[Problem] = []
    for treatment in chosen:
        others = [name for name in chosen if name != treatment]
        findings += _of_one(graph, treatment, outcome, covariates, others, instruments)
    if len(chosen) > 1:
        moving = [name for name in chosen if outcome in graph.downstream(name)]
        findings += _together(graph, moving, outcome, covariates) if len(moving) > 1 else []
    asked = {"covariates", "instrument declared"} if covariates is not None else {"adjustment set"}
    for one in findings:
        rescued = covariates is None and any(
            other.holds and other.provider == one.provider and other.finding in {"instrument", "front door"}
            for other in findings
        )
        if (one.finding in asked and not one.holds and not rescued) or one.finding == "no path":
            warnings.append(Problem("IDENT-041", one.sentence, WHERE))
    return Identification(outcome, chosen, tuple(findings), tuple(warnings))


def _of_one(
    graph: CausalGraph,
    treatment: str,
    outcome: str,
    covariates: Sequence[str] | None,
    others: Sequence[str],
    instruments: Sequence[str],
) -> Iterator[Finding]:
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


def _together(
    graph: CausalGraph, treatments: Sequence[str], outcome: str, covariates: Sequence[str] | None
) -> Iterator[Finding]:
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
