"""The regression of an interrupted time series: a level, a trend, seasons, and changes of level and slope at the start.

y_t = β₀ + β₁ (t − s) + β₂ D_t + β₃ D_t (t − s) + seasons + u_t, where D_t is 1 from the start s on. Without the programme the
earlier line would have gone on, so the difference in period t is β₂ + β₃ (t − s).

Source: Wagner, Soumerai, Zhang and Ross-Degnan (2002), "Segmented regression analysis of interrupted time series studies in
medication use research", Journal of Clinical Pharmacy and Therapeutics 27.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Segments:
    """The design of a segmented regression.

    Parameters
    ----------
    matrix : ndarray, shape (T, k)
    names : tuple of str
        Of its columns.
    gain : ndarray, shape (k,)
        The combination of coefficients that is the gain.
    without : ndarray, shape (T, k)
        The design had the programme not begun.
    """

    matrix: FloatArray
    names: tuple[str, ...]
    gain: FloatArray
    without: FloatArray


def segments(
    periods: int,
    starts: int,
    slope_change: bool = True,
    at: Literal["average", "end"] = "average",
    season_length: int | None = None,
    harmonics: int | None = None,
    first: int = 0,
) -> Segments:
    """Return the design of a series of equally spaced periods.

    Parameters
    ----------
    periods, starts : int
        How many there are, and the position of the first one with the programme.
    slope_change : bool
        Whether the slope may change, or the level alone.
    at : {"average", "end"}
        Whether the gain is the mean difference since the start, or that of the last period.
    season_length : int, optional
        Periods after which seasons repeat, such as 12 for months.
    harmonics : int, optional
        Pairs of sine and cosine; one dummy a season when omitted.
    first : int
        Season of the first period.

    Examples
    --------
    >>> design = segments(6, 3)
    >>> design.names, design.gain
    (('level', 'trend', 'level change', 'slope change'), array([0., 0., 1., 1.]))
    """
    time = np.arange(periods, dtype=np.float64) - starts
    after = (time >= 0).astype(np.float64)
    columns, names = [np.ones(periods), time, after], ["level", "trend", "level change"]
    if slope_change:
        columns.append(after * time)
        names.append("slope change")
    if season_length is not None:
        season = (np.arange(periods) + first) % season_length
        if harmonics is None:
            columns += [(season == place).astype(np.float64) for place in range(1, season_length)]
            names += [f"season {place + 1}" for place in range(1, season_length)]
        else:
            for wave in range(1, harmonics + 1):
                angle = 2.0 * np.pi * wave * season / season_length
                columns += [np.cos(angle)] if 2 * wave == season_length else [np.cos(angle), np.sin(angle)]
                names += [f"cos {wave}"] if 2 * wave == season_length else [f"cos {wave}", f"sin {wave}"]
    matrix = np.column_stack(columns)
    changed = np.array(["change" in name for name in names])
    where = time[-1] if at == "end" else time[starts:].mean()
    gain = np.where(changed, np.where(np.array(names) == "slope change", where, 1.0), 0.0)
    return Segments(matrix, tuple(names), gain, np.where(changed, 0.0, matrix))
