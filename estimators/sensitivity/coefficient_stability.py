"""How much stronger selection on what was not measured would have to be than on what was, to explain a coefficient away.

From the regression without covariates (β°, R°) and with them (β̃, R̃), the variance of the treatment σ²_X and what the covariates
leave of it τ_X, proportional selection δ and the R² that a regression with everything in it would reach, R_max, the bias
b = β̃ − β solves

    (δ − 1)(τσ² − τ²) b³ + (δ − 2) τσ²(β° − β̃) b² + [δ(R_max − R̃)σ²_Y(σ² − τ) − (R̃ − R°)σ²_Y τ − σ²τ(β° − β̃)²] b
        + δ(R_max − R̃)σ²_Y σ²(β° − β̃) = 0,

which is linear in δ. Of several roots the one nearest to β̃ is taken on whose side covariates moved the coefficient (assumption 3
of the source: hidden causes bias in the direction of the measured ones).

Source: Oster (2019), *Unobservable selection and coefficient stability: theory and evidence*, Journal of Business and Economic
Statistics 37(2), 187-204, propositions 2 and 3 and section 4; R_max = min(1.3 R̃, 1) from section 4.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.least_squares import least_squares

REACH: Final = 1.3
"""How many times the R² with covariates the R² with everything is taken to be, where nothing else is said."""
REAL: Final = 1e-8


@dataclass(frozen=True, slots=True)
class CoefficientStability:
    """What the two regressions say.

    Parameters
    ----------
    short, long : float
        β° and β̃: the coefficient without and with covariates, in the outcome's units.
    r2_short, r2_long : float
    variance_outcome, variance_treatment, variance_left : float
        σ²_Y, σ²_X and τ_X.

    Examples
    --------
    >>> found = CoefficientStability(0.5, 0.4, 0.10, 0.30, 1.0, 1.0, 0.8)
    >>> round(found.r2_max, 2), round(found.delta(), 3)
    (0.39, 2.626)
    >>> round(found.beta(), 3)
    0.342
    """

    short: float
    long: float
    r2_short: float
    r2_long: float
    variance_outcome: float
    variance_treatment: float
    variance_left: float

    @property
    def r2_max(self) -> float:
        """The R² with everything in the regression, by the rule min(1.3 R̃, 1)."""
        return min(REACH * self.r2_long, 1.0)

    def delta(self, beta: float = 0.0, r2_max: float | None = None) -> float:
        """Return δ*: how many times as strong selection on hidden causes must be for the effect to be ``beta``.

        Raises
        ------
        EstimationError
            EST-051 when R_max is not above R̃; EST-015 when covariates move nothing, so that no multiple of them is a bias.
        """
        bias = self.long - beta
        without, factor = self._polynomial(bias, self._beyond(r2_max))
        if abs(factor) <= 1e-14 * max(abs(without), 1e-300):
            what = (
                "the covariates move neither the coefficient nor the treatment, so that no multiple of them is a bias"
            )
            raise refusal("EST-015", what, "estimator")
        return -without / factor

    def beta(self, delta: float = 1.0, r2_max: float | None = None) -> float:
        """Return β*: the effect if selection on hidden causes is ``delta`` times as strong; the first of `betas`.

        Raises
        ------
        EstimationError
            EST-051 when R_max is not above R̃; EST-052 when selection cannot be so strong on the side to which covariates moved
            the coefficient.
        """
        found = self.betas(delta, r2_max)[0]
        if np.sign(found - self.long) != np.sign(delta * (self.long - self.short)) and self.long != self.short:
            what = f"selection on hidden causes cannot be {delta:g} times as strong: no effect goes with it"
            raise refusal("EST-052", what, "estimator", "name a smaller delta, or a larger r2_max")
        return found

    def betas(self, delta: float = 1.0, r2_max: float | None = None) -> tuple[float, ...]:
        """Return every real solution, those on the side to which covariates moved the coefficient first, nearest first.

        Raises
        ------
        EstimationError
            EST-051 when R_max is not above R̃; EST-015 when there is no solution.
        """
        beyond, gap = self._beyond(r2_max), self.short - self.long
        tau, sigma, y = self.variance_left, self.variance_treatment, self.variance_outcome
        moved = (self.r2_long - self.r2_short) * y
        terms = [
            (delta - 1) * (tau * sigma - tau**2),
            (delta - 2) * tau * sigma * gap,
            delta * beyond * (sigma - tau) - moved * tau - sigma * tau * gap**2,
            delta * beyond * sigma * gap,
        ]
        # In units of a bias, so that a cubic term that is rounding does not make a root at infinity.
        unit = max(abs(self.short), abs(self.long), 1e-300)
        scaled = np.array([term * unit ** (3 - k) for k, term in enumerate(terms)])
        scaled[np.abs(scaled) <= 1e-13 * np.abs(scaled).max(initial=0.0)] = 0.0
        roots = np.roots(scaled)
        biases = unit * roots[np.abs(roots.imag) <= REAL * np.maximum(1.0, np.abs(roots))].real
        if not len(biases):
            raise refusal("EST-015", "no effect solves the equation: the covariates move nothing", "estimator")
        # Covariates moved the coefficient by -gap; hidden causes go on in that direction, or with delta below 0 back.
        side = [(np.sign(bias) != np.sign(delta * gap), abs(bias)) for bias in biases.tolist()]
        ordered = [bias for _, bias in sorted(zip(side, biases.tolist(), strict=True))]
        return tuple(self.long - bias for bias in ordered)

    def tidy(self, r2_max: float | None = None) -> pd.DataFrame:
        """Return one row: short, long, r2_short, r2_long, r2_max, delta (for no effect), beta (for equal selection)."""
        row = {
            "short": self.short,
            "long": self.long,
            "r2_short": self.r2_short,
            "r2_long": self.r2_long,
            "r2_max": self.r2_max if r2_max is None else r2_max,
            "delta": self.delta(r2_max=r2_max),
            "beta": self.beta(r2_max=r2_max),
        }
        return pd.DataFrame([row])

    def _beyond(self, r2_max: float | None) -> float:
        """Return what hidden causes explain of the outcome, in its squared units."""
        reach = self.r2_max if r2_max is None else r2_max
        if not self.r2_long < reach <= 1:
            what = f"r2_max is {reach:g}; it lies above {self.r2_long:g}, which the covariates reach, and is at most 1"
            raise refusal("EST-051", what)
        return (reach - self.r2_long) * self.variance_outcome

    def _polynomial(self, bias: float, beyond: float) -> tuple[float, float]:
        """Return the part of the equation without δ and the factor of δ, at a bias."""
        tau, sigma, gap = self.variance_left, self.variance_treatment, self.short - self.long
        moved = (self.r2_long - self.r2_short) * self.variance_outcome
        cubic, square = tau * sigma - tau**2, tau * sigma * gap
        without = -cubic * bias**3 - 2 * square * bias**2 - (moved * tau + sigma * tau * gap**2) * bias
        factor = cubic * bias**3 + square * bias**2 + beyond * (sigma - tau) * bias + beyond * sigma * gap
        return without, factor


def coefficient_stability(
    study: Study | pd.DataFrame,
    outcome: str,
    treatment: str,
    covariates: Sequence[str],
    always: Sequence[str] = (),
    *,
    period: str | None = None,
) -> CoefficientStability:
    """Regress an outcome on a treatment without and with covariates.

    Parameters
    ----------
    study : Study or DataFrame
    outcome, treatment : str
    covariates : sequence of str
        Whose selection stands for that on hidden causes.
    always : sequence of str
        Covariates of both regressions, which hidden causes have nothing to do with.
    period : str, optional

    Raises
    ------
    EstimationError
        EST-015 without covariates, or when they determine the treatment or the outcome.

    Examples
    --------
    >>> import counterfoil as cf
    >>> found = coefficient_stability(cf.datasets.load("nsw"), "earnings", "assigned", ["age", "educ"])
    >>> round(found.short, 2), round(found.long, 2)
    (1794.34, 1658.74)
    """
    if not isinstance(study, Study):
        study = Study.from_frame(study, outcomes=[outcome])
    if not covariates:
        raise refusal("EST-015", "there are no covariates whose selection could stand for that on hidden causes")
    y, d = study.outcome(outcome, period), study.covariates((treatment,))[0]
    base = np.hstack([np.ones((len(y), 1)), *(study.covariates((name,))[0] for name in always)])
    more = np.hstack([base, *(study.covariates((name,))[0] for name in covariates)])
    if d.shape[1] != 1:
        raise refusal("EST-015", f"column '{treatment}' is no number that varies", "people")
    alone, left = least_squares(base, d[:, 0]).residuals, least_squares(more, d[:, 0]).residuals
    rest = least_squares(np.hstack([d, more]), y)
    first = least_squares(np.hstack([d, base]), y)
    whole = float(((y - y.mean()) ** 2).sum())
    if left @ left <= 1e-20 * float(d[:, 0] @ d[:, 0]) or rest.residuals @ rest.residuals <= 1e-20 * max(whole, 1e-300):
        raise refusal("EST-015", "the covariates determine the treatment or the outcome: nothing is left to explain")
    n = len(y) - 1
    return CoefficientStability(
        short=float(first.coefficients[0]),
        long=float(rest.coefficients[0]),
        r2_short=1 - float(first.residuals @ first.residuals) / whole,
        r2_long=1 - float(rest.residuals @ rest.residuals) / whole,
        variance_outcome=whole / n,
        variance_treatment=float(alone @ alone) / n,
        variance_left=float(left @ left) / n,
    )
