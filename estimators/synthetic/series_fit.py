"""What a fitted interrupted time series can be asked: the gain, its coefficients, the series beside its line, and tests."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from counterfoil.errors import Problem
from counterfoil.estimators.axes import axes_of
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.palette import GAIN, WHOLE
from counterfoil.estimators.synthetic.autocorrelation import SeriesRegression, durbin_watson, ljung_box, satterthwaite
from counterfoil.estimators.synthetic.plots import label_periods
from counterfoil.estimators.synthetic.segmented import Segments
from counterfoil.estimators.synthetic.series import Series

if TYPE_CHECKING:
    from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries


@dataclass(frozen=True, slots=True, eq=False)
class InterruptedTimeSeriesFit:
    """A segmented regression of one series.

    Parameters
    ----------
    spec : InterruptedTimeSeries
    series : Series
    design : Segments
    regression : SeriesRegression
    plain_residuals : ndarray, shape (T,)
        Of ordinary least squares, for the test of Durbin and Watson.
    warnings : tuple of Problem
    """

    spec: "InterruptedTimeSeries"
    series: Series
    design: Segments
    regression: SeriesRegression
    plain_residuals: FloatArray
    warnings: tuple[Problem, ...] = ()

    def total(self) -> Estimate:
        """Return the gain: one term, with the variance of one autocorrelated series and t."""
        row, found, series = self.design.gain, self.regression, self.series
        when = "on average since the start" if self.spec.gain == "average" else "in the last period"
        beside = "earlier trend" if series.control is None else "earlier trend of the difference from the control"
        return Estimate(
            terms=("gain",),
            values=np.array([row @ found.coefficients]),
            covariance=np.array([[row @ found.covariance @ row]]),
            error_type="autocorrelated",
            degrees=found.degrees,
            parameters=len(found.coefficients),
            outcome=series.outcome,
            estimand=f"difference from the {beside}, {when}",
            people=series.places,
            population=f"place{'' if series.places == 1 else 's'} with the programme, in one period",
            sample_size=series.places + series.control_places,
            warnings=self.warnings,
            diagnostics=self.diagnostics,
        )

    @property
    def diagnostics(self) -> dict[str, Any]:
        """Counts, what was fitted, and whether residuals still depend on each other."""
        series, found = self.series, self.regression
        p_value, lags = ljung_box(found.whitened, 0 if found.rho is None else 1)
        return {
            **series.counts,
            "places": series.places,
            "control_places": series.control_places,
            "periods_before": series.starts,
            "periods_after": len(series.labels) - series.starts,
            "errors": self.spec.errors,
            **({} if found.rho is None else {"rho": found.rho}),
            **({} if found.lag is None else {"lag": found.lag}),
            "durbin_watson": durbin_watson(self.plain_residuals),
            "ljung_box_p_value": p_value,
            "ljung_box_lags": lags,
        }

    def coefficients(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return level, trend and their changes (and seasons), in the outcome's units; the trend is per period.

        Returns
        -------
        DataFrame
            Columns term, estimate, std_error, statistic, p_value, conf_low, conf_high. Degrees of freedom are each term's own.
        """
        found = self.regression
        error = np.sqrt(np.diagonal(found.covariance))
        degrees = np.full(len(error), found.degrees)
        if self.spec.errors == "reml" and found.rho is not None:
            most = float(len(self.series.labels) - len(error))
            unit = np.eye(len(error))
            degrees = np.array([min(most, satterthwaite(self.design.matrix, found.rho, row)) for row in unit])
        half = stdtrit(degrees, 0.5 + conf_level / 2) * error
        statistic = found.coefficients / error
        return pd.DataFrame(
            {
                "term": self.design.names,
                "estimate": found.coefficients,
                "std_error": error,
                "statistic": statistic,
                "p_value": 2.0 * stdtr(degrees, -np.abs(statistic)),
                "conf_low": found.coefficients - half,
                "conf_high": found.coefficients + half,
            }
        )

    def path(self) -> pd.DataFrame:
        """Return one row a period, in the outcome's units; with a control all are differences from it.

        Returns
        -------
        DataFrame
            Columns period, event_time, observed, fitted, without (the earlier line carried on).
        """
        periods = len(self.series.labels)
        return pd.DataFrame(
            {
                "period": self.series.labels,
                "event_time": np.arange(periods) - self.series.starts,
                "observed": self.series.difference,
                "fitted": self.design.matrix @ self.regression.coefficients,
                "without": self.design.without @ self.regression.coefficients,
            }
        )

    def plot(self, ax: Any = None) -> Any:
        """Draw the series, its line and the earlier line carried on; return the matplotlib Axes."""
        ax = axes_of(ax)
        path, starts = self.path(), self.series.starts
        places = np.arange(len(path))
        ax.axvline(starts - 0.5, color="0.7", linewidth=1, linestyle=":")
        ax.plot(places, path["observed"], "o", markersize=4, color=WHOLE, label="observed")
        ax.plot(places, path["fitted"], color=GAIN, linewidth=2, label="fitted")
        ax.plot(
            places[starts:], path["without"][starts:], color=WHOLE, linestyle="--", label="earlier trend carried on"
        )
        label_periods(ax, self.series.labels)
        ax.set_ylabel(
            self.series.outcome if self.series.control is None else f"{self.series.outcome}, less the control"
        )
        ax.legend(frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
        return ax

    def __repr__(self) -> str:
        return self.total().summary()
