"""The effect of a lottery on everybody drawn, where some have no outcome: those like them count for them.

Estimand: as in the experiment, for everybody drawn. Each person with an outcome is weighted by one over the chance of
having one, from a logistic regression in each arm by itself on the columns that the contract names. It needs random
assignment, and that among people of one arm who are alike in these columns chance decided who was lost (missing at
random), with nobody certain to be lost.

The chances are estimated, and the influence values say so: the logit's scores enter through what they move the effect,
which as a rule makes the error smaller than if the chances were known. Sources: Horvitz and Thompson (1952); Robins,
Rotnitzky and Zhao (1995), Journal of the American Statistical Association 90(429), 106-121; Wooldridge (2007), *Inverse
probability weighted estimation for general missing data problems*, Journal of Econometrics 141(2), 1281-1301.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem, listed, refusal
from counterfoil.estimators.covariance import FloatArray, leverage_that_matters
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment, check_clusters
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.propensity import pattern_propensity
from counterfoil.estimators.spec import draw_sample
from counterfoil.estimators.trials.arms import read_arms
from counterfoil.estimators.trials.attrition_table import attrition_warning
from counterfoil.estimators.trials.few_treated_warning import few_treated_warning
from counterfoil.estimators.trials.filled import filled, outcome_if_any, responders
from counterfoil.estimators.trials.lottery_design import lottery_design

COLUMNS: Final = {"control mean": 0, "gain": 1}
"""Where the regression has its coefficients."""


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Chances of having an outcome.

    Parameters
    ----------
    chance : ndarray, shape (n,)
    score : ndarray, shape (n, q)
        Scores of the logits of both arms, by person, in independent columns.
    columns : ndarray, shape (n, q)
        The columns that the scores belong to, zero in the other arm.
    bread : ndarray, shape (q, q)
        Inverse information: ``score @ bread`` is each person's part in the error of the coefficients.
    """

    chance: FloatArray
    score: FloatArray
    columns: FloatArray
    bread: FloatArray


def response_chances(
    responded: NDArray[np.bool_], assigned: NDArray[np.bool_], covariates: FloatArray, weights: FloatArray
) -> Response:
    """Fit who has an outcome, in each arm by itself.

    Parameters
    ----------
    responded, assigned : ndarray of bool, shape (n,)
    covariates : ndarray, shape (n, p)
    weights : ndarray, shape (n,)

    Raises
    ------
    EstimationError
        EST-026 when nobody of an arm has an outcome, EST-002 when a covariate separates who has one.

    Examples
    --------
    >>> old = np.tile([0.0, 0.0, 1.0, 1.0], 10)[:, None]
    >>> seen, assigned = np.tile([True, True, True, False], 10), np.arange(40) < 20
    >>> response_chances(seen, assigned, np.where(assigned[:, None], old, 0.0), np.ones(40)).chance[-1].round(3)
    np.float64(0.75)
    """
    n = len(responded)
    chance = np.ones(n)
    columns = []
    scale = covariates.std(axis=0)
    varies = scale > 0
    standard = (covariates[:, varies] - covariates[:, varies].mean(axis=0)) / scale[varies]
    for arm, name in ((assigned, "assigned"), (~assigned, "control")):
        answered = responded[arm]
        if not answered.any():
            raise refusal("EST-026", f"nobody of the {name} arm has an outcome", "people")
        if answered.all():
            continue
        of = f"who of the {name} arm has an outcome"
        chance[arm] = pattern_propensity(answered.astype(np.intp), standard[arm], weights[arm], of)[:, 1]
        columns.append(arm[:, None] * np.column_stack([np.ones(n), standard]))
    if not columns:
        return Response(chance, np.empty((n, 0)), np.empty((n, 0)), np.empty((0, 0)))
    design = np.hstack(columns)
    root = np.sqrt(weights * chance * (1.0 - chance))
    fit = least_squares(design * root[:, None], np.zeros(n))
    kept = design[:, fit.kept]
    return Response(chance, (weights * (responded - chance))[:, None] * kept, kept, fit.bread)


