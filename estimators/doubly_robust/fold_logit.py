"""Logits of who was treated, one for each fold left out, in a few passes over the people for all folds together.

All folds start from nearly the same coefficients, so that the first Newton step of each needs only sums by fold, which one pass
makes. From there each fold's coefficients are a few hundredths of a standard error away; the following passes update the
gradients alone, and make the curvature anew only while steps are long. Multinomial for more than two groups.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.doubly_robust.fold_blocks import FoldBlocks
from counterfoil.estimators.propensity import STEEPEST

CLOSE: Final = 1e-22
"""Newton decrement, per unit of weight, below which another step would be rounding."""
NEAR: Final = 1e-5
"""Newton decrement below which curvature is kept: steps are then so short that it hardly changes."""
STEPS: Final = 60
FLAT: Final = 1e-10
"""Variance, of columns with variance 1 among everybody, below which a column is constant."""
ENOUGH: Final = 20_000
"""People in the first, rough fit."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pass:
    gradient: FloatArray
    """(K, q·H)"""
    information: FloatArray | None
    """(K, q·H, q·H)"""
    weight: FloatArray
    """(K,)"""


def fold_logit(blocks: FoldBlocks) -> FloatArray:
    """Return each person's chances of each group from the people of other folds, shape (n, G).

    Raises
    ------
    EstimationError
        EST-002 when a covariate separates the groups outside some fold, or a fit does not converge.
    """
    flat = _flat(blocks)
    beta = np.repeat(_rough(blocks)[None], blocks.n_folds, axis=0)
    beta[flat] = 0.0
    # One pass serves all folds while they share their coefficients.
    information = None
    if not flat.any():
        found = _left_out(_by_fold(blocks, beta))
        information = found.information
        beta = beta + _steps(found, flat)
    last = np.inf
    for _ in range(STEPS):
        found = _without(blocks, beta, information is None)
        information = found.information if found.information is not None else information
        step = _steps(_Pass(found.gradient, information, found.weight), flat)
        along = step.transpose(0, 2, 1).reshape(len(step), -1)
        decrement = float(((found.gradient * along).sum(axis=1) / found.weight).max())
        if not np.isfinite(decrement) or decrement > 100.0 * max(last, NEAR):
            break
        beta = beta + step
        if decrement < CLOSE:
            _refuse_steep(beta)
            return _own(blocks, beta)
        if decrement > NEAR or decrement > 0.1 * last:
            information = None
        last = decrement
    raise refusal("EST-002", "the fit of who was treated did not converge")


