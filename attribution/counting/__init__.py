"""Counting: from claims to the verified quantities that a contract prices, one kind of quantity a file."""

from counterfoil.attribution.counting.assign import Assign, AssignStep, assign_people
from counterfoil.attribution.counting.deductions import Deducted, Deductions, deducted, gross_to_net
from counterfoil.attribution.counting.dependence import in_order_of_dependence
from counterfoil.attribution.counting.eligibility import PeopleCondition, eligible
from counterfoil.attribution.counting.event_count import Count, count_events
from counterfoil.attribution.counting.period import Period, PeriodTerms, in_period, periods_of
from counterfoil.attribution.counting.quantity import Cell, Quantity

__all__ = [
    "Assign",
    "AssignStep",
    "Cell",
    "Count",
    "Deducted",
    "Deductions",
    "PeopleCondition",
    "Period",
    "PeriodTerms",
    "Quantity",
    "assign_people",
    "count_events",
    "deducted",
    "eligible",
    "gross_to_net",
    "in_order_of_dependence",
    "in_period",
    "periods_of",
]
