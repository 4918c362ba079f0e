"""The picture of a specification curve: estimates in order, what each pays, and the choices behind them, one column each.

Source: Simonsohn, Simmons and Nelson (2020), *Specification curve analysis*, Nature Human Behaviour 4, figure 2; the payments
between the two panels are this package's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from counterfoil.estimators.palette import GAIN, LOSS, WHOLE, paler
from counterfoil.specification_row import SpecificationRow

WIDTH: Final = 9.0
"""Inches."""
MOST_APART: Final = 100
"""Payments beyond which gaps between bars would only flicker."""
AS_AGREED: Final = "as agreed"
REORDERED: Final = GAIN


@dataclass(frozen=True, slots=True)
class Level:
    """A value of an effect at which a contract changes what is due, in the outcome's own sign, and what changes there."""

    value: float
    what: str


def plot_curve(
    rows: Sequence[SpecificationRow],
    dimensions: Mapping[str, Sequence[str]],
    levels: Sequence[Level] = (),
    axes: Any = None,
    *,
    factor: float = 1.0,
    outcome: str = "",
    currency: str = "",
    refused: int = 0,
) -> Any:
    """Draw estimates with 95% intervals, payments, and a mark for each choice; the contract's own stands out.

    An estimate under which a gate, tier or condition stands otherwise than under the contract's own is hollow, and a payment whose
    order of providers differs from its has another colour.

    Parameters
    ----------
    rows : sequence of SpecificationRow
        With an estimate, in the order of drawing.
    dimensions : mapping of str to sequence of str
        What is varied to its alternatives.
    levels : sequence of Level
    axes : sequence of three matplotlib Axes, optional
    factor : float
        What estimates are multiplied by, such as 100 for percentage points.
    outcome, currency : str
    refused : int
        Specifications without an estimate, which are not drawn.

    Returns
    -------
    ndarray of matplotlib Axes, shape (3,)
    """
    choices = [(dimension, name) for dimension, names in dimensions.items() for name in names]
    if axes is None:
        axes = _new_axes(len(choices), len(dimensions))
    estimates, money, board = axes
    rows = [_scaled(row, factor) for row in rows]
    levels = [replace(level, value=factor * level.value) for level in levels]
    own = next((place for place, row in enumerate(rows) if row.primary), None)
    _draw_estimates(estimates, rows, own, levels, outcome)
    _draw_payments(money, rows, own, currency)
    _draw_choices(board, rows, own, dimensions)
    board.set_xlabel(f"{len(rows):,} specifications, by estimate" + (f"; {refused:,} refused" if refused else ""))
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.set_xlim(-0.8, len(rows) - 0.2)
        if own is not None:
            axis.axvline(own, color=paler(LOSS), linewidth=1, zorder=0)
    for axis in (estimates, money):
        axis.tick_params(labelbottom=False, bottom=False)
    return np.array([estimates, money, board])


def plot_providers(
    paid: Mapping[str, Sequence[float]], own: int | None = None, ax: Any = None, currency: str = ""
) -> Any:
    """Draw what each party receives under every specification: a mark each, and the contract's own as a diamond.

    Parameters
    ----------
    paid : mapping of str to sequence of float
        Party to its payments, in the same order of specifications.
    own : int, optional
        The place of the contract's own.
    ax : matplotlib Axes, optional
    currency : str

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> [label.get_text() for label in plot_providers({"north": [1.0, 2.0], "south": [3.0, 2.5]}).get_yticklabels()]
    ['north', 'south']
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.subplots(figsize=(WIDTH * 0.75, 1.0 + 0.45 * max(len(paid), 1)), layout="constrained")[1]
    for place, values in enumerate(paid.values()):
        ax.plot([min(values), max(values)], [place, place], color=paler(GAIN), linewidth=1, zorder=1)
        ax.plot(values, [place] * len(values), "|", color=GAIN, markersize=12, alpha=0.6, zorder=2)
        if own is not None:
            ax.plot(values[own], place, "D", color=LOSS, markersize=7, zorder=3)
    ax.set_yticks(range(len(paid)), list(paid))
    ax.set_ylim(len(paid) - 0.5, -0.5)
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel(f"due under each specification, {currency}" if currency else "due under each specification")
    ax.spines[["top", "right"]].set_visible(False)
    if own is not None:
        ax.plot([], [], "D", color=LOSS, markersize=7, label=AS_AGREED)
        ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize="small")
    return ax


def _new_axes(choices: int, dimensions: int) -> Any:
    import matplotlib.pyplot as plt

    board = 0.19 * (choices + dimensions) + 0.1
    heights = [2.6, 1.2, board]
    shape = (WIDTH, sum(heights) + 0.7)
    return plt.subplots(3, sharex=True, figsize=shape, height_ratios=heights, layout="constrained")[1]


def _scaled(row: SpecificationRow, factor: float) -> SpecificationRow:
    values = (row.estimate, row.conf_low, row.conf_high, row.gate_tests)
    estimate, low, high, tested = (None if x is None else factor * x for x in values)
    return replace(row, estimate=estimate, conf_low=low, conf_high=high, gate_tests=tested)


def _legend(axis: Any) -> None:
    """Say above the axes what the marks are, where any is named."""
    if axis.get_legend_handles_labels()[0]:
        axis.legend(
            loc="lower right", bbox_to_anchor=(1.0, 0.98), frameon=False, fontsize="small", borderpad=0, ncols=3,
            handletextpad=0.4, columnspacing=1.2,
        )  # fmt: skip


def _moved(row: SpecificationRow, own: SpecificationRow) -> bool:
    """Tell whether a gate, tier or condition stands otherwise than under the contract's own."""
    return row.payment is not None and own.payment is not None and row.standing != own.standing


