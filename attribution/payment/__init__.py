"""Payment: frozen clauses and pure functions that turn a gain and its division into exact money."""

from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.gate import Gate, GateResult, apply_gate
from counterfoil.attribution.payment.money import exact, largest_remainder
from counterfoil.attribution.payment.settlement import Clause, Line, Settlement, settle
from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.payment.trace import Priced, Step
from counterfoil.attribution.payment.unit_price import UnitPrice

__all__ = [
    "Cap",
    "Clause",
    "Gate",
    "GateResult",
    "Line",
    "Priced",
    "Settlement",
    "Split",
    "Step",
    "UnitPrice",
    "apply_gate",
    "exact",
    "largest_remainder",
    "settle",
]
