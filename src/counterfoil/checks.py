"""What can be said before outcomes are read: tables, rosters, patterns, and whether each effect can be answered.

The estimators are rehearsed with every outcome at zero, so that a refusal that lies in the design (an empty arm, a
pattern nobody had, rosters that cannot be told apart) is known before anybody looks at results.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

import pandas as pd

from counterfoil.agreement import disagreements
from counterfoil.attribution.gains.any_gate import needs_design
from counterfoil.attribution.money.amounts import add, exact, multiply, round_money
from counterfoil.attribution.money.currency import smallest_unit
from counterfoil.attribution.payment.operating import gate_operating
from counterfoil.attribution.payment.unit_price import UnitPrice
from counterfoil.contract import Comparison, Contract, Effect, OverTime, Placed
from counterfoil.contradictions import contradictions
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, Problem, raise_any
from counterfoil.estimators.experiment import Experiment
from counterfoil.estimators.feedback import progress_predicts_enrolment
from counterfoil.estimators.panel_contribution import PanelContribution
from counterfoil.estimators.power import effective_sample, planned_error, smallest_detectable
from counterfoil.estimators.sequential import SequentialContribution
from counterfoil.held_against import identification_records
from counterfoil.joining import leaves, unjoinable
from counterfoil.measuring import EffectResult, divide_pots, measure
from counterfoil.own_tests import offers
from counterfoil.plain import plain
from counterfoil.rehearsal import Rehearsal, rehearse
from counterfoil.separation import Separation, separation

FEW: Final = 50
"""An effective sample below this is flagged."""

OPERATING_AT: Final = {
    "no gain": 0.0,
    "half the smallest detectable": 0.5,
    "the smallest detectable": 1.0,
    "twice the smallest detectable": 2.0,
}
"""True gains at which a gate is described, in parts of the smallest detectable one (minimum included)."""


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """What a study can answer of a contract, before outcomes.

    Parameters
    ----------
    contract : Contract
    study : Study
        Without its outcomes.
    served : DataFrame or None
        Columns provider and people; small counts suppressed.
    patterns : DataFrame or None
        Columns pattern and people; small counts suppressed.
    effects : mapping of str to EffectResult
        Rehearsed with every outcome at zero: only refusals, warnings and weights mean anything.
    detectable : DataFrame
        Columns effect, term, detectable, unit, payment, effective_sample: the smallest total and credits that are
        detected with the declared power (80 % by default), and what they would pay before gates and caps.
    operating : DataFrame
        Columns effect, term, true_gain, unit, pay_chance, expected_payment, exaggeration: how each gate operates at no
        gain and at parts and multiples of the smallest detectable one, before caps. Exaggeration is the mean estimate
        among draws that are paid, over the true gain; there is none at no gain.
    separation : mapping of str to Separation
        What the rosters tell apart, for each effect whose gain is divided.
    progress : DataFrame
        Columns effect, stage, statistic, df, p_value: whether progress so far predicts who enrols at each later stage.
    compared : mapping of str to Rehearsal
        Who is compared, over which periods or how alike, for each effect measured without a lottery or over time.
    """

    contract: Contract
    study: Study
    served: pd.DataFrame | None
    patterns: pd.DataFrame | None
    effects: Mapping[str, EffectResult]
    detectable: pd.DataFrame
    operating: pd.DataFrame
    separation: Mapping[str, Separation]
    progress: pd.DataFrame
    compared: Mapping[str, Rehearsal]

    @property
    def refused(self) -> tuple[Problem, ...]:
        """Why effects cannot be answered; empty when all can."""
        return tuple(dict.fromkeys(problem for result in self.effects.values() for problem in result.refused))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "contract": {"name": self.contract.name, "digest": self.contract.digest},
            "study": {"name": self.study.name, "people": self.study.n_people, "digests": dict(self.study.digests)},
            "answerable": not self.refused,
            "served": [] if self.served is None else self.served.to_dict("records"),
            "patterns": [] if self.patterns is None else self.patterns.to_dict("records"),
            "effects": {
                name: {
                    "refused": [problem.to_dict() for problem in result.refused],
                    "warnings": [problem.to_dict() for problem in result.warnings],
                    "rosters": self.separation[name].to_dict() if name in self.separation else None,
                    "progress_predicts_enrolment": self._stages(name).to_dict("records"),
                    "compared": self.compared[name].to_dict() if name in self.compared else None,
                    "identification": None
                    if result.identification is None
                    else identification_records(result.identification),
                }
                for name, result in self.effects.items()
            },
            "detectable": self.detectable.to_dict("records"),
            "operating": self.operating.to_dict("records"),
        }

    def to_json(self) -> str:
        """Return everything as JSON."""
        return json.dumps(plain(self.to_dict()), indent=2, ensure_ascii=False) + "\n"

    def summary(self) -> str:
        """Return everything as text."""
        lines = [f"{self.contract.name}: {self.study.n_people:,} {self.study.level}; outcomes were not looked at"]
        for title, frame in (
            ("People served, by provider", self.served),
            ("People, by pattern of providers", self.patterns),
        ):
            if frame is not None:
                lines += ["", title, *(f"  {line}" for line in frame.to_string(index=False, header=False).splitlines())]
        lines.append("")
        for name, result in self.effects.items():
            lines.append(f"effect {name}: {'cannot be answered' if result.refused else 'can be answered'}")
            lines += [f"  {problem}" for problem in result.refused]
            lines += [f"  {problem.code} {problem.what}" for problem in result.warnings]
            lines += [f"  {line}" for line in (self.separation[name].lines() if name in self.separation else ())]
            lines += [f"  {line}" for line in (self.compared[name].lines() if name in self.compared else ())]
            if result.identification is not None:
                lines += [f"  {line}" for line in result.identification.summary().splitlines()]
            lines += self._progress_lines(name)
            lines += self._detectable_lines(name, result)
            lines += self._operating_lines(name)
        return "\n".join(lines) + "\n"

    def _stages(self, name: str) -> pd.DataFrame:
        return self.progress[self.progress["effect"] == name].drop(columns="effect")

    def _progress_lines(self, name: str) -> list[str]:
        lines = [
            f"    stage {row.stage}: p = {row.p_value:.3g} ({row.df} coefficients)"
            for row in self._stages(name).itertuples()
        ]
        title = (
            "  Does progress so far predict who enrols? If it does, only credit that includes referrals is identified"
        )
        return [title, *lines] if lines else []

    def _detectable_lines(self, name: str, result: EffectResult) -> list[str]:
        frame = self.detectable[self.detectable["effect"] == name]
        if frame.empty:
            unknown = result.total is not None and result.total.riesz is None
            return ["  What it could detect is not known before outcomes"] if unknown else []
        planning = result.terms.planning
        power = 0.8 if planning is None else planning.power
        clustered = result.total is not None and result.total.clusters is not None
        within = f" and a correlation of {planning.icc:g} within clusters" if planning is not None and clustered else ""
        if planning is None and result.terms.bound_gate is not None and result.terms.bound_gate.total_above:
            within = f"; the gate's minimum of {result.terms.bound_gate.total_above:g} comes on top"
        basis = (
            f"outcome spread not declared: in standard deviations{within}"
            if planning is None
            else f"assuming a standard deviation of {planning.std_dev:g}{within}"
        )
        if isinstance(result.terms.estimator, PanelContribution | OverTime):
            basis += "; all of changes since the baseline"
        if result.total is not None and result.total.target == "population":
            basis += "; at least so much, because effects may differ between people"
        lines = [f"  Smallest detectable with {power:.0%} power ({basis})"]
        for row in frame.itertuples():
            money = "" if row.payment is None else f", which would pay {row.payment:,} {self.contract.currency}"
            weak = "; few people carry the weight" if row.effective_sample < FEW else ""
            lines.append(f"    {row.term}: {row.detectable:.4g} {row.unit} per {result.terms.counted}{money}{weak}")
        return lines

    def _operating_lines(self, name: str) -> list[str]:
        frame = self.operating[self.operating["effect"] == name]
        if frame.empty:
            return []
        lines = [f"  How the gate operates, by true gain per {self.contract.effects[name].counted} (before caps)"]
        for row in frame.itertuples():
            at = row.term if not row.true_gain else f"{row.term} ({row.true_gain:.4g} {row.unit})"
            money = (
                ""
                if row.expected_payment is None
                else f", {row.expected_payment:,} {self.contract.currency} on average"
            )
            inflated = (
                "" if row.exaggeration is None else f"; when it pays, the estimate is {row.exaggeration:.2f} x the gain"
            )
            lines.append(f"    {at}: pays with chance {row.pay_chance:.0%}{money}{inflated}")
        return lines

    def __repr__(self) -> str:
        return self.summary()


def check(contract: Contract, study: Study) -> Check:
    """Hold a contract against a study without looking at outcomes; the study may have none.

    Raises
    ------
    ContractError
        When the contract contradicts itself.
    DataError
        When contract and tables do not fit, with every problem at once.

    Examples
    --------
    >>> import counterfoil as cf
    >>> folder = cf.datasets.example_folder("rice")
    >>> report = check(cf.read_contract(folder / "contract.yaml"), cf.read_study(folder, outcomes=False))
    >>> report.refused
    ()
    """
    raise_any(contradictions(contract))
    blind = study.without_outcomes()
    raise_any(disagreements(contract, blind))
    effects = divide_pots(contract, {name: _measured_blind(contract, blind, name) for name in contract.measured})
    compared = {
        name: rehearse(spec, blind)
        for name in effects
        if isinstance(spec := contract.spec(name), OverTime | Placed | Comparison)
    }
    for name, result in effects.items():
        if not offers(result.terms.gate, contract.spec(name)):
            what = f"kind {result.terms.estimator.kind} has nothing that the gate could be held against"
            lacking = Problem("EST-041", what, contract.where("effects", name, "gate"))
            effects[name] = replace(result, refused=(*result.refused, lacking))
    for name, rehearsed in compared.items():
        known = effects[name]
        refused = tuple(dict.fromkeys((*rehearsed.refused, *known.refused)))
        noted = tuple(dict.fromkeys((*known.noted, *(p for p in rehearsed.warnings if p not in known.warnings))))
        effects[name] = replace(known, refused=refused, noted=noted)
    apart = {name: found for name in effects if (found := separation(contract, blind, name)) is not None}
    tested: list[dict[str, Any]] = []
    for name, result in effects.items():
        stages, problems = _progress(contract, name, result, blind)
        tested += stages
        effects[name] = replace(result, noted=(*result.noted, *problems))
    progress = pd.DataFrame(tested, columns=["effect", "stage", "statistic", "df", "p_value"], dtype=object)
    served = patterns = None
    if blind.services is not None:
        roster = blind.roster([name for name in contract.parties if name in blind.providers])
        served = roster.served()
        patterns = blind.roster([name for name in contract.players if name in blind.providers]).tidy()
    rows = [row for name, result in effects.items() for row in _detectable(contract, name, result)]
    columns = ["effect", "term", "detectable", "unit", "payment", "effective_sample"]
    detectable = pd.DataFrame(rows, columns=columns, dtype=object)
    operated = [row for name, result in effects.items() for row in _operating(contract, name, result)]
    columns = ["effect", "term", "true_gain", "unit", "pay_chance", "expected_payment", "exaggeration"]
    operating = pd.DataFrame(operated, columns=columns, dtype=object)
    effects |= _made_of_others(contract, effects)
    return Check(contract, blind, served, patterns, effects, detectable, operating, apart, progress, compared)


def _made_of_others(contract: Contract, effects: Mapping[str, EffectResult]) -> dict[str, EffectResult]:
    """Return the effects made of others that cannot be: whose parts' errors cannot be joined person by person."""
    found: dict[str, EffectResult] = {}
    for name, terms in contract.effects.items():
        totals = {
            part: total
            for part in leaves(contract.effects, name)
            if part in effects and (total := effects[part].total) is not None
        }
        if apart := tuple(unjoinable(contract, name, totals)):
            found[name] = EffectResult(name, terms, refused=apart)
    return found


