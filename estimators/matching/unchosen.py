"""Whether partners were chosen at all: where much of the other group is used once, those who are left are taken, alike or not.

Errors of matched effects count how outcomes vary among people alike, and take what partners still differ in as nothing. That holds
where many more people are there to be partners than are needed (Abadie and Imbens 2012 and Abadie and
Spiess 2022 let the other group grow faster than the matched one). Where a third or more are partners, the difference
between the groups that matching could not remove stays in the effect, and no error by set, neighbours or person shows it.

Sources: Abadie and Imbens (2012), *A martingale representation for matching estimators*, Journal of the American Statistical Association
107(498); Abadie and Spiess (2022), *Robust post-matching inference*, Journal of the American Statistical Association 117(538).
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.matching.bias_adjustment import adjust
from counterfoil.estimators.matching.matches import Matches

if TYPE_CHECKING:
    from counterfoil.estimators.matching.matched import Matched
    from counterfoil.estimators.matching.matching import Matching

MOST: Final = 1 / 3
"""Part of the other group beyond which its people are taken rather than chosen."""
LEFT: Final = 1.0
"""Difference of means of partners, over its own error in two groups drawn by lot, beyond which it is told before outcomes."""
MOVED: Final = 1.0
"""Standard errors by which adjusting must move an effect to be told: a 95% interval that is off by so much holds the truth in 83 of 100."""


def few_chosen(
    spec: "Matching", sample: ComparisonSample, matches: Matches, balancing: FloatArray
) -> tuple[Problem, ...]:
    """Return EST-056 where much of the other group are partners and the groups still differ in a covariate.

    Parameters
    ----------
    spec : Matching
    sample : ComparisonSample
    matches : Matches
    balancing : ndarray, shape (n, 1)
    """
    share = _used(spec, sample, matches)
    adjusting = sample.adjusting
    open_columns = [j for j, name in enumerate(adjusting.covariates) if name not in spec.adjusted]
    if share is None or not open_columns:
        return ()
    values = adjusting.values if len(open_columns) == adjusting.values.shape[1] else adjusting.values[:, open_columns]
    members = np.stack([sample.of(1), sample.of(0)]).astype(np.float64)
    own = members * balancing[:, 0]
    means = own @ values / own.sum(axis=1)[:, None]
    # Not of the partners alone, who vary less the nearer they are.
    sizes = members.sum(axis=1)[:, None]
    variances = members @ values**2 / sizes - (members @ values / sizes) ** 2
    spread = np.sqrt(np.maximum(variances.mean(axis=0), 0.0))
    gap = np.abs(means[0] - means[1]) / np.where(spread > 0, spread, np.inf)
    by_lot = np.sqrt(float(((own**2).sum(axis=1) / own.sum(axis=1) ** 2).sum()))
    if gap.max() <= LEFT * by_lot:
        return ()
    far = adjusting.names[open_columns[int(gap.argmax())]]
    what = f"{_said(share)}; they still differ by {gap.max():.2g} standard deviations in '{far}', which the error does not count"
    return (Problem("EST-056", what, "estimator"),)


def told_of_the_rest(matched: "Matched", outcome: FloatArray, estimate: Estimate) -> Estimate:
    """Return an estimate that says by how much adjusting for what partners still differ in would move it, where that matters.

    Parameters
    ----------
    matched : Matched
    outcome : ndarray, shape (n,)
    estimate : Estimate
        Of this match and outcome.
    """
    spec, sample, matches = matched.spec, matched.sample, matched.matches
    share = _used(spec, sample, matches)
    columns, names = sample.adjusting.values, sample.adjusting.names
    if share is None or not names or set(spec.adjusted) >= set(sample.adjusting.covariates):
        return estimate
    own = sample.weights * matches.matched
    if share[0] <= columns.shape[1] + 1:
        return estimate
    bias = adjust(matches, own, sample.codes, columns, names, outcome)
    sign = np.where(sample.codes == 1, 1.0, -1.0)
    moved = float((sign * (own + bias.carried)) @ outcome / own.sum()) - float(estimate.values[0])
    error = float(estimate.std_error[0])
    told = {**estimate.diagnostics, "moved_by_adjusting": moved}
    problems = estimate.warnings
    if abs(moved) > MOVED * error:
        size = f", {abs(moved) / error:.2g} standard errors" if error > 0 else ""
        what = f"{_said(share)}; adjusting for what they still differ in would move the effect by {moved:.3g}{size}"
        problems = (*problems, Problem("EST-056", what, "estimator"))
    return replace(estimate, diagnostics=told, warnings=problems)


def _used(spec: "Matching", sample: ComparisonSample, matches: Matches) -> tuple[int, int] | None:
    """Return how many of the other group are partners, and how many there are, where many are and each is used once."""
    if spec.replace or spec.method not in ("nearest", "optimal"):
        return None
    other = sample.of(0 if spec.estimand == "att" else 1)
    used = int((other & (matches.carried(matches.matched.astype(np.float64)) > 0)).sum())
    return (used, int(other.sum())) if used > MOST * other.sum() else None


def _said(share: tuple[int, int]) -> str:
    return (
        f"{shown(share[0])} of {shown(share[1])} people who could be partners are, which leaves little to choose from"
    )
