"""How strong a factor that was not measured would have to be to overturn a credit.

With Riesz weight α and outcome model m, leaving a factor out shifts a value by E[(α − α_long)(m − m_long)], so that

    |bias| ≤ |ρ| · ν · √R²_Y · √(R²_α / (1 − R²_α)),        ν² = E[e²] · E[α²],

where R²_Y is the share of the residual variance of the outcome that the factor explains, R²_α = 1 − E[α²]/E[α_long²] the
share of the weights' variation that it adds, and ρ in [−1, 1] how far the two go together. The same weights exist for
a credit, for the difference of two credits (α_j − α_k) and, by the delta method, for a share ((α_j − s_j α_V)/V).

Source: Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis, *Long story short: omitted variable bias in causal machine
learning*; Cinelli and Hazlett (2020) for the robustness value.
"""

from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.display import titled_table
from counterfoil.errors import refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.kernel import Kernel

FloatArray = NDArray[np.float64]

NO_WEIGHT: Final = 1e-12
"""A root mean square weight below this is rounding, as is a residual below this part of the largest value."""


def bias_scale(residuals: FloatArray, riesz: FloatArray, weights: FloatArray) -> FloatArray:
    """Return ν = √(E[e²] E[α²]), shape (k,), in the outcome's units.

    Parameters
    ----------
    residuals : ndarray, shape (n,)
        Outcome less the fitted surface.
    riesz : ndarray, shape (n, k)
        Weights of the residuals, without the observation weights.
    weights : ndarray, shape (n,)
        Observation weights, mean 1.

    Examples
    --------
    >>> bias_scale(np.array([1.0, -1.0, 2.0, -2.0]), np.array([[2.0], [-2.0], [0.0], [0.0]]), np.ones(4)).round(6)
    array([2.236068])
    """
    squares = (weights[:, None] * riesz**2).mean(axis=0)
    return np.asarray(np.sqrt((weights * residuals**2).mean() * squares))


def bias_bound(scale: FloatArray, r2_outcome: float, r2_riesz: float, rho: float = 1.0) -> FloatArray:
    """Return the largest absolute bias of a factor of stated strength, shape (k,), in the outcome's units.

    Parameters
    ----------
    scale : ndarray, shape (k,)
        From `bias_scale`.
    r2_outcome : float
        R²_Y, from 0 to 1.
    r2_riesz : float
        R²_α, from 0 to less than 1.
    rho : float
        Correlation of the factor's two effects, from −1 to 1; 1 unless argued.

    Examples
    --------
    >>> bias_bound(np.array([2.0]), 0.04, 0.2).round(6)
    array([0.2])
    """
    if not (0 <= r2_outcome <= 1 and 0 <= r2_riesz < 1 and -1 <= rho <= 1):
        raise ValueError("r2_outcome is from 0 to 1, r2_riesz from 0 to less than 1, rho from -1 to 1")
    return np.asarray(abs(rho) * scale * np.sqrt(r2_outcome * r2_riesz / (1 - r2_riesz)))


