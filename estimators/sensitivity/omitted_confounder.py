"""What a cause that nobody measured could do to the effects of a comparison: matched, weighted, doubly robust, or a lottery's.

Any such effect is a mean of outcomes with weights α (its Riesz representer). A confounder of strength R²_Y, R²_D shifts it by at
most ν · √(R²_Y R²_D/(1 − R²_D)) with ν² = E[e²] E[α²], where e is what a regression of the outcome leaves in the groups that are
compared. Residuals are of a regression by group on the covariates of the comparison; where a group has fewer than
`PER_COLUMN` people for each column, the groups share their slopes.

In a lottery nothing decides who is assigned, so that the bound is for what came after it: people lost, or errors of the record.

Source: Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2022), *Long story short: omitted variable bias in causal machine
learning*, NBER working paper 30302, theorem 2 and corollary 1.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.omitted_variable import NO_WEIGHT, OmittedVariable
from counterfoil.estimators.weighting.longitudinal_weights import LongitudinalWeights

PER_COLUMN: Final = 2
"""People for each column that a group needs for slopes of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Confoundable:
    """An estimate that a confounder could bias, and what the bound rests on.

    Parameters
    ----------
    estimate : Estimate
        k terms, in the outcome's units.
    residuals : ndarray, shape (n, k)
        Outcome less its regression on what was adjusted for; 0 for people who are not in a term's comparison.
    riesz : ndarray, shape (n, k)
        Weights α of the residuals, without the observation weights.
    weights : ndarray, shape (n,)
        Observation weights, mean 1.
    """

    estimate: Estimate
    residuals: FloatArray
    riesz: FloatArray
    weights: FloatArray

    @property
    def scale(self) -> FloatArray:
        """ν of each term, shape (k,), in the outcome's units.

        Raises
        ------
        EstimationError
            EST-015 when nothing is left of the outcome, or no weight, so that there is nothing to hold a confounder against.
        """
        weight = self.weights[:, None]
        noise = (weight * self.residuals**2).mean(axis=0)
        spread = (weight * self.riesz**2).mean(axis=0)
        size = np.abs(self.estimate.values).max(initial=0.0)
        if (np.sqrt(noise) <= NO_WEIGHT * size).any() or (spread <= NO_WEIGHT**2).any() or (noise <= 0).any():
            raise refusal("EST-015", "the outcome model leaves no residual, or no residual has a weight", "estimator")
        return np.asarray(np.sqrt(noise * spread))


def confoundable(fit: ComparisonFit, period: str | None = None) -> Confoundable:
    """Return what the bound of a comparison's effects rests on; the design is not fitted again.

    Parameters
    ----------
    fit : ComparisonFit
        Weights are its effects' own, or the comparison's where they carry none.
    period : str, optional
        The outcome's, where it has several; the design's own when omitted.

    Raises
    ------
    EstimationError
        EST-015 for a treatment that is decided period by period, whose weights rest on more than one set of covariates.
    """
    if isinstance(fit.comparison, LongitudinalWeights):
        what = "a treatment that is decided period by period rests on what was known by each period, and not on one set of covariates"
        raise refusal("EST-015", what, "estimator")
    sample, effects = fit.comparison.sample, fit.effects
    riesz = (
        signed_weights(sample, fit.comparison.balancing)
        if effects.riesz is None
        else effects.riesz / sample.weights[:, None]
    )
    residuals = np.zeros_like(riesz)
    for k, name in enumerate(_outcomes(effects)):
        chosen = compared_groups(sample.codes, riesz[:, k])
        outcome = sample.study.outcome(name, period or fit.period)
        residuals[chosen, k] = regression_residuals(
            outcome[chosen], sample.codes[chosen], sample.adjusting.values[chosen], sample.weights[chosen]
        )
    return Confoundable(effects, residuals, riesz, sample.weights)


