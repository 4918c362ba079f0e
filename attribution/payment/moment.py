"""What is known at a settlement: the quantities and gains of one period, or of everything so far.

An interim settlement of basis ``period`` counts what belongs to the period. One of basis ``cumulative`` counts everything up
to its end, and what was paid before is taken off afterwards.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.payment.trace import Priced


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """A settlement period and what is known by its end.

    Parameters
    ----------
    period : str
        The period that is settled.
    periods : tuple of str
        All periods up to it, in order, itself last.
    quantities : mapping of str to Quantity
    effects : mapping of str to sequence of Priced
        Each effect as it became known, in order of period.
    cumulative : bool
        Whether everything so far counts, or only the period.
    unit : Decimal
        Smallest unit of the currency.
    """

    period: str
    periods: tuple[str, ...]
    quantities: Mapping[str, Quantity]
    effects: Mapping[str, Sequence[Priced]]
    cumulative: bool = False
    unit: Decimal = Decimal("0.01")

    @property
    def counted(self) -> tuple[str, ...]:
        """The periods whose quantities count."""
        return self.periods if self.cumulative else (self.period,)

    def known(self, quantity: str, wanted: Callable[[Cell], bool] | None = None) -> Quantity:
        """Return the part of a quantity that counts, of some of its cells; only totals, no numbers of single people."""
        whole = self.quantities[quantity]

        def kept(cells: tuple[Cell, ...] | None) -> tuple[Cell, ...] | None:
            if cells is None:
                return None
            return tuple(cell for cell in cells if cell.period in self.counted and (wanted is None or wanted(cell)))

        return Quantity(kept(whole.cells) or (), parts=kept(whole.parts), base=kept(whole.base))

    def cells(self, quantity: str, wanted: Callable[[Cell], bool] | None = None) -> tuple[Cell, ...]:
        """Return the numbers of a quantity that count, none of one person; all, or some of its cells."""
        known = self.known(quantity, wanted)
        if known.base is not None and len(known.cells) > 1 and len({cell.place[1:] for cell in known.cells}) == 1:
            # A rate over several periods is the ratio of the sums.
            return (replace(known.cells[-1], amount=known.total),)
        return known.cells

    def people(self, quantity: str) -> tuple[Cell, ...] | None:
        """Return the same numbers person by person; None where only totals are known."""
        cells = self.quantities[quantity].by_person
        return None if cells is None else tuple(cell for cell in cells if cell.period in self.counted)

    def amount(self, quantity: str, wanted: Callable[[Cell], bool] | None = None) -> Decimal | None:
        """Return the sum of a quantity, or of some of its cells; None where nothing of it is known."""
        known = self.known(quantity, wanted)
        if not known.cells:
            return Decimal(0) if self.quantities[quantity].complete and known.base is None else None
        return known.total

    def gain(self, effect: str, *, new: bool = False) -> Priced | None:
        """Return an effect as last known, or (``new``) only if it became known in a period that counts."""
        periods = self.counted if new else self.periods
        known = [priced for priced in self.effects.get(effect, ()) if priced.period in periods]
        return known[-1] if known else None

    def value(self, *, effect: str | None, quantity: str | None) -> Decimal | None:
        """Return the number that a table or condition is held against; None while it is not known."""
        if effect is not None:
            priced = self.gain(effect)
            return None if priced is None else priced.level
        return None if quantity is None else self.amount(quantity)
