"""Tests of a design's own, for gates that ask for one: permutations of a lottery, wild bootstraps, placebos, shuffled periods.

Draws are seeded, so that the same data decide a gate the same way.
"""

import math
from typing import Final

from counterfoil.attribution.gains.held import Better
from counterfoil.attribution.gains.own_test import OwnTest
from counterfoil.attribution.gains.p_value_gate import PValueGate
from counterfoil.attribution.gains.robust_gate import RobustGate
from counterfoil.contract import Measured, OverTime
from counterfoil.datasets.study import Study
from counterfoil.errors import refusal
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.fitted import Fitted
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl
from counterfoil.estimators.synthetic.synthetic_fit import SyntheticControlFit
from counterfoil.estimators.trials.lottery_statistic import Alternative
from counterfoil.estimators.trials.randomization import randomization_inference
from counterfoil.estimators.trials.regression import HasRegression
from counterfoil.estimators.trials.wild_cluster import wild_cluster

DRAWS: Final = 9_999
SEED: Final = 0


def offers(gate: object, spec: Measured) -> bool:
    """Tell whether a design has what a gate is held against beyond an estimate; true of gates that ask for nothing more."""
    if isinstance(gate, RobustGate):
        return isinstance(spec, OverTime)
    if not isinstance(gate, PValueGate) or gate.test == "t":
        return True
    if gate.test == "permutation":
        return isinstance(spec, Experiment)
    return isinstance(spec, Experiment | HasRegression if gate.test == "wild_cluster" else SyntheticControl)


def own_test(
    gate: PValueGate, spec: Measured, measured: Estimate | Fitted, study: Study, better: Better
) -> OwnTest | None:
    """Return what the design's own test that a gate asks for says, or None where the design has no such test.

    Raises
    ------
    EstimationError
        EST-041 when the test answers another question than the gate asks, and whatever the test refuses.
    """
    if not offers(gate, spec):
        return None
    sign = 1.0 if better == "higher" else -1.0
    above, limit = float(gate.above), float(gate.p_below)
    if gate.test == "permutation" and isinstance(spec, Experiment):
        side: Alternative = "two-sided" if gate.sides == "two" else "greater" if better == "higher" else "less"
        found = randomization_inference(spec, study, alternative=side, draws=DRAWS, seed=SEED)
        low, high = found.interval(1.0 - limit).tolist()
        return OwnTest(found.p_value_at(sign * above), _line(low, high, better))
    if gate.test == "wild_cluster":
        # A symmetric test, halved for one side.
        tails = 1 if gate.sides == "two" else 2
        drawn = wild_cluster(spec, study, draws=DRAWS, conf_level=1.0 - tails * limit, seed=SEED)
        p_value = drawn.p_value_at(sign * above) / tails
        return OwnTest(
            p_value if sign * drawn.value > above or tails == 1 else 1.0 - p_value,
            _line(drawn.conf_low, drawn.conf_high, better),
        )
    if gate.test in ("placebo", "conformal") and isinstance(measured, SyntheticControlFit):
        if gate.sides != "two" or above != 0:
            what = f"the {gate.test} test is of no effect in either direction"
            raise refusal("EST-041", what, "gate", "write `sides: two` and leave `above` out")
        if gate.test == "placebo":
            return OwnTest(measured.placebo().p_value, None)
        shuffled = measured.conformal(1.0 - limit)
        return OwnTest(shuffled.p_value, _line(shuffled.conf_low, shuffled.conf_high, better))
    return None


def _line(low: float, high: float, better: Better) -> float | None:
    """Return the end of a confidence set that a gain must clear, oriented so that higher is better."""
    line = low if better == "higher" else -high
    return line if math.isfinite(line) else None