def _progress(
    contract: Contract, name: str, result: EffectResult, study: Study
) -> tuple[list[dict[str, Any]], tuple[Problem, ...]]:
    """Return a row for each later stage of one effect, or why that cannot be tested."""
    spec = contract.spec(name)
    if not isinstance(spec, SequentialContribution) or len(spec.stages) < 2:
        return [], ()
    used = study if result.fit is None else result.fit.sample.study
    try:
        found = progress_predicts_enrolment(used, spec.stages, spec.progress, spec.covariates, spec.cluster)
    except CounterfoilError as error:
        return [], error.problems
    return [{"effect": name, **row} for row in found.to_dict("records")], ()


def _detectable(contract: Contract, name: str, result: EffectResult) -> Iterator[tuple[Any, ...]]:
    """Yield a row for the total and for each provider of one effect, where weights are known before outcomes."""
    if result.total is None or result.total.riesz is None:
        return
    planning = result.terms.planning
    assumed = {} if planning is None else {"std_dev": planning.std_dev, "icc": planning.icc}
    power = 0.8 if planning is None else planning.power
    unit = "standard deviations" if planning is None else "units"
    prices = _prices(contract, name)
    parts = [
        (
            result.total,
            result.total.critical()
            if result.terms.bound_gate is None
            else result.total.critical(result.terms.bound_gate.level, result.terms.bound_gate.bound),
        )
    ]
    if result.shares is not None:
        parts.append((result.shares.credits, result.shares.credits.critical()))
    floor = 0.0 if result.terms.bound_gate is None or result.terms.relative else result.terms.bound_gate.total_above
    for estimate, critical in parts:
        sizes = smallest_detectable(estimate, critical, power, **assumed)
        for term, size, spread in zip(estimate.terms, sizes.tolist(), effective_sample(estimate).tolist(), strict=True):
            needed = size + (floor if estimate is result.total and planning is not None else 0.0)
            payment = None
            # Credits of another effect divide this one's pot; they are not what is priced.
            own = not result.terms.relative and (estimate is result.total or contract.divider(name) == name)
            if prices and planning is not None and own:
                payment = round_money(
                    multiply(add(prices), exact(needed * estimate.people)), smallest_unit(contract.currency), "half_up"
                )
            yield name, "total gain" if term == "gain" else term, needed, unit, payment, round(spread, 1)


