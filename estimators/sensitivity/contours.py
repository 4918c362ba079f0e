"""What confounders of every strength would leave of a value: the grid behind a contour plot, and the plot.

Source: Cinelli and Hazlett (2020), *Making sense of sensitivity*, figure 2.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.palette import LOSS, WHOLE
from counterfoil.estimators.sensitivity.strength import Benchmark, Strength, checked_part

STEPS: Final = 41


def contours(value: float, scale: float, limit: float = 0.4, steps: int = STEPS) -> pd.DataFrame:
    """Return a value lowered towards zero by confounders of a grid of strengths.

    Parameters
    ----------
    value, scale : float
        The value and its ν, in the outcome's units; as in ``OmittedVariable``.
    limit : float
        The largest part of variance, less than 1.
    steps : int

    Returns
    -------
    DataFrame
        Columns r2_outcome, r2_treatment, estimate; beyond zero the sign turns.

    Raises
    ------
    EstimationError
        EST-051 for a limit that is no part of variance.

    Examples
    --------
    >>> contours(2.0, 4.0, limit=0.5, steps=2)["estimate"].round(6).tolist()
    [2.0, 2.0, 2.0, -0.828427]
    """
    parts = np.linspace(0.0, checked_part(limit, "limit"), steps)
    rows = [
        (outcome, treatment, value - np.copysign(scale * Strength(outcome, treatment).factor, value))
        for outcome in parts.tolist()
        for treatment in parts.tolist()
    ]
    return pd.DataFrame(rows, columns=["r2_outcome", "r2_treatment", "estimate"])


def plot_contours(
    value: float,
    scale: float,
    benchmarks: Sequence[Benchmark] = (),
    ax: Any = None,
    *,
    limit: float | None = None,
    unit: str = "estimate",
) -> Any:
    """Draw what confounders would leave of a value, and how strong the covariates are; return the matplotlib Axes.

    Parameters
    ----------
    value, scale : float
    benchmarks : sequence of Benchmark
        Each drawn where a confounder as strong as it would stand.
    ax : matplotlib Axes, optional
    limit : float, optional
        The largest part of variance drawn; what holds the value's robustness and most benchmarks when omitted.
    unit : str
        What the value is.
    """
    ax = axes_of(ax, 6.0, 5.0)
    points = [(one.covariate, one.times()) for one in benchmarks if one.odds_treatment < 1]
    share = abs(value) / scale
    robust = 2 * share / (share + np.sqrt(share**2 + 4)) if share else 0.0
    # One strong covariate would press the others into a corner; it is drawn at the edge instead.
    usual = float(np.median([max(p.r2_outcome, p.r2_treatment) for _, p in points])) if points else 0.0
    widest = max(0.05, 1.5 * robust, usual)
    limit = min(0.95, 1.3 * widest) if limit is None else limit
    table = contours(value, scale, limit)
    grid = table["estimate"].to_numpy().reshape(STEPS, STEPS)
    parts = np.linspace(0.0, limit, STEPS)
    lines = ax.contour(parts, parts, grid, levels=8, colors="0.6", linewidths=0.8)
    ax.clabel(lines, [level for level in lines.levels if level != 0], fontsize=8)
    if grid.min() < 0 < grid.max():
        ax.contour(parts, parts, grid, levels=[0.0], colors=LOSS, linewidths=2)
    for name, strength in points:
        place = (min(strength.r2_treatment, limit), min(strength.r2_outcome, limit))
        label = name if max(strength.r2_treatment, strength.r2_outcome) <= limit else f"{name} (beyond)"
        ax.plot(*place, "D", color=WHOLE, markersize=5, clip_on=False)
        ax.annotate(label, place, xytext=(5, 4), textcoords="offset points", fontsize=9)
    ax.set_xlabel("part of who was treated that the confounder decides")
    ax.set_ylabel("part of the outcome's residual variance that it explains")
    ax.set_title(f"{unit}: {value:.4g}; in red where nothing of it is left", fontsize=10)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
