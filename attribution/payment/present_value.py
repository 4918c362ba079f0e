"""Present value of a yearly benefit, when a contract pays at once for what lasts.

    factor = Σ_{t=1..n} (1 − drop_off)^(t−1) / (1 + rate)^t

With ``from_now`` the first year is not discounted, so that the factor is (1 + rate) times as large.

Sources: HM Treasury, *The Green Book* (discount rate of 3.5%); *A guide to Social Return on Investment* (2012), for
drop-off.
"""

from decimal import Decimal, localcontext

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import PRECISION, Amount, multiply
from counterfoil.attribution.money.words import Words


class PresentValue(BaseModel):
    """Terms of a present value.

    Examples
    --------
    >>> PresentValue(years=5, rate=Decimal("0.035")).sentence(Words("GBP"), "savings")
    'savings counts for 5 years at its present value, at 3.5% a year, the first year at its end.'
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"years": 3, "rate": "0.035"}]}
    )

    years: int = Field(ge=1, le=200, description="For how many years the benefit lasts.")
    rate: Amount = Field(gt=-1, description="Yearly discount rate, such as 0.035.")
    drop_off: Amount = Field(
        Decimal(0), ge=0, le=1, description="Fraction of the benefit that is lost from each year to the next."
    )
    from_now: bool = Field(False, description="True counts the first year without discount; false at the year's end.")

    def sentence(self, words: Words, name: str) -> str:
        """Say the present value in one sentence."""
        years = f"{self.years} year{'' if self.years == 1 else 's'}"
        lost = f", less {words.percent(self.drop_off)} of it from each year to the next" if self.drop_off else ""
        first = "without discount in the first year" if self.from_now else "the first year at its end"
        return f"{name} counts for {years} at its present value, at {words.percent(self.rate)} a year{lost}, {first}."


def annuity_factor(terms: PresentValue) -> Decimal:
    """Return the present value of one unit a year, to 60 digits.

    Examples
    --------
    >>> round(annuity_factor(PresentValue(years=5, rate=Decimal("0.035"))), 6)
    Decimal('4.515052')
    """
    with localcontext(prec=PRECISION):
        discount, kept = 1 + terms.rate, 1 - terms.drop_off
        term, factor = 1 if terms.from_now else 1 / discount, Decimal(0)
        for _ in range(terms.years):
            factor += term
            term = term * kept / discount
        return factor


def present_value(amount: Decimal, terms: PresentValue) -> Decimal:
    """Return the present value of a yearly amount, unrounded.

    Examples
    --------
    >>> present_value(Decimal("1000.00"), PresentValue(years=3, rate=Decimal(0), drop_off=Decimal("0.5")))
    Decimal('1750.0000')
    """
    return multiply(amount, annuity_factor(terms))
