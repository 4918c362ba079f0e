"""The effect on one cohort against its comparison, for many changes over time at once, with influence values.

The estimand is E[Y_t − Y_b | treated] − E[Y_t(0) − Y_b(0) | treated], where the second term comes from a comparison with the
same covariates: by a regression of its changes (outcome regression), by reweighting it to the treated (weighting, Hájek), or
by both, which is right when either is (doubly robust). All three are linear in outcomes: what depends on who is treated and
on covariates alone, one logit and one cross-product, is worked out once (`weigh_groups`), and each change costs a few
products with it (`effects_of_changes`).

Sources: Sant'Anna and Zhao (2020), "Doubly robust difference-in-differences estimators", Journal of Econometrics 219(1),
sections 2 and 3; Heckman, Ichimura and Todd (1997); Abadie (2005).
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.treatment_logit import treatment_logit

Method = Literal["doubly_robust", "outcome_regression", "weighting"]
Failure = Literal["overlap", "singular"]

NO_OVERLAP: Final = 0.999
"""A fitted chance of treatment from which on the cohort has no comparison."""
TRIMMED: Final = 0.995
"""A fitted chance of treatment from which on a comparison unit gets no weight."""
SINGULAR: Final = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Weighing:
    """What of an effect is known before outcomes: m1 treated units, m0 comparison units, p columns.

    Parameters
    ----------
    treated, comparison : ndarray, shapes (m1,), (m0,)
        Weight of each unit's change in the effect; they sum to 1 and −1.
    tilt : ndarray, shape (m0,)
        Weights that make the comparison like the treated; zero without a propensity.
    treated_x, comparison_x : ndarray, shapes (m1, p), (m0, p)
    treated_score, comparison_score : ndarray, shapes (m1,), (m0,)
        Residuals of the propensity times weights.
    regress, inform : ndarray, shape (p, p)
        Inverses of the cross-product of the comparison and of the information of the propensity; zero where not used.
    base_weights : ndarray, shape (m0,)
        Observation weights of the comparison.
    hajek : bool
        Whether the tilt is normalized by its own sum.
    logit : ndarray, shape (p,), or None
        Coefficients, from which a neighbouring fit may start.
    trimmed : int
        Comparison units without weight because nobody with their covariates was left untreated.
    """

    treated: FloatArray
    comparison: FloatArray
    tilt: FloatArray
    treated_x: FloatArray
    comparison_x: FloatArray
    treated_score: FloatArray
    comparison_score: FloatArray
    regress: FloatArray
    inform: FloatArray
    base_weights: FloatArray
    hajek: bool
    logit: FloatArray | None
    trimmed: int


def weigh_groups(
    treated_x: FloatArray,
    comparison_x: FloatArray,
    treated_weights: FloatArray,
    comparison_weights: FloatArray,
    method: Method = "doubly_robust",
    *,
    start: FloatArray | None = None,
    normalize: Literal["comparison", "treated"] = "comparison",
) -> Weighing | Failure:
    """Return the weights of all units' changes in the effect, or why there are none.

    Parameters
    ----------
    treated_x, comparison_x : ndarray, shapes (m1, p), (m0, p)
        Covariates with a first column of ones.
    treated_weights, comparison_weights : ndarray, shapes (m1,), (m0,)
    method : {"doubly_robust", "outcome_regression", "weighting"}
    start : ndarray, shape (p,), optional
        Where the logit starts.
    normalize : {"comparison", "treated"}
        Sum by which the tilted comparison is divided: its own (Hájek), or that of the treated (Horvitz-Thompson).
    """
    columns = treated_x.shape[1]
    u = treated_weights / treated_weights.sum()
    mean = u @ treated_x
    tilt, score0, score1 = np.zeros(len(comparison_x)), np.zeros(len(comparison_x)), np.zeros(len(treated_x))
    inform = regress = np.zeros((columns, columns))
    coefficients, trimmed = None, 0
    if method != "weighting":
        cross = (comparison_x * comparison_weights[:, None]).T @ comparison_x
        if is_singular(cross):
            return "singular"
        regress = cho_solve(cho_factor(cross), np.eye(columns))
    if method != "outcome_regression":
        logit = treatment_logit(treated_x, comparison_x, treated_weights, comparison_weights, start)
        if logit is None or max(logit.treated.max(), logit.comparison.max()) >= NO_OVERLAP:
            return "overlap"
        if is_singular(logit.information):
            return "singular"
        inform = cho_solve(cho_factor(logit.information), np.eye(columns))
        score1, score0 = treated_weights * (1 - logit.treated), -comparison_weights * logit.comparison
        odds = comparison_weights * logit.comparison / (1 - logit.comparison)
        high = logit.comparison >= TRIMMED
        trimmed = int(high.sum())
        odds[high] = 0.0
        tilt = odds / (odds.sum() if normalize == "comparison" else treated_weights.sum())
        coefficients = logit.coefficients
    own = -tilt
    if method != "weighting":
        own = own + comparison_weights * (comparison_x @ (regress @ (tilt @ comparison_x - mean)))
    return Weighing(
        treated=u,
        comparison=own,
        tilt=tilt,
        treated_x=treated_x,
        comparison_x=comparison_x,
        treated_score=score1,
        comparison_score=score0,
        regress=regress,
        inform=inform,
        base_weights=comparison_weights,
        hajek=normalize == "comparison",
        logit=coefficients,
        trimmed=trimmed,
    )


def is_singular(cross: FloatArray) -> bool:
    """Tell whether a cross-product belongs to dependent columns."""
    size = np.sqrt(np.diagonal(cross))
    if not (size > 0).all():
        return True
    values = np.linalg.eigvalsh(cross / np.outer(size, size))
    return bool(values[0] < SINGULAR * values[-1])


def effects_of_changes(
    weighing: Weighing, treated: FloatArray, comparison: FloatArray, changes: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return effects (c,), and influence values of the treated (m1, c) and of the comparison (m0, c).

    Influence values are those of a sum: effects less truth are their sum over all m1 + m0 units.

    Parameters
    ----------
    weighing : Weighing
    treated, comparison : ndarray, shapes (m1, T), (m0, T)
        Outcomes in every period.
    changes : ndarray, shape (T, c)
        One column a change: 1 at the period, −1 at its base.

    Examples
    --------
    >>> ones = np.ones((2, 1))
    >>> half = np.ones(2)
    >>> found = weigh_groups(ones, ones, half, half)
    >>> effects_of_changes(found, np.array([[1.0, 4.0], [2.0, 4.0]]), np.array([[0.0, 1.0], [1.0, 1.0]]), np.array([[-1.0], [1.0]]))[0]
    array([2.])
    """
    w, tilt = weighing, weighing.tilt
    slopes = w.regress @ ((w.comparison_x * w.base_weights[:, None]).T @ comparison) @ changes
    treated_mean = w.treated @ w.treated_x
    tilted_x = w.comparison_x * tilt[:, None]
    tilted_mean = tilted_x.sum(axis=0)
    values = (w.treated @ treated + w.comparison @ comparison) @ changes
    if w.hajek:
        own_mean = (w.treated @ treated) @ changes - treated_mean @ slopes
        other_mean = (tilt @ comparison) @ changes - tilted_mean @ slopes
    else:
        own_mean, other_mean = values, np.zeros_like(values)
    gap = (tilted_x.T @ comparison) @ changes - tilted_x.T @ w.comparison_x @ slopes - np.outer(tilted_mean, other_mean)
    learnt = w.inform @ gap
    treated_part = _influence(
        w.treated, treated, w.treated_x, w.treated_score, w.treated, changes, slopes, -own_mean, learnt
    )
    other_part = _influence(
        w.comparison, comparison, w.comparison_x, w.comparison_score, tilt, changes, slopes, other_mean, learnt
    )
    return values, treated_part, other_part


def _influence(
    own: FloatArray,
    outcomes: FloatArray,
    x: FloatArray,
    score: FloatArray,
    centre: FloatArray,
    changes: FloatArray,
    slopes: FloatArray,
    mean: FloatArray,
    learnt: FloatArray,
) -> FloatArray:
    """Return ``own·(ΔY − xβ) + centre·mean − score·x·learnt``, shape (m, c)."""
    found = outcomes @ changes
    found -= x @ slopes
    found *= own[:, None]
    found -= np.column_stack([centre, x * score[:, None]]) @ np.vstack([-mean[None, :], learnt])
    return np.asarray(found)
