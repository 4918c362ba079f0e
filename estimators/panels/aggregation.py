"""Averages of group-time effects, whose weights, the cohorts' shares of the units, are themselves estimated.

An average is ``Σ a_k·p_g(k)·θ_k / Σ a_k·p_g(k)`` over cells k, with numbers a that the design fixes and shares p that the
data give. A unit of cohort g adds ``Σ_{k of g} a_k (θ_k − θ) / Σ a·p`` times its weight to the influence of the average.
Source: Callaway and Sant'Anna (2021), section 3 and corollary 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.group_time_cells import Cell


@dataclass(frozen=True, slots=True, eq=False)
class Average:
    """Some averages of k cells.

    Parameters
    ----------
    terms : tuple of str
        What each is called.
    weights : ndarray, shape (m, k)
        Of the cells, summing to one.
    by_cohort : ndarray, shape (G, m)
        What a unit of weight 1 adds to the influence of each average because its cohort's share is estimated; without a row
        where shares count as given.
    """

    terms: tuple[str, ...]
    weights: FloatArray
    by_cohort: FloatArray

    def combined(self, matrix: FloatArray, terms: Sequence[str]) -> "Average":
        """Return fixed combinations of the averages; ``matrix`` has shape (new, m)."""
        return Average(tuple(terms), matrix @ self.weights, self.by_cohort @ matrix.T)


def average(
    cells: Sequence[Cell],
    values: FloatArray,
    fixed: FloatArray,
    mass: FloatArray,
    terms: Sequence[str],
    cohorts: int | None = None,
) -> Average:
    """Return averages over cells.

    Parameters
    ----------
    cells : sequence of Cell, k of them
    values : ndarray, shape (k,)
    fixed : ndarray, shape (m, k)
        The numbers a of each average.
    mass : ndarray, shape (k,)
        The weighted share of all units in each cell's cohort.
    terms : sequence of str
    cohorts : int, optional
        How many there are, where their shares are estimated; omitted where the weights count as given.

    Examples
    --------
    >>> cells = [Cell(0, 1, 0, 0, (2,)), Cell(1, 2, 1, 0, (2,))]
    >>> average(cells, np.array([1.0, 4.0]), np.ones((1, 2)), np.array([0.2, 0.1]), ["simple"], 2).weights.round(3)
    array([[0.667, 0.333]])
    """
    raw = fixed * mass
    sums = raw.sum(axis=1, keepdims=True)
    weights = raw / sums
    by_cohort = np.zeros((cohorts or 0, len(fixed)))
    if cohorts is not None:
        gaps = fixed * (values - (weights @ values)[:, None]) / sums
        np.add.at(by_cohort, np.array([cell.cohort for cell in cells], dtype=np.intp), gaps.T)
    return Average(tuple(terms), weights, by_cohort)


def by_event_time(
    cells: Sequence[Cell], last: Sequence[int], periods: int, balance: int | None = None
) -> tuple[tuple[int, ...], FloatArray]:
    """Return the event times, and which cells belong to each, shape (m, k).

    Parameters
    ----------
    cells : sequence of Cell
    last : sequence of int
        The latest event time at which each cohort is seen.
    periods : int
        Of the panel.
    balance : int, optional
        Only cohorts that are seen for as many periods after the first treated one, and only event times up to it, so that the
        same cohorts stand behind every event time from 0.
    """
    chosen = [cell for cell in cells if balance is None or last[cell.cohort] >= balance]
    times = sorted({cell.since for cell in chosen})
    if balance is not None:
        times = [time for time in times if balance - periods < time <= balance]
    kept = set(chosen)
    rows = [[float(cell in kept and cell.since == time) for cell in cells] for time in times]
    return tuple(times), np.array(rows).reshape(len(times), len(cells))
