"""Bounds on the effect on people who would have an outcome in either arm, where more are lost from one arm.

Estimand: the average effect of assignment on the people whose outcome would be known whether assigned or not. It needs
random assignment, and that assignment moves whether an outcome is known in one direction only. The arm with more
outcomes then holds people whom the other arm lost; cutting as large a share of its outcomes from the top, or from the
bottom, gives the two ends. Within groups of a covariate the ends are at least as close, in large samples.

Errors hold for the estimated share and cut-off too. Outcomes tied at the cut-off are cut in part, so that no order of
rows matters. Source: Lee (2009), *Training, wages, and sample selection: estimating sharp bounds on treatment effects*,
Review of Economic Studies 76(3), 1071-1102, propositions 1 to 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.study import Study
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment, check_clusters
from counterfoil.estimators.spec import draw_sample
from counterfoil.estimators.trials.arms import read_arms
from counterfoil.estimators.trials.attrition_table import attrition_warning
from counterfoil.estimators.trials.filled import filled, outcome_if_any, responders
from counterfoil.estimators.trials.outcome_bounds import OutcomeBounds


def lee_bounds(spec: Experiment, data: Study | pd.DataFrame, tighten_by: Sequence[str] = ()) -> OutcomeBounds:
    """Bound the effect by cutting the arm that kept more outcomes.

    Parameters
    ----------
    spec : Experiment
        Its blocks are groups too; its covariates and ``attrition`` are not used.
    data : Study or DataFrame
    tighten_by : sequence of str
        Columns of people, known before the programme, whose combinations are groups.

    Returns
    -------
    OutcomeBounds
        With an influence value for everybody drawn; with EST-024 where the arms lost people unequally, or groups disagree
        on which arm kept more.

    Raises
    ------
    EstimationError
        EST-026 when an arm of a group has nobody with an outcome, EST-001 for an error type other than HC0, HC1, CR0, CR1.
    IdentificationError
        IDENT-001 and IDENT-006 as in `Experiment.fit`.

    Examples
    --------
    >>> frame = pd.DataFrame({"assigned": [0, 1] * 40, "wage": np.arange(80.0)})
    >>> frame.loc[frame.index[:32:2], "wage"] = float("nan")
    >>> found = lee_bounds(Experiment(outcome="wage", missing="drop"), frame)
    >>> round(found.low, 6), round(found.high, 6), found.diagnostics["cut"]
    (-31.0, 1.0, 0.4)
    """
    everybody, seen = outcome_if_any(spec, data)
    asked = spec.model_copy(update={"covariates": (), "attrition": None})
    sample = draw_sample(asked, filled(spec, everybody, np.nan_to_num(seen)))
    study = sample.study
    responded = responders(everybody, study, seen)
    assigned = read_arms(study, spec.assigned).codes > 0
    cluster, error_type = spec.errors_on(study, unclustered="HC1")
    clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
    check_clusters(clusters, assigned)
    columns = [*filter(None, (spec.blocks,)), *tighten_by]
    groups = _groups(study, columns)
    _refuse_empty(groups, assigned, responded)
    outcome = study.outcome(spec.outcome, spec.period)
    n, n_groups = len(outcome), int(groups.max()) + 1
    ends, shares = np.empty((n_groups, 2)), np.empty(n_groups)
    influence, moves = np.zeros((n, 2)), np.zeros((n, n_groups))
    cut, more = np.empty(n_groups), np.empty(n_groups, dtype=bool)
    for g in range(n_groups):
        who = groups == g
        part = trim(outcome[who], responded[who], assigned[who], sample.weights[who])
        held = sample.weights[who].sum() / n
        size = n / who.sum()
        ends[g], shares[g] = part.ends, held * part.kept
        # A group's share of people known in either arm: its size times the smaller rate.
        moves[:, g] = -shares[g]
        moves[who, g] += sample.weights[who] * part.kept + held * size * part.kept_influence
        influence[who] += shares[g] * size * part.influence
        cut[g], more[g] = part.cut, part.treated_more
    total = shares.sum()
    values = shares @ ends / total
    influence = (influence + moves @ (ends - values)) / total
    found = Estimate(
        terms=("low", "high"),
        values=values,
        ids=study.ids,
        influence=influence,
        clusters=clusters,
        cluster_names=cluster_names,
        cluster_by=cluster,
        parameters=2 * n_groups,
        error_type=error_type,
        outcome=spec.outcome or study.outcome_names[0],
        estimand="bounds on the effect of assignment on people whose outcome would be known in either arm",
        people=int(assigned.sum()),
        population="people assigned to the programme",
    ).using(error_type)
    disagree = min(int(more[cut > 0].sum()), int((~more[cut > 0]).sum()))
    warnings = (*sample.warnings, *attrition_warning(spec.model_copy(update={"missing": "drop"}), everybody))
    if disagree:
        what = (
            f"in {disagree} of {n_groups} groups the other arm kept more outcomes, which one direction does not allow"
        )
        warnings = (*warnings, Problem("EST-024", what, "people"))
    kept_by = "treated" if more[np.argmax(shares)] else "control"
    return OutcomeBounds(
        ends=found,
        method="Lee bounds" + (f" within {n_groups} groups" if n_groups > 1 else ""),
        assumption="assignment moves whether an outcome is known in one direction only",
        warnings=warnings,
        diagnostics={
            **sample.counts,
            "with_outcome": int(responded.sum()),
            "cut": float(shares @ cut / total),
            "cut_arm": kept_by,
            "groups": n_groups,
        },
    )


@dataclass(frozen=True, slots=True, eq=False)
class Trimmed:
    """The ends in one group of m people, and how each of its people moves them.

    Parameters
    ----------
    ends : ndarray, shape (2,)
    influence : ndarray, shape (m, 2)
        Mean zero; the mean over the group is the error.
    kept : float
        The smaller rate of known outcomes: the share of people known in either arm.
    kept_influence : ndarray, shape (m,)
    cut : float
        Share of outcomes cut from the arm that kept more.
    treated_more : bool
        Whether the programme's arm kept more.
    """

    ends: FloatArray
    influence: FloatArray
    kept: float
    kept_influence: FloatArray
    cut: float
    treated_more: bool


def trim(
    outcome: FloatArray, responded: NDArray[np.bool_], assigned: NDArray[np.bool_], weights: FloatArray
) -> Trimmed:
    """Return the bounds of one group.

    Parameters
    ----------
    outcome : ndarray, shape (m,)
        Any number where there is none.
    responded, assigned : ndarray of bool, shape (m,)
    weights : ndarray, shape (m,)
        Positive.

    Examples
    --------
    >>> arm = np.array([True, True, False, False])
    >>> trim(np.array([1.0, 5.0, 2.0, 0.0]), np.array([True, True, True, False]), arm, np.ones(4)).ends
    array([-1.,  3.])
    """
    m = len(outcome)
    rates, rate_moves = [], []
    for arm in (assigned, ~assigned):
        total = weights[arm].sum()
        rate = float((weights * responded)[arm].sum() / total)
        rates.append(rate)
        rate_moves.append(m * weights * arm * (responded - rate) / total)
    treated_more = rates[0] >= rates[1]
    more, less = (0, 1) if treated_more else (1, 0)
    kept = rates[less] / rates[more]
    kept_moves = kept * (rate_moves[less] / rates[less] - rate_moves[more] / rates[more])
    arms = (assigned, ~assigned)
    whole = arms[less] & responded
    total = weights[whole].sum()
    mean = float(weights[whole] @ outcome[whole] / total)
    mean_moves = m * weights * whole * (outcome - mean) / total
    ends, influence = np.empty(2), np.empty((m, 2))
    # The lowest of the outcomes give the lower end where the programme's arm is cut, the upper end where control is.
    for side in (1.0, -1.0):
        value, moves = _lowest(side * outcome, arms[more] & responded, weights, kept, kept_moves)
        sign = 1.0 if treated_more else -1.0
        end = 0 if side * sign > 0 else 1
        ends[end] = sign * (side * value - mean)
        influence[:, end] = sign * (side * moves - mean_moves)
    return Trimmed(ends, influence, rates[less], rate_moves[less], 1.0 - kept, bool(treated_more))


def _lowest(
    outcome: FloatArray, used: NDArray[np.bool_], weights: FloatArray, kept: float, kept_moves: FloatArray
) -> tuple[float, FloatArray]:
    """Return the mean of the lowest ``kept`` share of outcomes, and its influence (m,), with the share estimated."""
    values, shares = outcome[used], weights[used] / weights[used].sum()
    order = np.argsort(values, kind="stable")
    below = np.cumsum(shares[order])
    taken = np.clip(kept - (below - shares[order]), 0.0, shares[order])
    mean = float(taken @ values[order] / kept)
    cutoff = float(values[order][min(int(np.searchsorted(below, kept - 1e-12)), len(values) - 1)])
    moves = np.zeros(len(outcome))
    moves[used] = len(outcome) * shares * (np.minimum(values - cutoff, 0.0) / kept - (mean - cutoff))
    return mean, moves + (cutoff - mean) / kept * kept_moves


def _groups(study: Study, columns: Sequence[str]) -> NDArray[np.intp]:
    if not columns:
        return np.zeros(study.n_people, dtype=np.intp)
    joint = np.stack([study.codes(name) for name in columns], axis=1)
    return np.asarray(np.unique(joint, axis=0, return_inverse=True)[1], dtype=np.intp).ravel()


def _refuse_empty(groups: NDArray[np.intp], assigned: NDArray[np.bool_], responded: NDArray[np.bool_]) -> None:
    counts = [np.bincount(groups[arm & responded], minlength=groups.max() + 1) for arm in (assigned, ~assigned)]
    empty = int((np.array(counts) == 0).any(axis=0).sum())
    if empty:
        raise refusal("EST-026", f"{empty} of {groups.max() + 1} groups have an arm without any outcome", "people")
