"""Counting: from claims to the verified quantities that a contract prices, one kind of quantity a file."""

from counterfoil.attribution.counting.assign import Assign, AssignStep
from counterfoil.attribution.counting.assignment import Assigned, assign_people
from counterfoil.attribution.counting.breadth import Breadth, count_breadth
from counterfoil.attribution.counting.deductions import Deducted, Deductions, deducted, gross_to_net
from counterfoil.attribution.counting.dependence import in_order_of_dependence
from counterfoil.attribution.counting.dose import Dose
from counterfoil.attribution.counting.eligibility import PeopleCondition, eligible
from counterfoil.attribution.counting.event_count import Count, count_events
from counterfoil.attribution.counting.kinds import Counted, count, in_order
from counterfoil.attribution.counting.ladder import Ladder, Rung, count_ladder
from counterfoil.attribution.counting.net import Net, count_net
from counterfoil.attribution.counting.period import Period, PeriodTerms, in_period, periods_of
from counterfoil.attribution.counting.quantity import Cell, Quantity
from counterfoil.attribution.counting.ratio import Ratio, count_ratio
from counterfoil.attribution.counting.reported import Reported
from counterfoil.attribution.counting.sample_audit import Audit, audited
from counterfoil.attribution.counting.stock import Stock, count_stock
from counterfoil.attribution.counting.timing import Requires, Reversal, Within
from counterfoil.attribution.counting.volume import limited

__all__ = [
    "Assign",
    "AssignStep",
    "Assigned",
    "Audit",
    "Breadth",
    "Cell",
    "Count",
    "Counted",
    "Deducted",
    "Deductions",
    "Dose",
    "Ladder",
    "Net",
    "PeopleCondition",
    "Period",
    "PeriodTerms",
    "Quantity",
    "Ratio",
    "Reported",
    "Requires",
    "Reversal",
    "Rung",
    "Stock",
    "Within",
    "assign_people",
    "audited",
    "count",
    "count_breadth",
    "count_events",
    "count_ladder",
    "count_net",
    "count_ratio",
    "count_stock",
    "deducted",
    "eligible",
    "gross_to_net",
    "in_order",
    "in_order_of_dependence",
    "in_period",
    "limited",
    "periods_of",
]
