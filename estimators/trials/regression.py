"""The regression behind a design, handed out as it is: what inference by cluster needs beyond an `Estimate`.

An estimate has influence values and no design matrix, and a bootstrap that imposes its null hypothesis refits a design
without one direction. A design of any family takes part by having a method ``regression(data) -> Regression``.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.experiment import Experiment, check_clusters
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.trials.arms import read_arms
from counterfoil.estimators.trials.attrition_table import attrition_warning
from counterfoil.estimators.trials.few_treated_warning import few_treated_warning
from counterfoil.estimators.trials.lottery_design import lottery_design

# Of the size of the outcome: below this, residuals are rounding errors.
NOTHING: Final = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """A weighted least-squares regression and the combination of its coefficients that is asked about.

    Parameters
    ----------
    design : ndarray, shape (n, p)
        Columns may depend on each other; of dependent ones the earlier are kept.
    outcome : ndarray, shape (n,)
        In its own units.
    clusters : ndarray of int, shape (n,)
        Codes 0..G-1.
    contrast : ndarray, shape (p,)
        The value asked about is ``contrast @ coefficients``.
    weights : ndarray, shape (n,), or None
        Positive observation weights; None for equal ones.
    outcome_name, cluster_by : str
        What is measured, and the column that clusters come from.
    warnings : tuple of Problem
        Whatever a reader of the result must know.
    """

    design: FloatArray
    outcome: FloatArray
    clusters: NDArray[np.intp]
    contrast: FloatArray
    weights: FloatArray | None = None
    outcome_name: str = "outcome"
    cluster_by: str = "cluster"
    warnings: tuple[Problem, ...] = ()


@runtime_checkable
class HasRegression(Protocol):
    """A design that hands out its regression."""

    def regression(self, data: Any) -> Regression:
        """Return the regression that the design fits to the data."""


@dataclass(frozen=True, slots=True, eq=False)
class Solved:
    """A regression reduced to its term by partialling out the rest (Frisch and Waugh 1933; Lovell 1963).

    Parameters
    ----------
    design : ndarray, shape (n, k)
        Independent columns, rows times the root of their weights.
    residuals, direction : ndarray, shape (n,)
        Residuals, and the part of the term that other columns do not explain: ``value = direction'y / direction'direction``.
    bread : ndarray, shape (k, k)
        ``(X'X)⁻¹``.
    scale : float
        ``1 / direction'direction``, the value's variance per unit of error variance.
    value : float
    clusters : ndarray of int, shape (n,)
    n_clusters : int
    """

    design: FloatArray
    residuals: FloatArray
    direction: FloatArray
    bread: FloatArray
    scale: float
    value: float
    clusters: NDArray[np.intp]
    n_clusters: int


def solve(regression: Regression) -> Solved:
    """Fit a regression and partial out everything but its term.

    Raises
    ------
    IdentificationError
        IDENT-006 with one cluster, IDENT-021 when the data do not determine the term.
    EstimationError
        EST-003 with as many parameters as rows.

    Examples
    --------
    >>> from counterfoil.estimators.trials.regression import Regression, solve
    >>> treated = np.array([0.0, 0, 1, 1])
    >>> both = np.column_stack([np.ones(4), treated])
    >>> outcome = np.array([1.0, 2, 4, 6])
    >>> solve(Regression(both, outcome, np.arange(4), np.array([0.0, 1.0]))).value
    3.5
    """
    clusters = regression.clusters
    n_clusters = int(clusters.max()) + 1
    if n_clusters < 2:
        raise refusal("IDENT-006", "all people are in one cluster")
    root = np.ones(len(clusters)) if regression.weights is None else np.sqrt(regression.weights)
    scaled = regression.design * root[:, None]
    fit = least_squares(scaled, regression.outcome * root)
    if not fit.estimable(regression.contrast[None, :]).all() or not regression.contrast.any():
        raise refusal("IDENT-021", "the term is a combination of other columns of the regression", "estimator")
    contrast = regression.contrast[fit.kept]
    kept = scaled[:, fit.kept]
    scale = float(contrast @ fit.bread @ contrast)
    return Solved(
        design=kept,
        residuals=fit.residuals,
        direction=kept @ (fit.bread @ contrast) / scale,
        bread=fit.bread,
        scale=scale,
        value=float(contrast @ fit.coefficients),
        clusters=clusters,
        n_clusters=n_clusters,
    )


def regression_of(spec: Any, data: Any) -> Regression:
    """Return the regression of a design, with its clusters.

    Parameters
    ----------
    spec : Experiment or any design with a method ``regression``
    data : Study or DataFrame

    Raises
    ------
    ContractError
        CONTRACT-016 when the design names no clusters.
    IdentificationError
        IDENT-019 when an experiment has several arms and names none of them.
    TypeError
        When the design is no experiment and has no method ``regression``.
    CounterfoilError
        As the design's own fit.

    Examples
    --------
    >>> import pandas as pd
    >>> towns = pd.DataFrame({"town": [1, 1, 2, 2, 3, 4], "assigned": [1, 1, 0, 0, 1, 0], "jobs": [3.0, 4, 1, 2, 5, 2]})
    >>> found = regression_of(Experiment(outcome="jobs", cluster="town"), towns)
    >>> found.design.shape, int(found.clusters.max()) + 1
    ((6, 2), 4)
    """
    if isinstance(spec, HasRegression):
        return spec.regression(data)
    if not isinstance(spec, Experiment):
        raise TypeError(f"{type(spec).__name__} does not hand out a regression; give it a method `regression(data)`")
    sample, names = spec.sample(data)
    study = sample.study
    cluster = spec.cluster or study.cluster
    if cluster is None:
        raise refusal("CONTRACT-016", "inference by cluster needs clusters", "estimator", "name `cluster:`")
    arms = read_arms(study, spec.assigned, spec.control, spec.arm)
    if len(arms.chosen) > 1:
        what = "the regression of several arms has an effect for each, and one is asked for"
        raise refusal("IDENT-019", what, f"people, column '{spec.assigned}'", "name one of them: `arm:`")
    clusters, assigned = study.codes(cluster), arms.codes > 0
    check_clusters(clusters, *(arms.codes == code for code in range(1, len(arms.labels))))
    by = spec.pairs or spec.blocks
    design = lottery_design(
        arms.indicators,
        None if by is None else study.codes(by),
        study.covariates(names)[0],
        spec.adjustment == "interacted",
        sample.weights,
    ).matrix
    lost = attrition_warning(spec, data) if spec.control is None else ()
    outcome = study.outcome(spec.outcome, spec.period)
    return Regression(
        design=design,
        outcome=outcome - np.average(outcome, weights=sample.weights),
        clusters=clusters,
        contrast=np.eye(design.shape[1])[arms.chosen[0]],
        weights=sample.weights,
        outcome_name=spec.outcome or study.outcome_names[0],
        cluster_by=cluster,
        warnings=(*sample.warnings, *lost, *few_treated_warning(clusters, assigned)),
    )
