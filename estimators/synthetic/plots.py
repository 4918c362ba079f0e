"""Pictures of a synthetic control: gaps over time, and whom the comparison is made of."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.palette import GAIN, WHOLE, paler

MOST_DONORS: Final = 20
MOST_LETTERS: Final = 60
"""Of all labels of time together; beyond that only some are written."""


def plot_gap(
    gaps: FloatArray,
    labels: Sequence[str],
    begins: Sequence[int],
    ax: Any = None,
    placebos: FloatArray | None = None,
    unit: str = "",
) -> Any:
    """Draw observed less what would have been, with a line where treatment began.

    Parameters
    ----------
    gaps : ndarray, shape (T,)
    labels : sequence of str
        Of the periods.
    begins : sequence of int
        Positions of first treated periods.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.
    placebos : ndarray, shape (r, T), optional
        Gaps of donors that stand in for the treated, drawn behind.
    unit : str
        What the gaps are measured in.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> quarters = ["2023-Q3", "2023-Q4", "2024-Q1", "2024-Q2"]
    >>> plot_gap(np.array([0.1, -0.2, -4.8, -5.1]), quarters, [2], unit="burglaries").get_ylabel()
    'burglaries: observed less without treatment'
    """
    ax = axes_of(ax)
    places = np.arange(len(gaps))
    if placebos is not None:
        lines = ax.plot(places, placebos.T, color=paler(WHOLE), linewidth=0.8)
        lines[0].set_label("donors in their place")
    ax.axhline(0, color="0.7", linewidth=1)
    for begin in begins:
        ax.axvline(begin - 0.5, color="0.7", linewidth=1, linestyle=":")
    ax.plot(places, gaps, color=GAIN, linewidth=2, label="treated places")
    label_periods(ax, labels)
    ax.set_ylabel(f"{unit}: observed less without treatment".removeprefix(": "))
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def label_periods(ax: Any, labels: Sequence[str]) -> None:
    """Write as many labels of time as have room, evenly."""
    letters = (2 + max(len(label) for label in labels)) * len(labels)
    every = -(-letters // MOST_LETTERS)
    ax.set_xticks(np.arange(len(labels))[::every], list(labels)[::every])
    ax.set_xlabel("period")


def plot_donor_weights(weights: pd.Series, ax: Any = None) -> Any:
    """Draw donors' weights as bars, the largest first; donors without weight are counted below.

    Parameters
    ----------
    weights : Series
        By donor.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> plot_donor_weights(pd.Series({"Ashton": 0.5, "Colne": 0.3, "Birch": 0.0, "Dale": 0.0, "Elm": 0.2})).get_xlabel()
    'weight; 2 other donors have 0 together'
    """
    order = np.argsort(-np.abs(weights.to_numpy()), kind="stable")
    shown = weights.iloc[order[:MOST_DONORS]]
    shown = shown[shown.abs() > 1e-6]
    ax = axes_of(ax, 6.4, 1.0 + 0.3 * len(shown))
    places = range(len(shown))
    ax.barh(places, shown, color=GAIN)
    ax.set_yticks(list(places), [str(name) for name in shown.index])
    ax.invert_yaxis()
    ax.set_xlabel(f"weight; {len(weights) - len(shown)} other donors have {1.0 - shown.sum():.3g} together")
    ax.spines[["top", "right"]].set_visible(False)
    return ax
