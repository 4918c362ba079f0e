"""A limit on how much of a quantity counts: earlier periods first, and in proportion inside a period."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from counterfoil.attribution.counting.quantity import Cell, Quantity, gathered
from counterfoil.attribution.money.amounts import add, largest_remainder
from counterfoil.attribution.money.words import Words


def limited(quantity: Quantity, limit: Decimal, periods: Sequence[str]) -> Quantity:
    """Lower a quantity to a limit over all periods.

    Where the limit binds, each place and each person in it keeps its part, in the smallest unit that the numbers have.

    Parameters
    ----------
    quantity : Quantity
        With its cells by person, if it has any.
    limit : Decimal
        In the quantity's unit.
    periods : sequence of str
        All periods in their order.

    Examples
    --------
    >>> two = Quantity((Cell(Decimal(40), "y1"), Cell(Decimal(40), "y2")))
    >>> [str(cell.amount) for cell in limited(two, Decimal(60), ["y1", "y2"]).cells]
    ['40', '20']
    """
    if quantity.total <= limit:
        return quantity
    cells: list[Cell] = []
    people: list[Cell] = []
    of_place: dict[tuple[str, str, str, str], list[Cell]] = {}
    for one in quantity.by_person or ():
        of_place.setdefault(one.place, []).append(one)
    room = limit
    for period in periods:
        part = quantity.within([period])
        due = part.total
        kept = _shared(part.cells, min(room, due))
        cells += kept
        for cell in kept:
            people += _shared(of_place.get(cell.place, []), cell.amount)
        room -= min(room, due)
    words = Words("")
    note = f"limited to {words.number(limit)}; {words.number(quantity.total)} were counted"
    by_person = None if quantity.by_person is None else tuple(cell for cell in people if cell.amount)
    if by_person is not None:
        counts = {cell.place: cell.people for cell in gathered(by_person)}
        cells = [replace(cell, people=counts.get(cell.place, 0)) for cell in cells]
    return Quantity(tuple(cell for cell in cells if cell.amount), (*quantity.notes, note), by_person)


def _shared(cells: Sequence[Cell], total: Decimal) -> list[Cell]:
    if not cells or total == add(cell.amount for cell in cells):
        return list(cells)
    if not total:
        return [replace(cell, amount=Decimal(0)) for cell in cells]
    finest = min(_exponent(amount) for amount in (total, *(cell.amount for cell in cells)))
    parts = largest_remainder(total, [cell.amount for cell in cells], Decimal(1).scaleb(finest))
    return [replace(cell, amount=part) for cell, part in zip(cells, parts, strict=True)]


def _exponent(amount: Decimal) -> int:
    return min(0, int(amount.as_tuple().exponent))
