"""How effects are adjusted, and when they become known, against their designs and the contract's periods."""

from collections.abc import Iterator

from counterfoil.attribution.gains.blend import Blend
from counterfoil.attribution.gains.p_value_gate import PValueGate
from counterfoil.attribution.gains.pool import Pool
from counterfoil.attribution.gains.probability_gate import ProbabilityGate
from counterfoil.attribution.payment.gate import Gate
from counterfoil.contract import Comparison, Composed, Contract, Effect, Measured, OverTime, Placed
from counterfoil.errors import Problem, did_you_mean, listed
from counterfoil.estimators.comparisons.comparison_design import ComparisonDesign
from counterfoil.estimators.contribution import Contribution
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.fixed_baseline import FixedBaseline
from counterfoil.estimators.instruments.instrumental_variable import InstrumentalVariable
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.published import Published
from counterfoil.estimators.synthetic.synthetic_control import SyntheticControl
from counterfoil.estimators.weighting.longitudinal_weighting import LongitudinalWeighting


def check_adjusted(contract: Contract) -> Iterator[Problem]:
    """Yield adjustments that do not fit an effect's design, and periods that there are not."""
    for name, effect in contract.effects.items():
        yield from _check_adjustments(contract, name, effect)
        yield from _check_gate(contract, name, effect)
        yield from _check_parts(contract, name, effect)


def _check_parts(contract: Contract, name: str, effect: Effect) -> Iterator[Problem]:
    """Yield a blend or a pool of effects on different outcomes."""
    if not isinstance(effect.estimator, Blend | Pool) or getattr(effect.estimator, "alike", False):
        return
    outcomes = sorted({contract.effects[part].outcome for part in effect.estimator.of if part in contract.effects})
    if len(outcomes) > 1:
        what = f"the parts of effect '{name}' are on the outcomes {listed(outcomes)}"
        yield Problem("CONTRACT-022", what, contract.where("effects", name, "estimator", "of"))


def _check_gate(contract: Contract, name: str, effect: Effect) -> Iterator[Problem]:
    """Yield a gate that needs a standard error where the design gives a test instead."""
    spec, gate = effect.estimator, effect.gate
    if not isinstance(spec, SyntheticControl) or spec.inference not in ("placebo", "conformal"):
        return
    by_error = isinstance(gate, Gate | ProbabilityGate) or (
        isinstance(gate, PValueGate) and gate.test != spec.inference
    )
    if by_error:
        what = f"the gate needs a standard error, and `inference: {spec.inference}` gives a test instead"
        fix = f"agree on `{{p_below: ..., sides: two, test: {spec.inference}}}`, on `at_least:`, or on another `inference:`"
        yield Problem("CONTRACT-016", what, contract.where("effects", name, "gate"), fix)


def _check_adjustments(contract: Contract, name: str, effect: Effect) -> Iterator[Problem]:
    spec = effect.estimator
    if effect.relative and not isinstance(spec, Experiment | FixedBaseline):
        what = f"`relative:` needs a mean without the programme, which kind {spec.kind} does not give"
        yield Problem("CONTRACT-016", what, contract.where("effects", name, "relative"))
    if effect.relative and effect.split is not None:
        what = "`relative:` and `split:` do not go together: a gain in per cent has no credits in the outcome's units"
        yield Problem("CONTRACT-016", what, contract.where("effects", name, "relative"))
    if effect.truncate is not None and not isinstance(spec, Measured):
        what = f"`truncate:` cuts off people's outcomes, and kind {spec.kind} has none"
        yield Problem("CONTRACT-016", what, contract.where("effects", name, "truncate"))
    if effect.truncate is not None and isinstance(spec, PanelContribution | OverTime | Placed):
        what = "`truncate:` is for an outcome of one period, and a panel has several"
        yield Problem("CONTRACT-016", what, contract.where("effects", name, "truncate"))
    if isinstance(spec, Experiment | ComparisonDesign) and spec.arm is None:
        # Columns of one programme's periods are no groups.
        groups = not isinstance(spec, LongitudinalWeighting) and isinstance(getattr(spec, "treated", None), tuple)
        several = spec.control is not None or groups
        key = "control" if spec.control is not None else "treated"
        what = f"an effect has one gain, and `{key}:` without `arm:` leaves open whose it is"
        where = contract.where("effects", name, "estimator", key)
        yield from [Problem("CONTRACT-016", what, where, "add `arm:`, or `arm: any`")] if several else []
    for key in ("graph", "negative_controls"):
        if getattr(effect, key) is not None and not isinstance(
            spec, Experiment | InstrumentalVariable | Comparison | Contribution
        ):
            what = f"`{key}:` is held against designs that compare people at one time, and kind {spec.kind} is none"
            yield Problem("CONTRACT-016", what, contract.where("effects", name, key))
    if effect.graph is not None and isinstance(spec, LongitudinalWeighting):
        what = "`graph:` has no time, and cannot speak of a treatment that is decided period by period"
        yield Problem("CONTRACT-016", what, contract.where("effects", name, "graph"), "leave the graph out")
    if effect.settled_in is None:
        return
    if isinstance(spec, Published | Composed):
        what = f"an effect of kind {spec.kind} is known in the periods in which it, or its parts, are reported"
        yield Problem("CONTRACT-016", what, contract.where("effects", name, "settled_in"))
    elif effect.settled_in not in contract.periods:
        what = f"there is no period '{effect.settled_in}'{did_you_mean(effect.settled_in, contract.periods)}"
        yield Problem("CONTRACT-010", what, contract.where("effects", name, "settled_in"))
