"""Matched pairs: one of two units alike was assigned by lot; the effect is the mean of the pairs' differences.

A unit is a person, or a cluster of people where clusters were assigned. A pair counts by its number of people, so that the
effect is the average over people; of pairs of persons it is the plain mean of the differences. With covariates the
differences are regressed on the differences of the covariates and, fully adjusted, on the centred means of the pairs.

The error comes from how differences vary between pairs: people of a pair share fortunes, and a pair has no second person in
an arm from which a variance inside it could be learnt. The error is conservative where pairs differ in their effects.
`similar_pairs_error` is smaller: it takes pairs next to each other as alike too.

Sources: Imai (2008), Statistics in Medicine 27(24), 4857-4873; Imai, King and Nall (2009), Statistical Science 24(1), 29-53,
for pairs of clusters; Imbens and Rubin (2015), sections 10.3 to 10.7; Fogarty (2018), Biometrics 74(3); de Chaisemartin
and Ramirez-Cuellar (2024), American Economic Journal: Applied Economics 16(1), for errors by pair; Bai, Romano and Shaikh
(2022), Journal of the American Statistical Association 117(540), for pairs of pairs.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.bias_reduced import ALONE, bias_reduced
from counterfoil.estimators.covariance import FloatArray, cluster_sums
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.spec import Sample
from counterfoil.estimators.trials.arms import Arms
from counterfoil.estimators.trials.assignment_regression import Gain

Codes = NDArray[np.intp]


def complete_pairs(treated: NDArray[np.bool_], pairs: Codes, units: Codes | None) -> NDArray[np.bool_]:
    """Mark the people of pairs that have one unit assigned and one in control, shape (n_people,).

    Parameters
    ----------
    treated : ndarray of bool, shape (n_people,)
    pairs : ndarray of int, shape (n_people,)
        Codes 0..J-1.
    units : ndarray of int, shape (n_people,), or None
        Clusters that were assigned as one; None when every person is a unit.
    """
    of_unit = np.arange(len(pairs)) if units is None else units
    # One number a pair, unit and arm.
    size = int(of_unit.max()) + 1
    there = np.unique((pairs * size + of_unit) * 2 + treated)
    pair, arm = there // (2 * size), there % 2
    arms = [np.bincount(pair[arm == side], minlength=int(pairs.max()) + 1) for side in (0, 1)]
    return np.asarray(((arms[0] == 1) & (arms[1] == 1))[pairs])


def whole_pairs(sample: Sample, arms: Arms, pairs: str, cluster: str | None, drop: bool) -> Sample:
    """Return the sample of the people in complete pairs.

    Parameters
    ----------
    sample : Sample
    arms : Arms
        Two of them.
    pairs, cluster : str
        Columns of people; clusters that lie within pairs are the units that were assigned.
    drop : bool
        Whether incomplete pairs are left out and counted; they are refused otherwise.

    Raises
    ------
    IdentificationError
        IDENT-020 when a pair is not complete or there are more than two arms, IDENT-006 when there is one pair only.
    """
    study = sample.study
    if len(arms.labels) > 2:
        raise refusal("IDENT-020", f"a pair has two arms, the lottery {len(arms.labels)}", "estimator")
    codes, units = study.codes(pairs), _clusters_within(study, pairs, cluster)
    complete = complete_pairs(arms.codes > 0, codes, units)
    count, whole = int(codes.max()) + 1, len(np.unique(codes[complete]))
    if whole < count and not (drop and whole):
        word = "person" if units is None else f"cluster of '{cluster or study.cluster}'"
        raise refusal("IDENT-020", f"{count - whole} of {count} pairs do not have one {word} in either arm", "people")
    if whole < 2:
        raise refusal("IDENT-006", "all people are in one pair")
    if whole == count:
        return sample
    lost = int((~complete).sum())
    counts = {**sample.counts, "people_used": int(complete.sum()), "complete pair": lost}
    what = f"left out of the analysis, as declared: {shown(lost)} without a complete pair"
    weights = sample.weights[complete] / sample.weights[complete].mean()
    warnings = (*sample.warnings, Problem("EST-007", what, "people"))
    return Sample(study.subset(complete), weights, sample.weighted, counts, warnings)


def error_groups(study: Study, pairs: str, cluster: str | None) -> tuple[str, Codes, NDArray[Any]]:
    """Return what errors are clustered by, its codes and its names: the pairs, or wider clusters of whole pairs.

    Raises
    ------
    IdentificationError
        IDENT-020 when clusters cut through pairs.
    """
    column = cluster or study.cluster
    if column is None or _clusters_within(study, pairs, cluster) is not None:
        return (pairs, *study.groups(pairs))
    codes, names = study.groups(column)
    if not _within(study.codes(pairs), codes):
        raise refusal("IDENT-020", f"clusters of '{column}' cut through pairs", "people")
    return column, codes, names


def _clusters_within(study: Study, pairs: str, cluster: str | None) -> Codes | None:
    """Return clusters that lie within pairs, which were then drawn as one; None when people were drawn."""
    column = cluster or study.cluster
    codes = None if column is None else study.codes(column)
    return codes if codes is not None and _within(codes, study.codes(pairs)) else None


def _within(fine: Codes, coarse: Codes) -> bool:
    return len(np.unique(fine * (int(coarse.max()) + 1) + coarse)) == len(np.unique(fine))


def pair_differences(
    outcome: FloatArray,
    treated: NDArray[np.bool_],
    pairs: Codes,
    covariates: FloatArray,
    interacted: bool,
    weights: FloatArray,
    groups: Codes | None = None,
    columns: Sequence[int] = (1,),
) -> Gain:
    """Estimate the effect from the pairs' differences.

    Parameters
    ----------
    outcome : ndarray, shape (n,)
    treated : ndarray of bool, shape (n,)
    pairs : ndarray of int, shape (n,)
        Codes 0..J-1; each pair holds both arms.
    covariates : ndarray, shape (n, p)
    interacted : bool
        Whether the pairs' mean covariates are adjusted for beside their differences.
    weights : ndarray, shape (n,)
        Positive, with mean 1.
    groups : ndarray of int, shape (n,), optional
        Codes of what errors are clustered by, each pair within one; the pairs themselves when omitted.
    columns : sequence of int
        0 is the mean outcome in control, 1 the effect.
    """
    n, count = len(outcome), int(pairs.max()) + 1
    sign = np.where(treated, 1.0, -1.0)
    cell = 2 * pairs + treated
    share = weights / np.bincount(cell, weights=weights)[cell]  # within a pair's arm, sums to 1
    means = cluster_sums(share[:, None] * covariates, cell, 2 * count)
    control_x, treated_x = means[0::2], means[1::2]
    size = np.bincount(pairs, weights=weights)
    middle = (control_x + treated_x) / 2
    middle = middle - np.average(middle, axis=0, weights=size)
    design = np.hstack([np.ones((count, 1)), treated_x - control_x, *([middle] if interacted else [])])
    root = np.sqrt(size)
    level = cluster_sums(share * outcome, cell, 2 * count)
    responses = np.column_stack([level[0::2], level[1::2] - level[0::2]])[:, list(columns)]
    of_person = np.column_stack([(sign < 0) * share, sign * share])[:, list(columns)]
    by = None if groups is None else groups[np.unique(pairs, return_index=True)[1]]
    spread = share / 2 * n  # a pair's influence goes to its people by their weight in the difference
    found = []
    for response, person in zip(responses.T, of_person.T, strict=True):
        fit = least_squares(design * root[:, None], response * root)
        scaled = design[:, fit.kept] * root[:, None]
        weight = scaled @ fit.bread[0]  # of the pairs' scaled responses in the value
        if by is None:
            reduced, df = _by_pair(scaled, fit.bread, fit.leverage, fit.residuals, count * weight)
        else:
            reduced, df = bias_reduced(scaled, fit.bread, by, fit.residuals, count * weight[:, None])
        found.append(
            (
                fit.coefficients[0],
                spread * (weight * fit.residuals)[pairs],
                n * (weight * root)[pairs] * person,
                spread * reduced[pairs, 0] / count,
                df[0],
            )
        )
    value, influence, riesz, reduced_all, df_all = (np.array(part) for part in zip(*found, strict=True))
    return Gain(
        value=value,
        influence=influence.T,
        riesz=riesz.T,
        leverage=None,
        classical=None,
        reduced=reduced_all.T,
        reduced_df=df_all,
        parameters=1,
        dropped=fit.dropped - 1,
    )


def _by_pair(
    design: FloatArray, bread: FloatArray, leverage: FloatArray, residuals: FloatArray, riesz: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return what `bias_reduced` does where every row is a cluster of its own, for all rows at once."""
    stretch = 1.0 / np.sqrt(np.maximum(1.0 - leverage, ALONE)) * (1.0 - leverage > ALONE)
    weight = riesz * stretch
    reach = design * weight[:, None]
    square = bread @ (reach.T @ reach)
    own = np.einsum("gp,pq,gq->g", reach, bread, reach)
    norm = (weight**4).sum() - 2.0 * (weight**2 * own).sum() + np.trace(square @ square)
    df = ((weight**2).sum() - own.sum()) ** 2 / norm if norm > 0 else 1.0
    return (riesz * stretch * residuals)[:, None], np.array([df])


def similar_pairs_error(differences: ArrayLike, order: ArrayLike) -> float:
    """Return the error of a mean of pair differences when pairs that follow each other are alike.

    The variance of Bai, Romano and Shaikh (2022, section 3.2): it stays valid for people drawn from a population and is not
    conservative, if pairs were formed by, and are now ordered by, the same characteristics.

    Parameters
    ----------
    differences : array, shape (n_pairs,)
        Assigned less control.
    order : array, shape (n_pairs,)
        What the pairs are ordered by, such as their mean score before the programme.

    Examples
    --------
    >>> round(similar_pairs_error([1.0, 3.0, 2.0, 6.0], [1, 2, 3, 4]), 4)
    1.0308
    """
    values = np.asarray(differences, dtype=np.float64)[np.argsort(np.asarray(order), kind="stable")]
    count = len(values) - len(values) % 2
    # An odd last pair has no neighbour; it counts in the mean and in the mean square.
    products = (values[0:count:2] * values[1:count:2]).mean()
    variance = (values**2).mean() - (products + values.mean() ** 2) / 2
    return float(np.sqrt(max(variance, 0.0) / len(values)))
