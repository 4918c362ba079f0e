"""What every comparison gives: people's weights, known before outcomes are read, and afterwards an estimate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.comparisons.comparison_design import WHOSE, Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate

OVERLAP: Final = "people treated or not, weighted to those who could have been either"
POPULATION: Final[dict[Estimand, str]] = {
    "att": "people treated",
    "atc": "people not treated",
    "ate": "people treated or not",
    "ato": OVERLAP,
    "atm": OVERLAP,
}
"""Who the people are over whom a gain per person counts."""


@runtime_checkable
class Compared(Protocol):
    """A comparison that is made and not yet measured: what balance tables, plots and `check` need of it."""

    @property
    def sample(self) -> ComparisonSample:
        """Whom it compares."""
        ...

    @property
    def estimand(self) -> Estimand:
        """Whose effect it is."""
        ...

    @property
    def score(self) -> Score | None:
        """Chances of being treated, where it uses them."""
        ...

    @property
    def balancing(self) -> FloatArray:
        """Weights (n, k), one column a term, observation weights included: of the term's group and of the untreated; else 0."""
        ...

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader must know before outcomes are read, the sample's warnings among them."""
        ...


def as_estimate(
    sample: ComparisonSample,
    estimand: Estimand,
    values: FloatArray,
    influence: FloatArray,
    *,
    outcome: str | tuple[str, ...],
    parameters: int,
    warnings: Sequence[Problem],
    terms: Sequence[str] | None = None,
    diagnostics: Mapping[str, Any] | None = None,
    **more: Any,
) -> Estimate:
    """Return values (k,) with their influence (n, k) as an estimate on a comparison's people.

    Parameters
    ----------
    sample : ComparisonSample
    estimand : str
    values, influence : ndarray, shapes (k,), (n, k)
        In the outcome's units; influence is centred.
    outcome : str or tuple of str
    parameters : int
        Fitted parameters, of the score and of the outcome model.
    warnings : sequence of Problem
    terms : sequence of str, optional
        As the sample's, unless they are others.
    diagnostics : mapping, optional
        Beside the sample's counts.
    **more
        Of `Estimate`: riesz, spread, leverage, classical, error_type and the like.

    Raises
    ------
    EstimationError
        EST-001 when the comparison does not define the error type that is asked for.
    """
    kind = more.pop("error_type", sample.error_type)
    return Estimate(
        terms=tuple(sample.terms if terms is None else terms),
        values=values,
        influence=influence,
        ids=sample.study.ids,
        clusters=sample.clusters,
        cluster_names=sample.cluster_names,
        cluster_by=sample.cluster_by,
        parameters=parameters,
        error_type=kind,
        target="population",
        outcome=outcome,
        estimand=WHOSE[estimand],
        people=people_of(sample, estimand),
        population=POPULATION[estimand],
        warnings=tuple(dict.fromkeys(warnings)),
        diagnostics={**sample.counts, **(diagnostics or {})},
        **more,
    ).using(kind)


def people_of(sample: ComparisonSample, estimand: Estimand) -> int:
    """Return over how many people a gain per person counts."""
    chosen = sum(int(sample.of(code).sum()) for code in sample.arms.chosen)
    return {"att": chosen, "atc": int(sample.of(0).sum())}.get(estimand, sample.n)


@dataclass(frozen=True, slots=True, eq=False)
class ComparisonFit:
    """A comparison and what it measured; nothing is fitted again.

    Parameters
    ----------
    comparison : Compared
        Made without reading outcomes.
    effects : Estimate
        One term a group that is compared with the untreated, in the outcome's units per person.
    period : str or None
        Of the outcome, where the design names one.
    """

    comparison: Compared
    effects: Estimate
    period: str | None = None

    def total(self) -> Estimate:
        """Return the gain: one term.

        Raises
        ------
        ContractError
            CONTRACT-016 where several groups are compared and none is named.
        """
        if len(self.effects.terms) == 1:
            return self.effects
        what = f"{len(self.effects.terms)} groups are compared with the untreated, and a gain is of one"
        raise refusal("CONTRACT-016", what, "estimator", "name one under `arm:`, or write `arm: any`")

    def __repr__(self) -> str:
        return repr(self.effects)

    def _repr_html_(self) -> str:
        return self.effects._repr_html_()
