"""How a two-way regression weighs the effects in it, and how much of that is negative.

The coefficient on a treatment D is a weighted sum of the effects of its treated rows, with weights w = D·ε / Σ D·ε, where ε
is what fixed effects and the other columns leave of D. Weights sum to one, and where treatment begins at different times
some can be negative. Source: de Chaisemartin and D'Haultfoeuille (2020), "Two-way fixed effects estimators with
heterogeneous treatment effects", American Economic Review 110(9), theorem 1 and, with controls, its web appendix.
"""

from dataclasses import dataclass

import numpy as np

from counterfoil.estimators.covariance import FloatArray


@dataclass(frozen=True, slots=True)
class NegativeWeights:
    """The negative part of the weights of a regression.

    Parameters
    ----------
    treated_rows : int
        Rows with treatment.
    negative_rows : int
        Those whose effect enters with a negative weight.
    total : float
        Sum of the negative weights; all weights together sum to one.
    spread : float
        Standard deviation of the weights per row, times the number of treated rows.
    """

    treated_rows: int
    negative_rows: int
    total: float
    spread: float

    @property
    def share(self) -> float:
        """Negative weights as a part of the sum of absolute weights, from 0 to 1."""
        return abs(self.total) / (1.0 - 2.0 * self.total)

    def reversing_spread(self, effect: float) -> float:
        """Return the standard deviation of effects from which on the average effect could be nothing.

        The smaller it is beside the effect, the less the coefficient says (section II.B of the paper).
        """
        return abs(effect) / self.spread if self.spread > 0 else float("inf")


def negative_weights(treatment: FloatArray, left: FloatArray, weights: FloatArray | None = None) -> NegativeWeights:
    """Return the negative part of the weights.

    Parameters
    ----------
    treatment : ndarray, shape (n_rows,)
        1 while treated and 0 otherwise, or a dose.
    left : ndarray, shape (n_rows,)
        What fixed effects and the other columns leave of it.
    weights : ndarray, shape (n_rows,), optional
        Observation weights.

    Examples
    --------
    >>> treatment = np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0])
    >>> left = np.array([-1.0, 1.0, 0.0, 1.0, -1.0, 0.0]) / 3 + np.array([0.0, 0.1, -0.1, 0.0, 0.0, 0.0])
    >>> found = negative_weights(treatment, left)
    >>> found.negative_rows, round(found.total, 3)
    (1, -0.3)
    """
    mass = np.ones(len(treatment)) if weights is None else weights
    dosed = treatment * mass
    share = dosed * left
    share = share / share.sum()
    used = treatment != 0
    negative = used & (share < -1e-12)
    part = dosed[used] / dosed.sum()
    # Per unit of treatment, so that rows with large doses or weights do not look unequal.
    density = share[used] / part
    spread = float(np.sqrt(np.sum(part * (density - 1.0) ** 2)))
    return NegativeWeights(int(used.sum()), int(negative.sum()), float(share[negative].sum()), spread)
