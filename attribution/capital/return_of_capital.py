"""Return of capital: for each investor, money in, money out, gain, multiple and rate of return.

The eight lenders of Denver's supportive housing lent 8.6 million dollars and received 9,638,911.36 (Urban Institute, Denver
Supportive Housing Social Impact Bond, final outcome payments, 2021).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

from counterfoil.attribution.capital.capital import Capital
from counterfoil.attribution.capital.distribution import Distribution
from counterfoil.attribution.capital.irr import Flow, irr
from counterfoil.attribution.money.amounts import add
from counterfoil.attribution.money.words import Words
from counterfoil.errors import PaymentError

MULTIPLE: Final = Decimal("0.0001")
"""To what a multiple is rounded, half to even; it is shown and never paid on."""
SHOWN: Final = Decimal("0.0001")
"""To what a rate of return is rounded in sentences."""


@dataclass(frozen=True, slots=True)
class InvestorReturn:
    """What one investor put in and got out.

    Parameters
    ----------
    investor : str
        The party.
    money_in, money_out, gain : Decimal
        Put up, received (a guarantee included), and the difference, in the contract's currency.
    multiple : Decimal or None
        Money out over money in; None where nothing was put in.
    irr : Decimal or None
        Yearly rate of return; None where it is not determined.
    why_no_irr : str
        Why, where it is None.
    """

    investor: str
    money_in: Decimal
    money_out: Decimal
    gain: Decimal
    multiple: Decimal | None
    irr: Decimal | None
    why_no_irr: str

    def sentence(self, words: Words) -> str:
        """Say the return in a sentence.

        Examples
        --------
        >>> lent, back = Decimal("8600000.00"), Decimal("9638911.36")
        >>> InvestorReturn("lenders", lent, back, back - lent, Decimal("1.1208"), None, "there are no dates").sentence(Words("USD"))
        'lenders put up 8,600,000.00 USD and received 9,638,911.36 USD: a gain of 1,038,911.36 USD, 1.1208 times the money put \
up. No yearly return is stated, because there are no dates.'
        """
        result = f"a gain of {words.money(self.gain)}" if self.gain >= 0 else f"a loss of {words.money(-self.gain)}"
        times = "" if self.multiple is None else f", {self.multiple} times the money put up"
        yearly = f" No yearly return is stated, because {self.why_no_irr}."
        if self.irr is not None:
            yearly = f" That is {words.percent(self.irr.quantize(SHOWN))} a year."
        return (
            f"{words.party(self.investor)} put up {words.money(self.money_in)} and received {words.money(self.money_out)}: "
            f"{result}{times}.{yearly}"
        )


def return_of_capital(terms: Capital, distribution: Distribution) -> tuple[InvestorReturn, ...]:
    """Return what each investor put in and got out so far, in order of rank.

    Parameters
    ----------
    terms : Capital
        The section.
    distribution : Distribution
        What was paid under it.

    Examples
    --------
    >>> from counterfoil.attribution.capital.distribution import Receipt
    >>> from counterfoil.attribution.capital.waterfall import distribute
    >>> loan = {"name": "loans", "investor": "lenders", "principal": "8600000.00"}
    >>> terms = Capital.model_validate({"tranches": [loan], "rest": {"lenders": "1"}})
    >>> paid = distribute([Receipt("", None, Decimal("9638911.36"))], terms, Decimal("0.01"))
    >>> [str(one.gain) for one in return_of_capital(terms, paid)]
    ['1038911.36']
    """
    draws = terms.draws()
    return tuple(_of(investor, terms, draws, distribution) for investor in terms.investors)


def _of(
    investor: str,
    terms: Capital,
    draws: Mapping[str, tuple[tuple[date | None, Decimal], ...]],
    distribution: Distribution,
) -> InvestorReturn:
    put_up = [draw for tranche in terms.tranches if tranche.investor == investor for draw in draws[tranche.name]]
    got = [(line.date, line.amount) for line in distribution.lines if line.to == investor]
    money_in, money_out = add(amount for _, amount in put_up), add(amount for _, amount in got)
    multiple = (money_out / money_in).quantize(MULTIPLE, rounding=ROUND_HALF_EVEN) if money_in else None
    moved = [(day, -amount) for day, amount in put_up] + got
    flows = [Flow(day, amount) for day, amount in moved if day is not None]
    rate, why = None, "there are no dates"
    if len(flows) == len(moved):
        try:
            rate, why = irr(flows), ""
        except PaymentError as error:
            why = error.problems[0].what
    return InvestorReturn(investor, money_in, money_out, money_out - money_in, multiple, rate, why)
