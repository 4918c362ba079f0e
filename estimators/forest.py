"""A forest plot: one row a term, its value and its interval, and a line at zero."""

from typing import Any

import pandas as pd

from counterfoil.estimators.axes import axes_of


def plot_forest(frame: pd.DataFrame, ax: Any = None, unit: str = "") -> Any:
    """Draw a tidy frame as a forest plot.

    Parameters
    ----------
    frame : DataFrame
        Tidy: estimate, conf_low, conf_high, and provider or term.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.
    unit : str
        What the values are measured in.

    Returns
    -------
    matplotlib Axes
    """
    ax = axes_of(ax, 6.4, 0.6 + 0.4 * len(frame))
    label = "provider" if "provider" in frame else "term"
    names = [name or "total" for name in frame[label]]
    places = range(len(frame))
    ax.axvline(0, color="0.7", linewidth=1)
    ax.hlines(places, frame["conf_low"], frame["conf_high"], color="tab:blue", linewidth=2)
    ax.plot(frame["estimate"], places, "o", color="tab:blue")
    ax.set_yticks(list(places), names)
    ax.invert_yaxis()
    ax.set_xlabel(unit)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
