"""Gains: effects that are blended, weighted, pooled, adjusted, rounded and held against gates before they are priced."""

from counterfoil.attribution.gains.any_gate import AnyGate, hold_gate, needs_design
from counterfoil.attribution.gains.blend import Blend, blend_value, blended
from counterfoil.attribution.gains.completion import Completion, completed
from counterfoil.attribution.gains.few_clusters import (
    FewClusters,
    clusters_of,
    hold_clusters,
    refuse_unreachable,
    smallest_permutation_p,
)
from counterfoil.attribution.gains.held import Held
from counterfoil.attribution.gains.index import Index, Metric, index_value, indexed
from counterfoil.attribution.gains.joint import Joined, joint
from counterfoil.attribution.gains.own_test import OwnTest
from counterfoil.attribution.gains.p_value_gate import PValueGate, hold_p_value
from counterfoil.attribution.gains.point_gate import PointGate, hold_point, point_value
from counterfoil.attribution.gains.pool import Pool, Pooled, pool_value, pooled
from counterfoil.attribution.gains.precision_gate import (
    Band,
    PrecisionGate,
    hold_precision,
    minimum_for,
    precision_value,
)
from counterfoil.attribution.gains.probability_gate import Prior, ProbabilityGate, hold_probability
from counterfoil.attribution.gains.relative import Relative, relative_gain, relative_reduction, relative_set
from counterfoil.attribution.gains.robust_gate import RobustGate, hold_robust
from counterfoil.attribution.gains.round_effect import RoundEffect, round_effect
from counterfoil.attribution.gains.truncate import Truncate, truncated, truncated_values

__all__ = [
    "AnyGate",
    "Band",
    "Blend",
    "Completion",
    "FewClusters",
    "Held",
    "Index",
    "Joined",
    "Metric",
    "OwnTest",
    "PValueGate",
    "PointGate",
    "Pool",
    "Pooled",
    "PrecisionGate",
    "Prior",
    "ProbabilityGate",
    "Relative",
    "RobustGate",
    "RoundEffect",
    "Truncate",
    "blend_value",
    "blended",
    "clusters_of",
    "completed",
    "hold_clusters",
    "hold_gate",
    "hold_p_value",
    "hold_point",
    "hold_precision",
    "hold_probability",
    "hold_robust",
    "index_value",
    "indexed",
    "joint",
    "minimum_for",
    "needs_design",
    "point_value",
    "pool_value",
    "pooled",
    "precision_value",
    "refuse_unreachable",
    "relative_gain",
    "relative_reduction",
    "relative_set",
    "round_effect",
    "smallest_permutation_p",
    "truncated",
    "truncated_values",
]
