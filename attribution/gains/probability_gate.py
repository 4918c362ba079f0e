"""A gate on the posterior probability that the gain exceeds a minimum.

The posterior is normal: the estimate is taken to be normal around the true gain with its standard error known, and the
prior is flat or normal. With prior mean m, prior standard deviation s, gain g and standard error e,

    precision = 1/s² + 1/e²      posterior mean = (m/s² + g/e²)/precision      posterior standard deviation = precision^−½

Degrees of freedom are not used, so with few clusters the probability is overstated. Under the flat prior the gate at
probability q equals a one-sided lower bound of a normal estimate at confidence q.

Source: Spiegelhalter, Abrams and Myles (2004), *Bayesian approaches to clinical trials and health-care evaluation*,
sections 3.4 and 3.7.
"""

import math
from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from scipy.special import ndtr, ndtri

from counterfoil.attribution.gains.held import Better, Held, oriented, positive_error
from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.estimators.estimate import Estimate


class Prior(BaseModel):
    """What the parties believe of the gain before the data, as a normal distribution."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"mean": "0", "std_dev": "5"}]}
    )

    mean: Amount = Field(description="Expected gain, oriented so that higher is better, in the effect's unit.")
    std_dev: Amount = Field(gt=0, description="Standard deviation of that belief, in the effect's unit.")


class ProbabilityGate(BaseModel):
    """Terms of a gate on the posterior probability.

    Examples
    --------
    >>> ProbabilityGate(probability=Decimal("0.9"), prior="flat").sentence(Words("USD"), "jobs")
    'The gate on jobs opens when a gain above 0 has a probability of at least 90%, by a normal posterior with a flat prior.'
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"probability": "0.90", "above": "2", "prior": "flat"}]},
    )

    probability: Amount = Field(gt=0, lt=1, description="The probability that must be reached.")
    above: Amount = Field(Decimal(0), description="The gain that must be exceeded with that probability.")
    prior: Literal["flat"] | Prior = Field(description="flat, or mean and std_dev of a normal prior.")

    def sentence(self, words: Words, name: str) -> str:
        """Say the gate in one sentence."""
        prior = (
            "a flat prior"
            if isinstance(self.prior, str)
            else f"a prior of mean {words.number(self.prior.mean)} and standard deviation {words.number(self.prior.std_dev)}"
        )
        chance = f"has a probability of at least {words.percent(self.probability)}, by a normal posterior with {prior}"
        return f"The gate on {name} opens when a gain above {words.number(self.above)} {chance}."


def hold_probability(terms: ProbabilityGate, total: Estimate, better: Better) -> Held:
    """Hold an estimate against the gate.

    Parameters
    ----------
    terms : ProbabilityGate
    total : Estimate
        One term, in the outcome's own sign.
    better : {"higher", "lower"}

    Returns
    -------
    Held
        The margin is by how much the lower end of the credible interval exceeds the minimum.

    Raises
    ------
    EstimationError
        EST-018 without a standard error, EST-015 when it is zero.

    Examples
    --------
    >>> total = Estimate.published([2], [1], terms=["gain"], outcome="days", estimand="ITT", people=100)
    >>> flat = ProbabilityGate(probability=Decimal("0.9"), prior="flat")
    >>> doubtful = ProbabilityGate(probability=Decimal("0.9"), prior=Prior(mean=Decimal(0), std_dev=Decimal("0.5")))
    >>> [round(hold_probability(terms, total, "higher").tested, 3) for terms in (flat, doubtful)]
    [0.977, 0.814]
    """
    gain, error = oriented(total, better), positive_error(total)
    mean, spread = gain, error
    if isinstance(terms.prior, Prior):
        mine, before = error**-2, float(terms.prior.std_dev) ** -2
        mean = (gain * mine + float(terms.prior.mean) * before) / (mine + before)
        spread = 1 / math.sqrt(mine + before)
    asked, minimum = float(terms.probability), float(terms.above)
    chance = float(ndtr((mean - minimum) / spread))
    margin = mean - float(ndtri(asked)) * spread - minimum
    return Held(chance >= asked, "posterior probability", chance, asked, margin)
