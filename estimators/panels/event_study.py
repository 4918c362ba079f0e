"""An event study: one effect an event time, jointly, around the last period before the services.

Event time is the period less the period in which the services began; the first served period is 0. Each value is a change
since the reference period, so that the reference itself is nothing by construction. Values before it are placebo effects:
under parallel trends without anticipation they are zero.

Sources: Sun and Abraham (2021), "Estimating dynamic treatment effects in event studies with heterogeneous treatment
effects", Journal of Econometrics 225(2); Montiel Olea and Plagborg-Møller (2019) for the sup-t band.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.joint_test import JointTest, joint_test
from counterfoil.estimators.palette import GAIN, WHOLE


@dataclass(frozen=True, slots=True, eq=False)
class EventStudy:
    """Effects by event time with their joint covariance.

    Parameters
    ----------
    times : tuple of int
        Event time of each term of the estimate, ascending, without the reference.
    estimate : Estimate
        One term an event time, in the outcome's units per person.
    reference : int or None
        The event time that all values are changes since; None where each earlier value is a change since the period
        before it (a varying base), so that there is no common reference.
    anticipation : int
        How many periods before the services people may already have reacted; these belong neither to the pre-periods nor
        to the average after.
    weights : tuple of float, one for each of ``post_times``, or None
        What each weighs in the gain that it tells the course of; equal when None.
    behind : tuple of int, one for each of ``times``, or None
        How many treated units each effect rests on, where that is known.

    Examples
    --------
    >>> values = Estimate.published(
    ...     [0.1, 1.0, 2.0], [0.2, 0.3, 0.4], terms=["-2", "0", "1"], outcome="y", estimand="ATT", people=90
    ... )
    >>> study = EventStudy((-2, 0, 1), values)
    >>> study.average().values, round(study.joint_pretrend_test().p_value, 3)
    (array([1.5]), 0.617)
    """

    times: tuple[int, ...]
    estimate: Estimate
    reference: int | None = -1
    anticipation: int = 0
    weights: tuple[float, ...] | None = None
    behind: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if len(self.times) != len(self.estimate.terms) or list(self.times) != sorted(set(self.times)):
            raise ValueError("an event study has one ascending event time for each term of its estimate")
        if self.reference in self.times:
            raise ValueError("the reference event time has no term, since it is nothing by construction")

    @property
    def pre_times(self) -> tuple[int, ...]:
        """Event times of the placebo effects: before anybody could have reacted."""
        return tuple(time for time in self.times if time < -self.anticipation)

    @property
    def post_times(self) -> tuple[int, ...]:
        """Event times from the beginning of the services."""
        return tuple(time for time in self.times if time >= 0)

    @property
    def pre(self) -> Estimate:
        """The placebo effects.

        Raises
        ------
        IdentificationError
            IDENT-017 when there is no period before the reference.
        """
        return self._at(self.pre_times, "before the reference")

    @property
    def post(self) -> Estimate:
        """The effects from the beginning of the services.

        Raises
        ------
        IdentificationError
            IDENT-017 when there is none.
        """
        return self._at(self.post_times, "after the services began")

    def _at(self, times: Sequence[int], words: str) -> Estimate:
        if not times:
            raise refusal("IDENT-017", f"the event study has no effect {words}", "event study")
        places = [self.times.index(time) for time in times]
        return self.estimate.contrast(np.eye(len(self.times))[places], [self.estimate.terms[place] for place in places])

    def average(self, weights: Sequence[float] | None = None) -> Estimate:
        """Return the weighted average of the effects after the services began.

        Parameters
        ----------
        weights : sequence of float, one for each of `post_times`, optional
            Made to sum to one; those of the gain when omitted.

        Returns
        -------
        Estimate
            One term, ``gain``.

        Raises
        ------
        IdentificationError
            IDENT-017 when there is no effect after the services began.
        """
        averaged = self.estimate.contrast(self.average_weights(weights)[None, :], ["gain"])
        return replace(averaged, estimand=f"average of event times {self.post_times[0]} to {self.post_times[-1]}")

    def total(self) -> Estimate:
        """Return the one number of the design: `average`, by the weights of the gain."""
        return self.average()

    def average_weights(self, weights: Sequence[float] | None = None) -> FloatArray:
        """Return the weight of every term in `average`, shape (k,); for parameters and refusals see there."""
        post = self.post_times
        if not post:
            raise refusal("IDENT-017", "the event study has no effect after the services began", "event study")
        asked = self.weights if weights is None else weights
        given = np.ones(len(post)) if asked is None else np.asarray(asked, dtype=np.float64)
        if given.shape != (len(post),) or not np.isfinite(given).all() or given.sum() <= 0:
            raise ValueError(f"give {len(post)} finite weights with a positive sum, one for each event time from 0")
        row = np.zeros(len(self.times))
        row[[self.times.index(time) for time in post]] = given / given.sum()
        return row

    def joint_pretrend_test(self) -> JointTest:
        """Test that all placebo effects are zero together (Wald).

        Raises
        ------
        IdentificationError
            IDENT-017 when there is no placebo effect.
        EstimationError
            EST-015 when they cannot be tested together.
        """
        return joint_test(self.pre)

    def tidy(self, conf_level: float = 0.95, *, simultaneous: bool = False) -> pd.DataFrame:
        """Return one row an event time, in the columns of the house vocabulary; the reference has no row.

        Parameters
        ----------
        conf_level : float
        simultaneous : bool
            True makes all intervals hold together (sup-t band).
        """
        frame = self.estimate.tidy(conf_level, simultaneous=simultaneous)
        attrs = frame.attrs | {"reference": self.reference, "anticipation": self.anticipation}
        frame.insert(0, "event_time", self.times)
        frame.attrs = attrs
        return frame

    def plot(self, ax: Any = None, *, simultaneous: bool = True) -> Any:
        """Draw the effects by event time; see `plot_event_study`."""
        return plot_event_study(self, ax, simultaneous=simultaneous)

    @property
    def _header(self) -> str:
        since = "the period before each" if self.reference is None else f"event time {self.reference}"
        return f"{self.estimate.estimand} on {self.estimate.outcome} by event time, changes since {since}"

    def __repr__(self) -> str:
        table = self.tidy().drop(columns=["outcome", "term"])
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.6g}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)


def plot_event_study(study: EventStudy, ax: Any = None, *, simultaneous: bool = True, conf_level: float = 0.95) -> Any:
    """Draw an event study: effects with pointwise intervals, the reference as an open point, and the sup-t band.

    Parameters
    ----------
    study : EventStudy
    ax : matplotlib Axes, optional
        Where to draw; a new figure when omitted.
    simultaneous : bool
        True adds the band that holds for all event times together.
    conf_level : float

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import StaggeredDiD
    >>> fit = StaggeredDiD(outcome="days", first_treated="opened", base="universal").fit(cf.datasets.load("rollout"))
    >>> plot_event_study(fit.event_study()).get_xlabel()
    'periods since the services began'
    """
    ax = axes_of(ax)
    frame = study.tidy(conf_level)
    ax.axhline(0, color="0.7", linewidth=1)
    ax.axvline(-0.5, color="0.7", linewidth=1, linestyle=":")
    if simultaneous:
        low, high = study.estimate.interval(conf_level, simultaneous=True).T
        ax.vlines(frame["event_time"], low, high, color="0.85", linewidth=6, label="all together (sup-t)")
    before = (frame["event_time"] < 0).to_numpy()
    for side, color, label in ((before, WHOLE, "before the services"), (~before, GAIN, "after")):
        part = frame[side]
        ax.vlines(part["event_time"], part["conf_low"], part["conf_high"], color=color, linewidth=2)
        ax.plot(part["event_time"], part["estimate"], "o", color=color, label=label)
    if study.reference is not None:
        ax.plot([study.reference], [0.0], "o", markerfacecolor="white", color=WHOLE, label="reference")
    ax.set_xlabel("periods since the services began")
    ax.set_ylabel(f"{study.estimate.estimand}, {100 * conf_level:g}% intervals")
    ax.legend(frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    return ax
