"""The error of a regression's term from leaving out one cluster at a time (CR3), and which cluster moves it most.

With few clusters or unequal ones CR3 is the most careful of the errors by cluster: it is seldom too small. A cluster that
alone determines another column, such as its own dummy, is left out without that column; where it determines the term
itself, there is no value without it and nothing is returned. The variance is the sum of squared changes; the jackknife
proper has the factor (G − 1) / G besides. Sources: Bell and McCaffrey (2002), *Bias reduction in standard errors for
linear regression with multi-stage samples*, Survey Methodology 28(2); MacKinnon, Nielsen and Webb (2023), *Fast and
reliable jackknife and bootstrap methods for cluster-robust inference*, Journal of Applied Econometrics 38(5), 671-694.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.bias_reduced import ALONE
from counterfoil.estimators.covariance import FloatArray, cluster_sums
from counterfoil.estimators.trials.regression import NOTHING, Regression, solve


@dataclass(frozen=True, slots=True, eq=False)
class ClusterJackknife:
    """A value, its CR3 error, and what it is without each cluster.

    Parameters
    ----------
    value, std_error : float
        In the outcome's units.
    df : float
        One less than clusters.
    without : ndarray, shape (G,)
        The value without each cluster, in the order of their codes.
    warnings : tuple of Problem
    """

    value: float
    std_error: float
    df: float
    without: FloatArray
    warnings: tuple[Problem, ...]

    def tidy(self, conf_level: float = 0.95) -> pd.DataFrame:
        """Return one row in the columns of the house vocabulary."""
        statistic = self.value / self.std_error
        half = float(stdtrit(self.df, (1.0 + conf_level) / 2.0)) * self.std_error
        row = {
            "term": "gain",
            "estimate": self.value,
            "std_error": self.std_error,
            "statistic": statistic,
            "p_value": 2.0 * float(stdtr(self.df, -abs(statistic))),
            "conf_low": self.value - half,
            "conf_high": self.value + half,
        }
        frame = pd.DataFrame([row])
        frame.attrs = {"conf_level": conf_level, "error_type": "CR3", "df": self.df}
        return frame


def cluster_jackknife(regression: Regression) -> ClusterJackknife:
    """Leave out each cluster in turn; nothing is refitted.

    Parameters
    ----------
    regression : Regression
        Of a design by `regression_of`, or of arrays.

    Raises
    ------
    IdentificationError
        IDENT-006 with one cluster, IDENT-021 when a cluster left out takes the term with it.
    EstimationError
        EST-015 when the regression fits without residuals.

    Examples
    --------
    >>> from counterfoil.estimators.trials.regression import Regression
    >>> town, treated = np.repeat(np.arange(4), 2), np.repeat([0.0, 0, 1, 1], 2)
    >>> outcome = np.array([1.0, 1, 3, 3, 5, 5, 9, 9])
    >>> found = cluster_jackknife(Regression(np.column_stack([np.ones(8), treated]), outcome, town, np.array([0.0, 1.0])))
    >>> round(found.value, 6), found.without.round(6), round(found.std_error, 4)
    (5.0, array([4., 6., 7., 3.]), 3.1623)
    """
    solved = solve(regression)
    root = np.linalg.cholesky(solved.bread)
    term = root.T @ (solved.design.T @ solved.direction) * solved.scale
    turned = solved.design @ root
    pull = cluster_sums(turned * solved.residuals[:, None], solved.clusters, solved.n_clusters)
    moved = np.empty(solved.n_clusters)
    needed = 0
    order = np.argsort(solved.clusters, kind="stable")
    bounds = np.cumsum(np.bincount(solved.clusters))[:-1]
    for g, people in enumerate(np.split(order, bounds)):
        size, vectors = np.linalg.eigh(turned[people].T @ turned[people])
        free = 1.0 - size
        along = vectors.T @ term
        needed += bool((np.abs(along[free <= ALONE]) > math.sqrt(ALONE) * np.linalg.norm(term)).any())
        kept = free > ALONE
        moved[g] = along[kept] / free[kept] @ (vectors.T @ pull[g])[kept]
    if needed:
        what = f"the term is not determined without one of {needed} clusters, so that no jackknife error is"
        raise refusal("IDENT-021", what, "estimator")
    error = float(np.linalg.norm(moved))
    if error <= NOTHING * math.sqrt(solved.scale) * float(np.linalg.norm(regression.outcome)):
        raise refusal("EST-015", "no cluster moves the value, so that it has no error", "estimator")
    return ClusterJackknife(
        value=solved.value,
        std_error=error,
        df=float(solved.n_clusters - 1),
        without=solved.value - moved,
        warnings=regression.warnings,
    )
