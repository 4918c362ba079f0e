"""Groups of people whose effects are asked for: by a column, by a threshold of need, or by a predicted outcome.

A group is shown only where at least 11 people of it were in each group that is compared.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import SMALL_CELL
from counterfoil.datasets.table import as_numbers, is_number
from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.doubly_robust.cross_fitted import CrossFitted, Division, predicted_outcomes
from counterfoil.estimators.doubly_robust.cross_fitting import CrossFitting
from counterfoil.estimators.doubly_robust.parametric import Parametric
from counterfoil.estimators.folds import folds
from counterfoil.estimators.learner import OutcomeLearner

NEEDIEST = ("most in need", "everybody else")


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of people.

    Parameters
    ----------
    labels : tuple of str
    members : tuple of ndarray, shape (n,)
        1 for people in the group and 0 for others.
    diagnostics : dict
        How many people each group has, and how many groups were too small.
    """

    labels: tuple[str, ...]
    members: tuple[FloatArray, ...]
    diagnostics: dict[str, Any] = field(default_factory=dict)


def by_column(sample: ComparisonSample, covariates: tuple[str, ...], column: str) -> Groups:
    """Return the groups of a column that is adjusted for.

    Raises
    ------
    EstimationError
        EST-009 when the column is not adjusted for, or every group is too small.
    """
    _refuse_unadjusted(covariates, column)
    codes, names = sample.study.groups(column)
    large = [code for code in range(len(names)) if _enough(sample, codes == code)]
    if not large:
        what = f"in every group of '{column}' fewer than {SMALL_CELL} people were treated or untreated"
        raise refusal("EST-009", what, "people")
    said = {"groups_left_out": len(names) - len(large)} if len(large) < len(names) else {}
    return _groups([str(names[code]) for code in large], [codes == code for code in large], said)


def by_need(
    sample: ComparisonSample, covariates: tuple[str, ...], column: str, above: float | None, below: float | None
) -> Groups:
    """Return people on one side of a threshold, and the others.

    Raises
    ------
    EstimationError
        EST-009 as `by_column`.
    DataError
        DATA-013 when the column is no number.
    """
    if (above is None) == (below is None):
        raise ValueError("name either `above` or `below`")
    _refuse_unadjusted(covariates, column)
    values = sample.study.column(column)
    if not is_number(values):
        raise refusal("DATA-013", f"column '{column}' holds words, which have no threshold", "people")
    numbers = as_numbers(values)[0]
    inside = numbers > above if above is not None else numbers < (below or 0.0)
    return _two(sample, np.asarray(inside), f"the threshold of '{column}'")


def by_prediction(
    engine: Parametric | CrossFitted, outcome: FloatArray, worst: Literal["low", "high"], share: float
) -> Groups:
    """Return people whose outcome (n,) is predicted to be worst without the programme, and the others.

    Raises
    ------
    EstimationError
        EST-009 as `by_column`.
    """
    if not 0.0 < share < 1.0:
        raise ValueError("share is between 0 and 1")
    sample = engine.sample
    if isinstance(engine, CrossFitted):
        learning, divisions = engine.learning, engine.divisions
    else:
        learning = CrossFitting(outcome=OutcomeLearner(name="linear"), repeats=1)
        fold = folds(sample.codes, sample.clusters, learning.folds, learning.seed)
        divisions = (Division(fold, np.empty((sample.n, 0)), learning.seed),)
    risk = np.zeros(sample.n)
    for division in divisions:
        predicted, _ = predicted_outcomes(sample, learning, division, outcome[:, None], (0,))
        risk += predicted[:, 0, 0] * (1.0 if worst == "high" else -1.0)
    order = np.argsort(-risk, kind="stable")
    reached = np.cumsum(sample.weights[order]) / sample.weights.sum()
    cut = risk[order][np.searchsorted(reached, share)]
    return _two(sample, np.asarray(risk >= cut), "predicted outcomes")


def _refuse_unadjusted(covariates: tuple[str, ...], column: str) -> None:
    if column not in covariates:
        raise refusal("EST-009", f"effects by '{column}' need that column among the covariates", "estimator")


def _enough(sample: ComparisonSample, inside: NDArray[np.bool_]) -> bool:
    codes = sample.codes[inside]
    return all(int((codes == code).sum()) >= SMALL_CELL for code in (0, *sample.arms.chosen))


def _two(sample: ComparisonSample, inside: NDArray[np.bool_], by: str) -> Groups:
    if not (_enough(sample, inside) and _enough(sample, ~inside)):
        what = f"on one side of {by} fewer than {SMALL_CELL} people were treated or untreated"
        raise refusal("EST-009", what, "people")
    return _groups(list(NEEDIEST), [inside, ~inside], {})


def _groups(labels: list[str], inside: list[NDArray[np.bool_]], said: dict[str, Any]) -> Groups:
    people = {f"people, {label}": int(part.sum()) for label, part in zip(labels, inside, strict=True)}
    return Groups(tuple(labels), tuple(part.astype(np.float64) for part in inside), {**people, **said})
