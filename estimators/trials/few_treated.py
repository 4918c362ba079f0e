"""Inference when only a few clusters were treated, perhaps one: which method the counts allow, and what it takes on trust.

A clustered error with one treated cluster is far too small, because that cluster's own residual is nothing. What is left
is to compare clusters as wholes, by one of four methods, each with its own assumption:

============  =============================================================================================
permutation   clusters were drawn by lottery; exact for any outcome (Fisher 1935)
residuals     untreated clusters show how a treated one would vary, at its size; many of them (Conley and Taber
              2011, Review of Economics and Statistics 93(1); with the variance a + b/size of Ferman and Pinto
              2019, Review of Economics and Statistics 101(3))
t_by_arm      independent cluster means near normal, at least two an arm (Ibragimov and Müller 2016)
t_alike       the same, spread alike in both arms; at least three clusters in all (Donald and Lang 2007)
============  =============================================================================================

``auto`` takes the first of permutation, t_by_arm and t_alike that the counts allow: permutation where it can reach the
level asked for, which one treated cluster needs 19 others for at 5%.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.trials.cluster_means import ClusterMeans
from counterfoil.estimators.trials.cluster_permutation import Permutation
from counterfoil.estimators.trials.cluster_residuals import Residuals
from counterfoil.estimators.trials.few_treated_warning import few_treated_warning
from counterfoil.estimators.trials.inversion import confidence_set
from counterfoil.estimators.trials.means_of_clusters import Means, cluster_means

Method = Literal["permutation", "residuals", "t_by_arm", "t_alike"]

ASSUMES: Final[dict[Method, str]] = {
    "permutation": "the treated clusters were drawn by lottery, and the effect is the same in each",
    "residuals": "untreated clusters vary as treated ones would, apart from their size, and there are many of them",
    "t_by_arm": "clusters are independent and their means are near normal, with a spread of its own in each arm",
    "t_alike": "clusters are independent and their means are near normal, with the same spread in both arms",
}
"""What each method takes on trust, in words."""
MANY: Final = 10
"""Untreated clusters that the residual method needs: its justification lets their number grow."""
# Of the size of the clusters' means: below this, how they differ within an arm is rounding error.
NOTHING: Final = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class FewTreated:
    """The effect on the mean of a cluster, with the inference that the number of clusters allows.

    Parameters
    ----------
    method : str
        Of `ASSUMES`.
    assumption, why : str
        What the method takes on trust, and why it was chosen, in words.
    value : float
        Difference in means of clusters, every cluster counting alike, in the outcome's units.
    p_value : float
        Two-sided, of no effect.
    conf_low, conf_high : float
        Infinite where no effect on that side can be rejected.
    conf_level : float
    treated, control : int
        Clusters.
    smallest_p : float
        The smallest p-value that a permutation of these clusters could give.
    breakdown : float or None
        With one cluster in an arm: how many times as spread out as the others it may be before zero is in the interval of
        ``t_alike``.
    warnings : tuple of Problem
    """

    method: Method
    assumption: str
    why: str
    value: float
    p_value: float
    conf_low: float
    conf_high: float
    conf_level: float
    treated: int
    control: int
    smallest_p: float
    breakdown: float | None
    warnings: tuple[Problem, ...]

    def tidy(self) -> pd.DataFrame:
        """Return one row in the columns of the house vocabulary; method and assumption are in ``attrs``."""
        row = {
            "term": "gain",
            "estimate": self.value,
            "p_value": self.p_value,
            "conf_low": self.conf_low,
            "conf_high": self.conf_high,
        }
        frame = pd.DataFrame([row])
        frame.attrs = {
            "conf_level": self.conf_level,
            "method": self.method,
            "assumption": self.assumption,
            "why": self.why,
        }
        return frame


def few_treated(
    spec: Experiment | ClusterMeans,
    data: Study | pd.DataFrame,
    method: Method | Literal["auto"] = "auto",
    *,
    draws: int = 9_999,
    conf_level: float = 0.95,
    seed: int = 0,
) -> FewTreated:
    """Compare few treated clusters with the others, honestly.

    Parameters
    ----------
    spec : Experiment or ClusterMeans
        With clusters; covariates are adjusted for within clusters.
    data : Study or DataFrame
    method : str
        One of `ASSUMES`, or ``auto``.
    draws : int
        Of permutations or residuals; all permutations are taken where there are no more of them.
    conf_level : float
    seed : int

    Raises
    ------
    IdentificationError
        IDENT-022 for a method that has too few clusters, and as `cluster_means`.
    EstimationError
        EST-015 for a permutation or residuals where the clusters of each arm all have the same mean.

    Examples
    --------
    One community against two: the answer is wide, and says on what it rests.

    >>> import pandas as pd
    >>> towns = pd.DataFrame({"town": list("aaabbbccc"), "assigned": [1] * 3 + [0] * 6, "bmi": [3, 5, 4, 6, 7, 8, 5, 5, 5]})
    >>> found = few_treated(ClusterMeans(outcome="bmi", cluster="town"), towns)
    >>> found.method, round(found.p_value, 2), round(found.conf_low), round(found.conf_high)
    ('t_alike', 0.45, -24, 20)
    """
    means = cluster_means(spec, data)
    smallest = smallest_p(*means.counts)
    chosen, why = _choose(means, smallest, conf_level) if method == "auto" else (method, "asked for")
    _refuse(means, chosen)
    warnings = (*means.warnings, *few_treated_warning(means.clusters, means.treated[means.clusters]))
    single = min(means.counts) == 1
    critical = float(stdtrit(sum(means.counts) - 2, (1.0 + conf_level) / 2.0))
    if chosen in ("t_alike", "t_by_arm"):
        error, df = means.error("alike" if chosen == "t_alike" else "by_arm", getattr(spec, "spread_ratio", 1.0))
        half = float(stdtrit(df, (1.0 + conf_level) / 2.0)) * error
        low, high = means.value - half, means.value + half
        p_value = 2.0 * float(stdtr(df, -abs(means.value) / error)) if error > 0 else float(means.value == 0)
    else:
        scale = means.error("alike")[0]
        if scale <= NOTHING * float(np.abs(means.values).max()):
            what = "the clusters of each arm have the same mean, so nothing tells how uncertain the effect is"
            raise refusal("EST-015", what, "estimator")
        test = Permutation.of(means, draws, seed) if chosen == "permutation" else Residuals.of(means, draws, seed)
        low, high = confidence_set(test.p_value, means.value, scale, conf_level)
        p_value = test.p_value(0.0)
        if math.isinf(low) or math.isinf(high):
            what = f"{sum(means.counts)} clusters cannot reject far-off effects at {conf_level:.0%}, so the interval is open"
            warnings = (*warnings, Problem("EST-027", what, "estimator"))
    return FewTreated(
        method=chosen,
        assumption=ASSUMES[chosen],
        why=why,
        value=means.value,
        p_value=p_value,
        conf_low=low,
        conf_high=high,
        conf_level=conf_level,
        treated=means.counts[0],
        control=means.counts[1],
        smallest_p=smallest,
        breakdown=means.breakdown(critical) if single else None,
        warnings=warnings,
    )


def smallest_p(treated: int, control: int) -> float:
    """Return the smallest two-sided p-value that a permutation of the clusters can give.

    Examples
    --------
    >>> smallest_p(1, 19), smallest_p(4, 4)
    (0.05, 0.02857142857142857)
    """
    return (2.0 if treated == control else 1.0) / math.comb(treated + control, treated)


def _choose(means: Means, smallest: float, conf_level: float) -> tuple[Method, str]:
    treated, control = means.counts
    counts = f"{treated} treated and {control} untreated clusters"
    if smallest <= (1.0 - conf_level) * (1.0 + 1e-9):
        return "permutation", f"{counts} can be permuted to a p-value of {smallest:.2g}"
    short = f"permuting {counts} gives no p-value below {smallest:.2g}"
    if min(treated, control) >= 2:
        return "t_by_arm", f"{short}, and both arms show their own spread"
    return "t_alike", f"{short}, and an arm of one cluster shows no spread of its own"


def _refuse(means: Means, method: Method) -> None:
    treated, control = means.counts
    if method == "t_by_arm" and min(treated, control) < 2:
        raise refusal("IDENT-022", "an arm with one cluster shows no spread of its own", "estimator", "use t_alike")
    if method == "residuals" and control < MANY:
        what = f"{control} untreated clusters are too few to show how a treated one varies; it takes {MANY}"
        raise refusal("IDENT-022", what, "estimator", "use permutation or t_alike")
