"""Cumulative settlement: what is due by now in all, less what was due before.

Where later data lower what is due, the difference is clawed back if the contract says so. Otherwise nothing is taken back, and
it is held against later payments: of the same clause, effect, provider, payer and group and of the contract, so that no limit
is exceeded.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from counterfoil.attribution.money.amounts import add, largest_remainder
from counterfoil.attribution.payment.line import Line

LIMITED: Final = ("clause", "effect", "provider", "payer", "name", "group")
"""What limits are of: lowering within each of them keeps every limit."""


def true_up(
    entitled: Sequence[Line], before: Sequence[Line], period: str, unit: Decimal, *, claw_back: bool
) -> tuple[Line, ...]:
    """Return the lines of a period: what is due by its end in all, less what was due before.

    Parameters
    ----------
    entitled : sequence of Line
        What is due by the period's end, from the beginning.
    before : sequence of Line
        What was due in earlier periods.
    period : str
        Written on the lines.
    unit : Decimal
        Smallest unit of the currency.
    claw_back : bool
        Whether what was due too much is taken back.
    """
    paid: dict[tuple[str, ...], list[Decimal]] = {}
    for line in before:
        paid.setdefault(line.key, []).append(line.amount)
    due: dict[tuple[str, ...], Line] = {}
    for line in entitled:
        known = due.get(line.key)
        due[line.key] = line if known is None else _together(known, line)
    for line in before:
        due.setdefault(line.key, replace(line, amount=Decimal(0) * unit, reason="no longer due"))
    found = [_difference(line, add(paid.get(key, ())), period) for key, line in due.items()]
    return tuple(found if claw_back else _nothing_back(found, unit))


def _together(one: Line, other: Line) -> Line:
    """Return two lines of the same claim, such as those of two periods, as one."""
    return replace(
        one,
        quantity=add([one.quantity, other.quantity]),
        amount=add([one.amount, other.amount]),
        reason=f"{one.reason}; {other.reason}",
    )


def _difference(line: Line, paid: Decimal, period: str) -> Line:
    change = add([line.amount, -paid])
    said = f"{line.amount:,} by now in all ({line.reason})"
    reason = f"{said}, less {paid:,} due before" if paid else line.reason
    return replace(line, amount=change, period=period, reason=reason)


def _nothing_back(lines: Sequence[Line], unit: Decimal) -> list[Line]:
    """Lower what is newly due by what was due too much, within all that a limit may cover and in all; nothing is below zero.

    What leaves the smallest part of what is newly due comes first, so that no more is held back than must be.
    """
    kept = [max(Decimal(0) * unit, line.amount) for line in lines]
    named = dict.fromkeys((what, name) for what in LIMITED for line in lines if (name := getattr(line, what)))
    inner = [[number for number, line in enumerate(lines) if getattr(line, what) == name] for what, name in named]
    groups = [list(range(len(lines))), *inner]
    rooms = [max(Decimal(0), add(lines[number].amount for number in group)) for group in groups]
    left = set(range(len(groups)))
    while left:
        newly = {place: add(kept[number] for number in groups[place]) for place in left}
        left = {place for place in left if newly[place] > rooms[place]}
        if left:
            first = min(left, key=lambda place: (rooms[place] / newly[place], place))
            weights = [kept[number] for number in groups[first]]
            for number, part in zip(groups[first], largest_remainder(rooms[first], weights, unit), strict=True):
                kept[number] = part
    why = "; what was due too much before is held against it"
    return [
        line if amount == line.amount else replace(line, amount=amount, reason=line.reason + why)
        for line, amount in zip(lines, kept, strict=True)
    ]
