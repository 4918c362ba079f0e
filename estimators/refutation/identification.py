"""Whether the effect can be told from what is recorded, if the declared graph is right.

A graph is a claim, and no data prove it. Given the claim, three ways lead from recorded columns to an effect: adjusting for a
set of them that leaves no other path open, an instrument, or a front door. DoWhy looks for them; whether what a design adjusts
for is such a set is told by the complete criterion in `separation`, and columns that do harm are named in `bad_controls`.

Several providers are looked at one by one, with the others held as they are unless the provider moves them, and then all
together, which is what a contribution rests on.

Source: Pearl (2009), *Causality*, chapters 3 and 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.errors import IdentificationError, Problem, listed
from counterfoil.estimators.refutation.causal_graph import WHERE, CausalGraph
from counterfoil.estimators.refutation.findings import Finding, of_one, together

OPINION: Final = "This follows from the declared graph; no data can show that the graph is right."


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
        findings += of_one(graph, treatment, outcome, covariates, others, instruments)
    if len(chosen) > 1:
        moving = [name for name in chosen if outcome in graph.downstream(name)]
        findings += together(graph, moving, outcome, covariates) if len(moving) > 1 else []
    asked = {"covariates", "instrument declared"} if covariates is not None else {"adjustment set"}
    for one in findings:
        rescued = covariates is None and any(
            other.holds and other.provider == one.provider and other.finding in {"instrument", "front door"}
            for other in findings
        )
        if (one.finding in asked and not one.holds and not rescued) or one.finding == "no path":
            warnings.append(Problem("IDENT-041", one.sentence, WHERE))
    return Identification(outcome, chosen, tuple(findings), tuple(warnings))
