"""Where a number is cut into bins.

Sources: Sturges (1926), *The choice of a class interval*, JASA 21(153); Freedman and Diaconis (1981), *On the histogram as a density
estimator*, Zeitschrift für Wahrscheinlichkeitstheorie und verwandte Gebiete 57.
"""

from typing import Any, Literal, TypeAlias

import numpy as np

from counterfoil.datasets.table import as_numbers, blank
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.matching.matches import Positions

Cut: TypeAlias = tuple[float, ...] | int | Literal["sturges", "freedman_diaconis", "quartiles"]
"""Where bins begin, how many of equal width there are, or the rule that says so."""


def bin_codes(column: Any, cut: Cut) -> Positions:
    """Return the bin of each number, (n,); blanks have a bin of their own.

    A number that is a cutpoint belongs to the bin that begins there.

    Parameters
    ----------
    column : Series of numbers, shape (n,)
    cut : tuple, int or str

    Examples
    --------
    >>> import pandas as pd
    >>> bin_codes(pd.Series([5, 18, 40, 65]), (18, 65)).tolist(), bin_codes(pd.Series([0, 1, 9, 10]), 2).tolist()
    ([1, 2, 2, 3], [1, 1, 2, 2])
    """
    lacking = blank(column)
    values = as_numbers(column)[0]
    codes = np.zeros(len(values), dtype=np.intp)
    used = values[~lacking]
    if len(used):
        codes[~lacking] = np.searchsorted(_starts(used, cut), used, side="right") + 1
    return codes


def _starts(values: FloatArray, cut: Cut) -> FloatArray:
    """Return where the second and later bins begin."""
    if isinstance(cut, tuple):
        return np.sort(np.array(cut, dtype=np.float64))
    if cut == "quartiles":
        return np.unique(np.quantile(values, (0.25, 0.5, 0.75), method="inverted_cdf"))
    low, wide = values.min(), float(np.ptp(values))
    if cut == "sturges":
        many = int(np.ceil(np.log2(len(values)) + 1))
    elif cut == "freedman_diaconis":
        middle = float(np.subtract(*np.quantile(values, (0.75, 0.25))))
        width = 2 * middle / np.cbrt(len(values))
        # More bins than people tell nobody from anybody else.
        many = int(min(np.ceil(wide / width), len(values))) if width > 0 else 1
    else:
        many = int(cut)
    return low + wide * np.arange(1, many) / many if wide > 0 else np.empty(0)
