"""Entropy balancing: weights of one group under which its means are exactly another's, and as even as they can then be.

Weights of the source proportional to exp(λ′x) have the target's means where λ minimizes log Σ_S ω exp(λ′(x − t)), a convex function
(the dual). There are such weights if and only if the target's means lie inside the convex hull of the source's people. Where they
lie on a face of it that belongs to one column (nobody of the target has a level that some of the source have), people off that face
can only have weight zero, which they are given.

λ̂ and the target's means t̂ solve estimating equations, so that what their estimation adds to an error is known:
λ̂ − λ ≈ A⁻¹ mean{ (x − t) of the target − (x − t) of the source, weighted }, with A the source's weighted covariance of x.

Sources: Hainmueller (2012), Political Analysis 20(1), section 3; Zhao and Percival (2017), Journal of Causal Inference 5(1), for the
estimating equations.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.lapack import dpstrf

from counterfoil.errors import CounterfoilError, listed, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import DEPENDENT_SQUARE

STEPS: Final = 200
FACE: Final = 1e-10
"""Distance, in standard deviations, within which a value is on the edge of the hull."""
BALANCED: Final = 1e-9
"""Difference of means, in standard deviations, beyond which balance was not reached."""
CLOSE: Final = 1e-26
"""Newton decrement below which the next step would be rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Tilt:
    """Weights of a source's people, and what their estimation adds to an error.

    Parameters
    ----------
    balancing : ndarray, shape (n,)
        Relative to observation weights; zero outside the source. They count as many people as the target has.
    source, target : ndarray of bool, shape (n,)
    weights : ndarray, shape (n,)
        Observation weights.
    columns : ndarray, shape (n, q)
        The columns that λ belongs to, less the target's means, in standard deviations.
    bread : ndarray, shape (q, q)
        Inverse of the source's weighted covariance of them.
    """

    balancing: FloatArray
    source: NDArray[np.bool_]
    target: NDArray[np.bool_]
    weights: FloatArray
    columns: FloatArray
    bread: FloatArray

    def through(self, gradient: FloatArray) -> FloatArray:
        """Return what the estimation of the weights adds to the influence of a value, shape (n,).

        Parameters
        ----------
        gradient : ndarray, shape (n,)
            How the value depends on each person's weight, times n; the value does not depend on the scale of all weights.
        """
        used = self.balancing * self.weights
        moved = self.bread @ (self.columns.T @ (gradient * self.balancing))
        along = self.columns @ moved
        return np.asarray(
            self.target * self.weights * along / self.weights[self.target].sum() - used * along / used.sum()
        )


def entropy_tilt(
    columns: FloatArray,
    weights: FloatArray,
    source: NDArray[np.bool_],
    target: NDArray[np.bool_],
    names: tuple[str, ...],
    who: tuple[str, str] = ("the untreated", "the treated"),
) -> Tilt:
    """Weight a source's people to a target's means of all columns.

    Parameters
    ----------
    columns : ndarray, shape (n, p)
    weights : ndarray, shape (n,)
        Observation weights.
    source, target : ndarray of bool, shape (n,)
    names : tuple of str
        Of the columns.
    who : tuple of str
        What source and target are called, for messages.

    Raises
    ------
    IdentificationError
        IDENT-039 where no weights have these means.

    Examples
    --------
    >>> ages = np.array([[20.0], [30.0], [40.0], [36.0]])
    >>> tilt = entropy_tilt(ages, np.ones(4), np.arange(4) < 3, np.arange(4) == 3, ("age",))
    >>> float((tilt.balancing @ ages)[0].round(9)), tilt.balancing.round(3).tolist()
    (36.0, [0.082, 0.236, 0.682, 0.0])
    """
    mean = np.average(columns[target], axis=0, weights=weights[target])
    spread = columns.std(axis=0)
    scaled = (columns - mean) / np.where(spread > 0, spread, 1.0)
    rows, varying = _face(scaled, np.flatnonzero(source), names, who)
    kept = _independent(scaled[np.ix_(rows, varying)], varying) if len(varying) else varying
    inner = np.ascontiguousarray(scaled[rows][:, kept])
    base = weights[rows] / weights[rows].sum()
    found, slope = _dual(inner, base)
    if found is None:
        raise _outside(tuple(names[kept[j]] for j in _conflict(inner, base, slope)), who)
    tilted, covariance = found
    off = np.abs(tilted @ scaled[rows])
    if (off > BALANCED).any():
        raise _outside(tuple(names[j] for j in np.flatnonzero(off > BALANCED)), who)
    balancing = np.zeros(len(columns))
    balancing[rows] = tilted * weights[target].sum() / weights[rows]
    bread = np.asarray(np.linalg.inv(covariance), dtype=np.float64) if len(kept) else np.empty((0, 0))
    return Tilt(balancing, source, target, weights, scaled[:, kept], bread)


