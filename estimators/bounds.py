"""Bounds on credits that the data do not identify, with intervals that cover the credit.

Estimand: the smallest and largest credit of each provider over all completions of the identified cells that keep to the
outcome's range and the declared shape, added over patterns; and an interval for the credit itself.

Sampling noise enters in two places. *Shape.* The identified cells may contradict a true shape by chance. The
contradiction is tested: the least slack t under which the cells fit is convex in the cells and zero for the true ones;
t(estimate) is held against its derivative at the estimate (below). A significant contradiction is refused; a smaller one
gives every inequality of that pattern the slack t, which can only widen the bounds.
*Bounds.* As functions of the cells they have kinks, where neither the delta method nor the ordinary bootstrap is right.
Their derivative is taken numerically over steps of √(log G) standard errors in both directions (Hong and Li 2018; Fang
and Santos 2019), so that kinks within reach of the noise are seen: their mean moves a bound outward, their standard
deviation is its standard error. Away from kinks this is the delta method.
"""

import math
from collections.abc import Collection, Sequence
from typing import Any, Final, Literal

import numpy as np

from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.cells import Cells, Pattern
from counterfoil.estimators.credit_bounds import CreditBounds
from counterfoil.estimators.imbens_manski import imbens_manski
from counterfoil.estimators.kernel import FloatArray, Kernel
from counterfoil.estimators.partial_game import EXACT, PartialGame, extremes, least_slack, limits_of, rejected
from counterfoil.estimators.shape import Shape, shape_rows

LARGEST_BOUNDED: Final = 8
"""Providers of one person beyond which the linear programmes are not built."""


def bounds(
    cells: Cells,
    kernel: Kernel,
    providers: Sequence[str],
    shape: Collection[Shape] = (),
    outcome_range: tuple[float, float] | None = None,
    better: Literal["higher", "lower"] = "higher",
    conf_level: float = 0.95,
    draws: int = 400,
    seed: int = 0,
) -> CreditBounds:
    """Return bounds on the credits of a rule from the cells that are identified.

    Parameters
    ----------
    cells : Cells
        Identified cells with influence values.
    kernel : Kernel
        A rule without doses and dates.
    providers : sequence of str
        Names of all providers, in the order of the cells' positions.
    shape : collection of {"monotone", "submodular", "supermodular"}
        What is assumed of the game, in the outcome oriented so that higher is better; all together.
    outcome_range : (float, float), optional
        Lowest and highest outcome there can be, in the outcome's own sign.
    better : {"higher", "lower"}
        Which direction of the outcome is a gain.
    conf_level : float
        Of the intervals; the shape is refused at significance ``1 − conf_level``.
    draws : int
        Of the cells' errors; each is used with both signs.
    seed : int

    Raises
    ------
    IdentificationError
        IDENT-012 when the cells contradict the shape by more than chance, IDENT-013 when the rule needs records or
        nothing limits a cell.
    AttributionError
        ATTR-004 for a person with too many providers.

    Examples
    --------
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Estimate
    >>> pairs = (((0, 1), ()), ((0, 1), (0, 1)))
    >>> cell = Estimate.published([0.1, 0.25], [0.01, 0.01], terms="ab", outcome="y", estimand="cells", people=900)
    >>> found = bounds(Cells(cell, pairs, np.array([0.5])), Shapley(), ["a", "b"], shape=["monotone"])
    >>> found.tidy()[["bound_low", "bound_high"]].to_numpy().round(3).tolist()
    [[0.0, 0.15], [0.0, 0.15]]
    """
    _check(cells, kernel, outcome_range, better)
    sign = 1.0 if better == "higher" else -1.0
    estimate, pairs = cells.estimate, len(cells.pairs)
    noise = estimate.draws(draws, seed) - estimate.values
    noise = np.vstack([noise, -noise])
    step = math.sqrt(math.log(max(estimate.n_clusters, 3)))
    points = np.vstack([estimate.values, estimate.values + step * noise])
    masses = (
        points[:, pairs:] if points.shape[1] > pairs else np.broadcast_to(cells.mass, (len(points), len(cells.mass)))
    )
    oriented_range = None if outcome_range is None else (sign * outcome_range[0], sign * outcome_range[1])
    oriented_range = None if oriented_range is None else (min(oriented_range), max(oriented_range))
    ends = np.zeros((len(providers), 2, len(points)))
    slacks, chance, open_cells = [], [], 0
    for position, a in enumerate(cells.patterns):
        columns, known = _known(cells, a)
        rows = shape_rows(len(a), shape)
        limits = limits_of(oriented_range, masses[:, position])
        game = PartialGame(rows, known, sign * points[:, columns].T, limits)
        weights = kernel.weights(a, None)
        filled = kernel.rows(len(providers), a)
        open_cells += int(np.any(weights[:, ~known], axis=0).sum())
        slack = least_slack(game)
        ends[list(filled)] += extremes(game, weights, np.where(slack > EXACT * game.scale, slack, 0.0))
        slacks.append(slack[0] if slack[0] > EXACT * game.scale else 0.0)
        chance.append((slack[1:] - slack[0]) / step)
    p_value = _shape_test(np.array(slacks), np.array(chance)) if shape else None
    if p_value is not None and p_value < 1 - conf_level:
        raise rejected(shape, f" (p = {p_value:.2g})")
    warned = estimate.warnings
    if any(slacks):
        what = f"in {int(np.count_nonzero(slacks))} of {len(slacks)} patterns observed means contradict {listed(shape)}"
        warned = (*warned, Problem("IDENT-014", f"{what}, by no more than chance allows", "services"))
    centre, errors, outward = _derivative(ends, step)
    width = np.maximum(centre[:, 1] - centre[:, 0], 0.0)
    critical = np.array(
        [imbens_manski(w, e, conf_level, estimate.df) for w, e in zip(width, errors.max(axis=1), strict=True)]
    )
    reach = centre + np.array([-1.0, 1.0]) * (outward + critical[:, None] * errors)
    # Back to the outcome's own sign, in which the two ends change places when lower is better.
    order = [0, 1] if better == "higher" else [1, 0]
    (low, high), (conf_low, conf_high) = (sign * ends_[:, order].T for ends_ in (centre, reach))
    low_error, high_error = errors[:, order].T
    return CreditBounds(
        tuple(providers), low, high, low_error, high_error, conf_low, conf_high, conf_level, kernel.name,
        tuple(sorted(shape)), p_value, outcome_range, better, str(estimate.outcome),
        f"credit within bounds, for the {estimate.population}", open_cells, warned,
    )  # fmt: skip


