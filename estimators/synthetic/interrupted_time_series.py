"""Interrupted time series: one series before and after a programme began, beside its earlier trend carried on.

Estimand: how far the outcome differs from its earlier line since the programme began, on average over the periods since or in
the last one, in the outcome's units per place and period. Without a control series it needs that nothing else changed then and
that the earlier trend would have gone on; with one, that whatever else changed did so in both.

Sources: Wagner et al. (2002), Journal of Clinical Pharmacy and Therapeutics 27; Lopez Bernal, Cummins and Gasparrini (2017),
International Journal of Epidemiology 46; with a control, the same authors (2018), International Journal of Epidemiology 47.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import ConfigDict, Field, model_validator

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.panels.panel_design import PanelData, PanelDesign
from counterfoil.estimators.spec import OwnRules
from counterfoil.estimators.synthetic.autocorrelation import (
    MOST_RHO,
    Errors,
    SeriesRegression,
    cochrane_orcutt,
    newey_west,
    restricted_likelihood,
)
from counterfoil.estimators.synthetic.segmented import Segments, segments
from counterfoil.estimators.synthetic.series import Series, read_series
from counterfoil.estimators.synthetic.series_fit import InterruptedTimeSeriesFit

SHORT = 8
"""Periods before or since the start below which a series is called short (Penfold and Zhang 2013, Academic Pediatrics 13)."""
LONG = 100
"""Periods from which a kernel's errors are near what they should be (Turner et al. 2021)."""


