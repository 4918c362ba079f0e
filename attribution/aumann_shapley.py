"""Aumann-Shapley: credit for continuous doses, each provider's marginal effect averaged along the way from no dose to all.

φ_j = ∫₀¹ D_j ∂_j f(tD) dt for each person, where f is what the doses D ≥ 0 are worth. The credits sum to f(D) − f(0); for
doses of 0 and 1 and a multilinear f they are the Shapley values. A polynomial has a closed form, `monomial_shares`;
any other f is integrated by Gauss-Legendre quadrature, twice, and refused where the two orders differ.

Source: Aumann and Shapley (1974), *Values of non-atomic games*, for the diagonal formula.
"""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike

from counterfoil.errors import refusal
from counterfoil.estimators.kernel import FloatArray

# Further nodes of the second quadrature; odd, so that the two orders share no node between the ends.
FURTHER: Final = 7

# Central differences lose least at the cube root of the rounding error.
STEP: Final = float(np.finfo(np.float64).eps ** (1 / 3))

# Rounding error of a central difference, relative to the function's own size, with room to spare.
ROUNDING: Final = 1e-9


def aumann_shapley(
    f: Callable[[FloatArray], ArrayLike],
    doses: ArrayLike,
    gradient: Callable[[FloatArray], ArrayLike] | None = None,
    *,
    order: int = 16,
    tolerance: float = 1e-6,
) -> FloatArray:
    """Return each person's credit of each provider for the doses that it gave.

    Parameters
    ----------
    f : callable
        From doses (n, K) to what they are worth (n,), person by person; in the units of the outcome.
    doses : array, shape (n, K)
        Zero or more; zero where a provider did nothing.
    gradient : callable, optional
        From doses (n, K) to the derivative in each provider's dose (n, K); central differences when omitted.
    order : int
        Nodes of the quadrature; exact for polynomials of degree 2 · order.
    tolerance : float
        Error that is allowed, relative to the largest gain or credit of anybody.

    Returns
    -------
    ndarray, shape (n, K)
        Credits in the units of f; rows sum to f(D) − f(0) within the tolerance.

    Raises
    ------
    AttributionError
        ATTR-008 when the two orders disagree, the credits miss the gain, or f is not finite.
    DataError
        DATA-017 for doses that are negative or not finite.

    Examples
    --------
    >>> aumann_shapley(lambda d: d[:, 0] ** 2 * d[:, 1] ** 3, [[1.0, 1.0], [2.0, 0.0]]).round(6)
    array([[0.4, 0.6],
           [0. , 0. ]])
    """
    given = np.atleast_2d(np.asarray(doses, dtype=np.float64))
    wrong = ~(np.isfinite(given) & (given >= 0)).all(axis=1)
    if given.ndim != 2 or wrong.any():
        raise refusal("DATA-017", f"the doses of {int(wrong.sum())} people are negative or not finite", "doses")
    slope = _differences(f, given) if gradient is None else _supplied(gradient, given)
    first, second = (_along_diagonal(slope, given.shape, nodes) for nodes in (order, order + FURTHER))
    full, nothing = _finite(f(given), len(given)), _finite(f(np.zeros_like(given)), len(given))
    gain = full - nothing
    largest = max(np.abs(gain).max(initial=0.0), np.abs(second).max(initial=0.0))
    size = max(np.abs(full).max(initial=0.0), np.abs(nothing).max(initial=0.0))
    allowed = tolerance * largest + ROUNDING * size
    unsettled = (np.abs(first - second) > allowed).any(axis=1)
    if unsettled.any():
        what = f"quadrature of {order} and of {order + FURTHER} nodes disagree for {int(unsettled.sum())} people"
        raise refusal("ATTR-008", what, "f")
    missed = np.abs(second.sum(axis=1) - gain) > allowed * given.shape[1]
    if missed.any():
        raise refusal("ATTR-008", f"the credits of {int(missed.sum())} people do not sum to their gain", "f")
    return second


def _along_diagonal(slope: Callable[[float], FloatArray], shape: tuple[int, ...], nodes: int) -> FloatArray:
    """Return ∫₀¹ slope(t) dt, shape (n, K)."""
    at, weight = np.polynomial.legendre.leggauss(nodes)
    credit = np.zeros(shape)
    for t, w in zip((1 + at) / 2, weight / 2, strict=True):
        credit += w * slope(float(t))
    return credit


def _supplied(gradient: Callable[[FloatArray], ArrayLike], doses: FloatArray) -> Callable[[float], FloatArray]:
    def slope(t: float) -> FloatArray:
        steepness = np.asarray(gradient(t * doses), dtype=np.float64)
        if steepness.shape != doses.shape:
            raise ValueError(f"the gradient has shape {steepness.shape}; the doses have {doses.shape}")
        # A derivative may be infinite at a dose of nothing, where it is asked for but does not count.
        counts = doses > 0
        return np.multiply(doses, _finite(np.where(counts, steepness, 0.0), *doses.shape))

    return slope


def _differences(f: Callable[[FloatArray], ArrayLike], doses: FloatArray) -> Callable[[float], FloatArray]:
    """Return D_j ∂_j f(tD) by central differences: a step is a fraction of each person's own dose, so none is negative."""

    def slope(t: float) -> FloatArray:
        step = min(STEP, t / 2)
        change = np.zeros(doses.shape)
        for j in range(doses.shape[1]):
            move = np.zeros(doses.shape)
            move[:, j] = step * doses[:, j]
            there, back = (_finite(f(t * doses + side * move), len(doses)) for side in (1.0, -1.0))
            change[:, j] = (there - back) / (2 * step)
        return change

    return slope


def _finite(given: Any, *shape: int) -> FloatArray:
    numbers = np.asarray(given, dtype=np.float64)
    if numbers.shape != shape:
        raise ValueError(f"the function returns shape {numbers.shape}; one number a person, {shape}, is needed")
    if not np.isfinite(numbers).all():
        what = f"the function or its gradient is not finite for {int((~np.isfinite(numbers)).sum())} of the doses asked"
        raise refusal("ATTR-008", what, "f")
    return numbers
