"""Numbers that money depends on, read from a table without passing through binary fractions."""

import math
import re
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.table import plain_text

DIGITS: Final = 12
"""Significant digits of a quantity."""

DECIMALS: Final = 6
"""Digits after the point of a quantity; sums of millions of them in whole millionths fit 64 bits."""

WRITTEN: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


def as_quantities(column: Any) -> tuple[Any, NDArray[np.bool_]]:
    """Return a column as Decimals of type object, and a mark where a value is no quantity.

    A quantity is zero or more, with at most 12 significant digits and 6 decimals. Text must be written plainly; a float
    must be such a number, as 0.1 is and 0.1 + 0.2 is not. A blank is no quantity: it could be any.

    Examples
    --------
    >>> values, wrong = as_quantities(pd.Series(["31", "0.5", "-1", ""]))
    >>> list(values), wrong.tolist()
    ([Decimal('31'), Decimal('0.5'), Decimal('0'), Decimal('0')], [False, False, True, True])
    """
    codes, unique = pd.factorize(plain_text(column))
    read = [_quantity(value) for value in unique.tolist()] + [None]  # the last is what missing values point to
    values = np.array([Decimal(0) if value is None else value for value in read], dtype=object)
    wrong = np.array([value is None for value in read])
    return pd.Series(values[codes], dtype=object), wrong[codes]


def _quantity(value: object) -> Decimal | None:
    if isinstance(value, float):
        text = f"{value:.{DECIMALS}f}" if math.isfinite(value) and float(f"{value:.{DECIMALS}f}") == value else ""
    elif isinstance(value, Decimal):
        text = f"{value:f}" if value.is_finite() else ""
    else:
        text = str(value).strip()
    if isinstance(value, bool) or not WRITTEN.fullmatch(text):
        return None
    whole, _, fraction = text.partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    digits = len(whole + fraction) if whole else len(fraction.lstrip("0"))
    if len(fraction) > DECIMALS or digits > DIGITS:
        return None
    return Decimal(f"{whole or 0}.{fraction}" if fraction else whole or "0")
