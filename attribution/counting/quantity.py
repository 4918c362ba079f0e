"""A quantity: a verified count, by where it belongs, with what was left out of it and why."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from counterfoil.attribution.payment.money import add


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a quantity.

    Parameters
    ----------
    amount : Decimal
        In the quantity's unit.
    period, group, rung, provider : str
        Where it belongs; empty where the quantity makes no such difference.
    people : int or None
        How many people it counts, for disclosure; None where that is not known.
    person : int or None
        Row of the person in the study, in cells of one person; never written anywhere.
    """

    amount: Decimal
    period: str = ""
    group: str = ""
    rung: str = ""
    provider: str = ""
    people: int | None = None
    person: int | None = None

    @property
    def place(self) -> tuple[str, str, str, str]:
        """Period, group, rung and provider."""
        return self.period, self.group, self.rung, self.provider


@dataclass(frozen=True, slots=True)
class Quantity:
    """A verified count.

    Parameters
    ----------
    cells : tuple of Cell
        At most one a place, none of one person.
    notes : tuple of str
        What was left out or taken back and why, with counts and without people.
    by_person : tuple of Cell or None
        The same, one a person and place; None where only totals are known.
    """

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    by_person: tuple[Cell, ...] | None = None

    @property
    def total(self) -> Decimal:
        """The sum over all places."""
        return add(cell.amount for cell in self.cells)

    def within(self, periods: Sequence[str]) -> "Quantity":
        """Return the part of some periods.

        Examples
        --------
        >>> Quantity((Cell(Decimal(3), "y1"), Cell(Decimal(4), "y2"))).within(["y2"]).total
        Decimal('4')
        """
        kept = tuple(cell for cell in self.cells if cell.period in periods)
        people = None if self.by_person is None else tuple(c for c in self.by_person if c.period in periods)
        return replace(self, cells=kept, by_person=people)


def gathered(cells: Iterable[Cell]) -> tuple[Cell, ...]:
    """Add up cells of the same place, in the order in which places first appear.

    Examples
    --------
    >>> [str(cell.amount) for cell in gathered([Cell(Decimal(3)), Cell(Decimal(4))])]
    ['7']
    """
    sums: dict[tuple[str, str, str, str], list[Cell]] = {}
    for cell in cells:
        sums.setdefault(cell.place, []).append(cell)
    return tuple(Cell(add(cell.amount for cell in same), *place, people=_people(same)) for place, same in sums.items())


def _people(cells: Sequence[Cell]) -> int | None:
    if all(cell.person is not None for cell in cells):
        return len({cell.person for cell in cells})
    counts = [cell.people for cell in cells if cell.people is not None]
    return sum(counts) if len(counts) == len(cells) else None
