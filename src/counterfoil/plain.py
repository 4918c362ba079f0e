"""Results as plain data for JSON: exact money as text, floats to the digits that carry meaning."""

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

DIGITS: Final = 12
"""Significant digits of a float in JSON: what summation order may change in the last bits is not written."""


def plain(value: Any) -> Any:
    """Return nested data with Decimal as text, floats rounded to 12 significant digits, and NaN as None.

    Examples
    --------
    >>> plain({"payment": Decimal("2.50"), "share": float("nan"), "estimate": 0.1 + 0.2})
    {'payment': '2.50', 'share': None, 'estimate': 0.3}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value
