"""From the terms of an effect to its gain: measured on a study, published, or made of other effects; adjusted, rounded, gated.

In this order: the estimate, deductions and completion, rounding, the gate, credits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final

import numpy as np

from counterfoil.attribution.counting.deductions import deducted
from counterfoil.attribution.counting.dependence import in_order_of_dependence
from counterfoil.attribution.gains.any_gate import hold_gate, needs_design
from counterfoil.attribution.gains.blend import Blend, blend_value, blended, blended_over_time
from counterfoil.attribution.gains.completion import completed
from counterfoil.attribution.gains.few_clusters import FewClusters, clusters_of
from counterfoil.attribution.gains.held import Held
from counterfoil.attribution.gains.index import Index, index_value, indexed
from counterfoil.attribution.gains.own_test import OwnTest
from counterfoil.attribution.gains.p_value_gate import PValueGate
from counterfoil.attribution.gains.point_gate import PointGate, point_value
from counterfoil.attribution.gains.pool import Pool, pool_value, pooled
from counterfoil.attribution.gains.precision_gate import PrecisionGate, precision_value
from counterfoil.attribution.gains.relative import relative_gain
from counterfoil.attribution.gains.round_effect import round_effect
from counterfoil.attribution.gains.truncate import truncated
from counterfoil.attribution.money.amounts import exact, multiply
from counterfoil.attribution.payment.gate import GateResult, apply_gate
from counterfoil.attribution.payment.pot import PotAndSplit, compare_pot_and_split
from counterfoil.attribution.payment.trace import Priced
from counterfoil.attribution.risk.distance import GateEdge, gate_edge
from counterfoil.attribution.shares import Shares, attribute
from counterfoil.contract import Composed, Contract, Effect, Measured
from counterfoil.datasets.study import Study
from counterfoil.datasets.table import blank
from counterfoil.errors import ContractError, CounterfoilError, DataError, EstimationError, Problem, refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.divisible import Divisible
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.fitted import ByPeriod, Fitted, WithEventStudy
from counterfoil.estimators.fixed_baseline import FixedBaseline
from counterfoil.estimators.panels.event_study import EventStudy
from counterfoil.estimators.published import Clusters, Published, published_estimate
from counterfoil.estimators.refutation.identification import Identification
from counterfoil.estimators.refutation.refutation import Refutation
from counterfoil.estimators.shrinkage import ShrunkCredits, shrink
from counterfoil.estimators.trials.arms import labels_of
from counterfoil.estimators.trials.cluster_means import ClusterMeans
from counterfoil.findings import Findings, find
from counterfoil.held_against import controlled, identified
from counterfoil.joining import unjoinable
from counterfoil.own_tests import own_test
from counterfoil.reported import Figure

ROUNDING: Final = 64 * float(np.finfo(np.float64).eps)
"""Values and errors below so much of the largest outcome are rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class EffectResult:
    """What became of one effect.

    Parameters
    ----------
    name : str
        Its name in the contract.
    terms : Effect
        What the contract asks.
    total : Estimate or None
        The gain per person, in the outcome's own sign; None when refused.
    measured : Estimate, Fitted or None
        The fitted design, for effects measured on a study.
    over_time : EventStudy or None
        Effects by periods since the services began, for designs that have such.
    fit : Divisible or None
        The fitted gain of several providers, for effects that have such; the dividing effect's where another one divides.
    shares : Shares or None
        Credits, for effects with a split.
    pot_and_split : PotAndSplit or None
        What the two designs say of the gain, where another effect divides this one's pot.
    gate : GateResult or None
        How the gate stands, for effects that have one.
    held : Held or None
        How a gate of any kind stands.
    own : Decimal or None
        The estimate as it is priced, exact, in the outcome's own sign, before deductions and rounding.
    settled_in : str
        The settlement period in which the effect became known.
    earlier : tuple of EffectResult
        The same effect as it was known in earlier periods.
    clusters : Clusters or None
        How many groups were compared, where groups were.
    identification : Identification or None
        What the declared causal graph says of the design, where one is declared.
    controls : Refutation or None
        Negative controls, measured as the effect was, where some are declared.
    noted : tuple of Problem
        Warnings beyond the estimator's own: that pot and split disagree, or cannot be compared.
    refused : tuple of Problem
        Why there is no answer; empty when there is one.
    """

    name: str
    terms: Effect
    total: Estimate | None = None
    measured: Estimate | Fitted | None = None
    over_time: EventStudy | None = None
    fit: Divisible | None = None
    shares: Shares | None = None
    pot_and_split: PotAndSplit | None = None
    gate: GateResult | None = None
    held: Held | None = None
    own: Decimal | None = None
    settled_in: str = ""
    earlier: tuple["EffectResult", ...] = ()
    clusters: Clusters | None = None
    identification: Identification | None = None
    controls: Refutation | None = None
    noted: tuple[Problem, ...] = ()
    refused: tuple[Problem, ...] = ()

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What a reader must know before using the effect."""
        own = () if self.total is None else self.total.warnings
        divided = () if self.shares is None else self.shares.warnings
        return tuple(dict.fromkeys((*divided, *own, *self.noted)))

    @property
    def on_credits(self) -> tuple[Problem, ...]:
        """What the credits rest on beyond what the gain does, such as strong parallel trends; it stands beside them."""
        if self.total is None or self.shares is None:
            return ()
        return tuple(problem for problem in self.shares.warnings if problem not in self.total.warnings)

    @property
    def of_places(self) -> bool:
        """Whether the gain counts places, and no people."""
        return self.terms.counted == "place"

    @property
    def left_out(self) -> dict[str, int]:
        """How many were left out for what, as declared."""
        told = [f"{problem.what}," for problem in self.warnings if problem.code == "EST-007"]
        return {name: count for name, count in self.counts.items() if any(f"without {name}," in what for what in told)}

    @property
    def counts(self) -> dict[str, int]:
        """How many people were used, served, or left out for what; empty when refused."""
        found = {} if self.total is None else self.total.diagnostics
        return {name: int(count) for name, count in found.items() if isinstance(count, int | np.integer)}

    @property
    def sign(self) -> int:
        """1 where higher is better, −1 where lower is."""
        return 1 if self.terms.better == "higher" else -1

    def findings(self) -> Findings | None:
        """Return what stands behind the credits, where a gain was divided among providers."""
        if self.shares is None or not isinstance(self.fit, ContributionFit):
            return None
        return find(self.fit, self.shares, self.terms.better, self.terms.groups)

    def shrunk(self, shares: Shares) -> ShrunkCredits | None:
        """Return credits shrunk towards each other, where the contract pays on such."""
        if self.terms.split is None or self.terms.split.credits == "raw" or not isinstance(self.fit, ContributionFit):
            return None
        return shrink(self.fit, shares.rule)

    def priced(self, shares: Shares | None) -> Priced | None:
        """Return the effect as a payment clause sees it, with the credits of some shares."""
        if self.total is None or self.own is None:
            return None
        credits = covariance = None
        groups: dict[str, tuple[str, ...]] = {}
        if shares is not None:
            covariance = shares.credits.cov().tolist()
            pairs = dict(zip(shares.providers, shares.credits.values.tolist(), strict=True))
            if (shrunk := self.shrunk(shares)) is not None:
                pairs = dict(shrunk.credits)
            credits = {provider: exact(self.sign * value) for provider, value in pairs.items()}
            if isinstance(self.fit, ContributionFit):
                groups = dict(zip(self.fit.players.names, self.fit.players.groups, strict=True))
        made = self._as_priced(self.own, self.held is None or self.held.passes)
        return replace(made, credits=credits, covariance=covariance, groups=groups)

    def all_priced(self, shares: Shares | None) -> tuple[Priced, ...]:
        """Return the effect as it was priced in each period in which it became known, in order."""
        found = [*(result.priced(None) for result in self.earlier), self.priced(shares)]
        return tuple(priced for priced in found if priced is not None)

    def at(self, value: float, credits: Sequence[float] | None = None) -> Priced:
        """Return the effect as it would be priced had its estimate come out at another value, with the same error.

        Parameters
        ----------
        value : float
            In the outcome's own sign.
        credits : sequence of float, optional
            In the outcome's own sign, in the order of the shares' providers; the effect's own when omitted, which divide the
            amount alike.

        Raises
        ------
        TypeError
            For an effect that was refused.
        """
        if self.total is None:
            raise TypeError(f"effect '{self.name}' has no estimate")
        own = exact(value)
        made = self._as_priced(own, self._passes_at(value))
        whole = None if self.shares is None else self.priced(self.shares)
        if self.shares is None or whole is None:
            return made
        named = whole.credits
        if credits is not None:
            pairs = zip(self.shares.providers, credits, strict=True)
            named = {provider: exact(self.sign * credit) for provider, credit in pairs}
        return replace(made, credits=named, covariance=whole.covariance, groups=whole.groups)

    def _passes_at(self, value: float) -> bool:
        """Tell whether the gate would be open had the estimate come out at another value.

        A gate that is held against the data of the design is not tested on other data: its line moves with the estimate.
        """
        if self.total is None:
            raise TypeError(f"effect '{self.name}' has no estimate")
        if self.held is not None and needs_design(self.terms.gate):
            moved = self.sign * (value - float(self.total.values[0]))
            return self.held.passes if self.held.margin is None else self.held.margin + moved > 0
        if self.gate is not None:
            # With the same error a bound moves with the estimate; nothing is gained by making the error again.
            return self.gate.margin + self.sign * (value - float(self.total.values[0])) > 0
        drawn = replace(self.total, values=np.array([value]))
        held = _hold(self.terms, drawn, exact(value), self.clusters)
        return held is None or held.passes

    def edge(self) -> GateEdge:
        """Return where the gate turns, and how the effect is priced there.

        Raises
        ------
        PaymentError
            PAY-016 for an effect without an estimate, PAY-018 for a gate that turns at no gain.
        """
        gate = self.terms.gate
        if gate is None or self.total is None or self.held is None or not needs_design(gate):
            return gate_edge(self, gate, self.terms.better) if gate is not None else _no_edge()
        if self.held.margin is None:
            return _no_edge()
        value = float(self.total.values[0]) - self.sign * self.held.margin
        there = replace(self.at(value), gate_passes=not self.held.passes)
        return GateEdge(there.level, there)

    def _as_priced(self, own: Decimal, passes: bool) -> Priced:
        total = self.total
        if total is None:
            raise TypeError(f"effect '{self.name}' has no estimate")
        level = leveled(self.terms, own)
        gain = self.sign * own
        # What was measured is rounded once, as a gain over everybody.
        plain = level == gain and isinstance(self.terms.estimator, Measured)
        value = float(total.values[0]) if own == self.own else float(own)
        quantity = exact(self.sign * value * total.people) if plain else multiply(level, total.people)
        basis = f"{float(level):,.6g} units of gain per {self.terms.counted} x {total.people:,} {total.population}"
        if isinstance(self.terms.estimator, Published | Composed):
            basis = f"a gain of {float(level):,.6g}" + (f" over {total.people:,} people" if total.people else "")
        return Priced(quantity, basis, passes, gain=level, people=total.people, period=self.settled_in)


def leveled(terms: Effect, own: Decimal) -> Decimal:
    """Return a gain as it is priced: oriented so that higher is better, and rounded as agreed."""
    gain = own if terms.better == "higher" else -own
    return gain if terms.round is None else round_effect(gain, terms.round)


def measure(contract: Contract, study: Study, name: str) -> EffectResult:
    """Estimate one effect, hold it against its gate and divide it; a refusal is part of the result.

    An effect that another one divides is left undivided here; see `divide_pots`.
    """
    terms = contract.effects[name]
    result = EffectResult(name, terms, settled_in=terms.settled_in or contract.labels[-1])
    try:
        spec = contract.spec(name)
        used = study
        if terms.truncate is not None:
            used = truncated(study, terms.outcome, spec.period, terms.truncate)
        if terms.relative and isinstance(spec, Experiment | FixedBaseline):
            measured: Estimate | Fitted = relative_gain(spec, used)
        else:
            measured = spec.fit(used)
        total = _none_if_rounding(measured if isinstance(measured, Estimate) else measured.total(), used)
        fit = measured if isinstance(measured, Divisible) else None
        result = replace(
            result,
            total=total,
            fit=fit,
            measured=measured,
            over_time=_over_time(spec, measured, used),
            own=exact(float(total.values[0])),
            clusters=_groups_drawn(terms, spec, used),
        )
        result = _gated(result, partial(own_test, spec=spec, measured=measured, study=used, better=terms.better))
    except (ContractError, DataError):
        raise
    except CounterfoilError as error:
        # What a graph says of a design holds whether or not these people can answer it.
        return replace(result, identification=identified(contract, name, study), refused=error.problems)
    return _held_against(contract, divide(result), spec, used)


def divide(result: EffectResult) -> EffectResult:
    """Return a measured effect with its gain divided by its own split, where it has one; nothing is measured again."""
    split = result.terms.split
    if result.fit is None or split is None or split.credits_from is not None:
        return result
    try:
        return replace(result, shares=attribute(result.fit, split.rule, better=result.terms.better, **split.terms))
    except (ContractError, DataError):
        raise
    except CounterfoilError as error:
        return replace(result, refused=error.problems)


def _held_against(contract: Contract, result: EffectResult, spec: Measured, study: Study) -> EffectResult:
    """Hold an effect against what the parties declared; a control that cannot be measured is a warning."""
    if result.refused:
        return result
    found = identified(contract, result.name, study)
    noted = () if found is None else found.warnings
    controls = None
    try:
        rule = None if result.shares is None else result.shares.rule
        controls = controlled(spec, contract, result.name, study, rule)
    except (ContractError, DataError):
        raise
    except CounterfoilError as error:
        noted = (*noted, *error.problems)
    return replace(result, identification=found, controls=controls, noted=(*result.noted, *noted))


def _groups_drawn(terms: Effect, spec: Measured, study: Study) -> Clusters | None:
    """Return how many groups a lottery drew, or None where it drew people; a gate on groups refuses what it cannot count."""
    if not isinstance(spec, Experiment | ClusterMeans) or spec.cluster is None:
        return None
    try:
        return clusters_of(spec, study)
    except EstimationError:
        if isinstance(terms.gate, FewClusters):
            raise
        return None


def _none_if_rounding(total: Estimate, study: Study) -> Estimate:
    """Return a value of zero for one that, with its error, is no more than rounding of the outcome: no gate opens on it."""
    tables = [part.outcomes for part in (study, study.places) if part is not None and part.outcomes is not None]
    used = [table.loc[table["outcome"] == total.outcome, "value"].abs().max() for table in tables]
    # A table without the outcome gives no number, which fmax passes over.
    least = ROUNDING * float(np.fmax.reduce([0.0, *used]))
    if total.error_type == "unknown" or max(abs(float(total.values[0])), float(total.std_error[0])) > least:
        return total
    return replace(total, values=np.zeros_like(total.values))


def _over_time(spec: Measured, measured: Estimate | Fitted, study: Study) -> EventStudy | None:
    """Return effects by periods since the services began, where the design has such and the data give them."""
    try:
        if isinstance(measured, EventStudy):
            return measured
        if isinstance(measured, WithEventStudy):
            return measured.event_study()
        return spec.by_period(study) if isinstance(spec, ByPeriod) else None
    except CounterfoilError:
        return None


def publish(contract: Contract, name: str, figures: Mapping[str, Figure]) -> EffectResult:
    """Return a published effect as it was reported, period by period; without a report it has no total."""
    terms = contract.effects[name]
    spec = terms.estimator
    known: list[EffectResult] = []
    for period, figure in figures.items():
        result = EffectResult(name, terms, settled_in=period)
        if not isinstance(spec, Published):
            raise TypeError(f"effect '{name}' is not published")
        try:
            total = published_estimate(
                spec, figure.value, figure.std_error, figure.people, figure.df, outcome=terms.outcome
            )
            found = replace(result, total=total, own=figure.value, clusters=spec.clusters)
            known.append(_gated(found))
        except ContractError:
            raise
        except CounterfoilError as error:
            known.append(replace(result, refused=error.problems))
    if not known:
        what = f"nothing is reported for effect '{name}'; clauses that need it pay nothing yet"
        return EffectResult(name, terms, noted=(Problem("DATA-029", what, contract.where("effects", name)),))
    return replace(known[-1], earlier=tuple(known[:-1]))


def compose(contract: Contract, effects: Mapping[str, EffectResult]) -> dict[str, EffectResult]:
    """Return the effects with those that are made of others, parts before wholes."""
    found = dict(effects)
    parts = {
        name: tuple(effect.estimator.of) if isinstance(effect.estimator, Composed) else ()
        for name, effect in contract.effects.items()
    }
    for name in in_order_of_dependence(parts, "effects"):
        if parts[name]:
            found[name] = _made_of(contract, name, {part: found[part] for part in parts[name]})
    return {name: found[name] for name in contract.effects}


def _made_of(contract: Contract, name: str, parts: Mapping[str, EffectResult]) -> EffectResult:
    """Return an effect made of others, as it was known in each period in which one of them became known."""
    terms = contract.effects[name]
    known: list[EffectResult] = []
    for number, period in enumerate(contract.labels):
        so_far = contract.labels[: number + 1]
        there = {part: found for part, result in parts.items() if (found := _known(result, so_far)) is not None}
        fresh = any(result.settled_in == period for result in there.values())
        if fresh and (len(there) == len(parts) or isinstance(terms.estimator, Pool)):
            totals = {part: result.total for part, result in there.items() if result.total is not None}
            apart = tuple(unjoinable(contract, name, totals))
            known.append(
                EffectResult(name, terms, settled_in=period, refused=apart)
                if apart
                else _composed(terms, name, there, period)
            )
    if known:
        return replace(known[-1], earlier=tuple(known[:-1]))
    refused = tuple(dict.fromkeys(problem for result in parts.values() for problem in result.refused))
    what = f"not every part of effect '{name}' is known; clauses that need it pay nothing yet"
    noted = () if refused else (Problem("DATA-029", what, contract.where("effects", name)),)
    return EffectResult(name, terms, refused=refused, noted=noted)


def _known(result: EffectResult, periods: Sequence[str]) -> EffectResult | None:
    """Return an effect as it was last known in some periods."""
    found = [known for known in (*result.earlier, result) if known.total is not None and known.settled_in in periods]
    return found[-1] if found else None


def _composed(terms: Effect, name: str, parts: Mapping[str, EffectResult], period: str) -> EffectResult:
    spec = terms.estimator
    result = EffectResult(name, terms, settled_in=period)
    estimates = {part: known.total for part, known in parts.items() if known.total is not None}
    values = {
        part: known.sign * leveled(known.terms, known.own) for part, known in parts.items() if known.own is not None
    }
    people = {part: estimate.people for part, estimate in estimates.items()}
    try:
        match spec:
            case Blend():
                total, own = blended(spec, estimates), blend_value(spec, values)
                result = replace(result, over_time=_blend_over_time(spec, estimates, parts))
            case Index():
                total, own = indexed(spec, estimates), index_value(spec, values)
            case Pool():
                found = pooled(spec, estimates)
                total = found.estimate
                own = exact(float(total.values[0])) if spec.weights == "precision" else pool_value(spec, values, people)
            case _:
                raise TypeError(f"effect '{name}' is not made of others")
        return _gated(replace(result, total=replace(total, outcome=terms.outcome), own=own))
    except (ContractError, DataError):
        raise
    except CounterfoilError as error:
        return replace(result, refused=error.problems)


def _no_edge() -> GateEdge:
    raise refusal("PAY-018", "the gate does not turn at any gain")


def _blend_over_time(
    spec: Blend, estimates: Mapping[str, Estimate], parts: Mapping[str, EffectResult]
) -> EventStudy | None:
    studies = {part: known.over_time for part, known in parts.items() if known.over_time is not None}
    try:
        return blended_over_time(spec, estimates, studies)
    except CounterfoilError:
        return None


def _gated(result: EffectResult, test: Callable[[PValueGate], OwnTest | None] | None = None) -> EffectResult:
    """Return an effect with its deductions taken off, held against its gate; ``test`` is the design's own, where it has one."""
    total, own, terms = result.total, result.own, result.terms
    if total is None or own is None:
        return result
    factor = Decimal(1)
    if terms.deduct is not None:
        factor = deducted(factor, terms.deduct)
    if terms.completion is not None:
        factor = completed(factor, terms.completion)
    if factor != 1:
        estimand = f"{total.estimand}, less what is agreed not to be the programme's"
        total = replace(total.contrast([[float(factor)]], list(total.terms)), estimand=estimand)
        own = multiply(own, factor)
    over_time, tested = result.over_time, None
    if over_time is not None and factor != 1:
        each = over_time.estimate
        scaled = each.contrast(float(factor) * np.eye(len(each.terms)), each.terms)
        over_time = replace(over_time, estimate=scaled)
    if test is not None and isinstance(terms.gate, PValueGate) and needs_design(terms.gate):
        tested = test(terms.gate.model_copy(update={"above": terms.gate.above / factor}))
        if tested is not None and tested.line is not None:
            tested = replace(tested, line=tested.line * float(factor))
    held = _hold(terms, total, own, result.clusters, over_time, tested)
    bound = terms.bound_gate
    gate = None if bound is None else apply_gate(bound, total, terms.better)
    return replace(result, total=total, own=own, held=held, gate=gate, over_time=over_time)


