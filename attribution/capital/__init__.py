"""Capital: who put the money up, and how receipts return it: waterfall, guarantee, limits on the return, fees."""

from counterfoil.attribution.capital.capital import Capital
from counterfoil.attribution.capital.distribution import Balance, Distributed, Distribution, Receipt
from counterfoil.attribution.capital.draw import Draw
from counterfoil.attribution.capital.early_termination import Terminated, Termination, end_early
from counterfoil.attribution.capital.guarantee import Guarantee, guarantee_payment
from counterfoil.attribution.capital.irr import Flow, irr, largest_payment_within_irr, npv
from counterfoil.attribution.capital.recycle import Recycle
from counterfoil.attribution.capital.return_limit import ReturnLimit
from counterfoil.attribution.capital.return_of_capital import InvestorReturn, return_of_capital
from counterfoil.attribution.capital.tranche import Tranche
from counterfoil.attribution.capital.waterfall import distribute

__all__ = [
    "Balance",
    "Capital",
    "Distributed",
    "Distribution",
    "Draw",
    "Flow",
    "Guarantee",
    "InvestorReturn",
    "Receipt",
    "Recycle",
    "ReturnLimit",
    "Terminated",
    "Termination",
    "Tranche",
    "distribute",
    "end_early",
    "guarantee_payment",
    "irr",
    "largest_payment_within_irr",
    "npv",
    "return_of_capital",
]
