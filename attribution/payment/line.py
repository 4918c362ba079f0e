"""One line of the ledger."""

from dataclasses import dataclass
from decimal import Decimal


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
        """The clause's name, or its place in the contract."""
        return self.name or self.clause

    @property
    def key(self) -> tuple[str, ...]:
        """What makes two lines of different settlements the same claim."""
        return self.clause, self.effect, self.payer, self.provider, self.group, self.rung
