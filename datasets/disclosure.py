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

    With exactly one small cell the total would give it away by subtraction, so the smallest of the
    other non-zero cells is hidden too.

    Examples
    --------
    >>> suppress_counts([120, 4, 60, 0])
    ['120', '<11', 'suppressed', '0']
    >>> suppress_counts([3, 4, 60])
    ['<11', '<11', '60']
    """
    cells = np.asarray(counts, dtype=np.int64)
    small = (cells > 0) & (cells < SMALL_CELL)
    shown = ["<11" if hide else f"{cell:,}" for cell, hide in zip(cells.tolist(), small.tolist(), strict=True)]
    others = np.flatnonzero(cells >= SMALL_CELL)
    if small.sum() == 1 and len(others):
        shown[int(others[np.argmin(cells[others])])] = "suppressed"
    return shown