def robustness_value(values: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the strength R²_Y = R²_α = r at which the bound (ρ = 1) reaches the value, shape (k,).

    r = (−χ + √(χ² + 4χ))/2 with χ = (value/ν)²; between 0 (anything overturns it) and 1 (nothing does).

    Examples
    --------
    >>> robustness_value(np.array([0.0, 1.0]), np.array([2.0, 2.0])).round(6)
    array([0.      , 0.390388])
    """
    root = np.abs(values) / scale
    # (−χ + √(χ² + 4χ))/2 with the cancellation for large χ taken out.
    return np.asarray(2.0 * root / (root + np.sqrt(root**2 + 4.0)))


@dataclass(frozen=True, slots=True, eq=False)
class OmittedVariable:
    """What a factor that was not measured could do to each value.

    Parameters
    ----------
    terms : tuple of str
        Providers; ``gain``; ``a - b`` for each pair; ``share of a`` for each provider whose share has a bounded set.
    values : ndarray, shape (k,)
        In the outcome's units; fractions for shares.
    interval : ndarray, shape (k, 2)
        Confidence interval; Fieller's for shares.
    scale : ndarray, shape (k,)
        ν, in the units of the value.
    outcome : str
    conf_level : float
    left_out : tuple of str
        Terms without weights, such as the difference of twins: they rest on no residual, so no factor biases them.
    """

    terms: tuple[str, ...]
    values: FloatArray
    interval: FloatArray
    scale: FloatArray
    outcome: str
    conf_level: float
    left_out: tuple[str, ...] = ()

    @property
    def robustness(self) -> FloatArray:
        """Strength that a factor needs, in both R², to bring the value to nothing; shape (k,)."""
        return robustness_value(self.values, self.scale)

    @property
    def interval_robustness(self) -> FloatArray:
        """Strength that it needs to bring the interval to nothing; 0 where the interval holds 0 already; shape (k,)."""
        low, high = self.interval.T
        nearer = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(np.abs(low), np.abs(high)))
        return robustness_value(nearer, self.scale)

    def bound(self, r2_outcome: float, r2_riesz: float, rho: float = 1.0) -> FloatArray:
        """Return the largest absolute bias of a factor of stated strength, shape (k,); see `bias_bound`."""
        return bias_bound(self.scale, r2_outcome, r2_riesz, rho)

    def under(self, r2_outcome: float, r2_riesz: float, rho: float = 1.0) -> FloatArray:
        """Return intervals that hold the truth under a factor of stated strength, shape (k, 2).

        The confidence interval with the bound added at both ends.
        """
        bound = self.bound(r2_outcome, r2_riesz, rho)
        return np.asarray(self.interval + np.column_stack([-bound, bound]))

    def tidy(self) -> pd.DataFrame:
        """Return a row a value.

        Returns
        -------
        DataFrame
            Columns outcome, term, estimate, conf_low, conf_high, robustness, interval_robustness.
        """
        frame = pd.DataFrame(
            {
                "outcome": self.outcome,
                "term": self.terms,
                "estimate": self.values,
                "conf_low": self.interval[:, 0],
                "conf_high": self.interval[:, 1],
                "robustness": self.robustness,
                "interval_robustness": self.interval_robustness,
            }
        )
        frame.attrs = {"conf_level": self.conf_level}
        return frame

    @property
    def _header(self) -> str:
        return (
            f"unmeasured factors, {self.outcome}: part of the outcome's residual variance and of the weights' variation "
            f"that a factor would have to explain to bring a value, or its {self.conf_level:.0%} interval, to 0"
        )

    def summary(self) -> str:
        """Return the table under a sentence that reads it."""
        table = self.tidy().drop(columns="outcome")
        return f"{self._header}\n{table.to_string(index=False, float_format=lambda x: f'{x:.4g}')}"

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        return titled_table(self.tidy(), self._header)


def omitted_variable(fit: ContributionFit, kernel: Kernel, conf_level: float = 0.95) -> OmittedVariable:
    """Return how sensitive credits, differences between credits and shares are to a factor that was not measured.

    Parameters
    ----------
    fit : ContributionFit
        A fitted surface.
    kernel : Kernel
        An attribution rule.
    conf_level : float

    Raises
    ------
    EstimationError
        EST-015 when the model leaves no residual, so that there is nothing to hold a factor against.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.attribution import Shapley
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> omitted_variable(fit, Shapley()).robustness[:3].round(3)
    array([0.092, 0.002, 0.062])
    """
    joint = fit.joint(kernel)
    plain = own_weights(fit, kernel)
    if plain.riesz is None:
        raise ValueError("a contribution fit carries weights")
    weights = fit.surface.weights
    size = len(fit.providers)
    rows, terms = np.eye(size + 1), list(joint.terms)
    pairs = list(combinations(range(size), 2))
    if pairs:
        rows = np.vstack([rows, [rows[j] - rows[k] for j, k in pairs]])
        terms += [f"{fit.providers[j]} - {fit.providers[k]}" for j, k in pairs]
    # From covariances: a hundred providers have five thousand differences, too many for a column of people each.
    half = joint.critical(conf_level) * np.sqrt(np.maximum(_squares(rows, joint.cov()), 0.0))
    values = rows @ joint.values
    interval = np.column_stack([values - half, values + half])
    sets = joint.ratios(range(size), size, conf_level)
    total = float(joint.values[size])
    for j, found in enumerate(sets):
        if found.bounded:
            direction = (np.eye(size + 1)[j] - found.value * np.eye(size + 1)[size]) / total
            rows, values = np.vstack([rows, direction]), np.append(values, found.value)
            interval = np.vstack([interval, [found.low, found.high]])
            terms.append(f"share of {fit.providers[j]}")
    alpha = plain.riesz / weights[:, None]
    products = (weights[:, None] * alpha).T @ alpha / len(weights)
    scale = np.sqrt((weights * fit.surface.residuals**2).mean() * np.maximum(_squares(rows, products), 0.0))
    noise = float(np.sqrt((weights * fit.surface.residuals**2).mean()))
    kept = scale > NO_WEIGHT * noise
    if noise <= NO_WEIGHT * float(np.abs(joint.values).max()) or not kept.any():
        raise refusal("EST-015", "the model leaves no residual, or no residual has a weight", "estimator")
    chosen = tuple(term for term, keep in zip(terms, kept.tolist(), strict=True) if keep)
    left_out = tuple(term for term in terms if term not in chosen)
    return OmittedVariable(chosen, values[kept], interval[kept], scale[kept], str(joint.outcome), conf_level, left_out)


def _squares(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return r′Mr for each row r."""
    return np.asarray(np.einsum("ij,ij->i", rows @ matrix, rows))


def own_weights(fit: ContributionFit, kernel: Kernel) -> Estimate:
    """Return credits and total whose weights are the estimator's: under target realized they lack a person's own luck."""
    return replace(fit, spec=fit.spec.model_copy(update={"target": "sample"})).joint(kernel)
