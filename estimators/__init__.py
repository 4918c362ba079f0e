"""Estimators: each measures a gain and returns an `Estimate` with one influence value per person."""

from counterfoil.estimators.aliases import alias_sets
from counterfoil.estimators.balance import balance
from counterfoil.estimators.bounds import bounds
from counterfoil.estimators.causation import probability_of_causation
from counterfoil.estimators.cells import Cells
from counterfoil.estimators.comparisons.balance_joint import joint_balance, prognostic_balance
from counterfoil.estimators.comparisons.balance_measures import Balance, balance_of
from counterfoil.estimators.comparisons.balance_plots import love_plot, score_plot
from counterfoil.estimators.comparisons.balance_result import BalanceTable, love_rows
from counterfoil.estimators.comparisons.balance_table import balance_table
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.comparisons.multiple_imputation import join_imputations, over_imputations
from counterfoil.estimators.comparisons.ols_weights import OlsWeights, ols_weights
from counterfoil.estimators.comparisons.overlap import Overlap, measure_overlap
from counterfoil.estimators.comparisons.set_weights import weights_of_sets
from counterfoil.estimators.contamination import contamination
from counterfoil.estimators.contribution import Contribution, ContributionFit, functional
from counterfoil.estimators.covariate_strength import covariate_strength
from counterfoil.estimators.credit_bounds import CreditBounds
from counterfoil.estimators.divisible import Divisible
from counterfoil.estimators.dose_response import DoseResponse, DoseResponseFit
from counterfoil.estimators.doubly_robust.cross_fitting import CrossFitting
from counterfoil.estimators.doubly_robust.doubly_robust import DoublyRobust
from counterfoil.estimators.doubly_robust.robust_comparison import RobustComparison
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment, arm_means
from counterfoil.estimators.feedback import progress_predicts_enrolment
from counterfoil.estimators.fixed_baseline import FixedBaseline, observed_and_baseline, risk_growth_cap
from counterfoil.estimators.influential import influential
from counterfoil.estimators.instruments import InstrumentalVariable, InstrumentFit
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.ladder import ladder
from counterfoil.estimators.matching.matched import Matched
from counterfoil.estimators.matching.matching import Matching
from counterfoil.estimators.omitted_variable import omitted_variable
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.panel_fit import PanelContributionFit
from counterfoil.estimators.panels.bacon import BaconDecomposition, goodman_bacon
from counterfoil.estimators.panels.breakdown import Breakdown, breakdown
from counterfoil.estimators.panels.cohort_map import plot_cohorts
from counterfoil.estimators.panels.difference_in_differences import DifferenceInDifferences
from counterfoil.estimators.panels.event_study import EventStudy, plot_event_study
from counterfoil.estimators.panels.event_study_regression import EventStudyRegression
from counterfoil.estimators.panels.honest import Sensitivity, robust_intervals
from counterfoil.estimators.panels.joint_bands import joint_bands
from counterfoil.estimators.panels.panel_support import PanelSupport, panel_support
from counterfoil.estimators.panels.pretrend_power import PretrendPower, pretrend_power
from counterfoil.estimators.panels.sensitivity_plot import plot_sensitivity
from counterfoil.estimators.panels.staggered_did import StaggeredDiD, staggered
from counterfoil.estimators.panels.staggered_fit import StaggeredFit
from counterfoil.estimators.panels.staggered_plan import StaggeredPlan, plan_staggered
from counterfoil.estimators.panels.two_way_fixed_effects import TwoWayFit, TwoWayFixedEffects
from counterfoil.estimators.permuted_rosters import permuted_rosters
from counterfoil.estimators.placebo import placebo
from counterfoil.estimators.power import smallest_detectable
from counterfoil.estimators.published import Clusters, Published, published_estimate
from counterfoil.estimators.ranks import rank_sets
from counterfoil.estimators.refutation.causal_graph import CausalGraph
from counterfoil.estimators.refutation.dowhy_refuters import dowhy_refuters
from counterfoil.estimators.refutation.identification import Identification, identify
from counterfoil.estimators.refutation.negative_controls import NegativeControls
from counterfoil.estimators.refutation.refutation import Refutation
from counterfoil.estimators.refutation.refuters import Refuters, refute
from counterfoil.estimators.refutation.roles import identify_design
from counterfoil.estimators.sensitivity.benchmarks import benchmarks
from counterfoil.estimators.sensitivity.coefficient_stability import CoefficientStability, coefficient_stability
from counterfoil.estimators.sensitivity.contours import plot_contours
from counterfoil.estimators.sensitivity.e_value import EValue, e_value
from counterfoil.estimators.sensitivity.linear_confounder import LinearConfounder, linear_confounder
from counterfoil.estimators.sensitivity.matched_sets import SetBounds, set_bounds
from counterfoil.estimators.sensitivity.omitted_confounder import Confoundable, omitted_confounder
from counterfoil.estimators.sensitivity.order_flips import OrderFlips, order_flips
from counterfoil.estimators.sensitivity.rosenbaum_bounds import PairBounds, rosenbaum_bounds
from counterfoil.estimators.sensitivity.strength import Benchmark
from counterfoil.estimators.sequential import SequentialContribution, SequentialFit
from counterfoil.estimators.service_graph import detectable_share, service_graph
from counterfoil.estimators.service_map import co_service, plot_service_map
from counterfoil.estimators.shrinkage import ShrunkCredits, shrink
from counterfoil.estimators.spillover import site_level, spillover
from counterfoil.estimators.stack import stack
from counterfoil.estimators.subgroups import gain_by_group
from counterfoil.estimators.support import support
from counterfoil.estimators.synthetic.before_outcomes import reach
from counterfoil.estimators.synthetic.interrupted_time_series import InterruptedTimeSeries
from counterfoil.estimators.synthetic.plots import plot_donor_weights, plot_gap
from counterfoil.estimators.synthetic.series_fit import InterruptedTimeSeriesFit
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl
from counterfoil.estimators.synthetic.synthetic_fit import SyntheticControlFit
from counterfoil.estimators.trials.arm_weights import ArmWeights, contamination_bias
from counterfoil.estimators.trials.attrition_table import attrition_table
from counterfoil.estimators.trials.cluster_jackknife import cluster_jackknife
from counterfoil.estimators.trials.cluster_means import ClusterMeans
from counterfoil.estimators.trials.few_treated import few_treated
from counterfoil.estimators.trials.lee_bounds import lee_bounds
from counterfoil.estimators.trials.multiplicity import adjusted
from counterfoil.estimators.trials.randomization import randomization_inference, randomize
from counterfoil.estimators.trials.randomization_plot import plot_randomization
from counterfoil.estimators.trials.regression import Regression, regression_of
from counterfoil.estimators.trials.sharp_null import RandomizationTest
from counterfoil.estimators.trials.wild_cluster import wild_bootstrap, wild_cluster
from counterfoil.estimators.trials.worst_case import worst_case
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting
from counterfoil.estimators.weighting.longitudinal_weights import LongitudinalWeights
from counterfoil.estimators.weighting.weighting import Weighting
from counterfoil.estimators.weighting.weights import Weights

