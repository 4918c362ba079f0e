"""Credits in a game of which only some cells are known: the extremes of a linear rule over all completions.

Estimand: the smallest and largest Σ_b κ_j(b; a) m(b) over all m that agree with the identified cells, keep to the
outcome's range and have the declared shape. Both are linear programmes, and sharp for one pattern by itself; added over
patterns they are valid outer bounds, because the patterns' cells are not tied to each other. Many draws of the
identified cells are solved as one programme of independent blocks. Source: Manski (2003), *Partial Identification of
Probability Distributions*; incomplete cooperative games.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import eye_array, kron

from counterfoil.errors import listed, refusal
from counterfoil.estimators.shape import FloatArray, Shape, shape_rows

EXACT: Final = 1e-9
"""Relative to the largest cell: a smaller contradiction of a shape is rounding error."""

TIGHTEST: Final = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


@dataclass(frozen=True, slots=True, eq=False)
class PartialGame:
    """The known cells of one pattern, for one or many draws of them.

    Parameters
    ----------
    rows : ndarray, shape (n_rows, 2^ℓ)
        Inequalities ``rows @ m >= 0`` of the declared shape.
    known : ndarray of bool, shape (2^ℓ,)
        Which cells are identified.
    values : ndarray, shape (n_known, n_draws)
        The identified cells, in the order of their bitmasks; oriented, higher better.
    limits : ndarray, shape (2, n_draws)
        Lowest and highest value of a cell that is not known; infinite where nothing limits it.
    """

    rows: FloatArray
    known: NDArray[np.bool_]
    values: FloatArray
    limits: FloatArray

    @property
    def draws(self) -> int:
        """Number of draws."""
        return int(self.values.shape[1])

    @property
    def scale(self) -> float:
        """Size of the cells, against which rounding error is measured."""
        finite = self.limits[np.isfinite(self.limits)]
        return float(max(np.abs(self.values).max(initial=0.0), np.abs(finite).max(initial=0.0))) or 1.0


def least_slack(game: PartialGame) -> FloatArray:
    """Return by how much every inequality must give way so that the known cells fit the shape, shape (n_draws,).

    Zero where they fit. One slack for all inequalities of a draw, so that no cell is moved and none is favoured.
    """
    seen = (game.rows[:, game.known] != 0).any(axis=1)
    settled = seen & (game.rows[:, ~game.known] == 0).all(axis=1)
    slack = np.maximum(-(game.rows[settled][:, game.known] @ game.values), 0.0).max(axis=0, initial=0.0)
    if game.known.all() or settled.all():
        return np.asarray(slack)
    if _apart(game):
        low, high = _intervals(game, np.zeros(game.draws))
        least, most = game.limits
        needed = np.maximum((low - high) / 2, np.maximum(low - most, least - high))
        return np.asarray(np.maximum(slack, needed.max(axis=0)))
    scale, unknown = game.scale, int((~game.known).sum())
    open_rows, right = _open_rows(game, scale)
    matrix = kron(eye_array(game.draws), -np.hstack([open_rows, np.ones((len(right), 1))]), format="csr")
    cost = np.tile(np.append(np.zeros(unknown), 1.0), game.draws)
    lower, upper = np.zeros((2, game.draws, unknown + 1))
    lower[:, :-1], upper[:, :-1] = game.limits[:, :, None] / scale
    lower[:, -1], upper[:, -1] = slack / scale, np.inf
    found = linprog(cost, matrix, right.T.ravel(), bounds=_stacked(lower, upper), options=TIGHTEST)
    if found.status != 0:
        raise ValueError("a range has its ends in the wrong order")
    return np.asarray(found.x.reshape(game.draws, -1)[:, -1] * scale)


def extremes(game: PartialGame, weights: FloatArray, slack: FloatArray) -> FloatArray:
    """Return the smallest and largest Σ_b weights(b) m(b) for each row of weights, shape (n_weights, 2, n_draws).

    Parameters
    ----------
    game : PartialGame
    weights : ndarray, shape (n_weights, 2^ℓ)
        Of a rule, on all cells.
    slack : ndarray, shape (n_draws,)
        By how much the inequalities give way; from `least_slack`.

    Raises
    ------
    IdentificationError
        IDENT-013 when nothing limits a cell that matters.
    """
    fixed = weights[:, game.known] @ game.values
    ends = np.stack([fixed, fixed], axis=1)
    if not np.any(weights[:, ~game.known]):
        return ends
    if _apart(game):
        low, high = _intervals(game, slack)
        low, high = np.maximum(low, game.limits[0]), np.minimum(high, game.limits[1])
        for position, weight in enumerate(weights[:, ~game.known]):
            for end, (at_plus, at_minus) in enumerate(((low, high), (high, low))):
                plus, minus = weight > 0, weight < 0
                ends[position, end] += weight[plus] @ at_plus[plus] + weight[minus] @ at_minus[minus]
        return _refuse_infinite(ends)
    scale, unknown = game.scale, int((~game.known).sum())
    open_rows, right = _open_rows(game, scale)
    # A slack found by one programme is allowed its rounding error in the next.
    right = right + np.where(slack > 0, slack / scale + EXACT, 0.0)
    matrix = kron(eye_array(game.draws), -open_rows, format="csr")
    lower, upper = (np.repeat(limit[:, None], unknown, axis=1) / scale for limit in game.limits)
    for position, weight in enumerate(weights[:, ~game.known]):
        if not weight.any():
            continue
        for end, sign in enumerate((1.0, -1.0)):
            cost = np.tile(sign * weight, game.draws)
            found = linprog(cost, matrix, right.T.ravel(), bounds=_stacked(lower, upper), options=TIGHTEST)
            if found.status != 0:
                return _refuse_infinite(np.full_like(ends, np.inf))
            ends[position, end] += scale * (found.x.reshape(game.draws, unknown) @ weight)
    return ends


def pattern_bounds(
    weights: FloatArray,
    identified: Mapping[int, float],
    *,
    shape: Collection[Shape] = (),
    outcome_range: tuple[float, float] | None = None,
) -> FloatArray:
    """Return bounds on the credits of one pattern from exactly known cells, shape (ℓ, 2).

    Parameters
    ----------
    weights : ndarray, shape (ℓ, 2^ℓ)
        Of a rule: ``kernel.weights(members, None)``.
    identified : mapping of int to float
        Local bitmask of a cell to its mean outcome; higher is better.
    shape : collection of {"monotone", "submodular", "supermodular"}
        What is assumed of the game.
    outcome_range : (float, float), optional
        Lowest and highest mean outcome that a cell can have.

    Raises
    ------
    IdentificationError
        IDENT-012 when the identified cells contradict the shape, IDENT-013 when nothing limits a cell.

    Examples
    --------
    >>> from counterfoil.attribution import Shapley
    >>> twins = {0b00: 0.2, 0b11: 0.5}
    >>> pattern_bounds(Shapley().weights((0, 1)), twins, shape=["monotone"], outcome_range=(0, 1)).round(3)
    array([[0. , 0.3],
           [0. , 0.3]])
    """
    known = np.zeros(weights.shape[-1], dtype=bool)
    known[list(identified)] = True
    values = np.array([[identified[mask]] for mask in sorted(identified)], dtype=np.float64)
    rows = shape_rows(weights.shape[-1].bit_length() - 1, shape)
    game = PartialGame(rows, known, values, limits_of(outcome_range, np.ones(1)))
    slack = least_slack(game)
    if slack[0] > EXACT * game.scale:
        raise rejected(shape, "")
    return np.asarray(extremes(game, weights, np.zeros(1))[:, :, 0])


def limits_of(outcome_range: tuple[float, float] | None, mass: FloatArray) -> FloatArray:
    """Return the ends of a range times masses (n_draws,), shape (2, n_draws); infinite without a range."""
    low, high = (-np.inf, np.inf) if outcome_range is None else outcome_range
    if not low < high:
        raise ValueError(f"outcome_range goes from low to high, not from {low} to {high}")
    if outcome_range is None:
        return np.broadcast_to([[low], [high]], (2, len(mass)))
    # A drawn mass may fall below zero for a pattern of very few people.
    return np.outer([low, high], np.maximum(mass, 0.0))


def rejected(shape: Collection[Shape], how: str) -> Exception:
    """Return the refusal of a shape that the identified cells contradict."""
    return refusal("IDENT-012", f"shape rejected: the data contradict {listed(sorted(shape))}{how}")


def _refuse_infinite(ends: FloatArray) -> FloatArray:
    if not np.isfinite(ends).all():
        raise refusal("IDENT-013", "neither a range nor a shape limits a combination that nobody had")
    return ends


def _apart(game: PartialGame) -> bool:
    """Tell whether no inequality ties two unknown cells, so that each has an interval of its own."""
    return bool((np.count_nonzero(game.rows[:, ~game.known], axis=1) <= 1).all())


def _intervals(game: PartialGame, slack: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the ends that the inequalities leave each unknown cell, both (n_unknown, n_draws); entries of rows are ±1."""
    open_rows, right = _open_rows(game, 1.0)
    low = [np.max(-right[column > 0], axis=0, initial=-np.inf) for column in open_rows.T]
    high = [np.min(right[column < 0], axis=0, initial=np.inf) for column in open_rows.T]
    return np.array(low) - slack, np.array(high) + slack


def _open_rows(game: PartialGame, scale: float) -> tuple[FloatArray, FloatArray]:
    """Return the inequalities on unknown cells: their part on those, and the known part, (n_open, n_draws)."""
    unknown = game.rows[:, ~game.known]
    touched = (unknown != 0).any(axis=1)
    return unknown[touched], game.rows[touched][:, game.known] @ (game.values / scale)


def _stacked(lower: FloatArray, upper: FloatArray) -> FloatArray:
    return np.column_stack([lower.ravel(), upper.ravel()])
