"""What a cause that nobody measured could do to a coefficient of a linear regression.

With Z left out of the regression of Y on D and X, the estimate is off by

    |bias| = se · √df · √(R²_{Y~Z|D,X} · R²_{D~Z|X} / (1 − R²_{D~Z|X})),

and, with Z, its standard error would be se · √((1 − R²_{Y~Z|D,X})/(1 − R²_{D~Z|X})) · √(df/(df − 1)). The robustness value
RV_q is the strength, the same in both, that takes away a part q of the estimate; RV_{q,α} the strength that makes it
insignificant. A confounder k times as strong as covariates X_j is bounded by what these explain.

Source: Cinelli and Hazlett (2020), *Making sense of sensitivity: extending omitted variable bias*, Journal of the Royal
Statistical Society B 82(1), 39-67, equations 7, 12 to 18 and section 4.4; Cinelli, Ferwerda and Hazlett (2024) for RV_{q,α}
where even a confounder that explains nothing of the treatment would matter.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from counterfoil.datasets.display import titled_table
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.sensitivity.strength import Strength, checked_multiple, checked_part


@dataclass(frozen=True, slots=True)
class Explained:
    """Part of the residual variance that some covariates explain: of the outcome given the treatment, and of the treatment."""

    r2_outcome: float
    r2_treatment: float


@dataclass(frozen=True, slots=True, eq=False)
class LinearConfounder:
    """A coefficient and how a confounder would change it.

    Parameters
    ----------
    estimate, std_error : float
        In the outcome's units; the textbook standard error.
    df : int
        Degrees of freedom of the regression.
    outcome : str
    explained : mapping of str to Explained
        Of each covariate, or set of covariates.
    conf_level : float

    Examples
    --------
    >>> darfur = LinearConfounder(0.09731582, 0.02325654, 783, "peace index")
    >>> round(darfur.robustness(), 3), round(darfur.significance(), 3), round(darfur.partial_r2, 3)
    (0.139, 0.076, 0.022)
    """

    estimate: float
    std_error: float
    df: int
    outcome: str
    explained: Mapping[str, Explained] = field(default_factory=dict)
    conf_level: float = 0.95

    @property
    def statistic(self) -> float:
        """The coefficient over its standard error."""
        return self.estimate / self.std_error

    @property
    def partial_r2(self) -> float:
        """Part of the outcome's residual variance that the treatment explains.

        A confounder that explains all of the outcome's residual variance takes the estimate away where it explains this part
        of the treatment's.
        """
        return self.statistic**2 / (self.statistic**2 + self.df)

    @property
    def scale(self) -> float:
        """ν: the bias of a confounder is ν · √(R²_Y R²_D/(1 − R²_D)), in the outcome's units."""
        return self.std_error * math.sqrt(self.df)

    def robustness(self, part: float = 1.0) -> float:
        """Return RV_q: the strength, in the outcome and in the treatment, that takes a part q of the estimate away."""
        return _robustness(checked_multiple(part) * abs(self.statistic) / math.sqrt(self.df))

    def significance(self, part: float = 1.0) -> float:
        """Return RV_{q,α}: the strength beyond which the estimate less a part q of it may be chance at 1 − conf_level."""
        share = checked_multiple(part) * abs(self.statistic) / math.sqrt(self.df)
        critical = abs(float(stdtrit(self.df - 1, (1 - self.conf_level) / 2))) / math.sqrt(self.df - 1)
        if share <= critical:
            return 0.0
        if critical > 0 and share > 1 / critical:  # the outcome side no longer binds
            return (share**2 - critical**2) / (1 + share**2)
        return _robustness(share - critical)

    def bias(self, r2_outcome: float, r2_treatment: float) -> float:
        """Return the size of the bias, in the outcome's units.

        Raises
        ------
        EstimationError
            EST-051 for parts of variance that are none.
        """
        explains = 1.0 if r2_outcome == 1 else checked_part(r2_outcome, "r2_outcome")
        return self.scale * Strength(explains, checked_part(r2_treatment, "r2_treatment")).factor

    def adjusted(self, r2_outcome: float, r2_treatment: float, *, away: bool = False) -> tuple[float, float]:
        """Return the estimate and standard error that the regression would have with the confounder in it.

        Parameters
        ----------
        r2_outcome, r2_treatment : float
        away : bool
            False lets the confounder explain the estimate; True lets it have hidden a larger one.
        """
        bias = self.bias(r2_outcome, r2_treatment)
        towards = -bias if (self.estimate >= 0) != away else bias
        error = self.std_error * math.sqrt((1 - r2_outcome) / (1 - r2_treatment) * self.df / (self.df - 1))
        return self.estimate + towards, error

    def as_strong_as(self, covariate: str, treatment: float = 1.0, outcome: float | None = None) -> Strength:
        """Return the largest strength of a confounder so many times as strong as a covariate.

        Parameters
        ----------
        covariate : str
            One of ``explained``.
        treatment, outcome : float
            k_D and k_Y; the same when only one is given.

        Raises
        ------
        EstimationError
            EST-015 when the covariate is no benchmark, EST-051 for multiples that are not positive, EST-052 when nothing can
            be that strong.
        """
        if covariate not in self.explained:
            raise refusal("EST-015", f"'{covariate}' is no covariate to compare a confounder with", "estimator")
        own = self.explained[covariate]
        k_treatment = checked_multiple(treatment)
        k_outcome = checked_multiple(treatment if outcome is None else outcome)
        odds = own.r2_treatment / (1 - own.r2_treatment)
        part = k_treatment * odds
        # R² of the confounder with the covariate, given the treatment and the other covariates.
        shared = k_treatment * own.r2_treatment**2 / ((1 - k_treatment * own.r2_treatment) * (1 - own.r2_treatment))
        if k_treatment * own.r2_treatment >= 1 or part >= 1 or shared >= 1:
            what = f"nothing can be {k_treatment:g} times as strong as '{covariate}' in who was treated"
            raise refusal("EST-052", what, "estimator")
        reach = (math.sqrt(k_outcome) + math.sqrt(shared)) / math.sqrt(1 - shared)
        explains = reach**2 * own.r2_outcome / (1 - own.r2_outcome)
        return Strength(min(1.0, explains), part)

    def bounds(self, multiples: Sequence[float] = (1.0, 2.0, 3.0)) -> pd.DataFrame:
        """Return what confounders as strong as the covariates, or several times so, would leave of the estimate.

        Returns
        -------
        DataFrame
            Columns covariate, multiple, r2_treatment, r2_outcome, estimate, std_error, statistic, conf_low, conf_high, all
            adjusted towards zero and beyond.

        Raises
        ------
        EstimationError
            EST-015 without covariates, EST-052 for a multiple that nothing can have.
        """
        if not self.explained:
            raise refusal("EST-015", "the regression has no covariates to compare with", "estimator")
        critical = abs(float(stdtrit(self.df - 1, (1 - self.conf_level) / 2)))
        rows = []
        for covariate in self.explained:
            for multiple in multiples:
                found = self.as_strong_as(covariate, multiple)
                value, error = self.adjusted(found.r2_outcome, found.r2_treatment)
                rows.append(
                    {
                        "covariate": covariate,
                        "multiple": float(multiple),
                        "r2_treatment": found.r2_treatment,
                        "r2_outcome": found.r2_outcome,
                        "estimate": value,
                        "std_error": error,
                        "statistic": value / error if error > 0 else math.copysign(math.inf, value),
                        "conf_low": value - critical * error,
                        "conf_high": value + critical * error,
                    }
                )
        return pd.DataFrame(rows)

    def tidy(self) -> pd.DataFrame:
        """Return one row: outcome, estimate, std_error, df, partial_r2, robustness, interval_robustness."""
        row = {
            "outcome": self.outcome,
            "estimate": self.estimate,
            "std_error": self.std_error,
            "df": self.df,
            "partial_r2": self.partial_r2,
            "robustness": self.robustness(),
            "interval_robustness": self.significance(),
        }
        return pd.DataFrame([row])

    def __repr__(self) -> str:
        return f"{self._header}\n{self.tidy().to_string(index=False, float_format=lambda x: f'{x:.4g}')}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)

    @property
    def _header(self) -> str:
        return (
            f"unmeasured causes, {self.outcome}: part of the residual variance of outcome and treatment that one would have to "
            f"explain to bring the coefficient, or its {self.conf_level:.0%} interval, to 0"
        )


