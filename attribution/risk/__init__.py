"""Payment under uncertainty: draws of the estimate settled exactly, distances to thresholds, error rates, cliffs."""

from counterfoil.attribution.risk.payments import Payments, draw_payments, settle_draws
from counterfoil.attribution.risk.standing import Standing, standings
from counterfoil.attribution.risk.thresholds import Threshold, thresholds

__all__ = ["Payments", "Standing", "Threshold", "draw_payments", "settle_draws", "standings", "thresholds"]
