"""Chances as a doubly robust comparison uses them: fitted or learned, refused without overlap, floored or trimmed as declared.

Dropping people whose chances are near 0 or 1 changes whose effect it is (Crump, Hotz, Imbens and Mitnik 2009, Biometrika 96); the
chances are fitted again to those who stay.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from counterfoil.datasets.disclosure import shown
from counterfoil.errors import Problem, refusal
from counterfoil.estimators.comparisons.comparison_sample import ComparisonSample
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.doubly_robust.potential import Side

NONE: Final = 1e-10
"""A chance that is none."""


def refuse_no_overlap(sample: ComparisonSample, sides: Sequence[Side], chances: Sequence[FloatArray]) -> None:
    """Refuse weights by chances that are zero for people who were in the group nevertheless.

    Raises
    ------
    IdentificationError
        IDENT-040.
    """
    for chance in chances:
        for side in sides:
            if side.own:
                continue
            none = int((chance[sample.of(side.arm), side.arm] < NONE).sum())
            if none:
                label = sample.arms.labels[side.arm]
                what = f"{shown(none)} people of group '{label}' had no chance of it as the model of chances has it"
                raise refusal("IDENT-040", what, "estimator")


def floored(chance: FloatArray, floor: float | None) -> FloatArray:
    """Return chances (n, G) within the floor and one less it; they need not sum to one any more."""
    return chance if floor is None else np.clip(chance, floor, 1.0 - floor)


def floor_said(chances: Sequence[FloatArray], floor: float | None) -> tuple[dict[str, Any], tuple[Problem, ...]]:
    """Return how many people's chances a floor changes, as a count and as EST-048."""
    if floor is None:
        return {}, ()
    moved = np.zeros(len(chances[0]), dtype=bool)
    for chance in chances:
        moved |= ((chance < floor) | (chance > 1.0 - floor)).any(axis=1)
    count = int(moved.sum())
    what = f"chances of {shown(count)} people were raised to {floor:g} or lowered to {1 - floor:g}, as declared"
    return {"floored": count}, (Problem("EST-048", what, "estimator"),) if count else ()


def trim_said(count: int, trim: float) -> Problem:
    """Return EST-048 for people who are left out."""
    what = f"{shown(count)} people with a chance of some group below {trim:g} were left out, as declared"
    return Problem("EST-048", what, "people")
