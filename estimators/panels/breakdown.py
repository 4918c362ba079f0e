"""Breakdown value: how large a violation of parallel trends a claim about the average effect survives.

A claim is that the robust bound lies beyond a threshold: zero for "there is an effect", the lower edge of a tier for "this
tier is reached". Its breakdown value is the M̄ (or M) up to which it holds at every size of violation.

It is the first failure that counts, not the last success: a claim that stands at M̄ by this rule is wrong with at most
the stated chance if the violation is within M̄, while picking the best of many sizes would be wrong more often.

Source: Rambachan and Roth (2023), Review of Economic Studies 90(5), section 5; Horowitz and Manski (1995), Econometrica
63(2), for the term.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.honest import SYMBOLS, Better, Bound, Restriction, Sensitivity, robust_intervals
from counterfoil.estimators.panels.honest import sensitivity as sensitivity_of

GRID: Final = 21
DOUBLINGS: Final = 5
TOLERANCE: Final = 1e-4
"""Of a breakdown value, as part of the grid's range."""


@dataclass(frozen=True, slots=True, eq=False)
class Breakdown:
    """At which size of violation each claim about the average effect first fails.

    Parameters
    ----------
    thresholds : tuple of float
        In the outcome's units per person.
    values : tuple of (float or None)
        M̄ or M of each; None where the claim fails without any violation of this kind, infinite where it still holds at
        the largest size searched, ``sensitivity.limits[-1]``.
    sensitivity : Sensitivity
        The sets over the grid that was searched.
    """

    thresholds: tuple[float, ...]
    values: tuple[float | None, ...]
    sensitivity: Sensitivity

    def holds(self, limit: float) -> tuple[bool, ...]:
        """Tell for each threshold whether its claim holds up to this size of violation."""
        return tuple(value is not None and limit <= value for value in self.values)

    def tidy(self) -> pd.DataFrame:
        """Return one row a threshold: outcome, term, threshold, whether the claim holds under parallel trends, breakdown.

        A missing breakdown is a claim that fails without any violation of this kind.
        """
        made = self.sensitivity
        line = made.parallel[0 if made.better == "higher" else 1]
        return pd.DataFrame(
            {
                "outcome": made.outcome,
                "term": "gain",
                "threshold": self.thresholds,
                "parallel_trends": [_clears(line, threshold, made.better) for threshold in self.thresholds],
                "breakdown": pd.array(list(self.values), dtype="Float64"),
            }
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence for each threshold."""
        made = self.sensitivity
        words = {
            "relative_magnitudes": "trends after the services began differ by up to {0:.2f} times the largest change seen "
            "between two earlier periods",
            "smoothness": "trends bend by up to {0:.4g} a period",
            "relative_smoothness": "trends bend by up to {0:.2f} times the largest bend seen before",
        }[made.restriction]
        direction = "above" if made.better == "higher" else "below"
        said = []
        for threshold, value in zip(self.thresholds, self.values, strict=True):
            claim = f"That the effect on {made.outcome} is {direction} {threshold:g}"
            if value is None:
                said.append(f"{claim} is not shown even at {made.symbol} = 0.")
            elif np.isinf(value):
                said.append(f"{claim} holds at every size searched, up to {made.symbol} = {made.limits[-1]:g}.")
            else:
                said.append(f"{claim} holds as long as {words.format(value)}.")
        return tuple(said)

    @property
    def _header(self) -> str:
        made = self.sensitivity
        return f"breakdown values {SYMBOLS[made.restriction]} of claims about the average effect on {made.outcome}"

    def __repr__(self) -> str:
        return f"{self._header}\n{self.tidy().to_string(index=False, float_format=lambda x: f'{x:.6g}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)

    def plot(self, ax: Any = None) -> Any:
        """Draw the sets over the size of the violation, with thresholds and breakdown values."""
        from counterfoil.estimators.panels.sensitivity_plot import plot_sensitivity

        return plot_sensitivity(self, ax)


def breakdown(
    study: EventStudy,
    threshold: float | Sequence[float] = 0.0,
    *,
    better: Better = "higher",
    restriction: Restriction = "relative_magnitudes",
    weights: Sequence[float] | None = None,
    conf_level: float = 0.95,
    bound: Bound = "one_sided",
) -> Breakdown:
    """Return up to which size of violation the effect is shown to be beyond each threshold.

    Parameters
    ----------
    study : EventStudy
    threshold : float or sequence of float
        In the outcome's units per person: zero for a gate on significance, the edges of a table of steps for its tiers.
    better : {"higher", "lower"}
        ``higher`` asks for the lower bound to be above the threshold, ``lower`` for the upper bound to be below it.
    restriction : {"relative_magnitudes", "smoothness", "relative_smoothness"}
        See `counterfoil.estimators.panels.honest`.
    weights : sequence of float, optional
        Of the event times from 0, made to sum to one; those of the gain when omitted, see `EventStudy`.
    conf_level : float
    bound : {"one_sided", "two_sided"}

    Returns
    -------
    Breakdown

    Raises
    ------
    IdentificationError
        IDENT-017, IDENT-033; see `robust_intervals`.
    EstimationError
        EST-035; see `robust_intervals`.

    Examples
    --------
    >>> from counterfoil.estimators import Estimate
    >>> effects = Estimate.published(
    ...     [0.1, -0.1, 1.0], [0.1, 0.1, 0.14], terms=["-3", "-2", "0"], outcome="y", estimand="ATT", people=90
    ... )
    >>> found = breakdown(EventStudy((-3, -2, 0), effects), [0.0, 0.5, 0.9])
    >>> [None if value is None else round(value, 1) for value in found.values]
    [2.2, 0.9, None]
    """
    thresholds = tuple(float(edge) for edge in np.atleast_1d(np.asarray(threshold, dtype=np.float64)))

    def made_on(limits: FloatArray) -> Sensitivity:
        return sensitivity_of(
            study,
            limits,
            restriction=restriction,
            weights=weights,
            conf_level=conf_level,
            bound=bound,
            better=better,
        )

    made = made_on(np.linspace(0.0, _smooth_reach(study, weights) if restriction == "smoothness" else 2.0, GRID))
    for _ in range(DOUBLINGS):
        if not any(all(_clears(line, edge, better) for line in made.lines) for edge in thresholds):
            break
        more = made_on(np.linspace(made.limits[-1], 2.0 * made.limits[-1], GRID)[1:])
        made = Sensitivity(
            restriction,
            np.concatenate([made.limits, more.limits]),
            np.concatenate([made.intervals, more.intervals]),
            made.parallel,
            made.estimate,
            conf_level,
            bound,
            better,
            made.outcome,
        )

    def gap(limit: float, edge: float) -> float:
        found = robust_intervals(
            study, [limit], restriction=restriction, weights=weights, conf_level=conf_level, bound=bound, better=better
        )
        return float(found[0, 0] - edge if better == "higher" else edge - found[0, 1])

    values = tuple(_first_failure(made, edge, gap) for edge in thresholds)
    return Breakdown(thresholds, values, made)


def _smooth_reach(study: EventStudy, weights: Sequence[float] | None) -> float:
    """Return the M at which bends that all go one way would make the average effect and two of its errors."""
    average, row = study.average(weights), study.average_weights(weights)
    steps = np.maximum(np.array(study.times) + 1.0 + study.anticipation, 0.0)
    made = abs(float(average.values[0])) + 2.0 * float(average.std_error[0])
    return made / max(float(row @ (steps * (steps + 1.0) / 2.0)), 1.0)


def _clears(line: float, threshold: float, better: Better) -> bool:
    return bool(line > threshold if better == "higher" else line < threshold)


def _first_failure(made: Sensitivity, threshold: float, gap: Any) -> float | None:
    """Return where the claim first fails: between two points of the grid, to the tolerance."""
    from scipy.optimize import brentq

    clear = [_clears(line, threshold, made.better) for line in made.lines]
    if all(clear):
        return float("inf")
    place = clear.index(False)
    if place == 0:
        return None
    low, high = made.limits[place - 1], made.limits[place]
    return float(brentq(gap, low, high, args=(threshold,), xtol=TOLERANCE * (high - low) * GRID))