def response_weighted(spec: Experiment, data: Any, terms: Sequence[str] = ("gain",)) -> Estimate:
    """Estimate the effect of assignment with people weighted by one over their chance of having an outcome.

    Parameters
    ----------
    spec : Experiment
        With ``attrition`` and ``missing: drop``; slopes and levels are taken at the means of everybody drawn.
    data : Study or DataFrame
    terms : sequence of str
        Of ``control mean`` and ``gain``.

    Returns
    -------
    Estimate
        An influence value for everybody drawn who has the columns used, with or without an outcome. ``diagnostics`` says
        ``std_error_known`` of the first term asked for: what the error were if the chances were known.

    Raises
    ------
    CounterfoilError
        As `Experiment.fit`, and as `response_chances`.

    Examples
    --------
    Half of the older people of control are lost, so that the others of them count twice.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"assigned": [0, 1] * 40, "old": [0, 0, 1, 1] * 20})
    >>> frame["jobs"] = 4.0 * frame["old"] + frame["assigned"] + frame.index // 8 % 2
    >>> frame.loc[(frame.index % 16 == 2) | (frame.index % 16 == 14), "jobs"] = float("nan")
    >>> spec = Experiment(outcome="jobs", missing="drop")
    >>> spec.fit(frame).values.round(2), response_weighted(
    ...     Experiment(outcome="jobs", missing="drop", attrition={"weight_by": ["old"]}), frame
    ... ).values.round(2)
    (array([1.67]), array([1.]))
    """
    if spec.attrition is None:
        raise ValueError("the experiment names no attrition")
    everybody, seen = outcome_if_any(spec, data)
    sample = draw_sample(spec, filled(spec, everybody, np.nan_to_num(seen)))
    study = sample.study
    responded = responders(everybody, study, seen)
    cluster, error_type = spec.errors_on(study, unclustered="HC2")
    assigned = read_arms(study, spec.assigned).codes > 0
    clusters, cluster_names = (None, None) if cluster is None else study.groups(cluster)
    check_clusters(clusters, assigned)
    blocks = None if spec.blocks is None else study.codes(spec.blocks)
    if blocks is not None:
        _refuse_lost_blocks(blocks, assigned, responded)
    predictors, names = study.covariates(spec.attrition.weight_by)
    response = response_chances(responded, assigned, predictors, sample.weights)
    covariates, _ = study.covariates(spec.covariates)
    arms = assigned.astype(np.float64)[:, None]
    design = lottery_design(arms, blocks, covariates, spec.adjustment == "interacted", sample.weights).matrix
    weights = np.where(responded, sample.weights / response.chance, 0.0)
    outcome = study.outcome(spec.outcome, spec.period)
    level = float(np.average(outcome, weights=weights))
    n, root = len(outcome), np.sqrt(weights)
    fit = least_squares((design * root[:, None])[responded], ((outcome - level) * root)[responded])
    asked = np.array([COLUMNS[term] for term in terms])
    riesz = n * (design[:, fit.kept] @ fit.bread[:, asked]) * weights[:, None]
    residuals = np.where(responded, outcome - level - design[:, fit.kept] @ fit.coefficients, 0.0)
    # How the logit's coefficients move each value: a larger chance takes weight from the residual.
    moved = -((riesz * (residuals * (1.0 - response.chance))[:, None]).T @ response.columns)
    spread = response.score @ response.bread @ moved.T
    leverage = np.zeros(n)
    leverage[responded] = fit.leverage
    known = Estimate(
        terms=tuple(terms),
        values=fit.coefficients[asked] + level * (asked == 0),
        ids=study.ids,
        influence=riesz * residuals[:, None],
        riesz=riesz,
        leverage=leverage_that_matters(leverage, riesz),
        clusters=clusters,
        cluster_names=cluster_names,
        cluster_by=cluster,
        parameters=fit.rank,
        error_type=error_type,
        target="sample" if blocks is not None or spec.covariates else "either",
        outcome=spec.outcome or study.outcome_names[0],
        estimand="effect of assignment (intention to treat)",
        people=int(assigned.sum()),
        population="people assigned to the programme",
        warnings=(
            *sample.warnings,
            *_weighted(int((~responded).sum()), names, predictors, spec.attrition.weight_by),
            *attrition_warning(spec, everybody),
            *(() if clusters is None else few_treated_warning(clusters, assigned)),
        ),
        diagnostics={
            "assigned": int(assigned.sum()),
            "control": int((~assigned).sum()),
            **sample.counts,
            "with_outcome": int(responded.sum()),
            "effective_with_outcome": float(weights.sum() ** 2 / (weights**2).sum()),
            "smallest_chance": float(response.chance[responded].min()),
        },
    ).using(error_type)
    return replace(
        known,
        influence=riesz * residuals[:, None] + spread,
        spread=spread,
        diagnostics={**known.diagnostics, "std_error_known": float(known.std_error[0])},
    )


def _refuse_lost_blocks(blocks: NDArray[np.intp], assigned: NDArray[np.bool_], responded: NDArray[np.bool_]) -> None:
    held = [np.bincount(blocks[arm & responded], minlength=blocks.max() + 1) for arm in (assigned, ~assigned)]
    empty = (np.array(held) == 0).any(axis=0)
    if empty.any():
        what = f"{int(empty.sum())} of {len(empty)} blocks have people with an outcome in one arm only"
        raise refusal("IDENT-007", what)


def _weighted(lost: int, names: Sequence[str], predictors: FloatArray, asked: Sequence[str]) -> tuple[Problem, ...]:
    """Say that people are weighted, and by which columns they are not."""
    constant = [
        name.partition("=")[0] for name, spread in zip(names, np.ptp(predictors, axis=0), strict=True) if spread == 0
    ]
    found: list[Problem] = []
    if lost:
        what = f"{shown(lost)} people without an outcome are made up for by those of their arm alike in {listed(asked)}"
        found.append(Problem("EST-016", what, "people"))
    if constant:
        found.append(
            Problem("EST-005", f"left out of who has an outcome: {listed(sorted(set(constant)))}", "estimator")
        )
    return tuple(found)
