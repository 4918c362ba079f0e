"""What a design treats, adjusts for and uses as an instrument, so that a graph or a test can be held against it."""

from typing import NamedTuple

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.instruments.instrumental_variable import InstrumentalVariable
from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.identification import Identification, identify
from counterfoil.estimators.spec import Design
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting


class Roles(NamedTuple):
    """Columns of people or providers by what a design does with them.

    ``columns`` are the columns of people that say who was treated and belong together; none where services say so. ``within``
    names groups inside which the treatment was dealt out, or is compared.
    """

    treatments: tuple[str, ...]
    covariates: tuple[str, ...]
    instruments: tuple[str, ...]
    columns: tuple[str, ...]
    within: str | None


def roles_of(spec: Design, study: Study) -> Roles:
    """Return who does what in a design.

    Raises
    ------
    EstimationError
        EST-053 for a design over time or of a published figure, whose treatment is no column or roster of people.

    Examples
    --------
    >>> import counterfoil as cf
    >>> study = cf.datasets.load("nsw")
    >>> roles_of(Experiment(covariates=("age",)), study).treatments
    ('assigned',)
    """
    if isinstance(spec, ComparisonDesign):
        treatments = spec.treated_columns or study.providers
        covariates = tuple(dict.fromkeys((*spec.covariates, *getattr(spec, "exact", ()))))
        return Roles(treatments, covariates, (), spec.treated_columns, None)
    if isinstance(spec, Contribution):
        return Roles(spec.providers or study.providers, spec.covariates, (), (), None)
    if isinstance(spec, InstrumentalVariable):
        covariates = (*spec.covariates, *filter(None, (spec.within,)))
        columns = (*spec.instrument, spec.received)
        return Roles((spec.received,), covariates, spec.instrument, columns, spec.within)
    if isinstance(spec, Experiment):
        drawn = spec.pairs or spec.blocks
        return Roles((spec.assigned,), (*spec.covariates, *filter(None, (drawn,))), (), (spec.assigned,), drawn)
    kind = getattr(spec, "kind", type(spec).__name__)
    raise refusal(
        "EST-053", f"a design of kind {kind} has no treatment of people that could be dealt out anew", "estimator"
    )


def identify_design(graph: CausalGraph, spec: Design, study: Study, outcome: str | None = None) -> Identification:
    """Return what a graph says of a design's effect; no outcome is read.

    Of a design whose treatment is having been served by anybody, the providers in the graph are the treatments.

    Parameters
    ----------
    graph : CausalGraph
    spec : Design
    study : Study
        May be without outcomes.
    outcome : str, optional
        As the graph calls it; as the design does when omitted.

    Raises
    ------
    ContractError
        CONTRACT-026 when the graph and the study or the design do not fit.
    EstimationError
        EST-053 for a design that a graph without time cannot speak of.

    Examples
    --------
    >>> import counterfoil as cf
    >>> graph = CausalGraph(edges=("assigned -> earnings", "age -> earnings"))
    >>> identify_design(graph, Experiment(outcome="earnings"), cf.datasets.load("nsw")).identified
    True
    """
    if isinstance(spec, LongitudinalWeighting):
        what = "a graph without time cannot speak of a treatment that is decided period by period"
        raise refusal("EST-053", what, "estimator", "leave the graph out")
    roles = roles_of(spec, study)
    measured = outcome or spec.outcome or (study.outcome_names[0] if len(study.outcome_names) == 1 else "outcome")
    treatments = roles.treatments
    if not roles.columns:
        treatments = tuple(name for name in treatments if name in graph.names) or treatments
    graph.check(treatments, (measured,), study, (measured,))
    return identify(graph, treatments, measured, roles.covariates, roles.instruments)