def _hold(
    terms: Effect,
    total: Estimate,
    own: Decimal,
    clusters: Clusters | None,
    over_time: EventStudy | None = None,
    own_test: OwnTest | None = None,
) -> Held | None:
    """Hold a gain against the contract's gate: exactly where the gate asks for a value, by its error otherwise."""
    gate = terms.gate
    if gate is None:
        return None
    if isinstance(gate, PointGate):
        return point_value(gate, leveled(terms, own))
    if isinstance(gate, PrecisionGate):
        return precision_value(gate, leveled(terms, own), total.people)
    return hold_gate(gate, total, terms.better, clusters=clusters, over_time=over_time, own_test=own_test)


def divide_pots(contract: Contract, effects: Mapping[str, EffectResult]) -> dict[str, EffectResult]:
    """Divide every effect whose credits are another effect's, and hold the gains of the two against each other."""
    return {
        name: result
        if result.total is None or contract.divider(name) == name
        else _divide_pot(contract, result, result.total, effects[contract.divider(name)])
        for name, result in effects.items()
    }


def _divide_pot(contract: Contract, pot: EffectResult, total: Estimate, divider: EffectResult) -> EffectResult:
    split = pot.terms.split
    if divider.fit is None or split is None:
        return replace(pot, refused=(*pot.refused, *divider.refused))
    try:
        shares = attribute(divider.fit, split.rule, better=pot.terms.better, **split.terms)
    except (ContractError, DataError):
        raise
    except CounterfoilError as error:
        return replace(pot, refused=(*pot.refused, *error.problems))
    divided = replace(pot, fit=divider.fit, shares=shares)
    try:
        both = compare_pot_and_split(total, shares.total, as_counts=not contract.counts_unserved(divider.name))
    except CounterfoilError as error:
        problems = error.problems
    else:
        if _served_in_control(contract.effects[pot.name].estimator, divider.fit):
            basis = f"{both.basis}; some people in control were served, whose gain only the split counts"
            both = replace(both, basis=basis)
        divided = replace(divided, pot_and_split=both)
        low, high = both.difference.interval()[0].tolist()
        what = (
            f"the gain of '{pot.name}', which fixes the pot, and that of '{divider.name}', which divides it, differ by "
            f"{float(both.difference.values[0]):.4g} per person (95% interval {low:.4g} to {high:.4g})"
        )
        where = contract.where("effects", pot.name, "split")
        problems = (Problem("PAY-005", what, where),) if both.disagree else ()
    if split.disagreement == "refuse":
        return replace(divided, refused=(*divided.refused, *problems))
    return replace(divided, noted=problems)


def _served_in_control(spec: object, fit: Divisible) -> bool:
    if not isinstance(spec, Experiment):
        return False
    column = fit.sample.study.column(spec.assigned, complete=False)
    drawn = ~blank(column)
    codes, labels = labels_of(column[drawn])
    control = np.zeros(len(column), dtype=bool)
    control[drawn] = np.array(labels)[codes] == (spec.control or "0")
    return bool(np.asarray(fit.roster.exposure)[control].any())
