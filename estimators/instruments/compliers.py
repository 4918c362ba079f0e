"""Whom the instrument moved: shares of compliers, always-takers and never-takers, and what compliers are like.

With a binary instrument Z, binary treatment D and nobody moved the wrong way, Abadie's weight
``κ = 1 − D(1 − Z)/(1 − p) − (1 − D)Z/p``, p the chance of the instrument given covariates, has the compliers' share as its mean,
and ``E[κX]/E[κ]`` is the mean of X among compliers. Errors count the estimation of p. Source: Abadie (2003), theorem 3.1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from counterfoil.datasets.disclosure import SMALL_CELL
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.instruments.instrument_model import Chance

KINDS = ("compliers", "always-takers", "never-takers")


@dataclass(frozen=True, slots=True, eq=False)
class Compliers:
    """Whom the instrument moved.

    Parameters
    ----------
    shares : Estimate
        Terms ``compliers``, ``always-takers`` and ``never-takers``, of the people of the study; they sum to 1.
    characteristics : Estimate or None
        One term a covariate: its mean among compliers. None where there are no covariates, or nothing can be shown.
    everybody : ndarray, shape (k,)
        Means of the same covariates among everybody.
    suppressed : tuple of str
        Covariates whose mean would show a small cell.
    model : str
        How the chance of the instrument was modelled: ``mean``, ``groups``, ``logit`` or ``probit``.
    """

    shares: Estimate
    characteristics: Estimate | None
    everybody: FloatArray
    suppressed: tuple[str, ...]
    model: str

    def tidy(self) -> pd.DataFrame:
        """Return one row a covariate: its mean among compliers with its interval, and among everybody."""
        if self.characteristics is None:
            return self.shares.tidy()
        return self.characteristics.tidy().assign(everybody=self.everybody)


def kappa(instrument: FloatArray, received: FloatArray, chance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return Abadie's weights (n,) and their derivative by the chance of the instrument."""
    took_unasked, stayed_away = received * (1.0 - instrument), (1.0 - received) * instrument
    weight = 1.0 - took_unasked / (1.0 - chance) - stayed_away / chance
    return weight, stayed_away / chance**2 - took_unasked / (1.0 - chance) ** 2


def share_influence(
    instrument: FloatArray, received: FloatArray, chance: Chance, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the shares of `KINDS` (3,) and their influence (n, 3)."""
    p = chance.chance
    took_unasked, stayed_away = received * (1.0 - instrument), (1.0 - received) * instrument
    always, never = took_unasked / (1.0 - p), stayed_away / p
    moments = np.column_stack([1.0 - always - never, always, never])
    by_always, by_never = took_unasked / (1.0 - p) ** 2, -stayed_away / p**2
    slopes = np.column_stack([-by_always - by_never, by_always, by_never])
    shares = weights @ moments / len(weights)
    influence = weights[:, None] * (moments - shares) + chance.correction(weights[:, None] * slopes)
    return shares, influence


def characteristic_influence(
    instrument: FloatArray, received: FloatArray, covariates: FloatArray, chance: Chance, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return means of covariates (n, k) among compliers (k,) and their influence (n, k)."""
    weight, slope = kappa(instrument, received, chance.chance)
    share = float(weights @ weight) / len(weights)
    means = (weights * weight) @ covariates / len(weights) / share
    gaps = covariates - means
    influence = (weights * weight)[:, None] * gaps + chance.correction((weights * slope)[:, None] * gaps)
    return means, influence / share


def small_cells(names: Sequence[str], covariates: FloatArray, means: FloatArray, compliers: float) -> list[bool]:
    """Mark covariates of 0 and 1 whose mean among so many compliers would show a small cell."""
    marks = []
    for position in range(len(names)):
        binary = bool(np.isin(covariates[:, position], (0.0, 1.0)).all())
        inside = means[position] * compliers
        marks.append(binary and bool(min(inside, compliers - inside) < SMALL_CELL))
    return marks
