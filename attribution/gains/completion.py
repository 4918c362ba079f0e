"""Completion of counts and costs for what is reported late.

Claims for care come in for months after the care. A settlement counts those of a stated run-out and multiplies by a
completion factor for the rest. Medicare's shared savings use three months and a factor of the chief actuary.

Source: 42 CFR 425.604(a)(5).
"""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import Amount, multiply
from counterfoil.attribution.money.words import Words


class Completion(BaseModel):
    """Terms of completion.

    Examples
    --------
    >>> terms = Completion(completion_factor=Decimal("1.013"), run_out="three months")
    >>> terms.sentence(Words("USD"), "cost")
    'cost is multiplied by 1.013 for what is reported more than three months late.'
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"completion_factor": "1.05", "run_out": "three months"}]},
    )

    completion_factor: Amount = Field(ge=1, description="What was reported in time is multiplied by this; at least 1.")
    run_out: str = Field(description="How long after the period reports still count, such as three months.")

    def sentence(self, words: Words, name: str) -> str:
        """Say the completion in one sentence."""
        factor = words.number(self.completion_factor)
        return f"{name} is multiplied by {factor} for what is reported more than {self.run_out} late."


def completed(amount: Decimal, terms: Completion) -> Decimal:
    """Return an amount with what is still to be reported.

    Examples
    --------
    >>> completed(Decimal("1000"), Completion(completion_factor=Decimal("1.013"), run_out="three months"))
    Decimal('1013.000')
    """
    return multiply(amount, terms.completion_factor)
