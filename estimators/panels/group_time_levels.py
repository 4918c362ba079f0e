"""Effects of all group-time cells where each period has people of its own; influence values are summed by unit.

Source: Callaway and Sant'Anna (2021), section 2.3 and appendix B for repeated cross-sections.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.cohorts import Cohorts
from counterfoil.estimators.panels.group_time_cells import Cell
from counterfoil.estimators.panels.group_time_effects import WHY, Block, CellEffects, Collected
from counterfoil.estimators.panels.two_groups import Method
from counterfoil.estimators.panels.two_samples import effect_of_levels


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a repeated cross-section: unit (in the order of the cohorts) and period of each, ascending by unit."""

    unit: NDArray[np.intp]
    period: NDArray[np.intp]


def effects_from_levels(
    cells: Sequence[Cell],
    cohorts: Cohorts,
    outcomes: Sequence[FloatArray],
    rows: Rows,
    x: FloatArray,
    weights: FloatArray,
    method: Method,
) -> tuple[CellEffects, ...]:
    """Return the effects of cells where each period has people of its own; as `effects_from_changes`.

    Parameters
    ----------
    cells, cohorts, x, weights, method
        As there.
    outcomes : sequence of ndarray, shape (n_rows,)
    rows : Rows
    """
    found = Collected(len(outcomes))
    cohort = cohorts.of_unit[rows.unit]
    width = cohorts.count + 1
    key = rows.period * width + cohort
    order = np.argsort(key, kind="stable")
    ends = np.searchsorted(key[order], np.arange(width * (int(rows.period.max(initial=0)) + 1) + 1))
    for cell in cells:
        at_once = [time * width + one for time in (cell.base, cell.period) for one in (cell.cohort, *cell.comparison)]
        used = np.sort(np.concatenate([order[ends[one] : ends[one + 1]] for one in at_once]))
        treated, late = cohort[used] == cell.cohort, rows.period[used] == cell.period
        if min(((treated == d) & (late == s)).sum() for d in (False, True) for s in (False, True)) == 0:
            found.failures.append((cell, WHY["empty"]))
            continue
        unit = rows.unit[used]
        effects = [effect_of_levels(y[used], late, treated, x[unit], weights[unit], method) for y in outcomes]
        if isinstance(effects[0], str):
            found.failures.append((cell, WHY[effects[0]]))
            continue
        at = found.begin([cell], int(treated.sum()), int((~treated).sum()))
        own, code = np.unique(unit, return_inverse=True)
        for which, effect in enumerate(effects):
            if isinstance(effect, str):
                raise TypeError("an effect of one outcome fails as it does for every other")
            found.trimmed = max(found.trimmed, effect.trimmed)
            found.values[which].append(np.array([effect.value]))
            sums: FloatArray = np.bincount(code, weights=effect.influence, minlength=len(own)).astype(np.float64)[
                :, None
            ]
            found.blocks[which].append(Block(at, ((own, sums),)))
    return found.finished()
