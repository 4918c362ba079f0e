"""From contract, study and reported numbers to effects, shares, and a settlement to the cent."""

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from counterfoil.agreement import disagreements
from counterfoil.alike import alike_records, compared
from counterfoil.attribution.counting.kinds import count, in_order
from counterfoil.attribution.counting.period import periods_of
from counterfoil.attribution.counting.quantity import Quantity
from counterfoil.attribution.counting.ratio import Ratio
from counterfoil.attribution.counting.reported import Reported as ReportedTerms
from counterfoil.attribution.ledger.files import ledger_files
from counterfoil.attribution.payment.settlement import Settlement
from counterfoil.attribution.payment.settling import settle, settle_inputs
from counterfoil.attribution.risk.distance import Distance, GateEdge, distances
from counterfoil.attribution.risk.drawing import around_estimates
from counterfoil.attribution.risk.payments import Payments, draw_payments
from counterfoil.attribution.rules import PLAIN
from counterfoil.attribution.shares import Shares, attribute
from counterfoil.contract import Contract
from counterfoil.contradictions import contradictions
from counterfoil.datasets.display import titled_table
from counterfoil.datasets.study import Study
from counterfoil.errors import CounterfoilError, PaymentError, Problem, raise_any, refusal
from counterfoil.estimators.contribution import ContributionFit
from counterfoil.estimators.estimate import Estimate
from counterfoil.estimators.published import Published
from counterfoil.held_against import control_records, identification_records
from counterfoil.hidden_causes import payment_sensitivity
from counterfoil.measuring import EffectResult, compose, divide_pots, measure, publish
from counterfoil.onward import Onward, pay_onward
from counterfoil.payment_moves import PaymentSensitivity
from counterfoil.plain import plain
from counterfoil.reported import Reported, misreported
from counterfoil.result_schema import FORMAT
from counterfoil.robustness import robustness
from counterfoil.verdict import render_text, sentence

if TYPE_CHECKING:
    from counterfoil.specification_results import SpecificationCurve

