"""Robust confidence sets drawn over the size of the violation of parallel trends, with thresholds and breakdown values."""

from typing import Any

import numpy as np

from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.palette import GAIN, LOSS, WHOLE
from counterfoil.estimators.panels.breakdown import Breakdown
from counterfoil.estimators.panels.honest import Sensitivity


def plot_sensitivity(result: Sensitivity | Breakdown, ax: Any = None) -> Any:
    """Draw confidence sets over M̄ (or M), the interval under parallel trends beside them, and where claims break down.

    Parameters
    ----------
    result : Sensitivity or Breakdown
        A breakdown adds a line for each threshold and marks its breakdown value.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from counterfoil.estimators import Estimate, EventStudy, sensitivity
    >>> effects = Estimate.published(
    ...     [0.1, 0.0, 0.9], [0.1, 0.1, 0.1], terms=["-3", "-2", "0"], outcome="y", estimand="ATT", people=90
    ... )
    >>> plot_sensitivity(sensitivity(EventStudy((-3, -2, 0), effects), [0.0, 0.5, 1.0])).get_xlabel()
    'M̄: relative magnitudes'
    """
    ax = axes_of(ax)
    made = result.sensitivity if isinstance(result, Breakdown) else result
    step = made.limits[-1] / max(len(made.limits) - 1, 1) if made.limits[-1] > 0 else 1.0
    places = np.concatenate([[-step], made.limits])
    sets = np.vstack([made.parallel, made.intervals])
    finite = np.where(np.isfinite(sets), sets, made.estimate)
    colors = [WHOLE, *[GAIN] * len(made.limits)]
    ax.axhline(0, color="0.7", linewidth=1)
    ax.vlines(places, finite[:, 0], finite[:, 1], color=colors, linewidth=2)
    for side in (0, 1):
        ends = np.isfinite(sets[:, side])
        ax.plot(places[ends], sets[ends, side], "_", color=GAIN, markersize=6)
    ax.plot(places[:1], [made.estimate], "o", color=WHOLE)
    ax.annotate(
        "parallel\ntrends", (places[0], finite[0].max()), textcoords="offset points", xytext=(0, 8), ha="center"
    )
    if isinstance(result, Breakdown):
        for threshold, value in zip(result.thresholds, result.values, strict=True):
            ax.axhline(threshold, color=LOSS, linewidth=1, linestyle="--")
            if value is not None and np.isfinite(value):
                ax.plot([value], [threshold], "D", color=LOSS)
                label = f"{made.symbol} = {value:.3g}"
                ax.annotate(
                    label,
                    (value, threshold),
                    textcoords="offset points",
                    xytext=(6, 4),
                    color=LOSS,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
                )
    ax.set_xlabel(f"{made.symbol}: {made.restriction.replace('_', ' ')}")
    ax.set_ylabel(f"average effect on {made.outcome}, {100 * made.conf_level:g}% {made.bound.replace('_', '-')}")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
