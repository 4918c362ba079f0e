"""Disclosure control: small cells, and the cells from which they could be derived, are not shown.

Source: the cell-size rule of the US Centers for Medicare and Medicaid Services (no cell of 1 to 10, none derivable).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL_CELL = 11
"""Counts below this, and above zero, are small."""


def shown(count: int) -> str:
    """Write one count, hiding a small one.

    Examples
    --------
    >>> shown(1_250), shown(3), shown(0)
    ('1,250', '<11', '0')
    """
    return f"<{SMALL_CELL}" if 0 < count < SMALL_CELL else f"{count:,}"


def suppress_counts(counts: Sequence[int] | NDArray[Any]) -> list[str]:
    """Write counts whose total is known, hiding small ones.

    The total would give hidden cells away by subtraction, so the smallest of the others are hidden too, until at least
    two are hidden and their sum leaves each of them in doubt.

    Examples
    --------
    >>> suppress_counts([120, 4, 60, 0])
    ['120', '<11', 'suppressed', '0']
    >>> suppress_counts([3, 4, 60])
    ['<11', '<11', 'suppressed']
    """
    cells = np.asarray(counts, dtype=np.int64)
    small = (cells > 0) & (cells < SMALL_CELL)
    hidden = small.copy()
    # The hidden cells' sum follows from the total: it must leave room for doubt about each of them.
    while hidden.any() and (hidden.sum() < 2 or cells[hidden].sum() < SMALL_CELL) and (~hidden & (cells > 0)).any():
        others = np.flatnonzero(~hidden & (cells > 0))
        hidden[others[np.argmin(cells[others])]] = True
    words = {(True, True): f"<{SMALL_CELL}", (True, False): "suppressed"}
    return [
        words.get((bool(hide), bool(few)), f"{cell:,}")
        for cell, hide, few in zip(cells.tolist(), hidden.tolist(), small.tolist(), strict=True)
    ]


def suppress_margins(
    counts: Sequence[int] | NDArray[Any], total: int, patterns: Sequence[int] | NDArray[Any]
) -> list[str]:
    """Write how many people each provider served, where the total and the patterns are shown as well.

    A margin is hidden when it or what it leaves of the total is small, and all margins are hidden when a pattern is small:
    margins and patterns together would give it away.

    Examples
    --------
    >>> suppress_margins([195, 90], 200, [100, 60, 40])
    ['suppressed', '90']
    >>> suppress_margins([53, 43], 193, [100, 50, 40, 3])
    ['suppressed', 'suppressed']
    """
    cells = np.asarray(patterns, dtype=np.int64)
    few = bool(((cells > 0) & (cells < SMALL_CELL)).any())
    shown_counts = []
    for count in np.asarray(counts, dtype=np.int64).tolist():
        small = 0 < count < SMALL_CELL or 0 < total - count < SMALL_CELL
        shown_counts.append(
            f"<{SMALL_CELL}" if 0 < count < SMALL_CELL else "suppressed" if small or few else f"{count:,}"
        )
    return shown_counts