def _reordered(row: SpecificationRow, own: SpecificationRow) -> bool:
    return bool(row.order) and bool(own.order) and row.order != own.order


def _size(rows: Sequence[Any]) -> float:
    """Return the size of a mark so that neighbours touch at most, in points."""
    return float(np.clip(72 * WIDTH * 0.7 / max(len(rows), 1), 1.6, 6.0))


def _draw_estimates(
    axis: Any, rows: Sequence[SpecificationRow], own: int | None, levels: Sequence[Level], outcome: str
) -> None:
    size = _size(rows)
    middle = [float(row.estimate or 0.0) for row in rows]
    known = [(place, row.conf_low, row.conf_high) for place, row in enumerate(rows) if row.conf_low is not None]
    axis.axhline(0, color="0.8", linewidth=1, zorder=0)
    axis.vlines(*zip(*known, strict=True), color=paler(GAIN), linewidth=size / 2.5, zorder=1) if known else None
    tested = [(place, row.gate_tests) for place, row in enumerate(rows) if row.gate_tests not in (None, row.estimate)]
    if tested:
        bound: dict[str, Any] = {"color": WHOLE, "markersize": size, "linestyle": "", "zorder": 3}
        axis.plot(*zip(*tested, strict=True), "_", label="what the gate tests", **bound)
    moved = {place for place, row in enumerate(rows) if own is not None and _moved(row, rows[own])}
    same = [place for place in range(len(rows)) if place not in moved]
    style: dict[str, Any] = {"color": GAIN, "markersize": size, "zorder": 2, "linestyle": ""}
    axis.plot(same, [middle[place] for place in same], "o", markeredgewidth=0, **style)
    if moved:
        there = sorted(moved)
        label = "gate, tier or condition differs"
        axis.plot(there, [middle[place] for place in there], "o", markerfacecolor="white", label=label, **style)
    if own is not None:
        low, high = rows[own].conf_low, rows[own].conf_high
        if low is not None and high is not None:
            axis.vlines(own, low, high, color=LOSS, linewidth=max(size / 2.5, 1.5), zorder=3)
        axis.plot(own, middle[own], "D", color=LOSS, markersize=7, zorder=4, label=AS_AGREED)
    _legend(axis)
    for level in levels:
        axis.axhline(level.value, color=WHOLE, linewidth=1, linestyle="--", zorder=0)
    for value in dict.fromkeys(level.value for level in levels):
        names = ", ".join(dict.fromkeys(level.what for level in levels if level.value == value))
        axis.annotate(
            f"{names} {value:,.6g}", (1.0, value), xycoords=("axes fraction", "data"), xytext=(4, 0),
            textcoords="offset points", va="center", fontsize="small", color=WHOLE,
        )  # fmt: skip
    axis.yaxis.set_major_formatter("{x:,g}")
    axis.set_ylabel(outcome, wrap=True)


def _draw_payments(axis: Any, rows: Sequence[SpecificationRow], own: int | None, currency: str) -> None:
    paid = [float("nan") if row.payment is None else float(row.payment) for row in rows]
    places = range(len(rows))
    width = 0.8 if len(rows) <= MOST_APART else 1.0
    other = [place for place in places if own is not None and _reordered(rows[place], rows[own])]
    colors = [LOSS if place == own else paler(GAIN) for place in places]
    axis.bar(places, paid, width=width, color=colors)
    if other:
        label = "payment order of providers differs"
        axis.bar(other, [paid[place] for place in other], width=width, color=REORDERED, label=label)
    if missing := [place for place, row in enumerate(rows) if row.payment is None]:
        axis.plot(missing, [0] * len(missing), "x", color=WHOLE, markersize=4, clip_on=False, label="not settled")
    _legend(axis)
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.set_ylabel(f"due, {currency}" if currency else "due")


def _draw_choices(
    axis: Any, rows: Sequence[SpecificationRow], own: int | None, dimensions: Mapping[str, Sequence[str]]
) -> None:
    """Draw a row of marks for each alternative under the heading of what is varied."""
    size = _size(rows)
    line, heads, places, labels = 0, [], [], []
    for dimension, names in dimensions.items():
        heads.append((line, dimension))
        for name in names:
            line += 1
            places.append(line)
            labels.append(name)
            at = [place for place, row in enumerate(rows) if row.choices[dimension] == name]
            axis.plot(at, [line] * len(at), "|", color=WHOLE, markersize=8, markeredgewidth=max(size / 3, 0.5))
            if own in at:
                axis.plot(own, line, "D", color=LOSS, markersize=5)
        line += 1
    axis.set_yticks(places, labels, fontsize="small")
    axis.tick_params(axis="y", length=0)
    for head, dimension in heads:
        axis.annotate(
            dimension, (0.0, head), xycoords=("axes fraction", "data"), xytext=(-4, 0), textcoords="offset points",
            ha="right", va="center", fontsize="small", fontweight="bold",
        )  # fmt: skip
    axis.set_ylim(line - 0.4, -0.6)
    axis.set_xticks([])
