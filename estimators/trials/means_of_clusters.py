"""Means of clusters and of arms of clusters, every cluster counting alike, with the error that they show of themselves.

Covariates are adjusted for by what they explain within clusters, the first of the two steps of Donald and Lang (2007),
*Inference with difference-in-differences and other panel data*, Review of Economics and Statistics 89(2), 221-233.
"""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.spec import Design, Sample, draw_sample
from counterfoil.estimators.trials.arms import read_arms
from counterfoil.estimators.trials.attrition_table import attrition_warning

# Of a column's size: below this, its variation within clusters is rounding error.
WITHIN: Final = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Means of G clusters, adjusted for covariates.

    Parameters
    ----------
    values : ndarray, shape (G,)
        In the outcome's units.
    treated : ndarray of bool, shape (G,)
    sizes : ndarray of float, shape (G,)
        People in each, or how many equally weighted people its weights amount to.
    clusters : ndarray of int, shape (n,)
    names : ndarray, shape (G,)
    cluster_by : str
    influence, riesz : ndarray, shape (n,)
        Of the difference in means of clusters, and the weight of each person's residual in it.
    people : int
        In treated clusters.
    sample : Sample
    warnings : tuple of Problem
    """

    values: FloatArray
    treated: NDArray[np.bool_]
    sizes: FloatArray
    clusters: NDArray[np.intp]
    names: NDArray[Any]
    cluster_by: str
    influence: FloatArray
    riesz: FloatArray
    people: int
    sample: Sample
    warnings: tuple[Problem, ...]

    @property
    def counts(self) -> tuple[int, int]:
        """Treated and untreated clusters."""
        return int(self.treated.sum()), int((~self.treated).sum())

    @property
    def value(self) -> float:
        """Mean of treated clusters less mean of untreated ones."""
        return float(self.values[self.treated].mean() - self.values[~self.treated].mean())

    def error(self, spread: Literal["alike", "by_arm"], ratio: float = 1.0) -> tuple[float, float]:
        """Return the standard error of the value and its degrees of freedom."""
        arms = [self.values[self.treated], self.values[~self.treated]]
        counts = [len(arm) for arm in arms]
        squares = [float(((arm - arm.mean()) ** 2).sum()) for arm in arms]
        if spread == "by_arm":
            variance = sum(square / (count - 1) / count for square, count in zip(squares, counts, strict=True))
            return math.sqrt(variance), float(min(counts) - 1)
        pooled = sum(squares) / (sum(counts) - 2)
        single = [ratio**2 if count == 1 else 1.0 for count in counts]
        return math.sqrt(pooled * sum(times / count for times, count in zip(single, counts, strict=True))), float(
            sum(counts) - 2
        )

    def breakdown(self, critical: float) -> float:
        """Return the ratio of spreads from which a single cluster's effect is no longer told from nothing.

        0 when it is not told from nothing even if that cluster did not vary; infinite when the others do not.
        """
        others = max(self.counts)
        spread = self.error("alike")[0] / math.sqrt(1.0 + 1.0 / others)
        if spread == 0:
            return math.inf
        return math.sqrt(max((self.value / (critical * spread)) ** 2 - 1.0 / others, 0.0))


def cluster_means(spec: Design, data: Study | pd.DataFrame) -> Means:
    """Return the mean of each cluster, at the overall mean of the covariates.

    Parameters
    ----------
    spec : Experiment or ClusterMeans
    data : Study or DataFrame

    Raises
    ------
    CounterfoilError
        CONTRACT-016, IDENT-001 and IDENT-022 as in `ClusterMeans.fit`; EST-003 with more covariates than people allow.

    Examples
    --------
    >>> from counterfoil.estimators import Experiment
    >>> towns = pd.DataFrame({"town": [1, 1, 2, 3], "assigned": [1, 1, 0, 0], "jobs": [3.0, 5.0, 2.0, 1.0]})
    >>> found = cluster_means(Experiment(outcome="jobs", cluster="town"), towns)
    >>> found.values, found.value, found.counts
    (array([4., 2., 1.]), 2.5, (1, 2))
    """
    sample = draw_sample(spec, data)
    study = sample.study
    cluster = spec.cluster or study.cluster
    if cluster is None:
        raise refusal("CONTRACT-016", "inference by cluster needs clusters", "estimator", "name `cluster:`")
    if getattr(spec, "blocks", None) is not None:
        raise refusal("IDENT-022", "clusters drawn within blocks are not compared as if drawn from all", "estimator")
    assigned = read_arms(study, str(getattr(spec, "assigned", "assigned"))).codes > 0
    clusters, names = study.groups(cluster)
    treated = _arms(clusters, assigned, cluster)
    weights = sample.weights
    outcome = study.outcome(spec.outcome, spec.period)
    covariates, columns = study.covariates(spec.covariates)
    total = np.asarray(np.bincount(clusters, weights=weights), dtype=np.float64)
    explained, alone = _within(outcome, covariates, clusters, weights, total)
    outcome = outcome - explained
    values = np.bincount(clusters, weights=weights * outcome) / total
    side = np.where(treated, 1.0 / treated.sum(), -1.0 / (~treated).sum())
    arm_mean = np.where(treated, values[treated].mean(), values[~treated].mean())
    riesz = len(outcome) * (side / total)[clusters] * weights
    return Means(
        values=values,
        treated=treated,
        sizes=total**2 / np.bincount(clusters, weights=weights**2),
        clusters=clusters,
        names=names,
        cluster_by=cluster,
        influence=riesz * (outcome - arm_mean[clusters]),
        riesz=riesz,
        people=int(assigned.sum()),
        sample=sample,
        warnings=(
            *sample.warnings,
            *attrition_warning(spec, data),
            *_dropped([columns[k].partition("=")[0] for k in alone]),
        ),
    )


def _dropped(columns: list[str]) -> tuple[Problem, ...]:
    if not columns:
        return ()
    what = f"covariates {listed(sorted(set(columns)))} explain nothing within clusters and are left out"
    return (Problem("EST-005", what, "estimator"),)


def _arms(clusters: NDArray[np.intp], assigned: NDArray[np.bool_], cluster: str) -> NDArray[np.bool_]:
    """Return which clusters are treated, shape (G,)."""
    share = np.bincount(clusters, weights=assigned) / np.bincount(clusters)
    mixed = int(((share > 0) & (share < 1)).sum())
    if mixed:
        what = (
            f"{mixed} of {len(share)} clusters of '{cluster}' hold both arms, so people were assigned and not clusters"
        )
        raise refusal("IDENT-022", what, "people", "leave the clusters out, or name what was assigned")
    if len(share) < 3:
        raise refusal("IDENT-022", "one cluster against one shows no spread between clusters", "people")
    return np.asarray(share > 0)


def _within(
    outcome: FloatArray, covariates: FloatArray, clusters: NDArray[np.intp], weights: FloatArray, total: FloatArray
) -> tuple[FloatArray, NDArray[np.intp]]:
    """Return what covariates explain, by slopes from within clusters, shape (n,), and the columns that do not vary there."""
    root = np.sqrt(weights)

    def inside(column: FloatArray) -> FloatArray:
        return root * (column - (np.bincount(clusters, weights=weights * column) / total)[clusters])

    columns = np.empty_like(covariates)
    for position, column in enumerate(covariates.T):
        columns[:, position] = inside(column)
    varies = np.abs(columns).max(axis=0, initial=0.0) > WITHIN * np.abs(covariates).max(axis=0, initial=0.0)
    if not varies.any():
        return np.zeros(len(outcome)), np.flatnonzero(~varies)
    fit = least_squares(columns[:, varies], inside(outcome))
    kept = np.flatnonzero(varies)[fit.kept]
    centred = covariates - np.average(covariates, axis=0, weights=weights)
    return np.asarray(centred[:, kept] @ fit.coefficients), np.setdiff1d(np.arange(covariates.shape[1]), kept)
