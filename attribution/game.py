"""Exact values of a finished game: credit for each player from the worth of every coalition.

The table ``v`` has one number a coalition, length 2^K; bit j of its index says whether player j is in. Estimators of this
package never build such a table, because only a person's own providers matter to it; it is for games from elsewhere.

A value that weighs a coalition by its size alone is φ_j = Σ_{S∌j} p_|S| (v(S∪j) − v(S)), which here costs O(2^K): weights
are laid on once, and each player's sum is read off while the table is folded in half, highest player first.

Sources: Shapley (1953); Banzhaf (1965); Harsanyi (1959) for dividends.
"""

from math import comb
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterfoil.attribution.rules import rule_named
from counterfoil.errors import refusal
from counterfoil.estimators.kernel import LARGEST_PATTERN, FloatArray, Kernel, popcount

# Players whose coalitions fit the processor's cache together; the table is read in blocks of them.
BLOCK: Final = 13

# Differences and sums of larger numbers could overflow.
LARGEST: Final = 1e290


def shapley_values(v: ArrayLike) -> FloatArray:
    """Return the Shapley value of each player: marginal contributions averaged over all orders of arrival.

    Parameters
    ----------
    v : array, shape (2^K,)
        Worth of each coalition, bit j of the index for player j. Only differences from ``v[0]`` matter.

    Returns
    -------
    ndarray, shape (K,)
        In the units of ``v``; sums to ``v[-1] − v[0]``.

    Raises
    ------
    AttributionError
        ATTR-007 when the table is no game.

    Examples
    --------
    Player 0 has a left glove, players 1 and 2 a right one; a pair is worth 1.

    >>> shapley_values([0, 0, 0, 1, 0, 1, 0, 1]).round(4)
    array([0.6667, 0.1667, 0.1667])
    """
    game, players = checked_game(v)
    return _by_size(game, np.array([1 / (players * comb(players - 1, size)) for size in range(players)]))


def banzhaf_values(v: ArrayLike) -> FloatArray:
    """Return the Banzhaf value of each player: marginal contributions averaged over all coalitions of the others.

    Parameters
    ----------
    v : array, shape (2^K,)
        Worth of each coalition, bit j of the index for player j.

    Returns
    -------
    ndarray, shape (K,)
        In the units of ``v``; does not sum to the gain in general.

    Raises
    ------
    AttributionError
        ATTR-007 when the table is no game.

    Examples
    --------
    >>> banzhaf_values([0, 0, 0, 1, 0, 1, 0, 1])
    array([0.75, 0.25, 0.25])
    """
    game, players = checked_game(v)
    return _by_size(game, np.full(players, 0.5 ** (players - 1)))


def rule_values(v: ArrayLike, rule: str | Kernel, record: ArrayLike | None = None) -> FloatArray:
    """Return the credit of each player under any attribution rule, for at most twelve players.

    Parameters
    ----------
    v : array, shape (2^K,)
        Worth of each coalition, bit j of the index for player j.
    rule : str or Kernel
        A name of ``RULES``, or a rule with terms, such as ``rule_named("owen", names, unions=...)``.
    record : array, shape (K,), optional
        Each player's dose, or day of beginning, for rules that look at them.

    Returns
    -------
    ndarray, shape (K,)

    Raises
    ------
    AttributionError
        ATTR-002 when the rule needs a record and there is none, ATTR-004 with more than twelve players, ATTR-007 when the
        table is no game or the record does not fit it.

    Examples
    --------
    >>> rule_values([0, 0.3, 0.2, 0.7], "dose_split", record=[5.0, 2.0])
    array([0.5, 0.2])
    """
    game, players = checked_game(v)
    kernel = rule_named(rule)
    if players > LARGEST_PATTERN:
        raise refusal(
            "ATTR-004", f"the game has {players} players, more than {LARGEST_PATTERN}", fix="use shapley_values"
        )
    if not kernel.needs:
        return np.asarray(kernel.weights(tuple(range(players)), None) @ (game - game[0]))
    if record is None:
        raise refusal("ATTR-002", f"rule {kernel.name} looks at '{kernel.needs}', and `record` is not given")
    looked_at = per_player(record, players, "record")
    return np.asarray(kernel.weights(tuple(range(players)), looked_at[None])[0] @ (game - game[0]))


