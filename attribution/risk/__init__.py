"""Payment under uncertainty: draws of the estimate settled exactly, distances to thresholds, error rates, cliffs."""

from counterfoil.attribution.risk.cliff import Cliff, Knot, cliff_cost, graduate, knots_of, paid_at, tidy_cliffs
from counterfoil.attribution.risk.distance import Distance, GateEdge, distances, gate_edge, tidy_distances
from counterfoil.attribution.risk.drawing import Uncertain, around_estimates, correlations, standard_draws
from counterfoil.attribution.risk.histogram import plot_payments
from counterfoil.attribution.risk.operating_table import (
    OperatingRow,
    gate_cutoff,
    linear_price,
    operate_by_draws,
    operate_by_formula,
    operating_row,
    tidy_operating,
)
from counterfoil.attribution.risk.payments import Payments, draw_payments, settle_draws
from counterfoil.attribution.risk.standing import Standing, looking_at, standings
from counterfoil.attribution.risk.thresholds import Threshold, thresholds

__all__ = [
    "Cliff",
    "Distance",
    "GateEdge",
    "Knot",
    "OperatingRow",
    "Payments",
    "Standing",
    "Threshold",
    "Uncertain",
    "around_estimates",
    "cliff_cost",
    "correlations",
    "distances",
    "draw_payments",
    "gate_cutoff",
    "gate_edge",
    "graduate",
    "knots_of",
    "linear_price",
    "looking_at",
    "operate_by_draws",
    "operate_by_formula",
    "operating_row",
    "paid_at",
    "plot_payments",
    "settle_draws",
    "standard_draws",
    "standings",
    "thresholds",
    "tidy_cliffs",
    "tidy_distances",
    "tidy_operating",
]
