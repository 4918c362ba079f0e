"""The registry of clauses: each is told from the others by the key that only it has."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from counterfoil.attribution.payment.bonus import Bonus, gross_of_bonus
from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.curve import Curve, gross_of_curve
from counterfoil.attribution.payment.fees import Fees
from counterfoil.attribution.payment.floor import Floor
from counterfoil.attribution.payment.grant import Grant, gross_of_grant
from counterfoil.attribution.payment.hold import Hold
from counterfoil.attribution.payment.payers import PayerSplit
from counterfoil.attribution.payment.price import Pricing
from counterfoil.attribution.payment.savings_share import SavingsShare, gross_of_savings
from counterfoil.attribution.payment.sliding_scale import SlidingScale, gross_of_scale
from counterfoil.attribution.payment.step_table import StepTable, gross_of_steps
from counterfoil.attribution.payment.top_up import TopUp
from counterfoil.attribution.payment.unit_price import UnitPrice, gross_of_units

Clause = (
    UnitPrice
    | StepTable
    | Curve
    | SlidingScale
    | Bonus
    | SavingsShare
    | Grant
    | PayerSplit
    | TopUp
    | Cap
    | Floor
    | Hold
    | Fees
)

CLAUSES: Final[dict[str, type[BaseModel]]] = {
    "cap": Cap,
    "floor": Floor,
    "hold": Hold,
    "fees": Fees,
    "payers": PayerSplit,
    "top_up": TopUp,
    "grant": Grant,
    "bonus": Bonus,
    "steps": StepTable,
    "curve": Curve,
    "sliding": SlidingScale,
    "savings_share": SavingsShare,
    "prices": UnitPrice,
    "price": UnitPrice,
}
"""The key that tells a clause to what it is."""

PRICINGS: Final[Mapping[type[BaseModel], Pricing]] = {
    UnitPrice: gross_of_units,
    StepTable: gross_of_steps,
    Curve: gross_of_curve,
    SlidingScale: gross_of_scale,
    Bonus: gross_of_bonus,
    SavingsShare: gross_of_savings,
    Grant: gross_of_grant,
}
"""How each kind of price is computed."""


def clause_name(value: Any) -> str:
    """Return the name of the clause that a section of a contract is, by its key; ``UnitPrice`` where no key tells.

    Examples
    --------
    >>> clause_name({"quantity": "homes", "by": "rung", "prices": {}}), clause_name({"cap": "5.00", "scope": "contract"})
    ('UnitPrice', 'Cap')
    """
    if isinstance(value, BaseModel):
        return type(value).__name__
    key = next((key for key in CLAUSES if isinstance(value, Mapping) and key in value), "price")
    return CLAUSES[key].__name__
