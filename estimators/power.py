"""What a design can detect, computable before outcomes exist: it follows from the weights of people's residuals.

With residuals of standard deviation 1 and correlation ``icc`` within clusters, the variance of a value is
n⁻² {(1 − icc) Σ_i α_i² + icc Σ_g (Σ_{i∈g} α_i)²}. The smallest effect detected with a given power is the critical value
plus the power's quantile, times the standard error (Bloom 1995).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from counterfoil.estimators.covariance import cluster_sums
from counterfoil.estimators.estimate import MANY, Estimate

FloatArray = NDArray[np.float64]


def planned_error(estimate: Estimate, std_dev: float = 1.0, icc: float = 0.0) -> FloatArray:
    """Return the standard errors that a design will have, shape (k,), for the people of the study.

    For ``target="population"`` this is a lower bound: how effects vary between people is not known before outcomes.

    Parameters
    ----------
    estimate : Estimate
        Of a design, whatever its outcomes; only its weights are read.
    std_dev : float
        Standard deviation of the outcome around its mean, in the outcome's units.
    icc : float
        Correlation within clusters.
    """
    if estimate.riesz is None:
        raise ValueError("the estimate carries no weights")
    squares = (estimate.riesz**2).sum(axis=0)
    if estimate.clusters is not None and icc > 0:
        sums = cluster_sums(estimate.riesz, estimate.clusters, estimate.n_clusters)
        squares = (1 - icc) * squares + icc * (sums**2).sum(axis=0)
    return np.asarray(std_dev * np.sqrt(squares) / estimate.n)


def smallest_detectable(
    estimate: Estimate, critical: float, power: float = 0.8, std_dev: float = 1.0, icc: float = 0.0
) -> FloatArray:
    """Return the smallest true values that are detected with a given power, shape (k,).

    Parameters
    ----------
    estimate : Estimate
        Of a design, whatever its outcomes.
    critical : float
        Critical value of the test, such as ``estimate.critical(0.95, "one_sided")``.
    power : float
        Chance of detecting it.
    std_dev, icc : float
        As in `planned_error`.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Experiment
    >>> design = Experiment(outcome="earnings").fit(cf.datasets.load("nsw"))
    >>> smallest_detectable(design, design.critical()).round(3)
    array([0.27])
    """
    quantile = float(stdtrit(min(estimate.df, MANY), power))
    return (critical + quantile) * planned_error(estimate, std_dev, icc)


def effective_sample(estimate: Estimate) -> FloatArray:
    """Return (Σ|α|)² / Σα² for each value, shape (k,): how many people the weights are really spread over."""
    if estimate.riesz is None:
        raise ValueError("the estimate carries no weights")
    weight = np.abs(estimate.riesz)
    return np.asarray(weight.sum(axis=0) ** 2 / np.maximum((weight**2).sum(axis=0), 1e-300))
