"""A gate on the p-value of the gain: the probability, if there were no gain, of an estimate at least as good.

The statistic is (gain − above)/std_error, against t with the estimate's degrees of freedom. One-sided, the p-value counts
estimates as good or better; two-sided, also those as bad, and a gain must still be one: a harm never passes, however
significant. The one-sided gate at p equals a lower bound at confidence 1 − p.

Sources: Student (1908), *The probable error of a mean*, Biometrika 6(1), 1-25; Wasserstein and Lazar (2016), *The ASA
statement on p-values*, The American Statistician 70(2), 129-133, for what a p-value does not say.
"""

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from scipy.special import stdtr, stdtrit

from counterfoil.attribution.gains.held import Better, Held, oriented, positive_error
from counterfoil.attribution.gains.own_test import IN_WORDS, OwnTest, OwnTestName
from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import MANY, Estimate


class PValueGate(BaseModel):
    """Terms of a gate on the p-value.

    Examples
    --------
    >>> PValueGate(p_below=Decimal("0.05"), sides="one").sentence(Words("USD"), "jobs")
    'The gate on jobs opens when the one-sided p-value of a gain above 0 is below 0.05.'
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [{"p_below": "0.05", "sides": "two"}, {"p_below": "0.20", "sides": "two", "test": "placebo"}]
        },
    )

    p_below: Amount = Field(gt=0, lt=1, description="The p-value must be below this.")
    sides: Literal["one", "two"] = Field(
        description="One counts better estimates alone, two also worse ones; at the same p, two asks for more."
    )
    above: Amount = Field(Decimal(0), description="The gain that is taken to be the truth when p is computed.")
    test: Literal["t"] | OwnTestName = Field(
        "t",
        description="Where p comes from: the estimate's standard error (t), or a test of the design's own: a permutation of the "
        "lottery (kind experiment), a wild_cluster bootstrap (experiments and regressions with few clusters), placebo or "
        "conformal (kind synthetic_control; two sides, above 0).",
    )

    def sentence(self, words: Words, name: str) -> str:
        """Say the gate in one sentence."""
        test = f"the {self.sides}-sided p-value of a gain above {words.number(self.above)}"
        how = "" if self.test == "t" else f", {IN_WORDS[self.test]},"
        return f"The gate on {name} opens when {test}{how} is below {words.number(self.p_below)}."


def hold_p_value(terms: PValueGate, total: Estimate, better: Better, own: OwnTest | None = None) -> Held:
    """Hold an estimate against the gate.

    Parameters
    ----------
    terms : PValueGate
    total : Estimate
        One term, in the outcome's own sign.
    better : {"higher", "lower"}
    own : OwnTest, optional
        What the design's own test says, where the gate asks for it.

    Raises
    ------
    EstimationError
        EST-018 without a standard error, EST-015 when it is zero; EST-041 when the gate asks for a test of the design's own
        and there is none.

    Examples
    --------
    >>> total = Estimate.published([2], [1], terms=["gain"], outcome="days", estimand="ITT", people=100)
    >>> held = hold_p_value(PValueGate(p_below=Decimal("0.05"), sides="one"), total, "higher")
    >>> held.passes, round(held.tested, 4), round(held.margin, 4)
    (True, 0.0228, 0.3551)
    """
    if terms.test != "t":
        return _by_own_test(terms, total, better, own)
    error, df = positive_error(total), min(total.df, MANY)
    distance = oriented(total, better) - float(terms.above)
    tails = 1 if terms.sides == "one" else 2
    limit = float(terms.p_below)
    p_value = float(tails * stdtr(df, -(distance if tails == 1 else abs(distance)) / error))
    passes = p_value < limit and distance > 0
    margin = distance - error * float(stdtrit(df, 1 - limit / tails))
    return Held(passes, f"{terms.sides}-sided p-value", p_value, limit, margin)


def _by_own_test(terms: PValueGate, total: Estimate, better: Better, own: OwnTest | None) -> Held:
    if own is None:
        raise refusal(
            "EST-041", f"the gate asks for a p-value {IN_WORDS[terms.test]}, and this effect has none", "gate"
        )
    above, limit = float(terms.above), float(terms.p_below)
    passes = own.p_value < limit and oriented(total, better) > above
    words = f"{terms.sides}-sided p-value {IN_WORDS[terms.test]}"
    return Held(passes, words, own.p_value, limit, None if own.line is None else own.line - above)
