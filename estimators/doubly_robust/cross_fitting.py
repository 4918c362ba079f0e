"""What predicts outcomes and chances, and how the people are divided so that nobody is predicted from their own outcome.

Every number is an average over repeated divisions of the people's influence values, never a median of effects: averages of
several arms, outcomes and groups still add up, and their covariance is that of the averages. Source: Chernozhukov, Chetverikov,
Demirer, Duflo, Hansen, Newey and Robins (2018), The Econometrics Journal 21, definition 3.1.
"""

from pydantic import ConfigDict, Field

from counterfoil.estimators.learner import OutcomeLearner, PropensityLearner
from counterfoil.estimators.written import Written


class CrossFitting(Written):
    """Learners of the outcome and of the chance of being treated, and the folds in which they predict.

    Examples
    --------
    >>> CrossFitting(outcome={"name": "linear"}, repeats=1).folds
    5
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"outcome": {"name": "random_forest"}, "propensity": {"name": "logit"}, "folds": 5, "seed": 1}]
        },
    )

    outcome: OutcomeLearner = Field(
        OutcomeLearner(name="gradient_boosting"),
        description="Predicts the outcome from the covariates, in each group by itself.",
    )
    propensity: PropensityLearner = Field(
        PropensityLearner(name="logit"), description="Predicts the chance of each group from the covariates."
    )
    folds: int = Field(
        5, ge=2, description="Parts of the people; each is predicted from the others. Clusters are never divided."
    )
    repeats: int = Field(
        5, ge=1, description="How often the people are divided anew; everybody's influence values are averaged."
    )
    seed: int = Field(0, ge=0, description="Of the divisions and the learners.")
