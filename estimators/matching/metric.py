"""Where people stand, so that Euclidean distance between two places is how unlike two people are.

Scores are in standard deviations over everybody. Covariates are divided by their standard deviations over everybody (``scaled``)
or whitened by their covariance within the two groups (``mahalanobis``: Rubin 1980, *Bias reduction using Mahalanobis-metric
matching*, Biometrics 36(2)).
"""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular
from scipy.linalg.lapack import dpstrf

from counterfoil.errors import refusal
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.comparisons.score import Score
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import DEPENDENT, DEPENDENT_SQUARE

if TYPE_CHECKING:
    from counterfoil.estimators.matching.matching import Matching

BY_SCORE: Final = ("score", "linear_score")


def in_deviations(values: FloatArray) -> FloatArray:
    """Return values (n,) in standard deviations over everybody; zeros where all are the same.

    Examples
    --------
    >>> in_deviations(np.array([2.0, 4.0])).tolist(), in_deviations(np.array([3.0, 3.0])).tolist()
    ([2.0, 4.0], [0.0, 0.0])
    """
    spread = float(values.std())
    # Chances fitted without any covariate that matters differ by rounding only.
    return values / spread if spread > 1e-12 * float(np.abs(values).max()) else np.zeros(len(values))


def places_of(spec: "Matching", sample: ComparisonSample, score: Score | None) -> FloatArray:
    """Return where people stand by the spec's distance, shape (n, d).

    Raises
    ------
    EstimationError
        EST-002 when the log-odds of somebody are infinite, or covariates do not vary within the groups.
    """
    if spec.distance in BY_SCORE:
        return _ruler(score, spec.distance == "score")[:, None]
    values = sample.adjusting.values
    centred = values - values.mean(axis=0)
    if not centred.shape[1]:
        return np.zeros((sample.n, 1))
    deviations = centred / centred.std(axis=0)
    if spec.distance == "scaled":
        # n - 1, as R's Matching has it: the tolerance of ties is in these units.
        return np.asarray(deviations * np.sqrt((sample.n - 1) / sample.n))
    within = np.vstack(
        [deviations[member] - deviations[member].mean(axis=0) for member in (sample.of(0), sample.of(1))]
    )
    gram = within.T @ within / (sample.n - 2)
    length = np.sqrt(np.diagonal(gram))
    rank = dpstrf(gram / np.outer(length, length), tol=DEPENDENT_SQUARE)[2] if length.min() > DEPENDENT else 0
    if rank < len(gram):
        raise refusal(
            "EST-002", "some covariate, or a combination of them, is the same for everybody within each group", "people"
        )
    root = np.linalg.cholesky(gram)
    return np.ascontiguousarray(solve_triangular(root, deviations.T, lower=True).T)


def ruler_of(spec: "Matching", score: Score | None) -> FloatArray | None:
    """Return the score that a caliper bounds, shape (n,), in standard deviations; None without a caliper.

    Raises
    ------
    EstimationError
        EST-002 when the log-odds of somebody are infinite.
    """
    return None if spec.caliper is None else _ruler(score, spec.distance == "score")


def _ruler(score: Score | None, plain: bool) -> FloatArray:
    if score is None:
        raise ValueError("a distance by score needs a score")
    if plain:
        return in_deviations(score.treated)
    if not ((score.treated > 0) & (score.chance[:, 0] > 0)).all():
        what = "the learner is certain of who was treated for some people, and their log-odds are infinite"
        raise refusal("EST-002", what, "estimator", "use `distance: score`, or a smoother learner")
    return in_deviations(score.linear)


def blocks_of(columns: tuple[str, ...], sample: ComparisonSample) -> NDArray[np.intp]:
    """Return which people are equal in some columns, as codes 0..B-1, shape (n,).

    Raises
    ------
    DataError
        DATA-004 for a missing column, DATA-014 for a blank.
    """
    blocks = np.zeros(sample.n, dtype=np.intp)
    for name in columns:
        codes, names = sample.study.groups(name)
        # Renumbered at every column, so that codes cannot overflow.
        blocks = np.unique(blocks * len(names) + codes, return_inverse=True)[1].astype(np.intp)
    return blocks
