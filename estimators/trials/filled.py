"""A study in which people without an outcome are given one, for methods that ask what if."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from counterfoil.datasets.study import Study
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.spec import Design, as_study


def outcome_if_any(spec: Design, data: Any) -> tuple[Study, FloatArray]:
    """Return the study and the outcome (n_people,), NaN for people who have none.

    Raises
    ------
    DataError
        As `Study.outcome`, apart from values that are missing.
    """
    study = as_study(spec, data)
    return study, study.outcome(spec.outcome, spec.period, complete=False)


def filled(spec: Design, study: Study, outcome: FloatArray) -> Study:
    """Return the study with only this outcome, shape (n_people,), complete, under the names that the design asks for.

    Examples
    --------
    >>> from counterfoil.estimators import Experiment
    >>> study, seen = outcome_if_any(Experiment(outcome="y"), pd.DataFrame({"assigned": [0, 1], "y": [2.0, None]}))
    >>> filled(Experiment(outcome="y"), study, np.nan_to_num(seen, nan=9.0)).outcome("y")
    array([2., 9.])
    """
    table = pd.DataFrame(
        {
            "person": study.ids,
            "outcome": spec.outcome or study.outcome_names[0],
            "period": spec.period,
            "value": outcome,
        }
    )
    if spec.period is None:
        table = table.drop(columns="period")
    made = Study.from_tables(study.people[["person"]], outcomes=table)
    return replace(study, outcomes=made.outcomes, digests={})


def responders(study: Study, used: Study, outcome: FloatArray) -> NDArray[np.bool_]:
    """Return which people of a part of the study have an outcome, shape (used.n_people,)."""
    return np.asarray(~np.isnan(outcome[np.isin(study.ids, used.ids)]))
