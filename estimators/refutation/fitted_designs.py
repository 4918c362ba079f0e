"""Any design fitted to any study, read as one estimate."""

from collections.abc import Mapping

import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.contribution import Contribution, ContributionFit
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.spec import Design, as_study


def by_provider(designs: Design | Mapping[str, Design]) -> dict[str, Design]:
    """Return designs by provider; one that measures a programme as a whole stands under no name."""
    return {"": designs} if isinstance(designs, Design) else dict(designs)


def study_of(spec: Design, data: Study | pd.DataFrame) -> Study:
    """Return the study itself, or one made of a plain frame as the design reads it."""
    providers = (*spec.providers, *spec.backbone) if isinstance(spec, Contribution) else ()
    return as_study(spec, data, tuple(dict.fromkeys(providers)))


def measured(spec: Design, study: Study, kernel: Kernel | None) -> Estimate:
    """Fit a design and return its estimate: of every group that it compares, of its total, or of its providers' credits."""
    fit = getattr(spec, "fit", None)
    if fit is None:
        raise refusal("EST-053", f"a design of kind {getattr(spec, 'kind', '?')} is not fitted to a study", "estimator")
    found = fit(study)
    if isinstance(found, Estimate):
        return found
    if isinstance(found, ComparisonFit):
        return found.effects
    if isinstance(found, ContributionFit) and kernel is not None:
        return found.apply(kernel)
    total = found.total()
    if not isinstance(total, Estimate):
        raise refusal("EST-053", "the design's total is no estimate", "estimator")
    return total


def labels_of(found: Estimate, provider: str) -> tuple[str, ...]:
    """Return what each term is called in a table by provider: nothing for a programme as a whole."""
    terms = tuple("" if term == "gain" else term for term in found.terms)
    return tuple(": ".join(filter(None, (provider, term))) for term in terms)


def outcome_of(found: Estimate, term: int) -> str:
    """Return what a term measures."""
    return found.outcome if isinstance(found.outcome, str) else found.outcome[term]
