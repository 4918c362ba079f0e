"""The randomization distribution: the statistic under all assignments, and where the observed one lies."""

from typing import TYPE_CHECKING, Any

import numpy as np

from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.palette import LOSS, WHOLE, paler

if TYPE_CHECKING:
    from counterfoil.estimators.trials.sharp_null import RandomizationTest


def plot_randomization(result: "RandomizationTest", ax: Any = None, *, term: int = 0) -> Any:
    """Draw the statistic under all assignments, and the observed one.

    Parameters
    ----------
    result : RandomizationTest
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.
    term : int
        Which effect, of several.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> from counterfoil.estimators import randomize
    >>> axes = plot_randomization(randomize([3.0, 1.0, 0.0, 0.0], [1, 1, 0, 0]))
    >>> axes.get_xlabel()
    'difference of gain, if assignment changed nothing'
    """
    ax = axes_of(ax, 6.4, 3.6)
    values, observed = result.distribution[:, term], float(result.observed[term])
    extreme = result.extreme[:, term]
    edges = np.histogram_bin_edges(values, bins=min(60, max(5, len(np.unique(values)))))
    ax.hist(
        [values[~extreme], values[extreme]],
        bins=edges,
        stacked=True,
        color=[paler(WHOLE), LOSS],
        label=["less extreme", "as extreme"],
    )
    ax.axvline(observed, color=WHOLE, linewidth=2)
    side, beside = (4, "left") if observed < values.mean() else (-4, "right")
    ax.annotate(
        f"observed {observed:.4g}\np = {result.p_values[term]:.3g}",
        (observed, 1.0),
        (side, -4),
        xycoords=("data", "axes fraction"),
        textcoords="offset points",
        ha=beside,
        va="top",
    )
    ax.set_xlabel(f"{result.statistic} of {result.terms[term]}, if assignment changed nothing")
    ax.set_ylabel("assignments")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