def _robustness(share: float) -> float:
    """Return r with r²/(1 − r) = share²."""
    return 2.0 * share / (share + math.sqrt(share**2 + 4.0)) if share > 0 else 0.0


def linear_confounder(
    study: Study | pd.DataFrame,
    outcome: str,
    treatment: str,
    covariates: Sequence[str] = (),
    benchmarks: Mapping[str, Sequence[str]] | Sequence[str] | None = None,
    *,
    period: str | None = None,
    weights: FloatArray | None = None,
    conf_level: float = 0.95,
) -> LinearConfounder:
    """Regress an outcome on a treatment and covariates, and return how sensitive its coefficient is.

    Parameters
    ----------
    study : Study or DataFrame
    outcome, treatment : str
        The treatment is a column of numbers: 0 and 1, or a dose.
    covariates : sequence of str
        Columns of people; words become levels.
    benchmarks : sequence of str, or mapping of str to sequence of str, optional
        Covariates to compare with, each by itself, or sets of them by name; every covariate when omitted.
    period : str, optional
    weights : ndarray, shape (n,), optional
        Positive observation weights.
    conf_level : float

    Raises
    ------
    EstimationError
        EST-003 with more columns than people; EST-015 when the covariates determine treatment or outcome, or a benchmark is
        no covariate.

    Examples
    --------
    >>> import counterfoil as cf
    >>> found = linear_confounder(cf.datasets.load("nsw"), "earnings", "assigned", ["age", "educ"])
    >>> round(found.estimate, 1), round(found.robustness(), 3)
    (1658.7, 0.117)
    """
    if not isinstance(study, Study):
        study = Study.from_frame(study, outcomes=[outcome])
    y = study.outcome(outcome, period)
    d = study.covariates((treatment,))[0]
    if d.shape[1] != 1:
        raise refusal("EST-015", f"column '{treatment}' is no number that varies", "people")
    columns = {name: study.covariates((name,))[0] for name in covariates}
    sets = benchmarks if isinstance(benchmarks, Mapping) else {name: (name,) for name in benchmarks or covariates}
    unknown = [name for members in sets.values() for name in members if name not in columns]
    if unknown:
        raise refusal("EST-015", f"'{unknown[0]}' is no covariate to compare a confounder with", "estimator")
    root = np.sqrt(np.ones(len(y)) if weights is None else np.asarray(weights) / np.mean(weights))
    whole = _Regression(root, y, d[:, 0], list(columns.values()))
    if whole.df < 2:
        raise refusal("EST-003", f"{len(y)} people for {len(y) - whole.df} parameters")
    noise, left = whole.squares()
    if noise <= 1e-20 * float((root * y) @ (root * y)) or left <= 1e-20 * float((root * d[:, 0]) @ (root * d[:, 0])):
        raise refusal("EST-015", "the covariates determine the treatment or the outcome: nothing is left to explain")
    explained = {}
    for label, members in sets.items():
        others = [column for name, column in columns.items() if name not in members]
        without = _Regression(root, y, d[:, 0], others).squares()
        explained[label] = Explained(1 - noise / without[0], 1 - left / without[1])
    error = math.sqrt(noise / whole.df / left)
    return LinearConfounder(whole.coefficient, error, whole.df, outcome, explained, conf_level)


class _Regression:
    """The regressions of outcome and treatment on the same covariates."""

    def __init__(self, root: FloatArray, y: FloatArray, d: FloatArray, covariates: list[FloatArray]) -> None:
        design = root[:, None] * np.column_stack([np.ones(len(y)), *covariates])
        on_treatment, on_outcome = least_squares(design, root * d), least_squares(design, root * y)
        self._treatment, self._outcome = on_treatment.residuals, on_outcome.residuals
        spread = float(self._treatment @ self._treatment)
        self.coefficient = float(self._treatment @ self._outcome) / spread if spread > 0 else 0.0
        self.df = len(y) - len(on_treatment.kept) - 1

    def squares(self) -> tuple[float, float]:
        """Return the residual sums of squares: of the outcome, given the treatment too, and of the treatment."""
        rest = self._outcome - self.coefficient * self._treatment
        return float(rest @ rest), float(self._treatment @ self._treatment)
