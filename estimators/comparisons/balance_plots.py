"""Pictures of who is compared: differences before and after weighting (love plot), and the chances of treatment of both groups.

Source: Greifer and Stuart (2021), *Matching methods for confounder adjustment*, Epidemiologic Reviews 43(1), for what to show;
the love plot is named after Thomas Love. Every group is told apart by place or shape as well as by colour.
"""

from textwrap import shorten
from typing import Any, Final

import numpy as np

from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.balance import LARGEST
from counterfoil.estimators.comparisons.balance_result import BalanceTable, love_rows
from counterfoil.estimators.comparisons.compared import Compared
from counterfoil.estimators.comparisons.overlap import chance_against
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.palette import GAIN, LOSS, WHOLE, hue, paler

MARKS: Final = ("o", "s", "D", "^", "v", "P")
"""Shapes of the terms, the first of them first."""
LONGEST: Final = 28
"""Letters of a term's name in a legend."""
BARS: Final = 25
"""Bars of a picture of chances."""


def love_plot(table: BalanceTable, ax: Any = None, group: str = "") -> Any:
    """Draw standardised differences before (hollow) and after weighting (filled), with lines at ±0.1.

    Parameters
    ----------
    table : BalanceTable
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.
    group : str
        Of one group of ``table.by``; of everybody when omitted.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"term": "gain", "group": "", "covariate": ["age", "need"], "smd_before": [0.2, -0.3]})
    >>> rows = rows.assign(smd_after=[0.02, -0.2], balanced=[True, False])
    >>> [label.get_text() for label in love_plot(BalanceTable(rows, rows, None, (), "att")).get_yticklabels()]
    ['need', 'age']
    """
    lines = love_rows(table, group)
    names = list(dict.fromkeys(line.name for line in lines))
    terms = list(dict.fromkeys(table.rows["term"]))
    height = 1.2 + 0.2 * len(terms) + (0.24 + 0.08 * (len(terms) - 1)) * max(len(names), 4)
    ax = axes_of(ax, 7.2, height)
    place = {name: at for at, name in enumerate(names)}
    ax.axvspan(-LARGEST, LARGEST, color="0.93", zorder=0)
    ax.axvline(0, color="0.6", linewidth=1, zorder=1)
    for limit in (-LARGEST, LARGEST):
        ax.axvline(limit, color=WHOLE, linewidth=1, linestyle="--", zorder=1)
    apart = 0.6 / max(len(terms), 2)
    for k, term in enumerate(terms):
        own = [line for line in lines if line.term == term]
        at = np.array([place[line.name] for line in own]) + (k - (len(terms) - 1) / 2) * apart * (len(terms) > 1)
        before, after = (np.array([getattr(line, stage) for line in own]) for stage in ("before", "after"))
        color = GAIN if len(terms) == 1 else hue(k)
        mark = MARKS[k % len(MARKS)]
        of = "" if len(terms) == 1 else f", {shorten(term, LONGEST, placeholder='…')}"
        ax.hlines(at, before, after, color=paler(color), linewidth=1.2, zorder=2)
        ax.plot(
            before,
            at,
            mark,
            markerfacecolor="white",
            markeredgecolor=color,
            markersize=5.5,
            zorder=3,
            label=f"before{of}",
        )
        ax.plot(after, at, mark, color=color, markersize=5.5, zorder=4, label=f"after{of}")
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("treated less untreated, in standard deviations", loc="right")
    ax.spines[["top", "right", "left"]].set_visible(False)
    handles = ax.get_legend_handles_labels()[0]
    ax.legend(
        handles=[*handles[::2], *handles[1::2]], loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False
    )
    return ax


def score_plot(compared: Compared, ax: Any = None, term: str | None = None) -> Any:
    """Draw the chances of treatment: the treated above the line, the untreated below; filled after weighting, outlined before.

    Every outline and every filled shape has the same area, so that what matters is how far those above and below mirror each
    other.

    Parameters
    ----------
    compared : Compared
        With chances of treatment.
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.
    term : str, optional
        Which group against the untreated, where there are several.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Weighting
    >>> made = Weighting(treated="assigned", covariates=("age", "educ")).build(cf.datasets.load("nsw"))
    >>> score_plot(made).get_xlabel()
    'chance of treatment'
    """
    from matplotlib.patches import Patch

    sample = compared.sample
    if compared.score is None:
        raise ValueError("this comparison uses no chances of treatment")
    if term is None and len(sample.terms) > 1:
        raise ValueError(f"name one `term` of {', '.join(sample.terms)}")
    at = 0 if term is None else sample.terms.index(term)
    code = sample.arms.chosen[at]
    chance = chance_against(compared.score, code)
    edges = np.linspace(0.0, 1.0, BARS + 1)
    ax = axes_of(ax, 7.2, 4.2)
    who = ("untreated", "treated" if sample.terms[at] == "gain" else sample.terms[at])
    sides = ((sample.of(code), GAIN, 1.0), (sample.of(0), LOSS, -1.0))
    before = [_heights(chance[side], sample.weights[side], edges) for side, _, _ in sides]
    after = [_heights(chance[side], compared.balancing[side, at], edges) for side, _, _ in sides]
    # A single bar that holds nearly everybody would flatten all others: it is cut, and its height written.
    top = 1.3 * max(*(bars.max() for bars in after), min(bars.max() for bars in before))
    for (_, color, sign), outline, filled in zip(sides, before, after, strict=True):
        ax.stairs(sign * filled, edges, fill=True, color=paler(color), zorder=1)
        ax.stairs(sign * outline, edges, color=color, linewidth=1.5, zorder=2)
        for bar in np.flatnonzero(outline > top).tolist():
            ax.annotate(
                f"{outline[bar]:.0%}",
                (edges[bar + 1], sign * top),
                textcoords="offset points",
                xytext=(4, -sign * 4),
                va="top" if sign > 0 else "bottom",
                color=color,
            )
    ax.axhline(0, color="0.3", linewidth=1, zorder=3)
    ax.set_ylim(-top, top)
    ax.set_xlim(0, 1)
    ax.annotate(who[1], (0.99, 0.96), xycoords="axes fraction", ha="right", va="top", color=GAIN, weight="bold")
    ax.annotate(who[0], (0.99, 0.04), xycoords="axes fraction", ha="right", va="bottom", color=LOSS, weight="bold")
    ax.yaxis.set_major_formatter(lambda value, _: f"{abs(value):.0%}")
    ax.set_xlabel("chance of treatment")
    ax.set_ylabel("part of the group")
    ax.spines[["top", "right"]].set_visible(False)
    handles = [
        Patch(facecolor="white", edgecolor="0.3", linewidth=1.5, label="before"),
        Patch(facecolor="0.75", label="after"),
    ]
    ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, frameon=False)
    return ax


def _heights(chance: FloatArray, weights: FloatArray, edges: FloatArray) -> FloatArray:
    """Return the part of a group's weight in each bar."""
    return np.asarray(np.histogram(chance, edges, weights=weights)[0] / weights.sum())
