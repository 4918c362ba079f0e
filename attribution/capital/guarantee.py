"""Guarantee: a third party makes up what a tranche has not recovered, up to a share of its principal.

At Rikers Island, Bloomberg Philanthropies guaranteed 7.2 of the 9.6 million dollars that Goldman Sachs could lend
(MDRC, Financing Promising Evidence-Based Programs, 2013): 75% of the principal less whatever the City pays.
"""

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import Amount, multiply, round_money
from counterfoil.attribution.money.words import Words


class Guarantee(BaseModel):
    """What a third party makes up when a tranche is not paid back."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"guarantor": "agent", "share": "0.75", "of": "senior"}]},
    )

    guarantor: str = Field(description="The party that makes up the shortfall.")
    share: Amount = Field(
        ge=0, le=1, description="The fraction of the principal drawn that the tranche is sure to recover."
    )
    of: str = Field(description="The tranche that is guaranteed, by name.")

    def sentence(self, words: Words) -> str:
        """Say the guarantee in a sentence.

        Examples
        --------
        >>> Guarantee(guarantor="bloomberg", share=Decimal("0.75"), of="senior").sentence(Words("USD"))
        'At the end bloomberg makes up what senior has received short of 75% of its principal.'
        """
        return (
            f"At the end {words.party(self.guarantor)} makes up what {self.of} has received short of "
            f"{words.percent(self.share)} of its principal."
        )


def guarantee_payment(terms: Guarantee, principal: Decimal, received: Decimal, unit: Decimal) -> Decimal:
    """Return what the guarantor pays: max(0, share · principal − received), rounded half up.

    Parameters
    ----------
    terms : Guarantee
        The clause.
    principal : Decimal
        The tranche's principal drawn, in the contract's currency.
    received : Decimal
        What the tranche has received, interest included.
    unit : Decimal
        The currency's smallest unit.

    Examples
    --------
    >>> terms = Guarantee(guarantor="bloomberg", share=Decimal("0.75"), of="senior")
    >>> guarantee_payment(terms, Decimal("9600000.00"), Decimal("4800000.00"), Decimal("0.01"))
    Decimal('2400000.00')
    """
    sure = round_money(multiply(terms.share, principal), unit, "half_up")
    return max(sure - received, Decimal(0).quantize(unit))
