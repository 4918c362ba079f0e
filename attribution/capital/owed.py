"""What a tranche is owed: principal drawn and not yet paid back, and interest accrued and not yet paid.

Interest is compound and actual/365: money owed grows by (1 + rate)^(days/365), unpaid interest included. The interest owed
is rounded half up to the smallest unit on each day on which money is distributed, and goes on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from counterfoil.attribution.capital.irr import growth
from counterfoil.attribution.money.amounts import add, multiply, round_money


@dataclass(frozen=True, slots=True)
class Owed:
    """Interest and principal owed, in the contract's currency."""

    interest: Decimal
    principal: Decimal

    @property
    def total(self) -> Decimal:
        """Both together."""
        return add((self.interest, self.principal))

    def part(self, amount: Decimal, interest_first: bool) -> tuple[Decimal, Decimal]:
        """Divide a payment of no more than is owed into interest and principal.

        Examples
        --------
        >>> Owed(Decimal(5), Decimal(100)).part(Decimal(8), interest_first=True)
        (Decimal('5'), Decimal('3'))
        """
        first = min(amount, self.interest if interest_first else self.principal)
        return (first, amount - first) if interest_first else (amount - first, first)

    def less(self, interest: Decimal, principal: Decimal) -> "Owed":
        """Return what is owed after a payment."""
        return Owed(self.interest - interest, self.principal - principal)


def accrue(
    owed: Owed, rate: Decimal | None, draws: Sequence[tuple[date, Decimal]], since: date | None, on: date, unit: Decimal
) -> Owed:
    """Return what is owed on a day, from what was owed on an earlier one and what was drawn since.

    Parameters
    ----------
    owed : Owed
        On the day ``since``; nothing where that is None.
    rate : Decimal or None
        Yearly interest as a fraction; None for none.
    draws : sequence of (date, Decimal)
        All draws of the tranche; those up to ``since`` are in ``owed`` already.
    since, on : date
        The day of ``owed``, None before the first; and the day asked for.
    unit : Decimal
        The currency's smallest unit.

    Examples
    --------
    >>> lent = [(date(2013, 1, 1), Decimal("100.00"))]
    >>> accrue(Owed(Decimal(0), Decimal(0)), Decimal("0.05"), lent, None, date(2015, 1, 1), Decimal("0.01"))
    Owed(interest=Decimal('10.25'), principal=Decimal('100.00'))
    """
    new = [(day, amount) for day, amount in draws if day <= on and (since is None or day > since)]
    principal = add((owed.principal, *(amount for _, amount in new)))
    if not rate:
        return Owed(owed.interest, principal)
    old = [] if since is None else [(since, owed.total)]
    grown = add(multiply(amount, growth(rate, (on - day).days)) for day, amount in [*old, *new])
    return Owed(round_money(add((grown, -principal)), unit, "half_up"), principal)
