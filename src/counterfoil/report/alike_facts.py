"""What the report says of how alike two compared groups are: a picture of balance, and how many people each side really counts as."""

import math
from typing import TYPE_CHECKING, Any, Final

from counterfoil.alike import balance_lines, balance_of_comparison, compared, counted_as, overlap_of
from counterfoil.estimators.comparisons.balance_result import love_rows
from counterfoil.report.balance_picture import Likeness, balance_picture

if TYPE_CHECKING:
    from counterfoil.measuring import EffectResult

MOST_ROWS: Final = 30
"""Columns drawn of each comparison; the rest, those that differed least before, are counted."""


def alike(result: "EffectResult") -> dict[str, Any] | None:
    """Return pictures, sentences and sizes of a comparison without a lottery, or None where an effect is measured otherwise."""
    comparison = compared(result.measured)
    if comparison is None:
        return None
    table = balance_of_comparison(comparison)
    drawable = [] if table is None else love_rows(table)
    pictures, more = [], 0
    for term in comparison.sample.terms if drawable else ():
        rows = [row for row in drawable if row.term == term]
        more += max(0, len(rows) - MOST_ROWS)
        called = "" if term == "gain" else f", {term}"
        drawn = [Likeness(row.name, row.before, row.after) for row in rows[:MOST_ROWS]]
        pictures.append(balance_picture(drawn, f"{result.name}{called}: how alike the two groups are"))
    found = overlap_of(comparison).tidy()
    sizes = [
        (
            row.group if row.term == "gain" else f"{row.group} ({row.term})",
            row.people,
            size,
            "" if math.isnan(row.largest_share) else f"{row.largest_share:.1%}",
        )
        for row, size in zip(found.itertuples(), counted_as(found), strict=True)
    ]
    return {"pictures": pictures, "more": more, "lines": balance_lines(comparison), "sizes": sizes}
