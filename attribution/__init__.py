"""Attribution: rules divide the gain among providers, payment clauses turn the division into money."""

from counterfoil.attribution.aumann_shapley import aumann_shapley
from counterfoil.attribution.backbone import BackboneSensitivity, backbone_sensitivity
from counterfoil.attribution.banzhaf import Banzhaf
from counterfoil.attribution.comparison import RuleComparison, rule_width
from counterfoil.attribution.core import excess, stable
from counterfoil.attribution.dose_credits import AumannShapley
from counterfoil.attribution.dose_split import DoseSplit
from counterfoil.attribution.equal_split import EqualSplit
from counterfoil.attribution.first_in import FirstIn
from counterfoil.attribution.fixed import Fixed
from counterfoil.attribution.game import banzhaf_values, dividends, rule_values, shapley_values
from counterfoil.attribution.interaction_mass import interaction_mass, pure_effects
from counterfoil.attribution.interactions import Interactions, interactions
from counterfoil.attribution.last_in import LastIn
from counterfoil.attribution.order_of_service import OrderOfService
from counterfoil.attribution.owen import Owen
from counterfoil.attribution.plurality import Plurality
from counterfoil.attribution.rules import RULES, answered_rules, rule_named
from counterfoil.attribution.shapley import Shapley
from counterfoil.attribution.share_bars import plot_share_bars
from counterfoil.attribution.shares import Shares, attribute
from counterfoil.attribution.stage_respecting import StageRespecting
from counterfoil.attribution.substitution import substitution_credits
from counterfoil.attribution.waterfall import plot_waterfall
from counterfoil.attribution.weighted_shapley import WeightedShapley
from counterfoil.estimators.dose_monomials import monomial_shares

__all__ = [
    "RULES",
    "AumannShapley",
    "BackboneSensitivity",
    "Banzhaf",
    "DoseSplit",
    "EqualSplit",
    "FirstIn",
    "Fixed",
    "Interactions",
    "LastIn",
    "OrderOfService",
    "Owen",
    "Plurality",
    "RuleComparison",
    "Shapley",
    "Shares",
    "StageRespecting",
    "WeightedShapley",
    "answered_rules",
    "attribute",
    "aumann_shapley",
    "backbone_sensitivity",
    "banzhaf_values",
    "dividends",
    "excess",
    "interaction_mass",
    "interactions",
    "monomial_shares",
    "plot_share_bars",
    "plot_waterfall",
    "pure_effects",
    "rule_named",
    "rule_values",
    "rule_width",
    "shapley_values",
    "stable",
    "substitution_credits",
]
