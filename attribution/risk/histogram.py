"""How payments are distributed, one row a scenario, on one axis: bars for the draws, a line at the mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.palette import GAIN, WHOLE, paler


def plot_payments(
    drawn: Mapping[str, NDArray[np.float64]], axes: Any = None, currency: str = "", bins: int = 40
) -> Any:
    """Draw a histogram for each scenario; mean and chance that nothing is due stand beside its name.

    Parameters
    ----------
    drawn : mapping of str to ndarray, shape (size,)
        Scenario to what is due in each draw.
    axes : array of matplotlib Axes, optional
        One a scenario; a new figure when omitted.
    currency : str
    bins : int
        The same ones in every row.

    Returns
    -------
    ndarray of matplotlib Axes, shape (scenarios,)

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> axes = plot_payments({"no effect": np.zeros(100), "target": np.arange(100.0)}, currency="USD")
    >>> [axis.get_title(loc="left") for axis in axes]
    ['no effect: nothing due in 100%', 'target: nothing due in 1%']
    """
    if axes is None:
        import matplotlib.pyplot as plt

        shape = (6.4, 0.6 + 1.3 * len(drawn))
        axes = plt.subplots(len(drawn), sharex=True, squeeze=False, figsize=shape, layout="constrained")[1][:, 0]
    most = max((float(values.max()) for values in drawn.values()), default=0.0)
    edges = np.linspace(0.0, most if most > 0 else 1.0, bins + 1)
    for axis, (name, values) in zip(axes, drawn.items(), strict=True):
        chance, _ = np.histogram(values, edges)
        axis.bar(
            edges[:-1], chance / len(values), width=np.diff(edges), align="edge", color=paler(GAIN), edgecolor=GAIN
        )
        axis.axvline(float(values.mean()), color=WHOLE, linewidth=1.5)
        axis.set_title(f"{name}: mean {values.mean():,.0f}, nothing due in {(values == 0).mean():.0%}", loc="left")
        axis.margins(y=0.3)  # room for the mean above the bars
        axis.annotate(
            f"mean {values.mean():,.0f}",
            (float(values.mean()), 0.98),
            xycoords=("data", "axes fraction"),
            xytext=(4, 0),
            textcoords="offset points",
            va="top",
            fontsize="small",
        )
        axis.set_title(f"{name}: nothing due in {(values == 0).mean():.0%}", loc="left", fontsize="medium")
        axis.set_ylabel("chance")
        axis.spines[["top", "right"]].set_visible(False)
    axes[-1].xaxis.set_major_formatter("{x:,.0f}")
    axes[-1].set_xlabel(f"due, {currency}" if currency else "due")
    return axes
