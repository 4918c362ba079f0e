"""The co-service map: how many people each provider served, and how many each two of them shared.

A dispute between two providers is decided by the people that both served, so this is the first picture to look at. Small
counts, and counts from which they could be derived, are withheld; what is drawn is rounded up to steps of at least eleven
people, so that the size of a mark gives nothing away either.
"""

from itertools import combinations
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import SMALL_CELL, suppress_margins
from counterfoil.datasets.roster import Roster
from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.palette import GAIN, ink

MOST_NODES: Final = 12
"""Providers up to which a circle is drawn; beyond, a heatmap."""
MOST_WRITTEN: Final = 6
"""Providers up to which the lines of the circle carry their counts."""
STEPS: Final = 10
"""Sizes that are told apart in a drawing."""
HIDDEN: Final = "suppressed"


def co_service(roster: Roster) -> pd.DataFrame:
    """Return how many people each provider served and each two shared, small counts withheld.

    All counts are withheld when people with some combination of providers are few: with the table of combinations they
    would give that number away. Otherwise every combination is large or empty, and so is whatever counts tell together.

    Parameters
    ----------
    roster : Roster

    Returns
    -------
    DataFrame
        Columns provider, other, people (text); ``other`` is blank in the rows of what each provider served.

    Examples
    --------
    >>> served = np.repeat(np.array([[0, 0], [1, 0], [0, 1], [1, 1]], bool), [40, 30, 25, 15], axis=0)
    >>> co_service(Roster(np.arange(110), ("north", "south"), served)).to_numpy().tolist()
    [['north', '', '45'], ['south', '', '40'], ['north', 'south', '15']]
    """
    together = _together(roster)
    places = list(combinations(range(len(roster.providers)), 2))
    counts = [*np.diagonal(together).tolist(), *(together[pair] for pair in places)]
    names = roster.providers
    return pd.DataFrame({
        "provider": [*names, *(names[j] for j, _ in places)],
        "other": [*("" for _ in names), *(names[k] for _, k in places)],
        "people": suppress_margins(counts, len(roster.ids), np.bincount(roster.patterns()[1])),
    })  # fmt: skip


def plot_service_map(roster: Roster, ax: Any = None) -> Any:
    """Draw providers on a circle, joined by the people they share; beyond twelve providers, a heatmap.

    Up to six providers lines carry their counts; beyond, `co_service` lists them.

    Parameters
    ----------
    roster : Roster
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import counterfoil as cf
    >>> drawn = plot_service_map(cf.datasets.load("rice").roster())
    >>> [text.get_text().split() for text in drawn.texts]
    [['336'], ['default', '683'], ['intensive', '693']]
    """
    count = len(roster.providers)
    high = 1.8 if count <= 2 else 4.6
    side = (6.8, high) if count <= MOST_NODES else (3.4 + 0.3 * count, 2.4 + 0.3 * count)
    ax = axes_of(ax, *side)
    together = _together(roster)
    draw = _circle if count <= MOST_NODES else _heatmap
    texts = co_service(roster)["people"].tolist()
    draw(ax, roster.providers, stepped(together), texts)
    hidden = "; ×: withheld" if HIDDEN in texts else ""
    ax.set_title(f"people served and people shared, drawn in steps of {_step(together):,}{hidden}", fontsize="medium")
    return ax


def stepped(people: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return counts rounded up to one of about ten steps, each of eleven people or more; nobody stays nobody.

    Examples
    --------
    >>> stepped(np.array([0, 1, 10, 12, 50])).tolist()
    [0, 11, 11, 22, 55]
    """
    step = _step(people)
    return np.asarray(-(-people // step) * step)


def _step(people: NDArray[np.intp]) -> int:
    return max(SMALL_CELL, -(-int(people.max(initial=0)) // STEPS))


def _together(roster: Roster) -> NDArray[np.intp]:
    served = roster.exposure.astype(np.intp)
    return np.asarray(served.T @ served)


def _mark(text: str) -> str:
    return "×" if text == HIDDEN else text


def _circle(ax: Any, names: tuple[str, ...], size: NDArray[np.intp], texts: list[str]) -> None:
    count = len(names)
    # From the left, clockwise, so that two providers face each other.
    angle = np.pi - 2 * np.pi * np.arange(count) / count
    x, y = np.cos(angle).round(9), np.sin(angle).round(9)
    part = size / max(1, int(size.max(initial=0)))
    for number, (j, k) in enumerate(combinations(range(count), 2)):
        if size[j, k]:
            ax.plot(
                x[[j, k]],
                y[[j, k]],
                color="0.75",
                linewidth=1 + 9 * part[j, k] * min(1, 4 / count),
                solid_capstyle="butt",
                zorder=1,
            )
            if count <= MOST_WRITTEN:
                # Chords are labelled off the middle, before they cross each other.
                at = 0.5 if (k - j) in (1, count - 1) else 0.27
                box = {"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"}
                ax.text(
                    x[j] + at * (x[k] - x[j]), y[j] + at * (y[k] - y[j]), _mark(texts[count + number]),
                    ha="center", va="center", fontsize="small", bbox=box, zorder=2,
                )  # fmt: skip
    areas = 150 + 1100 * np.diagonal(part)
    ax.scatter(x, y, s=areas, color=GAIN, edgecolor="white", zorder=3)
    for j, name in enumerate(names):
        # In points, beyond the node's rim: scatter areas are in points squared.
        away = np.sqrt(areas[j] / np.pi) + 4
        ax.annotate(
            f"{name}\n{'withheld' if texts[j] == HIDDEN else texts[j]}", (x[j], y[j]), (away * x[j], away * y[j]), textcoords="offset points",
            ha="center" if abs(x[j]) < 0.2 else "right" if x[j] < 0 else "left",
            va="center" if abs(y[j]) < 0.2 else "bottom" if y[j] > 0 else "top",
        )  # fmt: skip
    ax.set(xlim=(-2.1, 2.1), ylim=(-0.4, 0.4) if count <= 2 else (-1.5, 1.5), aspect="equal")
    ax.axis("off")


def _heatmap(ax: Any, names: tuple[str, ...], size: NDArray[np.intp], texts: list[str]) -> None:
    from matplotlib.colors import to_hex

    count = len(names)
    image = ax.imshow(size, cmap="cividis_r", vmin=0, vmax=max(1, int(size.max(initial=0))))
    written = np.empty((count, count), dtype=object)
    written[np.diag_indices(count)] = texts[:count]
    for (j, k), text in zip(combinations(range(count), 2), texts[count:], strict=True):
        written[j, k] = written[k, j] = text
    for (j, k), text in np.ndenumerate(written):
        if text != "0":
            cell = to_hex(image.to_rgba(size[j, k]))
            ax.text(k, j, _mark(text), ha="center", va="center", fontsize=6, color=ink(cell))
    ax.set_xticks(range(count), names, rotation=90)
    ax.set_yticks(range(count), names)
    ax.set_xlabel("on the diagonal: people served")
    ax.figure.colorbar(image, ax=ax, label="people, in steps", shrink=0.7)
