"""Regression of an outcome on the arms of a lottery, with blocks and covariates: all effects in one fit.

One control mean serves every arm, so that effects of several arms are correlated as they must be. With slopes that differ
by arm (fully interacted) an arm's effect is the difference of two regressions, its own and the control's, at the mean of
the covariates: no other arm's effect enters it.

Sources: Lin (2013), Annals of Applied Statistics 7(1), 295-318, section 3; Goldsmith-Pinkham, Hull and Kolesár (2024),
American Economic Review 114(12), section III.A, for several arms.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.bias_reduced import bias_reduced
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.least_squares import least_squares
from counterfoil.estimators.trials.lottery_design import lottery_design


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """What a regression of a lottery returns, for k values.

    Shapes: value (k,), influence (n, k), riesz (n, k); leverage (n,) and classical (k, k) where the errors are by person;
    reduced (n, k) and reduced_df (k,) where they are by cluster. ``dropped`` are positions of covariates (from 0) and,
    after them, of products that carry no information of their own. ``spread`` (n, k) is what each person's covariates and
    block add to a value, beyond the mean; None where there are none.
    """

    value: FloatArray
    influence: FloatArray
    riesz: FloatArray
    leverage: FloatArray | None
    classical: FloatArray | None
    reduced: FloatArray | None
    reduced_df: FloatArray | None
    parameters: int
    dropped: NDArray[np.intp]
    spread: FloatArray | None = None

    def of_population(self) -> "Gain":
        """Return the same values with the error of future people, among whom covariates and blocks vary too.

        Where effects differ with covariates, so does their mean between samples of people.
        """
        if self.spread is None:
            return self
        n = len(self.spread)
        return replace(
            self,
            influence=self.influence + self.spread,
            classical=None if self.classical is None else self.classical + self.spread.T @ self.spread / n**2,
            reduced=None if self.reduced is None else self.reduced + self.spread,
        )


def intention_to_treat(
    outcome: FloatArray,
    arms: FloatArray,
    blocks: NDArray[np.intp] | None,
    covariates: FloatArray,
    interacted: bool,
    weights: FloatArray,
    clusters: NDArray[np.intp] | None = None,
    columns: Sequence[int] = (1,),
) -> Gain:
    """Regress outcome (n,) on arms (n, K) of 0 and 1, centred block dummies and covariates (n, p), and their products.

    ``weights`` (n,) are positive with mean 1. ``columns`` says which coefficients are returned: 0 is the intercept, the mean
    outcome in control at the mean of blocks and covariates, and 1 to K the arms.

    The blocks are always interacted with the arms, so that effects are weighted by block size.
    """
    n, count = arms.shape
    built = lottery_design(arms, blocks, covariates, interacted, weights)
    design, fixed, covariates = built.matrix, built.fixed, built.covariates
    # The intercept takes up any constant; without it, outcomes far from zero would lose digits.
    level = np.average(outcome, weights=weights)
    root = np.sqrt(weights)
    design, outcome = design * root[:, None], (outcome - level) * root
    fit = least_squares(design, outcome)
    asked = np.asarray(columns)  # with all arms filled, neither the intercept nor an arm is ever dropped
    rows = fit.bread[asked]
    riesz = n * (design[:, fit.kept] @ rows.T)
    spread = None
    if fixed.shape[1] + covariates.shape[1]:
        slopes = np.zeros(design.shape[1])
        slopes[fit.kept] = fit.coefficients
        spread = _spread(slopes, fixed, covariates, count, interacted)[:, asked] * weights[:, None]
    variance = fit.residuals @ fit.residuals / (n - fit.rank)
    reduced = reduced_df = None
    if clusters is not None:
        reduced, reduced_df = bias_reduced(design[:, fit.kept], fit.bread, clusters, fit.residuals, riesz)
    return Gain(
        value=fit.coefficients[asked] + level * (asked == 0),
        influence=riesz * fit.residuals[:, None],
        riesz=riesz * root[:, None],
        leverage=fit.leverage,
        classical=variance * rows[:, asked],
        reduced=reduced,
        reduced_df=reduced_df,
        parameters=fit.rank,
        dropped=fit.dropped - (1 + count + fixed.shape[1]),
        spread=spread,
    )


def _spread(slopes: FloatArray, fixed: FloatArray, covariates: FloatArray, arms: int, interacted: bool) -> FloatArray:
    """Return how far each person's control mean and effects are from the mean, (n, 1 + arms), by centred columns."""
    place = 1 + arms
    found = np.empty((len(fixed), 1 + arms))
    both = np.hstack([fixed, covariates])
    found[:, 0] = both @ slopes[place : place + both.shape[1]]
    place += both.shape[1]
    found[:, 1:] = 0.0
    for part in (fixed, *([covariates] if interacted else [])):
        for arm in range(arms):
            found[:, 1 + arm] += part @ slopes[place : place + part.shape[1]]
            place += part.shape[1]
    return found