class InterruptedTimeSeries(PanelDesign):
    """Change of level and slope of a series when a programme began.

    Examples
    --------
    >>> from counterfoil.datasets import Panel
    >>> import pandas as pd
    >>> month = np.arange(24)
    >>> crimes = 40 - 0.5 * month - 6 * (month >= 12) + np.tile([0.4, -0.1, -0.3], 8)
    >>> frame = pd.DataFrame({"city": "all", "month": month, "crimes": crimes})
    >>> spec = InterruptedTimeSeries(outcome="crimes", starts="12", slope_change=False)
    >>> spec.fit(Panel.from_frame(frame, unit="city", period="month")).total().values.round(1)
    array([-5.9])
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "interrupted_time_series",
                    "starts": "2024-Q1",
                    "assigned": "patrol",
                    "slope_change": False,
                    "season_length": 4,
                }
            ]
        }
    )
    own_rules: ClassVar[OwnRules] = OwnRules(
        (), "a time series measures what happened in places as a whole, so there are no credits to split by"
    )

    kind: Literal["interrupted_time_series"] = "interrupted_time_series"
    level: Literal["people", "places"] = Field(
        "places",
        description="Whether the outcome is measured on people, or is an indicator of places in `indicators.csv`.",
    )
    starts: str = Field(description="The first period with the programme.")
    assigned: str | None = Field(
        None,
        description="Column of places: 1 = has the programme, 0 = control series, whose changes are taken off. All places have "
        "it when omitted.",
    )
    slope_change: bool = Field(True, description="Whether the slope may change at the start, or the level alone.")
    gain: Literal["average", "end"] = Field(
        "average", description="Whether the gain is the mean difference since the start, or that of the last period."
    )
    season_length: int | None = Field(
        None,
        ge=2,
        description="Periods after which seasons repeat, such as 12 for months and 4 for quarters; none if omitted.",
    )
    harmonics: int | None = Field(
        None,
        ge=1,
        description="Seasons as this many waves (pairs of sine and cosine); one level a season when omitted.",
    )
    errors: Errors = Field(
        "reml",
        description="How dependence between periods is allowed for: modelled (reml), by a kernel (newey_west; too narrow in "
        "series of less than about 100 periods), or by Cochrane and Orcutt's iterations (glsar; too narrow likewise).",
    )
    lag: int | None = Field(None, ge=0, description="Lag of newey_west; chosen from the data when omitted.")

    @model_validator(mode="after")
    def _fits_together(self) -> "InterruptedTimeSeries":
        unused = [name for name in ("cluster", "vcov") if getattr(self, name) is not None]
        if unused:
            raise ValueError(f"`{unused[0]}` has no meaning here: errors are as `errors` says")
        if self.covariates:
            raise ValueError("`covariates` do not change over time, and explain nothing of one series")
        if self.lag is not None and self.errors != "newey_west":
            raise ValueError(f"`lag` belongs to errors newey_west, not to {self.errors}")
        if self.harmonics is not None and self.season_length is None:
            raise ValueError("`harmonics` need a `season_length`")
        if self.harmonics is not None and 2 * self.harmonics > (self.season_length or 0):
            raise ValueError(
                f"a season of {self.season_length} periods has at most {(self.season_length or 0) // 2} waves"
            )
        return self

    def columns(self) -> tuple[str, ...]:
        """Return the columns of places that the design uses."""
        return (*filter(None, (self.assigned,)), *super().columns())

    def segments(self, series: Series) -> Segments:
        """Return the regression's design, which is known before outcomes are.

        Raises
        ------
        IdentificationError
            IDENT-035 when a coefficient cannot be told from these periods, or nothing is left to tell errors from.
        """
        periods = len(series.labels)
        found = segments(
            periods, series.starts, self.slope_change, self.gain, self.season_length, self.harmonics, series.first
        )
        before = series.starts
        k = found.matrix.shape[1]
        if before < 3 or periods - before < (3 if self.slope_change else 1):
            what = f"there are {before} periods before the start and {periods - before} since"
            fix = "three before are needed, and three since where the slope may change"
        elif np.linalg.matrix_rank(found.matrix) < k or np.linalg.matrix_rank(found.matrix[:before]) < k - sum(
            "change" in name for name in found.names
        ):
            what, fix = "some seasons were never seen before the start", "leave out seasons, or add earlier periods"
        elif periods - k < 3:
            what, fix = f"{periods} periods for {k} coefficients", "leave out seasons, or add periods"
        else:
            return found
        raise refusal("IDENT-035", what, "interrupted time series", fix)

    def fit(self, data: PanelData) -> InterruptedTimeSeriesFit:
        """Fit the segmented regression.

        Parameters
        ----------
        data : Study, Panel, or DataFrame whose index has two levels, unit and period
            One place or several, whose mean is taken.

        Returns
        -------
        InterruptedTimeSeriesFit
            Its `total` has one term, ``gain``, per place and period.

        Raises
        ------
        CounterfoilError
            As `read_series` and `segments`; EST-015 when the series lies on its line exactly, or an error comes out as nothing.
        """
        series = read_series(self, data)
        design = self.segments(series)
        outcome = series.difference
        plain = newey_west(design.matrix, outcome, design.gain, 0)
        if np.sqrt((plain.residuals**2).mean()) <= 1e-10 * max(float(np.abs(outcome).max()), 1e-300):
            raise refusal(
                "EST-015", "the series lies on its line exactly, so nothing tells how uncertain it is", "errors"
            )
        if self.errors == "reml":
            found = restricted_likelihood(design.matrix, outcome, design.gain)
        elif self.errors == "newey_west":
            found = newey_west(design.matrix, outcome, design.gain, self.lag)
        else:
            found = cochrane_orcutt(design.matrix, outcome)
        rows = np.vstack([np.eye(len(design.gain)), design.gain])
        inverse = np.linalg.inv(design.matrix.T @ design.matrix)
        textbook, own = (((rows @ cov) * rows).sum(axis=1) for cov in (inverse, found.covariance))
        if not (own > 1e-10 * (plain.residuals**2).mean() * textbook).all():
            what = f"{self.errors} errors of some coefficient come out as nothing in {len(outcome)} periods"
            raise refusal("EST-015", what, "errors", "use `errors: reml`, or more periods")
        return InterruptedTimeSeriesFit(
            self, series, design, found, plain.residuals, _warnings(self.errors, series, found)
        )


def _warnings(errors: Errors, series: Series, found: SeriesRegression) -> tuple[Problem, ...]:
    periods, before = len(series.labels), series.starts
    warnings = list(series.warnings)
    if series.control is None:
        what = "there is no control series: whatever else changed at the start counts as the programme's effect"
        warnings.append(Problem("EST-040", what, "interrupted time series"))
    if min(before, periods - before) < SHORT:
        what = f"{before} periods before the start and {periods - before} since are few to tell a trend; {SHORT} each are usual"
        warnings.append(Problem("EST-038", what, "interrupted time series"))
    if errors != "reml" and periods < LONG:
        what = f"{errors} errors are too narrow in a series of {periods} periods; 95% intervals may cover 80%"
        warnings.append(Problem("EST-039", what, f"errors {errors}", "use `errors: reml`"))
    if found.rho is not None and found.rho > MOST_RHO - 0.01:
        what = "residuals hardly return to the line (ρ near 1): the series may have no trend that goes on"
        warnings.append(Problem("EST-038", what, "interrupted time series"))
    return tuple(warnings)
