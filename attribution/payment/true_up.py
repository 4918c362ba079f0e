"""Cumulative settlement: what is due by now in all, less what was due before.

Where later data lower what is due, the difference is clawed back if the contract says so. Otherwise nothing is taken back, and
it is held against later payments: of one clause first, then of the contract, so that no limit is exceeded.
"""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from counterfoil.attribution.money.amounts import add, largest_remainder
from counterfoil.attribution.payment.line import Line


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
        due[line.key] = line if known is None else replace(known, amount=add([known.amount, line.amount]))
    for line in before:
        due.setdefault(line.key, replace(line, amount=Decimal(0) * unit, reason="no longer due"))
    found = [_difference(line, add(paid.get(key, ())), period) for key, line in due.items()]
    return tuple(found if claw_back else _nothing_back(found, unit))


def _difference(line: Line, paid: Decimal, period: str) -> Line:
    change = add([line.amount, -paid])
    said = f"{line.amount:,} by now in all ({line.reason})"
    reason = f"{said}, less {paid:,} due before" if paid else line.reason
    return replace(line, amount=change, period=period, reason=reason)


def _nothing_back(lines: Sequence[Line], unit: Decimal) -> list[Line]:
    """Lower what is newly due by what was due too much, clause by clause and then in all; nothing is below zero."""
    kept = list(lines)
    clauses = dict.fromkeys(line.clause for line in lines)
    for clause in clauses:
        kept = _netted(kept, [number for number, line in enumerate(kept) if line.clause == clause], lines, unit)
    return _netted(kept, list(range(len(kept))), lines, unit)


def _netted(kept: list[Line], chosen: list[int], given: Sequence[Line], unit: Decimal) -> list[Line]:
    room = max(Decimal(0), add(given[number].amount for number in chosen))
    rises = {number: max(Decimal(0), kept[number].amount) for number in chosen}
    found = list(kept)
    if add(rises.values()) > room:
        rises = dict(zip(rises, largest_remainder(room, list(rises.values()), unit), strict=True))
    for number, amount in rises.items():
        if amount != found[number].amount:
            why = "; what was due too much before is held against it"
            found[number] = replace(found[number], amount=amount, reason=found[number].reason + why)
    return found
