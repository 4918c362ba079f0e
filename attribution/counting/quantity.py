"""A quantity: a verified count, by where it belongs, with what was left out of it and why."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext

from counterfoil.attribution.money.amounts import PRECISION, add
from counterfoil.errors import refusal


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
    parts, base : tuple of Cell or None
        Of a ratio: what it divides and what it divides by, at each place; its cells are the quotients.
    complete : bool
        Whether a place without a cell counts nothing; False for reported numbers, of which it is not known yet.
    """

    cells: tuple[Cell, ...]
    notes: tuple[str, ...] = ()
    by_person: tuple[Cell, ...] | None = None
    parts: tuple[Cell, ...] | None = None
    base: tuple[Cell, ...] | None = None
    complete: bool = True

    @property
    def total(self) -> Decimal:
        """The sum over all places; of a ratio, the ratio of the sums, which is no sum of ratios.

        Raises
        ------
        PaymentError
            PAY-008 when there is nothing to divide by.
        """
        if self.parts is None or self.base is None:
            return add(cell.amount for cell in self.cells)
        return quotient(add(cell.amount for cell in self.parts), add(cell.amount for cell in self.base))

    def within(self, periods: Sequence[str]) -> "Quantity":
        """Return the part of some periods.

        Examples
        --------
        >>> Quantity((Cell(Decimal(3), "y1"), Cell(Decimal(4), "y2"))).within(["y2"]).total
        Decimal('4')
        """

        def kept(cells: tuple[Cell, ...] | None) -> tuple[Cell, ...] | None:
            return None if cells is None else tuple(cell for cell in cells if cell.period in periods)

        return replace(
            self,
            cells=kept(self.cells) or (),
            by_person=kept(self.by_person),
            parts=kept(self.parts),
            base=kept(self.base),
        )

    def joined(self, other: "Quantity") -> "Quantity":
        """Return two parts of the same quantity together, such as those of two periods.

        Examples
        --------
        >>> Quantity((Cell(Decimal(3), "y1"),)).joined(Quantity((Cell(Decimal(4), "y2"),))).total
        Decimal('7')
        """

        def both(mine: tuple[Cell, ...] | None, theirs: tuple[Cell, ...] | None) -> tuple[Cell, ...] | None:
            return None if mine is None or theirs is None else (*mine, *theirs)

        return Quantity(
            (*self.cells, *other.cells),
            tuple(dict.fromkeys((*self.notes, *other.notes))),
            both(self.by_person, other.by_person),
            both(self.parts, other.parts),
            both(self.base, other.base),
            self.complete and other.complete,
        )


def quotient(part: Decimal, base: Decimal) -> Decimal:
    """Return a quotient to 60 digits.

    Raises
    ------
    PaymentError
        PAY-008 unless the base is positive.
    """
    if base <= 0:
        raise refusal("PAY-008", f"the ratio divides by {base}")
    with localcontext(prec=PRECISION):
        return part / base


def refuse_unlike(quantities: Mapping[str, Quantity], where: str) -> None:
    """Refuse quantities that cannot be combined: ratios, and those that do not tell the same places apart.

    Raises
    ------
    PaymentError
        PAY-010.
    """
    for name, quantity in quantities.items():
        if quantity.base is not None:
            raise refusal("PAY-010", f"'{name}' is a ratio, and ratios do not add up", where)
    filled = {name: quantity.cells for name, quantity in quantities.items() if quantity.cells}
    for place, called in enumerate(("period", "group", "rung", "provider")):
        told = {name for name, cells in filled.items() if any(cell.place[place] for cell in cells)}
        if told and len(told) < len(filled):
            other = next(name for name in filled if name not in told)
            what = f"'{min(told)}' is told apart by {called} and '{other}' is not"
            raise refusal("PAY-010", what, where)


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