def confoundable_estimate(estimate: Estimate, weights: FloatArray | None = None) -> Confoundable:
    """Return what the bound of a linear estimate rests on: its residuals follow from its influence values.

    Parameters
    ----------
    estimate : Estimate
        With influence values and weights, such as an experiment's.
    weights : ndarray, shape (n,), optional
        Observation weights.

    Raises
    ------
    EstimationError
        EST-015 for an estimate without weights.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Experiment
    >>> gain = Experiment(outcome="earnings").fit(cf.datasets.load("nsw"))
    >>> omitted_confounder(gain).robustness.round(3)
    array([0.126])
    """
    if estimate.riesz is None or estimate.influence is None:
        raise refusal("EST-015", "the estimate carries no weights of people that a confounder could shift", "estimator")
    plain = estimate.influence if estimate.spread is None else estimate.influence - estimate.spread
    there = np.abs(estimate.riesz) > NO_WEIGHT * np.abs(estimate.riesz).max(axis=0, initial=0.0)
    residuals = np.divide(plain, estimate.riesz, out=np.zeros_like(plain), where=there)
    weight = np.ones(len(plain)) if weights is None else np.asarray(weights) / np.mean(weights)
    return Confoundable(estimate, residuals, estimate.riesz / weight[:, None], weight)


def omitted_confounder(
    found: ComparisonFit | Confoundable | Estimate, conf_level: float = 0.95, period: str | None = None
) -> OmittedVariable:
    """Return how sensitive effects are to a confounder that was not measured.

    Parameters
    ----------
    found : ComparisonFit, Confoundable or Estimate
    conf_level : float
    period : str, optional
        The outcome's, where it has several.

    Raises
    ------
    EstimationError
        EST-015 without weights or residuals.
    """
    if isinstance(found, ComparisonFit):
        base = confoundable(found, period)
    else:
        base = confoundable_estimate(found) if isinstance(found, Estimate) else found
    estimate = base.estimate
    return OmittedVariable(
        terms=estimate.terms,
        values=estimate.values,
        interval=estimate.interval(conf_level),
        scale=base.scale,
        outcome=estimate.outcome if isinstance(estimate.outcome, str) else ", ".join(dict.fromkeys(estimate.outcome)),
        conf_level=conf_level,
    )


def signed_weights(sample: ComparisonSample, balancing: FloatArray) -> FloatArray:
    """Return α, (n, k), of differences of weighted means: positive for the group of a term, negative for the untreated."""
    untreated = sample.of(0)[:, None]
    own = np.where(untreated, 0.0, balancing)
    other = np.where(untreated, balancing, 0.0)
    mean_own, mean_other = own.mean(axis=0), other.mean(axis=0)
    if (mean_own <= 0).any() or (mean_other <= 0).any():
        raise refusal("EST-015", "a group has no weight in the comparison", "estimator")
    return np.asarray((own / mean_own - other / mean_other) / sample.weights[:, None])


def compared_groups(codes: NDArray[np.intp], riesz: FloatArray) -> NDArray[np.bool_]:
    """Mark the people of the groups in which anybody has a weight, shape (n,)."""
    return np.isin(codes, np.unique(codes[riesz != 0]))


def regression_residuals(
    outcome: FloatArray, codes: NDArray[np.intp], covariates: FloatArray, weights: FloatArray
) -> FloatArray:
    """Return the residuals of a regression by group, (n,), enlarged for the columns that were fitted.

    Parameters
    ----------
    outcome : ndarray, shape (n,)
    codes : ndarray of int, shape (n,)
    covariates : ndarray, shape (n, p)
        Without an intercept.
    weights : ndarray, shape (n,)
    """
    groups = [codes == code for code in np.unique(codes)]
    if any(group.sum() < PER_COLUMN * (covariates.shape[1] + 1) for group in groups):
        levels = np.column_stack([group.astype(np.float64) for group in groups])
        return _enlarged(outcome, np.hstack([levels, covariates]), weights)
    found = np.empty(len(outcome))
    for group in groups:
        design = np.hstack([np.ones((int(group.sum()), 1)), covariates[group]])
        found[group] = _enlarged(outcome[group], design, weights[group])
    return found


def _enlarged(outcome: FloatArray, design: FloatArray, weights: FloatArray) -> FloatArray:
    root = np.sqrt(weights)
    fitted = least_squares(root[:, None] * design, root * outcome)
    people = len(outcome)
    return np.asarray(fitted.residuals / root * np.sqrt(people / (people - len(fitted.kept))))


def _outcomes(effects: Estimate) -> Iterable[str]:
    return (effects.outcome,) * len(effects.terms) if isinstance(effects.outcome, str) else effects.outcome
