"""What a cause that nobody measured could do to the money: to the payment, to a gate or tier, and to the order of providers.

For each effect that was measured by adjusting for covariates, without a lottery, a confounder is held against the covariates: k
times as strong as one of them, it shifts the gain by at most its bound. The contract is settled again at either end, with the
same standard error and everything else as it is. Where a gate or tier flips, or two providers change places, the strength is
told that a confounder would need. Sources: Cinelli and Hazlett (2020); Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2022).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from counterfoil.attribution.equal_split import EqualSplit
from counterfoil.attribution.payment.settlement import Inputs, Settlement
from counterfoil.attribution.payment.settling import settle_inputs
from counterfoil.attribution.payment.trace import Priced
from counterfoil.attribution.risk.standing import Standing, standings
from counterfoil.contract import Composed
from counterfoil.errors import CounterfoilError, PaymentError, refusal
from counterfoil.estimators.comparisons.compared import ComparisonFit
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.covariance import FloatArray
from counterfoil.estimators.omitted_variable import OmittedVariable, omitted_variable, robustness_value
from counterfoil.estimators.sensitivity.benchmarks import benchmarks
from counterfoil.estimators.sensitivity.omitted_confounder import omitted_confounder
from counterfoil.estimators.sensitivity.order_flips import CreditBenchmarks, OrderFlip, credit_benchmarks, order_flips
from counterfoil.estimators.sensitivity.strength import Benchmark, Strength, checked_multiple, nearest
from counterfoil.payment_moves import Curve, Flip, Move, PaymentSensitivity, ShareMove

if TYPE_CHECKING:
    from counterfoil.evaluation import Evaluation
    from counterfoil.measuring import EffectResult

MULTIPLES: Final = (1.0, 2.0, 3.0)
"""How many times as strong as each covariate, where nothing else is asked for."""
STEPS: Final = 41
"""Strengths at which the curve of a plot is settled."""
HALVINGS: Final = 50
TIERS: Final = ("step", "piece", "scale", "minimum", "band")


def payment_sensitivity(
    evaluation: "Evaluation", multiples: Sequence[float] = MULTIPLES, *, rho: float = 1.0, conf_level: float = 0.95
) -> PaymentSensitivity | None:
    """Return what hidden causes could do to what is due, or None where no effect that is paid for can be asked.

    Parameters
    ----------
    evaluation : Evaluation
        Settled.
    multiples : sequence of float
        How many times as strong as each covariate.
    rho : float
        How far the confounder's two effects go together, from −1 to 1; 1 unless argued.
    conf_level : float

    Raises
    ------
    EstimationError
        EST-051 for a multiple that is not positive, or a rho of 0 or beyond 1.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("cradle") / "contract.yaml")
    >>> found = payment_sensitivity(cf.evaluate(contract, cf.datasets.load("cradle")))
    >>> move = found.moves[0]
    >>> move.covariate, str(found.due), str(move.payment_low), str(move.payment_high)
    ('need', '697054.50', '0.00', '750000.00')
    """
    asked = tuple(checked_multiple(multiple) for multiple in multiples)
    if not 0 < abs(rho) <= 1:
        raise refusal("EST-051", f"rho is {rho:g}; how far two effects go together lies between -1 and 1, and is not 0")
    settlement = evaluation.settlement
    if settlement is None or settlement.inputs is None:
        return None
    found = _Found(evaluation, settlement, settlement.inputs, asked, rho, conf_level)
    # An effect whose credits divide another one's money counts for its order of providers.
    paid = evaluation.contract.paid_effects
    for name in dict.fromkeys((*paid, *(evaluation.contract.divider(name) for name in paid))):
        result = evaluation.effects[name]
        if result.total is None:
            continue
        why = _not_asked(result)
        if why:
            found.left_out[name] = why
            continue
        try:
            found.ask(result, paid=name in paid)
        except CounterfoilError as error:
            found.left_out[name] = "; ".join(f"{problem.code} {problem.what}" for problem in error.problems)
    if not found.strengths:
        return None
    return found.told()


def _not_asked(result: "EffectResult") -> str:
    """Return why an effect's design is not asked; empty where it is."""
    measured = result.measured
    if isinstance(measured, ComparisonFit):
        return ""
    if isinstance(measured, ContributionFit):
        return "" if measured.spec.design == "unconfounded" else "a lottery decided who was served"
    if isinstance(result.terms.estimator, Composed):
        return "it is made of other effects"
    if measured is None:
        return "it was not measured on people's records here"
    return f"kind {result.terms.estimator.kind} does not rest on adjusting for covariates"


