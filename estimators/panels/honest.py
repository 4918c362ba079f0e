"""Robust confidence sets for the average effect of an event study, when trends were not quite parallel (HonestDiD).

Parallel trends cannot be tested for the periods after the services began. What can be said is how far the conclusion
stands when they fail by a stated amount. Three ways to state it:

===================  ====================================================================================
restriction          the violation after the services began
===================  ====================================================================================
relative_magnitudes  changes from period to period by at most M̄ times the largest change seen before them
smoothness           bends by at most M, in the outcome's unit, from any straight line
relative_smoothness  bends by at most M̄ times the largest bend seen before
===================  ====================================================================================

Inference: fixed-length intervals for ``smoothness``, the conditional and least-favourable hybrid for the other two. The
estimates are taken to be normal with their joint covariance; with few degrees of freedom that is scaled so that, without
any violation, the interval would be that of t.

Source: Rambachan and Roth (2023), "A more credible approach to parallel trends", Review of Economic Studies 90(5).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.panels.relative_magnitudes import Side, relative_magnitudes
from counterfoil.estimators.panels.smoothness import smoothness

Restriction = Literal["relative_magnitudes", "smoothness", "relative_smoothness"]
Bound = Literal["one_sided", "two_sided"]
Better = Literal["higher", "lower"]

SYMBOLS: Final[dict[str, str]] = {"relative_magnitudes": "M̄", "smoothness": "M", "relative_smoothness": "M̄"}


class _Path(NamedTuple):
    """Effects around the reference, their covariance, how many are before it, and the weights of those after."""

    values: FloatArray
    covariance: FloatArray
    pre: int
    weights: FloatArray


def robust_intervals(
    study: EventStudy,
    limits: ArrayLike,
    *,
    restriction: Restriction = "relative_magnitudes",
    weights: Sequence[float] | None = None,
    conf_level: float = 0.95,
    bound: Bound = "two_sided",
    better: Better = "higher",
) -> FloatArray:
    """Return the confidence set of the average effect for each size of violation, shape (m, 2).

    Parameters
    ----------
    study : EventStudy
        With the last period before any reaction as its reference, and no gaps.
    limits : array, shape (m,)
        M̄, or M in the outcome's unit; not negative.
    restriction : {"relative_magnitudes", "smoothness", "relative_smoothness"}
    weights : sequence of float, optional
        Of the event times from 0, made to sum to one; those of the gain when omitted, see `EventStudy`.
    conf_level : float
    bound : {"two_sided", "one_sided"}
        One-sided bounds the effect on the side that a claim of success needs, at ``conf_level``.
    better : {"higher", "lower"}
        Which direction of the outcome is success.

    Returns
    -------
    ndarray, shape (m, 2)
        In the outcome's units per person; infinite on the side that is not bounded.

    Raises
    ------
    IdentificationError
        IDENT-017 without a period before the reference or an effect after, IDENT-033 when the event study has no common reference, has it in
        another place, or has gaps.
    EstimationError
        EST-035 when the effects' joint covariance is singular.

    Examples
    --------
    >>> from counterfoil.estimators import Estimate
    >>> effects = Estimate.published(
    ...     [0.1, -0.1, 1.0], [0.1, 0.1, 0.14], terms=["-3", "-2", "0"], outcome="y", estimand="ATT", people=90
    ... )
    >>> robust_intervals(EventStudy((-3, -2, 0), effects), [0.0, 1.0]).round(2)
    array([[0.73, 1.27],
           [0.47, 1.53]])
    """
    sizes = np.atleast_1d(np.asarray(limits, dtype=np.float64))
    if not np.isfinite(sizes).all() or (sizes < 0).any():
        raise ValueError("limits are finite and not negative")
    path = _path(study, weights, conf_level, bound, 2 if restriction == "relative_smoothness" else 1)
    side: Side = "both" if bound == "two_sided" else "lower" if better == "higher" else "upper"
    alpha = 1.0 - conf_level
    if restriction == "smoothness":
        return smoothness(*path, sizes, alpha=alpha, side=side)
    order: Literal[1, 2] = 2 if restriction == "relative_smoothness" else 1
    return relative_magnitudes(*path, sizes, alpha=alpha, side=side, order=order)


def _path(study: EventStudy, weights: Sequence[float] | None, conf_level: float, bound: Bound, needed: int) -> _Path:
    """Check that the event study can carry a sensitivity analysis, and lay it out around its reference."""
    last = -1 - study.anticipation
    if study.reference is None or study.reference != last:
        held = "no common reference" if study.reference is None else f"event time {study.reference} as its reference"
        what = f"the event study has {held}; violations are counted from the last period before any reaction, {last}"
        raise refusal(
            "IDENT-033", what, "event study", f"use a universal base period (`base: universal`) with event time {last}"
        )
    every = sorted({*study.times, study.reference})
    if every != list(range(every[0], every[-1] + 1)):
        missing = sorted(set(range(every[0], every[-1] + 1)) - set(every))
        raise refusal("IDENT-033", f"the event study has no effect at event time {missing[0]}", "event study")
    pre = len(study.pre_times)
    if pre < needed:
        what = f"the event study has {pre} effects before the reference; this restriction needs {needed}"
        raise refusal("IDENT-017", what, "event study")
    estimate = study.estimate
    row = study.average_weights(weights)[pre:]
    tail = (1.0 + conf_level) / 2.0 if bound == "two_sided" else conf_level
    covariance = estimate.cov() * (estimate.critical(conf_level, bound) / float(ndtri(tail))) ** 2
    return _Path(estimate.values, covariance, pre, row)


@dataclass(frozen=True, slots=True, eq=False)
class Sensitivity:
    """Confidence sets of the average effect over sizes of violation.

    Parameters
    ----------
    restriction : str
    limits : ndarray, shape (m,)
        M̄ or M, ascending.
    intervals : ndarray, shape (m, 2)
        In the outcome's units.
    parallel : tuple of float
        The interval under exactly parallel trends, on the same sides.
    estimate : float
        The average effect under exactly parallel trends.
    conf_level : float
    bound, better : str
    outcome : str
    """

    restriction: Restriction
    limits: FloatArray
    intervals: FloatArray
    parallel: tuple[float, float]
    estimate: float
    conf_level: float
    bound: Bound
    better: Better
    outcome: str

    @property
    def symbol(self) -> str:
        """M̄ or M."""
        return SYMBOLS[self.restriction]

    @property
    def lines(self) -> FloatArray:
        """The bound that a claim of success is held against, at each size, (m,)."""
        return self.intervals[:, 0 if self.better == "higher" else 1]

    def tidy(self) -> pd.DataFrame:
        """Return one row a size of violation: restriction, limit, outcome, term, conf_low, conf_high."""
        frame = pd.DataFrame(
            {
                "restriction": self.restriction,
                "limit": self.limits,
                "outcome": self.outcome,
                "term": "gain",
                "conf_low": self.intervals[:, 0],
                "conf_high": self.intervals[:, 1],
            }
        )
        frame.attrs = {"conf_level": self.conf_level, "bound": self.bound, "parallel_trends": self.parallel}
        return frame

    @property
    def _header(self) -> str:
        return f"average effect on {self.outcome}: {100 * self.conf_level:g}% robust {self.bound} sets by {self.symbol}"

    def __repr__(self) -> str:
        table = self.tidy()[["limit", "conf_low", "conf_high"]]
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.6g}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)

    def plot(self, ax: Any = None) -> Any:
        """Draw the sets over the size of the violation."""
        from counterfoil.estimators.panels.sensitivity_plot import plot_sensitivity

        return plot_sensitivity(self, ax)


def sensitivity(
    study: EventStudy,
    limits: ArrayLike,
    *,
    restriction: Restriction = "relative_magnitudes",
    weights: Sequence[float] | None = None,
    conf_level: float = 0.95,
    bound: Bound = "two_sided",
    better: Better = "higher",
) -> Sensitivity:
    """Return `robust_intervals` with the interval under exactly parallel trends; for parameters and refusals see there.

    Examples
    --------
    >>> from counterfoil.estimators import Estimate
    >>> effects = Estimate.published(
    ...     [0.1, -0.1, 1.0], [0.1, 0.1, 0.14], terms=["-3", "-2", "0"], outcome="y", estimand="ATT", people=90
    ... )
    >>> sensitivity(EventStudy((-3, -2, 0), effects), [0.0, 1.0]).tidy()["conf_low"].round(2).tolist()
    [0.73, 0.47]
    """
    sizes = np.sort(np.atleast_1d(np.asarray(limits, dtype=np.float64)))
    found = robust_intervals(
        study, sizes, restriction=restriction, weights=weights, conf_level=conf_level, bound=bound, better=better
    )
    average = study.average(weights)
    middle, half = float(average.values[0]), float(average.critical(conf_level, bound) * average.std_error[0])
    open_low, open_high = (bound == "one_sided" and better == side for side in ("lower", "higher"))
    parallel = (-np.inf if open_low else middle - half, np.inf if open_high else middle + half)
    return Sensitivity(restriction, sizes, found, parallel, middle, conf_level, bound, better, str(average.outcome))
