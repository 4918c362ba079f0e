"""Whom a handful of people stand for: levels that one group hardly has, and that its weights are to represent all the same.

An error seen among one or five people of a level is too small by chance, however large the sample is; counts are not shown.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from counterfoil.datasets.disclosure import SMALL_CELL, shown
from counterfoil.errors import Problem
from counterfoil.estimators.comparisons.comparison_design import Estimand
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample

HANDFUL: Final = 5


def rare_levels(sample: ComparisonSample, estimand: Estimand) -> Sequence[Problem]:
    """Return EST-004 for each mark of 0 and 1 that at most five people of a weighted group have, and many of another.

    Parameters
    ----------
    sample : ComparisonSample
    estimand : str
        For the treated only the untreated are weighted, for the untreated only the treated.

    Examples
    --------
    >>> import pandas as pd
    >>> from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
    >>> from counterfoil.estimators.comparisons.comparison_sample import draw_comparison
    >>> people = pd.DataFrame({"y": 0.0, "a": [0] * 40 + [1] * 40, "north": [1] * 20 + [0] * 58 + [1] * 2})
    >>> sample = draw_comparison(ComparisonDesign(outcome="y", treated="a", covariates=("north",)), people)
    >>> [problem.what for problem in rare_levels(sample, "atc")]
    ["'north' holds for <11 people of treated, who stand for all who are like them"]
    """
    sides = {"att": (0,), "atc": sample.arms.chosen}.get(estimand, (0, *sample.arms.chosen))
    found = []
    for j in np.flatnonzero([np.isin(column, (0.0, 1.0)).all() for column in sample.adjusting.values.T]).tolist():
        held = np.bincount(sample.codes[sample.adjusting.values[:, j] == 1.0], minlength=len(sample.arms.labels))
        for side in sides:
            if 0 < held[side] <= HANDFUL and held.sum() - held[side] >= SMALL_CELL:
                name = sample.adjusting.names[j]
                who = f"{shown(int(held[side]))} people of {sample.arms.labels[side]}"
                what = f"'{name}' holds for {who}, who stand for all who are like them"
                found.append(Problem("EST-004", what, f"people, column '{sample.adjusting.covariates[j]}'"))
    return found