DRAWS: Final = 1000
"""Draws of the effects around their estimates, where nothing else is asked for."""
FEWEST_TOLD: Final = 100
"""Draws below which nothing is told of the payment's spread."""
STEPS_DRAWN: Final = 50_000
"""Steps of a ledger that text and report settle in draws, which takes a few seconds."""
COUNTED: Final = ("count", "ladder", "breadth", "stock")
"""Kinds of quantity that are counted from people's claims."""


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """The answer to a contract: effects, shares, settlement, and what they rest on.

    Parameters
    ----------
    contract : Contract
        As it stands in the last period that is settled.
    study : Study or None
        None where everything is reported.
    effects : mapping of str to EffectResult
        In contract order.
    settlement : Settlement or None
        What is due; None when an effect that is paid for was refused.
    refused : tuple of Problem
        Why nothing is settled; empty when something (or nothing due) is.
    quantities : mapping of str to Quantity
        The verified counts, in contract order.
    onward : Onward or None
        What becomes of the payments: fees, and the return of capital.
    reported : Reported or None
        The numbers that were verified or published elsewhere.
    """

    contract: Contract
    study: Study | None
    effects: Mapping[str, EffectResult]
    settlement: Settlement | None
    refused: tuple[Problem, ...] = ()
    quantities: Mapping[str, Quantity] = field(default_factory=dict)
    onward: Onward | None = None
    reported: Reported | None = None
    _found: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    @property
    def answered(self) -> bool:
        """Whether every question is answered; that nothing is due is an answer too."""
        return not self.refused and not any(result.refused for result in self.effects.values())

    @property
    def verdict(self) -> str:
        """One sentence: what is due to whom, or why there is no answer."""
        return sentence(self)

    def alternatives(self) -> pd.DataFrame:
        """Return what each party would receive under the agreed rule and every plain one, from the same fits.

        Returns
        -------
        DataFrame
            Columns provider, term (the rule), payment, currency; a rule that a design cannot follow or that the data
            refuse is left out.
        """
        rows: list[dict[str, Any]] = []
        agreed = {name: result.shares for name, result in self.effects.items() if result.shares is not None}
        rules = dict.fromkeys([*(shares.rule.name for shares in agreed.values()), *PLAIN]) if agreed else {}
        for rule in rules:
            try:
                shares = {
                    name: own if own.rule.name == rule else attribute(result.fit, rule, better=result.terms.better)
                    for name, result in self.effects.items()
                    if result.fit is not None and (own := agreed.get(name)) is not None
                }
                settlement = self._under(shares)
            except CounterfoilError:
                continue
            for party, amount in settlement.by_party().items():
                rows.append({"provider": party, "term": rule, "payment": amount, "currency": settlement.currency})
        return pd.DataFrame(rows, columns=["provider", "term", "payment", "currency"])

    def uncertain(self) -> dict[str, EffectResult]:
        """Return the effects that money depends on and whose errors are known."""
        return {
            name: result
            for name, result in self.effects.items()
            if name in self.contract.paid_effects and result.total is not None and result.total.error_type != "unknown"
        }

    @property
    def draws_told(self) -> int:
        """Draws behind what text and report tell of the payment: fewer for a longer ledger; none when that is below 100."""
        if self.settlement is None or not self.uncertain():
            return DRAWS
        affordable = min(DRAWS, STEPS_DRAWN // max(1, len(self.settlement.steps)))
        return affordable if affordable >= FEWEST_TOLD else 0

    def payments(self, size: int = DRAWS, seed: int = 0, *, independent: bool = False) -> Payments | None:
        """Settle draws of the effects around their estimates: expected payment, interval, the chance of each tier and gate.

        Parameters
        ----------
        size : int
            How many draws, at least 100.
        seed : int
            Same seed, same draws.
        independent : bool
            True states that effects whose estimates share nobody vary independently of each other.

        Returns
        -------
        Payments or None
            None where nothing is settled, or no effect with a standard error is paid for.

        Raises
        ------
        PaymentError
            PAY-017 for several effects that share nobody, unless they are stated to be independent.

        Examples
        --------
        >>> import counterfoil as cf
        >>> contract = cf.read_contract(cf.datasets.example_folder("nsw") / "contract.yaml")
        >>> drawn = evaluate(contract, cf.datasets.load("nsw")).payments(400)
        >>> round(drawn.nothing_due, 1)
        0.1
        """
        effects = self.uncertain()
        if self.settlement is None or self.settlement.inputs is None or not effects:
            return None
        credits = {name: r.shares.credits for name, r in effects.items() if r.shares is not None}
        draw = around_estimates(effects, size, seed, credits=credits, independent=independent)
        gated = [name for name, result in effects.items() if result.terms.gate is not None]
        return draw_payments(self.settlement.inputs, draw, size, gated=gated)

    def payments_told(self) -> tuple[Payments | None, str]:
        """Return the draws that text, JSON and report tell, or None and why there are none; no reason where nothing varies."""
        if "payments" not in self._found:
            drawn, why = None, "" if self.draws_told else "the ledger is long; Evaluation.payments() draws it"
            try:
                drawn = self.payments(self.draws_told) if self.draws_told else None
            except CounterfoilError as error:
                why = f"{', '.join(error.codes)}: {error.problems[0].what}"
            self._found["payments"] = drawn, why
        told: tuple[Payments | None, str] = self._found["payments"]
        return told

    def distances(self) -> tuple[Distance, ...]:
        """Return how far each value is from the next thresholds of what is paid on it, and what that would change."""
        if self.settlement is None or self.settlement.inputs is None:
            return ()
        gates: dict[str, GateEdge] = {}
        for name, result in self.uncertain().items():
            if result.terms.gate is not None:
                with suppress(PaymentError):  # a gate on something else than the gain turns nowhere
                    gates[name] = result.edge()
        return distances(self.settlement.inputs, gates)

    def hidden_causes(self) -> PaymentSensitivity | None:
        """Return what a cause that nobody measured could do to what is due, as strong as each covariate.

        None where nothing is settled, no effect that is paid for rests on covariates, or learners would have to learn again; see
        `payment_sensitivity`, which also takes other strengths.
        """
        if "hidden causes" not in self._found:
            # Text, JSON and report ask alike, and covariates are left out one by one for the answer.
            fits = [result.fit for result in self.effects.values() if isinstance(result.fit, ContributionFit)]
            learned = any(fit.choice.model == "learner" for fit in fits)
            self._found["hidden causes"] = None if learned else payment_sensitivity(self, (1.0,))
        found: PaymentSensitivity | None = self._found["hidden causes"]
        return found

    def export(self, folder: str | Path, *, show_small_cells: bool = False) -> tuple[Path, ...]:
        """Write the ledger as CSV, JSON, Excel, INDIGO rows and a record that can be settled again; return the files.

        Parameters
        ----------
        folder : path
            Made when it does not exist.
        show_small_cells : bool
            True writes what rests on ten people or fewer; only for readers who may see it.

        Raises
        ------
        TypeError
            When nothing is settled.
        """
        if self.settlement is None:
            raise TypeError("nothing is settled, so there is no ledger")
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        files = ledger_files(
            self.settlement, periods=periods_of(self.contract.periods), show_small_cells=show_small_cells
        )
        for name, content in files.items():
            (target / name).write_bytes(content)
        return tuple(target / name for name in files)

    def _under(self, shares: Mapping[str, Shares]) -> Settlement:
        """Return the settlement with other credits; everything else as it is."""
        if self.settlement is None or self.settlement.inputs is None:
            raise TypeError("nothing is settled")
        priced = {name: result.all_priced(shares.get(name)) for name, result in self.effects.items()}
        return settle_inputs(replace(self.settlement.inputs, effects=priced))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data; money and quantities are decimal text."""
        packages = ("counterfoil", "numpy", "pandas", "scipy", "statsmodels")
        return {
            "format": FORMAT,
            "verdict": self.verdict,
            "answered": self.answered,
            "refused": [problem.to_dict() for problem in self.refused],
            "contract": {
                "name": self.contract.name,
                "currency": self.contract.currency,
                "digest": self.contract.digest,
            },
            "study": None
            if self.study is None
            else {"name": self.study.name, "people": self.study.n_people, "digests": dict(self.study.digests)},
            "reported": None if self.reported is None else self.reported.digest,
            "quantities": {name: _quantity_dict(quantity) for name, quantity in self.quantities.items()},
            "effects": {name: _effect_dict(self.contract, result) for name, result in self.effects.items()},
            "settlement": None if self.settlement is None else _settlement_dict(self.settlement),
            "alternatives": [] if self.settlement is None else self.alternatives().to_dict("records"),
            "sampling_error": _drawn_dict(*self.payments_told()),
            "hidden_causes": None if (hidden := self.hidden_causes()) is None else hidden.to_records(),
            "versions": {package: version(package) for package in packages},
        }

    def to_json(self) -> str:
        """Return everything as JSON; the same inputs give the same bytes."""
        return json.dumps(plain(self.to_dict()), indent=2, ensure_ascii=False) + "\n"

    def summary(self) -> str:
        """Return verdict, effects, credits and ledger as text."""
        return render_text(self)

    def report(
        self,
        path: str | Path | None = None,
        *,
        show_small_cells: bool = False,
        curve: "SpecificationCurve | None" = None,
    ) -> str:
        """Return the report as one self-contained HTML page, and write it when a path is given.

        Parameters
        ----------
        path : path, optional
        show_small_cells : bool
            True shows what rests on ten people or fewer; only for readers who may see it.
        curve : SpecificationCurve, optional
            Other designs that were declared for the same contract, run on the same study; shown in a section of its own.

        Raises
        ------
        ContractError
            CONTRACT-029 for a curve of another contract or study.
        """
        from counterfoil.report import render_html

        if curve is not None:
            study = {} if self.study is None else dict(self.study.digests)
            if (curve.contract.digest, dict(curve.study_digests)) != (self.contract.digest, study):
                raise refusal(
                    "CONTRACT-029", "the specification curve is of another contract or study than the evaluation"
                )
        page = render_html(self, show_small_cells=show_small_cells, curve=curve)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8", newline="\n")
        return page

    def __repr__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        rows = [] if self.settlement is None else list(self.settlement.by_party().items())
        return titled_table(pd.DataFrame(rows, columns=["party", "payment"]).astype(str), self.verdict)


def evaluate(
    contract: Contract,
    study: Study | None = None,
    *,
    reported: Reported | None = None,
    until: str | None = None,
    as_signed: bool = False,
    known: Mapping[str, EffectResult] | None = None,
) -> Evaluation:
    """Measure the effects of a contract, count its quantities, divide, and settle.

    A question that the data cannot answer is a coded refusal in the result; a contract, study or report that does not fit
    its form raises.

    Parameters
    ----------
    contract : Contract
    study : Study, optional
        May be omitted where every effect is published and every quantity reported.
    reported : Reported, optional
        Numbers that were verified or published elsewhere.
    until : str, optional
        The last period that is settled; the last of which anything is known when omitted.
    as_signed : bool
        True settles as if the contract had never been amended.
    known : mapping of str to EffectResult, optional
        Effects that were measured already by the same terms on the same study, and are not measured again.

    Raises
    ------
    ContractError
        When the contract contradicts itself.
    DataError
        When contract and data do not fit, with every problem at once.

    Examples
    --------
    >>> import counterfoil as cf
    >>> contract = cf.read_contract(cf.datasets.example_folder("rice") / "contract.yaml")
    >>> due = evaluate(contract, cf.datasets.load("rice")).settlement
    >>> {party: str(amount) for party, amount in due.by_party().items()}
    {'default': '2917.29', 'intensive': '72.98'}
    """
    if study is not None and not isinstance(study, Study):
        raise TypeError("evaluate takes a Study; make one with Study.from_frame or read_study")
    raise_any(contradictions(contract))
    numbers = Reported() if reported is None else reported
    raise_any([*_without_study(contract, study), *misreported(contract, numbers)])
    periods = _settled_periods(contract, study, numbers, until)
    versions = _versions(contract, as_signed)
    last = versions[periods[-1]]
    waiting = () if until is None else _known_later(last, until)
    measured = dict(known or {})
    raise_any([] if study is None else disagreements(last, study, without=(*waiting, *measured)))
    figures = numbers.effects(last)
    effects = {
        name: publish(last, name, figures.get(name, {}))
        if isinstance(effect.estimator, Published)
        else EffectResult(name, effect)
        if study is None or name not in last.measured or name in waiting
        else measured.get(name) or measure(last, study, name)
        for name, effect in last.effects.items()
    }
    effects = divide_pots(last, compose(last, effects))
    paid = last.paid_effects
    refused = tuple(dict.fromkeys(problem for name in paid for problem in effects[name].refused))
    settlement = onward = None
    quantities: dict[str, Quantity] = {}
    if not refused:
        try:
            so_far = contract.labels[: contract.labels.index(periods[-1]) + 1]
            quantities = _counted({label: versions[label] for label in so_far}, study, numbers)
            shares = {name: result.shares for name, result in effects.items() if result.shares is not None}
            settlement = _settle(last, effects, shares, quantities, versions, periods)
            onward = pay_onward(last, settlement, final=periods[-1] == contract.labels[-1])
        except CounterfoilError as error:
            refused, settlement = error.problems, None
    if not paid and not refused:
        refused = tuple(problem for result in effects.values() for problem in result.refused)
    return Evaluation(last, study, effects, settlement, refused, quantities, onward, reported)


def _known_later(contract: Contract, until: str) -> tuple[str, ...]:
    """Return the measured effects that become known only after a period; a study made for it need not have their outcomes."""
    settled = {name: contract.effects[name].settled_in or contract.labels[-1] for name in contract.measured}
    last = contract.labels.index(until)
    return tuple(name for name, label in settled.items() if contract.labels.index(label) > last)


def _versions(contract: Contract, as_signed: bool) -> dict[str, Contract]:
    """Return the contract as it stands in each period; periods with the same terms share one, and are counted together."""
    found: dict[str, Contract] = {}
    for label in contract.labels:
        terms = contract if as_signed else contract.as_of(label)
        found[label] = next((other for other in found.values() if other == terms), terms)
    return found


def _without_study(contract: Contract, study: Study | None) -> list[Problem]:
    """Return what needs a study where there is none."""
    if study is not None:
        return []
    counted = [name for name in contract.paid_quantities if contract.quantities[name].kind in COUNTED]
    return [
        *(
            Problem("DATA-030", f"effect '{name}' is measured on people", contract.where("effects", name, "estimator"))
            for name in contract.measured
            if name in contract.paid_effects
        ),
        *(Problem("DATA-030", f"quantity '{name}' is counted", contract.where("quantities", name)) for name in counted),
    ]


def _settled_periods(contract: Contract, study: Study | None, reported: Reported, until: str | None) -> tuple[str, ...]:
    """Return the periods that are settled: with people's records all up to the last, otherwise those that are reported.

    Raises
    ------
    ContractError
        CONTRACT-010 when there is no period of that name.
    """
    if until is not None and until not in contract.labels:
        raise refusal("CONTRACT-010", f"there is no period '{until}'", contract.where("periods"))
    ended = contract.settlement.ended
    there = tuple(
        label
        for label in contract.labels
        if ended is None or label not in contract.periods or (contract.periods[label].first or ended) <= ended
    )
    named = {row.period or contract.labels[0] for row in reported.reported}
    known = there or contract.labels[:1]
    if study is None and named:
        known = tuple(label for label in there if label in named) or known[:1]
    if until is None:
        return known
    last = contract.labels.index(until)
    return tuple(label for label in known if contract.labels.index(label) <= last) or (until,)


def _counted(versions: Mapping[str, Contract], study: Study | None, reported: Reported) -> dict[str, Quantity]:
    """Return every quantity, each period counted by the terms that hold in it."""
    found: dict[str, Quantity] = {}
    by_version: dict[int, dict[str, Quantity]] = {}
    for period, contract in versions.items():
        if id(contract) not in by_version:
            by_version[id(contract)] = _count_all(contract, study, reported)
        for name, quantity in by_version[id(contract)].items():
            here = quantity.within([period])
            found[name] = here if name not in found else found[name].joined(here)
    return found


def _count_all(contract: Contract, study: Study | None, reported: Reported) -> dict[str, Quantity]:
    periods = periods_of(contract.periods)
    numbers = reported.quantities(contract)
    found: dict[str, Quantity] = dict(numbers)
    for name in in_order(contract.quantities):
        spec = contract.quantities[name]
        if isinstance(spec, ReportedTerms):
            continue
        if (isinstance(spec, Ratio) and not any(found[part].cells for part in spec.to)) or (
            study is None and spec.kind in COUNTED
        ):
            found[name] = Quantity((), complete=False)
        else:
            counted = count(spec, name, study, periods, found)
            found[name] = replace(counted, complete=all(found[part].complete for part in spec.refers_to))
    return {name: found[name] for name in contract.quantities}


def _settle(
    contract: Contract,
    effects: Mapping[str, EffectResult],
    shares: Mapping[str, Shares],
    quantities: Mapping[str, Quantity],
    versions: Mapping[str, Contract],
    periods: tuple[str, ...],
) -> Settlement:
    return settle(
        {label: [version.received(clause) for clause in version.payments] for label, version in versions.items()},
        {name: result.all_priced(shares.get(name)) for name, result in effects.items()},
        {name: effect.split for name, effect in contract.effects.items() if effect.split is not None},
        currency=contract.currency,
        payer=contract.payers[0] if contract.payers else "",
        rounding=contract.rounding,
        quantities=quantities,
        cumulative=contract.settlement.basis == "cumulative",
        claw_back=contract.settlement.claw_back,
        skipped=tuple(label for label in contract.labels if label not in periods),
    )


def _effect_dict(contract: Contract, result: EffectResult) -> dict[str, Any]:
    found: dict[str, Any] = {
        "outcome": result.terms.outcome,
        "better": result.terms.better,
        "estimator": result.terms.estimator.model_dump(mode="json"),
        "refused": [problem.to_dict() for problem in result.refused],
        "warnings": [problem.to_dict() for problem in result.warnings],
    }
    if result.total is not None:
        total = result.total
        known = total.error_type != "unknown"
        found |= {
            "estimand": total.estimand,
            "error_type": total.error_type,
            "degrees_of_freedom": total.df,
            "clusters": None if total.clusters is None else total.n_clusters,
            "people": total.people,
            "population": total.population,
            "counts": result.counts,
            "std_error_by_type": {name: float(total.using(name).std_error[0]) for name in total.error_types}
            if known
            else {},
            "total": total.tidy().to_dict("records")[0] if known else _without_error(total),
            "priced_at": result.own,
        }
    if result.held is not None and result.gate is None:
        found["held"] = {
            "passes": result.held.passes, "what": result.held.what, "tested": result.held.tested,
            "minimum": result.held.minimum, "margin": result.held.margin,
        }  # fmt: skip
    if result.gate is not None:
        gate = result.gate
        tests = [
            {"error_type": test.error_type, "bound": test.bound, "lower": test.lower, "passes": test.passes}
            for test in (gate.decided, *gate.others)
        ]
        found["gate"] = {
            "total_above": gate.terms.total_above,
            "conf_level": gate.terms.conf_level,
            "looks": gate.terms.looks,
            "passes": gate.passes,
            "margin": gate.margin,
            "decided": tests[0],
            "others": tests[1:],
        }
    if (comparison := compared(result.measured)) is not None:
        found["alike"] = alike_records(comparison)
    if result.identification is not None:
        found["identification"] = identification_records(result.identification)
    if result.controls is not None:
        found["negative_controls"] = control_records(result.controls)
    if (robust := robustness(contract, result)) is not None:
        found["robustness"] = robust.to_records()
    if (findings := result.findings()) is not None:
        found["findings"] = findings.to_dict()
    if result.shares is not None:
        found["rule"] = result.shares.rule.name
        found["credits"] = result.shares.tidy().to_dict("records")
        found["credit_warnings"] = [problem.to_dict() for problem in result.on_credits]
    if result.pot_and_split is not None and result.terms.split is not None:
        pot, split, difference = result.pot_and_split.both.tidy().to_dict("records")
        found["pot_and_split"] = {
            "credits_from": result.terms.split.credits_from,
            "basis": result.pot_and_split.basis,
            "pot": pot,
            "split": split,
            "difference": difference,
            "disagree": result.pot_and_split.disagree,
        }
    return found


def _without_error(total: Estimate) -> dict[str, Any]:
    """Return the row of an effect that was published without a standard error."""
    keys = ("std_error", "statistic", "p_value", "conf_low", "conf_high")
    return {
        "outcome": total.outcome,
        "term": "gain",
        "estimate": float(total.values[0]),
        **dict.fromkeys(keys, math.nan),
    }


def _quantity_dict(quantity: Quantity) -> dict[str, Any]:
    keys = ("period", "group", "rung", "provider")
    cells = [dict(zip(keys, cell.place, strict=True)) | {"amount": cell.amount} for cell in quantity.cells]
    return {"cells": cells, "notes": list(quantity.notes)}


def _drawn_dict(drawn: Payments | None, why: str) -> dict[str, Any]:
    """Return how the payment would spread under sampling error as plain data, or why that is not told."""
    if drawn is None:
        return {"draws": 0, "why": why, "nothing_due": None, "payments": []}
    rows = drawn.tidy().astype(object)
    return {
        "draws": drawn.size,
        "why": why,
        "nothing_due": drawn.nothing_due,
        "payments": rows.where(rows.notna(), None).to_dict("records"),
    }


def _settlement_dict(settlement: Settlement) -> dict[str, Any]:
    return {
        "currency": settlement.currency,
        "total": settlement.total,
        "by_party": settlement.by_party(),
        "lines": [
            {
                "clause": line.clause,
                "name": line.name,
                "period": line.period,
                "effect": line.effect,
                "group": line.group,
                "rung": line.rung,
                "payer": line.payer,
                "provider": line.provider,
                "quantity": line.quantity,
                "price": line.price,
                "payment": line.amount,
                "reason": line.reason,
            }
            for line in settlement.lines
        ],
        "steps": [
            {
                "pot": step.pot,
                "period": step.period,
                "clause": step.clause,
                "effect": step.effect,
                "action": step.action,
                "amount": step.amount,
                "reason": step.reason,
            }
            for step in settlement.steps
        ],
    }
