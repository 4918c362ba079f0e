"""Five estimators of the effects of several arms with controls, and their influence values, as functions of arrays.

What they are stands in ``counterfoil.estimators.trials.arm_weights``. Each influence value is the exact derivative of the
estimator with regard to a person's weight, but for the common weights, whose normalizing sums are taken as equal in all
arms, as they are in large samples.

Source: Goldsmith-Pinkham, Hull and Kolesár (2024), American Economic Review 114(12), sections III and IV.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.propensity import pattern_frequencies, pattern_propensity


@dataclass(frozen=True, slots=True, eq=False)
class Five:
    """Arrays of `five_estimators`: values (5, K), influence (n, 5 K), sources (K²,) and theirs, oracle (n, 3 K)."""

    values: FloatArray
    influence: FloatArray
    sources: FloatArray
    source_influence: FloatArray
    oracle: FloatArray
    weights: FloatArray
    effects: FloatArray
    propensity_spread: float


def five_estimators(outcome: FloatArray, codes: NDArray[np.intp], controls: FloatArray, weights: FloatArray) -> Five:
    """Return the five estimators and their influence values.

    Parameters
    ----------
    outcome : ndarray, shape (n,)
    codes : ndarray of int, shape (n,)
        0 for the control, 1 to K.
    controls : ndarray, shape (n, L)
        Independent columns, within every arm too; the first is one for everybody.
    weights : ndarray, shape (n,)
        Positive, with mean 1.
    """
    n, arms = len(outcome), int(codes.max())
    held = np.asarray(codes[:, None] == np.arange(arms + 1), dtype=np.float64)
    mean = np.average(controls, axis=0, weights=weights)
    # A regression for every arm; what is left is nobody's effect.
    slopes, left, slope_influence = np.empty((arms + 1, controls.shape[1])), np.empty(n), []
    for code in range(arms + 1):
        here = codes == code
        slopes[code], rows = _regression(controls[here], outcome[here], weights[here])
        left[here] = outcome[here] - controls[here] @ slopes[code]
        influence = np.zeros((n, controls.shape[1]))
        influence[here] = n * rows * left[here, None]
        slope_influence.append(influence)
    gaps = slopes[1:] - slopes[0]
    gap_influence = [own - slope_influence[0] for own in slope_influence[1:]]
    effects = controls @ gaps.T
    ate = gaps @ mean
    ate_oracle = np.column_stack([influence @ mean for influence in gap_influence])
    ate_influence = ate_oracle + weights[:, None] * (effects - ate)
    # The additive regression, and what each arm's effects add to its coefficients.
    chances = _fitted(controls, held[:, 1:], weights)
    apart = held[:, 1:] - chances
    inverse: FloatArray = np.asarray(np.linalg.inv(apart.T @ (weights[:, None] * apart)), dtype=np.float64)
    pull = apart @ inverse * weights[:, None]
    joined = np.hstack([held[:, 1:], controls])
    pl = pull.T @ outcome
    pl_influence = n * pull * (outcome - _fitted(joined, outcome[:, None], weights)[:, 0])[:, None]
    sources, source_influence, person_weights = (
        np.empty((arms, arms)),
        np.empty((arms, arms, n)),
        np.empty((arms, arms, n)),
    )
    for j in range(arms):
        part = held[:, j + 1] * effects[:, j]
        spread = part - _fitted(joined, part[:, None], weights)[:, 0]
        for k in range(arms):
            shares = (pull[:, k] * held[:, j + 1]) @ controls
            sources[k, j] = shares @ gaps[j]
            source_influence[k, j] = gap_influence[j] @ shares + n * pull[:, k] * spread
        person_weights[:, j] = _by_control(chances, inverse, weights, j).T
    ew, ew_influence, ew_oracle = _one_at_a_time(outcome, codes, controls, weights, left)
    cw, cw_influence, cw_oracle = _common_weights(outcome, codes, controls, weights, left)
    place = np.arange(arms)
    return Five(
        values=np.array([pl, sources[place, place], ate, ew, cw]),
        influence=np.hstack(
            [pl_influence, source_influence[place, place].T, ate_influence, ew_influence, cw_influence]
        ),
        sources=sources.ravel(),
        source_influence=source_influence.reshape(arms * arms, n).T,
        oracle=np.hstack([ate_oracle, ew_oracle, cw_oracle]),
        weights=person_weights,
        effects=effects,
        propensity_spread=float(chances.std(axis=0).max()),
    )


def _by_control(chances: FloatArray, inverse: FloatArray, weights: FloatArray, j: int) -> FloatArray:
    """Return the mean weight, given controls, of effects of arm j in each coefficient, shape (n, K)."""
    unit = np.zeros(chances.shape[1])
    unit[j] = 1.0
    return np.asarray(weights[:, None] * chances[:, [j]] * ((unit - chances) @ inverse))


def _one_at_a_time(
    outcome: FloatArray, codes: NDArray[np.intp], controls: FloatArray, weights: FloatArray, left: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    n, arms = len(outcome), int(codes.max())
    values, influence, oracle = np.empty(arms), np.zeros((n, arms)), np.zeros((n, arms))
    for k in range(arms):
        here = np.isin(codes, (0, k + 1))
        treated = (codes[here] == k + 1).astype(np.float64)
        apart = treated - _fitted(controls[here], treated[:, None], weights[here])[:, 0]
        row = weights[here] * apart / (weights[here] @ apart**2)
        values[k] = row @ outcome[here]
        both = np.column_stack([treated, controls[here]])
        residual = outcome[here] - _fitted(both, outcome[here, None], weights[here])[:, 0]
        influence[here, k], oracle[here, k] = n * row * residual, n * row * left[here]
    return values, influence, oracle


def _common_weights(
    outcome: FloatArray, codes: NDArray[np.intp], controls: FloatArray, weights: FloatArray, left: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weight everybody by λ = 1 / Σ 1/π over the chance π of their arm, with π by multinomial logit."""
    n, arms = len(outcome), int(codes.max())
    held = np.asarray(codes[:, None] == np.arange(arms + 1), dtype=np.float64)
    chances = pattern_frequencies(codes, arms + 1, weights)
    # Chances that no control moves are at the logit's maximum already, where the solver finds no way up.
    if np.abs(controls.T @ (weights[:, None] * (held - chances))).max() > 1e-9 * n:
        chances = pattern_propensity(codes, controls[:, 1:], weights, "the chances of the arms")
    common = 1.0 / (1.0 / chances).sum(axis=1)
    total = weights @ common
    share = weights[:, None] * common[:, None] * held / chances
    means = (share * outcome[:, None]).sum(axis=0) / share.sum(axis=0)
    residual = (outcome - means[codes]) * weights * common / chances[np.arange(n), codes]
    row = (
        n * weights[:, None] * common[:, None] / total * (held[:, 1:] / chances[:, 1:] - held[:, [0]] / chances[:, [0]])
    )
    # How the chances' own estimation moves the weighted means; each arm has weights of the same sum.
    lean = common[:, None] / chances[:, 1:]
    moved = [
        np.concatenate([controls.T @ (held[:, m] * residual * (lean[:, j] - (m == j + 1))) for j in range(arms)])
        for m in range(arms + 1)
    ]
    size = controls.shape[1]
    hessian = np.empty((arms * size, arms * size))
    for k in range(arms):
        for j in range(arms):
            curve = weights * chances[:, k + 1] * ((k == j) - chances[:, j + 1])
            hessian[k * size : (k + 1) * size, j * size : (j + 1) * size] = controls.T @ (curve[:, None] * controls)
    score = np.hstack([(weights * (held[:, k + 1] - chances[:, k + 1]))[:, None] * controls for k in range(arms)])
    change = np.column_stack([moved[k + 1] - moved[0] for k in range(arms)]) / total
    first = n * score @ np.linalg.solve(hessian, change)
    return means[1:] - means[0], row * (outcome - means[codes])[:, None] + first, row * left[:, None]


def _regression(design: FloatArray, outcome: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return coefficients (L,) of a weighted regression and the rows (n, L) that residuals enter them by."""
    fit = least_squares(design * np.sqrt(weights)[:, None], outcome * np.sqrt(weights))
    return fit.coefficients, (weights[:, None] * design) @ fit.bread


def _fitted(design: FloatArray, responses: FloatArray, weights: FloatArray) -> FloatArray:
    """Return what a weighted regression predicts of each response (n, m)."""
    root = np.sqrt(weights)[:, None]
    return np.asarray(design @ np.linalg.lstsq(design * root, responses * root, rcond=None)[0])
