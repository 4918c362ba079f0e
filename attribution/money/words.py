"""How clauses write amounts, numbers and names when they say themselves in plain sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from counterfoil.attribution.money.amounts import multiply


@dataclass(frozen=True, slots=True)
class Words:
    """The names that a contract's sentences use.

    Parameters
    ----------
    currency : str
        ISO 4217 code, written after each amount.
    parties : mapping of str to str
        Short name to how the party is called in sentences; a party that is not here keeps its short name.

    Examples
    --------
    >>> words = Words("USD", {"city": "the City"})
    >>> words.money(Decimal("4800000.00")), words.party("city"), words.percent(Decimal("0.075"))
    ('4,800,000.00 USD', 'the City', '7.5%')
    """

    currency: str
    parties: Mapping[str, str] = field(default_factory=dict)

    def money(self, amount: Decimal) -> str:
        """Write an amount with its currency."""
        return f"{amount:,} {self.currency}"

    def number(self, value: Decimal) -> str:
        """Write a number without trailing zeros."""
        written = f"{value:,f}"
        return written.rstrip("0").rstrip(".") if "." in written else written

    def percent(self, fraction: Decimal) -> str:
        """Write a fraction as a percentage, with the digits it has."""
        return f"{self.number(multiply(fraction, 100))}%"

    def party(self, name: str) -> str:
        """Write a party's name."""
        return self.parties.get(name, name)

    def listed(self, names: Iterable[str]) -> str:
        """Join names as English does."""
        *first, last = names
        return f"{', '.join(first)} and {last}" if first else last
