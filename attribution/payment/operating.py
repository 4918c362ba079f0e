"""What a gate does before anything is known: how often it pays, how much on average, and how much it exaggerates.

A gate lets lucky draws through. At a stated true gain V₀, with the standard error that the design will have and the
critical value of the bound, the estimate is taken to be normal around V₀, and with gap = critical − (V₀ − minimum)/se

    P(pay) = Φ(−gap)      E[pay] = price · people · (V₀ Φ(−gap) + se φ(gap))      E[estimate | paid]/V₀ = 1 + (se/V₀) φ(gap)/Φ(−gap)

Sources: Ioannidis (2008), *Why most discovered true associations are inflated*; Gelman and Carlin (2014), *Beyond power
calculations*, for the exaggeration ratio; the moments are those of a truncated normal distribution.
"""

import math
from dataclasses import dataclass

from scipy.special import erfcx, ndtr


@dataclass(frozen=True, slots=True)
class Operating:
    """A gate at one true gain.

    Parameters
    ----------
    true_gain : float
        Per person, oriented so that higher is better.
    pay_chance : float
        Chance that something is paid.
    estimate_if_paid : float
        Mean estimate among the draws that are paid, per person.
    expected_estimate : float
        Mean of what is paid for, per person: the estimate where it is paid, and zero where it is not.
    """

    true_gain: float
    pay_chance: float
    estimate_if_paid: float
    expected_estimate: float

    @property
    def exaggeration(self) -> float | None:
        """Mean estimate when paid over the true gain; None where there is no gain to exaggerate."""
        return self.estimate_if_paid / self.true_gain if self.true_gain > 0 else None

    def expected_payment(self, price: float, people: int) -> float:
        """Return the mean payment for a price of each unit of gain per person, before caps."""
        return price * people * self.expected_estimate


def gate_operating(true_gain: float, std_error: float, critical: float, total_above: float = 0.0) -> Operating:
    """Return how a gate operates at a stated true gain.

    Parameters
    ----------
    true_gain : float
        Per person, oriented so that higher is better.
    std_error : float
        That the total gain will have; see `counterfoil.estimators.power.planned_error`.
    critical : float
        Of the gate's bound, such as ``total.critical(gate.level, gate.bound)``.
    total_above : float
        The gate's minimum. A loss is never collected, so an estimate below zero pays nothing under any minimum.

    Examples
    --------
    >>> found = gate_operating(2.49, std_error=1.0, critical=1.645)
    >>> round(found.pay_chance, 2), round(found.exaggeration, 2)
    (0.8, 1.14)
    """
    if not (std_error > 0 and math.isfinite(std_error)):
        raise ValueError("the standard error is not a positive number")
    cutoff = max(total_above + critical * std_error, 0.0)
    gap = (cutoff - true_gain) / std_error
    # The scaled error function keeps density over chance where both vanish, far above the true gain.
    excess = math.sqrt(2 / math.pi) / float(erfcx(gap / math.sqrt(2))) - gap
    estimate = cutoff + std_error * max(excess, 0.0)
    chance = float(ndtr(-gap))
    return Operating(true_gain, chance, estimate, chance * estimate)
