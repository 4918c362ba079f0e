"""Wild cluster bootstrap: inference on one coefficient of a linear regression with few clusters.

Residuals of a whole cluster are turned by one random weight, outcomes are rebuilt, and the t-statistic with CR1 errors is
computed again. Restricted residuals, which impose the null hypothesis, make the rate of false findings close to nominal
with about a dozen clusters or more; the confidence set holds the nulls that are not rejected. It needs independent
clusters and treated and untreated clusters that are both more than a few: with one or two treated, restricted weights
find too little and unrestricted ones too much (MacKinnon and Webb 2017), and `few_treated` is the tool.

The outcomes are never rebuilt: a draw of weights v gives the bootstrap scores ``S v`` from sums by cluster, and these
are linear in the null, so that one set of draws serves every null (Roodman, MacKinnon, Nielsen and Webb 2019, *Fast and
wild*, Stata Journal 19(1), 4-60). Sources besides: Cameron, Gelbach and Miller (2008), Review of
Economics and Statistics 90(3), 414-427; Webb (2014) for the six-point weights.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray, cluster_sums, factor
from counterfoil.estimators.trials.inversion import confidence_set
from counterfoil.estimators.trials.regression import NOTHING, Regression, Solved, regression_of, solve

Weights = Literal["rademacher", "webb"]

_HALVES: Final = np.sqrt([0.5, 1.0, 1.5])
POINTS: Final[dict[Weights, FloatArray]] = {
    "rademacher": np.array([-1.0, 1.0]),
    "webb": np.concatenate([-_HALVES[::-1], _HALVES]),
}
"""Values that a cluster's weight takes, each equally often: mean 0, variance 1."""
AT_ONCE: Final = 2_000_000
"""Weights that are held at a time."""
# A draw that repeats the data gives the same statistic up to rounding, and counts as no less extreme.
TIE: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class WildCluster:
    """A value with its bootstrap p-value and confidence set.

    Parameters
    ----------
    value, std_error : float
        The value and its CR1 error, in the outcome's units.
    statistic, p_value : float
        t-statistic and symmetric p-value of no effect.
    conf_low, conf_high : float
        Ends of the confidence set; infinite where no null on that side is rejected.
    conf_level : float
    weights : {"rademacher", "webb"}
    draws : int
        Draws of weights; all there are when ``enumerated``.
    enumerated : bool
    n_clusters : int
    null_imposed : bool
        Whether residuals are restricted (WCR) or not (WCU).
    warnings : tuple of Problem
    moments : ndarray, shape (5, draws)
        What `p_value_at` reads: numerator and its slope, and the three terms of the squared error, in the gap between value and null.
    bare_error : float
        The CR0 error, which the statistics of the draws are held against.
    """

    value: float
    std_error: float
    statistic: float
    p_value: float
    conf_low: float
    conf_high: float
    conf_level: float
    weights: Weights
    draws: int
    enumerated: bool
    n_clusters: int
    null_imposed: bool
    warnings: tuple[Problem, ...]
    moments: FloatArray
    bare_error: float

    def p_value_at(self, null: float) -> float:
        """Return the p-value of another null hypothesis, in the outcome's units; nothing is drawn again."""
        gap = self.value - null if self.null_imposed else 0.0
        numerator, slope, level, cross, square = self.moments
        drawn = (numerator + gap * slope) ** 2
        # All statistics are without the factor of CR1, which is the same in every draw.
        limit = ((self.value - null) / self.bare_error) ** 2 * (level + gap * cross + gap**2 * square)
        count = int((drawn >= limit * (1.0 - TIE)).sum())
        return count / self.draws if self.enumerated else (1 + count) / (1 + self.draws)

    def tidy(self) -> pd.DataFrame:
        """Return one row in the columns of the house vocabulary."""
        row = {
            "term": "gain",
            "estimate": self.value,
            "std_error": self.std_error,
            "statistic": self.statistic,
            "p_value": self.p_value,
            "conf_low": self.conf_low,
            "conf_high": self.conf_high,
        }
        frame = pd.DataFrame([row])
        frame.attrs = {"conf_level": self.conf_level, "method": self.method}
        return frame

    @property
    def method(self) -> str:
        """What was done, in words."""
        kind = "restricted" if self.null_imposed else "unrestricted"
        every = f"all {self.draws:,}" if self.enumerated else f"{self.draws:,} draws of"
        name = {"rademacher": "Rademacher", "webb": "Webb"}[self.weights]
        return f"{kind} wild bootstrap of {self.n_clusters} clusters, {every} {name} weights"


def wild_cluster(
    spec: Any,
    data: Any,
    *,
    weights: Weights = "rademacher",
    null_imposed: bool = True,
    draws: int = 9_999,
    conf_level: float = 0.95,
    seed: int = 0,
) -> WildCluster:
    """Bootstrap the gain of a design by its clusters.

    Parameters
    ----------
    spec : Experiment, or any design with a method ``regression``
        With ``cluster`` (or a study that names its clusters).
    data : Study or DataFrame
    weights, null_imposed, draws, conf_level, seed
        As in `wild_bootstrap`.

    Raises
    ------
    CounterfoilError
        As the design's fit and `wild_bootstrap`.

    Examples
    --------
    >>> import pandas as pd
    >>> from counterfoil.estimators import Experiment
    >>> towns = pd.DataFrame({"town": np.repeat(np.arange(10), 8), "assigned": np.repeat([0, 1], 40)})
    >>> towns["jobs"] = 2.0 * towns["assigned"] + (towns["town"] * 7 % 5) + towns.index % 3
    >>> found = wild_cluster(Experiment(outcome="jobs", cluster="town"), towns)
    >>> round(found.value, 3), found.draws, round(found.p_value, 3)
    (2.025, 1024, 0.078)
    """
    return wild_bootstrap(
        regression_of(spec, data),
        weights=weights,
        null_imposed=null_imposed,
        draws=draws,
        conf_level=conf_level,
        seed=seed,
    )


