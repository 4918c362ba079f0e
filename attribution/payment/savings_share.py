"""Clause: a share of savings until principal and interest are repaid, and another share from then on.

Paying a provider a share of what the payer saves is the idea of the Medicare Shared Savings Program (42 CFR part 425); here
the share changes once the capital is returned.
"""

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Self

from pydantic import ConfigDict, Field, model_validator

from counterfoil.attribution.money.amounts import Amount, Money, add
from counterfoil.attribution.money.words import Words
from counterfoil.attribution.payment.moment import Moment
from counterfoil.attribution.payment.price import Gross, OneSource, value_of


class SavingsShare(OneSource):
    """Pay a share of the savings until an amount is paid, then another share."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"quantity": "savings", "savings_share": "0.50", "until": "500000.00", "then": "0.25"}]
        }
    )

    savings_share: Amount = Field(gt=0, le=1, description="The fraction of the savings that is paid at first.")
    until: Money | None = Field(
        None,
        description="The amount paid, over all periods, at which the first share ends: principal and interest. When omitted, it "
        "does not end.",
    )
    then: Amount = Field(Decimal(0), ge=0, le=1, description="The fraction of the savings beyond that which is paid.")

    @model_validator(mode="after")
    def _then_after_until(self) -> Self:
        if self.then and self.until is None:
            raise ValueError("`then:` goes with `until:`")
        return self

    def said(self, words: Words) -> str:
        """Say the share.

        Examples
        --------
        >>> terms = {"savings_share": "0.50", "until": "1000000.00", "then": "0.25", "effect": "jail"}
        >>> SavingsShare.model_validate(terms).sentence(Words("USD"))
        '50% of the savings from jail is paid until 1,000,000.00 USD has been paid, and 25% of the savings beyond that.'
        """
        first = f"{words.percent(self.savings_share)} of the savings from {self.effect or self.quantity} is paid"
        if self.until is None:
            return first
        after = f"and {words.percent(self.then)} of the savings beyond that" if self.then else "and nothing beyond that"
        return f"{first} until {words.money(self.until)} has been paid, {after}"


def gross_of_savings(clause: SavingsShare, moment: Moment) -> Iterator[Gross]:
    """Yield what a share of savings gives, above what the savings of earlier periods gave."""
    known = value_of(clause, moment)
    if known is None:
        return
    now, cell, reason = known
    before = Decimal(0) if moment.cumulative else _before(clause, moment)
    amount = savings_payment(before, now, clause, moment.unit)
    yield Gross(now, clause.savings_share, amount, f"{reason}, of which a share is paid", cell)


def _before(clause: SavingsShare, moment: Moment) -> Decimal:
    earlier = [period for period in moment.periods[:-1] if not clause.periods or period in clause.periods]
    if clause.quantity is not None:
        return moment.quantities[clause.quantity].within(earlier).total
    return add(priced.level for priced in moment.effects.get(clause.effect or "", ()) if priced.period in earlier)


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
    >>> terms = SavingsShare(quantity="savings", savings_share=Decimal("0.50"), until=Decimal("1000000.00"), then=Decimal("0.25"))
    >>> savings_payment(Decimal("1800000.00"), Decimal("600000.00"), terms, Decimal("0.01"))
    Decimal('200000.00')
    """
    before = _units_due(Fraction(savings_so_far), terms, unit)
    after = _units_due(Fraction(savings_so_far) + Fraction(savings_now), terms, unit)
    return (after - before) * unit


def _units_due(savings: Fraction, terms: SavingsShare, unit: Decimal) -> int:
    first = Fraction(terms.savings_share)
    saved = max(savings, Fraction(0))
    due = first * saved
    if terms.until is not None:
        until = Fraction(terms.until)
        due = min(due, until) + Fraction(terms.then) * max(saved - until / first, Fraction(0))
    return int(due / Fraction(unit) + Fraction(1, 2))
