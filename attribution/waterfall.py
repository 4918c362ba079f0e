"""A waterfall: from nothing to the total gain, provider by provider; losses in another colour."""

from typing import Any, Literal

import numpy as np
import pandas as pd

from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.palette import GAIN, LOSS, WHOLE

DIFFERENCE = "not divided"
"""What a rule whose credits do not sum to the gain leaves over, or takes back."""


def plot_waterfall(
    frame: pd.DataFrame, ax: Any = None, unit: str = "", better: Literal["higher", "lower"] = "higher"
) -> Any:
    """Draw credits one after another, each from where the one before ended, and then the total from nothing.

    Where the credits do not sum to the total, as under last_in, a row "not divided" makes up the difference.

    Parameters
    ----------
    frame : DataFrame
        Tidy, as ``Shares.tidy()`` returns it: provider and estimate; the last row is the total.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.
    unit : str
        What the values are measured in.
    better : {"higher", "lower"}
        Which direction of the outcome is a gain; credits in the other direction are losses.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> frame = pd.DataFrame({"provider": ["north", "south", ""], "estimate": [3.0, -1.0, 2.0]})
    >>> [text.get_text() for text in plot_waterfall(frame, unit="points").texts]
    ['+3', '-1', '+2']
    """
    names = [str(name) or "total" for name in frame["provider"]]
    values = frame["estimate"].to_numpy(dtype=np.float64)
    left_over = values[-1] - values[:-1].sum()
    # Rounding of the sum is no difference.
    if abs(left_over) > 1e-9 * np.abs(values).max():
        names.insert(-1, DIFFERENCE)
        values = np.insert(values, -1, left_over)
    start = np.concatenate([[0.0], np.cumsum(values[:-1])[:-1], [0.0]])
    ax = axes_of(ax, 6.4, 0.7 + 0.4 * len(names))
    sign = 1.0 if better == "higher" else -1.0
    colors = [LOSS if sign * value < 0 else GAIN for value in values]
    colors = [
        WHOLE if name == DIFFERENCE or row == len(names) - 1 else color
        for row, (name, color) in enumerate(zip(names, colors, strict=True))
    ]
    bars = ax.barh(range(len(names)), values, left=start, height=0.62, color=colors)
    if DIFFERENCE in names:
        bars[names.index(DIFFERENCE)].set(facecolor="white", edgecolor=WHOLE, hatch="///")
    for row, end in enumerate((start + values)[:-2].tolist()):
        ax.plot([end, end], [row + 0.31, row + 0.69], color="0.5", linewidth=1)
    for row, value in enumerate(values.tolist()):
        side = max(start[row], start[row] + value)
        ax.annotate(
            f"{value:+.3g}", (side, row), xytext=(4, 0), textcoords="offset points", va="center", fontsize="small"
        )
    ax.axvline(0, color="0.5", linewidth=1, zorder=0)
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    # Set by hand: bars make their foot an edge that margins do not go beyond. Labels stand to the right of the bars.
    low, high = min(start.min(), (start + values).min()), max(start.max(), (start + values).max())
    ax.set_xlim(low - 0.02 * (high - low) * (low < 0), high + 0.14 * (high - low))
    ax.set_xlabel(unit)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
