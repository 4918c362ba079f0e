"""Any gate that a contract may name; its keys tell which one it is."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, Discriminator, Tag

from counterfoil.attribution.gains.few_clusters import FewClusters, hold_clusters, refuse_unreachable
from counterfoil.attribution.gains.held import Better, Held
from counterfoil.attribution.gains.own_test import OwnTest
from counterfoil.attribution.gains.p_value_gate import PValueGate, hold_p_value
from counterfoil.attribution.gains.point_gate import PointGate, hold_point
from counterfoil.attribution.gains.precision_gate import PrecisionGate, hold_precision
from counterfoil.attribution.gains.probability_gate import ProbabilityGate, hold_probability
from counterfoil.attribution.gains.robust_gate import RobustGate, hold_robust
from counterfoil.attribution.payment.gate import Gate, apply_gate
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.published import Clusters

# In this order: `above` also stands in gates that have a key of their own.
TOLD_BY: Final = {
    "p_below": "p_value",
    "probability": "probability",
    "minimum_by_people": "precision",
    "clusters_at_least": "clusters",
    "permutation": "clusters",
    "relative_magnitudes": "robust",
    "smoothness": "robust",
    "at_least": "point",
    "above": "point",
}


def gate_kind(value: Any) -> str:
    """Return which gate the keys of a mapping, or a gate, are of; ``bound``, the lower bound, when no key tells.

    Examples
    --------
    >>> gate_kind({"above": "0", "probability": "0.9"}), gate_kind({"above": "0"}), gate_kind({"conf_level": "0.9"})
    ('probability', 'point', 'bound')
    """
    if isinstance(value, BaseModel):
        keys: Any = type(value).model_fields
    else:
        keys = value if isinstance(value, Mapping) else ()
    return next((kind for key, kind in TOLD_BY.items() if key in keys), "bound")


def needs_design(gate: Any) -> bool:
    """Tell whether a gate is held against more than an estimate and its error: the data of its design.

    Examples
    --------
    >>> needs_design(PValueGate(p_below="0.05", sides="two", test="permutation")), needs_design(Gate())
    (True, False)
    """
    return isinstance(gate, RobustGate) or (isinstance(gate, PValueGate) and gate.test != "t")


AnyGate = Annotated[
    Annotated[Gate, Tag("bound")]
    | Annotated[PointGate, Tag("point")]
    | Annotated[PValueGate, Tag("p_value")]
    | Annotated[ProbabilityGate, Tag("probability")]
    | Annotated[PrecisionGate, Tag("precision")]
    | Annotated[FewClusters, Tag("clusters")]
    | Annotated[RobustGate, Tag("robust")],
    Discriminator(gate_kind),
]
"""A gate in a contract: told from the others by its keys."""


def hold_gate(
    terms: Gate | PointGate | PValueGate | ProbabilityGate | PrecisionGate | FewClusters | RobustGate,
    total: Estimate,
    better: Better,
    *,
    people: int | None = None,
    clusters: Clusters | None = None,
    over_time: EventStudy | None = None,
    own_test: OwnTest | None = None,
) -> Held:
    """Hold a gain against any gate.

    Parameters
    ----------
    terms : any gate
    total : Estimate
        One term, in the outcome's own sign.
    better : {"higher", "lower"}
        Under ``lower`` a fall of the outcome is the gain.
    people : int, optional
        For a minimum by people, where it is not the number that the estimate counts.
    clusters : Clusters, optional
        How many groups were treated and how many were not. A gate on clusters needs it; a lower bound or a p-value whose
        level no permutation of so few groups could reach is refused.
    over_time : EventStudy, optional
        Effects by period, for a gate that allows for trends that differ.
    own_test : OwnTest, optional
        What a test of the design's own says, for a gate that asks for it.

    Raises
    ------
    EstimationError
        EST-018 when the gate needs a standard error and there is none, EST-015 when it is zero, EST-020 when the groups
        cannot show it or are not known, EST-041 when the design lacks what the gate asks for.
    PaymentError
        PAY-011 when no minimum is agreed for so many people.

    Examples
    --------
    >>> total = Estimate.published([2], [1], terms=["gain"], outcome="days", estimand="ITT", people=100)
    >>> hold_gate(Gate(), total, "higher").passes, hold_gate(Gate(), total, "lower").passes
    (True, False)
    """
    if clusters is not None and isinstance(terms, Gate):
        refuse_unreachable(1.0 - terms.level, clusters, "one" if terms.bound == "one_sided" else "two")
    if clusters is not None and isinstance(terms, PValueGate):
        refuse_unreachable(terms.p_below, clusters, terms.sides, below=True)
    match terms:
        case PointGate():
            return hold_point(terms, total, better)
        case PValueGate():
            return hold_p_value(terms, total, better, own_test)
        case RobustGate():
            return hold_robust(terms, over_time, better)
        case ProbabilityGate():
            return hold_probability(terms, total, better)
        case PrecisionGate():
            return hold_precision(terms, total, better, people)
        case FewClusters():
            if clusters is None:
                raise refusal("EST-020", "nothing says how many groups were treated and how many were not", "gate")
            return hold_clusters(terms, clusters)
        case Gate():
            found = apply_gate(terms, total, better)
            words = f"{terms.bound.replace('_', '-')} lower bound at {100 * terms.level:g}%"
            return Held(found.passes, words, found.decided.lower, terms.total_above, found.margin)
