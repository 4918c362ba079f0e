"""Empirical Bayes for many providers with small rosters: each borrows from the distribution of all.

Estimand: τ_j, the effect of provider j per person that it served. Estimates τ̂ with covariance Λ are read as draws
around effects that are themselves draws, τ_j ~ (μ, ω²). The prior is a fixed point; the posterior uses all of Λ; the
total Σ_j q_j τ_j is then restored, so that the credits still divide the gain that was measured. Robust intervals cover
on average over providers whatever the shape of the prior.

Sources: Efron and Morris (1975) and Morris (1983) for the estimator; Armstrong, Kolesár and Plagborg-Møller (2022) for
the intervals, and for the floor under ω² that they use where few units say how effects vary.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from counterfoil.errors import refusal
from counterfoil.estimators.average_coverage import average_coverage_critical

FloatArray = NDArray[np.float64]

FEWEST: Final = 3
"""Providers below which their spread cannot be estimated."""
CONVERGED: Final = 1e-12
ROUNDS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Prior:
    """How effects vary between providers.

    Parameters
    ----------
    mu : float
        Their mean.
    omega2 : float
        Their variance; 0 when the estimates differ no more than their errors do.
    floor : float
        The least variance that intervals assume: ω̂² has an error of its own, and an interval built on ω² = 0 would be a
        point (Armstrong, Kolesár and Plagborg-Møller 2022, posterior mean truncation).
    rounds : int
        Iterations until the fixed point.
    """

    mu: float
    omega2: float
    floor: float
    rounds: int

    @property
    def assumed(self) -> float:
        """The variance that intervals assume."""
        return max(self.omega2, self.floor)


def fit_prior(tau: FloatArray, variance: FloatArray) -> Prior:
    """Estimate mean and variance of the effects from estimates (k,) with positive error variances (k,).

    With prec_j = 1/(ω² + se_j²): μ = Σ prec_j τ̂_j / Σ prec_j and
    ω² = max(0, Σ prec_j² [(τ̂_j − μ)² K/(K − 1) − se_j²] / Σ prec_j²), iterated to a fixed point. A
    step that turns back is halved, because one precise outlier can make whole steps swing for ever.

    Raises
    ------
    EstimationError
        EST-010 with fewer than 3 estimates, or when the iteration does not settle.

    Examples
    --------
    >>> prior = fit_prior(np.array([0.0, 1.0, 2.0]), np.full(3, 0.25))
    >>> prior.mu, prior.omega2
    (1.0, 0.75)
    """
    size = len(tau)
    if size < FEWEST:
        raise refusal("EST-010", f"{size} providers have an effect that is estimated with error; {FEWEST} are needed")
    smallest = float(variance.min())
    omega2, last = max(0.0, float(tau.var(ddof=1) - variance.mean())), 0.0
    for rounds in range(1, ROUNDS + 1):
        precision = 1.0 / (omega2 + variance)
        mu = float(precision @ tau / precision.sum())
        weight = precision**2 / (precision**2).sum()
        moved = max(0.0, float(weight @ ((tau - mu) ** 2 * (size / (size - 1)) - variance)))
        if abs(moved - omega2) <= CONVERGED * (moved + smallest):
            floor = float(2.0 * (weight**2 @ variance**2) / (weight.sum() * (weight @ variance)))
            return Prior(mu, omega2, floor, rounds)
        step = moved - omega2
        omega2 += step / 2 if step * last < 0 else step
        last = step
    raise refusal("EST-010", f"the spread of {size} providers does not settle within {ROUNDS:,} rounds")


def posterior(tau: FloatArray, covariance: FloatArray, mu: float, omega2: float) -> tuple[FloatArray, FloatArray]:
    """Return posterior means μ + ω²(ω²I + Λ)⁻¹(τ̂ − μ), shape (k,), and Γ = ω²I − ω⁴(ω²I + Λ)⁻¹, shape (k, k).

    Λ may be rank-deficient: a direction without error is not shrunk.

    Examples
    --------
    >>> posterior(np.array([0.0, 2.0]), np.eye(2), 1.0, 1.0)[0]
    array([0.5, 1.5])
    """
    values, vectors = np.linalg.eigh(covariance)
    error = np.maximum(values, 0.0)
    both = omega2 + error
    kept = np.divide(omega2, both, out=np.zeros_like(both), where=both > 0)
    mean = mu + vectors @ (kept * (vectors.T @ (tau - mu)))
    return mean, (vectors * (kept * error)) @ vectors.T


def restore_total(mean: FloatArray, gamma: FloatArray, share: FloatArray, total: float) -> FloatArray:
    """Return ``mean + Γq (q′Γq)⁻¹ (V − q′mean)``: the posterior (k,) given that q′τ is the total.

    Parameters
    ----------
    mean : ndarray, shape (k,)
    gamma : ndarray, shape (k, k)
        Posterior covariance. Where it leaves no room along ``share``, all means move alike: Γ is then the identity.
    share : ndarray, shape (k,)
        q, the fraction of people that each provider served.
    total : float
        V, the total gain per person.

    Examples
    --------
    >>> restore_total(np.array([1.0, 1.0]), np.eye(2), np.array([0.5, 0.25]), 1.0)
    array([1.4, 1.2])
    """
    direction = gamma @ share
    room = float(share @ direction)
    if room <= CONVERGED * float(np.abs(gamma).max()) * float(share @ share):
        direction, room = share, float(share @ share)
    return np.asarray(mean + direction * ((total - share @ mean) / room))


def robust_intervals(tau: FloatArray, variance: FloatArray, prior: Prior, conf_level: float = 0.95) -> FloatArray:
    """Return intervals (k, 2) that cover on average over providers, whatever the shape of the prior.

    Centre μ + shr_j(τ̂_j − μ) with shr_j = ω²/(ω² + se_j²), half width cv(se_j²/ω²)·shr_j·se_j. They are not centred on
    amounts whose total was restored, and they take μ and ω² as known.

    Examples
    --------
    >>> robust_intervals(np.array([0.0, 1.0, 2.0]), np.full(3, 0.25), Prior(1.0, 0.75, 0.0, 1)).round(2)[0]
    array([-0.62,  1.12])
    """
    spread = prior.assumed
    kept = spread / (spread + variance)
    critical = np.array([average_coverage_critical(x, conf_level) for x in (variance / spread).tolist()])
    centre = prior.mu + kept * (tau - prior.mu)
    half = critical * kept * np.sqrt(variance)
    return np.column_stack([centre - half, centre + half])


def normal_intervals(mean: FloatArray, gamma: FloatArray, conf_level: float = 0.95) -> FloatArray:
    """Return mean ± z √Γ_jj, shape (k, 2): right for normal effects with known μ and ω², and too narrow otherwise.

    Examples
    --------
    >>> normal_intervals(np.array([0.0]), np.array([[1.0]])).round(2)
    array([[-1.96,  1.96]])
    """
    half = float(ndtri(0.5 + conf_level / 2)) * np.sqrt(np.maximum(np.diagonal(gamma), 0.0))
    return np.column_stack([mean - half, mean + half])
