"""Ridge-augmented synthetic control: the simplex weights, corrected for what they leave unmatched before treatment.

The correction is (X₁ − X₀'ω)'(X₀'X₀ + λI)⁻¹X₀' with histories X centred at the donors' mean: the bias that a ridge regression
of later outcomes on the history predicts. Weights still sum to 1, but may be negative: the synthetic place may then lie
outside what donors have been like. λ is chosen by leaving out one period before treatment at a time: the largest whose mean
squared error is within one standard error of the least.

Source: Ben-Michael, Feller and Rothstein (2021), "The augmented synthetic control method", JASA 116(536), sections 3 and 5.
"""

from typing import Final

import numpy as np
from scipy.linalg import svd, svdvals

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.synthetic.simplex import simplex_weights

GRID: Final = np.logspace(0, -8, 20)
"""λ tried, as parts of the largest squared singular value of the donors' centred history."""

ROUNDING: Final = 1e-10
"""Differences between donors, relative to the outcome, below which they are taken for rounding."""


def ridge_correction(
    history: FloatArray, treated: FloatArray, weights: FloatArray, penalty: float | None
) -> FloatArray:
    """Return what is added to simplex weights, shape (J,); its sum is zero.

    Parameters
    ----------
    history : ndarray, shape (J, before)
    treated : ndarray, shape (before,)
    weights : ndarray, shape (J,)
    penalty : float or None
        λ as a part of the largest squared singular value of the centred history; chosen by cross-validation when None.
    """
    mean = history.mean(axis=0)
    part = cross_validated(history, treated) if penalty is None else penalty
    parts = np.array([part])
    unmatched = treated - mean - weights @ (history - mean)
    return np.asarray(_corrections(history, unmatched, parts, _largest(history))[0])


def cross_validated(history: FloatArray, treated: FloatArray) -> float:
    """Return the largest λ (as a part) whose error on periods left out is within a standard error of the least.

    Parameters
    ----------
    history : ndarray, shape (J, before)
        At least three periods.
    treated : ndarray, shape (before,)
    """
    before = history.shape[1]
    errors = np.empty((before, len(GRID)))
    mean, largest = history.mean(axis=0), _largest(history)
    for left_out in range(before):
        kept = np.arange(before) != left_out
        weights = simplex_weights(history[:, kept].T, treated[kept]).weights
        unmatched = (treated - mean - weights @ (history - mean))[kept]
        full = weights + _corrections(history[:, kept], unmatched, GRID, largest)
        errors[left_out] = (treated[left_out] - full @ history[:, left_out]) ** 2
    average = errors.mean(axis=0)
    best = int(np.argmin(average))
    allowed = average[best] + errors[:, best].std(ddof=1) / np.sqrt(before)
    return float(GRID[np.flatnonzero(average <= allowed)[0]])


def _largest(history: FloatArray) -> float:
    """Return the largest squared singular value of the centred history."""
    return float(svdvals(history - history.mean(axis=0))[0] ** 2)


def _corrections(history: FloatArray, unmatched: FloatArray, parts: FloatArray, largest: float) -> FloatArray:
    """Return what is added to the weights for each λ, shape (len(parts), J); directions that are rounding have none."""
    left, values, right = svd(history - history.mean(axis=0), full_matrices=False)
    kept = values > ROUNDING * float(np.abs(history).max())
    left, values, right = left[:, kept], values[kept], right[kept]
    shrunk = values / (values**2 + parts[:, None] * largest)
    added = (shrunk * (right @ unmatched)) @ left.T
    return np.asarray(added - added.mean(axis=1, keepdims=True))
