"""Declared shapes of a game on a person's own providers, as linear inequalities on its 2^ℓ cells.

*Monotone*: no provider makes the outcome worse. *Submodular*: what a provider adds never grows with the company it has
(overlap). *Supermodular*: it never shrinks (synergy). Shapes are statements about the oriented outcome, higher better,
and may be declared together. Source: Shapley (1971), *Cores of convex games*.
"""

from collections.abc import Collection
from itertools import combinations
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Shape = Literal["monotone", "submodular", "supermodular"]
SHAPES: Final[tuple[Shape, ...]] = get_args(Shape)


def shape_rows(size: int, shape: Collection[Shape]) -> FloatArray:
    """Return the inequalities ``rows @ m >= 0`` of a shape, shape (n_rows, 2^size).

    Parameters
    ----------
    size : int
        Providers of the person; cells are local bitmasks.
    shape : collection of {"monotone", "submodular", "supermodular"}
        All of them hold; none at all gives no row.

    Examples
    --------
    >>> shape_rows(2, ["submodular"])
    array([[-1.,  1.,  1., -1.]])
    """
    unknown = sorted(set(shape) - set(SHAPES))
    if unknown:
        raise ValueError(f"shape holds {unknown}; there are {list(SHAPES)}")
    rows: list[dict[int, float]] = []
    if "monotone" in shape:
        rows += [{b: -1.0, b | 1 << k: 1.0} for k in range(size) for b in range(1 << size) if not b >> k & 1]
    for name, sign in (("submodular", 1.0), ("supermodular", -1.0)):
        if name in shape:
            rows += [
                {b | 1 << k: sign, b | 1 << j: sign, b | 1 << k | 1 << j: -sign, b: -sign}
                for j, k in combinations(range(size), 2)
                for b in range(1 << size)
                if not (b >> j & 1 or b >> k & 1)
            ]
    table = np.zeros((len(rows), 1 << size))
    for number, row in enumerate(rows):
        table[number, list(row)] = list(row.values())
    return table
