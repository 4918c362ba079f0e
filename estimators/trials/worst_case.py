"""Bounds on an effect that assume nothing of people without an outcome but the range that outcomes can have.

Estimand: the effect of assignment on everybody drawn. The lower bound gives every lost person of the programme the worst
outcome and every lost person of control the best, the upper bound the reverse; each is an experiment with nobody missing,
so that blocks, covariates, weights and clusters count as they do there. Source: Horowitz and Manski (2000),
*Nonparametric analysis of randomized experiments with missing covariate and outcome data*, Journal of the American
Statistical Association 95(449), 77-84.
"""

import numpy as np
import pandas as pd

from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.stack import stack
from counterfoil.estimators.trials.filled import filled, outcome_if_any
from counterfoil.estimators.trials.outcome_bounds import OutcomeBounds


def worst_case(spec: Experiment, data: Study | pd.DataFrame, outcome_range: tuple[float, float]) -> OutcomeBounds:
    """Bound the effect by the worst and best that lost people could have had.

    Parameters
    ----------
    spec : Experiment
        Its ``attrition`` is not used.
    data : Study or DataFrame
    outcome_range : (float, float)
        Smallest and largest outcome that anybody could have, in the outcome's units.

    Raises
    ------
    EstimationError
        EST-026 when the range is empty or does not hold every outcome seen.
    CounterfoilError
        As `Experiment.fit`.

    Examples
    --------
    >>> frame = pd.DataFrame({"assigned": [0, 1] * 50, "jobs": [0.0, 1.0] * 50})
    >>> frame.loc[frame.index[:20], "jobs"] = float("nan")
    >>> found = worst_case(Experiment(outcome="jobs"), frame, (0, 1))
    >>> round(found.low, 3), round(found.high, 3)
    (0.6, 1.0)
    """
    bottom, top = outcome_range
    study, outcome = outcome_if_any(spec, data)
    seen = outcome[~np.isnan(outcome)]
    outside = int(((seen < bottom) | (seen > top)).sum())
    if not bottom < top or outside:
        what = f"{outside} outcomes lie outside" if outside else "there is nothing between the ends of"
        raise refusal("EST-026", f"{what} the range stated", "estimator")
    lost = np.isnan(outcome)
    # An arm that is not known is left out, or refused, by the experiment itself.
    treated = np.asarray(pd.to_numeric(study.column(spec.assigned, complete=False), errors="coerce") == 1)
    complete = spec.model_copy(update={"attrition": None})
    fits = [
        complete.fit(filled(spec, study, np.where(lost, np.where(treated, mine, other), outcome)))
        for mine, other in ((bottom, top), (top, bottom))
    ]
    ends = stack(fits, ["low", "high"]).contrast(np.eye(2), ["low", "high"])
    return OutcomeBounds(
        ends=ends,
        method="worst-case bounds (Horowitz and Manski)",
        assumption=f"every outcome lies between {bottom:g} and {top:g}",
        warnings=ends.warnings,
        diagnostics={"people_in": study.n_people, "without_outcome": int(lost.sum())},
    )