# isort: split
# Below, so that the function and not the package of the same name is what users import.
from counterfoil.estimators.panels.honest import sensitivity

__all__ = [
    "ArmWeights",
    "BaconDecomposition",
    "Balance",
    "BalanceTable",
    "Benchmark",
    "Breakdown",
    "CausalGraph",
    "Cells",
    "ClusterMeans",
    "Clusters",
    "CoefficientStability",
    "ComparisonFit",
    "Confoundable",
    "Contribution",
    "ContributionFit",
    "CreditBounds",
    "CrossFitting",
    "DifferenceInDifferences",
    "Divisible",
    "DoseResponse",
    "DoseResponseFit",
    "DoublyRobust",
    "EValue",
    "Estimate",
    "EventStudy",
    "EventStudyRegression",
    "Experiment",
    "FixedBaseline",
    "Identification",
    "InstrumentFit",
    "InstrumentalVariable",
    "InterruptedTimeSeries",
    "InterruptedTimeSeriesFit",
    "Kernel",
    "LinearConfounder",
    "LongitudinalWeighting",
    "LongitudinalWeights",
    "Matched",
    "Matching",
    "NegativeControls",
    "OlsWeights",
    "OrderFlips",
    "Overlap",
    "PairBounds",
    "PanelContribution",
    "PanelContributionFit",
    "PanelSupport",
    "PretrendPower",
    "Published",
    "RandomizationTest",
    "Refutation",
    "Refuters",
    "Regression",
    "RobustComparison",
    "Sensitivity",
    "SequentialContribution",
    "SequentialFit",
    "SetBounds",
    "ShrunkCredits",
    "StaggeredDiD",
    "StaggeredFit",
    "StaggeredPlan",
    "SyntheticControl",
    "SyntheticControlFit",
    "TwoWayFit",
    "TwoWayFixedEffects",
    "Weighting",
    "Weights",
    "adjusted",
    "alias_sets",
    "arm_means",
    "attrition_table",
    "balance",
    "balance_of",
    "balance_table",
    "benchmarks",
    "bounds",
    "breakdown",
    "cluster_jackknife",
    "co_service",
    "coefficient_stability",
    "contamination",
    "contamination_bias",
    "covariate_strength",
    "detectable_share",
    "dowhy_refuters",
    "e_value",
    "few_treated",
    "functional",
    "gain_by_group",
    "goodman_bacon",
    "identify",
    "identify_design",
    "influential",
    "join_imputations",
    "joint_balance",
    "joint_bands",
    "ladder",
    "lee_bounds",
    "linear_confounder",
    "love_plot",
    "love_rows",
    "measure_overlap",
    "observed_and_baseline",
    "ols_weights",
    "omitted_confounder",
    "omitted_variable",
    "order_flips",
    "over_imputations",
    "panel_support",
    "permuted_rosters",
    "placebo",
    "plan_staggered",
    "plot_cohorts",
    "plot_contours",
    "plot_donor_weights",
    "plot_event_study",
    "plot_gap",
    "plot_randomization",
    "plot_sensitivity",
    "plot_service_map",
    "pretrend_power",
    "probability_of_causation",
    "prognostic_balance",
    "progress_predicts_enrolment",
    "published_estimate",
    "randomization_inference",
    "randomize",
    "rank_sets",
    "reach",
    "refute",
    "regression_of",
    "risk_growth_cap",
    "robust_intervals",
    "rosenbaum_bounds",
    "score_plot",
    "sensitivity",
    "service_graph",
    "set_bounds",
    "shrink",
    "site_level",
    "smallest_detectable",
    "spillover",
    "stack",
    "staggered",
    "support",
    "weights_of_sets",
    "wild_bootstrap",
    "wild_cluster",
    "worst_case",
]
