"""Draws of several effects: around their estimates with all that the data say of their spread, or around stated true effects.

Around estimates, effects on the same people are drawn together from their influence values (the multiplier bootstrap of
`counterfoil.estimators.estimate.Estimate.draws`). Around stated truths the estimates are normal, with stated standard errors
and correlations.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from counterfoil.attribution.payment.trace import Priced
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.stack import stack

FloatArray = NDArray[np.float64]
Draw = Callable[[int], Mapping[str, Sequence[Priced]]]
"""From the number of a draw to the effects as they would be priced."""


class Uncertain(Protocol):
    """An effect that can be priced at another value than the one it was estimated at."""

    @property
    def total(self) -> Estimate | None:
        """The gain, one term, in the outcome's own sign."""

    def at(self, value: float, credits: Sequence[float] | None = None) -> Priced:
        """Return the effect as it would be priced had its estimate come out at a value, in the outcome's own sign.

        The gate is held again with the same standard error; rounding and deductions are applied.

        Parameters
        ----------
        value : float
        credits : sequence of float, optional
            The credits that would have come with it, in the order of the effect's own and in its sign; the effect's own
            credits in proportion to the value when omitted.
        """


def around_estimates(
    effects: Mapping[str, Uncertain],
    size: int,
    seed: int,
    *,
    credits: Mapping[str, Estimate] | None = None,
    independent: bool = False,
) -> Draw:
    """Return draws of effects around their estimates, jointly where they are on the same people.

    Parameters
    ----------
    effects : mapping of str to Uncertain
    size, seed : int
        Same seed, same draws.
    credits : mapping of str to Estimate, optional
        Effect to its credits, one a term, which are drawn with it.
    independent : bool
        True states that effects whose estimates share nobody vary independently of each other.

    Raises
    ------
    EstimationError
        EST-018 for an effect whose error is not known.
    PaymentError
        PAY-017 for several effects that share nobody, unless they are stated to be independent.
    """
    totals = {name: _total(name, effect) for name, effect in effects.items()}
    divided = {name: estimate for name, estimate in (credits or {}).items() if name in effects}
    columns = _together(totals, divided, size, seed, independent=independent)

    def draw(number: int) -> Mapping[str, Sequence[Priced]]:
        return {
            name: (effect.at(float(columns[name][number, 0]), columns[name][number, 1:].tolist() or None),)
            for name, effect in effects.items()
        }

    return draw


def _total(name: str, effect: Uncertain) -> Estimate:
    if effect.total is None:
        raise refusal("PAY-016", f"effect '{name}' has no estimate to draw around", name)
    effect.total.cov()
    return effect.total


def _together(
    totals: Mapping[str, Estimate], divided: Mapping[str, Estimate], size: int, seed: int, *, independent: bool
) -> dict[str, FloatArray]:
    """Return draws of each effect, (size, 1 + credits)."""
    parts = {name: [total, *([divided[name]] if name in divided else [])] for name, total in totals.items()}
    if independent or len(parts) == 1:
        return {name: _joined(own, size, seed + number) for number, (name, own) in enumerate(parts.items())}
    drawn = _joined([block for own in parts.values() for block in own], size, seed)
    found, first = {}, 0
    for name, own in parts.items():
        width = sum(len(block.terms) for block in own)
        found[name] = drawn[:, first : first + width]
        first += width
    return found


def _joined(blocks: Sequence[Estimate], size: int, seed: int) -> FloatArray:
    if len(blocks) == 1:
        return blocks[0].draws(size, seed)
    if any(block.influence is None or block.error_type == "classical" for block in blocks):
        raise refusal("PAY-017", "the estimates carry no people by whom they could be drawn together")
    return stack(blocks, [str(number) for number in range(len(blocks))]).draws(size, seed)


def correlations(names: Sequence[str], stated: Mapping[tuple[str, str], float]) -> FloatArray:
    """Return a correlation matrix from what is stated of pairs; a pair that is not stated is refused.

    Raises
    ------
    PaymentError
        PAY-017 when a pair is missing, or the correlations cannot hold together.

    Examples
    --------
    >>> correlations(["a", "b"], {("b", "a"): 0.3})[0].tolist()
    [1.0, 0.3]
    """
    matrix = np.eye(len(names))
    for row, one in enumerate(names):
        for column, other in enumerate(names[:row]):
            value = stated.get((one, other), stated.get((other, one)))
            if value is None:
                raise refusal("PAY-017", f"nothing states how the estimates of '{one}' and '{other}' vary together")
            matrix[row, column] = matrix[column, row] = value
    if np.abs(matrix).max() > 1 or np.linalg.eigvalsh(matrix).min() < -1e-9:
        raise refusal("PAY-017", "the correlations stated cannot hold together")
    return matrix


def standard_draws(correlation: FloatArray, size: int, seed: int) -> FloatArray:
    """Return standard normal draws with given correlations, shape (size, k); the same seed gives the same draws.

    Examples
    --------
    >>> drawn = standard_draws(np.array([[1.0, 0.5], [0.5, 1.0]]), 20_000, seed=1)
    >>> np.corrcoef(drawn.T).round(1)[0].tolist()
    [1.0, 0.5]
    """
    values, vectors = np.linalg.eigh(correlation)
    # An eigenvector's sign is the library's choice: fixed here, so that draws do not depend on it.
    vectors = vectors * np.where(vectors[np.abs(vectors).argmax(axis=0), range(len(values))] < 0, -1.0, 1.0)
    root = vectors * np.sqrt(np.maximum(values, 0.0)) if len(values) > 1 else np.ones((1, 1))
    drawn = np.random.default_rng(seed).standard_normal((size, len(values)))
    return np.asarray(drawn @ root.T)


def positive(std_error: float, name: str) -> float:
    """Return a standard error that can be drawn with.

    Raises
    ------
    PaymentError
        PAY-016 when it is not a positive number.
    """
    if not (std_error > 0 and math.isfinite(std_error)):
        raise refusal("PAY-016", "the standard error is not a positive number, so there is nothing to draw", name)
    return std_error
