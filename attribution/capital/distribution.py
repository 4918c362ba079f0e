"""A distribution: each payment out of the receipts, for what and why, and what is owed afterwards."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from counterfoil.attribution.money.amounts import add

LineKind = Literal["interest", "principal", "guarantee", "rest", "reinvested", "recycled"]
SERVICE: Final = "service"
"""Who receives what is reinvested or recycled: nobody's pocket."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that came in: in which settlement period, on which day where that is known, and how much."""

    period: str
    date: date | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Distributed:
    """One payment.

    Parameters
    ----------
    period : str
        The settlement period of the receipt that it is made from.
    date : date or None
        The day of that receipt.
    source : str
        Who pays: the receiver (empty where all payments are distributed) or the guarantor.
    to : str
        Who receives it; ``service`` for money that is reinvested or recycled.
    tranche : str
        The tranche that it is for; empty for the rest.
    kind : {"interest", "principal", "guarantee", "rest", "reinvested", "recycled"}
        What it is.
    amount : Decimal
        Positive, in whole units of the currency.
    reason : str
        Why it is this much.
    """

    period: str
    date: date | None
    source: str
    to: str
    tranche: str
    kind: LineKind
    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Balance:
    """What a tranche is owed after the receipts of a period; what a guarantor pays is not taken off."""

    period: str
    tranche: str
    interest: Decimal
    principal: Decimal


@dataclass(frozen=True, slots=True)
class Distribution:
    """All receipts, distributed: the lines sum to the receipts and the guarantee, to the smallest unit."""

    receipts: tuple[Receipt, ...]
    lines: tuple[Distributed, ...]
    balances: tuple[Balance, ...]

    @property
    def received(self) -> Decimal:
        """All that came in."""
        return add(receipt.amount for receipt in self.receipts)

    @property
    def guaranteed(self) -> Decimal:
        """What the guarantor pays."""
        return add(line.amount for line in self.lines if line.kind == "guarantee")

    def paid_to(self, party: str) -> Decimal:
        """Return all that a party receives.

        Examples
        --------
        >>> Distribution((), (), ()).paid_to("goldman")
        Decimal('0')
        """
        return add(line.amount for line in self.lines if line.to == party)

    def paid_for(self, tranche: str) -> Decimal:
        """Return all that is paid for a tranche, a guarantee included."""
        return add(line.amount for line in self.lines if line.tranche == tranche)
