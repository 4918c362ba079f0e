"""Substitution: credits if clients of an absent provider went to another one.

The package's own game cuts a person's services and replaces them by nothing. Here a client of an absent provider j goes
to k with probability strength · destinations[j, k]; if k is absent too, or already serves the person, nothing is added.
v(S) = E[Y(cut(A, S))], in expectation over where each client goes, independently for each absent provider. Exact
enumeration over 2^K sets; for few providers.

It is a sensitivity analysis only: k then earns credit for people whom it never served.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.kernel import FloatArray, Kernel

CAUTION: Final = (
    "with substitution a provider earns credit for people it never served; this is a sensitivity analysis, "
    "not a basis of payment"
)


def substituted_game(
    patterns: NDArray[np.intp], mass: FloatArray, means: FloatArray, destinations: FloatArray
) -> FloatArray:
    """Return v(S) over all coalitions when clients of absent providers go elsewhere, shape (2^K,).

    Parameters
    ----------
    patterns : ndarray of int, shape (n_patterns,)
        Bitmasks of the providers that people had.
    mass : ndarray, shape (n_patterns,)
        Share of people with each.
    means : ndarray, shape (n_patterns, 2^K)
        Mean outcome of people with a pattern under every set of providers, also sets they never had.
    destinations : ndarray, shape (K, K)
        Row j: where clients of an absent j go; diagonal zero, row sums at most one.

    Examples
    --------
    >>> means = np.array([[0.0, 0.4, 0.3, 0.5]])
    >>> goes = np.array([[0.0, 1.0], [0.0, 0.0]])
    >>> substituted_game(np.array([1]), np.ones(1), means, goes)
    array([0. , 0.4, 0.3, 0.4])
    """
    players = len(destinations)
    _check(patterns, means, destinations)
    game = np.zeros(1 << players)
    for pattern, share, mean in zip(patterns.tolist(), mass, means, strict=True):
        for coalition in range(1 << players):
            sets = {pattern & coalition: 1.0}
            for j in range(players):
                if pattern >> j & 1 and not coalition >> j & 1:
                    sets = _sent(sets, coalition, destinations[j])
            game[coalition] += share * sum(chance * mean[b] for b, chance in sets.items())
    return np.asarray(game - game[0])


def substitution_credits(
    patterns: NDArray[np.intp],
    mass: FloatArray,
    means: FloatArray,
    destinations: FloatArray,
    kernel: Kernel,
    strengths: Sequence[float] = (0.0, 0.25, 0.5),
) -> FloatArray:
    """Return the credits at each strength of substitution, shape (n_strengths, K); read them with `CAUTION`.

    Parameters
    ----------
    patterns, mass, means, destinations
        As for `substituted_game`.
    kernel : Kernel
        A rule that is a value of the game, without doses and dates.
    strengths : sequence of float
        Factors on ``destinations``; 0 is the package's own game.

    Examples
    --------
    >>> from counterfoil.attribution import Shapley
    >>> means = np.array([[0.0, 0.4, 0.3, 0.5]])
    >>> goes = np.array([[0.0, 1.0], [0.0, 0.0]])
    >>> substitution_credits(np.array([1]), np.ones(1), means, goes, Shapley()).round(4)
    array([[0.4   , 0.    ],
           [0.3625, 0.0375],
           [0.325 , 0.075 ]])
    """
    if kernel.needs:
        raise ValueError(f"rule {kernel.name} looks at '{kernel.needs}', which a game on coalitions has none of")
    weights = kernel.weights(tuple(range(len(destinations))), None)
    return np.array([weights @ substituted_game(patterns, mass, means, p * destinations) for p in strengths])


def _sent(sets: dict[int, float], coalition: int, goes: FloatArray) -> dict[int, float]:
    """Send the clients of one absent provider on: sets and their chances before, and after."""
    after: dict[int, float] = {}
    for b, chance in sets.items():
        present = [k for k in range(len(goes)) if coalition >> k & 1]
        stays = 1.0 - sum(goes[k] for k in present)
        for reached, part in [(b, stays), *((b | 1 << k, goes[k]) for k in present)]:
            after[reached] = after.get(reached, 0.0) + chance * part
    return after


def _check(patterns: NDArray[np.intp], means: FloatArray, destinations: FloatArray) -> None:
    players = len(destinations)
    if destinations.shape != (players, players) or means.shape != (len(patterns), 1 << players):
        raise ValueError("destinations are (K, K) and means (n_patterns, 2^K)")
    if (destinations < 0).any() or destinations.diagonal().any() or (destinations.sum(axis=1) > 1 + 1e-12).any():
        raise ValueError("destinations are chances: none negative, none to itself, at most one in all")
