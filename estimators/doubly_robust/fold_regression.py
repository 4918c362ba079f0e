"""Outcomes predicted linearly in each group from the people of other folds: sums by fold and group, and leave-out by difference."""

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.linalg.lapack import dpstrf

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.doubly_robust.fold_blocks import FoldBlocks
from counterfoil.estimators.least_squares import DEPENDENT_SQUARE


def fold_regression(
    blocks: FoldBlocks, outcomes: FloatArray, groups: tuple[int, ...], labels: tuple[str, ...]
) -> tuple[FloatArray, int]:
    """Return each person's predicted outcomes in each group, and how many slopes could not be fitted.

    Parameters
    ----------
    blocks : FoldBlocks
    outcomes : ndarray, shape (n, o)
        In the order of the people.
    groups : tuple of int
        Codes of the groups to predict for.
    labels : tuple of str
        What every group is called.

    Returns
    -------
    means : ndarray, shape (n, len(groups), o)
        In the order of the people.
    unfitted : int
        Slopes left at zero because a column is constant, or a combination of others, in a group outside a fold.

    Raises
    ------
    EstimationError
        EST-003 when a group has, outside some fold, no more people than columns.
    """
    n, width = blocks.n, blocks.width
    count = outcomes.shape[1]
    centre = outcomes.mean(axis=0)
    gram = np.zeros((blocks.n_folds, len(groups), width, width))
    cross = np.zeros((blocks.n_folds, len(groups), width, count))
    for fold, group, who, columns, weights in blocks.pieces():
        if group in groups:
            place = groups.index(group)
            held = columns if weights is None else columns * weights[:, None]
            gram[fold, place] += held.T @ columns
            cross[fold, place] += held.T @ (outcomes[who] - centre)
    people = blocks.counts
    coefficients = np.empty((blocks.n_folds, width, len(groups), count))
    unfitted = 0
    for fold in range(blocks.n_folds):
        for place, group in enumerate(groups):
            there = int(people[:, group].sum() - people[fold, group])
            if there <= width:
                what = f"group '{labels[group]}' has {shown(there)} people outside a fold for an outcome model of {width} columns"
                raise refusal("EST-003", what, "people", "use fewer covariates or folds, or merge groups")
            found, lost = _solve(
                gram[:, place].sum(axis=0) - gram[fold, place], cross[:, place].sum(axis=0) - cross[fold, place]
            )
            coefficients[fold, :, place] = found
            unfitted += lost
    means = np.empty((n, len(groups) * count))
    for fold, _, who, columns, _ in blocks.pieces():
        means[who] = columns @ coefficients[fold].reshape(width, -1)
    shaped = means.reshape(n, len(groups), count)
    shaped += centre
    return shaped, unfitted


def _solve(gram: FloatArray, cross: FloatArray) -> tuple[FloatArray, int]:
    """Return coefficients (q, o) with zeros for columns that are a combination of others, and how many those are."""
    total, first = gram[0, 0], gram[0, 1:]
    # Around the group's own means, so that of dependent columns the intercept always stays.
    inner = gram[1:, 1:] - np.outer(first, first) / total
    length = np.sqrt(np.maximum(np.diagonal(inner), 0.0))
    varying = np.flatnonzero(length**2 > DEPENDENT_SQUARE * np.maximum(np.diagonal(gram)[1:], total))
    kept = varying
    if len(varying):
        scaled = inner[np.ix_(varying, varying)] / np.outer(length[varying], length[varying])
        _, pivots, rank, _ = dpstrf(scaled, tol=DEPENDENT_SQUARE)
        kept = np.sort(varying[pivots[:rank] - 1])
    found = np.zeros_like(cross)
    if len(kept):
        side = cross[1:][kept] - np.outer(first[kept], cross[0]) / total
        scale = length[kept]
        solved = cho_solve(cho_factor(inner[np.ix_(kept, kept)] / np.outer(scale, scale)), side / scale[:, None])
        found[1:][kept] = solved / scale[:, None]
    found[0] = (cross[0] - first @ found[1:]) / total
    return found, len(length) - len(kept)