def _operating(contract: Contract, name: str, result: EffectResult) -> Iterator[tuple[Any, ...]]:
    """Yield a row for each true gain at which the gate of one effect is described.

    Without a declared spread everything is in standard deviations, and a minimum in the outcome's units has no place there.
    """
    gate, planning = result.terms.bound_gate, result.terms.planning
    if result.total is None or result.total.riesz is None or gate is None or result.terms.relative:
        return
    if planning is None and gate.total_above != 0:
        return
    assumed = {} if planning is None else {"std_dev": planning.std_dev, "icc": planning.icc}
    power, unit = (0.8, "standard deviations") if planning is None else (planning.power, "units")
    critical = result.total.critical(gate.level, gate.bound)
    error = float(planned_error(result.total, **assumed)[0])
    detectable = float(smallest_detectable(result.total, critical, power, **assumed)[0]) + gate.total_above
    if detectable <= 0:
        return  # a minimum far below zero: losses pass, and nothing is worth detecting
    prices = _prices(contract, name)
    for term, part in OPERATING_AT.items():
        found = gate_operating(part * detectable, error, critical, gate.total_above)
        payment = None
        if prices and planning is not None:
            mean = exact(found.expected_payment(1.0, result.total.people))
            payment = round_money(multiply(add(prices), mean), smallest_unit(contract.currency), "half_up")
        yield name, term, found.true_gain, unit, found.pay_chance, payment, found.exaggeration


