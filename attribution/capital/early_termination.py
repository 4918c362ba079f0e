"""Early termination: the share of the capital that is returned when the contract is ended before its term.

Investors in Newpin could redeem at the fourth year for 75% of their capital and later for 50%
(E. Tomkinson, 2013).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from counterfoil.attribution.money.amounts import Amount, multiply, round_money
from counterfoil.attribution.money.words import Words


class Termination(BaseModel):
    """The share of capital returned from a year on."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"from_year": 3, "share": "0.50"}]}
    )

    from_year: int = Field(ge=0, description="Full years since the first draw from which the share applies.")
    share: Amount = Field(ge=0, le=1, description="The fraction of the principal drawn that is returned in all.")

    def sentence(self, words: Words) -> str:
        """Say the clause in a sentence.

        Examples
        --------
        >>> Termination(from_year=4, share=Decimal("0.75")).sentence(Words("AUD"))
        'Ended 4 or more full years after the first draw, 75% of the principal is returned.'
        """
        return (
            f"Ended {self.from_year} or more full years after the first draw, {words.percent(self.share)} of the principal is "
            "returned."
        )


@dataclass(frozen=True, slots=True)
class Terminated:
    """What is returned on early termination: full years since the first draw, share, amount still to be paid, and why."""

    years: int
    share: Decimal
    amount: Decimal
    reason: str


def full_years(start: date, end: date) -> int:
    """Return how many anniversaries of a day have come by another day; 29 February counts on 1 March.

    Examples
    --------
    >>> full_years(date(2013, 7, 1), date(2017, 6, 30)), full_years(date(2013, 7, 1), date(2017, 7, 1))
    (3, 4)
    """
    return end.year - start.year - ((end.month, end.day) < (start.month, start.day))


def end_early(
    terms: Sequence[Termination], principal: Decimal, first_draw: date, ended: date, returned: Decimal, unit: Decimal
) -> Terminated:
    """Return what is still to be paid to the investors when the contract is ended.

    Parameters
    ----------
    terms : sequence of Termination
        In order of years; the last that has begun applies. Before the first, nothing is agreed to be returned.
    principal : Decimal
        All principal drawn.
    first_draw, ended : date
        Between them years are counted.
    returned : Decimal
        What the investors have received already; only what is short of the share is paid.
    unit : Decimal
        The currency's smallest unit; the amount is rounded half up.

    Examples
    --------
    >>> terms = [Termination(from_year=4, share=Decimal("0.75")), Termination(from_year=5, share=Decimal("0.50"))]
    >>> agreed = Decimal("7000000.00"), date(2013, 7, 1)
    >>> end_early(terms, *agreed, date(2017, 8, 1), Decimal(0), Decimal("0.01")).amount
    Decimal('5250000.00')
    """
    years = full_years(first_draw, ended)
    begun = [term for term in terms if term.from_year <= years]
    share = begun[-1].share if begun else Decimal(0)
    sure = round_money(multiply(share, principal), unit, "half_up")
    due = max(sure - returned, Decimal(0).quantize(unit))
    if not begun:
        return Terminated(years, share, due, f"{years} full years after the first draw no return of capital is agreed")
    reason = f"{years} full years after the first draw {sure:,} of {principal:,} is returned, and {returned:,} has been"
    return Terminated(years, share, due, reason)