def _rough(blocks: FoldBlocks) -> FloatArray:
    """Return coefficients (q, H) of some of the people, evenly from all; of everybody where they are few."""
    width, free = blocks.width, blocks.n_groups - 1
    taken = slice(None, None, max(blocks.n // ENOUGH, 1))
    codes = blocks.block[taken] % blocks.n_groups
    columns = blocks.columns(taken)
    weights = None if blocks.weights is None else blocks.weights[taken]
    counts = np.bincount(codes, weights=weights, minlength=blocks.n_groups)
    if (counts == 0).any():
        return _rough_start(blocks)
    beta = np.zeros((width, free))
    beta[0] = np.log(counts[1:] / counts[0])
    member = codes[:, None] == np.arange(1, blocks.n_groups)
    step: FloatArray = np.zeros_like(beta)
    last = np.inf
    for _ in range(STEPS):
        chance = _chances(columns @ beta)
        gradient, information = _sums(columns, chance, member, weights)
        try:
            newton = np.asarray(cho_solve(cho_factor(information), gradient)).reshape(free, width).T
        except (LinAlgError, ValueError):
            break
        decrement = float(gradient @ newton.T.reshape(-1)) / float(counts.sum())
        if not np.isfinite(decrement):
            break
        if decrement > 2.0 * last:  # the last step overshot
            step = step / 2
            beta = beta - step
            continue
        step, last = newton, decrement
        beta = beta + step
        if decrement < 1e-9:
            return beta
    raise refusal("EST-002", "the fit of who was treated did not converge: some covariates may separate the groups")


def _rough_start(blocks: FoldBlocks) -> FloatArray:
    """Return coefficients of chances that are the same for everybody, where a group is too small to be sampled."""
    counts = blocks.counts.sum(axis=0)
    beta = np.zeros((blocks.width, blocks.n_groups - 1))
    beta[0] = np.log(counts[1:] / counts[0])
    return beta


def _chances(index: FloatArray) -> FloatArray:
    """Return chances of groups 1..H from their log-odds (m, H)."""
    with np.errstate(over="ignore"):
        if index.shape[1] == 1:
            np.negative(index, out=index)
            np.exp(index, out=index)
            index += 1.0
            return np.asarray(np.divide(1.0, index, out=index))
        top = np.maximum(index.max(axis=1, keepdims=True), 0.0)
        grown = np.exp(index - top)
        return np.asarray(grown / (np.exp(-top) + grown.sum(axis=1, keepdims=True)))


def _sums(
    columns: FloatArray, chance: FloatArray, member: FloatArray | NDArray[np.bool_], weights: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Return gradient (H·q,) and information (H·q, H·q), those of group 1 first."""
    width, free = columns.shape[1], chance.shape[1]
    missed = member - chance
    held = chance if weights is None else chance * weights[:, None]
    if weights is not None:
        missed = missed * weights[:, None]
    information = np.empty((free * width, free * width))
    for g in range(free):
        for h in range(g, free):
            curve = held[:, g] * ((g == h) - chance[:, h])
            block = (columns * curve[:, None]).T @ columns
            information[g * width : (g + 1) * width, h * width : (h + 1) * width] = block
            information[h * width : (h + 1) * width, g * width : (g + 1) * width] = block.T
    return (columns.T @ missed).T.reshape(-1), information


def _flat(blocks: FoldBlocks) -> NDArray[np.bool_]:
    """Mark columns that are the same for everybody outside a fold, shape (K, q); the first is the intercept and is not."""
    sums = np.zeros((2, blocks.n_folds, blocks.width))
    counts = blocks.counts.sum(axis=1)
    for fold, _, _, columns, _ in blocks.pieces():
        sums[0, fold] += columns.sum(axis=0)
        sums[1, fold] += np.einsum("ij,ij->j", columns, columns)
    outside = (sums.sum(axis=1, keepdims=True) - sums) / (counts.sum() - counts)[:, None]
    flat = np.asarray(outside[1] - outside[0] ** 2 < FLAT)
    flat[:, 0] = False
    return flat


def _by_fold(blocks: FoldBlocks, beta: FloatArray) -> _Pass:
    """Return sums over each fold's own people, at coefficients (K, q, H)."""
    folds, width, free = beta.shape
    gradient = np.zeros((folds, free * width))
    information = np.zeros((folds, free * width, free * width))
    weight = np.zeros(folds)
    for fold, group, _, columns, weights in blocks.pieces():
        member = np.zeros((1, free))
        if group > 0:
            member[0, group - 1] = 1.0
        slope, curve = _sums(columns, _chances(columns @ beta[fold]), member, weights)
        gradient[fold] += slope
        information[fold] += curve
        weight[fold] += len(columns) if weights is None else weights.sum()
    return _Pass(gradient, information, weight)


def _left_out(found: _Pass) -> _Pass:
    """Return sums over everybody outside each fold, where all folds' sums are at the same coefficients."""
    information = None if found.information is None else found.information.sum(axis=0) - found.information
    return _Pass(found.gradient.sum(axis=0) - found.gradient, information, found.weight.sum() - found.weight)


def _without(blocks: FoldBlocks, beta: FloatArray, curved: bool) -> _Pass:
    """Return sums over everybody outside each fold, at each fold's own coefficients (K, q, H)."""
    folds, width, free = beta.shape
    together = np.ascontiguousarray(beta.transpose(1, 0, 2).reshape(width, folds * free))
    gradient = np.zeros((folds, free * width))
    information = np.zeros((folds, free * width, free * width)) if curved else None
    weight = np.zeros(folds)
    for fold, group, _, columns, weights in blocks.pieces():
        index = columns @ together
        chance = _chances(index.reshape(-1, free)).reshape(len(columns), folds, free)
        if curved and information is not None:
            member = np.zeros((1, free))
            if group > 0:
                member[0, group - 1] = 1.0
            for other in range(folds):
                if other != fold:
                    slope, curve = _sums(columns, np.ascontiguousarray(chance[:, other]), member, weights)
                    gradient[other] += slope
                    information[other] += curve
        else:
            missed = np.negative(chance, out=chance)
            if group > 0:
                missed[:, :, group - 1] += 1.0
            if weights is not None:
                missed *= weights[:, None, None]
            slopes = (columns.T @ missed.reshape(len(columns), -1)).reshape(width, folds, free)
            slopes[:, fold] = 0.0
            gradient += slopes.transpose(1, 2, 0).reshape(folds, -1)
        total = float(len(columns) if weights is None else weights.sum())
        weight += total
        weight[fold] -= total
    return _Pass(gradient, information, weight)


def _steps(found: _Pass, flat: NDArray[np.bool_]) -> FloatArray:
    """Return Newton steps (K, q, H), none along columns that are flat outside a fold."""
    steps = []
    for k, (gradient, information) in enumerate(zip(found.gradient, found.information, strict=True)):  # type: ignore[arg-type]
        width = flat.shape[1]
        used = np.tile(~flat[k], len(gradient) // width)
        step = np.zeros_like(gradient)
        try:
            step[used] = cho_solve(cho_factor(information[np.ix_(used, used)]), gradient[used])
        except (LinAlgError, ValueError):
            what = "outside some fold covariates separate the groups, or one is a combination of others"
            raise refusal("EST-002", what) from None
        steps.append(step.reshape(-1, width).T)
    return np.array(steps)


def _refuse_steep(beta: FloatArray) -> None:
    slopes = np.concatenate([np.zeros((*beta.shape[:2], 1)), beta], axis=2)[:, 1:]
    if np.ptp(slopes, axis=2).max(initial=0.0) > STEEPEST:
        raise refusal("EST-002", "a covariate separates who was treated")


def _own(blocks: FoldBlocks, beta: FloatArray) -> FloatArray:
    """Return chances (n, G) of each fold's people, from its own coefficients."""
    found = np.empty((blocks.n, blocks.n_groups))
    for fold, _, who, columns, _ in blocks.pieces():
        chance = _chances(columns @ beta[fold])
        found[who, 1:] = chance
        found[who, 0] = 1.0 - chance.sum(axis=1)
    return found
