"""Payment: frozen clauses and pure functions that turn a gain and its division into exact money."""

from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.gate import Gate, GateResult, apply_gate
from counterfoil.attribution.payment.money import exact, largest_remainder
from counterfoil.attribution.payment.operating import Operating, gate_operating
from counterfoil.attribution.payment.pot import PotAndSplit, compare_pot_and_split
from counterfoil.attribution.payment.precision import Projected, project_by_precision
from counterfoil.attribution.payment.projection import project_credits
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
    "Operating",
    "PotAndSplit",
    "Priced",
    "Projected",
    "Settlement",
    "Split",
    "Step",
    "UnitPrice",
    "apply_gate",
    "compare_pot_and_split",
    "exact",
    "gate_operating",
    "largest_remainder",
    "project_by_precision",
    "project_credits",
    "settle",
]
