"""The effect on one cohort against its comparison where each period has people of its own (repeated cross-sections).

The same three ways as for units that are followed, with levels in the two periods in place of changes. The doubly robust one
is the locally efficient estimator, which also adjusts for how the treated differ between the periods; it assumes that who is
treated has the same covariates in both. A unit with several rows is counted with all of them.

Source: Sant'Anna and Zhao (2020), sections 2 and 3, for repeated cross-sections; their appendix for the influence values.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.two_groups import NO_OVERLAP, TRIMMED, Failure, Method, is_singular
from counterfoil.estimators.treatment_logit import treatment_logit


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A weighted regression on some rows: slopes (p,), and what each row adds to them (m, p)."""

    slopes: FloatArray
    influence: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class TwoSamples:
    """An effect and the influence values of its rows, whose sum is effect less truth; and comparison rows without weight."""

    value: float
    influence: FloatArray
    trimmed: int


def effect_of_levels(
    outcome: FloatArray,
    late: NDArray[np.bool_],
    treated: NDArray[np.bool_],
    x: FloatArray,
    weights: FloatArray,
    method: Method = "doubly_robust",
) -> TwoSamples | Failure:
    """Return the effect in the later period on the treated, per person.

    Parameters
    ----------
    outcome : ndarray, shape (m,)
    late, treated : ndarray of bool, shape (m,)
        Every combination of the two must be there.
    x : ndarray, shape (m, p)
        Covariates with a first column of ones.
    weights : ndarray, shape (m,)
    method : {"doubly_robust", "outcome_regression", "weighting"}

    Examples
    --------
    >>> late, treated = np.array([[0, 1, 0, 1], [0, 0, 1, 1]], dtype=bool)
    >>> float(effect_of_levels(np.array([1.0, 2.0, 5.0, 9.0]), late, treated, np.ones((4, 1)), np.ones(4)).value)
    3.0
    """
    groups = {(d, s): (treated == d) & (late == s) for d in (False, True) for s in (False, True)}
    share = {key: weights * rows / (weights @ rows) for key, rows in groups.items()}
    fitted: dict[tuple[bool, bool], Regression] = {}
    if method != "weighting":
        for key in groups if method == "doubly_robust" else [(False, False), (False, True)]:
            found = _regress(outcome, x, weights * groups[key])
            if found is None:
                return "singular"
            fitted[key] = found
    if method == "outcome_regression":
        return _regression(outcome, x, weights * treated, share, fitted)
    tilted = _tilted(x, treated, late, weights)
    if not isinstance(tilted, tuple):
        return tilted
    tilt, correction, trimmed = tilted
    residual = outcome
    if fitted:
        residual = outcome - np.where(late, x @ fitted[False, True].slopes, x @ fitted[False, False].slopes)
    value, influence = 0.0, np.zeros(len(outcome))
    for s, sign in ((True, 1.0), (False, -1.0)):
        own, other = share[True, s], tilt[s]
        mean, compared = float(own @ residual), float(other @ residual)
        value += sign * (mean - compared)
        influence += sign * (own * (residual - mean) - other * (residual - compared))
        influence -= sign * (correction @ (x.T @ (other * (residual - compared))))
        if fitted:
            everyone = weights * treated / (weights @ treated)
            modelled = x @ (fitted[True, s].slopes - fitted[False, s].slopes)
            both, those = float(everyone @ modelled), float(own @ modelled)
            value += sign * (both - those)
            influence += sign * (everyone * (modelled - both) - own * (modelled - those))
            influence += sign * (fitted[False, s].influence @ ((other - everyone) @ x))
            influence += sign * (fitted[True, s].influence @ ((everyone - own) @ x))
    return TwoSamples(value, influence, trimmed)


def _regress(outcome: FloatArray, x: FloatArray, weights: FloatArray) -> Regression | None:
    cross = (x * weights[:, None]).T @ x
    if is_singular(cross):
        return None
    inverse = cho_solve(cho_factor(cross), np.eye(len(cross)))
    slopes = inverse @ ((x * weights[:, None]).T @ outcome)
    residual = (outcome - x @ slopes) * weights
    return Regression(slopes, (x * residual[:, None]) @ inverse)


def _regression(
    outcome: FloatArray,
    x: FloatArray,
    treated: FloatArray,
    share: dict[tuple[bool, bool], FloatArray],
    fitted: dict[tuple[bool, bool], Regression],
) -> TwoSamples:
    everyone = treated / treated.sum()
    change = x @ (fitted[False, True].slopes - fitted[False, False].slopes)
    expected = float(everyone @ change)
    after, before = (float(share[True, s] @ outcome) for s in (True, False))
    influence = share[True, True] * (outcome - after) - share[True, False] * (outcome - before)
    influence -= everyone * (change - expected)
    influence -= (fitted[False, True].influence - fitted[False, False].influence) @ (everyone @ x)
    return TwoSamples(after - before - expected, influence, 0)


def _tilted(
    x: FloatArray, treated: NDArray[np.bool_], late: NDArray[np.bool_], weights: FloatArray
) -> tuple[dict[bool, FloatArray], FloatArray, int] | Failure:
    """Return the comparison's weights in each period, each row's share in the coefficients (m, p), and how many are cut."""
    logit = treatment_logit(x[treated], x[~treated], weights[treated], weights[~treated])
    if logit is None or max(logit.treated.max(), logit.comparison.max()) >= NO_OVERLAP:
        return "overlap"
    if is_singular(logit.information):
        return "singular"
    chance = np.empty(len(x))
    chance[treated], chance[~treated] = logit.treated, logit.comparison
    cut = ~treated & (chance >= TRIMMED)
    odds = np.where(treated | cut, 0.0, weights * chance / (1 - chance))
    score = x * (weights * (treated - chance))[:, None]
    correction = score @ cho_solve(cho_factor(logit.information), np.eye(x.shape[1]))
    return {s: odds * (late == s) / (odds @ (late == s)) for s in (False, True)}, correction, int(cut.sum())
