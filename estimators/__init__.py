"""Estimators: each measures a gain and returns an `Estimate` with one influence value per person."""

from counterfoil.estimators.contribution import Contribution, ContributionFit, functional
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.feedback import progress_predicts_enrolment
from counterfoil.estimators.kernel import Kernel
from counterfoil.estimators.power import smallest_detectable
from counterfoil.estimators.sequential import SequentialContribution, SequentialFit
from counterfoil.estimators.shrinkage import ShrunkCredits, shrink
from counterfoil.estimators.stack import stack

__all__ = [
    "Contribution",
    "ContributionFit",
    "Estimate",
    "Experiment",
    "Kernel",
    "SequentialContribution",
    "SequentialFit",
    "ShrunkCredits",
    "functional",
    "progress_predicts_enrolment",
    "shrink",
    "smallest_detectable",
    "stack",
]