class _Found:
    """What is gathered, effect by effect."""

    def __init__(
        self,
        evaluation: "Evaluation",
        settlement: Settlement,
        inputs: Inputs,
        multiples: tuple[float, ...],
        rho: float,
        conf_level: float,
    ) -> None:
        self._evaluation, self._settlement, self._inputs = evaluation, settlement, inputs
        self._multiples, self._rho, self._level = multiples, abs(rho), conf_level
        self._distances = evaluation.distances()
        self._gated = [name for name, result in evaluation.effects.items() if result.terms.gate is not None]
        self._moves: list[Move] = []
        self._shares: list[ShareMove] = []
        self._flips: list[Flip] = []
        self._orders: list[tuple[str, OrderFlip]] = []
        self._curves: list[Curve] = []
        self.strengths: dict[str, tuple[float, float]] = {}
        self.left_out: dict[str, str] = {}

    def told(self) -> PaymentSensitivity:
        """Return everything that was found."""
        return PaymentSensitivity(
            currency=self._settlement.currency,
            due=self._settlement.total,
            moves=tuple(self._moves),
            share_moves=tuple(self._shares),
            flips=tuple(self._flips),
            orders=tuple(self._orders),
            strengths=self.strengths,
            curves=tuple(self._curves),
            left_out=self.left_out,
        )

    def ask(self, result: "EffectResult", *, paid: bool) -> None:
        """Ask one effect."""
        measured, total = result.measured, result.total
        credits: CreditBenchmarks | None = None
        if total is None:
            return
        if isinstance(measured, ContributionFit):
            shares = result.shares
            rule = EqualSplit() if shares is None else shares.rule
            bounds = self._weakened(omitted_variable(measured, rule, self._level))
            place = bounds.terms.index("gain")
            if measured.spec.covariates:
                credits = credit_benchmarks(measured, rule)
                self._note(result.name, credits.left_out)
            held = () if credits is None else credits.of_gain()
            raw = measured.total()
            if shares is not None:
                pairs = order_flips(
                    measured,
                    rule,
                    better=result.terms.better,
                    benchmarks=credits,
                    bounds=bounds,
                    conf_level=self._level,
                ).pairs
                self._orders += [(result.name, pair) for pair in pairs]
                for name in self._evaluation.contract.paid_effects:
                    if credits is not None and self._evaluation.contract.divider(name) == result.name:
                        self._of_shares(self._evaluation.effects[name], bounds, credits)
        elif isinstance(measured, ComparisonFit):
            period = getattr(result.terms.estimator, "period", None)
            raw = measured.total()
            bounds, place = self._weakened(omitted_confounder(measured, self._level, period)), 0
            held = self._benchmarks(result.name, measured, period)
        else:
            return
        if not held and result.name not in self.left_out:
            self._note(result.name, ("no covariates to compare a confounder with",))
        # What is agreed not to be the programme's is taken off the gain, and off the bound with it.
        error = float(raw.std_error[0])
        scale = float(bounds.scale[place]) * (float(total.std_error[0]) / error if error > 0 else 1.0)
        self.strengths[result.name] = (float(bounds.robustness[place]), float(bounds.interval_robustness[place]))
        if paid and scale > 0:
            self._of_gain(result, scale, held)

    def _benchmarks(self, name: str, measured: ComparisonFit, period: str | None) -> tuple[Benchmark, ...]:
        """Return how strong covariates are; none, and why, where that cannot be told: the strengths stand without them."""
        if not measured.comparison.sample.adjusting.names:
            return ()
        try:
            return benchmarks(measured, period=period)
        except CounterfoilError as error:
            self._note(name, [f"{problem.code} {problem.what}" for problem in error.problems])
            return ()

    def _weakened(self, bounds: OmittedVariable) -> OmittedVariable:
        return replace(bounds, scale=self._rho * bounds.scale)

    def _note(self, name: str, why: Sequence[str]) -> None:
        """Add reasons to what is said of an effect, each once."""
        said = [self.left_out[name]] if name in self.left_out else []
        for reason in why:
            if all(reason not in one for one in said):
                said.append(reason)
        if said:
            self.left_out[name] = "; ".join(said)

    def _of_gain(self, result: "EffectResult", scale: float, held: tuple[Benchmark, ...]) -> None:
        """Move the gain by confounders as strong as covariates, to the next flips, and along a curve."""
        gain = result.sign * _value(result)
        for benchmark, multiple, strength in self._possible(result.name, held):
            bias = scale * strength.factor
            low, high = (self._settled(result, gain + shift) for shift in (-bias, bias))
            self._moves.append(
                Move(
                    effect=result.name,
                    covariate=benchmark.covariate,
                    multiple=multiple,
                    r2_outcome=strength.r2_outcome,
                    r2_treatment=strength.r2_treatment,
                    bias=bias,
                    gain=gain,
                    gain_low=gain - bias,
                    gain_high=gain + bias,
                    payment_low=None if low is None else low.total,
                    payment_high=None if high is None else high.total,
                )
            )
        self._flips += self._turning(result, gain, scale, held)
        self._curves.append(self._curve(result, gain, scale, held))

    def _possible(self, name: str, held: tuple[Benchmark, ...]) -> Iterator[tuple[Benchmark, float, Strength]]:
        for benchmark in held:
            for multiple in self._multiples:
                try:
                    yield benchmark, multiple, benchmark.times(multiple)
                except CounterfoilError as error:
                    self._note(name, [problem.what for problem in error.problems])

    def _settled(self, result: "EffectResult", gain: float) -> Settlement | None:
        """Return the settlement at another gain, oriented so that higher is better."""
        return self._with(result, result.at(result.sign * gain))

    def _with(self, result: "EffectResult", priced: Priced) -> Settlement | None:
        try:
            return settle_inputs(self._moved(result, priced))
        except PaymentError:
            return None

    def _moved(self, result: "EffectResult", priced: Priced) -> Inputs:
        known = (*self._inputs.effects[result.name][:-1], priced)
        return replace(self._inputs, effects={**self._inputs.effects, result.name: known})

    def _turning(
        self, result: "EffectResult", gain: float, scale: float, held: tuple[Benchmark, ...]
    ) -> Iterator[Flip]:
        """Yield the next gate, tier and condition on either side of the gain."""
        for edge in self._distances:
            if edge.what != result.name:
                continue
            kind = "gate" if edge.kind == "gate" else "tier" if edge.kind in TIERS else "condition"

            def there(shift: float, edge: Any = edge, kind: str = kind) -> set[Standing]:
                priced = result.at(result.sign * (gain + (shift if edge.direction == "up" else -shift)))
                stands = standings(self._moved(result, priced), self._gated)
                return {one for one, on in stands if on and (one.clause, one.kind) == (edge.clause, kind)}

            shift = _first_change(there, float(edge.distance))
            if shift is None:
                continue
            like = nearest(held, shift / scale)
            yield Flip(
                effect=result.name,
                clause=edge.clause,
                kind=edge.kind,
                threshold=edge.threshold,
                direction=edge.direction,
                strength=_strength(shift, scale),
                covariate=None if like is None else like[0],
                multiple=None if like is None else like[1],
                change=edge.change,
            )

    def _curve(self, result: "EffectResult", gain: float, scale: float, held: tuple[Benchmark, ...]) -> Curve:
        marks = [
            (benchmark.covariate, _strength(benchmark.times().factor * scale, scale))
            for benchmark in held
            if benchmark.odds_treatment < 1 and benchmark.odds_outcome > 0
        ]
        flips = [flip.strength for flip in self._flips if flip.effect == result.name]
        reach = [_strength(abs(gain), scale), *flips, *(place for _, place in marks)]
        widest = min(0.9, max(0.02, 1.25 * max(reach)))
        # On both sides of each flip, so that a cliff is drawn as one.
        edges = [flip * side for flip in flips for side in (1 - 1e-6, 1 + 1e-6)]
        strengths = sorted({*np.linspace(0.0, widest, STEPS).tolist(), *(edge for edge in edges if edge < widest)})
        ends: dict[int, list[Decimal | None]] = {-1: [], 1: []}
        for strength in strengths:
            bias = scale * Strength(strength, strength).factor
            for side, amounts in ends.items():
                due = self._settled(result, gain + side * bias)
                amounts.append(None if due is None else due.total)
        return Curve(result.name, tuple(strengths), tuple(ends[-1]), tuple(ends[1]), tuple(marks))

    def _of_shares(self, result: "EffectResult", bounds: OmittedVariable, credits: CreditBenchmarks) -> None:
        """Move each provider's share, the total as it is and the others in proportion."""
        shares = result.shares
        if shares is None or result.total is None:
            return
        values = shares.joint.values
        whole, paid = float(values[-1]), self._settlement.by_party()
        for j, provider in enumerate(shares.providers):
            term = f"share of {provider}"
            if term not in bounds.terms or provider not in paid or whole == 0:
                continue
            place = bounds.terms.index(term)
            share, scale = float(bounds.values[place]), float(bounds.scale[place])
            direction = (np.eye(len(values))[j] - share * np.eye(len(values))[-1]) / whole
            for benchmark, multiple, strength in self._possible(result.name, credits.of(direction, term)):
                ends = [share - scale * strength.factor, share + scale * strength.factor]
                due = [self._with(result, result.at(_value(result), _shifted(values, j, end))) for end in ends]
                amounts = [None if one is None else one.by_party().get(provider, Decimal(0)) for one in due]
                self._shares.append(
                    ShareMove(
                        effect=result.name,
                        provider=provider,
                        covariate=benchmark.covariate,
                        multiple=multiple,
                        share=share,
                        share_low=ends[0],
                        share_high=ends[1],
                        payment=paid[provider],
                        payment_low=amounts[0],
                        payment_high=amounts[1],
                    )
                )


def _value(result: "EffectResult") -> float:
    if result.total is None:
        raise TypeError(f"effect '{result.name}' has no estimate")
    return float(result.total.values[0])


def _shifted(values: FloatArray, j: int, share: float) -> list[float]:
    """Return credits with one provider at a share of the total and the others in proportion."""
    credits, whole = values[:-1], float(values[-1])
    others = float(credits.sum() - credits[j])
    rest = whole * (1.0 - share)
    moved = credits * (rest / others) if others != 0 else credits + 0.0
    moved[j] = whole * share
    return [float(credit) for credit in moved]


def _strength(shift: float, scale: float) -> float:
    return float(robustness_value(np.array([shift]), np.array([scale]))[0])


def _first_change(there: Callable[[float], set[Standing]], distance: float) -> float | None:
    """Return the smallest shift at which what stands is no longer what stood; a shift of about ``distance`` brings it about."""
    now, high = there(0.0), max(distance, 1e-12)
    for _ in range(HALVINGS):
        if there(high) != now:
            break
        high *= 1.1
    else:
        return None
    low = 0.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if there(middle) == now else (low, middle)
    return high
