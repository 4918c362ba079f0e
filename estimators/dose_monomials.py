"""Polynomial responses to doses: their monomials, and who is credited with each.

Along the straight line from no dose to the doses D, the monomial Π_k D_k^{d_k} gives player j the Aumann-Shapley credit
∫₀¹ D_j ∂_j f(tD) dt = d_j / Σ_k d_k of its value: the closed form that a fitted polynomial needs.

Source: Aumann and Shapley (1974), *Values of non-atomic games*; Billera and Heath (1982) and Mirman and Tauman (1982) for
the axioms on polynomials.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterfoil.estimators.covariance import FloatArray


def dose_exponents(players: int, degree: int, pairs: Iterable[tuple[int, int]] = ()) -> NDArray[np.intp]:
    """Return the exponents of own powers 1..degree and of products of pairs, shape (n_monomials, players).

    Examples
    --------
    >>> dose_exponents(2, degree=2, pairs=[(0, 1)]).tolist()
    [[1, 0], [0, 1], [2, 0], [0, 2], [1, 1]]
    """
    own = [power * np.eye(players, dtype=np.intp) for power in range(1, degree + 1)]
    joint = [np.isin(np.arange(players), pair).astype(np.intp)[None] for pair in pairs]
    return np.vstack([*own, *joint])


def dose_monomials(doses: FloatArray, exponents: NDArray[np.intp]) -> FloatArray:
    """Return Π_k D_k^{d_k} of each person's doses (n, players), shape (n, n_monomials)."""
    columns = np.empty((len(doses), len(exponents)))
    for position, row in enumerate(exponents):
        used = np.flatnonzero(row)
        columns[:, position] = (doses[:, used] ** row[used]).prod(axis=1)
    return columns


def monomial_shares(exponents: ArrayLike) -> FloatArray:
    """Return each player's Aumann-Shapley share of a monomial of doses.

    Parameters
    ----------
    exponents : array of int, shape (n_monomials, players), or (players,) for one monomial
        Power of each player's dose, zero or more.

    Returns
    -------
    ndarray, of the same shape
        d_j / Σ_k d_k; zero for a constant, which is no gain over no dose.

    Examples
    --------
    >>> monomial_shares([2, 3])
    array([0.4, 0.6])
    """
    powers = np.asarray(exponents, dtype=np.float64)
    if (powers < 0).any():
        raise ValueError("exponents are zero or more")
    whole = powers.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(powers, whole, out=np.zeros_like(powers), where=whole > 0))