def dividends(v: ArrayLike) -> FloatArray:
    """Return the Harsanyi dividend of each coalition: the joint effect that none of its parts has.

    Parameters
    ----------
    v : array, shape (2^K,)
        Worth of each coalition, bit j of the index for player j; left as it is.

    Returns
    -------
    ndarray, shape (2^K,)
        δ_S with ``v(S) − v(∅) = Σ_{T⊆S} δ_T``; the empty coalition has 0.

    Raises
    ------
    AttributionError
        ATTR-007 when the table is no game.

    Examples
    --------
    >>> dividends([0, 1, 2, 5])
    array([0., 1., 2., 2.])
    """
    game, players = checked_game(v)
    change: FloatArray = game - game[0]
    for block in change.reshape(-1, 1 << min(players, BLOCK)):
        _differences(block, range(min(players, BLOCK)))
    _differences(change, range(BLOCK, players))
    return change


def _by_size(game: FloatArray, chance: FloatArray) -> FloatArray:
    """Return Σ_{S∌j} chance[|S|] (v(S∪j) − v(S)) of each player, given chance (K,).

    It is Σ_{S∋j} (chance[|S|−1] + chance[|S|]) v(S) − Σ_S chance[|S|] v(S), with chance[−1] = chance[K] = 0.
    """
    players = len(chance)
    low = min(players, BLOCK)
    rows = game.reshape(-1, 1 << low)
    size = popcount(np.arange(1 << low)) + np.arange(players - low + 1)[:, None]
    leaving = np.append(chance, 0.0)
    both = (leaving + np.concatenate([[0.0], chance]))[size]
    leaving = leaving[size]
    by_low, by_high, every = np.zeros(1 << low), np.empty(len(rows)), 0.0
    for position, (row, above) in enumerate(zip(rows, popcount(np.arange(len(rows))).tolist(), strict=True)):
        worth = row - game[0]
        every += leaving[above] @ worth
        worth *= both[above]
        by_low += worth
        by_high[position] = worth.sum()
    return np.array([*_sums(by_low), *_sums(by_high)]) - every


def _sums(weighted: FloatArray) -> list[float]:
    """Return, for each bit, the sum of the entries (2^m,) whose index has it."""
    found = []
    while len(weighted) > 1:
        lower, upper = weighted.reshape(2, -1)
        found.append(float(upper.sum()))
        weighted = lower + upper
    return found[::-1]


def _differences(table: FloatArray, players: range) -> None:
    """Subtract, in place, from each coalition with a player the entry without, one player after the other."""
    for j in players:
        pairs = table.reshape(-1, 2, 1 << j)
        pairs[:, 1] -= pairs[:, 0]


def checked_game(v: ArrayLike) -> tuple[FloatArray, int]:
    """Return the table as floats (2^K,) and its number of players.

    Raises
    ------
    AttributionError
        ATTR-007 when the table is no game.
    """
    given: NDArray[Any] = np.asarray(v)
    if given.dtype.kind not in "biuf":
        raise refusal("ATTR-007", "the table holds something else than numbers", "v")
    players = given.size.bit_length() - 1
    if given.ndim != 1 or given.size != 1 << max(players, 1):
        what = f"the table has shape {given.shape}, and 2, 4, 8, ... numbers in a row are needed, one a coalition"
        raise refusal("ATTR-007", what, "v")
    game = np.ascontiguousarray(given, dtype=np.float64)
    # NaN fails every comparison.
    if not (game.min() > -LARGEST and game.max() < LARGEST):
        what = f"{int((~(np.abs(game) < LARGEST)).sum())} coalitions have no finite worth, or one above {LARGEST:g}"
        raise refusal("ATTR-007", what, "v")
    return game, players


def per_player(given: ArrayLike, players: int, name: str) -> FloatArray:
    """Return one finite number a player (K,).

    Raises
    ------
    AttributionError
        ATTR-007 when there is not.
    """
    row = np.asarray(given, dtype=np.float64)
    if row.shape != (players,) or not np.isfinite(row).all():
        what = f"{name} has shape {row.shape}, and {players} finite numbers are needed, one a player"
        raise refusal("ATTR-007", what, name)
    return row
