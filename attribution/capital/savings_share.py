"""Clause: a share of savings until principal and interest are repaid, and another share from then on.

Paying a provider a share of what the payer saves is the idea of the Medicare Shared Savings Program (42 CFR part 425); here
the share changes once the capital is returned.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount
from counterfoil.attribution.money.words import Words


class SavingsShare(BaseModel):
    """Pay a share of the savings until an amount is paid, then another share."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    savings_share: Amount = Field(gt=0, le=1, description="The fraction of the savings that is paid at first.")
    until: Amount = Field(
        ge=0, description="The amount paid, over all periods, at which the first share ends: principal and interest."
    )
    then: Amount = Field(Decimal(0), ge=0, le=1, description="The fraction of the savings beyond that which is paid.")
    effect: str | None = Field(None, description="The effect whose gain, in the contract's currency, is the savings.")
    quantity: str | None = Field(
        None, description="Instead: the quantity, in the contract's currency, that is the savings."
    )
    name: str | None = Field(None, description="What the clause is called, for caps, capital and grants that name it.")
    periods: tuple[str, ...] = Field((), description="The periods whose savings count; all when omitted.")
    to: str | None = Field(None, description="Who receives it, where the effect has no split.")
    payer: str | None = Field(None, description="Who pays it; the outcome payer when there is only one.")

    @model_validator(mode="after")
    def _one_kind_of_savings(self) -> Self:
        if self.effect is not None and self.quantity is not None:
            raise ValueError("should state either `effect` or `quantity`")
        return self

    def sentence(self, words: Words) -> str:
        """Say the clause in a sentence.

        Examples
        --------
        >>> terms = {"savings_share": "0.50", "until": "1000000.00", "then": "0.25", "effect": "jail"}
        >>> SavingsShare.model_validate(terms).sentence(Words("USD"))
        '50% of the savings from jail is paid until 1,000,000.00 USD has been paid, and 25% of the savings beyond that.'
        """
        which = self.effect or self.quantity
        after = f"and {words.percent(self.then)} of the savings beyond that" if self.then else "and nothing beyond that"
        return (
            f"{words.percent(self.savings_share)} of the savings{f' from {which}' if which else ''} is paid until "
            f"{words.money(self.until)} has been paid, {after}."
        )


def savings_payment(savings_so_far: Decimal, savings_now: Decimal, terms: SavingsShare, unit: Decimal) -> Decimal:
    """Return what a period's savings make due; a period that crosses the amount is split exactly.

    With S the savings to date, min(s1·S, until) + s2·max(0, S − until/s1) is due in all, rounded half up; a period is due what
    its savings add to that. Payments of several periods therefore sum to what one payment for all would be.

    Parameters
    ----------
    savings_so_far : Decimal
        Of all earlier periods, in the contract's currency.
    savings_now : Decimal
        Of this period. Negative savings make a negative amount due: the settlement says whether that is claimed back.
    terms : SavingsShare
        The clause.
    unit : Decimal
        The currency's smallest unit.

    Examples
    --------
    >>> terms = SavingsShare(savings_share=Decimal("0.50"), until=Decimal("1000000.00"), then=Decimal("0.25"))
    >>> savings_payment(Decimal("1800000.00"), Decimal("600000.00"), terms, Decimal("0.01"))
    Decimal('200000.00')
    """
    before = _units_due(Fraction(savings_so_far), terms, unit)
    after = _units_due(Fraction(savings_so_far) + Fraction(savings_now), terms, unit)
    return (after - before) * unit


def _units_due(savings: Fraction, terms: SavingsShare, unit: Decimal) -> int:
    first, until = Fraction(terms.savings_share), Fraction(terms.until)
    saved = max(savings, Fraction(0))
    due = min(first * saved, until) + Fraction(terms.then) * max(saved - until / first, Fraction(0))
    return int(due / Fraction(unit) + Fraction(1, 2))
