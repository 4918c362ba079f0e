"""The effect among matched people, with its errors; nothing is matched again.

With τ̂_i the difference between focal person i and the counterpart, a_i what i counts, K_j = Σ_i a_i w_ij what j carries as a
partner, A = Σ a_i and σ²_j the variance of outcomes among people like j:

* ``abadie_imbens``: A⁻² [Σ_i a_i² (τ̂_i − τ̂)² + Σ_j σ̂²_j {(a_j + K_j)² − a_j² − Σ_i a_i² w_ij²}]: Abadie and Imbens (2006),
  *Large sample properties of matching estimators for average treatment effects*, Econometrica 74(1), theorems 6 and 7.
* ``matched_sets``: A⁻² Σ_sets {Σ_{i in set} a_i (τ̂_i − τ̂)}² · S/(S − 1): Abadie and Spiess (2022), *Robust post-matching
  inference*, Journal of the American Statistical Association 117(538).
* ``scores``: (n/A) {a_i (±(Y_i − μ̂_other(X_i)) − τ̂) ± K_i (Y_i − μ̂_own(X_i))}, with + for the treated: Abadie and Imbens (2012),
  *A martingale representation for matching estimators*, Journal of the American Statistical Association 107(498).

Where a fitted score says who is alike, its estimation is part of the scores and of the first covariance (``estimated_score``).
Errors by matched set take the score as known, which makes them too large where covariates tell more of outcomes than the score.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.compared import POPULATION, as_estimate
from counterfoil.estimators.comparisons.comparison_design import WHOSE
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.matching.alike import alike
from counterfoil.estimators.matching.bias_adjustment import adjust
from counterfoil.estimators.matching.estimated_score import through_score
from counterfoil.estimators.matching.matches import Positions
from counterfoil.estimators.matching.methods import NEEDS_NO_DISTANCE, NEEDS_SCORE
from counterfoil.estimators.matching.metric import BY_SCORE
from counterfoil.estimators.matching.stratified import STRATIFIED, measure_within
from counterfoil.estimators.matching.unchosen import told_of_the_rest

if TYPE_CHECKING:
    from counterfoil.estimators.matching.matched import Matched
    from counterfoil.estimators.matching.matching import MatchedErrors

SMALL_SETS: Final = ("nearest", "optimal", "full")
"""Methods whose matched sets are many and small, as errors by set need."""


def measure(matched: "Matched", outcome: FloatArray, name: str) -> Estimate:
    """Return the effect on an outcome (n,), in the outcome's units; see `Matched.effect`."""
    spec, sample, matches = matched.spec, matched.sample, matched.matches
    errors = errors_of(matched)
    if spec.method in STRATIFIED:
        return _of_the_matched(matched, measure_within(matched, outcome, name))
    group = sample.codes
    sign = np.where(group == 1, 1.0, -1.0)
    own = sample.weights * matches.matched
    found = sample.adjusting
    chosen = found.of(spec.adjusted)
    names = tuple(found.names[j] for j in chosen.tolist())
    bias = adjust(matches, own, group, found.values[:, chosen], names, outcome)
    rows = np.arange(sample.n)
    held, against = outcome - bias.along[rows, group], outcome - bias.along[rows, 1 - group]
    each = np.where(matches.matched, sign * (against - matches.counterpart(held)), 0.0)
    value = float(own @ each / own.sum())
    near = alike(matched.places, group == 1, held)
    other, same = near.means[rows, 1 - group], near.means[rows, group]
    score = own * (sign * (against - other) - value) + sign * bias.carried * (held - same)
    influence = score * (sample.n / own.sum())
    influence -= influence.mean()
    estimated = _by_score(matched)
    through = np.zeros(sample.n)
    if estimated and matched.score is not None:
        through = through_score(matched.score, group == 1, own, held)
    covariance, degrees = None, None
    if errors == "abadie_imbens":
        variance = near.variance if spec.variance == "neighbours" else _equal(matched, own, sign, held, each, value)
        correction = float(((influence + through) ** 2 - influence**2).sum()) / sample.n**2
        covariance = np.array([[_abadie_imbens(matched, own, each - value, variance) + correction]])
    if errors == "matched_sets":
        apart = held - _partners_mean(held, group, matches.carried(own))
        # The regression's own error: what it moves of each partner's part, times how far that partner is from its line.
        moved = sign * (bias.carried - matches.carried(own)) * apart
        spread, sets = _by_set(matched, own * (each - value) + moved)
        covariance, degrees = np.array([[spread]]), float(sets - 1)
    estimate = as_estimate(
        sample,
        spec.estimand,
        np.array([value]),
        (influence + through)[:, None],
        outcome=name,
        parameters=1 + bias.parameters + (0 if matched.score is None or not estimated else matched.score.parameters),
        warnings=(*matched.warnings, *bias.warnings),
        diagnostics={**matched.counts, "score": _said(matched, estimated)},
        riesz=(sign * (own + bias.carried) * (sample.n / own.sum()))[:, None],
        matched=covariance,
        matched_by="matched_sets" if errors == "matched_sets" else "abadie_imbens",
        degrees=degrees,
        **({} if errors == "scores" else {"error_type": errors}),
    )
    return _of_the_matched(matched, told_of_the_rest(matched, outcome, estimate))


