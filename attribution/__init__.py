"""Attribution: rules divide the gain among providers, payment clauses turn the division into money."""

from counterfoil.attribution.dose_split import DoseSplit
from counterfoil.attribution.equal_split import EqualSplit
from counterfoil.attribution.last_in import LastIn
from counterfoil.attribution.rules import RULES, rule_named
from counterfoil.attribution.shapley import Shapley
from counterfoil.attribution.shares import Shares, attribute

__all__ = ["RULES", "DoseSplit", "EqualSplit", "LastIn", "Shapley", "Shares", "attribute", "rule_named"]