def _prices(contract: Contract, name: str) -> list[Decimal]:
    return [
        clause.price
        for clause in contract.payments
        if isinstance(clause, UnitPrice)
        and clause.effect == name
        and clause.per == "person"
        and clause.price is not None
    ]


def _measured_blind(contract: Contract, blind: Study, name: str) -> EffectResult:
    """Measure an effect whose outcome is zero for everybody; one in per cent in the outcome's units, for lack of a mean."""
    terms = contract.effects[name]
    design = contract.spec(name)
    if isinstance(design, Placed) or (isinstance(design, OverTime) and not _labels(design, blind)):
        # Nobody weighs donors or orders periods that are not known yet; what is known is rehearsed.
        return EffectResult(name, terms)
    # A gate that is held against the data of its design says nothing where every outcome is zero.
    gate = None if needs_design(terms.gate) else terms.gate
    # Negative controls are outcomes too, and stay unread.
    absolute = terms.model_copy(update={"relative": False, "gate": gate, "negative_controls": None})
    if isinstance(design, Experiment):
        # Earlier outcomes are outcomes, and stay unread; with them the error can only be smaller.
        design = design.model_copy(update={"before": ()})
        absolute = absolute.model_copy(update={"estimator": design})
    asked = contract.model_copy(update={"effects": {**contract.effects, name: absolute}})
    found = measure(asked, _at_zero(terms, blind), name)
    # An outcome that is zero for everybody has no error either, which says nothing of the gate.
    kept = tuple(problem for problem in found.refused if (problem.code, problem.where) != ("EST-015", "gate"))
    return replace(found, terms=terms, refused=kept)


def _labels(design: OverTime, study: Study) -> tuple[str, ...]:
    """Return the periods of a comparison over time that are known before outcomes: as declared, or as measures have them."""
    if design.periods or design.level == "places" or study.measures is None:
        return design.periods
    return tuple(str(name) for name in study.measures["period"].cat.categories)


def _at_zero(effect: Effect, study: Study) -> Study:
    """Return the study with the effect's outcome at zero for everybody, in every period."""
    design = effect.estimator
    if isinstance(design, OverTime):
        periods: Sequence[str] = _labels(design, study)
    else:
        earlier = design.before if isinstance(design, Experiment) else ()
        periods = design.labels if isinstance(design, PanelContribution) else (design.period or "", *earlier)
    everybody = pd.DataFrame({"person": study.people["person"], "outcome": effect.outcome, "value": 0.0})
    zero = everybody.merge(pd.DataFrame({"period": periods}), how="cross")
    return Study.from_tables(
        study.people,
        services=study.services,
        outcomes=zero,
        measures=study.measures,
        cluster=study.cluster,
        weights=study.weights,
        name=study.name,
    )
