"""One line of the ledger."""

from dataclasses import dataclass
from decimal import Decimal


def titled(clause: str, name: str | None = None) -> str:
    """Return what readers call a clause: its name, or its number as a contract manager counts.

    Examples
    --------
    >>> titled("payments[0]"), titled("payments[0]", "housing")
    ('payment 1', 'housing')
    """
    if name:
        return name
    section, _, number = clause.rstrip("]").partition("[")
    return f"{section.removesuffix('s')} {int(number) + 1}" if number else clause


@dataclass(frozen=True, slots=True)
class Line:
    """Who pays whom how much, under which clause, and why.

    Parameters
    ----------
    clause, effect : str
        Where the clause stands in the contract, and the effect or quantity that it prices.
    payer, provider : str
        Who pays, and who receives.
    quantity, price, amount : Decimal
        What was priced, at what price, and how much of it this line pays.
    reason : str
    name : str
        What the contract calls the clause.
    period, group, rung : str
        Where the quantity belongs; empty where there is no such difference.
    """

    clause: str
    effect: str
    payer: str
    provider: str
    quantity: Decimal
    price: Decimal
    amount: Decimal
    reason: str
    name: str = ""
    period: str = ""
    group: str = ""
    rung: str = ""

    @property
    def title(self) -> str:
        """What readers call the clause: its name, or its number."""
        return titled(self.clause, self.name)

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two lines of different settlements the same claim."""
        return self.clause, self.effect, self.payer, self.provider, self.group, self.rung
