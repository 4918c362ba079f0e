"""Bands over the group-time effects of one or several outcomes that all hold together, by multiplier bootstrap.

Source: Callaway and Sant'Anna (2021), section 4.1 and algorithm 1.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.panels.group_time_effects import Block
from counterfoil.estimators.panels.multiplier import multiplier_draws

if TYPE_CHECKING:
    from counterfoil.estimators.panels.staggered_fit import StaggeredFit


def joint_bands(
    fits: Sequence["StaggeredFit"], conf_level: float = 0.95, size: int = 999, seed: int = 0
) -> pd.DataFrame:
    """Return the cells of several outcomes with intervals that all hold together, by multiplier bootstrap (sup-t).

    Parameters
    ----------
    fits : sequence of StaggeredFit
        Of one call of `staggered`: a unit has the same random sign in all of them.
    conf_level : float
    size, seed : int
        Draws; same seed, same bands.
    """
    values = np.concatenate([fit.effects.values for fit in fits])
    error = np.concatenate([fit.std_error for fit in fits])
    varying = error > 0
    gaps = np.abs(drawn(fits, size, seed) - values)[:, varying] / error[varying]
    critical = float(np.quantile(gaps.max(axis=1), conf_level)) if varying.any() else 0.0
    frame = pd.concat([fit.described() for fit in fits], ignore_index=True)
    frame["estimate"], frame["std_error"] = values, error
    frame["conf_low"], frame["conf_high"] = values - critical * error, values + critical * error
    frame.attrs = {"conf_level": conf_level, "simultaneous": True, "critical": critical, "draws": size}
    return frame


def drawn(fits: Sequence["StaggeredFit"], size: int, seed: int) -> FloatArray:
    """Return multiplier draws of the cells of several outcomes, shape (size, all cells)."""
    first = fits[0]
    if any(fit.units is not first.units for fit in fits):
        raise ValueError("bands hold together for outcomes that were fitted together")
    clusters = None if first.units.clusters is None else first.units.clusters[np.argsort(first.units.rank)]
    blocks, count = [], 0
    for fit in fits:
        blocks += [Block(block.cells + count, block.pieces) for block in fit.effects.blocks]
        count += len(fit.effects.cells)
    sums = multiplier_draws(blocks, first.cohorts.bounds, count, size, seed, clusters)
    values = np.concatenate([fit.effects.values for fit in fits])
    return np.asarray(values + np.sqrt(first.factor) * sums)
