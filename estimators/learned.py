"""A surface learned by cross-fitted predictions: of the outcome under every observed pattern, and of every pattern.

The augmented path makes the credits doubly robust, so that their errors hold when both predictions converge fast enough.
Cross-fitting is repeated over several splits of the people, and influence values are averaged: a median of credits
would not add up to the gain. Source: Chernozhukov, Chetverikov, Demirer, Duflo, Hansen, Newey and Robins (2018).
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from counterfoil.datasets.disclosure import shown
from counterfoil.datasets.roster import Roster
from counterfoil.errors import Problem
from counterfoil.estimators.blocks import make_blocks
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.learner import OutcomeLearner, PropensityLearner
from counterfoil.estimators.nuisance import cross_fit
from counterfoil.estimators.surface import Surface, floored_propensity
from counterfoil.estimators.written import Written


class Learning(Written):
    """What predicts, and how it is cross-fitted.

    Examples
    --------
    >>> import counterfoil as cf
    >>> from counterfoil.estimators import Contribution
    >>> learning = {"outcome": {"name": "linear"}, "splits": 1}  # as in a contract
    >>> spec = Contribution(outcome="takeup", cluster="address", model="learner", learning=learning)
    >>> spec.fit(cf.datasets.load("rice")).total().values.round(2)
    array([0.05])
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"outcome": {"name": "random_forest"}, "propensity": {"name": "logit"}, "folds": 5, "seed": 1}]
        },
    )

    outcome: OutcomeLearner = Field(OutcomeLearner(name="gradient_boosting"), description="Predicts the outcome.")
    propensity: PropensityLearner = Field(
        PropensityLearner(name="logit"), description="Predicts who was served by whom."
    )
    folds: int = Field(5, ge=2, description="Parts of the people; each is predicted from the others.")
    splits: int = Field(5, ge=1, description="How often the people are divided anew; influence values are averaged.")
    seed: int = Field(0, ge=0, description="Of the divisions and the learners.")
    chain: bool = Field(False, description="Whether chances of patterns are a chain over providers; for many patterns.")


def learn_surfaces(
    learning: Learning,
    roster: Roster,
    outcome: FloatArray,
    covariates: FloatArray,
    weights: FloatArray,
    clusters: NDArray[np.intp] | None,
) -> tuple[Surface, ...]:
    """Return one surface a split.

    Raises
    ------
    EstimationError
        EST-002, EST-003 or EST-013 when a prediction fails; see `cross_fit`.
    """
    patterns, pattern = roster.patterns()
    terms = tuple(tuple(np.flatnonzero(row).tolist()) for row in patterns if row.any())
    first = len(patterns) - len(terms)
    blocks = make_blocks(patterns, pattern, terms, saturated=True)
    one = np.ones((len(outcome), 1))
    centred = covariates - np.average(covariates, axis=0, weights=weights)
    found = []
    for split in range(learning.splits):
        predicted = cross_fit(
            outcome,
            roster.exposure,
            pattern,
            patterns,
            covariates,
            weights,
            clusters,
            learning.outcome,
            learning.propensity,
            n_folds=learning.folds,
            seed=learning.seed + split,
            chain=learning.chain,
            providers=roster.providers,
        )
        propensity, floored = floored_propensity(predicted.propensity, pattern)
        warnings: tuple[Problem, ...] = ()
        if floored:
            what = f"{shown(floored)} people had almost no chance of the pattern they had; their weights are floored"
            warnings = (Problem("EST-004", what, "estimator"),)
        surface = Surface(
            weights=weights,
            answered=np.ones(len(outcome)),
            controls=np.hstack([one, centred]),
            modifiers=one,
            patterns=patterns,
            pattern=pattern,
            terms=terms,
            saturated=True,
            blocks=blocks,
            design=None,
            fit=None,
            contrasts=(predicted.means - predicted.means[:, [0]])[:, first:],
            shrunk=False,
            residuals=outcome - predicted.means[np.arange(len(outcome)), pattern],
            propensity=propensity,
            warnings=warnings,
        )
        found.append(surface)
    return tuple(found)
