"""The estimate from sets of many people: exact and coarsened exact matching, and subclassification.

Errors are those of the differences within sets and of how sets differ (``stratum_effect``): HC2 unless another is asked for, or by
cluster.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.comparisons.compared import as_estimate
from counterfoil.estimators.covariance import FloatArray, leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.matching.matches import Positions, Strata
from counterfoil.estimators.matching.stratum_effect import stratum_effect

if TYPE_CHECKING:
    from counterfoil.estimators.matching.matched import Matched

STRATIFIED: Final = frozenset({"exact", "coarsened_exact", "subclassification"})
"""Methods whose sets have many people of both groups, so that outcomes vary within a set and group."""


def measure_within(matched: "Matched", outcome: FloatArray, name: str) -> Estimate:
    """Return the effect on an outcome (n,) by differences within sets.

    Raises
    ------
    EstimationError
        EST-001 when a group has one person in all sets, or the error type is not defined; EST-003 with as many means and slopes as people.
    """
    spec, sample, strata = matched.spec, matched.sample, matched.matches
    if not isinstance(strata, Strata):
        raise TypeError("effects within sets need sets")
    inside = strata.sets >= 0
    for code, word in ((0, "untreated"), (1, "treated")):
        if (inside & (strata.group == code)).sum() < 2:
            what = f"one {word} person is in a set, so that nothing says how much such people vary"
            raise refusal("EST-001", what, "estimator", "use fewer or coarser covariates")
    adjusting = sample.adjusting
    chosen = adjusting.of(spec.adjusted)
    spread = adjusting.values.std(axis=0)
    places = adjusting.values / np.where(spread > 0, spread, 1.0)
    if not places.shape[1]:
        places = np.zeros((sample.n, 1))
    columns = adjusting.values[:, chosen]
    found = stratum_effect(outcome, strata, places, columns if len(chosen) else None)
    used = int(inside.sum())
    if used <= found.parameters:
        raise refusal("EST-003", f"{shown(used)} people in sets for {found.parameters} means and slopes", "estimator")
    error_type = spec.vcov or ("HC2" if sample.clusters is None else sample.error_type)
    estimate = as_estimate(
        sample,
        spec.estimand,
        np.array([found.value]),
        found.influence[:, None],
        outcome=name,
        parameters=found.parameters,
        observations=used,
        degrees=float(used - found.parameters) if sample.clusters is None else None,
        spread=found.spread[:, None],
        riesz=found.riesz[:, None],
        leverage=leverage_that_matters(found.leverage, found.riesz[:, None]),
        warnings=(*matched.warnings, *_flat(matched, columns, chosen), *_borrowed(int(found.alone.sum()))),
        diagnostics={**matched.counts, "alone_in_a_set": int(found.alone.sum())},
    )
    return estimate.using(error_type)


def _borrowed(alone: int) -> tuple[Problem, ...]:
    if not alone:
        return ()
    what = (
        f"{shown(alone)} people are the only ones of their group in a set: their part of the error is taken from the "
        "nearest people of the same group"
    )
    return (Problem("EST-004", what, "estimator", "use fewer or coarser covariates, or merge levels"),)


def _flat(matched: "Matched", columns: FloatArray, chosen: Positions) -> tuple[Problem, ...]:
    """Return EST-005 for covariates in which nobody differs within sets."""
    strata = matched.matches
    sets = strata.sets
    if sets is None or not len(chosen):
        return ()
    inside = np.flatnonzero(sets >= 0)
    cell = 2 * sets[inside] + matched.sample.codes[inside]
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    ordered = columns[inside][order]
    wide = np.maximum.reduceat(ordered, starts) - np.minimum.reduceat(ordered, starts)
    return tuple(
        Problem("EST-005", f"column '{matched.sample.adjusting.names[j]}' tells nobody apart within sets", "estimator")
        for j, apart in zip(chosen.tolist(), wide.max(axis=0).tolist(), strict=True)
        if apart == 0
    )
