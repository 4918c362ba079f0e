"""What a comparison without a lottery says of itself: how alike its two groups are, and how many people it really rests on."""

from typing import Any

import numpy as np
import pandas as pd

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import CounterfoilError
from counterfoil.estimators.comparisons.balance_result import BalanceTable
from counterfoil.estimators.comparisons.balance_table import balance_table
from counterfoil.estimators.comparisons.compared import Compared, ComparisonFit
from counterfoil.estimators.comparisons.overlap import Overlap, measure_overlap
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.fitted import Fitted


def compared(measured: Estimate | Fitted | None) -> Compared | None:
    """Return the comparison that an effect was measured by, where it was by one."""
    return measured.comparison if isinstance(measured, ComparisonFit) else None


def overlap_of(comparison: Compared) -> Overlap:
    """Return how many people each side of a comparison really has."""
    return measure_overlap(comparison.sample, comparison.balancing, comparison.score, comparison.estimand)


def counted_as(overlap: pd.DataFrame) -> list[str]:
    """Return the effective sizes of an overlap's rows as text: few, or suppressed, where they are not shown."""
    return [
        ("suppressed" if row.people == "suppressed" else "few") if np.isnan(row.effective) else f"{row.effective:,.0f}"
        for row in overlap.itertuples()
    ]


def balance_of_comparison(comparison: Compared) -> BalanceTable | None:
    """Return how alike the two groups are in what more than ten people have, or None where they are compared in no such thing."""
    try:
        return balance_table(comparison).safe()
    except CounterfoilError:
        return None


def balance_lines(comparison: Compared) -> list[str]:
    """Say how alike the groups are before and after, and what is left."""
    if below := int((comparison.balancing < 0).any(axis=1).sum()):
        reach = f"the regression counts {shown(below)} people less than nothing, to reach people who are like nobody of the other group"
        return [f"{reach}; no weighted group stands behind it whose balance could be shown"]
    table = balance_of_comparison(comparison)
    return [] if table is None else table.lines()


def alike_records(comparison: Compared) -> dict[str, Any]:
    """Return balance and overlap as plain data: differences in standard deviations, and no mean of a group."""
    table = balance_of_comparison(comparison)
    rows = [] if table is None else table.overall.to_dict("records")
    return {
        "balance": [
            {
                "term": row["term"],
                "covariate": row["covariate"],
                "before": float(row["smd_before"]),
                "after": float(row["smd_after"]),
                "balanced": bool(row["balanced"]),
            }
            for row in rows
        ],
        "overlap": overlap_of(comparison).tidy().to_dict("records"),
    }