def _check(
    cells: Cells, kernel: Kernel, outcome_range: tuple[float, float] | None, better: Literal["higher", "lower"]
) -> None:
    if better not in ("higher", "lower"):
        raise ValueError(f"better is 'higher' or 'lower', not {better!r}")
    if kernel.needs:
        raise refusal("IDENT-013", f"rule {kernel.name} looks at '{kernel.needs}'")
    largest = max(len(a) for a in cells.patterns)
    if largest > LARGEST_BOUNDED:
        raise refusal("ATTR-004", f"somebody has {largest} providers; bounds are for {LARGEST_BOUNDED} at most")
    if outcome_range is not None:
        limits_of(outcome_range, np.ones(1))
        own = [cells.pairs.index((a, a)) for a in cells.patterns]
        mean = cells.estimate.values[own] / cells.mass
        if ((mean < outcome_range[0]) | (mean > outcome_range[1])).any():
            raise ValueError("outcome_range does not hold the mean outcomes that were observed")


def _known(cells: Cells, a: Pattern) -> tuple[list[int], Any]:
    """Return where a pattern's cells stand among the pairs, by local bitmask, and which of its 2^ℓ cells these are."""
    masks = {sum(1 << a.index(j) for j in b): column for column, (pattern, b) in enumerate(cells.pairs) if pattern == a}
    known = np.zeros(1 << len(a), dtype=bool)
    known[list(masks)] = True
    return [masks[mask] for mask in sorted(masks)], known


def _shape_test(slacks: FloatArray, chance: FloatArray) -> float:
    """Return the p-value of the largest slack in units of what chance gives each pattern; arrays (P,), (P, draws)."""
    usual = np.maximum(chance, 0.0).mean(axis=1)
    scaled = np.divide(slacks, usual, out=np.where(slacks > 0, np.inf, 0.0), where=usual > 0)
    drawn = np.divide(chance, usual[:, None], out=np.zeros_like(chance), where=usual[:, None] > 0)
    return float((1 + (drawn.max(axis=0) >= scaled.max()).sum()) / (1 + chance.shape[1])) if scaled.any() else 1.0


def _derivative(ends: FloatArray, step: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return bounds, standard errors and outward shifts (K, 2) from the bounds at the estimate and around it."""
    centre = ends[:, :, 0]
    moved = (ends[:, :, 1:] - centre[:, :, None]) / step
    # A lower bound is convex in the cells and so drifts up at a kink, an upper bound down.
    outward = np.maximum(moved.mean(axis=2) * np.array([1.0, -1.0]), 0.0)
    return centre, moved.std(axis=2), outward
