"""Payment: frozen clauses and pure functions that turn a gain and its division into exact money."""

from counterfoil.attribution.money.amounts import exact, largest_remainder
from counterfoil.attribution.payment.bonus import Bonus
from counterfoil.attribution.payment.cap import Cap
from counterfoil.attribution.payment.clauses import CLAUSES, Clause
from counterfoil.attribution.payment.condition import Condition
from counterfoil.attribution.payment.curve import Curve
from counterfoil.attribution.payment.division import Division
from counterfoil.attribution.payment.escalator import Escalator
from counterfoil.attribution.payment.floor import Floor
from counterfoil.attribution.payment.gate import Gate, GateResult, apply_gate
from counterfoil.attribution.payment.grant import Grant
from counterfoil.attribution.payment.hold import Hold
from counterfoil.attribution.payment.line import Line
from counterfoil.attribution.payment.operating import Operating, gate_operating
from counterfoil.attribution.payment.payers import PayerSplit
from counterfoil.attribution.payment.pot import PotAndSplit, compare_pot_and_split
from counterfoil.attribution.payment.precision import Projected, project_by_precision
from counterfoil.attribution.payment.projection import project_credits
from counterfoil.attribution.payment.settlement import Inputs, Settlement
from counterfoil.attribution.payment.settling import settle, settle_inputs
from counterfoil.attribution.payment.sliding_scale import SlidingScale
from counterfoil.attribution.payment.split import Split
from counterfoil.attribution.payment.step_table import StepTable
from counterfoil.attribution.payment.top_up import TopUp
from counterfoil.attribution.payment.trace import Priced, Step
from counterfoil.attribution.payment.unit_price import UnitPrice

__all__ = [
    "CLAUSES",
    "Bonus",
    "Cap",
    "Clause",
    "Condition",
    "Curve",
    "Division",
    "Escalator",
    "Floor",
    "Gate",
    "GateResult",
    "Grant",
    "Hold",
    "Inputs",
    "Line",
    "Operating",
    "PayerSplit",
    "PotAndSplit",
    "Priced",
    "Projected",
    "Settlement",
    "SlidingScale",
    "Split",
    "Step",
    "StepTable",
    "TopUp",
    "UnitPrice",
    "apply_gate",
    "compare_pot_and_split",
    "exact",
    "gate_operating",
    "largest_remainder",
    "project_by_precision",
    "project_credits",
    "settle",
    "settle_inputs",
]