def _of_the_matched(matched: "Matched", estimate: Estimate) -> Estimate:
    """Return an estimate that says of whom it is, where some people have no partner."""
    if not matched.counts["unmatched"]:
        return estimate
    spec = matched.spec
    whom = POPULATION[spec.estimand]
    return replace(
        estimate,
        estimand=f"{WHOSE[spec.estimand]} who have a partner",
        people=int(matched.counts["matched"]),
        population=f"{whom} who have a partner",
    )


def errors_of(matched: "Matched") -> "MatchedErrors":
    """Return which errors an estimate states: as asked for, or by design.

    Raises
    ------
    ContractError
        CONTRACT-016 when errors that ignore clusters are asked for and the study has clusters.
    EstimationError
        EST-001 for errors by matched set where there are no sets, or one.
    """
    spec, sets = matched.spec, matched.matches.sets
    clustered = matched.sample.clusters is not None
    if spec.method in STRATIFIED:
        return "scores"
    if spec.errors is None:
        if clustered or spec.vcov is not None:
            return "scores"
        many = sets is not None and spec.method in SMALL_SETS and int(sets.max()) > 0
        return "matched_sets" if many else "abadie_imbens"
    if spec.errors != "scores" and clustered:
        what = f"errors {spec.errors} ignore the clusters of the study"
        raise refusal("CONTRACT-016", what, "estimator", "leave `errors:` out")
    if spec.errors == "matched_sets" and (sets is None or int(sets.max()) < 1):
        raise refusal("EST-001", "errors by matched set need two sets or more, and nobody in two", "estimator")
    return spec.errors


def _by_score(matched: "Matched") -> bool:
    """Tell whether a score says who is alike."""
    spec = matched.spec
    return matched.score is not None and (
        spec.method in NEEDS_SCORE or (spec.method not in NEEDS_NO_DISTANCE and spec.distance in BY_SCORE)
    )


def _said(matched: "Matched", estimated: bool) -> str:
    if not estimated or matched.score is None:
        return "not matched on"
    return "taken as known" if matched.score.known else "its estimation is in the errors"


def _abadie_imbens(matched: "Matched", own: FloatArray, apart: FloatArray, variance: FloatArray) -> float:
    carried, squares = matched.matches.carried(own), matched.matches.squared(own**2)
    spread = float(((own * apart) ** 2).sum())
    return float(spread + variance @ (carried**2 + 2.0 * own * carried - squares)) / float(own.sum()) ** 2


def _equal(
    matched: "Matched", own: FloatArray, sign: FloatArray, held: FloatArray, each: FloatArray, value: float
) -> FloatArray:
    """Return half the mean squared difference of a person and one partner from the effect, the same for everybody, (n,)."""
    centre = held.mean()
    mean, square = matched.matches.counterpart(np.column_stack([held - centre, (held - centre) ** 2])).T
    half = float(own @ ((each - value) ** 2 + square - mean**2)) / (2.0 * float(own.sum()))
    return np.full(len(sign), half)


def _partners_mean(held: FloatArray, group: Positions, carried: FloatArray) -> FloatArray:
    """Return the mean among partners of a person's own group, weighted by what they carry, (n,)."""
    totals = np.bincount(group, carried, 2)
    return np.asarray((np.bincount(group, carried * held, 2) / np.where(totals > 0, totals, 1.0))[group])


def _by_set(matched: "Matched", parts: FloatArray) -> tuple[float, int]:
    """Return the variance by matched set, and how many sets there are."""
    sets = matched.matches.sets
    if sets is None:
        raise ValueError("nobody may be in two sets")
    inside = sets >= 0
    sums = np.bincount(sets[inside], parts[inside])
    count = len(np.unique(sets[inside]))
    total = float((matched.sample.weights * matched.matches.matched).sum())
    return float((sums**2).sum()) / total**2 * count / (count - 1), count
