"""All columns at once: how large differences are, how many are large, and whether predicted outcomes are balanced.

There is no test here: whether a difference is significant depends on how many people there are, so that a comparison that throws
people away passes more easily (Imai, King and Stuart 2008, J. Royal Statistical Society A 171(2), section 6.6). What matters is
how far apart the groups are in what predicts the outcome: the standardised difference of a predicted untreated outcome follows
the bias left more closely than any other summary (Stuart, Lee and Leacy 2013, J. Clinical Epidemiology 66(8), S84–S90).
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from counterfoil.estimators.balance import LARGEST
from counterfoil.estimators.comparisons.balance_result import BalanceTable
from counterfoil.estimators.comparisons.balance_table import balance_table
from counterfoil.estimators.comparisons.compared import Compared

PROGNOSTIC = "predicted untreated outcome"
"""What a row of prognostic balance is called."""


def joint_balance(table: BalanceTable) -> pd.DataFrame:
    """Return one row a term that sums up all its columns; of everybody, not of groups.

    Returns
    -------
    DataFrame
        Columns term, columns (how many), then before and after each: largest and mean (of absolute standardised differences),
        apart (columns with a difference of .1 or more); and worst (the column that is least alike after).

    Examples
    --------
    >>> rows = pd.DataFrame(
    ...     {"term": "gain", "group": "", "covariate": ["age", "need"], "smd_before": [0.5, -0.3], "smd_after": [0.02, -0.2]}
    ... )
    >>> joint_balance(BalanceTable(rows, rows, None, (), "att"))[["largest_before", "mean_after", "apart_after"]]
       largest_before  mean_after  apart_after
    0             0.5        0.11            1
    """
    rows = []
    for term, own in table.overall.groupby("term", sort=False):
        size = {stage: own[f"smd_{stage}"].abs().to_numpy() for stage in ("before", "after")}
        rows.append(
            {
                "term": term,
                "columns": len(own),
                **{f"largest_{stage}": float(value.max()) for stage, value in size.items()},
                **{f"mean_{stage}": float(value.mean()) for stage, value in size.items()},
                **{f"apart_{stage}": int((value >= LARGEST).sum()) for stage, value in size.items()},
                "worst": own["covariate"].iloc[int(np.argmax(size["after"]))],
            }
        )
    return pd.DataFrame(rows)


def prognostic_balance(compared: Compared, predicted: ArrayLike) -> pd.DataFrame:
    """Return how alike the groups are in what their outcome would be without treatment, as predicted.

    Parameters
    ----------
    compared : Compared
    predicted : array, shape (n,)
        In the order of ``compared.sample.study.ids``: from outcomes of an earlier period or of other people, so that the comparison
        is still made without outcomes; or from a model fitted to the untreated only, which must then not change the comparison.

    Returns
    -------
    DataFrame
        The rows of `BalanceTable.tidy` for the prediction: one a term.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Weighting
    >>> made = Weighting(treated="assigned", covariates=("age", "educ", "nodegree")).build(cf.datasets.load("nsw"))
    >>> earlier = made.sample.study.column("re75").to_numpy()
    >>> prognostic_balance(made, earlier)["smd_after"].round(3).tolist()
    [0.091]
    """
    rows = balance_table(compared, functions={PROGNOSTIC: predicted}).overall
    return rows[rows["covariate"] == PROGNOSTIC].reset_index(drop=True)
