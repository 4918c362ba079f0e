"""Who gains and whom nobody serves: the total gain by group of people, and how many of each group were served.

The gain of a group is the same functional over the group's people; the model is fitted on everybody.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from counterfoil.datasets.disclosure import SMALL_CELL, suppress_counts
from counterfoil.errors import refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.kernel import GrandTotal


def gain_by_group(fit: ContributionFit, column: str, conf_level: float = 0.95) -> pd.DataFrame:
    """Return the gain per person, and the fraction that nobody served, by group of people.

    Parameters
    ----------
    fit : ContributionFit
    column : str
        Column of people with few distinct values, such as a site or a band of need.
    conf_level : float

    Returns
    -------
    DataFrame
        Columns group, people, unserved (fraction of the group that no provider served), estimate (gain per person of the
        group, served or not), std_error, conf_low, conf_high; intervals hold together. Groups of fewer than 11 people
        are left out, and small counts suppressed.

    Raises
    ------
    EstimationError
        EST-009 when an unconfounded, augmented fit does not adjust for the column, or every group is small.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> fit = Contribution(outcome="takeup", cluster="address").fit(cf.datasets.load("rice"))
    >>> gain_by_group(fit, "risk_averse").columns.tolist()
    ['group', 'people', 'unserved', 'estimate', 'std_error', 'conf_low', 'conf_high']
    """
    if fit.surface.propensity is not None and column not in fit.spec.covariates:
        raise refusal("EST-009", f"the gain by '{column}' needs that column among the covariates", "estimator")
    codes, names = fit.sample.study.groups(column)
    counts = np.bincount(codes)
    unserved = np.bincount(codes, weights=~fit.served.any(axis=1)) / counts
    kept = np.flatnonzero(counts >= SMALL_CELL)
    weights = fit.surface.weights
    influences, values = [], []
    for group in kept:
        inside = (codes == group).astype(np.float64)
        found = fit.estimate(fit.applied(GrandTotal(), inside), ("gain",), "term")
        share = float((weights * inside).mean())
        value = float(found.values[0]) / share
        moved = (weights * (inside - share) * value)[:, None] if fit.spec.target == "population" else 0.0
        influences.append((found.scores() - moved) / share)
        values.append(value)
    if not len(kept):
        raise refusal("EST-009", f"every group of '{column}' has fewer than {SMALL_CELL} people", "people")
    total = fit.total()
    labels = tuple(str(names[group]) for group in kept)
    joint = replace(
        total,
        terms=labels,
        values=np.array(values),
        influence=np.hstack(influences),
        spread=None,
        riesz=None,
        leverage=None,
        classical=None,
        reduced=None,
        # The scores hold the corrections of the fit's own error type already.
        error_type="HC0" if total.clusters is None else "CR0",
        estimand="gain per person of the group",
    )
    low, high = joint.interval(conf_level, simultaneous=True).T
    return pd.DataFrame({
        "group": labels,
        "people": np.array(suppress_counts(counts))[kept],
        "unserved": unserved[kept],
        "estimate": joint.values,
        "std_error": joint.std_error,
        "conf_low": low,
        "conf_high": high,
    })  # fmt: skip