def _face(
    scaled: FloatArray, rows: NDArray[np.intp], names: tuple[str, ...], who: tuple[str, str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return who can have a weight, and the columns in which they differ."""
    while True:
        low, high = scaled[rows].min(axis=0, initial=np.inf), scaled[rows].max(axis=0, initial=-np.inf)
        if (outside := (low > FACE) | (high < -FACE)).any():
            raise _outside(tuple(names[j] for j in np.flatnonzero(outside)), who)
        varying = np.flatnonzero(high - low > FACE)
        edge = varying[(low[varying] > -FACE) | (high[varying] < FACE)]
        if not len(edge):
            return rows, varying
        rows = rows[(np.abs(scaled[np.ix_(rows, edge)]) <= FACE).all(axis=1)]


def _independent(inner: FloatArray, varying: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the columns that are no combination of others among those who can have a weight."""
    centred = inner - inner.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    _, pivots, rank, _ = dpstrf(centred.T @ centred / np.outer(length, length), tol=DEPENDENT_SQUARE)
    return np.asarray(varying[np.sort(pivots[:rank] - 1)])


def _dual(inner: FloatArray, base: FloatArray) -> tuple[tuple[FloatArray, FloatArray] | None, FloatArray]:
    """Minimize the dual by damped Newton steps.

    Returns weights that sum to one with their covariance of the columns, or None where there are none; and the last slope.
    """
    slope = np.zeros(inner.shape[1])
    value, tilted = _tilted(inner, base, slope)
    last = np.inf
    for _ in range(STEPS):
        mean = tilted @ inner
        covariance = (inner * tilted[:, None]).T @ inner - np.outer(mean, mean)
        try:
            step = -cho_solve(cho_factor(covariance), mean) if len(slope) else slope
        except LinAlgError:
            break
        decrement = float(-(mean @ step))
        if decrement < CLOSE or (decrement < 1e-20 and decrement >= last / 2):
            return (tilted, covariance), slope
        last, size = decrement, 1.0
        while size > 1e-10:
            new, trial = _tilted(inner, base, slope + size * step)
            # Below this the values differ by rounding only, and a full step is safe.
            if new <= value - 1e-4 * size * decrement or decrement < 1e-10:
                break
            size /= 2
        slope, value, tilted = slope + size * step, new, trial
        # A direction in which everybody of the source lies on one side of the target's means proves that there are none.
        if (inner @ slope).max() < 0:
            break
    return None, slope


def _conflict(inner: FloatArray, base: FloatArray, slope: FloatArray) -> list[int]:
    """Return columns that cannot be balanced together, none of which can be spared: without any one they could be."""
    left = list(range(inner.shape[1]))
    for column in np.argsort(np.abs(slope)).tolist():
        fewer = [other for other in left if other != column]
        if fewer and _dual(inner[:, fewer], base)[0] is None:
            left = fewer
    return left


def _tilted(inner: FloatArray, base: FloatArray, slope: FloatArray) -> tuple[float, FloatArray]:
    """Return the dual's value and the weights at a slope."""
    index = inner @ slope
    top = index.max()
    tilted = base * np.exp(index - top)
    total = tilted.sum()
    return float(np.log(total) + top), tilted / total


def _outside(names: tuple[str, ...], who: tuple[str, str]) -> CounterfoilError:
    together = " together" if len(names) > 1 else ""
    what = f"no weights of {who[0]} have the means of {who[1]} in {listed(names)}{together}"
    return refusal("IDENT-039", what, "people")
