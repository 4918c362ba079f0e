"""What partners still differ in, adjusted for by a regression among the partners.

A focal person's counterpart becomes Σ_j w_ij {Y_j + (X_i − X_j)′γ̂}, with γ̂ from a regression of the partners' outcomes on X,
weighted by how often each is used: Abadie and Imbens (2011), *Bias-corrected matching estimators for average treatment effects*,
Journal of Business & Economic Statistics 29(1), section 3.
"""

from dataclasses import dataclass

import numpy as np

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.matching.matches import Matches, Positions


@dataclass(frozen=True, slots=True, eq=False)
class BiasAdjustment:
    """Regressions among partners.

    Parameters
    ----------
    along : ndarray, shape (n, 2)
        X′γ̂ of everybody by the regression in each group; zeros without adjustment.
    carried : ndarray, shape (n,)
        What each person's outcome carries as a partner, the regression's part included.
    parameters : int
    warnings : tuple of Problem
        EST-005 for columns that are the same for all partners, or a combination of others among them.
    """

    along: FloatArray
    carried: FloatArray
    parameters: int = 0
    warnings: tuple[Problem, ...] = ()


def adjust(
    matches: Matches,
    own: FloatArray,
    group: Positions,
    columns: FloatArray,
    names: tuple[str, ...],
    outcome: FloatArray,
) -> BiasAdjustment:
    """Regress outcomes among partners of each group.

    Parameters
    ----------
    matches : Matches
    own : ndarray, shape (n,)
        What each matched focal person counts.
    group : ndarray of int, shape (n,)
        0 or 1.
    columns : ndarray, shape (n, p)
        What to adjust for; none leaves everything as it is.
    names : tuple of str
    outcome : ndarray, shape (n,)

    Raises
    ------
    EstimationError
        EST-003 when there are not more partners than columns.

    Examples
    --------
    >>> from counterfoil.estimators.matching.matches import Pairs
    >>> pairs = Pairs(4, np.array([0]), np.array([1]), np.ones(1))
    >>> adjust(pairs, np.array([1.0, 0, 0, 0]), np.array([1, 0, 0, 0]), np.empty((4, 0)), (), np.ones(4)).carried.tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    carried = matches.carried(own)
    along, full = np.zeros((len(own), 2)), carried.copy()
    if not columns.shape[1]:
        return BiasAdjustment(along, full)
    gap = own[:, None] * (columns - matches.counterpart(columns)) * matches.matched[:, None]
    parameters, dropped = 0, set()
    for code in (0, 1):
        used = (group == code) & (carried > 0)
        if not used.any():
            continue
        if used.sum() <= columns.shape[1] + 1:
            what = f"the bias adjustment has {columns.shape[1]} columns and {shown(int(used.sum()))} partners"
            raise refusal("EST-003", what, "people")
        root = np.sqrt(carried[used])
        centred = columns[used] - np.average(columns[used], axis=0, weights=carried[used])
        design = np.column_stack([root, root[:, None] * centred])
        fitted = least_squares(design, root * outcome[used])
        kept = fitted.kept[1:] - 1
        along[:, code] = columns[:, kept] @ fitted.coefficients[1:]
        missing = gap[group != code].sum(axis=0)[kept]
        full[used] = carried[used] * (1.0 + centred[:, kept] @ (fitted.bread[1:, 1:] @ missing))
        parameters += fitted.rank
        dropped |= {names[j - 1] for j in fitted.dropped.tolist()}
    warnings = tuple(
        Problem("EST-005", f"column '{name}' tells no partners apart and is not adjusted for", "estimator")
        for name in names
        if name in dropped
    )
    return BiasAdjustment(along, full, parameters, warnings)