def wild_bootstrap(
    regression: Regression,
    *,
    weights: Weights = "rademacher",
    null_imposed: bool = True,
    draws: int = 9_999,
    conf_level: float = 0.95,
    seed: int = 0,
) -> WildCluster:
    """Bootstrap one term of a linear regression by cluster.

    Parameters
    ----------
    regression : Regression
    weights : {"rademacher", "webb"}
        Two signs, or six points for about ten clusters or fewer, where signs repeat themselves.
    null_imposed : bool
        Whether residuals are those of the regression under the null.
    draws : int
        All combinations are taken instead where there are no more of them.
    conf_level : float
    seed : int

    Returns
    -------
    WildCluster
        With the warning EST-027 when the clusters are too few for any p-value below ``1 − conf_level``.

    Raises
    ------
    IdentificationError
        IDENT-006 with one cluster, IDENT-021 when the data do not determine the term.
    EstimationError
        EST-003 with as many parameters as rows, EST-015 when the regression fits without residuals.

    Examples
    --------
    >>> from counterfoil.estimators.trials.regression import Regression
    >>> rng = np.random.default_rng(1)
    >>> town = np.repeat(np.arange(12), 20)
    >>> treated = (town % 2).astype(float)
    >>> outcome = treated + rng.normal(size=12)[town] + rng.normal(size=240)
    >>> data = Regression(np.column_stack([np.ones(240), treated]), outcome, town, np.array([0.0, 1.0]))
    >>> found = wild_bootstrap(data)
    >>> found.method
    'restricted wild bootstrap of 12 clusters, all 4,096 Rademacher weights'
    """
    if draws < 1 or not 0 < conf_level < 1:
        raise ValueError("there is at least one draw, and a confidence level lies between 0 and 1")
    solved = solve(regression)
    scores = cluster_sums(solved.direction * solved.residuals, solved.clusters, solved.n_clusters)
    n, parameters = solved.design.shape
    bare = solved.scale * float(np.linalg.norm(scores))
    error = bare * math.sqrt(factor("CR1", n, parameters, solved.n_clusters))
    if error <= NOTHING * math.sqrt(solved.scale) * float(np.linalg.norm(regression.outcome)):
        raise refusal("EST-015", "the regression leaves no residuals to bootstrap", "estimator")
    points = POINTS[weights]
    enumerated = len(points) ** solved.n_clusters <= draws
    parts = _draws(points, solved.n_clusters, draws, seed, enumerated)
    moments = np.concatenate([_moments(solved, part) for part in parts], axis=1)
    found = WildCluster(
        value=solved.value,
        std_error=error,
        statistic=solved.value / error,
        p_value=math.nan,
        conf_low=-math.inf,
        conf_high=math.inf,
        conf_level=conf_level,
        weights=weights,
        draws=moments.shape[1],
        enumerated=enumerated,
        n_clusters=solved.n_clusters,
        null_imposed=null_imposed,
        warnings=regression.warnings,
        moments=moments,
        bare_error=bare,
    )
    low, high = confidence_set(found.p_value_at, solved.value, error, conf_level)
    warnings = regression.warnings
    if math.isinf(low) or math.isinf(high):
        what = (
            f"{solved.n_clusters} clusters cannot reject far-off effects at {conf_level:.0%}, so the interval is open"
        )
        warnings = (*warnings, Problem("EST-027", what, "estimator"))
    return replace(found, p_value=found.p_value_at(0.0), conf_low=low, conf_high=high, warnings=warnings)


def _draws(points: FloatArray, n_clusters: int, draws: int, seed: int, enumerated: bool) -> Iterator[FloatArray]:
    """Yield weights, shape (G, some draws): every combination, or as many as are asked for."""
    rng = np.random.default_rng(seed)
    total = len(points) ** n_clusters if enumerated else draws
    for first in range(0, total, size := max(1, AT_ONCE // n_clusters)):
        numbers = np.arange(first, min(total, first + size))
        if enumerated:
            place = numbers // len(points) ** np.arange(n_clusters)[:, None] % len(points)
        else:
            place = rng.integers(0, len(points), (len(numbers), n_clusters)).T
        yield points[place]


def _moments(solved: Solved, weights: FloatArray) -> FloatArray:
    """Return the five moments (5, draws) of which each statistic is a function, from sums by cluster."""
    clusters, n_clusters, direction = solved.clusters, solved.n_clusters, solved.direction
    own = cluster_sums(direction * solved.residuals, clusters, n_clusters)
    tilt = cluster_sums(direction**2, clusters, n_clusters)
    reach = cluster_sums(direction[:, None] * solved.design, clusters, n_clusters)
    cross = cluster_sums(solved.residuals[:, None] * solved.design, clusters, n_clusters)
    # Residuals under the null are residuals + gap · direction, so that scores are linear in the gap.
    level = own[:, None] * weights - reach @ (solved.bread @ (cross.T @ weights))
    slope = tilt[:, None] * weights - reach @ (solved.bread @ (reach.T @ weights))
    return np.stack([own @ weights, tilt @ weights, (level**2).sum(0), 2.0 * (level * slope).sum(0), (slope**2).sum(0)])
