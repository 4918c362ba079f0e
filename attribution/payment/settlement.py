"""The ledger: one line per party and clause, which sum to what is due, to the cent, and a step for everything that made it so."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pandas as pd

from counterfoil.attribution.counting.quantity import Quantity
from counterfoil.attribution.money.amounts import Rounding, add
from counterfoil.attribution.money.currency import smallest_unit
from counterfoil.attribution.payment.clauses import Clause
from counterfoil.attribution.payment.line import Line
from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.payment.trace import Priced, Step
from counterfoil.datasets.display import titled_table


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Everything that a settlement follows from.

    Parameters
    ----------
    clauses : mapping of str to sequence
        Period to the clauses in force in it, in contract order.
    effects : mapping of str to sequence of Priced
        Each effect as it became known, in order of period.
    splits : mapping of str to Split
        Effect to its split.
    quantities : mapping of str to Quantity
    currency : str
        ISO 4217 code.
    payer : str
        Who pays, where a clause does not say.
    rounding : str
        Of each pot to the smallest unit, where a clause does not say.
    cumulative, claw_back : bool
        Whether each period settles everything so far, and whether what was due too much is taken back.
    skipped : tuple of str
        Periods of which nothing is known yet, or which were settled elsewhere.
    final : bool
        Whether the last of the periods is the contract's last, in which floors over the contract are made up.
    """

    clauses: Mapping[str, Sequence[Clause]]
    effects: Mapping[str, Sequence[Priced]]
    splits: Mapping[str, Split]
    quantities: Mapping[str, Quantity]
    currency: str
    payer: str
    rounding: Rounding
    cumulative: bool = False
    claw_back: bool = False
    skipped: tuple[str, ...] = ()
    final: bool = True

    @property
    def periods(self) -> tuple[str, ...]:
        """The contract's periods, in order."""
        return tuple(self.clauses)


@dataclass(frozen=True, slots=True)
class Settlement:
    """What is due.

    Parameters
    ----------
    currency : str
        ISO 4217 code.
    lines : tuple of Line
        One per party and clause; they sum to the total.
    steps : tuple of Step
        How each pot came about: price, gate, rounding, limits, and what was done to the credits that divide it.
    inputs : Inputs or None
        What the settlement follows from.
    """

    currency: str
    lines: tuple[Line, ...]
    steps: tuple[Step, ...]
    inputs: Inputs | None = field(default=None, compare=False, repr=False)

    @property
    def total(self) -> Decimal:
        """Everything that is due."""
        return add([Decimal(0) * smallest_unit(self.currency), *(line.amount for line in self.lines)])

    @property
    def periods(self) -> tuple[str, ...]:
        """The periods that have lines, in order."""
        return tuple(dict.fromkeys(line.period for line in self.lines))

    def by_party(self) -> dict[str, Decimal]:
        """Return what each party receives, in the order of the ledger."""
        return self._sums("provider")

    def by_payer(self) -> dict[str, Decimal]:
        """Return what each payer owes, in the order of the ledger."""
        return self._sums("payer")

    def by_period(self) -> dict[str, Decimal]:
        """Return what is due for each period, in order."""
        return self._sums("period")

    def by_clause(self) -> dict[str, Decimal]:
        """Return what is due under each clause, by its name or, such as `payment 1`, its number."""
        return self._sums("title")

    def _sums(self, what: str) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for line in self.lines:
            key = getattr(line, what)
            found[key] = add([found.get(key, Decimal(0)), line.amount])
        return found

    def tidy(self) -> pd.DataFrame:
        """Return the ledger, one row a line.

        Returns
        -------
        DataFrame
            Columns provider, outcome (the effect or quantity), cohort (the group), period, term (the clause), quantity,
            price, payment, currency; quantities and money are Decimal.
        """
        return pd.DataFrame(
            {
                "provider": [line.provider for line in self.lines],
                "outcome": [line.effect for line in self.lines],
                "cohort": [line.group for line in self.lines],
                "period": [line.period for line in self.lines],
                "term": [line.clause for line in self.lines],
                "quantity": [line.quantity for line in self.lines],
                "price": [line.price for line in self.lines],
                "payment": [line.amount for line in self.lines],
                "currency": self.currency,
            }
        )

    def __repr__(self) -> str:
        table = self.tidy()[["provider", "outcome", "term", "payment"]].astype(str)
        return f"{table.to_string(index=False)}\ntotal {self.total:,} {self.currency}"

    def _repr_html_(self) -> str:
        return titled_table(self.tidy().astype(str), f"Ledger: {self.total:,} {self.currency}")
