"""Weights of synthetic difference-in-differences: donors that move as the treated did, periods like those after.

Donor weights ω solve min Σ_t (ω₀ + Σ_j ω_j Y_jt − Ȳ_t)² + ζ² T₀ ‖ω‖² over the periods before treatment, with
ζ = (N₁ T₁)^(1/4) σ̂ and σ̂ the standard deviation of donors' changes from period to period; period weights λ solve
min Σ_j (λ₀ + Σ_t λ_t Y_jt − Ȳ_j,post)² + (10⁻⁶ σ̂)² J ‖λ‖² over the donors. Both are on the simplex and solved exactly.

Source: Arkhangelsky, Athey, Hirshberg, Imbens and Wager (2021), "Synthetic difference-in-differences", American Economic
Review 111(12), equations 4 to 6.
"""

from typing import Final

import numpy as np

from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.synthetic.simplex import simplex_weights

TIME_PENALTY: Final = 1e-6
"""Of unequal weights on periods, in units of σ̂: only to make them unique."""


def noise_level(history: FloatArray) -> float:
    """Return σ̂, the standard deviation of changes from period to period in donors' history, shape (J, before ≥ 2)."""
    return float(np.diff(history, axis=1).std(ddof=1)) if history.size - len(history) > 1 else 0.0


def did_weights(
    treated: FloatArray, donors: FloatArray, before: int, penalty: float | None, treated_places: int
) -> tuple[FloatArray, FloatArray, bool]:
    """Return weights of donors, shape (J,), and of periods, shape (before,), and whether they are unique.

    Parameters
    ----------
    treated : ndarray, shape (T,)
        Mean of the treated places.
    donors : ndarray, shape (J, T)
    before : int
    penalty : float or None
        ζ / σ̂; (N₁ T₁)^(1/4) when None.
    treated_places : int
        N₁.
    """
    history, after = donors[:, :before], donors[:, before:].mean(axis=1)
    noise = noise_level(history)
    zeta = (treated_places * (donors.shape[1] - before)) ** 0.25 if penalty is None else penalty
    own = treated[:before]
    places = simplex_weights(
        (history - history.mean(axis=1, keepdims=True)).T, own - own.mean(), before * (zeta * noise) ** 2
    )
    periods = simplex_weights(
        history - history.mean(axis=0), after - after.mean(), len(donors) * (TIME_PENALTY * noise) ** 2
    )
    return places.weights, periods.weights, places.unique and periods.unique
