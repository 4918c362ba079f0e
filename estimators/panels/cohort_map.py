"""A heat map of group-time effects: one row a cohort, one column a period."""

from typing import Any

import numpy as np

from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.palette import ink
from counterfoil.estimators.panels.staggered_fit import StaggeredFit

MOST_WORDS = 80
"""Cells beyond which numbers are not written into them."""


def plot_cohorts(fit: StaggeredFit, ax: Any = None) -> Any:
    """Draw each cohort's effect in each period; a line marks where treatment begins, and a blank cell is not estimated.

    Parameters
    ----------
    fit : StaggeredFit
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import StaggeredDiD
    >>> fit = StaggeredDiD(outcome="days", first_treated="opened").fit(cf.datasets.load("rollout"))
    >>> [label.get_text() for label in plot_cohorts(fit).get_yticklabels()]
    ['2019 (108)', '2020 (108)', '2021 (144)']
    """
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    cohorts, line, cells = fit.cohorts, fit.line, fit.effects.cells
    size = 1.6 + 0.55 * len(line.labels), 1.2 + 0.42 * cohorts.count
    ax = axes_of(ax, *size)
    grid = np.full((cohorts.count, len(line.labels)), np.nan)
    for cell, value in zip(cells, fit.effects.values, strict=True):
        grid[cell.cohort, cell.period] = value
    reach = float(np.nanmax(np.abs(grid))) or 1.0
    image = ax.imshow(grid, cmap="PuOr", vmin=-reach, vmax=reach, aspect="auto")
    if len(cells) <= MOST_WORDS:
        shade = colormaps["PuOr"]
        for cell, value in zip(cells, fit.effects.values.tolist(), strict=True):
            color = ink(to_hex(shade(0.5 + value / reach / 2)).upper())
            ax.text(cell.period, cell.cohort, f"{value:.2g}", ha="center", va="center", color=color, fontsize=8)
    for cohort, start in enumerate(cohorts.starts):
        begins = int(np.searchsorted(line.times, start)) - 0.5
        ax.vlines(begins, cohort - 0.5, cohort + 0.5, color="black", linewidth=2)
    ax.set_xticks(range(len(line.labels)), line.labels)
    sizes = zip(cohorts.labels, cohorts.sizes.tolist(), strict=True)
    ax.set_yticks(range(cohorts.count), [f"{label} ({size:,})" for label, size in sizes])
    ax.set_xlabel("period; the line marks where treatment begins")
    ax.set_ylabel("first treated (units)")
    ax.figure.colorbar(image, ax=ax, label=f"effect on {fit.outcome}")
    return ax
