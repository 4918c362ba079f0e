"""Disclosure control of a ledger: amounts that tell how few people were counted are withheld, and those that give them away.

An amount at a known price is a count of people. Where it counts 1 to 10, every line of that count is withheld. The sum of all
lines is known, and so is the sum under each limit that acted, because a limit lowers in proportion; the smallest other counts
are therefore withheld too, until at least two are hidden and together leave each of them in doubt.

Source: the cell-size rule of the US Centers for Medicare and Medicaid Services (no cell of 1 to 10, none derivable).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from counterfoil.attribution.counting.quantity import Cell
from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.line import Line
from counterfoil.attribution.payment.settlement import Inputs, Settlement
from counterfoil.datasets.disclosure import SMALL_CELL

WITHHELD: Final = "withheld, because it would tell of fewer than {} people"
TELLING: Final = ("quantity", "price", "amount")
"""Columns that tell how many people a line counts."""

Count = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """A table with what may be shown.

    Parameters
    ----------
    table : DataFrame
        Quantities, prices and amounts of withheld rows are None, and their reason says so.
    withheld : tuple of int
        Row numbers, from zero.
    total_may_show : bool
        Whether the sum of all rows leaves the withheld ones in doubt.
    """

    table: pd.DataFrame
    withheld: tuple[int, ...]
    total_may_show: bool


def suppressed(
    table: pd.DataFrame,
    people_by_line: Sequence[int | None],
    threshold: int = SMALL_CELL,
    *,
    counts: Sequence[Count] | None = None,
    sums: Iterable[Iterable[int]] = (),
) -> Shown:
    """Withhold rows that tell of fewer people than the threshold, and those that would give them away by subtraction.

    Parameters
    ----------
    table : DataFrame
        Of lines or steps; not changed.
    people_by_line : sequence of int or None
        How many people each row counts, in order; None where it counts no people or that is not known.
    threshold : int
    counts : sequence, optional
        What each row counts: rows of the same count are withheld together. Each row is its own when omitted.
    sums : iterable of iterables of int
        Rows whose sum is known besides the sum of all rows.

    Examples
    --------
    >>> from decimal import Decimal
    >>> table = pd.DataFrame({"clause": ["a", "b", "c"], "amount": [Decimal(40), Decimal(300), Decimal(900)], "reason": ""})
    >>> found = suppressed(table, [4, 30, 90])
    >>> found.table["amount"].tolist(), found.total_may_show
    ([None, None, Decimal('900')], True)
    """
    keys = list(counts) if counts is not None else [(str(number),) for number in range(len(table))]
    people: dict[Count, int | None] = {}
    for key, count in zip(keys, people_by_line, strict=True):
        known = [each for each in (people.get(key), count) if each is not None and each > 0]
        people[key] = min(known) if known else count
    hidden = {key for key, count in people.items() if count is not None and 0 < count < threshold}
    groups = [{keys[row] for row in rows} for rows in sums]
    everything = set(people)
    safe = True
    before = -1
    while before != len(hidden):
        before = len(hidden)
        for group in (*groups, everything):
            enough = _hide_more(group, hidden, people, threshold)
            safe = enough if group is everything else safe
    rows = tuple(number for number, key in enumerate(keys) if key in hidden)
    return Shown(blanked(table, rows, threshold), rows, safe)


def _hide_more(group: set[Count], hidden: set[Count], people: Mapping[Count, int | None], threshold: int) -> bool:
    """Hide further counts of a group until its hidden ones leave each other in doubt; return whether they do."""

    def size(key: Count) -> int:
        count = people[key]
        return threshold if count is None else count

    def in_doubt() -> bool:
        inside = hidden & group
        return not inside or (len(inside) > 1 and sum(map(size, inside)) >= threshold)

    others = sorted((key for key in group - hidden if size(key) > 0), key=lambda key: (size(key), key))
    for key in others:
        if in_doubt():
            break
        hidden.add(key)
    return in_doubt()


def blanked(table: pd.DataFrame, rows: Iterable[int], threshold: int = SMALL_CELL) -> pd.DataFrame:
    """Return a table with the numbers of some rows None, and a reason that says why."""
    found, chosen = table.copy(), list(rows)
    for name in (*TELLING, "reason"):
        if name in found:
            values: list[Any] = found[name].tolist()
            for row in chosen:
                values[row] = WITHHELD.format(threshold) if name == "reason" else None
            found[name] = pd.Series(values, index=found.index, dtype=object)
    return found


def count_of(line: Line) -> Count:
    """Return what a line counts: two prices of the same count tell the same number of people."""
    return line.effect, line.period, line.group, line.rung


def people_of(line: Line, inputs: Inputs) -> int | None:
    """Return how many people a line counts, the fewest that it can tell of; None where it counts none or that is not known."""
    priced = [known.people for known in inputs.effects.get(line.effect, ()) if known.period in ("", line.period)]
    if priced:
        return priced[-1]
    if line.effect not in inputs.quantities:
        return None
    cells = [cell for cell in inputs.quantities[line.effect].cells if _belongs(cell, line)]
    own = [cell for cell in cells if cell.provider == line.provider] or cells
    known = [cell.people for cell in own if cell.people]
    if not known:
        return 0 if own and all(cell.people == 0 for cell in own) else None
    return min(known) if inputs.cumulative else sum(known)


def _belongs(cell: Cell, line: Line) -> bool:
    pairs = ((cell.group, line.group), (cell.rung, line.rung), (cell.period, line.period))
    return all(theirs == ours or not ours or not theirs for theirs, ours in pairs)


def sums_known(settlement: Settlement) -> list[list[int]]:
    """Return the lines under each clause that acted on several amounts, by line number: what they sum to can be worked out."""
    under: dict[tuple[str, str], set[tuple[str, str, str]]] = {}
    for step in settlement.steps:
        if step.clause != step.pot:
            under.setdefault((step.clause, step.period), set()).add((step.pot, step.effect, step.period))
    found = [
        [number for number, line in enumerate(settlement.lines) if (line.clause, line.effect, line.period) in touched]
        for touched in under.values()
    ]
    inputs = settlement.inputs
    clauses = () if inputs is None else [clause for terms in inputs.clauses.values() for clause in terms]
    limited = {clause.provider for clause in clauses if isinstance(clause, Cap) and clause.scope == "provider"}
    found += [
        [number for number, line in enumerate(settlement.lines) if line.provider == provider]
        for provider in sorted(filter(None, limited))
    ]
    return found
